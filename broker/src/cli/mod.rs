//! The command line: one file a command. Parses words, calls, prints; decides nothing.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod start;

/// An event-streaming broker that every Kafka client uses unchanged.
#[derive(Parser, Debug)]
#[command(name = "corelane", version, about)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand, Debug)]
enum Command {
    Start(start::Start),
}

/// Runs what the words of the process say; without a command, starts a broker with the defaults.
pub fn run() -> ExitCode {
    match Cli::parse().command.unwrap_or(Command::Start(start::Start::default())) {
        Command::Start(start) => start.run(),
    }
}
