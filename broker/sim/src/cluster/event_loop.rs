//! The cluster under test and the loop that feeds it.

use std::{collections::VecDeque, rc::Rc, sync::Arc};

use corelane_broker::{
    metadata::records::PartitionState,
    partition::replica::{self, Output, Span},
};
use corelane_protocol::error_code::ErrorCode;
use corelane_raft::{Input, Voters};

use super::{
    brokers::Broker,
    clock::{Clock, TRUE_RATE},
    config_rules::ReplicationConfigs,
    controllers::Controller,
    history::History,
    invariants::Invariants,
    journal::Journal,
    marks::{Mark, Marks},
    network::Network,
    node::{Disk, Held, Node, Write},
    packet::Packet,
    plan::Plan,
    replica_log::Batch,
    spread,
    timeline::{Micros, Timeline},
    topics::Topics,
    trace::Trace,
    truth::Truth,
    views::Views,
};
use crate::Random;

/// Cores with a journal of their own on each node.
const JOURNALS: usize = 2;

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
    pub(super) controllers: Vec<Controller>,
    pub(super) config_rules: Rc<ReplicationConfigs>,
    /// Memory that is used again.
    pub(super) output: Output,
    pub(super) spans: Vec<Span>,
}

#[derive(Debug)]
pub enum Event {
    Deliver {
        to: usize,
        packet: Packet,
    },
    /// Some of a journal's writes are durable.
    Written {
        node: usize,
        life: u32,
        journal: usize,
    },
    /// A group's timer may be due.
    Wake {
        node: usize,
        life: u32,
        group: usize,
    },
    ReplicaWake {
        node: usize,
        life: u32,
        partition: usize,
    },
    /// A node applies entries of a log.
    Look {
        node: usize,
        life: u32,
        log: usize,
    },
    /// A broker tells root that it lives.
    Beat {
        node: usize,
        life: u32,
    },
    /// A produce request that waited for a paused leader.
    Append {
        node: usize,
        life: u32,
        partition: usize,
    },
    ControllerLook {
        shard: usize,
    },
    ControllerWake {
        log: usize,
    },
    Round {
        log: usize,
    },
    /// Controllers whose nodes do not run are replaced.
    Controllers,
    Topics,
    Produce,
    Fetch,
    Propose,
    /// A linearizable read.
    Read,
    /// Leaders look at who shall vote.
    Members,
    /// The plan's action of this index.
    Act(usize),
    Start {
        node: usize,
    },
    /// A pause ends.
    Resume {
        node: usize,
    },
    Cut {
        from: usize,
        to: usize,
        until: Micros,
    },
}

