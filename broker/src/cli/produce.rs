//! `corelane produce`: lines from standard input become records.
//!
//! A thread reads lines; whatever has come in until the last batch was acknowledged makes the next one. So a person
//! typing sees each line go out at once, and a file goes out in large batches.

use super::client::{Acknowledged, Client, ClientError, Producer, partition_of_key};
use super::options::{Cluster, KeyValue};
use super::output::{Progress, print_text};
use clap::{Args, ValueEnum};
use corelane_protocol::records::{Builder, Compression};
use serde_json::json;
use std::collections::BTreeMap;
use std::io::{self, BufRead};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

/// Write lines from standard input as records.
#[derive(Args, Clone, Debug)]
pub struct Produce {
    /// The topic to write to.
    #[arg(value_name = "TOPIC")]
    topic: String,

    /// Write to this partition; by the key's hash, or to one after another without keys, if not given.
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(i32).range(0..))]
    partition: Option<i32>,

    /// What stands between key and value in each line, such as ':'. Without it, records have no key.
    #[arg(long, short = 'k', value_name = "TEXT")]
    key_separator: Option<String>,

    /// Headers of every record.
    #[arg(
        long,
        short = 'H',
        value_name = "KEY=VALUE,…",
        value_delimiter = ',',
        visible_alias = "header"
    )]
    headers: Vec<KeyValue>,

    /// A value that is just this becomes null: it deletes its key in a compacted topic.
    #[arg(long, value_name = "TEXT")]
    null_value: Option<String>,

    #[arg(long, short = 'z', value_enum, default_value_t)]
    compression: Codec,

    /// Who must have a record before it counts as written.
    #[arg(long, value_enum, default_value_t)]
    acks: Acks,

    /// Most bytes of a batch before compression.
    #[arg(long, value_name = "BYTES", default_value_t = 256 << 10, value_parser = clap::value_parser!(u32).range(1..=1 << 20))]
    batch_bytes: u32,
}

/// How batches are compressed.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Codec {
    #[default]
    None,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

/// Who must have a record.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Acks {
    /// Every in-sync replica, on disk.
    #[default]
    All,
    /// The leader, on disk.
    #[value(name = "1", alias = "leader")]
    Leader,
    /// Nobody; losses go unnoticed.
    #[value(name = "0", alias = "none")]
    None,
}

/// Lines that wait for the batch under way, at most.
const LINES_AHEAD: usize = 10_000;

/// One line, taken apart.
#[derive(Debug, PartialEq, Eq)]
struct Line<'a> {
    key: Option<&'a [u8]>,
    value: Option<&'a [u8]>,
}

impl Produce {
    pub fn run(&self, cluster: &Cluster) -> Result<(), ClientError> {
        let mut client = Client::connect(cluster)?;
        let mut producer = Producer::open(&mut client, &self.topic, self.acks_number())?;
        if let Some(partition) = self.partition.filter(|partition| *partition >= producer.partitions()) {
            let last = producer.partitions() - 1;
            return Err(ClientError::UnknownPartition {
                topic: self.topic.clone(),
                partition,
                last,
            });
        }
        let lines = read_lines();
        let mut written = BTreeMap::new();
        let mut progress = Progress::start();
        let mut round = 0;
        while let Ok(first) = lines.recv() {
            let mut batches = BTreeMap::new();
            let mut line = Some(first?);
            while let Some(text) = line {
                self.add(&text, round, producer.partitions(), &mut batches)?;
                let is_full = batches
                    .values()
                    .any(|batch: &Builder| batch.uncompressed_bytes() >= self.batch_bytes as usize);
                line = if is_full {
                    None
                } else {
                    lines.try_recv().ok().transpose()?
                };
            }
            for (partition, batch) in batches {
                let count = batch.records_count();
                let acknowledged = producer.send(&mut client, partition, batch)?;
                *written.entry(partition).or_insert(0i64) += i64::from(count);
                if cluster.json {
                    self.tell(acknowledged, count)?;
                }
            }
            progress.tick(|| format!("{} records written", written.values().sum::<i64>()));
            round += 1;
        }
        progress.end();
        if cluster.json {
            return Ok(());
        }
        self.sum_up(&written)
    }

    /// Puts a line's record into the batch of its partition.
    fn add(
        &self,
        text: &[u8],
        round: i32,
        partitions: i32,
        batches: &mut BTreeMap<i32, Builder>,
    ) -> Result<(), ClientError> {
        let line = self.take_apart(text)?;
        let partition = match (self.partition, line.key) {
            (Some(partition), _) => partition,
            (None, Some(key)) => partition_of_key(key, partitions),
            (None, None) => round % partitions.max(1),
        };
        let headers: Vec<(&[u8], Option<&[u8]>)> = self
            .headers
            .iter()
            .map(|header| (header.key.as_bytes(), Some(header.value.as_bytes())))
            .collect();
        let batch = batches
            .entry(partition)
            .or_insert_with(|| Builder::new().compression(self.codec()));
        batch.push_with_headers(wall_ms(), line.key, line.value, &headers);
        Ok(())
    }

