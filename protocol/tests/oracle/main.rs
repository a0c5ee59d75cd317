//! Goal: our codecs agree, byte for byte, with two independent implementations of the same schemas.
//!
//! For every message, every version that both sides know and many seeds: random bytes written from our schema are decoded
//! and encoded by us, which gives the canonical bytes; the oracle decodes and encodes those, and must give the same
//! bytes; we decode what the oracle encoded, and must give the same again. Going through bytes spares a conversion
//! between each pair of structs, and any field in a wrong place, version or encoding moves bytes.

#[path = "../random/mod.rs"]
mod random;

mod kafka_protocol_oracle;
mod kafka_wire_oracle;

use corelane_protocol::message::Codec;
use corelane_protocol::messages::CODECS;
use random::Random;
use std::ops::RangeInclusive;

/// Another implementation of one message.
struct Oracle {
    name: &'static str,
    versions: RangeInclusive<i16>,
    recode: fn(&[u8], i16) -> Result<Vec<u8>, String>,
}

/// Messages of each version that are tried.
const SEEDS: u64 = 60;

fn codec(name: &str) -> &'static Codec {
    let ours = |codec: &&Codec| codec.schema.root.name.trim_end_matches("Data") == name;
    CODECS.iter().find(ours).unwrap_or_else(|| panic!("{name} is not ours"))
}

fn agree(oracles: &[Oracle]) {
    assert_eq!(oracles.len(), CODECS.len(), "an oracle for every message");
    let mut versions_compared = 0;
    for oracle in oracles {
        let codec = codec(oracle.name);
        for version in codec.schema.versions.first..=codec.schema.versions.last {
            if !oracle.versions.contains(&version) {
                continue;
            }
            versions_compared += 1;
            for seed in 0..SEEDS {
                let context = format!("{} v{version} seed {seed}", oracle.name);
                let written = random::message(codec.schema, version, &mut Random(seed));
                let canonical = (codec.recode)(&written, version).expect(&context);
                assert_eq!(canonical.left, 0, "{context}: whole input read");
                let canonical = canonical.bytes;
                let theirs = (oracle.recode)(&canonical, version).unwrap_or_else(|why| panic!("{context}: {why}"));
                assert_eq!(hex(&theirs), hex(&canonical), "{context}: they write what we wrote");
                let ours = (codec.recode)(&theirs, version).expect(&context).bytes;
                assert_eq!(hex(&ours), hex(&theirs), "{context}: we write what they wrote");
            }
        }
    }
    assert!(
        versions_compared > 250,
        "only {versions_compared} versions of messages were compared"
    );
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Goal: the random bytes are what the schema says, and nothing of them is lost: without tagged fields at their default,
/// encoding gives back the input exactly.
#[test]
fn what_the_schema_wrote_comes_back() {
    for codec in CODECS {
        for version in codec.schema.versions.first..codec.schema.flexible.min(codec.schema.versions.last + 1) {
            for seed in 0..SEEDS {
                let written = random::message(codec.schema, version, &mut Random(seed));
                let ours = (codec.recode)(&written, version).unwrap();
                let context = format!("{} v{version} seed {seed}", codec.schema.root.name);
                assert_eq!((hex(&ours.bytes), ours.left), (hex(&written), 0), "{context}");
            }
        }
    }
}

/// Goal: tables are well-formed: versions lie within the message's, tags ascend and are only in flexible versions.
#[test]
fn tables_are_well_formed() {
    use corelane_protocol::schema::{Kind, Schema, Structure};
    fn check(schema: &Schema, structure: &Structure) {
        let tags: Vec<u32> = structure.fields.iter().filter_map(|field| field.tag).collect();
        assert!(
            tags.windows(2).all(|pair| pair[0] < pair[1]),
            "{}: tags ascend",
            structure.name
        );
        for field in structure.fields {
            let context = format!("{}.{}", structure.name, field.name);
            assert!(
                field.versions.first <= schema.versions.last,
                "{context} begins in a version we do not speak"
            );
            assert!(
                field.tag.is_none() || field.versions.first >= schema.flexible,
                "{context}: tag needs flexible"
            );
            let mut kind = &field.kind;
            while let Kind::Array(element) = kind {
                kind = element;
            }
            if let Kind::Structure(inner) = kind {
                check(schema, inner);
            }
        }
    }
    for codec in CODECS {
        check(codec.schema, codec.schema.root);
        let key = codec.schema.api_key;
        if key.name().is_some() {
            assert_eq!(codec.schema.flexible, key.flexible(), "{key}: flexible in both tables");
        }
    }
}
