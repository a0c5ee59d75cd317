//! The cluster under test and the loop that feeds it.

use std::{collections::VecDeque, rc::Rc, sync::Arc};

use corelane_broker::{
    metadata::records::PartitionState,
    partition::replica::{Output, Span},
};
use corelane_raft::Voters;

use super::{
    brokers::Broker,
    clock::{Clock, TRUE_RATE},
    config_rules::ReplicationConfigs,
    events::Event,
    heartbeats::Gathered,
    history::History,
    invariants::Invariants,
    journal::Journal,
    marks::Marks,
    network::Network,
    node::{Disk, Node},
    perfect_logs::{Lags, Seat},
    plan::Plan,
    timeline::{Micros, Timeline},
    topics::Topics,
    trace::Trace,
    truth::Truth,
    views::Views,
};
use crate::Random;

/// Cores with a journal of their own on each node.
pub const JOURNALS: usize = 2;

#[derive(Debug)]
pub struct Cluster {
    pub plan: Plan,
    pub(super) timeline: Timeline<Event>,
    pub(super) random: Random,
    pub(super) network: Network,
    pub(super) nodes: Vec<Node>,
    pub(super) invariants: Invariants,
    pub marks: Marks,
    pub trace: Trace,
    /// Delivered events that changed a core's state or were refused by one of its rules.
    pub steps: u64,
    pub(super) healed: bool,
    /// Nobody wants anything any more.
    pub(super) idle: bool,
    /// Writes that became durable, or would have.
    pub(super) writes: u64,
    /// At the write of the plan.
    pub(super) crashes: u64,
    /// Storage ids, values and whatever else must never come twice.
    pub(super) next_id: u64,
    /// Who votes from the start.
    pub(super) founders: Voters,
    /// Who is wished to vote, in all groups.
    pub(super) voters: Voters,
    pub(super) history: History,
    pub(super) topics: Topics,
    /// By partition.
    pub(super) truths: Vec<Truth>,
    pub(super) latest: Vec<Option<Arc<PartitionState>>>,
    /// By log: root, then the shards.
    pub(super) seats: Vec<Seat>,
    pub(super) config_rules: Rc<ReplicationConfigs>,
    /// Nodes with heartbeats that leave when the event is over.
    pub(super) gathering: Vec<usize>,
    /// Memory that is used again.
    pub(super) output: Output,
    pub(super) spans: Vec<Span>,
}

impl Cluster {
    pub fn new(plan: Plan, trace: Trace) -> Cluster {
        let mut random = Random::new(plan.chance);
        let network = Network::new(plan.network.clone(), plan.nodes, random.split());
        let mut cluster = Cluster {
            timeline: Timeline::default(),
            network,
            nodes: Vec::new(),
            invariants: Invariants::new(plan.groups(), &Voters::default()),
            marks: Marks::default(),
            trace,
            steps: 0,
            healed: false,
            idle: false,
            writes: 0,
            crashes: 0,
            next_id: 1,
            founders: Voters::default(),
            voters: Voters::default(),
            history: History::new(plan.shards),
            topics: Topics::default(),
            truths: Vec::new(),
            latest: Vec::new(),
            seats: Vec::new(),
            config_rules: Rc::new(ReplicationConfigs {
                min_isr: plan.topics.min_isr,
            }),
            gathering: Vec::new(),
            output: Output::default(),
            spans: Vec::new(),
            random,
            plan,
        };
        for id in 0..cluster.plan.nodes {
            let node = cluster.new_node(id);
            cluster.nodes.push(node);
        }
        let founders = cluster.nodes.iter().take(cluster.plan.founders);
        cluster.founders = founders.map(Node::voter).collect();
        cluster.voters = cluster.founders.clone();
        cluster.invariants = Invariants::new(cluster.plan.groups(), &cluster.founders);
        for id in 0..cluster.plan.nodes {
            let at = cluster.random.below(200_000);
            cluster.timeline.plan(at, Event::Start { node: id });
        }
        for (index, planned) in cluster.plan.actions.iter().enumerate() {
            cluster.timeline.plan(planned.at, Event::Act(index));
        }
        cluster.plan_first_events();
        cluster
    }

