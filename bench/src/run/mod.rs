//! `corelane-bench run`: one load, several targets, rounds interleaved, one result.

mod clients;
mod external;
mod measure;
mod pause;
mod progress;
mod reach;
mod rest;
mod round;
mod topic;

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use clap::Args;

use crate::{
    clock::{self, seconds},
    floor::{Floors, Prober},
    hgrm,
    machine::Machine,
    null::NullProcess,
    random::Random,
    report,
    result::{FORMAT, Round, RunResult},
    settings::Settings,
    words::{ByteCount, NoteOf, ProcessOf, Target},
};
use external::run_external;
use pause::Paused;
use round::{Subject, run_round};
use topic::Topic;

/// What a null server holds in memory, so the most that it can be filled with.
const NULL_FILL_MAX: ByteCount = ByteCount(128 << 20);
/// Measured time against the null server, at most.
const NULL_SECONDS_MAX: f64 = 2.0;
/// What is filled in for a rehearsal, at most.
const REHEARSAL_FILL_MAX: ByteCount = ByteCount(512 << 20);
/// Time for each floor, before each round.
const FLOOR: Duration = Duration::from_millis(300);

#[derive(Args)]
pub struct Run {
    /// Who is measured: NAME=HOST:PORT, and behind it configs for its topics, such as
    /// kafka=localhost:9092,flush.messages=1. NAME=exec:PROGRAM,OPTION=VALUE is loaded by that program, which speaks what
    /// Kafka clients do not. May be given several times; rounds are interleaved
    #[arg(long = "target", required = true, value_name = "NAME=HOST:PORT[,KEY=VALUE..]")]
    targets: Vec<Target>,
    /// The process of a target, for its CPU and memory
    #[arg(long = "pid", value_name = "NAME=PID")]
    processes: Vec<ProcessOf>,
    /// What stands beside a target's name, such as when it acknowledges
    #[arg(long = "note", value_name = "NAME=WORDS")]
    notes: Vec<NoteOf>,
    /// What the result is called in reports
    #[arg(long, default_value = "")]
    title: String,
    /// Directory for result.json, the .hgrm files and report.html; made if it is missing
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
    /// A directory on the disk that the targets write to, for the floor
    #[arg(long, value_name = "DIR")]
    disk: Option<PathBuf>,
    /// CPUs of the targets: the null server and the floor probe run there, too
    #[arg(long, value_delimiter = ',', value_name = "CPU,..")]
    server_cpus: Vec<usize>,
    /// Leave out the run against the null server, which shows what the harness itself costs
    #[arg(long)]
    no_null: bool,
    /// Leave out the floors: commit latency, disk bandwidth, loopback round trip
    #[arg(long)]
    no_floor: bool,
    /// Stop the processes of the other targets while one and its floor are measured
    #[arg(long)]
    pause_others: bool,
    #[command(flatten)]
    settings: Settings,
}

