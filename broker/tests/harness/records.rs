//! Records that every client must carry unchanged, and the text form they are exchanged in.
//!
//! A line is `partition [offset] timestamp key value headers`; bytes are hex, `-` is null, `.` is empty, and headers are
//! `name:value` pairs joined by commas. The offset is there only in what a client has read.

use std::fmt::Write;
use std::time::{SystemTime, UNIX_EPOCH};

#[derive(Clone, Debug)]
pub struct Record {
    pub partition: i32,
    pub timestamp_ms: i64,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

/// What the writing client can express.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Any bytes, headers also with null values, null and empty keys and values, given timestamps.
    Full,
    /// As `Full`, but no null header values.
    NoNullHeader,
    /// Words only, and the broker's or client's own timestamps: what fits on a command line.
    Text,
}

/// `count` records over three partitions; `big` adds one of 1 MiB to each.
pub fn records(shape: Shape, count: usize, big: bool) -> Vec<Record> {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).expect("clock").as_millis() as i64;
    let mut all: Vec<Record> = (0..count)
        .map(|i| record(shape, i, now_ms - 600_000, &mut random))
        .collect();
    if big {
        for partition in 0..3 {
            let value = match shape {
                Shape::Text => random.word(1 << 20),
                _ => random.bytes(1 << 20),
            };
            all.push(Record {
                partition,
                value: Some(value),
                ..record(shape, 1, now_ms, &mut random)
            });
        }
    }
    all
}

fn record(shape: Shape, i: usize, base_ms: i64, random: &mut Random) -> Record {
    let partition = (i % 3) as i32;
    let timestamp_ms = base_ms + i as i64 * 7;
    if shape == Shape::Text {
        let key = (!i.is_multiple_of(4)).then(|| random.word(1 + i % 20));
        let length = 1 + i * 13 % 900;
        return Record {
            partition,
            timestamp_ms,
            key,
            value: Some(random.word(length)),
            headers: vec![],
        };
    }
    let key = match i % 4 {
        0 => None,
        1 => Some(vec![]),
        _ => Some(random.bytes(1 + i % 50)),
    };
    let value = match i % 5 {
        // A record of nothing is refused by some clients.
        0 if key.is_some() => None,
        1 => Some(vec![]),
        2 => Some(vec![b'a'; i * 31 % 5000]),
        _ => Some(random.bytes(i * 17 % 1200)),
    };
    let null_or_empty = if shape == Shape::Full { None } else { Some(vec![]) };
    let headers = match i % 3 {
        0 => vec![],
        1 => vec![("trace".to_owned(), Some(random.bytes(16)))],
        _ => vec![
            // Equal names side by side: some clients group them.
            ("a".to_owned(), Some(vec![0, 255])),
            ("a".to_owned(), Some(vec![1])),
            ("ü".to_owned(), null_or_empty),
        ],
    };
    Record {
        partition,
        timestamp_ms,
        key,
        value,
        headers,
    }
}

/// The form that `produce` reads.
pub fn to_send(records: &[Record]) -> String {
    let mut text = String::new();
    for r in records {
        writeln!(text, "{} {} {}", r.partition, r.timestamp_ms, body(r)).expect("to a string");
    }
    text
}

/// The form that `consume` writes, offsets counted per partition.
pub fn to_expect(records: &[Record]) -> Vec<String> {
    let mut lines = Vec::new();
    for partition in 0..3 {
        for (offset, r) in records.iter().filter(|r| r.partition == partition).enumerate() {
            lines.push(format!("{partition} {offset} {} {}", r.timestamp_ms, body(r)));
        }
    }
    lines
}

/// A line of `consume` without what could not be compared.
pub fn masked(line: &str, with_time: bool, with_headers: bool) -> String {
    let mut words: Vec<&str> = line.split(' ').collect();
    if words.len() == 6 {
        if !with_time {
            words[2] = "*";
        }
        if !with_headers {
            words[5] = "*";
        }
    }
    words.join(" ")
}

/// The line as a reader tells it that cannot tell an empty key or value, of headers too, from none.
pub fn empty_as_null(line: &str) -> String {
    let line = line.replace(":.", ":-");
    let words = line.split(' ').enumerate();
    let words: Vec<&str> = words
        .map(|(at, word)| if (at == 3 || at == 4) && word == "." { "-" } else { word })
        .collect();
    words.join(" ")
}

fn body(r: &Record) -> String {
    let headers: Vec<String> = r
        .headers
        .iter()
        .map(|(name, value)| format!("{}:{}", hex(Some(name.as_bytes())), hex(value.as_deref())))
        .collect();
    let headers = if headers.is_empty() {
        ".".to_owned()
    } else {
        headers.join(",")
    };
    format!("{} {} {headers}", hex(r.key.as_deref()), hex(r.value.as_deref()))
}

fn hex(bytes: Option<&[u8]>) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    match bytes {
        None => "-".to_owned(),
        Some([]) => ".".to_owned(),
        Some(bytes) => {
            let mut text = String::with_capacity(bytes.len() * 2);
            for byte in bytes {
                text.push(DIGITS[usize::from(byte >> 4)] as char);
                text.push(DIGITS[usize::from(byte & 15)] as char);
            }
            text
        }
    }
}

/// xorshift64*: repeatable, and good enough to not compress.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| (self.next() >> 33) as u8).collect()
    }

    fn word(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| b'a' + ((self.next() >> 33) % 26) as u8).collect()
    }
}
