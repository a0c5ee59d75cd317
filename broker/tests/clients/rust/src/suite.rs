//! The checks, each on a topic of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rdkafka::Offset;
use rdkafka::types::RDKafkaErrorCode;

use crate::adapter::{Client, send, wait_until};
use crate::lines::Record;

type Check = (&'static str, fn(&Client, &str));

const CHECKS: &[Check] = &[
    ("admin", admin),
    ("roundtrip_none", |client, topic| roundtrip(client, topic, "none")),
    ("roundtrip_gzip", |client, topic| roundtrip(client, topic, "gzip")),
    ("roundtrip_snappy", |client, topic| roundtrip(client, topic, "snappy")),
    ("roundtrip_lz4", |client, topic| roundtrip(client, topic, "lz4")),
    ("roundtrip_zstd", |client, topic| roundtrip(client, topic, "zstd")),
    ("one_mib", one_mib),
    ("keyed", keyed),
    ("list_offsets", list_offsets),
    ("idempotent", idempotent),
    ("groups", groups),
    ("restart", restart),
];

/// Prints a line for every check and gives the exit code.
pub fn run(client: &Client) -> i32 {
    let mut code = 0;
    for (name, check) in CHECKS {
        let begin = Instant::now();
        let topic = format!("rdkafka-{name}-{}", std::process::id());
        if catch_unwind(AssertUnwindSafe(|| check(client, &topic))).is_ok() {
            println!("ok {name} {:.1}s", begin.elapsed().as_secs_f64());
        } else {
            println!("FAIL {name} as standard error says");
            code = 1;
        }
    }
    code
}

fn admin(client: &Client, topic: &str) {
    client.create(topic, 3, &[("retention.ms", "7200000")]).expect("create");
    wait_until("topic has 3 partitions", || client.partitions(topic) == 3);
    assert_eq!(client.get_config(topic, "retention.ms").as_deref(), Some("7200000"));
    client.set_config(topic, "retention.ms", "3600000");
    wait_until("altered config shows", || {
        client.get_config(topic, "retention.ms").as_deref() == Some("3600000")
    });
    client.add_partitions(topic, 5);
    wait_until("topic has 5 partitions", || client.partitions(topic) == 5);
    assert_eq!(client.create(topic, 1, &[]), Err(RDKafkaErrorCode::TopicAlreadyExists));
    client.delete(topic);
    wait_until("topic is gone", || client.partitions(topic) == 0);
}

/// Bytes that do not compress, the same for the same seed.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 24) as u8
    };
    (0..length).map(|_| next()).collect()
}

fn now_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970")
        .as_millis() as i64
}

fn roundtrip(client: &Client, topic: &str, codec: &str) {
    client.create(topic, 3, &[]).expect("create");
    let mut ends = [0; 3];
    let mut records: Vec<Record> = (0..600u64)
        .map(|number| {
            let partition = (number % 3) as usize;
            ends[partition] += 1;
            let keys = [
                None,
                Some(Vec::new()),
                Some(format!("key-{number}").into_bytes()),
                Some(noise(number, 40)),
            ];
            let zeros = vec![b'a'; number as usize * 7 % 3000];
            let values = [
                Some(b"value".to_vec()),
                Some(noise(number, number as usize)),
                Some(Vec::new()),
                Some(zeros),
                None,
            ];
            let headers = [
                Vec::new(),
                vec![("trace".to_owned(), Some(noise(number, 16)))],
                vec![
                    ("a".to_owned(), Some(vec![0, 255])),
                    ("ü".to_owned(), None),
                    ("a".to_owned(), Some(vec![1])),
                ],
            ];
            Record {
                partition: partition as i32,
                offset: ends[partition] - 1,
                timestamp: Some(now_ms() - 3_600_000 + number as i64 * 10),
                key: keys[number as usize % 4].clone(),
                value: values[number as usize % 5].clone(),
                headers: headers[number as usize % 3].clone(),
            }
        })
        .collect();
    send(&client.producer(codec, false), &records, topic);
    records.sort_by_key(|record| (record.partition, record.offset));
    let lines = |records: &[Record]| records.iter().map(Record::line).collect::<Vec<_>>();
    assert_eq!(lines(&client.read(topic)), lines(&records));
}

