//! Goal: whatever brokers, disks and operators do, and however old what they know is, a leader that the shard controller
//! elects cleanly holds every committed record.
//!
//! The controllers are the real ones, with root images of any age. Replicas are a sketch: a log is a list of leader
//! epochs, written and acknowledged at once, by the rules of the replica core (epoch floor, matched acks, maximal ISR, gate
//! of min ISR, expansion at the high watermark). One partition, five brokers.

mod brokers;
mod cluster;
mod controllers;
mod replica;
mod replication;

use std::panic::{AssertUnwindSafe, catch_unwind};

use cluster::Cluster;

use crate::metadata::Rules;

const STEPS: usize = 1500;

type TakeAway = fn(&mut Rules);

/// What a run came across; a walk that never meets the hard cases proves nothing.
#[derive(Debug, Default)]
pub struct Met {
    pub committed: usize,
    pub elections: usize,
    pub from_elr: usize,
    pub leaderless: usize,
    pub wipes: usize,
    pub restarts: usize,
    pub reassigned: usize,
    pub cancelled: usize,
    pub min_isr_changes: usize,
    pub refused: usize,
}

impl Met {
    fn all(&self) -> [usize; 10] {
        [
            self.committed,
            self.elections,
            self.from_elr,
            self.leaderless,
            self.wipes,
            self.restarts,
            self.reassigned,
            self.cancelled,
            self.min_isr_changes,
            self.refused,
        ]
    }
}

pub struct Random {
    state: u64,
    /// How calm the run is, 2 the calmest.
    pub calm: usize,
}

impl Random {
    pub fn new(seed: u64) -> Random {
        Random {
            state: seed,
            calm: (seed % 3) as usize,
        }
    }

    pub fn below(&mut self, bound: usize) -> usize {
        let multiplied = self.state.wrapping_mul(6_364_136_223_846_793_005);
        self.state = multiplied.wrapping_add(1_442_695_040_888_963_407);
        ((self.state >> 33) as usize) % bound
    }
}

fn walk(seed: u64, rules: Rules, met: &mut Met) {
    let mut cluster = Cluster::new(seed, rules);
    for _ in 0..STEPS {
        cluster.step(met);
    }
    cluster.heal(met);
}

#[test]
fn clean_leaders_hold_all_that_is_committed() {
    let mut met = Met::default();
    for seed in 1..=200 {
        let outcome = catch_unwind(AssertUnwindSafe(|| walk(seed, Rules::production(), &mut met)));
        assert!(outcome.is_ok(), "seed {seed}");
    }
    println!("{met:?}");
    assert!(met.all().iter().all(|times| *times >= 100), "{met:?}");
}

/// The harness can fail: without these rules it does, and soon.
#[test]
fn records_are_lost_without_the_rules() {
    let mutants: [(&str, TakeAway); 5] = [
        ("min_isr_of_partition", |rules| rules.min_isr_of_partition = false),
        ("leader_is_incarnation", |rules| rules.leader_is_incarnation = false),
        ("wiped_replica_leaves", |rules| rules.wiped_replica_leaves = false),
        ("slot_change_bumps_epoch", |rules| rules.slot_change_bumps_epoch = false),
        ("elr_cleared_at_min_isr", |rules| rules.elr_cleared_at_min_isr = false),
    ];
    for (name, take_away) in mutants {
        let mut rules = Rules::production();
        take_away(&mut rules);
        let fails = |seed: &u64| catch_unwind(AssertUnwindSafe(|| walk(*seed, rules, &mut Met::default()))).is_err();
        let seed = (1..=100).find(fails);
        println!("{name}: seed {seed:?}");
        assert!(seed.is_some(), "nobody misses {name}");
    }
}
