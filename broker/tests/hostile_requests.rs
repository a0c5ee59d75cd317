//! Goal: no bytes of one client keep others from being served, end a core's work, or make the broker hold more than its budget.
//!
//! Requests of every API and version of the table are written from their schemas and then damaged: cut, with absurd lengths, wrong
//! types, unknown tags, broken batches. `SEED=n` repeats one run; more rounds with `ROUNDS=n`.
//!
//! Nothing is judged by time: a witness beside produces and fetches, and has to get on while all this arrives. It tells how long it
//! waited: `cargo test --release -p corelane-broker --test hostile_requests -- --nocapture --test-threads 1`.

mod harness;

#[path = "hostile/damage.rs"]
mod damage;
#[path = "../../protocol/tests/random/mod.rs"]
mod random;
#[path = "hostile/witness.rs"]
mod witness;

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use bytes::Bytes;
use corelane_broker::api::table::APIS;
use corelane_protocol::api_key::ApiKey;
use corelane_protocol::message::Message;
use corelane_protocol::messages::{ApiVersionsRequest, CODECS, produce::ProduceRequestData};
use corelane_protocol::records::{Builder, Compression};

use damage::{Hostile, frame_of};
use harness::broker::Broker;
use harness::wire::{Wire, produce};
use random::Random;
use witness::Witness;

const MIB: u64 = 1 << 20;
/// What the broker may have in RAM at the end of any of these: its rest, the witness's log, and what many small requests take.
const RESIDENT_BYTES_MAX: u64 = 384 * MIB;
/// Connections that are kept open behind the newest one, each with something unanswered or unfinished.
const KEPT: usize = 150;
/// Hostile requests between two looks at the witness.
const BATCH: usize = 40;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(default)
}

/// Bytes in RAM, as the kernel says.
fn resident_bytes(broker: &Broker) -> u64 {
    let pid = broker.pid().expect("it runs");
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the broker lives");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .expect("a size");
    line.split_whitespace()
        .next()
        .and_then(|kib| kib.parse::<u64>().ok())
        .expect("a number")
        << 10
}

/// Clients of whom nobody expects an answer; what comes is thrown away.
struct Crowd<'a> {
    broker: &'a Broker,
    open: VecDeque<TcpStream>,
    sent: usize,
    answered: usize,
}

impl<'a> Crowd<'a> {
    fn new(broker: &'a Broker) -> Crowd<'a> {
        Crowd {
            broker,
            open: VecDeque::new(),
            sent: 0,
            answered: 0,
        }
    }

    /// On a connection of its own, which stays open for a while.
    fn send(&mut self, bytes: &[u8]) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.broker.port)).expect("the broker listens");
        stream.set_write_timeout(Some(Duration::from_secs(5))).expect("a limit");
        // The broker may close at the first bytes.
        let _ = stream.write_all(bytes);
        stream.set_nonblocking(true).expect("no waiting");
        self.open.push_back(stream);
        if self.open.len() > KEPT {
            let mut oldest = self.open.pop_front().expect("there are many");
            self.answered += usize::from(oldest.read(&mut [0; 4096]).is_ok_and(|bytes| bytes > 0));
        }
        self.sent += 1;
    }
}

/// What must hold after anything.
fn nobody_was_hurt(broker: &Broker, witness: &Witness, what: &str) {
    witness.gets_on(what, || broker.log_tail());
    let log = broker.log_text();
    assert!(
        !log.contains("panicked"),
        "{what}: a task panicked\n{}",
        broker.log_tail()
    );
    let resident = resident_bytes(broker);
    assert!(resident < RESIDENT_BYTES_MAX, "{what}: {} MiB in RAM", resident / MIB);
}

/// The test of the tests: a broker that is gone is noticed.
#[test]
fn the_witness_notices_when_nobody_answers() {
    let mut broker = Broker::start("gone", 1);
    let witness = Witness::start(broker.port);
    witness.gets_on("while it runs", String::new);
    broker.kill();
    let noticed = catch_unwind(AssertUnwindSafe(|| witness.gets_on("when it is gone", String::new)));
    assert!(noticed.is_err());
}