fn one_mib(client: &Client, topic: &str) {
    client
        .create(topic, 1, &[("max.message.bytes", "2097152")])
        .expect("create");
    let values = [noise(1, 1 << 20), vec![b'z'; 1 << 20], noise(2, 1 << 20)];
    for value in &values {
        let record = Record {
            value: Some(value.clone()),
            ..Record::default()
        };
        send(&client.producer("none", false), &[record], topic);
    }
    let read: Vec<_> = client
        .read(topic)
        .into_iter()
        .filter_map(|record| record.value)
        .collect();
    assert!(read == values, "{} values of 1 MiB", read.len());
}

fn numbered(partition: i32, number: usize) -> Record {
    Record {
        partition,
        value: Some(number.to_string().into_bytes()),
        ..Record::default()
    }
}

fn number(record: &Record) -> usize {
    let value = record.value.as_deref().expect("a value");
    std::str::from_utf8(value).expect("text").parse().expect("a number")
}

fn keyed(client: &Client, topic: &str) {
    client.create(topic, 4, &[]).expect("create");
    let record = |index| Record {
        key: Some(format!("k{}", index % 97).into_bytes()),
        ..numbered(-1, index)
    };
    send(
        &client.producer("none", false),
        &(0..4000).map(record).collect::<Vec<_>>(),
        topic,
    );
    let read = client.read(topic);
    assert_eq!(read.len(), 4000);
    let mut homes = BTreeMap::new();
    let mut last = BTreeMap::new();
    for record in &read {
        let home = *homes.entry(record.key.clone()).or_insert(record.partition);
        assert_eq!(home, record.partition, "partition of {:?}", record.key);
        let before = last.insert(record.key.clone(), number(record));
        assert!(
            before < Some(number(record)),
            "{:?}: {} after {before:?}",
            record.key,
            number(record)
        );
    }
    assert_eq!(homes.values().collect::<BTreeSet<_>>().len(), 4, "partitions used");
}

fn list_offsets(client: &Client, topic: &str) {
    client.create(topic, 1, &[]).expect("create");
    assert_eq!(client.offsets(topic), [(0, 0)], "empty log");
    let base = now_ms() - 1_000_000;
    for first in (0..100).step_by(10) {
        let record = |index: i64| Record {
            timestamp: Some(base + index * 1000),
            value: Some(b"v".to_vec()),
            ..Record::default()
        };
        send(
            &client.producer("none", false),
            &(first..first + 10).map(record).collect::<Vec<_>>(),
            topic,
        );
    }
    assert_eq!(client.offsets(topic), [(0, 100)], "start and end");
    for (at, offset) in [(-5, 0), (0, 0), (1, 1), (55_000, 55), (99_000, 99), (99_001, 100)] {
        assert_eq!(client.offset_at(topic, 0, base + at), offset, "offset at {at}");
    }
}

fn idempotent(client: &Client, topic: &str) {
    client.create(topic, 2, &[]).expect("create");
    let records: Vec<_> = (0..6000).map(|index| numbered(index as i32 % 2, index)).collect();
    send(&client.producer("none", true), &records, topic);
    expect_numbers(client, topic, 6000);
}

/// Partition 0 has the even numbers below, partition 1 the odd ones, each once and in order.
fn expect_numbers(client: &Client, topic: &str, below: usize) {
    let read = client.read(topic);
    for partition in 0..2 {
        let of_partition = read.iter().filter(|record| record.partition == partition as i32);
        let want: Vec<usize> = (partition..below).step_by(2).collect();
        assert_eq!(
            of_partition.map(number).collect::<Vec<_>>(),
            want,
            "partition {partition}"
        );
    }
}

