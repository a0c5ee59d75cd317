//! Goal: a whole node keeps its promises over crashes at any moment, for every seed; the same seed is the same run; and
//! a broker that breaks a rule is noticed.
//!
//! More seeds: `cargo run --release -p corelane-sim -- --count 10000`. A failing one: `--seed N --verbose`.

use corelane_sim::{
    broker::{self, Mutant},
    scenario::{Plan, Report, run},
    trace::Trace,
};

const SEEDS: u64 = 300;
const SEEDS_TWICE: u64 = 20;

fn run_seed(seed: u64, mutant: Option<Mutant>) -> Report {
    let plan = Plan::draw(seed);
    run(&plan, Trace::new(false, 0), |node, plan| {
        broker::start(node, plan, mutant)
    })
}

#[test]
fn no_seed_breaks_a_promise() {
    let (mut acked, mut polled) = (0, 0);
    for seed in 0..SEEDS {
        let report = run_seed(seed, None);
        assert!(
            report.violations.is_empty(),
            "cargo run -p corelane-sim -- --seed {seed} --verbose\n{}",
            report.violations.join("\n")
        );
        acked += report.acked_records;
        polled += report.polled_records;
    }
    assert!(
        acked > 100_000 && polled > 100_000,
        "{acked} acked, {polled} polled: too little was tested"
    );
}

#[test]
fn the_same_seed_is_the_same_run() {
    for seed in 0..SEEDS_TWICE {
        let (first, second) = (run_seed(seed, None), run_seed(seed, None));
        assert_eq!(
            (first.trace_hash, first.events),
            (second.trace_hash, second.events),
            "seed {seed}"
        );
    }
}

/// The first seed that notices the absence of a rule.
fn noticed(mutant: Mutant) {
    let seed = (0..SEEDS).find(|seed| !run_seed(*seed, Some(mutant)).violations.is_empty());
    println!("{mutant:?}: seed {seed:?}");
    assert!(seed.is_some(), "no seed notices {mutant:?}");
}

#[test]
fn a_journal_that_does_not_flush_is_noticed() {
    noticed(Mutant::SkipFlush);
}

#[test]
fn a_rotted_frame_taken_for_a_torn_one_is_noticed() {
    noticed(Mutant::IgnoreWatermark);
}

#[test]
fn a_chainless_journal_is_noticed() {
    noticed(Mutant::NoChain);
}

#[test]
fn a_file_head_among_other_frames_is_noticed() {
    noticed(Mutant::HeadNotAlone);
}
