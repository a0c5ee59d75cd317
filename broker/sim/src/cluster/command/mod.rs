//! The commands of the cluster simulator that run seeds: one to look at, or many as a gate.

use std::process::ExitCode;

use clap::Args;

pub mod mutant_table;

use super::{
    families::{self, FAMILIES, Family},
    gate::{Gate, Totals},
    marks::Mark,
    mutants::MUTANTS,
    plan::Plan,
    run::{Report, run},
    shrink::shrink,
    timeline::SECOND,
};
use crate::seeds::Seeds;

/// One seed, or some: replays it, and shows every event if asked.
#[derive(Args)]
pub struct Replay {
    #[command(flatten)]
    seeds: Seeds,
    /// Drop faults of a failing seed for as long as it still fails.
    #[arg(long)]
    shrink: bool,
    /// Seeds of one family, `s-1` to `s-26`; without, of the mixture of all.
    #[arg(long)]
    family: Option<String>,
    /// Take one rule away, by its place in the table of mutants.
    #[arg(long)]
    mutant: Option<usize>,
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
    /// Seeds of one family, `s-1` to `s-26`; without, of the mixture of all.
    #[arg(long)]
    family: Option<String>,
    /// Run so many seeds of every family instead, one family after the other.
    #[arg(long)]
    each_family: Option<u64>,
}

impl Replay {
    pub fn run(&self) -> ExitCode {
        quiet_panics();
        let mut failed = 0;
        for seed in self.seeds.range() {
            let plan = match self.mutant {
                Some(place) => MUTANTS[place].plan(seed),
                None => plan_of(self.family.as_deref(), seed),
            };
            if self.seeds.verbose {
                println!("{plan:#?}");
            }
            let report = run(&plan, self.seeds.verbose);
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
        if let Some(seeds) = self.each_family {
            return self.run_families(seeds);
        }
        let plan = |seed| plan_of(self.family.as_deref(), seed);
        let totals = self.gate(u64::MAX, self.steps, &plan).run();
        print_totals(&totals, self.threads);
        for report in &totals.failed {
            print_report(report);
        }
        if let Some(report) = totals.failed.first() {
            print_shrunk(&plan(report.seed));
        }
        let missing = self.all_marks && totals.marks.missing().next().is_some();
        if totals.failed.is_empty() && !missing {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

impl GateOptions {
    fn gate<'a>(&self, seeds: u64, steps: u64, plan: &'a (dyn Fn(u64) -> Plan + Sync)) -> Gate<'a> {
        Gate {
            first: self.first_seed,
            seeds,
            steps,
            threads: self.threads,
            failures_max: 5,
            plan,
        }
    }

    fn run_families(&self, seeds: u64) -> ExitCode {
        let mut failed = 0;
        for family in FAMILIES {
            let totals = self.gate(seeds, u64::MAX, &|seed| family.plan(seed)).run();
            println!(
                "{:>5}  {:>6} seeds  {:>10} steps  {} failed  {}",
                family.name,
                totals.seeds,
                totals.steps,
                totals.failed.len(),
                family.story
            );
            totals.failed.iter().for_each(print_report);
            failed += totals.failed.len();
        }
        if failed == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

fn plan_of(family: Option<&str>, seed: u64) -> Plan {
    match family {
        None => families::mixed(seed),
        Some(name) => match Family::named(name) {
            Some(family) => family.plan(seed),
            None => {
                eprintln!(
                    "no family {name}; there are {:?}",
                    FAMILIES.iter().map(|family| family.name).collect::<Vec<_>>()
                );
                std::process::exit(2);
            }
        },
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
