//! Random walks of a whole group. Messages are lost, doubled and reordered, links fail one way, nodes crash and lose what
//! was not durable, disks are wiped, clocks run apart, voters come and go, snapshots are taken at any index, leadership is
//! handed around. The invariants hold after every step; at the end everything heals and the group must make progress.

use std::{
    collections::BTreeSet,
    ops::AddAssign,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use bytes::Bytes;

use super::{
    cluster::{Cluster, Faults, value},
    config,
};
use crate::{Input, Payload, Raft, Rules, VoterId, Voters, VotersChange, random::Random};

/// Who takes part and how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub founders: i32,
    /// Nodes that join and leave; without any the voters stay as they are.
    pub others: i32,
    pub steps: u64,
}

/// What the walks did; a walk that does too little proves nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Done {
    pub elections: u64,
    pub commits: u64,
    pub voters_changes: u64,
    pub installed: u64,
    pub reads: u64,
    pub wipes: u64,
}

impl AddAssign for Done {
    fn add_assign(&mut self, other: Done) {
        self.elections += other.elections;
        self.commits += other.commits;
        self.voters_changes += other.voters_changes;
        self.installed += other.installed;
        self.reads += other.reads;
        self.wipes += other.wipes;
    }
}

struct Walk {
    random: Random,
    cluster: Cluster,
    next_value: u64,
    cut: BTreeSet<(i32, i32)>,
    wipes: u64,
    /// How wild this walk is: drawn once, so that some walks are calm enough to commit a lot and others mostly elect.
    jump_one_in: u64,
    lose_one_in: u64,
    crash_one_in: u64,
    change_one_in: u64,
    snapshot_one_in: u64,
    hand_over_one_in: u64,
    cut_one_in: u64,
    wipe_one_in: u64,
    /// Messages overtake at most this many others.
    overtake: usize,
}

impl Walk {
    fn new(seed: u64, shape: Shape, rules: Rules, faults: Faults) -> Walk {
        let mut random = Random::new(seed);
        let mut config = config(0, 0);
        config.rules = rules;
        config.append_bytes_max = 60;
        config.priority = random.next().is_multiple_of(2).then_some((random.next() % 7) as u32);
        let mut draw = |most: u64| 1 + random.next() % most;
        let mut walk = Walk {
            jump_one_in: draw(25),
            lose_one_in: draw(20),
            crash_one_in: draw(60),
            change_one_in: draw(4),
            snapshot_one_in: draw(8),
            hand_over_one_in: draw(30),
            cut_one_in: draw(10),
            wipe_one_in: 20 * draw(20),
            overtake: draw(20) as usize,
            random,
            cluster: Cluster::new(shape.founders, shape.others, config, faults),
            next_value: 0,
            cut: BTreeSet::new(),
            wipes: 0,
        };
        (0..walk.cluster.nodes.len()).for_each(|index| walk.start(index));
        walk
    }

    fn chance(&mut self, one_in: u64) -> bool {
        self.random.next().is_multiple_of(one_in)
    }

    fn pick(&mut self, count: usize) -> usize {
        (self.random.next() % count as u64) as usize
    }

    fn start(&mut self, index: usize) {
        let seed = self.random.next();
        self.cluster.start(index, seed);
    }

