//! SIGKILL under load, again and again: what was acknowledged stays.
//!
//! Writers of two client libraries, idempotent and plain, all with acks=all, and one that commits group offsets, run through
//! every round without being told. After each restart everything new is read, and must agree with what was acknowledged:
//! no acknowledged record missing or moved, none twice from an idempotent writer, each writer's order kept in each partition, no
//! acknowledged commit forgotten. Every seventh round also kills the broker in the middle of its recovery.
//!
//! `CORELANE_KILL9_ROUNDS` sets the number of rounds; 50 in CI, 12 elsewhere.

mod harness;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use harness::broker::{Broker, is_peer};
use harness::client::{Client, Family};
use harness::program::Program;
use harness::records::Random;
use harness::{in_ci, wait_until};

const PARTITIONS: usize = 3;
const TOPIC: &str = "kill9";
const GROUP: &str = "kill9-committer";
/// Within this time after a restart every writer must go on.
const PROGRESS_LIMIT: Duration = Duration::from_secs(30);
const TAIL_LIMIT: Duration = Duration::from_secs(60);

#[test]
fn acknowledged_records_survive_one_core() {
    rounds("kill9-1", 1);
}

#[test]
fn acknowledged_records_survive_two_cores() {
    rounds("kill9-2", 2);
}

struct Writer {
    name: &'static str,
    is_idempotent: bool,
    program: Program,
    /// Acknowledged and not yet found in the log: (partition, offset, number).
    open: Vec<(usize, usize, u64)>,
    acked: u64,
}

impl Writer {
    fn take_in(&mut self) {
        for line in self.program.drain() {
            let words: Vec<&str> = line.split(' ').collect();
            let ["A", partition, offset, number] = words[..] else {
                panic!("{} gave up on a record: {line}", self.name);
            };
            let place = (parse(partition) as usize, parse(offset) as usize, parse(number));
            self.open.push(place);
            self.acked += 1;
        }
    }
}

struct Committer {
    program: Program,
    tried: i64,
    acked: i64,
}

impl Committer {
    fn take_in(&mut self) {
        for line in self.program.drain() {
            match line.split_once(' ') {
                Some(("T", number)) => self.tried = parse(number) as i64,
                Some(("C", number)) => self.acked = parse(number) as i64,
                _ => panic!("committer said {line}"),
            }
        }
    }
}

/// What has been read: (writer, number) by partition and offset.
type Log = Vec<Vec<(String, u64)>>;

fn rounds(name: &str, cores: usize) {
    if (is_peer() && cores > 1) || !Family::Go.is_installed() || !Family::Python.is_installed() {
        return;
    }
    let rounds = match std::env::var("CORELANE_KILL9_ROUNDS") {
        Ok(count) => count.parse().expect("CORELANE_KILL9_ROUNDS is a number"),
        Err(_) if in_ci() => 50,
        Err(_) => 12,
    };
    let mut broker = Broker::start(name, cores);
    let mut command = Client::FranzGo.command();
    command.args(["create", &broker.address(), TOPIC, &PARTITIONS.to_string()]);
    Program::spawn(command, "create", broker.folder())
        .finish(TAIL_LIMIT, || {})
        .expect_success("creating the topic");
    let mut writers = [
        writer(&broker, "go-idempotent", Client::FranzGo),
        writer(&broker, "go-plain", Client::FranzGo),
        writer(&broker, "c-idempotent", Client::Confluent),
        writer(&broker, "c-plain", Client::Confluent),
    ];
    let mut command = Client::FranzGo.command();
    command.args(["commits", &broker.address(), GROUP, TOPIC, &PARTITIONS.to_string()]);
    let mut committer = Committer {
        program: Program::spawn(command, "committer", broker.folder()),
        tried: 0,
        acked: 0,
    };
    let mut log: Log = vec![Vec::new(); PARTITIONS];
    let mut random = Random(0xC0FE + cores as u64);
    let begin = Instant::now();

    for round in 0..rounds {
        await_progress(&mut writers, &mut committer);
        std::thread::sleep(Duration::from_millis(random.next() % 500));
        broker.kill();
        if round % 7 == 3 {
            broker.spawn();
            std::thread::sleep(Duration::from_millis(random.next() % 40));
            broker.kill();
        }
        broker.start_again();
        check(&broker, &mut writers, &mut committer, &mut log, round);
    }

    let mut counts = Vec::new();
    for writer in &mut writers {
        writer.program.close_input();
        let ended = writer.program.wait(PROGRESS_LIMIT);
        assert!(ended, "{} could not finish", writer.name);
    }
    check(&broker, &mut writers, &mut committer, &mut log, rounds);
    for writer in &writers {
        assert!(writer.open.is_empty(), "{}: acknowledged but never read", writer.name);
        counts.push(format!("{} {}", writer.name, writer.acked));
    }
    // Nothing that was read in an earlier round may have changed since.
    let mut again: Log = vec![Vec::new(); PARTITIONS];
    read_tail(&broker, &mut again, rounds + 1);
    assert!(log == again, "what the log says changed after it was first read");
    println!(
        "{rounds} rounds in {:.0?}, acknowledged: {}; commits {}",
        begin.elapsed(),
        counts.join(", "),
        committer.acked
    );
}

