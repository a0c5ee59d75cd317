//! A slice of the gate, and that a seed is a run.

use super::{
    crash_point::CrashPoint,
    families::{FAMILIES, crash_script, mixed},
    gate::Gate,
    mutants::MUTANTS,
    plan::Plan,
    run::run,
    timeline::MILLISECOND,
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

/// A crash at every write of a script, on every node, with nothing or all on disk of what was under way; and with a second
/// crash at the first write of the recovery. Nothing is broken by it, and every cluster recovers.
#[test]
fn every_write_may_be_the_last() {
    let script = crash_script(1200 * MILLISECOND);
    let mut writes = 0;
    loop {
        let mut crashes = 0;
        for place in 12 * writes..12 * (writes + 1) {
            let plan = Plan {
                crash: Some(CrashPoint::numbered(place, 3, 2)),
                ..script.clone()
            };
            let report = run(&plan, false);
            assert_eq!(report.violation, None, "{:?}", plan.crash);
            crashes += report.crashes;
        }
        if crashes == 0 {
            break;
        }
        writes += 1;
    }
    assert!(writes > 50, "the script has {writes} writes only");
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