    fn plan_first_events(&mut self) {
        if !self.plan.replicates() {
            self.timeline.plan(self.plan.propose_every, Event::Propose);
        }
        if self.plan.has_groups() {
            for event in [Event::Read, Event::Members] {
                self.timeline.plan(self.plan.propose_every, event);
            }
        } else {
            for log in 0..self.plan.logs() {
                let node = self.random.below(self.plan.nodes as u64) as usize;
                self.new_seat(log, node, 1);
            }
            self.timeline.plan(0, Event::Seats);
        }
        if self.plan.replicates() {
            for event in [Event::Topics, Event::Produce, Event::Fetch] {
                self.timeline.plan(0, event);
            }
        }
    }

    fn new_node(&mut self, id: usize) -> Node {
        Node {
            id,
            up: false,
            life: 0,
            paused_until: 0,
            waiting: VecDeque::new(),
            clock: Clock::new(self.random.below(1 << 30), TRUE_RATE),
            storage_id: u128::from(self.fresh_id()),
            journals: (0..JOURNALS).map(|_| Journal::default()).collect(),
            stalled_until: 0,
            disk: Disk {
                groups: vec![Default::default(); self.plan.groups()],
                replicas: Vec::new(),
            },
            groups: Vec::new(),
            gathered: Gathered::default(),
            replicas: Vec::new(),
            views: Views::new(self.plan.shards),
            lags: Lags::new(self.plan.logs()),
            controllers: (0..self.plan.logs()).map(|_| None).collect(),
            broker: Broker::default(),
        }
    }

    pub fn now(&self) -> Micros {
        self.timeline.now()
    }

    pub(super) fn fresh_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    pub fn violation(&self) -> Option<&str> {
        self.invariants.violation()
    }

    /// Events until then, or until so many steps were made, or until an invariant breaks.
    pub fn run_until(&mut self, until: Micros, steps_max: u64) {
        while self.violation().is_none() && self.steps < steps_max {
            match self.timeline.next(until) {
                Some(event) => {
                    self.on_event(event);
                    self.send_gathered();
                }
                None => return,
            }
        }
    }

    fn on_event(&mut self, event: Event) {
        let now = self.now();
        if let Some(node) = event.node()
            && self.nodes[node].paused_until > now
        {
            self.nodes[node].waiting.push_back(event);
            return;
        }
        match event {
            Event::Deliver { to, packet } => self.on_packet(to, packet),
            Event::Written { node, life, journal } if self.lives(node, life) => self.on_written(node, journal),
            Event::Wake { node, life, group } if self.lives(node, life) => self.on_wake(node, group),
            Event::ReplicaWake { node, life, partition } if self.lives(node, life) => {
                self.on_replica_wake(node, partition);
            }
            Event::ControllerWake { node, life, log } if self.lives(node, life) => self.on_controller_wake(node, log),
            Event::Round { node, life, log } if self.lives(node, life) => self.on_round(node, log),
            Event::Look { node, life, log } if self.lives(node, life) => self.on_look(node, log),
            Event::Beat { node, life } if self.lives(node, life) => self.on_beat(node),
            Event::Append { node, life, partition } if self.lives(node, life) => self.append(node, partition),
            Event::Written { .. }
            | Event::Wake { .. }
            | Event::ReplicaWake { .. }
            | Event::ControllerWake { .. }
            | Event::Round { .. }
            | Event::Look { .. }
            | Event::Beat { .. }
            | Event::Append { .. } => {}
            Event::ControllerLook { shard } => self.on_controller_look(shard),
            Event::Seats => self.on_seats(),
            Event::Topics => self.on_topics(),
            Event::Produce => self.on_produce(),
            Event::Fetch => self.on_fetch(),
            Event::Propose => self.propose_to_groups(),
            Event::Read => self.on_read(),
            Event::Members => self.on_members(),
            Event::Act(index) => self.act(index),
            Event::Start { node } => self.start(node),
            Event::Resume { node } => self.resume(node),
            Event::Cut { from, to, until } => {
                if !self.healed {
                    self.network.cut(from, to, until);
                }
            }
        }
    }

    /// Up, and not paused.
    pub(super) fn is_running(&self, node: usize) -> bool {
        self.nodes[node].up && self.nodes[node].paused_until <= self.now()
    }

    fn lives(&self, node: usize, life: u32) -> bool {
        self.nodes[node].up && self.nodes[node].life == life
    }

    pub(super) fn judge(&mut self, invariant: &str, verdict: Result<(), String>) {
        if let Err(what) = verdict {
            let now = self.now();
            self.trace
                .note(now, self.steps, || format!("{invariant} BROKEN: {what}"));
            self.invariants.report(invariant, &what);
        }
    }
}
