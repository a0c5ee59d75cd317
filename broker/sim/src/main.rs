//! Replays seeds: `cargo run -p corelane-sim -- --seed 7 --verbose` prints one line per event of whole nodes;
//! `corelane-sim cluster --seed 7 --verbose` does so for a cluster of pure cores, `corelane-sim gate` runs many,
//! and `corelane-sim mutants` takes one safety rule away after the other.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use corelane_sim::{
    broker::{self, Mutant},
    cluster::command::{GateOptions, Replay, mutant_table::MutantOptions},
    scenario::{Plan, Report, run},
    seeds::Seeds,
    trace::Trace,
};

/// Runs whole nodes in simulated worlds and judges what clients saw.
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Options {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    seeds: Seeds,
    /// Take one rule away; a seed that passes then noticed nothing.
    #[arg(long)]
    mutant: Option<Mutant>,
}

#[derive(Subcommand)]
enum Command {
    Cluster(Replay),
    Gate(GateOptions),
    Mutants(MutantOptions),
}

fn main() -> ExitCode {
    let options = Options::parse();
    match &options.command {
        Some(Command::Cluster(replay)) => return replay.run(),
        Some(Command::Gate(gate)) => return gate.run(),
        Some(Command::Mutants(mutants)) => return mutants.run(),
        None => {}
    }
    let mut failed = Vec::new();
    for seed in options.seeds.range() {
        let plan = Plan::draw(seed);
        if options.seeds.verbose {
            println!("{plan:#?}");
        }
        let trace = Trace::new(options.seeds.verbose, 0);
        let report = run(&plan, trace, |node, plan| broker::start(node, plan, options.mutant));
        print(&report);
        if !report.violations.is_empty() {
            failed.push(seed);
        }
    }
    if options.seeds.range().count() > 1 {
        println!(
            "{} seeds, {} failed: {failed:?}",
            options.seeds.range().count(),
            failed.len()
        );
    }
    if failed.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn print(report: &Report) {
    println!(
        "seed {:>6}  hash {:016x}  {:>7} events  {:>6} ms  {:>6} acked  {:>6} polled  {} crashes  {}",
        report.seed,
        report.trace_hash,
        report.events,
        report.virtual_ms,
        report.acked_records,
        report.polled_records,
        report.crashes,
        if report.violations.is_empty() { "ok" } else { "FAILED" }
    );
    for violation in &report.violations {
        println!("    {violation}");
    }
}