fn writer(broker: &Broker, name: &'static str, client: Client) -> Writer {
    let is_idempotent = name.ends_with("idempotent");
    let kind = if is_idempotent { "idempotent" } else { "plain" };
    let mut command = client.command_of_load();
    command.args([&broker.address(), TOPIC, &PARTITIONS.to_string(), name, kind]);
    Writer {
        name,
        is_idempotent,
        program: Program::spawn(command, name, broker.folder()),
        open: Vec::new(),
        acked: 0,
    }
}

/// Waits until each writer and the committer have had something acknowledged since they were last asked.
fn await_progress(writers: &mut [Writer; 4], committer: &mut Committer) {
    committer.take_in();
    let commits = committer.acked;
    for writer in writers.iter_mut() {
        writer.take_in();
        let before = writer.acked;
        let went_on = wait_until(PROGRESS_LIMIT, || {
            writer.take_in();
            (writer.acked > before + 20).then_some(())
        });
        assert!(
            went_on.is_some(),
            "{} did not go on within {PROGRESS_LIMIT:?}",
            writer.name
        );
    }
    let went_on = wait_until(PROGRESS_LIMIT, || {
        committer.take_in();
        (committer.acked > commits).then_some(())
    });
    assert!(
        went_on.is_some(),
        "the committer did not go on within {PROGRESS_LIMIT:?}"
    );
}

/// Reads what is new and compares it with everything acknowledged before the reading began.
fn check(broker: &Broker, writers: &mut [Writer; 4], committer: &mut Committer, log: &mut Log, round: usize) {
    writers.iter_mut().for_each(Writer::take_in);
    committer.take_in();
    let commits_acked = committer.acked;
    let due: Vec<usize> = writers.iter().map(|writer| writer.open.len()).collect();
    let known: Vec<usize> = log.iter().map(Vec::len).collect();
    let committed = read_tail(broker, log, round);

    for (writer, due) in writers.iter_mut().zip(due) {
        let rest = writer.open.split_off(due);
        let acknowledged = std::mem::replace(&mut writer.open, rest);
        let fault = lost(writer.name, &acknowledged, log).or_else(|| {
            let mut partitions = log.iter().zip(&known);
            partitions.find_map(|(records, known)| out_of_order(writer.name, writer.is_idempotent, records, *known))
        });
        if let Some(fault) = fault {
            panic!("round {round}: {}: {fault}", writer.name);
        }
    }
    committer.take_in();
    for partition in 0..PARTITIONS {
        let found = committed.get(&partition).copied().unwrap_or(0);
        assert!(
            found >= commits_acked && found <= committer.tried,
            "round {round}: committed offset of {partition} is {found}, acknowledged {commits_acked}, tried {}",
            committer.tried
        );
    }
}

/// An acknowledged record, (partition, offset, number), that is not where it was acknowledged.
fn lost(writer: &str, acknowledged: &[(usize, usize, u64)], log: &Log) -> Option<String> {
    acknowledged.iter().find_map(|&(partition, offset, number)| {
        let found = log[partition].get(offset);
        let is_there = found.is_some_and(|(name, found)| name == writer && *found == number);
        let end = log[partition].len();
        (!is_there).then(|| format!("{number} was acknowledged at {partition}/{offset}, found {found:?}, end {end}"))
    })
}

