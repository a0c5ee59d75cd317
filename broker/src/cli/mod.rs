//! The command line: one file a command. Parses words, calls, prints; decides nothing.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod client;
mod consume;
mod group;
mod log;
mod options;
mod output;
mod produce;
mod start;
mod topic;

use client::ClientError;

/// An event-streaming broker that every Kafka client uses unchanged.
#[derive(Parser, Debug)]
#[command(name = "corelane", version, about)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

/// What the process is to do.
#[derive(Subcommand, Debug)]
pub enum Command {
    Start(start::Start),
    Topic(topic::Topic),
    Produce(produce::Produce),
    Consume(consume::Consume),
    Group(group::Group),
}

/// Runs what the words of the process say; without a command, starts a broker with the defaults.
pub fn run() -> ExitCode {
    let command = Cli::parse().command.unwrap_or(Command::Start(start::Start::default()));
    let (result, cluster) = match &command {
        Command::Start(start) => return start.run(),
        Command::Topic(topic) => (topic.run(), &topic.cluster),
        Command::Produce(produce) => (produce.run(), &produce.cluster),
        Command::Consume(consume) => (consume.run(), &consume.cluster),
        Command::Group(group) => (group.run(), &group.cluster),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read our output has enough, as in `corelane consume … | head`.
        Err(ClientError::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) if cluster.json => {
            eprintln!("{}", error.json());
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("corelane: {error}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: clap finds nothing wrong with any command's words, such as a name used twice.
    #[test]
    fn the_words_of_all_commands_fit_together() {
        <Cli as clap::CommandFactory>::command().debug_assert();
    }
}
