//! The command that takes one safety rule away after the other, and the table of which seed noticed.

use std::{path::PathBuf, process::ExitCode, time::Instant};

use clap::Args;

use super::quiet_panics;
use crate::cluster::mutants::{Hunt, MUTANTS, Mutant};

/// Hunts every variant that lacks one safety rule, until a seed notices it.
#[derive(Args)]
pub struct MutantOptions {
    /// Seeds that a mutant may survive.
    #[arg(long, default_value_t = 20_000)]
    seeds: u64,
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Only this one, by its place in the table.
    #[arg(long)]
    only: Option<usize>,
    /// Write the table of killing seeds here.
    #[arg(long)]
    table: Option<PathBuf>,
}

const HEAD: &str = "\
# Mutants

Each variant lacks one safety rule of a pure core, or of what a core's driver owes it, and must be noticed. Written by
`corelane-sim mutants --table broker/sim/MUTANTS.md`; `corelane-sim cluster --mutant PLACE --seed SEED --verbose` shows one
in every event. A killing seed passes when no rule is missing. What no seed noticed has a directed test, which is named.

| place | mutant | family | killing seed | by |
|---|---|---|---|---|
";

impl MutantOptions {
    pub fn run(&self) -> ExitCode {
        quiet_panics();
        let mut rows = String::new();
        let (mut survivors, mut uncovered, mut unsound) = (0, 0, 0);
        for (place, mutant) in MUTANTS.iter().enumerate() {
            if self.only.is_some_and(|only| only != place) {
                continue;
            }
            let started = Instant::now();
            let hunt = mutant.hunt(0, self.seeds, self.threads);
            survivors += u64::from(hunt.killed.is_none());
            uncovered += u64::from(hunt.killed.is_none() && mutant.elsewhere().is_none());
            unsound += hunt.unsound.len();
            let row = row(place, mutant, &hunt, self.seeds);
            println!("{row} {:.1} s", started.elapsed().as_secs_f64());
            for seed in &hunt.unsound {
                println!("      seed {seed} fails with all rules, too");
            }
            rows.push_str(&row);
            rows.push('\n');
        }
        println!(
            "{} mutants, {survivors} not noticed here, {uncovered} of them nowhere",
            MUTANTS.len()
        );
        if let Some(path) = &self.table
            && let Err(error) = std::fs::write(path, format!("{HEAD}{rows}"))
        {
            println!("{}: {error}", path.display());
            return ExitCode::FAILURE;
        }
        match uncovered == 0 && unsound == 0 {
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        }
    }
}

fn row(place: usize, mutant: &Mutant, hunt: &Hunt, seeds: u64) -> String {
    let (seed, by) = match &hunt.killed {
        Some(report) => {
            let what = report.violation.as_deref().unwrap_or_default();
            (report.seed.to_string(), what.split(':').next().unwrap_or_default())
        }
        None => (
            format!("none of {seeds}"),
            mutant.elsewhere().unwrap_or("nothing else either"),
        ),
    };
    let family = mutant.family.unwrap_or("all");
    format!("| {place} | {} | {family} | {seed} | {by} |", mutant.name())
}
