//! `corelane-bench`: load, floors and honest numbers for anything that speaks Kafka. A black box: it knows the
//! protocol, and nothing of the broker.

mod floor;
mod ring;

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
    /// Measure what this machine can do at best: commit latency, disk bandwidth, loopback round trip
    Floor(floor::Floor),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Floor(floor) => floor.run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("corelane-bench: {error}");
            ExitCode::FAILURE
        }
    }
}
