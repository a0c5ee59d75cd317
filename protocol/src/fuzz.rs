//! Every decoder of bytes from outside as a function of those bytes, for the fuzzer (`fuzz` at the root) and for the bounded
//! runs of `cargo test` (`tests/hostile.rs`). Each must return: no panic, no endless loop, no allocation beyond the input.

use crate::api_key::ApiKey;
use crate::frame;
use crate::header::{RequestHeader, decode_response_header};
use crate::message::{Codec, Message};
use crate::messages::CODECS;
use crate::messages::consumer_protocol::{ConsumerProtocolAssignment, ConsumerProtocolSubscription, from_versioned};
use crate::messages::fetch::{FetchRequest, FetchRequestData};
use crate::messages::produce::{ProduceRequest, ProduceRequestData};
use crate::records::{self, Compression, Limits, Origin, Recompression, Target};
use crate::wire::Reader;

/// Feeds bytes to a decoder.
type Feed = fn(&[u8]);

/// Decoders that are not in [`CODECS`], by name.
pub const OTHERS: &[(&str, Feed)] = &[
    ("Frame", frame_length),
    ("Headers", headers),
    ("EmbeddedVersion", embedded_version),
    ("ProduceVisitor", produce_visitor),
    ("FetchVisitor", fetch_visitor),
    ("Records", record_batches),
    ("SealedBatch", sealed_batch),
];

/// Most bytes that a fuzzed batch may expand to.
const EXPANDED_BYTES_MAX: usize = 1 << 20;

/// The names of all targets.
pub fn targets() -> impl Iterator<Item = &'static str> {
    CODECS
        .iter()
        .map(|codec| codec.schema.root.name)
        .chain(OTHERS.iter().map(|(name, _)| *name))
}

/// Feeds `input` to a target.
///
/// # Panics
/// When there is no such target, or the decoder broke a promise.
pub fn run(target: &str, input: &[u8]) {
    if let Some(codec) = CODECS.iter().find(|codec| codec.schema.root.name == target) {
        return message(codec, input);
    }
    let other = OTHERS.iter().find(|(name, _)| *name == target);
    let (_, decode) = other.unwrap_or_else(|| panic!("no fuzz target {target}"));
    decode(input);
}

/// The first byte chooses the version. What we wrote once, we read and write the same again.
fn message(codec: &Codec, input: &[u8]) {
    let (version, body) = choose_version(codec.schema.versions.first, codec.schema.versions.last, input);
    let Ok(once) = (codec.recode)(body, version) else {
        return;
    };
    let twice = (codec.recode)(&once.bytes, version).expect("what was encoded is decoded");
    assert_eq!(
        (twice.bytes, twice.left),
        (once.bytes, 0),
        "{} v{version}",
        codec.schema.root.name
    );
}

fn choose_version(first: i16, last: i16, input: &[u8]) -> (i16, &[u8]) {
    let (choice, body) = input.split_first().unwrap_or((&0, &[]));
    (first + i16::from(*choice) % (last - first + 1), body)
}

fn frame_length(input: &[u8]) {
    if let Ok(Some(bytes)) = frame::body_bytes(input, 1 << 20) {
        assert!(bytes <= 1 << 20);
    }
}

fn headers(input: &[u8]) {
    let _ = RequestHeader::decode(&mut Reader::new(input));
    let _ = decode_response_header(&mut Reader::new(input), ApiKey::METADATA, 12);
}

fn embedded_version(input: &[u8]) {
    let _ = from_versioned::<ConsumerProtocolSubscription>(input);
    let _ = from_versioned::<ConsumerProtocolAssignment>(input);
}

/// Reading in place and reading into owned values agree.
fn produce_visitor(input: &[u8]) {
    let (version, body) = choose_version(3, 13, input);
    let visited = ProduceRequest::parse(body, version);
    let owned = ProduceRequestData::from_slice(body, version);
    let (Ok(visited), Ok(owned)) = (&visited, &owned) else {
        assert_eq!(visited.is_ok(), owned.is_ok(), "v{version}: both or none");
        return;
    };
    assert_eq!(visited.topics().len(), owned.topic_data.len());
    for (topic, owned) in visited.topics().zip(&owned.topic_data) {
        assert_eq!((topic.name, topic.topic_id), (owned.name.as_str(), owned.topic_id));
        assert_eq!(topic.partitions().len(), owned.partition_data.len());
        for (partition, owned) in topic.partitions().zip(&owned.partition_data) {
            assert_eq!(
                (partition.index, partition.records),
                (owned.index, owned.records.as_deref())
            );
        }
    }
    assert_eq!((visited.acks, visited.timeout_ms), (owned.acks, owned.timeout_ms));
    assert_eq!(visited.transactional_id, owned.transactional_id.as_deref());
}