/// Every API and version, damaged in every way.
#[test]
fn damaged_requests_hurt_nobody() {
    let seed = number("SEED", 1);
    let rounds = number("ROUNDS", 1);
    let broker = Broker::start("damaged", 2);
    let witness = Witness::start(broker.port);
    witness.gets_on_for(300, "before anybody", || broker.log_tail());
    witness.tell("alone");
    // What random requests know by name.
    Wire::connect(broker.port).create_topic("t", 3);
    let mut crowd = Crowd::new(&broker);
    for seed in seed..seed + rounds {
        for api in APIS {
            let name = api.key.to_string();
            let codec = CODECS
                .iter()
                .find(|codec| codec.schema.api_key == api.key && codec.schema.root.name.contains("Request"))
                .unwrap_or_else(|| panic!("{name} has no schema"));
            for version in api.advertised_min..=*api.versions.end() {
                if !codec.schema.versions.contains(version) {
                    crowd.send(&frame_of(api.key, version, 1, &[0; 40]));
                    continue;
                }
                let mut random = Random(seed << 32 | (api.key.0 as u64) << 16 | version as u64);
                for hostile in Hostile::ALL {
                    let body = random::message(codec.schema, version, &mut random);
                    crowd.send(&hostile.request(api.key, version, body, &mut random));
                    if crowd.sent.is_multiple_of(BATCH) {
                        nobody_was_hurt(&broker, &witness, &format!("SEED={seed} {name} v{version} {hostile:?}"));
                    }
                }
            }
        }
        // APIs that nobody serves, versions that nobody has.
        let mut random = Random(seed);
        for _ in 0..BATCH {
            let key = ApiKey(random.next() as i16);
            let version = random.next() as i16;
            crowd.send(&frame_of(key, version, 1, &random.next().to_be_bytes()));
        }
        nobody_was_hurt(&broker, &witness, &format!("SEED={seed} unknown APIs"));
    }
    let (sent, answered) = (crowd.sent, crowd.answered);
    assert!(
        answered > sent / 10 && answered < sent,
        "{answered} of {sent} were answered: some are sound, and most are not"
    );
    drop(crowd);
    nobody_was_hurt(&broker, &witness, "the end");
    witness.tell("beside damaged requests");
    witness.stop();
}

/// Batches that are broken, nested in what unpacks, or unpack to far more than they are.
#[test]
fn damaged_batches_hurt_nobody_and_are_not_stored() {
    let seed = number("SEED", 1);
    // Some batches say that they are from 1970.
    let broker = Broker::start_with("batches", 1, &[("log.retention.ms", "-1")]);
    let witness = Witness::start(broker.port);
    let mut wire = Wire::connect(broker.port);
    wire.create_topic("t", 1);
    let mut crowd = Crowd::new(&broker);
    let mut random = Random(seed);
    for round in 0..240_u64 {
        let codec = [
            Compression::None,
            Compression::Gzip,
            Compression::Snappy,
            Compression::Lz4,
            Compression::Zstd,
        ][(round % 5) as usize];
        let mut builder = Builder::new().compression(codec);
        for _ in 0..1 + random.below(4) {
            builder.push(1, Some(&random.next().to_be_bytes()), Some(&[round as u8; 100]));
        }
        let mut batch = builder.build().to_vec();
        damage::batch(&mut batch, &mut random);
        let request = produce("t", [Bytes::from(batch)]);
        crowd.send(&frame_of(ProduceRequestData::API_KEY, 9, 1, &request.to_bytes(9)));
        if crowd.sent.is_multiple_of(BATCH) {
            nobody_was_hurt(&broker, &witness, &format!("SEED={seed} batch {round}"));
        }
    }
    // 48 MiB of zeros in a few KiB, a hundred times: what they expand to is bounded by request, one after the other.
    let mut bomb = Builder::new().compression(Compression::Zstd);
    bomb.push(1, None, Some(&vec![0; 48 << 20]));
    let bomb = bomb.build();
    assert!(bomb.len() < 64 << 10);
    for _ in 0..10 {
        let request = produce("t", vec![bomb.clone(); 10]);
        crowd.send(&frame_of(ProduceRequestData::API_KEY, 9, 1, &request.to_bytes(9)));
    }
    witness.gets_on("bombs", || broker.log_tail());
    drop(crowd);
    nobody_was_hurt(&broker, &witness, "bombs that went off");
    // Whatever was stored is sound to the last byte: everything can be fetched.
    wire.send_produce("t", 0, b"last");
    let last = wire.produced_offset();
    let mut offset = 0;
    while offset <= last {
        wire.send_fetch("t", 0, offset);
        let found = wire.fetched();
        offset = found.last().expect("a record").0 + 1;
    }
    witness.tell("beside damaged batches and bombs");
    witness.stop();
}

