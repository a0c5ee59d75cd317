//! The commands of the cluster simulator.

use std::process::ExitCode;

use clap::Args;

use super::{
    gate::{Gate, Totals},
    marks::Mark,
    plan::Plan,
    run::{Report, run},
    shrink::shrink,
    timeline::SECOND,
};

/// One seed, or some: replays it, and shows every event if asked.
#[derive(Args)]
pub struct Replay {
    #[arg(long, default_value_t = 0)]
    seed: u64,
    #[arg(long, default_value_t = 1)]
    count: u64,
    /// Print every event: simulated seconds, steps so far, node, what happened.
    #[arg(long)]
    verbose: bool,
    /// Drop faults of a failing seed for as long as it still fails.
    #[arg(long)]
    shrink: bool,
}

/// Many seeds on all cores until enough steps were made.
#[derive(Args)]
pub struct GateOptions {
    #[arg(long, default_value_t = 2_000_000_000)]
    steps: u64,
    #[arg(long, default_value_t = 0)]
    first_seed: u64,
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Fail if one of the marks was never hit.
    #[arg(long)]
    all_marks: bool,
}

impl Replay {
    pub fn run(&self) -> ExitCode {
        quiet_panics();
        let mut failed = 0;
        for seed in self.seed..self.seed.saturating_add(self.count) {
            let plan = Plan::draw(seed);
            if self.verbose {
                println!("{plan:#?}");
            }
            let report = run(&plan, self.verbose);
            print_report(&report);
            if report.violation.is_some() {
                failed += 1;
                if self.shrink {
                    print_shrunk(&plan);
                }
            }
        }
        if failed == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

impl GateOptions {
    pub fn run(&self) -> ExitCode {
        quiet_panics();
        let gate = Gate {
            first: self.first_seed,
            seeds: u64::MAX,
            steps: self.steps,
            threads: self.threads,
            failures_max: 5,
            plan: &Plan::draw,
        };
        let totals = gate.run();
        print_totals(&totals, self.threads);
        for report in &totals.failed {
            print_report(report);
        }
        if let Some(report) = totals.failed.first() {
            print_shrunk(&Plan::draw(report.seed));
        }
        let missing = self.all_marks && totals.marks.missing().next().is_some();
        if totals.failed.is_empty() && !missing {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

/// A core's assertion is reported as the violation that it is; its backtrace would be printed once for each seed.
fn quiet_panics() {
    std::panic::set_hook(Box::new(|_| {}));
}

fn print_report(report: &Report) {
    println!(
        "seed {:>6}  hash {:016x}  {:>7} steps  {:>7.3} s  recovery {:>6.3} s  {}",
        report.seed,
        report.hash,
        report.steps,
        report.simulated as f64 / SECOND as f64,
        report.recovery as f64 / SECOND as f64,
        report.violation.as_deref().unwrap_or("ok"),
    );
}

fn print_shrunk(plan: &Plan) {
    let (smaller, report) = shrink(plan);
    println!(
        "seed {} shrunk from {} to {} actions: {}",
        plan.seed,
        plan.actions.len(),
        smaller.actions.len(),
        report.violation.as_deref().unwrap_or("passes now"),
    );
    for planned in &smaller.actions {
        println!("    {:>10.6} {:?}", planned.at as f64 / SECOND as f64, planned.action);
    }
}

fn print_totals(totals: &Totals, threads: usize) {
    let seconds = totals.elapsed.as_secs_f64();
    println!(
        "{} steps, {} seeds, {:.1} s: {:.2} M steps/s, {:.2} M on each of {threads} threads; {:.0} simulated hours; \
         slowest recovery {:.3} s; {} failed; hash {:016x}",
        totals.steps,
        totals.seeds,
        seconds,
        totals.steps as f64 / seconds / 1e6,
        totals.steps as f64 / seconds / 1e6 / threads as f64,
        totals.simulated as f64 / SECOND as f64 / 3600.0,
        totals.recovery_max as f64 / SECOND as f64,
        totals.failed.len(),
        totals.hash,
    );
    for mark in Mark::ALL {
        println!("{:>14}  {}", totals.marks.count(*mark), mark.what());
    }
}
