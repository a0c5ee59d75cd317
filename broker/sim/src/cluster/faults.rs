//! Carrying out the plan's actions: processes, disks, links, clocks.

use super::{
    actions::{Action, Who},
    clock::TRUE_RATE,
    cluster::{Cluster, Event},
    marks::Mark,
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
        }
    }

    fn with(&mut self, who: Who, act: impl FnOnce(&mut Cluster, usize)) {
        let node = match who {
            Who::Node(node) => Some(node),
            Who::GroupLeader(group) => self.group_leader(group),
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

    fn kill(&mut self, n: usize, down: Micros) {
        if !self.nodes[n].up {
            return;
        }
        if self.nodes[n].groups.iter().any(|group| group.raft.is_leader()) {
            self.marks.hit(Mark::GroupLeaderKilled);
        }
        let lost = self.nodes[n].crash(&mut self.random);
        self.observe_lost_writes(&lost);
        let at = self.now() + down;
        self.timeline.plan(at, Event::Start { node: n });
    }

    /// A majority of the first disks is always kept: whoever loses more than that has lost his cluster.
    fn wipe(&mut self, n: usize, down: Micros) {
        let voters = self.nodes.len();
        let was_voter = self.voters.contains(&self.nodes[n].voter());
        if !self.nodes[n].up || (was_voter && (self.wiped + 1) * 2 >= voters) {
            return;
        }
        self.wiped += usize::from(was_voter);
        self.kill(n, down);
        let storage_id = u128::from(self.fresh_id());
        self.nodes[n].wipe(storage_id);
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
    }

    /// Everything works again, at once and for good.
    pub(super) fn heal(&mut self) {
        let now = self.now();
        self.trace.note(now, self.steps, || "healed".into());
        self.healed = true;
        self.network.heal(now);
        for n in 0..self.nodes.len() {
            let node = &mut self.nodes[n];
            node.paused_until = 0;
            node.stalled_until = 0;
            node.clock.set_rate(now, TRUE_RATE);
            self.resume(n);
            self.start(n);
            self.finish_writes(n);
        }
    }
}