/// Reading in place and reading into owned values agree.
fn fetch_visitor(input: &[u8]) {
    let (version, body) = choose_version(4, 18, input);
    let visited = FetchRequest::parse(body, version);
    let owned = FetchRequestData::from_slice(body, version);
    let (Ok(visited), Ok(owned)) = (&visited, &owned) else {
        assert_eq!(visited.is_ok(), owned.is_ok(), "v{version}: both or none");
        return;
    };
    assert_eq!(visited.topics().len(), owned.topics.len());
    for (topic, owned) in visited.topics().zip(&owned.topics) {
        assert_eq!((topic.name, topic.topic_id), (owned.topic.as_str(), owned.topic_id));
        assert!(topic.partitions().eq(owned.partitions.iter().cloned()));
    }
    assert_eq!(visited.forgotten().len(), owned.forgotten_topics_data.len());
    for (topic, owned) in visited.forgotten().zip(&owned.forgotten_topics_data) {
        assert_eq!((topic.name, topic.topic_id), (owned.topic.as_str(), owned.topic_id));
        assert!(topic.partitions().eq(owned.partitions.iter().copied()));
    }
    let replica_id = if version < 15 {
        owned.replica_id
    } else {
        owned.replica_state.replica_id
    };
    assert_eq!(
        (visited.replica.replica_id, visited.session_epoch),
        (replica_id, owned.session_epoch)
    );
    assert_eq!(
        (visited.rack_id, visited.cluster_id),
        (owned.rack_id.as_str(), owned.cluster_id.as_deref())
    );
    assert_eq!(
        (visited.max_wait_ms, visited.min_bytes),
        (owned.max_wait_ms, owned.min_bytes)
    );
    assert_eq!(
        (visited.max_bytes, visited.isolation_level),
        (owned.max_bytes, owned.isolation_level)
    );
    assert_eq!(visited.session_id, owned.session_id);
}

fn record_batches(input: &[u8]) {
    let _ = records::verify(input, &Limits::client(1 << 20));
    for batch in records::batches(input) {
        if batch.is_err() {
            break;
        }
    }
    if let Ok(found) = records::records(input) {
        for record in found {
            if record.is_err() {
                break;
            }
        }
    }
}

/// A batch whose length and CRC are right, so that what is behind them is reached: the codecs and the records. What a
/// client may hand in can be read, and says the same in every other codec.
fn sealed_batch(input: &[u8]) {
    let Some((choice, batch)) = input.split_first() else {
        return;
    };
    let mut batch = batch.to_vec();
    if !records::make_sound(&mut batch) {
        return;
    }
    let client = Limits {
        decompressed_bytes_max: EXPANDED_BYTES_MAX,
        ..Limits::client(usize::MAX)
    };
    let replication = Limits {
        origin: Origin::Replication,
        ..client
    };
    let _ = records::verify(&batch, &replication);
    let Ok(verified) = records::verify(&batch, &client) else {
        return;
    };
    let count = verified.header.records_count as usize;
    let found = records::records(&batch).expect("a verified batch is read");
    assert_eq!(found.filter(Result::is_ok).count(), count);

    let codec = Compression::ALL[usize::from(*choice) % Compression::ALL.len()];
    let target = Target { codec, level: None };
    let mut recompression = Recompression::begin(&batch, target, EXPANDED_BYTES_MAX).expect("a verified batch");
    let other = loop {
        if let Some(other) = recompression.step().expect("a verified batch expands") {
            break other;
        }
    };
    let again = records::verify(&other, &client).expect("the records are the same");
    assert_eq!(
        (
            again.records_bytes,
            again.max_timestamp,
            again.max_timestamp_offset_delta
        ),
        (
            verified.records_bytes,
            verified.max_timestamp,
            verified.max_timestamp_offset_delta
        )
    );
}
