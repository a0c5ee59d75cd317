//! What a run does: the words of the command line, which results repeat as they stand.

use clap::{Args, ValueEnum};
use corelane_protocol::records::Compression;
use serde::{Deserialize, Serialize};

use crate::{
    load::{Arrivals, STAMP_BYTES},
    wire::Wait,
    words::{ByteCount, Codec, Keys, Size},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Workload {
    /// Produce only
    Produce,
    /// Produce, and read at the tail: from the intended send to the reader
    EndToEnd,
    /// Fill the topic, then read it from the beginning
    Consume,
    /// End to end, while others read the filled topic from the beginning again and again
    Mixed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
pub enum Acks {
    /// No answer: a record counts once the kernel has it
    #[value(name = "0")]
    #[serde(rename = "0")]
    None,
    /// The leader's answer
    #[value(name = "1")]
    #[serde(rename = "1")]
    Leader,
    /// The answer of all in-sync replicas
    #[value(name = "all")]
    #[serde(rename = "all")]
    All,
}

#[derive(Args, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[command(next_help_heading = "Load")]
pub struct Settings {
    #[arg(long, value_enum, default_value = "produce")]
    pub workload: Workload,
    /// Records per second, all producers together, each meant for its own time: an open loop. Without it, each
    /// connection keeps --in-flight requests under way: a closed loop
    #[arg(long, value_parser = rate)]
    pub rate: Option<f64>,
    /// How the records of an open loop are spaced
    #[arg(long, value_enum, default_value = "uniform")]
    pub arrivals: Arrivals,
    /// Most requests under way on a connection
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub in_flight: u16,
    /// Closed loop: double --in-flight until throughput grows by less than 5 %, and measure with the best
    #[arg(long, conflicts_with = "rate")]
    pub find_max: bool,
    /// Producers, each with a connection of its own to each broker
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub producers: u16,
    /// Consumers, among whom the partitions are divided
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub consumers: u16,
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub partitions: u32,
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(i16).range(1..=9))]
    pub replication_factor: i16,
    /// Size of each value: 1024, 1KiB or uniform:100-2000
    #[arg(long, default_value = "1KiB")]
    pub record_bytes: Size,
    /// Keys: none, uniform:1000, zipf:1000 or zipf:1000:1.2
    #[arg(long, default_value = "none")]
    pub keys: Keys,
    /// How much of a value is random, in percent; the rest compresses to nothing
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u8).range(0..=100))]
    pub random_percent: u8,
    /// Most bytes of a batch before compression (Kafka's batch.size)
    #[arg(long, default_value = "16KiB")]
    pub batch_bytes: ByteCount,
    /// Most records of a batch
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub batch_records: Option<u32>,
    /// Most bytes of a request, unless its first batch is larger (max.request.size)
    #[arg(long, default_value = "1MiB")]
    pub request_bytes: ByteCount,
    /// Most batches of a request, each of another partition
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub request_batches: Option<u32>,
    /// Most bytes of a producer that wait to be sent (buffer.memory)
    #[arg(long, default_value = "4MiB")]
    pub buffer_bytes: ByteCount,
    /// How long a batch waits to become full, in microseconds (linger.ms, but finer)
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=60_000_000))]
    pub linger_us: u64,
    #[arg(long, value_enum, default_value = "all")]
    pub acks: Acks,
    /// Idempotent producers
    #[arg(long)]
    pub idempotence: bool,
    /// none, gzip, snappy, lz4 or zstd
    #[arg(long, default_value = "none")]
    pub codec: Codec,
    /// Bytes that are written before anything is measured, for consume and mixed
    #[arg(long, default_value = "256MiB")]
    pub fill: ByteCount,
    /// Write back and drop the machine's page cache between filling and reading, which needs root
    #[arg(long)]
    pub drop_caches: bool,
    /// Most bytes of a Fetch answer (fetch.max.bytes)
    #[arg(long, default_value = "50MiB")]
    pub fetch_bytes: ByteCount,
    /// Most bytes of each partition in it (max.partition.fetch.bytes)
    #[arg(long, default_value = "1MiB")]
    pub fetch_partition_bytes: ByteCount,
    /// Least bytes that a Fetch waits for (fetch.min.bytes)
    #[arg(long, default_value = "1")]
    pub fetch_min_bytes: ByteCount,
    /// How long it waits for them, in milliseconds (fetch.max.wait.ms)
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(..=60_000))]
    pub fetch_wait_ms: u32,
    /// Load before the measurement, in seconds, each round and target
    #[arg(long, default_value_t = 2.0, value_parser = seconds)]
    pub warm_up: f64,
    /// One topic for all rounds of a target, instead of a new one for each: where making and deleting it is dear
    #[arg(long)]
    #[serde(default)]
    pub one_topic: bool,
    /// A load on each target before the first round that is not in the result, in seconds: for servers that compile
    /// what they run
    #[arg(long, default_value_t = 0.0, value_parser = seconds)]
    #[serde(default)]
    pub rehearsal: f64,
    /// Measured time of each round and target, in seconds; consume measures until all is read instead
    #[arg(long, default_value_t = 10.0, value_parser = seconds)]
    pub seconds: f64,
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub rounds: u16,
    /// How long answers are waited for after the load, in seconds; what has none by then counts with that time
    #[arg(long, default_value_t = 30.0, value_parser = seconds)]
    pub patience: f64,
    /// CPUs of the load, one thread each
    #[arg(long, value_delimiter = ',', value_name = "CPU,..")]
    pub client_cpus: Vec<usize>,
    /// How the load's threads wait: `spin` never sleeps, for CPUs that nothing else needs
    #[arg(long, value_enum, default_value = "sleep")]
    pub wait: Wait,
    /// Where the records' chance begins: the same seed, the same records
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

