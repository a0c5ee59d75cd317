//! Random walks of a whole group: messages are lost, doubled and reordered, nodes crash and lose what was not durable,
//! clocks run apart. After every step the promises of the Raft paper (figure 3) must hold; at the end everything heals
//! and the group must make progress. Each safety rule is then taken away in turn, and the walk must notice.

use std::{
    collections::{BTreeMap, VecDeque},
    panic::{AssertUnwindSafe, catch_unwind},
};

use bytes::Bytes;

use super::{MemoryLog, config, ms, recovered, voter};
use crate::{Entry, HardState, Input, LogView, Outgoing, Payload, Persist, Raft, Rules, VoterId, random::Random};

/// What the walk does wrong on purpose, besides [`Rules`].
#[derive(Clone, Copy, Default)]
struct Harness {
    /// Messages that must wait for the disk leave at once.
    send_before_persist: bool,
}

/// A log of which nothing may be in memory just now.
struct MaybeAway<'a> {
    log: &'a MemoryLog,
    away: bool,
}

impl LogView for MaybeAway<'_> {
    fn entries(&self, from: u64, to: u64, bytes_max: usize) -> Vec<Entry> {
        if self.away {
            return Vec::new();
        }
        self.log.entries(from, to, bytes_max)
    }
}

/// One write that the node asked for, and what may leave once it is durable.
type Pending = (Persist, Vec<Outgoing>);

struct Node {
    /// None: crashed.
    raft: Option<Raft>,
    /// What the running node sees.
    log: MemoryLog,
    durable_log: MemoryLog,
    durable_state: HardState,
    pending: VecDeque<Pending>,
    /// Entries given to the state machine since the start.
    applied: u64,
    now_ms: u64,
}

struct Walk {
    random: Random,
    rules: Rules,
    harness: Harness,
    nodes: Vec<Node>,
    net: Vec<(VoterId, Outgoing)>,
    leaders: BTreeMap<u32, VoterId>,
    committed: Vec<Entry>,
    next_value: u64,
    elections: u64,
    healed: bool,
    /// How wild this walk is: drawn once, so that some walks are calm enough to commit a lot and others mostly elect.
    jump_one_in: u64,
    lose_one_in: u64,
    crash_one_in: u64,
    /// Messages overtake at most this many others.
    overtake: usize,
}

impl Walk {
    fn new(seed: u64, count: i32, rules: Rules, harness: Harness) -> Walk {
        let mut walk = Walk {
            random: Random::new(seed),
            rules,
            harness,
            nodes: Vec::new(),
            net: Vec::new(),
            leaders: BTreeMap::new(),
            committed: Vec::new(),
            next_value: 0,
            elections: 0,
            healed: false,
            jump_one_in: 1,
            lose_one_in: 1,
            crash_one_in: 1,
            overtake: 1,
        };
        walk.jump_one_in = 1 + walk.random.next() % 6;
        walk.lose_one_in = 1 + walk.random.next() % 10;
        walk.crash_one_in = 1 + walk.random.next() % 10;
        walk.overtake = 1 + walk.pick(20);
        for _ in 0..count {
            walk.nodes.push(Node {
                raft: None,
                log: MemoryLog::default(),
                durable_log: MemoryLog::default(),
                durable_state: HardState::default(),
                pending: VecDeque::new(),
                applied: 0,
                now_ms: 0,
            });
        }
        for node in 0..count as usize {
            walk.start(node);
        }
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
        let count = self.nodes.len() as i32;
        let node = &mut self.nodes[index];
        node.log = node.durable_log.clone();
        let mut start = recovered(&node.log, 0, None);
        start.hard_state = node.durable_state;
        let mut config = config(index as i32, count);
        config.rules = self.rules;
        config.append_bytes_max = 60;
        node.applied = 0;
        node.raft = Some(Raft::new(config, start, ms(node.now_ms), seed));
    }

    /// Power loss: of the writes in flight a prefix survives, nothing that waited for them was sent.
    fn crash(&mut self, index: usize) {
        let survive = self.pick(self.nodes[index].pending.len() + 1);
        for _ in 0..survive {
            self.make_durable(index);
        }
        self.nodes[index].pending.clear();
        self.nodes[index].raft = None;
    }

    fn make_durable(&mut self, index: usize) -> Option<Pending> {
        let node = &mut self.nodes[index];
        let (persist, sends) = node.pending.pop_front()?;
        if let Some(state) = persist.hard_state {
            node.durable_state = state;
        }
        node.durable_log.persist(&persist);
        Some((persist, sends))
    }

    fn complete_write(&mut self, index: usize) {
        if let Some((persist, sends)) = self.make_durable(index) {
            self.net
                .extend(sends.into_iter().map(|sent| (voter(index as i32), sent)));
            if !persist.is_empty() {
                self.input(index, Input::Persisted(persist.number));
            }
        }
    }

