//! A slice of the gate, and that a seed is a run.

use super::{
    families::{FAMILIES, mixed},
    gate::Gate,
    mutants::MUTANTS,
    run::run,
};

/// Fifty seeds twice: equal to the last event.
#[test]
fn a_seed_is_a_run() {
    for seed in 0..50 {
        let plan = mixed(seed);
        let (first, second) = (run(&plan, false), run(&plan, false));
        assert_eq!((first.hash, first.steps), (second.hash, second.steps), "seed {seed}");
    }
}

/// A slice of the gate: no invariant breaks and every cluster recovers.
#[test]
fn seeds_hold() {
    const STEPS: u64 = 100_000_000;
    let gate = Gate {
        first: 1_000,
        seeds: u64::MAX,
        steps: STEPS,
        threads: 2,
        failures_max: 1,
        plan: &mixed,
    };
    let totals = gate.run();
    assert!(totals.failed.is_empty(), "{:?}", totals.failed);
    assert!(totals.steps >= STEPS);
}

/// Every family's seeds pass, and every family is told from the others by its name.
#[test]
fn families_hold() {
    for family in FAMILIES {
        let named = FAMILIES.iter().filter(|other| other.name == family.name);
        assert_eq!(named.count(), 1, "{}", family.name);
        for seed in 0..5 {
            let report = run(&family.plan(seed), false);
            assert_eq!(report.violation, None, "{} seed {seed}", family.name);
        }
    }
}

/// Seeds that found something, so that it stays found: a leader went on with a newer snapshot where the older one had
/// stopped, for ever.
#[test]
fn found_seeds_hold() {
    let snapshots = FAMILIES
        .iter()
        .find(|family| family.name == "s-22")
        .expect("it is in the table");
    let report = run(&snapshots.plan(1286), false);
    assert_eq!(report.violation, None);
}

/// Five of the mutants, each of another kind, are noticed.
#[test]
fn missing_rules_are_noticed() {
    let rules = [
        ("raft", "one_vote_per_term"),
        ("replica", "min_isr_gate"),
        ("replica", "own_counts_when_durable"),
        ("metadata", "elr_cleared_at_min_isr"),
        ("host", "replies_wait_for_the_disk"),
    ];
    for (core, rule) in rules {
        let mutant = MUTANTS.iter().find(|mutant| (mutant.core, mutant.rule) == (core, rule));
        let mutant = mutant.expect("it is in the table");
        let hunt = mutant.hunt(0, 1_000, 2);
        assert!(hunt.killed.is_some(), "{} survived", mutant.name());
        assert!(hunt.unsound.is_empty(), "{:?} fail with all rules, too", hunt.unsound);
    }
}
