//! `corelane consume`: records to standard output, alone or as a member of a group.

mod printer;

use super::client::{Batch, Client, ClientError, Member, Position, Reader, TopicPartition};
use super::options::Cluster;
use clap::Args;
use corelane_protocol::messages::metadata::MetadataResponseTopic;
use printer::Printer;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Read records to standard output.
#[derive(Args, Clone, Debug)]
pub struct Consume {
    #[command(flatten)]
    cluster: Cluster,

    /// The topics to read.
    #[arg(required = true, value_name = "TOPIC")]
    topics: Vec<String>,

    /// Read as a member of this consumer group, which shares the partitions and remembers offsets.
    #[arg(long, short, value_name = "GROUP", conflicts_with_all = ["offset", "partition", "until_end"])]
    group: Option<String>,

    /// Start with the oldest record (in a group: where it has no offset yet), not with what comes from now on.
    #[arg(long, conflicts_with = "offset")]
    from_beginning: bool,

    /// Start here: earliest, latest, an offset, -N for N before the end, @MS for a time in milliseconds since 1970.
    #[arg(long, short, value_name = "POSITION", allow_hyphen_values = true)]
    offset: Option<Position>,

    /// Read only these partitions.
    #[arg(long, short, value_name = "N,…", value_delimiter = ',', value_parser = clap::value_parser!(i32).range(0..))]
    partition: Vec<i32>,

    /// End after so many records.
    #[arg(long, short = 'n', value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    max_messages: Option<u64>,

    /// End when no record has come for so long, in milliseconds.
    #[arg(long, value_name = "MS")]
    timeout_ms: Option<u64>,

    /// End at what was the end of the topics when we began.
    #[arg(long, short = 'e')]
    until_end: bool,

    #[command(flatten)]
    print: printer::Print,
}

/// How often a member commits what it has printed.
const COMMIT_EVERY: Duration = Duration::from_secs(1);

/// What decides when to end.
struct Ending {
    left: Option<u64>,
    idle_max: Option<Duration>,
    last_record: Instant,
    /// Set by SIGINT and SIGTERM.
    is_stopped: Arc<AtomicBool>,
}

impl Consume {
    pub fn run(&self) -> Result<(), ClientError> {
        let mut client = Client::connect(&self.cluster)?;
        let topics = client.topics(&self.topics)?;
        let mut printer = Printer::new(self.print.clone(), self.cluster.json);
        let mut ending = Ending {
            left: self.max_messages,
            idle_max: self.timeout_ms.map(Duration::from_millis),
            last_record: Instant::now(),
            is_stopped: stop_flag()?,
        };
        match &self.group {
            None => self.read_alone(&mut client, topics, &mut printer, &mut ending),
            Some(group) => self.read_in_group(group, &mut client, &mut printer, &mut ending),
        }
    }

    fn read_alone(
        &self,
        client: &mut Client,
        topics: Vec<MetadataResponseTopic>,
        printer: &mut Printer,
        ending: &mut Ending,
    ) -> Result<(), ClientError> {
        self.check_partitions(&topics)?;
        let is_asked =
            |(_, partition): &TopicPartition| self.partition.is_empty() || self.partition.contains(partition);
        let mut positions = client.resolve(self.position(), &topics)?;
        positions.retain(|key, _| is_asked(key));
        let ends = if self.until_end {
            Some(client.end_offsets(&topics)?)
        } else {
            None
        };
        let mut reader = Reader::new(topics, positions);
        loop {
            let is_at_end = ends.as_ref().is_some_and(|ends| is_at(reader.positions(), ends));
            if is_at_end || ending.is_over() {
                return Ok(());
            }
            for mut batch in reader.poll(client)? {
                if let Some(ends) = &ends {
                    let end = ends
                        .get(&(batch.topic.clone(), batch.partition))
                        .copied()
                        .unwrap_or(i64::MAX);
                    batch.records.retain(|record| record.offset < end);
                }
                ending.take(&mut batch);
                printer.print(&batch)?;
            }
            printer.flush()?;
        }
    }