    fn input(&mut self, index: usize, input: Input) {
        let away = !self.healed && self.chance(8);
        let node = &mut self.nodes[index];
        let Some(raft) = &mut node.raft else { return };
        let led = raft.is_leader();
        let output = raft.step(ms(node.now_ms), input, &MaybeAway { log: &node.log, away });
        node.log.persist(&output.persist);
        let elected = !led && raft.is_leader();
        let me = voter(index as i32);
        self.net.extend(output.send_now.into_iter().map(|sent| (me, sent)));
        let mut later = output.send_after_persist;
        if self.harness.send_before_persist {
            self.net.extend(later.drain(..).map(|sent| (me, sent)));
        }
        // An empty persist still queues behind the writes before it: its messages wait for them.
        if !output.persist.is_empty() || !later.is_empty() {
            self.nodes[index].pending.push_back((output.persist, later));
        }
        if elected {
            self.check_elected(index);
        }
        self.check_commit(index, output.commit);
    }

    fn check_elected(&mut self, index: usize) {
        self.elections += 1;
        let node = &self.nodes[index];
        let term = node.raft.as_ref().expect("running").term();
        let first = *self.leaders.entry(term).or_insert(voter(index as i32));
        assert_eq!(
            first,
            voter(index as i32),
            "ELECTION SAFETY: two leaders in term {term}"
        );
        assert!(
            node.log.0.len() >= self.committed.len() && node.log.0[..self.committed.len()] == self.committed[..],
            "LEADER COMPLETENESS: the leader of term {term} lacks committed entries"
        );
    }

    fn check_commit(&mut self, index: usize, commit: u64) {
        let node = &mut self.nodes[index];
        for at in node.applied..commit {
            let entry = &node.log.0[at as usize];
            match self.committed.get(at as usize) {
                Some(known) => assert_eq!(known, entry, "STATE MACHINE SAFETY at {at}"),
                None => {
                    assert_eq!(at as usize, self.committed.len());
                    self.committed.push(entry.clone());
                }
            }
        }
        let advanced = commit > node.applied;
        node.applied = commit;
        if advanced {
            let end = commit as usize;
            let holders = self
                .nodes
                .iter()
                .filter(|node| node.durable_log.0.len() >= end && node.durable_log.0[..end] == self.committed[..end])
                .count();
            assert!(
                holders > self.nodes.len() / 2,
                "DURABILITY: {commit} entries committed, {holders} disks hold them"
            );
        }
    }

    fn check_log_matching(&self) {
        for (a, one) in self.nodes.iter().enumerate() {
            for other in &self.nodes[..a] {
                let shorter = one.log.0.len().min(other.log.0.len());
                let agree = (0..shorter)
                    .rev()
                    .find(|at| one.log.0[*at].term == other.log.0[*at].term);
                if let Some(at) = agree {
                    assert_eq!(one.log.0[..=at], other.log.0[..=at], "LOG MATCHING up to {at}");
                }
            }
        }
    }

    fn step(&mut self) {
        let index = self.pick(self.nodes.len());
        match self.random.next() % 100 {
            0..=14 => {
                // Sometimes a clock jumps to the next deadline, so that elections and heartbeats happen often.
                let jump = self.chance(self.jump_one_in);
                let node = &mut self.nodes[index];
                let wake = node.raft.as_ref().and_then(Raft::next_wake);
                node.now_ms += 1 + self.random.next() % 40;
                if jump && let Some(wake) = wake {
                    node.now_ms = node.now_ms.max(wake.as_millis() as u64 + 1);
                }
                self.input(index, Input::Tick);
            }
            15..=24 => {
                self.next_value += 1;
                let value = Bytes::copy_from_slice(&self.next_value.to_le_bytes());
                self.input(index, Input::Propose(value));
            }
            25..=44 => self.complete_write(index),
            45..=91 => self.deliver_any(),
            92..=95 => {
                if !self.net.is_empty() && self.chance(self.lose_one_in) {
                    let lost = self.pick(self.net.len());
                    self.net.remove(lost);
                }
            }
            96 => {
                if self.chance(self.crash_one_in) {
                    self.crash(index);
                }
            }
            _ => {
                if self.nodes[index].raft.is_none() {
                    self.start(index);
                }
            }
        }
        if self.net.len() > 60 {
            self.net.truncate(30);
        }
    }

    fn deliver_any(&mut self) {
        if self.net.is_empty() {
            return;
        }
        let at = self.pick(self.net.len().min(self.overtake));
        let (from, sent) = if self.chance(8) {
            self.net[at].clone()
        } else {
            self.net.remove(at)
        };
        self.input(
            sent.to.node as usize,
            Input::Received {
                from,
                message: sent.message,
            },
        );
    }