    fn step(&mut self) {
        let index = self.pick(self.cluster.nodes.len());
        match self.random.next() % 100 {
            0..=13 => self.pass_time(index),
            14..=22 => {
                self.next_value += 1;
                self.input(index, Input::Propose(value(self.next_value)));
            }
            23..=42 => self.cluster.complete_write(index),
            43..=87 => self.deliver_any(),
            88 => {
                if !self.cluster.net.is_empty() && self.chance(self.lose_one_in) {
                    let lost = self.pick(self.cluster.net.len());
                    self.cluster.net.remove(lost);
                }
            }
            89..=90 => {
                if self.chance(self.crash_one_in) {
                    let survive = self.pick(self.cluster.nodes[index].pending.len() + 1);
                    self.cluster.crash(index, survive);
                }
            }
            91..=92 => {
                if self.cluster.nodes[index].raft.is_none() {
                    self.start(index);
                }
            }
            93..=94 => {
                if self.chance(self.change_one_in) {
                    self.change_voters(index);
                }
            }
            95 => {
                if self.chance(self.snapshot_one_in) {
                    let start = self.random.next() % (self.cluster.nodes[index].applied + 1);
                    self.cluster.take_snapshot(index, start);
                }
            }
            96 => {
                self.next_value += 1;
                if self.cluster.nodes[index].raft.is_some() {
                    self.cluster.read(index, self.next_value);
                }
            }
            97 => {
                if self.chance(self.hand_over_one_in) {
                    let to = self.pick(self.cluster.nodes.len());
                    let to = self.chance(2).then_some(self.cluster.nodes[to].id);
                    let input = if self.chance(3) {
                        Input::Resign
                    } else {
                        Input::Transfer(to)
                    };
                    self.input(index, input);
                }
            }
            98 => {
                if !self.cut.is_empty() || self.chance(self.cut_one_in) {
                    self.change_links(index);
                }
            }
            _ => {
                if self.chance(self.wipe_one_in) && self.may_wipe(index) {
                    self.cluster.wipe(index);
                    self.wipes += 1;
                    self.start(index);
                }
            }
        }
        if self.cluster.net.len() > 60 {
            self.cluster.net.truncate(30);
        }
    }

    fn input(&mut self, index: usize, input: Input) {
        let away = self.chance(8);
        self.cluster.input_where(index, input, away);
    }

    fn pass_time(&mut self, index: usize) {
        // Sometimes a clock jumps to the next deadline, so that elections and heartbeats happen often.
        let jump = self.chance(self.jump_one_in);
        let passed = Duration::from_millis(1 + self.random.next() % 40);
        let node = &mut self.cluster.nodes[index];
        let wake = node.raft.as_ref().and_then(Raft::next_wake);
        node.now += passed;
        if jump && let Some(wake) = wake {
            node.now = node.now.max(wake);
        }
        self.input(index, Input::Tick);
    }

    fn deliver_any(&mut self) {
        if self.cluster.net.is_empty() {
            return;
        }
        let at = self.pick(self.cluster.net.len().min(self.overtake));
        let packet = match self.chance(8) {
            true => self.cluster.net[at].clone(),
            false => self.cluster.net.remove(at),
        };
        if !self.cut.contains(&(packet.from.node, packet.to.node)) {
            self.cluster.deliver(packet);
        }
    }

    fn change_links(&mut self, index: usize) {
        let other = self.pick(self.cluster.nodes.len());
        match self.random.next() % 4 {
            0 => {
                self.cut.insert((index as i32, other as i32));
            }
            1 => {
                self.cut.insert((index as i32, other as i32));
                self.cut.insert((other as i32, index as i32));
            }
            _ => self.cut.clear(),
        }
    }

    fn change_voters(&mut self, index: usize) {
        let learners = self.everybody();
        if self.cluster.nodes.len() == learners.len() && self.chance(2) {
            self.input(index, Input::Learners(learners));
            return;
        }
        let Some(raft) = self.cluster.nodes[index].raft.as_ref().filter(|raft| raft.is_leader()) else {
            return;
        };
        let voters = raft.voters().clone();
        let gone = voters.iter().find(|id| !learners.contains(*id));
        let any = self.pick(self.cluster.nodes.len());
        let any = self.cluster.nodes[any].id;
        let change = match gone {
            Some(gone) => VotersChange::Remove(gone),
            None if voters.contains(any) => VotersChange::Remove(any),
            None => VotersChange::Add(any),
        };
        let may_change = self.cluster.nodes.len() > 3 || self.cluster.truth.lost.contains(&any) || gone.is_some();
        if may_change || matches!(change, VotersChange::Add(_)) {
            self.input(index, Input::ChangeVoters(change));
        }
    }

    fn everybody(&self) -> Voters {
        self.cluster.nodes.iter().map(|node| node.id).collect()
    }

    /// Without this disk every node's voters still have a majority, or nothing could ever go on.
    fn may_wipe(&self, index: usize) -> bool {
        let wiped = self.cluster.nodes[index].id;
        let kept = |id: VoterId| id != wiped && self.cluster.nodes.iter().any(|node| node.id == id);
        self.cluster.nodes.iter().all(|node| {
            node.raft.as_ref().is_some_and(|raft| {
                let voters = raft.voters();
                let count = voters.iter().filter(|id| kept(*id)).count();
                !raft.is_changing_voters() && (voters.is_empty() || count >= voters.majority())
            })
        })
    }