impl Run {
    pub fn run(&self) -> io::Result<()> {
        self.check().map_err(io::Error::other)?;
        reach::check(&self.targets).map_err(io::Error::other)?;
        let began = clock::now();
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).map_err(io::Error::other)?;
        let mut stamps = Random::new(wall.as_nanos() as u64);
        if let Some(output) = &self.output {
            fs::create_dir_all(output)
                .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", output.display())))?;
        }
        let mut prober = (!self.no_floor)
            .then(|| {
                Prober::new(
                    self.disk.as_deref(),
                    &self.server_cpus,
                    &self.settings.client_cpus,
                    true,
                )
            })
            .transpose()?;
        let mut result = RunResult {
            format: FORMAT,
            title: if self.title.is_empty() {
                self.settings.describe()
            } else {
                self.title.clone()
            },
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            began: wall.as_secs(),
            command_line: std::env::args().collect(),
            settings: self.settings.clone(),
            machine: Machine::look(),
            floors: Floors::default(),
            harness_limit: if self.no_null {
                None
            } else {
                Some(self.null_round(stamps.next())?)
            },
            targets: self.targets.iter().map(|target| self.noted(target)).collect(),
            rounds: Vec::new(),
        };
        let mut topics: Vec<Option<Topic>> = self.targets.iter().map(|_| None).collect();
        self.rehearse(&mut stamps, &mut topics);
        for round in 1..=self.settings.rounds {
            for index in order(self.targets.len(), round) {
                let target = &self.targets[index];
                let subject = self.subject(target);
                rest::rest(&subject.all_pids())?;
                let _paused = match self.pause_others {
                    true => Paused::new(&subject.other_pids)?,
                    false => Paused::default(),
                };
                let floors = prober
                    .as_mut()
                    .map_or(Ok(Floors::default()), |prober| prober.look(FLOOR))?;
                let at = seconds(clock::now() - began);
                let what = format!("round {round}/{}, {}", self.settings.rounds, target.name);
                // One target's failure is a result; the others are still measured.
                let measured = run_on(&self.settings, &subject, what, stamps.next(), &mut topics[index]);
                let figures = measured.unwrap_or_else(|error| Round {
                    failure: Some(error.to_string()),
                    ..Default::default()
                });
                result.rounds.push(Round {
                    target: target.name.clone(),
                    round,
                    at,
                    floors,
                    ..figures
                });
            }
        }
        for topic in topics.into_iter().flatten() {
            topic.delete()?;
        }
        result.floors = prober.map_or_else(Floors::default, |prober| prober.all());
        self.hand_out(&result)
    }

    fn check(&self) -> Result<(), String> {
        self.settings.check()?;
        let mut names = BTreeSet::new();
        if let Some(twice) = self.targets.iter().find(|target| !names.insert(&target.name)) {
            return Err(format!(
                "two targets are called {}: give each a name of its own",
                twice.name
            ));
        }
        let known: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
        let pids = self.processes.iter().map(|process| ("--pid", &process.target));
        let mut named = pids.chain(self.notes.iter().map(|note| ("--note", &note.target)));
        match named.find(|(_, target)| !names.contains(target)) {
            Some((option, target)) => Err(format!(
                "{option} {target}=…: there is no such target; there is {}",
                known.join(", ")
            )),
            None => Ok(()),
        }
    }

    fn noted(&self, target: &Target) -> Target {
        let note = self.notes.iter().find(|note| note.target == target.name);
        Target {
            note: note.map(|note| note.words.clone()).unwrap_or_default(),
            ..target.clone()
        }
    }

    fn subject<'a>(&self, target: &'a Target) -> Subject<'a> {
        let pid = self
            .processes
            .iter()
            .find(|process| process.target == target.name)
            .map(|process| process.pid);
        // Two targets may be one process with different topic configs.
        let others: BTreeSet<u32> = self
            .processes
            .iter()
            .map(|process| process.pid)
            .filter(|other| Some(*other) != pid)
            .collect();
        Subject {
            target,
            pid,
            other_pids: others.into_iter().collect(),
        }
    }

    /// A failure here comes again in the rounds, where it is kept.
    fn rehearse(&self, stamps: &mut Random, topics: &mut [Option<Topic>]) {
        if self.settings.rehearsal == 0.0 {
            return;
        }
        let settings = Settings {
            seconds: self.settings.rehearsal,
            warm_up: 0.0,
            fill: self.settings.fill.min(REHEARSAL_FILL_MAX),
            ..self.settings.clone()
        };
        for (target, topic) in self.targets.iter().zip(topics) {
            let what = format!("rehearsal, {}", target.name);
            if let Err(error) = run_on(&settings, &self.subject(target), what, stamps.next(), topic) {
                eprintln!("rehearsal, {}: {error}", target.name);
            }
        }
    }

    /// The same load, against a server that does nothing.
    fn null_round(&self, stamp: u64) -> io::Result<Round> {
        let null = NullProcess::start(&self.server_cpus)?;
        let settings = Settings {
            seconds: self.settings.seconds.min(NULL_SECONDS_MAX),
            warm_up: self.settings.warm_up.min(1.0),
            fill: self.settings.fill.min(NULL_FILL_MAX),
            replication_factor: 1,
            one_topic: false,
            ..self.settings.clone()
        };
        let target = Target {
            name: "null server".to_owned(),
            address: null.address().to_owned(),
            topic_configs: Vec::new(),
            note: String::new(),
        };
        let subject = Subject {
            target: &target,
            pid: Some(null.pid()),
            other_pids: Vec::new(),
        };
        run_round(
            &settings,
            &subject,
            "null server (the harness's own limit)".to_owned(),
            stamp,
            &mut None,
        )
    }

    fn hand_out(&self, result: &RunResult) -> io::Result<()> {
        if let Some(output) = &self.output {
            result.write(&output.join("result.json"))?;
            hgrm::write_all(result, output)?;
            fs::write(
                output.join("report.html"),
                report::html(std::slice::from_ref(result), &[]),
            )?;
        }
        if self.json {
            println!("{}", serde_json::to_string(result)?);
        } else {
            print!("{}", crate::table::text(result));
        }
        if let Some(output) = &self.output {
            eprintln!("written: {}", listing(output));
        }
        let failed = result.rounds.iter().filter(|round| round.failure.is_some()).count();
        if failed > 0 {
            return Err(io::Error::other(format!(
                "{failed} of {} rounds failed",
                result.rounds.len()
            )));
        }
        Ok(())
    }
}

fn run_on(
    settings: &Settings,
    subject: &Subject<'_>,
    what: String,
    stamp: u64,
    kept: &mut Option<Topic>,
) -> io::Result<Round> {
    match subject.target.program() {
        Some(program) => run_external(settings, subject, program, what),
        None => run_round(settings, subject, what, stamp, kept),
    }
}

/// One round on one target, of which nothing else is known.
#[cfg(test)]
pub fn run_once(settings: &Settings, target: &Target) -> io::Result<Round> {
    let subject = Subject {
        target,
        pid: None,
        other_pids: Vec::new(),
    };
    // Several at once are told apart by the time.
    run_round(
        settings,
        &subject,
        "test".to_owned(),
        Random::new(clock::now()).next(),
        &mut None,
    )
}

fn listing(output: &Path) -> String {
    format!("{0}/result.json, {0}/*.hgrm, {0}/report.html", output.display())
}

/// Every second round goes backwards, so that no target always has the same neighbour before it.
fn order(targets: usize, round: u16) -> Vec<usize> {
    let forwards = 0..targets;
    if round % 2 == 1 {
        forwards.collect()
    } else {
        forwards.rev().collect()
    }
}
