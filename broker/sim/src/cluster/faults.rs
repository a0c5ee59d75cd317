//! Carrying out the plan's actions: processes, disks, links, clocks.

use corelane_raft::Input;

use super::{
    actions::{Action, Who},
    clock::TRUE_RATE,
    event_loop::Cluster,
    events::Event,
    marks::Mark,
    node::Kept,
    plan::BrokerPlan,
    timeline::Micros,
};

impl Cluster {
    pub(super) fn act(&mut self, index: usize) {
        if self.healed {
            return;
        }
        let action = self.plan.actions[index].action.clone();
        let now = self.now();
        self.trace.note(now, self.steps, || format!("#{index} {action:?}"));
        match action {
            Action::Kill { who, down } => self.with(who, |cluster, n| cluster.kill(n, down)),
            Action::KillAll { down } => {
                for n in 0..self.nodes.len() {
                    let down = self.random.between(1, 2 * down);
                    self.kill(n, down);
                }
                self.marks.hit(Mark::AllDownAtOnce);
            }
            Action::Pause { who, lasts } => self.with(who, |cluster, n| cluster.pause(n, now + lasts)),
            Action::Cut { from, to, lasts } => self.network.cut(from, to, now + lasts),
            Action::Isolate { who, lasts } => self.with(who, |cluster, n| {
                for other in (0..cluster.nodes.len()).filter(|other| *other != n) {
                    cluster.network.cut(n, other, now + lasts);
                    cluster.network.cut(other, n, now + lasts);
                }
            }),
            Action::Split { left, lasts } => self.split(left, now + lasts),
            Action::Flap {
                from,
                to,
                period,
                times,
            } => {
                for time in 0..u64::from(times) {
                    let at = now + 2 * time * period;
                    let until = at + period;
                    self.timeline.plan(at, Event::Cut { from, to, until });
                }
            }
            Action::Clog { from, to, lasts } => self.network.clog(from, to, now + lasts),
            Action::StallDisk { who, lasts } => self.with(who, |cluster, n| {
                cluster.nodes[n].stalled_until = now + lasts;
            }),
            Action::Blind { who, lasts } => self.with(who, |cluster, n| {
                cluster.nodes[n].lags.blind_until = now + lasts;
            }),
            Action::FailDisk { who, down } => self.with(who, |cluster, n| {
                if cluster.nodes[n].up {
                    cluster.marks.hit(Mark::DiskFailed);
                }
                cluster.kill(n, down);
            }),
            Action::Wipe { who, down } => self.with(who, |cluster, n| cluster.wipe(n, down)),
            Action::Clock { who, rate } => self.with(who, |cluster, n| {
                cluster.nodes[n].clock.set_rate(now, rate);
            }),
            Action::Voter { who, votes } => self.with(who, |cluster, n| cluster.wish_voter(n, votes)),
            Action::Operate(operation) => self.on_operation(operation),
            Action::ShutDown { who, down } => self.with(who, |cluster, n| {
                if cluster.plan.replicates() {
                    cluster.shut_down(n, down);
                }
            }),
            Action::Transfer { group, to } if group < self.plan.groups() => {
                let to = to.map(|n| self.nodes[n].voter());
                if let Some(leader) = self.group_leader(group).filter(|leader| self.is_running(*leader)) {
                    self.marks.hit(Mark::LeadershipTransferred);
                    self.step_group(leader, group, Input::Transfer(to));
                }
            }
            Action::Transfer { .. } => {}
            Action::Resign { who } => self.with(who, |cluster, n| {
                for g in 0..cluster.plan.groups() {
                    if cluster.is_running(n) {
                        cluster.step_group(n, g, Input::Resign);
                    }
                }
            }),
        }
    }

    fn with(&mut self, who: Who, act: impl FnOnce(&mut Cluster, usize)) {
        let node = match who {
            Who::Node(node) => Some(node),
            Who::GroupLeader(group) => self.controller_of(group),
            Who::PartitionLeader(number) => self.partition_leader(number),
            Who::PartitionFollower(number) => self.partition_follower(number),
        };
        if let Some(node) = node {
            act(self, node);
        }
    }

    fn split(&mut self, left: u32, until: Micros) {
        let is_left = |n: usize| left >> n & 1 == 1;
        for from in 0..self.nodes.len() {
            for to in 0..self.nodes.len() {
                if is_left(from) != is_left(to) {
                    self.network.cut(from, to, until);
                }
            }
        }
    }