    /// No more faults: a leader must come and a proposal must reach every state machine.
    fn heal(&mut self) {
        let nodes = self.cluster.nodes.len();
        let now = self.cluster.nodes.iter().map(|node| node.now).max().expect("nodes");
        let everybody = self.everybody();
        for index in 0..nodes {
            self.cluster.nodes[index].now = now;
            if self.cluster.nodes[index].raft.is_none() {
                self.start(index);
            }
            self.cluster.input(index, Input::Learners(everybody.clone()));
        }
        let healed = Payload::Proposal(Bytes::from_static(b"healed"));
        let end = now + Duration::from_secs(20);
        let mut propose_at = now;
        while self.cluster.nodes[0].now < end {
            for index in 0..nodes {
                self.cluster.nodes[index].now += Duration::from_millis(10);
                self.cluster.input(index, Input::Tick);
                while !self.cluster.nodes[index].pending.is_empty() {
                    self.cluster.complete_write(index);
                }
            }
            for packet in std::mem::take(&mut self.cluster.net) {
                self.cluster.deliver(packet);
            }
            // A leader that was cut off may still believe in itself, so one proposal is not enough.
            if self.cluster.nodes[0].now >= propose_at {
                propose_at += Duration::from_millis(500);
                for index in 0..nodes {
                    self.cluster.input(index, Input::Propose(Bytes::from_static(b"healed")));
                }
            }
            let applied = self.cluster.nodes.iter().map(|node| node.applied).min();
            let first = &self.cluster.nodes[0].view;
            let at = first.entries.iter().position(|entry| entry.payload == healed);
            if at.is_some_and(|at| applied.is_some_and(|applied| applied > first.start().end + at as u64)) {
                return;
            }
        }
        let states: Vec<_> = self.cluster.nodes.iter().map(super::script::show::node).collect();
        panic!(
            "LIVENESS: nothing was committed everywhere within 20 s after healing\n{}",
            states.join("\n")
        );
    }
}

/// Panics where a promise breaks.
pub(crate) fn walk(seed: u64, shape: Shape, rules: Rules, faults: Faults) -> Done {
    let mut walk = Walk::new(seed, shape, rules, faults);
    for _ in 0..shape.steps {
        walk.step();
    }
    walk.heal();
    Done {
        elections: walk.cluster.truth.elections,
        commits: walk.cluster.truth.committed(),
        voters_changes: walk.cluster.truth.voters_changes,
        installed: walk.cluster.installed,
        reads: walk.cluster.confirmed_reads,
        wipes: walk.wipes,
    }
}

fn walks_hold(shape: Shape, walks: u64) -> Done {
    let scale = std::env::var("SEEDS").ok().and_then(|seeds| seeds.parse().ok());
    let mut all = Done::default();
    for seed in 1..=scale.unwrap_or(walks) {
        let walked = catch_unwind(AssertUnwindSafe(|| {
            walk(seed, shape, Rules::production(), Faults::default())
        }));
        all += walked.unwrap_or_else(|_| panic!("seed {seed} of {shape:?} breaks a promise, see above"));
    }
    let walks = scale.unwrap_or(walks);
    assert!(
        all.elections > walks && all.commits > walks * 10,
        "the walks do too little: {all:?}"
    );
    all
}

#[test]
fn three_voters_keep_the_promises() {
    let shape = Shape {
        founders: 3,
        others: 0,
        steps: 20_000,
    };
    let done = walks_hold(shape, 300);
    assert!(done.installed > 100 && done.reads > 1000 && done.wipes > 10, "{done:?}");
}

#[test]
fn five_voters_keep_the_promises() {
    let shape = Shape {
        founders: 5,
        others: 0,
        steps: 20_000,
    };
    walks_hold(shape, 150);
}

#[test]
fn voters_that_come_and_go_keep_the_promises() {
    let shape = Shape {
        founders: 3,
        others: 2,
        steps: 20_000,
    };
    let done = walks_hold(shape, 300);
    assert!(done.voters_changes > 300 && done.installed > 100, "{done:?}");
}

#[test]
fn a_sole_voter_that_gets_company_keeps_the_promises() {
    let shape = Shape {
        founders: 1,
        others: 3,
        steps: 20_000,
    };
    walks_hold(shape, 150);
}