    /// No more faults: a leader must come and a proposal must reach every state machine.
    fn heal(&mut self) {
        self.healed = true;
        for index in 0..self.nodes.len() {
            if self.nodes[index].raft.is_none() {
                self.start(index);
            }
        }
        let now_ms = self.nodes.iter().map(|node| node.now_ms).max().expect("nodes");
        self.nodes.iter_mut().for_each(|node| node.now_ms = now_ms);
        let healed = Bytes::from_static(b"healed");
        let (mut propose_at, end_ms) = (now_ms, now_ms + 20_000);
        while self.nodes[0].now_ms < end_ms {
            for index in 0..self.nodes.len() {
                self.nodes[index].now_ms += 10;
                self.input(index, Input::Tick);
                while !self.nodes[index].pending.is_empty() {
                    self.complete_write(index);
                }
            }
            for (from, sent) in std::mem::take(&mut self.net) {
                self.input(
                    sent.to.node as usize,
                    Input::Received {
                        from,
                        message: sent.message,
                    },
                );
            }
            // A leader that was cut off may still believe in itself, so one proposal is not enough.
            if self.nodes[0].now_ms >= propose_at {
                propose_at = self.nodes[0].now_ms + 500;
                for index in 0..self.nodes.len() {
                    self.input(index, Input::Propose(healed.clone()));
                }
            }
            let payload = Payload::Proposal(healed.clone());
            let at = self.committed.iter().position(|entry| entry.payload == payload);
            if at.is_some_and(|at| self.nodes.iter().all(|node| node.applied > at as u64)) {
                self.check_log_matching();
                return;
            }
        }
        panic!("LIVENESS: nothing was committed everywhere within 20 s after healing");
    }
}

/// Elections and commits of one walk; panics where a promise breaks.
fn walk(seed: u64, count: i32, steps: u64, rules: Rules, harness: Harness) -> (u64, usize) {
    let mut walk = Walk::new(seed, count, rules, harness);
    for step in 0..steps {
        walk.step();
        if step % 64 == 0 {
            walk.check_log_matching();
        }
    }
    walk.heal();
    (walk.elections, walk.committed.len())
}

fn walks_hold(seeds: std::ops::Range<u64>, count: i32) {
    let (mut elections, mut commits) = (0, 0);
    for seed in seeds.clone() {
        let result = catch_unwind(AssertUnwindSafe(|| {
            walk(seed, count, 20_000, Rules::production(), Harness::default())
        }));
        let (e, c) = result.unwrap_or_else(|_| panic!("seed {seed} with {count} voters breaks a promise, see above"));
        elections += e;
        commits += c;
    }
    let walks = seeds.end - seeds.start;
    assert!(
        elections > walks * 3 && commits as u64 > walks * 10,
        "the walk does too little: {elections} {commits}"
    );
}

#[test]
fn three_voters_keep_the_promises() {
    let seeds = std::env::var("SEEDS")
        .ok()
        .and_then(|seeds| seeds.parse().ok())
        .unwrap_or(300);
    walks_hold(1..seeds, 3);
}

#[test]
fn five_voters_keep_the_promises() {
    let seeds = std::env::var("SEEDS")
        .ok()
        .and_then(|seeds| seeds.parse().ok())
        .unwrap_or(300);
    walks_hold(1..seeds / 3, 5);
}

/// Canary: some walk must notice within these seeds.
fn must_be_noticed(rules: Rules, harness: Harness, seeds: u64) {
    let noticed =
        (1..seeds).any(|seed| catch_unwind(AssertUnwindSafe(|| walk(seed, 3, 20_000, rules, harness))).is_err());
    assert!(noticed, "nobody noticed in {seeds} walks");
}

#[test]
fn every_rule_that_is_taken_away_is_noticed() {
    let all = Rules::production();
    let plain = Harness::default();
    must_be_noticed(
        Rules {
            own_counts_when_durable: false,
            ..all
        },
        plain,
        500,
    );
    must_be_noticed(
        Rules {
            truncate_only_at_conflict: false,
            ..all
        },
        plain,
        500,
    );
    must_be_noticed(
        Rules {
            vote_needs_newer_log: false,
            ..all
        },
        plain,
        500,
    );
    must_be_noticed(
        Rules {
            one_vote_per_term: false,
            ..all
        },
        plain,
        500,
    );
    must_be_noticed(
        all,
        Harness {
            send_before_persist: true,
        },
        500,
    );
    must_be_noticed(
        Rules {
            commit_own_term_only: false,
            ..all
        },
        plain,
        3000,
    );
}
