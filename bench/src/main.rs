//! `corelane-bench`: load, floors and honest numbers for anything that speaks Kafka. A black box: it knows the
//! protocol, and nothing of the broker.
//!
//! ```text
//!   words ─► settings ─► run (rounds, topics, clients) ─► load (one thread a CPU, epoll) ─► tally
//!                                                                                            │
//!                 report, compare, table ◄── result (JSON), hgrm ◄── floor, machine, null ◄──┘
//! ```

mod clock;
mod compare;
mod cpu;
mod floor;
mod hgrm;
mod latency;
mod load;
mod machine;
mod metric;
mod null;
mod random;
mod report;
mod result;
mod ring;
mod run;
mod settings;
mod spread;
mod table;
mod wire;
mod words;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "corelane-bench", version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measure one load on one or several targets, in interleaved rounds
    Run(Box<run::Run>),
    /// Measure what this machine can do at best: commit latency, disk bandwidth, loopback round trip
    Floor(floor::Floor),
    /// Be a server that does nothing, or a known wrong: what harnesses are measured with
    Null(null::Null),
    /// Draw results as one HTML page
    Report(report::Report),
    /// Print the ratios of two results, or of two targets of one
    Compare(compare::Compare),
    /// Judge ratios of results against what they must be, as a Markdown table
    Table(table::Table),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Run(run) => run.run(),
        Command::Floor(floor) => floor.run(),
        Command::Null(null) => null.run(),
        Command::Report(report) => report.run(),
        Command::Compare(compare) => compare.run(),
        Command::Table(table) => table.run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("corelane-bench: {error}");
            ExitCode::FAILURE
        }
    }
}