    fn partition_leader(&self, number: usize) -> Option<usize> {
        let info = self.topics.partitions.get(number % self.topics.len().max(1))?;
        let leader = self.history.state(info)?.leader?;
        Some(leader.node as usize)
    }

    fn partition_follower(&mut self, number: usize) -> Option<usize> {
        let info = self.topics.partitions.get(number % self.topics.len().max(1))?;
        let state = self.history.state(info)?.clone();
        let leader = state.leader.map(|leader| leader.node);
        let followers = state
            .replicas
            .iter()
            .map(|slot| slot.node)
            .filter(|node| Some(*node) != leader);
        let followers: Vec<i32> = followers.collect();
        (!followers.is_empty()).then(|| *self.random.pick(&followers) as usize)
    }

    pub(super) fn kill(&mut self, n: usize, down: Micros) {
        self.crash(n, Kept::Any, down);
    }

    pub(super) fn crash(&mut self, n: usize, keeps: Kept, down: Micros) {
        if !self.nodes[n].up {
            return;
        }
        if self.nodes[n].groups.iter().any(|group| group.raft.is_leader()) {
            self.marks.hit(Mark::GroupLeaderKilled);
        }
        let lost = self.nodes[n].crash(keeps, &mut self.random);
        self.observe_lost_writes(&lost);
        let at = self.now() + down;
        self.timeline.plan(at, Event::Start { node: n });
    }

    /// A majority of every group's disks is always kept: whoever loses more than that has lost his cluster. The operator
    /// then wishes the new disk to vote instead of the old one.
    fn wipe(&mut self, n: usize, down: Micros) {
        if !self.nodes[n].up || !self.may_lose_disk(n) || !self.may_lose_replicas(n) {
            return;
        }
        let voted = self.voters.contains(self.nodes[n].voter());
        self.voters = self.voters.without(self.nodes[n].voter());
        self.kill(n, down);
        let storage_id = u128::from(self.fresh_id());
        self.nodes[n].wipe(storage_id);
        if voted || self.voters.is_empty() {
            self.wish_voter(n, true);
        }
        self.marks.hit(Mark::DiskWiped);
    }

    fn pause(&mut self, n: usize, until: Micros) {
        if self.nodes[n].up && self.nodes[n].paused_until <= self.now() {
            self.nodes[n].paused_until = until;
            self.timeline.plan(until, Event::Resume { node: n });
        }
    }

    /// What waited happens now, timers that are long due among it.
    pub(super) fn resume(&mut self, n: usize) {
        let now = self.now();
        if self.nodes[n].paused_until > now {
            return;
        }
        let leads = |group: &super::group::Group| group.raft.is_leader();
        let led = (0..self.plan.groups()).any(|g| {
            self.nodes[n].groups.get(g).is_some_and(leads) && self.group_leader(g).is_some_and(|leader| leader != n)
        });
        if led && !self.nodes[n].waiting.is_empty() {
            self.marks.hit(Mark::PausedLeaderCameBack);
        }
        for event in std::mem::take(&mut self.nodes[n].waiting) {
            self.timeline.plan(now, event);
        }
    }

    pub(super) fn start(&mut self, n: usize) {
        if self.nodes[n].up {
            return;
        }
        self.nodes[n].up = true;
        self.nodes[n].life += 1;
        self.start_groups(n);
        if self.plan.replicates() {
            self.start_broker(n);
        }
    }

    /// Everything works again, at once and for good, and whoever was far behind looks now.
    pub(super) fn heal(&mut self) {
        let now = self.now();
        self.trace.note(now, self.steps, || "healed".into());
        self.healed = true;
        // Time-outs shorter than the way there keep everything in unrest, which is a fault of the plan's, too.
        let BrokerPlan { beat, session, .. } = self.plan.broker;
        self.network.heal(now, (session - beat) / 4);
        for n in 0..self.nodes.len() {
            let node = &mut self.nodes[n];
            node.paused_until = 0;
            node.stalled_until = 0;
            node.lags.blind_until = 0;
            node.clock.set_rate(now, TRUE_RATE);
            self.resume(n);
            self.start(n);
            self.finish_writes(n);
            if !self.plan.has_groups() {
                self.look_soon(n);
            }
        }
        if !self.plan.has_groups() {
            for shard in 0..self.plan.shards {
                self.plan_controller_look(shard);
            }
        }
    }
}