impl Settings {
    /// What single words cannot know of each other.
    pub fn check(&self) -> Result<(), String> {
        if self.has_tail() && self.record_bytes.least() < STAMP_BYTES as u64 {
            return Err(format!(
                "--record-bytes {}: end-to-end and mixed write the time into the record, so it needs at least {STAMP_BYTES}",
                self.record_bytes
            ));
        }
        if self.idempotence && self.acks != Acks::All {
            return Err("--idempotence needs --acks all".to_owned());
        }
        if self.idempotence && self.in_flight > 5 {
            return Err(format!(
                "--in-flight {}: idempotent producers may have 5 at most",
                self.in_flight
            ));
        }
        if self.idempotence && self.find_max {
            return Err("--find-max goes beyond the 5 requests in flight that --idempotence allows".to_owned());
        }
        if self.workload == Workload::Consume && self.rate.is_some() {
            return Err("--rate is of producers: consume reads as fast as it goes".to_owned());
        }
        if self.workload == Workload::Consume && self.find_max {
            return Err("--find-max is of producers: consume reads as fast as it goes".to_owned());
        }
        if self.has_replay() && self.fill.0 == 0 {
            return Err(
                "--fill 0: consume and mixed read what was filled in, so say how much, such as 1GiB".to_owned(),
            );
        }
        if self.has_replay() && self.one_topic {
            return Err("--one-topic: consume and mixed fill a topic in each round, so each needs its own".to_owned());
        }
        if self.client_cpus.len() > usize::from(self.producers.max(self.consumers)) {
            return Err("--client-cpus has more threads than there are clients: raise --producers".to_owned());
        }
        Ok(())
    }

    pub fn has_producers(&self) -> bool {
        self.workload != Workload::Consume
    }

    pub fn has_tail(&self) -> bool {
        matches!(self.workload, Workload::EndToEnd | Workload::Mixed)
    }

    pub fn has_replay(&self) -> bool {
        matches!(self.workload, Workload::Consume | Workload::Mixed)
    }

    pub fn threads(&self) -> usize {
        self.client_cpus.len().max(1)
    }

    /// One line for people.
    pub fn describe(&self) -> String {
        let workload = match self.workload {
            Workload::Produce => "produce".to_owned(),
            Workload::EndToEnd => "end to end".to_owned(),
            Workload::Consume => format!("consume {}", self.fill),
            Workload::Mixed => format!("mixed, {} filled in", self.fill),
        };
        let load = match (self.workload, self.rate, self.find_max) {
            (Workload::Consume, ..) => format!("{} consumers", self.consumers),
            (_, Some(rate), _) => format!("open loop at {rate}/s, {} producers", self.producers),
            (_, None, true) => format!("closed loop, maximum search, {} producers", self.producers),
            (_, None, false) => {
                format!(
                    "closed loop, {} in flight, {} producers",
                    self.in_flight, self.producers
                )
            }
        };
        let acks = match self.acks {
            Acks::None => "0",
            Acks::Leader => "1",
            Acks::All => "all",
        };
        let mut words = format!(
            "{workload}: {load}, records of {}, batches of {}, {} partitions, acks={acks}",
            self.record_bytes, self.batch_bytes, self.partitions
        );
        if self.keys != Keys::None {
            words += &format!(", keys {}", self.keys);
        }
        if self.idempotence {
            words += ", idempotent";
        }
        if self.codec.0 != Compression::None {
            words += &format!(", {}", self.codec);
        }
        words
    }
}

fn rate(words: &str) -> Result<f64, String> {
    match words.parse::<f64>() {
        Ok(rate) if rate > 0.0 && rate <= 1e8 => Ok(rate),
        _ => Err("write records per second, such as 2000".to_owned()),
    }
}

fn seconds(words: &str) -> Result<f64, String> {
    match words.parse::<f64>() {
        Ok(seconds) if (0.0..=86_400.0).contains(&seconds) => Ok(seconds),
        _ => Err("write seconds, such as 10 or 0.5".to_owned()),
    }
}
