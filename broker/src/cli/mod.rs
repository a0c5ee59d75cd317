//! The command line: one file a command. Parses words, calls, prints; decides nothing.

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand, error::ErrorKind, parser::ValueSource};

mod client;
mod consume;
mod doctor;
mod group;
mod inspect;
mod log;
mod options;
mod output;
mod produce;
mod start;
mod topic;
mod words;

use client::ClientError;
use options::Cluster;

/// An event-streaming broker that every Kafka client uses unchanged. Without a command it starts: `corelane` is `corelane start`.
///
/// A broker serves localhost:9092 on every CPU, with its data in ./corelane-data, unless told otherwise (`corelane start --help`).
/// The other commands ask one that runs, or look at a host and at data without one.
#[derive(Parser, Debug)]
#[command(name = "corelane", version)]
pub struct Cli {
    #[command(flatten)]
    cluster: Cluster,
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
    Inspect(inspect::Inspect),
    Doctor(doctor::Doctor),
    Completions(words::Completions),
    Man(words::Man),
}

/// Runs what the words of the process say; without a command, starts a broker with the defaults.
pub fn run() -> ExitCode {
    let mut words = Cli::command().get_matches();
    if words.subcommand_name().is_none() {
        // Parsed once more, since start reads the environment, too.
        words = Cli::command().get_matches_from(std::env::args_os().chain(["start".into()]));
    }
    let Cli { cluster, command } = Cli::from_arg_matches(&words).unwrap_or_else(|error| error.exit());
    let result = match command.expect("start, if no other") {
        Command::Start(_) if words.value_source("bootstrap_server") == Some(ValueSource::CommandLine) => {
            let why = "--bootstrap-server is for commands that ask a cluster; a broker is told by --set listeners=…";
            Cli::command().error(ErrorKind::ArgumentConflict, why).exit()
        }
        Command::Start(start) => return start.run(),
        Command::Topic(topic) => topic.run(&cluster),
        Command::Produce(produce) => produce.run(&cluster),
        Command::Consume(consume) => consume.run(&cluster),
        Command::Group(group) => group.run(&cluster),
        Command::Inspect(inspect) => inspect.run(cluster.json),
        Command::Doctor(doctor) => doctor.run(cluster.json),
        Command::Completions(completions) => completions.run(Cli::command()),
        Command::Man(man) => man.run(Cli::command()),
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

    /// Goal: where the cluster is may be said before a command or after it; the last word wins.
    #[test]
    fn the_cluster_is_named_before_or_after_the_command() {
        let server = |words: &str| Cli::try_parse_from(words.split(' ')).map(|cli| cli.cluster.bootstrap_server);
        for words in [
            "corelane -b there:1 topic list",
            "corelane topic -b there:1 list",
            "corelane topic list --bootstrap-server there:1",
            "corelane -b here:1 topic list -b there:1",
            "corelane -b there:1 consume t",
        ] {
            assert_eq!(server(words).expect(words), "there:1", "{words}");
        }
    }

    /// Goal: clap finds nothing wrong with any command's words, such as a name used twice.
    #[test]
    fn the_words_of_all_commands_fit_together() {
        Cli::command().debug_assert();
    }
}