/// A writer's numbers go up by one in a partition; a plain writer may repeat what it had to send again. Records before
/// `known` were judged before.
fn out_of_order(writer: &str, is_idempotent: bool, records: &[(String, u64)], known: usize) -> Option<String> {
    let is_its = |record: &&(String, u64)| record.0 == writer;
    let mut last = records[..known].iter().rev().find(is_its).map(|record| record.1);
    let mut highest = last;
    for (_, number) in records[known..].iter().filter(is_its) {
        let next = last.map_or(0, |last| last + 1);
        let is_repeat = !is_idempotent && highest.is_some_and(|highest| *number <= highest);
        if *number != next && !is_repeat {
            return Some(format!("{number} after {last:?}"));
        }
        last = Some(*number);
        highest = highest.max(last);
    }
    None
}

/// The test of the test: a history of each kind that a broken broker leaves is noticed, and a right one is not.
#[test]
fn a_broken_history_is_noticed() {
    let history =
        |numbers: &[u64]| -> Vec<(String, u64)> { numbers.iter().map(|number| ("w".to_owned(), *number)).collect() };
    let acknowledged = [(0, 0, 0), (0, 1, 1), (0, 2, 2)];
    let log = |numbers: &[u64]| vec![history(numbers)];
    assert_eq!(lost("w", &acknowledged, &log(&[0, 1, 2, 3])), None);
    for (what, numbers) in [
        ("the last one is gone", &[0, 1][..]),
        ("one in the middle is gone", &[0, 2, 3]),
        ("one was replaced", &[0, 7, 2]),
        ("all have moved", &[9, 0, 1, 2]),
    ] {
        assert!(lost("w", &acknowledged, &log(numbers)).is_some(), "{what}");
    }
    assert!(
        lost("other", &acknowledged, &log(&[0, 1, 2])).is_some(),
        "another's record is there"
    );

    let fault = |is_idempotent, numbers: &[u64], known| out_of_order("w", is_idempotent, &history(numbers), known);
    assert_eq!(fault(true, &[0, 1, 2, 3], 2), None);
    assert_eq!(fault(false, &[0, 1, 2, 1, 2, 3], 2), None);
    for (what, is_idempotent, numbers) in [
        ("twice from an idempotent writer", true, &[0, 1, 1, 2][..]),
        ("an earlier one again from an idempotent writer", true, &[0, 1, 2, 0]),
        ("the wrong way round", true, &[0, 2, 1]),
        ("a gap of an idempotent writer", true, &[0, 1, 3]),
        ("a gap of a plain writer", false, &[0, 1, 3]),
        ("does not begin at the beginning", false, &[1, 2]),
    ] {
        for known in 0..=1 {
            assert!(
                fault(is_idempotent, numbers, known).is_some() || (known == 1 && numbers[0] == 1),
                "{what}"
            );
        }
    }
}

/// Appends to `log` all that is new; gives the group's committed offsets.
fn read_tail(broker: &Broker, log: &mut Log, round: usize) -> BTreeMap<usize, i64> {
    let mut command = Client::FranzGo.command();
    command.args(["tail", &broker.address(), TOPIC, GROUP]);
    command.args(log.iter().map(|records| records.len().to_string()));
    let outcome = Program::spawn(command, &format!("tail-{round}"), broker.folder()).finish(TAIL_LIMIT, || {});
    outcome.expect_success("reading the log");
    let mut committed = BTreeMap::new();
    for line in &outcome.lines {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["B", partition, start, end] => {
                let known = log[parse(partition) as usize].len() as u64;
                assert!(parse(start) == 0, "round {round}: log start moved: {line}");
                assert!(
                    parse(end) >= known,
                    "round {round}: the log was read up to {known} and now ends: {line}"
                );
            }
            ["R", partition, offset, writer, number] => {
                let records = &mut log[parse(partition) as usize];
                assert_eq!(
                    parse(offset) as usize,
                    records.len(),
                    "round {round}: offsets have no gaps"
                );
                records.push((writer.to_owned(), parse(number)));
            }
            ["O", partition, offset] => {
                committed.insert(parse(partition) as usize, parse(offset) as i64);
            }
            _ => panic!("round {round}: tail said {line}"),
        }
    }
    committed
}

fn parse(word: &str) -> u64 {
    word.parse().unwrap_or_else(|_| panic!("{word} is not a number"))
}