/// As many connections as the test may have, none of which ever says a whole request.
#[test]
fn silent_and_halting_connections_hurt_nobody() {
    const WANTED: u64 = 3000;
    let limits = std::fs::read_to_string("/proc/self/limits").expect("limits");
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))
        .expect("a limit");
    let may = line
        .split_whitespace()
        .next()
        .and_then(|soft| soft.parse::<u64>().ok())
        .unwrap_or(u64::MAX);
    let count = WANTED.min(may.saturating_sub(200));
    let broker = Broker::start("silent", 2);
    let witness = Witness::start(broker.port);
    witness.gets_on("before anybody", || broker.log_tail());
    let before = resident_bytes(&broker);
    let whole = frame_of(ApiVersionsRequest::API_KEY, 0, 1, &[]);
    let beginnings: [&[u8]; 6] = [
        b"",
        b"\0",
        b"\0\0\x10\0",
        &whole[..7],
        b"\x16\x03\x01\x02\x00",
        b"GET / HTTP/1.1\r\n",
    ];
    let mut silent = Vec::new();
    for index in 0..count {
        let mut stream = TcpStream::connect(("127.0.0.1", broker.port)).expect("the kernel takes it");
        let _ = stream.write_all(beginnings[index as usize % beginnings.len()]);
        silent.push(stream);
        if index.is_multiple_of(500) {
            witness.gets_on(&format!("{index} silent connections"), || broker.log_tail());
        }
    }
    nobody_was_hurt(&broker, &witness, "all of them");
    let each = resident_bytes(&broker).saturating_sub(before) / count;
    assert!(each < 48 << 10, "{each} bytes for a connection that says nothing");
    drop(silent);
    Wire::connect(broker.port)
        .is_served()
        .expect("there is room for others");
    nobody_was_hurt(&broker, &witness, "when they are gone");
    witness.tell("beside silent connections");
    witness.stop();
}

/// Who asks and asks, and takes no answer, is left unread, and waits by itself.
#[test]
fn who_never_reads_is_not_read_for_ever() {
    const SENT_BYTES_MAX: usize = 256 << 20;
    let broker = Broker::start("unread", 1);
    let witness = Witness::start(broker.port);
    let request = frame_of(ApiVersionsRequest::API_KEY, 0, 1, &[]);
    let burst = request.repeat((64 << 10) / request.len());
    let mut streams: Vec<TcpStream> = (0..4)
        .map(|_| {
            let stream = TcpStream::connect(("127.0.0.1", broker.port)).expect("connect");
            stream
                .set_write_timeout(Some(Duration::from_millis(500)))
                .expect("a limit");
            stream
        })
        .collect();
    for stream in &mut streams {
        let mut sent = 0;
        while sent < SENT_BYTES_MAX && stream.write_all(&burst).is_ok() {
            sent += burst.len();
        }
        assert!(sent < SENT_BYTES_MAX, "it reads on although nobody takes its answers");
        nobody_was_hurt(&broker, &witness, "a client that never reads");
    }
    witness.tell("beside clients that never read");
    witness.stop();
}