/// A consumer of a group, on a thread of its own.
struct Member {
    count: Arc<AtomicUsize>,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Member {
    fn join(brokers: &str, group: &str, on_value: impl Fn(String) + Send + 'static) -> Member {
        let (count, is_over) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (counted, over) = (count.clone(), is_over.clone());
        let (brokers, group) = (brokers.to_owned(), group.to_owned());
        let thread = std::thread::spawn(move || {
            let client = Client::new(&brokers);
            let on_value = |value| {
                counted.fetch_add(1, Ordering::Relaxed);
                on_value(value);
            };
            client.consume(&group, &group, || over.load(Ordering::Relaxed), on_value);
        });
        Member {
            count,
            is_over,
            thread: Some(thread),
        }
    }

    fn has_read(&self, more_than: usize) -> bool {
        self.count.load(Ordering::Relaxed) > more_than
    }

    fn stop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the member ended well");
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}

fn groups(client: &Client, topic: &str) {
    client.create(topic, 4, &[]).expect("create");
    let read = Arc::new(Mutex::new(BTreeSet::new()));
    let join = || {
        let read = read.clone();
        Member::join(client.brokers(), topic, move |value| {
            read.lock().expect("read").insert(value);
        })
    };
    let size = || read.lock().expect("read").len();
    let is_over = Arc::new(AtomicBool::new(false));
    let writer = {
        let (is_over, brokers, topic) = (is_over.clone(), client.brokers().to_owned(), topic.to_owned());
        std::thread::spawn(move || {
            let producer = Client::new(&brokers).producer("none", false);
            let mut sent = 0;
            while !is_over.load(Ordering::Relaxed) {
                let records: Vec<_> = (sent..sent + 40)
                    .map(|index| numbered(index as i32 % 4, index))
                    .collect();
                send(&producer, &records, &topic);
                sent += 40;
                std::thread::sleep(Duration::from_millis(20));
            }
            sent
        })
    };
    let mut members = vec![join()];
    wait_until("first member reads", || members[0].has_read(100));
    members.extend([join(), join()]);
    wait_until("second and third member read", || {
        members[1].has_read(40) && members[2].has_read(40)
    });
    members[0].stop();
    let seen = size();
    wait_until("group goes on without the first", || size() > seen + 200);
    members.push(join());
    wait_until("fourth member reads", || members[3].has_read(40));
    is_over.store(true, Ordering::Relaxed);
    let sent = writer.join().expect("the writer ended well");
    wait_until("all records are read", || size() == sent);
    assert_eq!(client.members(topic), 3);
    members.iter_mut().for_each(Member::stop);
    let ends: Vec<_> = client
        .offsets(topic)
        .iter()
        .map(|(_, end)| Offset::Offset(*end))
        .collect();
    assert_eq!(client.committed(topic, topic), ends);

    let late = Arc::new(Mutex::new(Vec::new()));
    let values = late.clone();
    let mut member = Member::join(client.brokers(), topic, move |value| {
        values.lock().expect("late").push(value)
    });
    let record = |partition| Record {
        partition,
        value: Some(b"late".to_vec()),
        ..Record::default()
    };
    send(
        &client.producer("none", false),
        &(0..4).map(record).collect::<Vec<_>>(),
        topic,
    );
    wait_until("new member reads the new records", || member.has_read(3));
    member.stop();
    assert_eq!(
        *late.lock().expect("late"),
        ["late"; 4],
        "new member starts at the commit"
    );
    client.delete_group(topic);
}

fn restart(client: &Client, topic: &str) {
    client.create(topic, 2, &[]).expect("create");
    let producer = client.producer("none", true);
    let write = |from: usize| {
        let records: Vec<_> = (from..from + 500)
            .map(|index| numbered(index as i32 % 2, index))
            .collect();
        send(&producer, &records, topic);
    };
    write(0);
    let read = Arc::new(Mutex::new(BTreeSet::new()));
    let values = read.clone();
    let mut member = Member::join(client.brokers(), topic, move |value| {
        values.lock().expect("read").insert(value);
    });
    let size = || read.lock().expect("read").len();
    wait_until("member reads before", || size() == 500);
    println!("restart");
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).expect("the harness answers");
    assert_eq!(answer.trim(), "done");
    write(500);
    wait_until("member reads after", || size() == 1000);
    member.stop();
    assert_eq!(
        client.committed(topic, topic),
        [Offset::Offset(500), Offset::Offset(500)]
    );
    expect_numbers(client, topic, 1000);
}
