//! A slice of the gate, and that a seed is a run.

use super::{gate::Gate, plan::Plan, run::run};

/// Fifty seeds twice: equal to the last event.
#[test]
fn a_seed_is_a_run() {
    for seed in 0..50 {
        let plan = Plan::draw(seed);
        let (first, second) = (run(&plan, false), run(&plan, false));
        assert_eq!((first.hash, first.steps), (second.hash, second.steps), "seed {seed}");
    }
}

/// No invariant breaks and every cluster recovers, in as many seeds as a test may take.
#[test]
fn seeds_hold() {
    let gate = Gate {
        first: 1000,
        seeds: 200,
        steps: u64::MAX,
        threads: 2,
        failures_max: 1,
        plan: &Plan::draw,
    };
    let totals = gate.run();
    assert!(totals.failed.is_empty(), "{:?}", totals.failed);
    assert_eq!(totals.seeds, 200);
}