    fn take_apart<'a>(&self, text: &'a [u8]) -> Result<Line<'a>, ClientError> {
        let (key, value) = match self.key_separator.as_deref().map(str::as_bytes) {
            None => (None, text),
            Some(separator) => {
                let at = text
                    .windows(separator.len().max(1))
                    .position(|window| window == separator);
                let at = at.ok_or_else(|| {
                    let line = String::from_utf8_lossy(text);
                    let separator = String::from_utf8_lossy(separator);
                    ClientError::Usage(format!("no key separator '{separator}' in the line '{line}'"))
                })?;
                (Some(&text[..at]), &text[at + separator.len()..])
            }
        };
        let is_null = self.null_value.as_deref().is_some_and(|null| null.as_bytes() == value);
        Ok(Line {
            key,
            value: (!is_null).then_some(value),
        })
    }

    fn acks_number(&self) -> i16 {
        match self.acks {
            Acks::All => -1,
            Acks::Leader => 1,
            Acks::None => 0,
        }
    }

    fn codec(&self) -> Compression {
        match self.compression {
            Codec::None => Compression::None,
            Codec::Gzip => Compression::Gzip,
            Codec::Snappy => Compression::Snappy,
            Codec::Lz4 => Compression::Lz4,
            Codec::Zstd => Compression::Zstd,
        }
    }

    /// Programs hear of each batch.
    fn tell(&self, acknowledged: Acknowledged, records: i32) -> Result<(), ClientError> {
        let base_offset = (acknowledged.base_offset >= 0).then_some(acknowledged.base_offset);
        let line = json!({
            "topic": self.topic,
            "partition": acknowledged.partition,
            "base_offset": base_offset,
            "records": records,
        });
        print_text(&format!("{line}\n"))
    }

    /// People hear the sum.
    fn sum_up(&self, written: &BTreeMap<i32, i64>) -> Result<(), ClientError> {
        let total: i64 = written.values().sum();
        print_text(&format!(
            "{total} records written to {}{}\n",
            self.topic,
            by_partition(written)
        ))
    }
}

/// Partitions that the sum names, so that it stays a line.
const SUMMED_UP_MAX: usize = 10;

fn by_partition(written: &BTreeMap<i32, i64>) -> String {
    let shown = written.iter().take(SUMMED_UP_MAX);
    let parts: Vec<String> = shown
        .map(|(partition, count)| format!("{partition}: {count}"))
        .collect();
    match (parts.is_empty(), written.len().saturating_sub(SUMMED_UP_MAX)) {
        (true, _) => String::new(),
        (false, 0) => format!(" (by partition {})", parts.join(", ")),
        (false, more) => format!(" (by partition {}, and {more} more)", parts.join(", ")),
    }
}

/// Standard input line by line, without the line's end. Ends with the input.
fn read_lines() -> Receiver<io::Result<Vec<u8>>> {
    let (sender, lines) = mpsc::sync_channel(LINES_AHEAD);
    thread::spawn(move || {
        for line in io::stdin().lock().split(b'\n') {
            let line = line.map(|mut line| {
                if line.last() == Some(&b'\r') {
                    line.pop();
                }
                line
            });
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    lines
}

/// The wall clock in milliseconds since 1970.
fn wall_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Words {
        #[command(flatten)]
        produce: Produce,
    }

    fn produce(words: &[&str]) -> Produce {
        Words::parse_from(["produce"].iter().chain(words)).produce
    }

    /// Goal: the sum stays a line, however many partitions there are.
    #[test]
    fn the_sum_names_a_few_partitions() {
        let written = |count: i32| (0..count).map(|partition| (partition, 2)).collect();
        assert_eq!(by_partition(&written(0)), "");
        assert_eq!(by_partition(&written(2)), " (by partition 0: 2, 1: 2)");
        let many = by_partition(&written(400));
        assert!(many.ends_with("9: 2, and 390 more)"), "{many}");
    }

    /// Goal: a line is taken apart at the first separator only, and a null value deletes.
    #[test]
    fn lines_become_keys_and_values() {
        let command = produce(&["t", "--key-separator", "::", "--null-value", "NULL"]);
        let line = |text: &'static str| command.take_apart(text.as_bytes()).unwrap();
        assert_eq!(
            line("k::v::w"),
            Line {
                key: Some(b"k"),
                value: Some(b"v::w")
            }
        );
        assert_eq!(
            line("k::"),
            Line {
                key: Some(b"k"),
                value: Some(b"")
            }
        );
        assert_eq!(
            line("k::NULL"),
            Line {
                key: Some(b"k"),
                value: None
            }
        );
        let error = command.take_apart(b"no separator").unwrap_err().to_string();
        assert!(error.contains("'::'") && error.contains("no separator"), "{error}");
        assert_eq!(
            produce(&["t"]).take_apart(b"a:b").unwrap(),
            Line {
                key: None,
                value: Some(b"a:b")
            }
        );
    }
}
