//! Random messages, written from their schema and not by the codec that they test.

use corelane_protocol::schema::{FieldSchema, Kind, Schema, Structure};
use corelane_protocol::wire::Writer;

/// A small deterministic generator (splitmix64).
#[derive(Clone, Debug)]
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to `bound - 1`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }
}

/// The bytes of a random message of that version.
pub fn message(schema: &Schema, version: i16, random: &mut Random) -> Vec<u8> {
    let mut writer = Writer::new();
    let flexible = version >= schema.flexible;
    structure(schema.root, version, flexible, random, &mut writer);
    writer.finish().to_vec()
}

fn structure(of: &Structure, version: i16, flexible: bool, random: &mut Random, w: &mut Writer) {
    let here = |field: &&FieldSchema| field.versions.contains(version);
    for field in of.fields.iter().filter(here).filter(|field| field.tag.is_none()) {
        value(field, version, flexible, random, w);
    }
    if !flexible {
        return;
    }
    let tagged: Vec<_> = of
        .fields
        .iter()
        .filter(here)
        .filter(|field| field.tag.is_some())
        .collect();
    let chosen: Vec<_> = tagged.into_iter().filter(|_| random.one_in(2)).collect();
    w.unsigned_varint(chosen.len() as u32);
    for field in chosen {
        w.tagged_field(field.tag.unwrap(), |w| value(field, version, flexible, random, w));
    }
}

fn value(field: &FieldSchema, version: i16, flexible: bool, random: &mut Random, w: &mut Writer) {
    if field.nullable.contains(version) && random.one_in(4) {
        match field.kind {
            Kind::String => w.nullable_str(None, flexible),
            Kind::Bytes | Kind::Array(_) => w.length(None, flexible),
            Kind::Structure(_) => w.i8(-1),
            other => panic!("{}: {other:?} is never null", field.name),
        }
        return;
    }
    if let (Kind::Structure(_), true) = (field.kind, field.nullable.contains(version)) {
        w.i8(1);
    }
    kind(&field.kind, version, flexible, random, w);
}

fn kind(of: &Kind, version: i16, flexible: bool, random: &mut Random, w: &mut Writer) {
    let number = if random.one_in(3) {
        random.below(5).wrapping_sub(2)
    } else {
        random.next()
    };
    match of {
        Kind::Bool => w.bool(number & 1 == 1),
        Kind::Int8 => w.i8(number as i8),
        Kind::Int16 => w.i16(number as i16),
        Kind::Uint16 => w.u16(number as u16),
        Kind::Int32 => w.i32(number as i32),
        Kind::Int64 => w.i64(number as i64),
        Kind::Float64 => w.f64(number as i32 as f64),
        Kind::Uuid => w.uuid(uuid::Uuid::from_u64_pair(number, random.next())),
        Kind::String => w.nullable_str(Some(&text(random)), flexible),
        Kind::Bytes => {
            let bytes: Vec<u8> = (0..length(random)).map(|_| random.next() as u8).collect();
            w.nullable_bytes(Some(&bytes.into()), flexible);
        }
        Kind::Array(element) => {
            let count = random.below(4);
            w.length(Some(count as usize), flexible);
            (0..count).for_each(|_| kind(element, version, flexible, random, w));
        }
        Kind::Structure(inner) => structure(inner, version, flexible, random, w),
    }
}

/// Names that a broker may know, so that some of what is asked is about something.
const WORDS: &[&str] = &[
    "t",
    "group",
    "1",
    "range",
    "consumer",
    "retention.ms",
    "cleanup.policy",
    "delete",
];

fn text(random: &mut Random) -> String {
    if random.one_in(3) {
        return WORDS[random.below(WORDS.len() as u64) as usize].to_owned();
    }
    const LETTERS: &[char] = &['a', 'Z', '0', '-', '.', '_', 'é', '世', '🦀'];
    (0..length(random))
        .map(|_| LETTERS[random.below(LETTERS.len() as u64) as usize])
        .collect()
}

/// Mostly short, sometimes over the edges where a varint grows.
fn length(random: &mut Random) -> u64 {
    if random.one_in(16) {
        120 + random.below(20)
    } else {
        random.below(9)
    }
}