impl Cluster {
    pub fn new(plan: Plan, trace: Trace) -> Cluster {
        let mut random = Random::new(plan.seed);
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
            next_id: 1,
            founders: Voters::default(),
            voters: Voters::default(),
            history: History::new(plan.shards),
            topics: Topics::default(),
            truths: Vec::new(),
            latest: Vec::new(),
            controllers: Vec::new(),
            config_rules: Rc::new(ReplicationConfigs {
                min_isr: plan.topics.min_isr,
            }),
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
        if cluster.plan.groups() > 0 {
            for event in [Event::Propose, Event::Read, Event::Members] {
                cluster.timeline.plan(cluster.plan.propose_every, event);
            }
        }
        if cluster.plan.replicates() {
            for log in 0..cluster.plan.logs() {
                let node = cluster.random.below(cluster.plan.nodes as u64) as usize;
                cluster.new_controller(log, node, 1);
            }
            for event in [Event::Controllers, Event::Topics, Event::Produce, Event::Fetch] {
                cluster.timeline.plan(0, event);
            }
        }
        cluster
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
            replicas: Vec::new(),
            views: Views::new(self.plan.logs()),
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
                Some(event) => self.on_event(event),
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
            Event::Look { node, life, log } if self.lives(node, life) => self.on_look(node, log),
            Event::Beat { node, life } if self.lives(node, life) => self.on_beat(node),
            Event::Append { node, life, partition } if self.lives(node, life) => self.append(node, partition),
            Event::Written { .. }
            | Event::Wake { .. }
            | Event::ReplicaWake { .. }
            | Event::Look { .. }
            | Event::Beat { .. }
            | Event::Append { .. } => {}
            Event::ControllerLook { shard } => self.on_controller_look(shard),
            Event::ControllerWake { log } => self.on_controller_wake(log),
            Event::Round { log } => self.on_round(log),
            Event::Controllers => self.on_controllers(),
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

    fn on_packet(&mut self, to: usize, packet: Packet) {
        if !self.nodes[to].up {
            return;
        }
        match packet {
            Packet::Raft {
                group,
                from,
                to: voter,
                message,
            } => {
                if voter != self.nodes[to].voter() {
                    self.marks.hit(Mark::MessageForWipedDisk);
                    if self.plan.rules.raft.voter_is_node_and_disk {
                        return;
                    }
                }
                self.step_group(to, group, Input::Received { from, message });
            }
            Packet::Replica {
                partition,
                from,
                message,
                batch,
            } => self.on_replica_message(to, partition, from, message, &batch),
            Packet::Ask { from, life, ask } => self.on_ask(to, from, life, *ask),
            Packet::Reply { life, reply } if self.nodes[to].life == life => self.on_reply(to, reply),
            Packet::AlterPartitionReply {
                life,
                partition,
                leader_epoch,
                partition_epoch,
                altered,
            } if self.nodes[to].life == life => {
                let input = replica::Input::AlterPartitionReply {
                    leader_epoch,
                    partition_epoch,
                    error_code: altered.as_ref().err().copied().unwrap_or(ErrorCode::NONE),
                };
                self.step_replica(to, partition, input, &Batch::default());
                // A host may take the state from the answer, or wait until it applied the shard's entry.
                if let Some(state) = altered.ok().filter(|_| self.plan.broker.answers_tell) {
                    self.step_replica(to, partition, replica::Input::State(&state), &Batch::default());
                }
            }
            Packet::Reply { .. } | Packet::AlterPartitionReply { .. } => {}
        }
    }

    pub(super) fn send(&mut self, from: usize, to: usize, packet: Packet) {
        match &packet {
            Packet::Raft { group, message, .. } => self.observe_raft_message(from, *group, message),
            Packet::Replica {
                partition,
                message: replica::Message::Ack(ack),
                ..
            } => self.observe_ack(from, *partition, ack),
            _ => {}
        }
        let arrivals = self.network.send(self.now(), from, to);
        if let Some(at) = arrivals.again {
            let packet = packet.clone();
            self.timeline.plan(at, Event::Deliver { to, packet });
        }
        if let Some(at) = arrivals.first {
            self.timeline.plan(at, Event::Deliver { to, packet });
        }
    }

    /// Sends when everything that was submitted to the journal before is durable.
    pub(super) fn send_after_writes(&mut self, from: usize, journal: usize, to: usize, packet: Packet) {
        let held = Held { to, packet };
        let held = if self.plan.rules.host.replies_wait_for_the_disk {
            self.nodes[from].journals[journal].hold(held)
        } else {
            Some(held)
        };
        if let Some(Held { to, packet }) = held {
            self.send(from, to, packet);
        }
    }

    pub(super) fn submit(&mut self, node: usize, journal: usize, write: Write) {
        self.nodes[node].journals[journal].submit(write);
        self.plan_completion(node, journal);
    }

    fn plan_completion(&mut self, node: usize, journal: usize) {
        let now = self.now();
        let place = &mut self.nodes[node];
        if place.journals[journal].busy || place.journals[journal].pending() == 0 {
            return;
        }
        place.journals[journal].busy = true;
        let disk = &self.plan.disk;
        let mut takes = spread(&mut self.random, disk.write_min, disk.write_max);
        if !self.healed && disk.slow > 0 && self.random.chance(disk.slow, 1000) {
            takes *= 100;
        }
        let (at, life) = ((now + takes).max(place.stalled_until), place.life);
        self.timeline.plan(at, Event::Written { node, life, journal });
    }

    /// One flush may take one write or all that came meanwhile.
    fn on_written(&mut self, node: usize, journal: usize) {
        let pending = self.nodes[node].journals[journal].pending() as u64;
        self.nodes[node].journals[journal].busy = false;
        for _ in 0..=self.random.below(pending.max(1)) {
            let place = &mut self.nodes[node];
            let Some(write) = place.journals[journal].complete() else {
                break;
            };
            place.disk.apply(&write);
            while let Some(Held { to, packet }) = self.nodes[node].journals[journal].release() {
                self.send(node, to, packet);
            }
            match write {
                Write::Group { group, persist, .. } => self.on_group_persisted(node, group, persist.number),
                Write::Replica {
                    partition,
                    made,
                    persist,
                    ..
                } => {
                    let host = self.nodes[node].replicas[partition].as_ref();
                    if host.is_some_and(|host| host.log.made == made) {
                        let input = replica::Input::Persisted(persist.number);
                        self.step_replica(node, partition, input, &Batch::default());
                    }
                }
            }
        }
        self.plan_completion(node, journal);
    }

    /// A disk that stalled goes on.
    pub(super) fn finish_writes(&mut self, n: usize) {
        let (now, life) = (self.now(), self.nodes[n].life);
        for journal in 0..JOURNALS {
            self.timeline.plan(now, Event::Written { node: n, life, journal });
        }
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

impl Event {
    /// Whose process must run for this to happen.
    fn node(&self) -> Option<usize> {
        match *self {
            Event::Deliver { to: node, .. }
            | Event::Written { node, .. }
            | Event::Wake { node, .. }
            | Event::ReplicaWake { node, .. }
            | Event::Look { node, .. }
            | Event::Beat { node, .. }
            | Event::Append { node, .. } => Some(node),
            Event::ControllerLook { .. }
            | Event::ControllerWake { .. }
            | Event::Round { .. }
            | Event::Controllers
            | Event::Topics
            | Event::Produce
            | Event::Fetch
            | Event::Propose
            | Event::Read
            | Event::Members
            | Event::Act(_)
            | Event::Start { .. }
            | Event::Resume { .. }
            | Event::Cut { .. } => None,
        }
    }
}
