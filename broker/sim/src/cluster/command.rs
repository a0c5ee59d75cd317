//! The commands of the cluster simulator.

use std::process::ExitCode;

use clap::Args;

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
    /// Seeds of one family, `s-1` to `s-26`; without, of the mixture of all.
    #[arg(long)]
    family: Option<String>,
    /// Take one rule away, by its place in the table of mutants.
    #[arg(long)]
    mutant: Option<usize>,
}

/// Hunts every variant that lacks one safety rule, until a seed kills it.
#[derive(Args)]
pub struct MutantOptions {
    /// Seeds that a mutant may survive.
    #[arg(long, default_value_t = 20_000)]
    seeds: u64,
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Write the table of killing seeds here.
    #[arg(long)]
    table: Option<std::path::PathBuf>,
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
        for seed in self.seed..self.seed.saturating_add(self.count) {
            let plan = match self.mutant {
                Some(place) => MUTANTS[place].plan(seed),
                None => plan_of(self.family.as_deref(), seed),
            };
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

impl MutantOptions {
    pub fn run(&self) -> ExitCode {
        quiet_panics();
        let mut rows = String::new();
        let mut survivors = 0;
        for (place, mutant) in MUTANTS.iter().enumerate() {
            let totals = mutant.hunt(0, self.seeds, self.threads);
            let family = mutant.family.unwrap_or("all");
            let row = match totals.failed.first() {
                Some(report) => {
                    let what = report.violation.as_deref().unwrap_or_default();
                    let what: String = what.chars().take_while(|letter| *letter != ':').collect();
                    format!("| {place} | {} | {family} | {} | {what} |", mutant.name(), report.seed)
                }
                None => {
                    survivors += 1;
                    format!(
                        "| {place} | {} | {family} | survived {} seeds | |",
                        mutant.name(),
                        totals.seeds
                    )
                }
            };
            println!("{row} {:.1} s", totals.elapsed.as_secs_f64());
            rows.push_str(&row);
            rows.push('\n');
        }
        println!("{} mutants, {survivors} survived", MUTANTS.len());
        if let Some(path) = &self.table
            && let Err(error) = std::fs::write(path, format!("{TABLE_HEAD}{rows}"))
        {
            println!("{}: {error}", path.display());
            return ExitCode::FAILURE;
        }
        if survivors == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

const TABLE_HEAD: &str = "\
# Mutants

Each variant lacks one safety rule of a pure core, or of what a core's driver owes it, and must be noticed. Written by
`corelane-sim mutants --table broker/sim/MUTANTS.md`; `corelane-sim cluster --mutant PLACE --seed SEED --verbose` shows one
in every event. What survived is not noticed by this simulator yet.

| place | mutant | family | killing seed | by |
|---|---|---|---|---|
";

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
