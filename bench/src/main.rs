//! `corelane-bench`: load, floors and honest numbers for anything that speaks Kafka. A black box: it knows the
//! protocol, and nothing of the broker.

mod connection;
mod floor;
mod latency;
mod produce;
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
    /// Measure how long durable produce requests take, in a closed loop
    Produce(produce::Produce),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Floor(floor) => floor.run(),
        Command::Produce(produce) => produce.run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("corelane-bench: {error}");
            ExitCode::FAILURE
        }
    }
}
