//! Goal: the scenario, its clients and its checkers accept a broker that does everything right, and notice one that
//! does one thing wrong. The broker here is a toy: one core's worth of code, one file, one flush per batch.

mod toy;

use corelane_sim::{
    scenario::{Plan, Report, run},
    trace::Trace,
};
use toy::Mistake;

fn run_toy(seed: u64, mistake: Mistake) -> Report {
    let mut plan = Plan::draw(seed);
    // The toy knows one core and no groups, and takes its disk for granted.
    plan.cores = 1;
    plan.members = 0;
    plan.rot = None;
    for crash in &mut plan.crashes {
        crash.cores_after = 1;
        crash.fault = None;
    }
    run(&plan, Trace::new(false, 0), |node, _| {
        node.start(move |world| toy::broker(world, mistake))
    })
}

#[test]
fn a_right_broker_passes_and_repeats_itself() {
    let mut acked = 0;
    for seed in 0..40 {
        let report = run_toy(seed, Mistake::None);
        assert_eq!(report.violations, Vec::<String>::new(), "seed {seed}");
        acked += report.acked_records;
        if seed < 10 {
            assert_eq!(
                report.trace_hash,
                run_toy(seed, Mistake::None).trace_hash,
                "seed {seed} again"
            );
        }
    }
    assert!(
        acked > 10_000,
        "only {acked} records were acknowledged: nothing was tested"
    );
}

/// Some seed notices the mistake, in its own words.
fn noticed(mistake: Mistake, by: &str) {
    let notices = |seed: &u64| {
        run_toy(*seed, mistake)
            .violations
            .iter()
            .any(|line| line.starts_with(by))
    };
    assert!((0..40).any(|seed| notices(&seed)), "{mistake:?} is not noticed");
}

#[test]
fn an_answer_before_the_flush_is_noticed() {
    noticed(Mistake::AnswersBeforeFlush, "acked_is_kept");
}

#[test]
fn a_forgotten_producer_is_noticed() {
    noticed(Mistake::ForgetsProducers, "no_duplicates");
}

#[test]
fn reads_above_the_watermark_are_noticed() {
    noticed(Mistake::ShowsUnflushed, "one_value_per_offset");
}

#[test]
fn a_request_that_is_never_answered_is_noticed() {
    noticed(Mistake::HangsAfterRestart, "stuck");
}