    fn read_in_group(
        &self,
        group: &str,
        client: &mut Client,
        printer: &mut Printer,
        ending: &mut Ending,
    ) -> Result<(), ClientError> {
        let mut member = Member::join(client, group, &self.topics)?;
        loop {
            let mut reader = self.reader_of(group, &member, client)?;
            let mut printed = BTreeMap::new();
            let mut commit_due = Instant::now() + COMMIT_EVERY;
            let is_in = loop {
                let is_over = ending.is_over();
                if is_over || Instant::now() >= commit_due {
                    commit_due = Instant::now() + COMMIT_EVERY;
                    let offsets = std::mem::take(&mut printed);
                    if !offsets.is_empty() && !member.commit(client, &offsets)? {
                        break false;
                    }
                }
                if is_over {
                    return member.leave(client);
                }
                if !member.heartbeat(client)? {
                    break false;
                }
                if reader.positions().is_empty() {
                    // More members than partitions: wait for a rebalance.
                    thread::sleep(Duration::from_millis(100));
                    continue;
                }
                for mut batch in reader.poll(client)? {
                    ending.take(&mut batch);
                    printer.print(&batch)?;
                    if let Some(last) = batch.records.last() {
                        printed.insert((batch.topic.clone(), batch.partition), last.offset + 1);
                    }
                }
                printer.flush()?;
            };
            if !is_in {
                if !printed.is_empty() {
                    // Still ours until we join again; if not any more, whoever has them reads them again.
                    member.commit(client, &printed)?;
                }
                member.rejoin(client)?;
            }
        }
    }

    /// A reader of the member's partitions, from where the group is.
    fn reader_of(&self, group: &str, member: &Member, client: &mut Client) -> Result<Reader, ClientError> {
        let topics = client.topics(&self.topics)?;
        let mut positions = BTreeMap::new();
        if !member.assignment().is_empty() {
            let committed = client.committed(group, Some(member.assignment()))?;
            let fallback = client.resolve(self.position(), &topics)?;
            for key in member.assignment() {
                let offset = committed
                    .get(key)
                    .map(|(offset, _)| *offset)
                    .or_else(|| fallback.get(key).copied());
                positions.insert(key.clone(), offset.unwrap_or_default());
            }
        }
        Ok(Reader::new(topics, positions))
    }

    fn position(&self) -> Position {
        match self.offset {
            Some(position) => position,
            None if self.from_beginning || self.until_end => Position::Earliest,
            None => Position::Latest,
        }
    }

    fn check_partitions(&self, topics: &[MetadataResponseTopic]) -> Result<(), ClientError> {
        for topic in topics {
            let last = topic.partitions.len() as i32 - 1;
            if let Some(partition) = self.partition.iter().find(|partition| **partition > last) {
                let topic = topic.name.clone().unwrap_or_default();
                return Err(ClientError::UnknownPartition {
                    topic,
                    partition: *partition,
                    last,
                });
            }
        }
        Ok(())
    }
}

impl Ending {
    fn is_over(&self) -> bool {
        self.left == Some(0)
            || self.is_stopped.load(Ordering::Relaxed)
            || self.idle_max.is_some_and(|max| self.last_record.elapsed() >= max)
    }

    /// Counts a batch's records, and cuts off those that are too many.
    fn take(&mut self, batch: &mut Batch) {
        if let Some(left) = &mut self.left {
            batch.records.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
            *left -= batch.records.len() as u64;
        }
        if !batch.records.is_empty() {
            self.last_record = Instant::now();
        }
    }
}

/// Whether every position has come to its end.
fn is_at(positions: &BTreeMap<TopicPartition, i64>, ends: &BTreeMap<TopicPartition, i64>) -> bool {
    positions
        .iter()
        .all(|(key, position)| ends.get(key).is_none_or(|end| position >= end))
}

/// A flag that SIGINT and SIGTERM set; a second one ends the process at once.
fn stop_flag() -> Result<Arc<AtomicBool>, ClientError> {
    let flag = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register_conditional_default(signal, flag.clone())?;
        signal_hook::flag::register(signal, flag.clone())?;
    }
    Ok(flag)
}
