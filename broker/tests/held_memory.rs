//! Goal: what clients make a core hold for them is bounded for all of them together, and who behaves is served meanwhile.

mod harness;

use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use corelane_protocol::error_code::ErrorCode;
use corelane_protocol::messages::fetch::{FetchPartition, FetchRequestData, FetchResponse, FetchTopic};
use corelane_protocol::messages::produce::ProduceResponse;
use corelane_protocol::records::Builder;

use harness::broker::Broker;
use harness::wait_until;
use harness::wire::{Wire, errors, produce};

const LIMIT: Duration = Duration::from_secs(30);
const MIB: usize = 1 << 20;
/// What one core lends to readers.
const LENT_BYTES_MAX: usize = 256 * MIB;

fn fetch(topic: &str, bytes_max: usize) -> FetchRequestData {
    FetchRequestData {
        max_wait_ms: 500,
        min_bytes: 1,
        max_bytes: bytes_max as i32,
        topics: vec![FetchTopic {
            topic: topic.to_owned(),
            partitions: vec![FetchPartition {
                partition: 0,
                fetch_offset: 0,
                partition_max_bytes: bytes_max as i32,
                ..Default::default()
            }],
            ..Default::default()
        }],
        ..Default::default()
    }
}

/// Bytes of a topic's first partition that are in files.
fn written_out(broker: &Broker, topic: &str) -> u64 {
    let files = |folder: &Path| {
        std::fs::read_dir(folder)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
    };
    let prefix = format!("{topic}-0.");
    files(&broker.folder().join("data/log"))
        .filter(|log| {
            log.file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with(&prefix))
        })
        .flat_map(|log| files(&log).collect::<Vec<_>>())
        .filter(|file| file.extension().is_some_and(|extension| extension == "log"))
        .filter_map(|file| Some(file.metadata().ok()?.len()))
        .sum()
}

/// Readers that ask for much at the same time and never take it get shares of what there is, not each of them all of it.
#[test]
fn readers_that_never_read_share_what_is_lent() {
    let broker = Broker::start("readers", 1);
    let mut wire = Wire::connect(broker.port);
    wire.create_topic("large", 1);
    wire.create_topic("small", 1);
    wire.send_produce("small", 0, b"x");
    assert_eq!(wire.produced_offset(), 0);
    let value = vec![b'v'; 1_000_000];
    for offset in 0..60 {
        wire.send_produce("large", 0, &value);
        assert_eq!(wire.produced_offset(), offset);
    }
    // Reads of files take time, so that all of them are under way at once.
    let written = wait_until(LIMIT, || (written_out(&broker, "large") > 32 << 20).then_some(()));
    written.expect("records are written out");

    let mut readers: Vec<Wire> = (0..12).map(|_| Wire::connect(broker.port)).collect();
    for reader in &mut readers {
        reader.send(11, &fetch("large", 50 * MIB));
    }
    let answers: Vec<usize> = readers
        .iter_mut()
        .map(|reader| reader.answer_begins().expect("an answer in time"))
        .collect();
    assert!(answers[0] > 40 * MIB, "{answers:?}");
    assert!(answers.iter().sum::<usize>() <= LENT_BYTES_MAX, "{answers:?}");

    let answer: FetchResponse = wire.ask(11, &fetch("small", MIB));
    let partition = &answer.responses[0].partitions[0];
    assert_eq!(partition.error_code, ErrorCode::NONE);
    assert!(!partition.records.concat().is_empty(), "others are served");
    // Who is gone holds nothing.
    drop(readers);
    let whole = wait_until(LIMIT, || {
        let answer: FetchResponse = wire.ask(11, &fetch("large", 50 * MIB));
        let bytes: usize = answer.responses[0].partitions[0]
            .records
            .iter()
            .map(|part| part.len())
            .sum();
        (bytes > 40 * MIB).then_some(())
    });
    whole.expect("there is room again");
}

/// Small batches are copied into the answer, and count as all others.
#[test]
fn answers_of_small_batches_count_too() {
    let broker = Broker::start("small-batches", 1);
    let mut wire = Wire::connect(broker.port);
    wire.create_topic("t", 1);
    let mut builder = Builder::new();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    builder.push(now.as_millis() as i64, None, Some(&[b'v'; 400]));
    let batch = builder.build();
    assert!(batch.len() < 512);
    for _ in 0..3 {
        let answer: ProduceResponse = wire.ask(9, &produce("t", vec![batch.clone(); 17_000]));
        assert!(errors(&answer).iter().all(|error| error.is_none()));
    }
    let mut readers: Vec<Wire> = (0..16).map(|_| Wire::connect(broker.port)).collect();
    let mut together = 0;
    for reader in &mut readers {
        reader.send(11, &fetch("t", 50 * MIB));
        together += reader.answer_begins().expect("an answer in time");
    }
    assert!(together <= LENT_BYTES_MAX, "{together}");
}

/// A large request of which only the beginning comes holds room that others wait for; small ones need none, and who has all
/// that it needs ends.
#[test]
fn half_sent_requests_share_what_is_received() {
    let broker = Broker::start("halves", 1);
    let mut small = Wire::connect(broker.port);
    let large = produce("t", [Bytes::from(vec![0; 80 * MIB])]);
    let began = Instant::now();
    let answer: ProduceResponse = small.ask(9, &large);
    let usual = began.elapsed();
    assert_eq!(errors(&answer), [ErrorCode::UNKNOWN_TOPIC_OR_PARTITION]);
    // 50 MiB of each are there. The first two took memory for a little more while there was enough; the last has room for all of it.
    let mut halves: Vec<Wire> = (0..3).map(|_| Wire::connect(broker.port)).collect();
    let half = [&(100 * MIB as i32).to_be_bytes()[..], &vec![0; 50 * MIB]].concat();
    for wire in &mut halves {
        wire.send_bytes(&half).expect("it is taken");
        small.is_served().expect("small requests are served");
    }
    let (answered, answers) = mpsc::channel();
    let mut whole = Wire::connect(broker.port);
    let asking = thread::spawn(move || {
        let answer: ProduceResponse = whole.ask(9, &large);
        answered.send(answer).expect("the test waits");
    });
    let early = answers.recv_timeout(Duration::from_millis(500) + 4 * usual);
    assert_eq!(early.err(), Some(RecvTimeoutError::Timeout), "there is no room for it");
    small.is_served().expect("small requests are served");
    let fitting: ProduceResponse = small.ask(9, &produce("t", [Bytes::from(vec![0; 20 * MIB])]));
    assert_eq!(errors(&fitting), [ErrorCode::UNKNOWN_TOPIC_OR_PARTITION]);
    // One that is gone leaves room.
    halves.pop();
    let answer = answers.recv_timeout(LIMIT).expect("its turn came");
    assert_eq!(errors(&answer), [ErrorCode::UNKNOWN_TOPIC_OR_PARTITION]);
    asking.join().expect("it was answered");
}
