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
    /// The topics to read.
    #[arg(required = true, value_name = "TOPIC")]
    topics: Vec<String>,

    /// Read as a member of this consumer group, which shares the partitions and remembers offsets.
    #[arg(long, short, value_name = "GROUP", conflicts_with_all = ["offset", "partition"])]
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

    /// End when no record has come for so long, in milliseconds; in a group, counted from the assignment of partitions.
    #[arg(long, value_name = "MS")]
    timeout_ms: Option<u64>,

    /// From the beginning, or where the group stands, to what was the end of the topics when we began; in a group, of the
    /// partitions that are ours.
    #[arg(long, short = 'e')]
    until_end: bool,

    #[command(flatten)]
    print: printer::Print,
}

/// How often a member commits what it has printed.
const COMMIT_EVERY: Duration = Duration::from_secs(1);

/// Where partitions ended when we began.
type Ends = BTreeMap<TopicPartition, i64>;

/// What decides when to end.
struct Ending {
    left: Option<u64>,
    idle_max: Option<Duration>,
    last_record: Instant,
    taken: u64,
    /// Set by SIGINT and SIGTERM.
    is_stopped: Arc<AtomicBool>,
}

impl Consume {
    pub fn run(&self, cluster: &Cluster) -> Result<(), ClientError> {
        let mut client = Client::connect(cluster)?;
        let topics = client.topics(&self.topics)?;
        let mut printer = Printer::new(self.print.clone(), cluster.json);
        let mut ending = Ending {
            left: self.max_messages,
            idle_max: self.timeout_ms.map(Duration::from_millis),
            last_record: Instant::now(),
            taken: 0,
            is_stopped: stop_flag()?,
        };
        let ends = if self.until_end {
            Some(client.end_offsets(&topics)?)
        } else {
            None
        };
        match &self.group {
            None => self.read_alone(&mut client, topics, ends, &mut printer, &mut ending)?,
            Some(group) => self.read_in_group(group, &mut client, ends, &mut printer, &mut ending)?,
        }
        if let (0, Some(idle_max)) = (ending.taken, self.timeout_ms.filter(|_| ending.is_idle())) {
            eprintln!("corelane: no record came within {idle_max} ms");
        }
        Ok(())
    }

    fn read_alone(
        &self,
        client: &mut Client,
        topics: Vec<MetadataResponseTopic>,
        ends: Option<Ends>,
        printer: &mut Printer,
        ending: &mut Ending,
    ) -> Result<(), ClientError> {
        self.check_partitions(&topics)?;
        let is_asked =
            |(_, partition): &TopicPartition| self.partition.is_empty() || self.partition.contains(partition);
        let mut positions = client.resolve(self.position(), &topics)?;
        positions.retain(|key, _| is_asked(key));
        if let Some(ends) = &ends {
            warn_beyond(&positions, ends);
        }
        let mut reader = Reader::new(topics, positions);
        loop {
            let is_at_end = ends.as_ref().is_some_and(|ends| is_at(reader.positions(), ends));
            if is_at_end || ending.is_over() {
                return Ok(());
            }
            for mut batch in reader.poll(client)? {
                cut_off(&mut batch, ends.as_ref());
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
        ends: Option<Ends>,
        printer: &mut Printer,
        ending: &mut Ending,
    ) -> Result<(), ClientError> {
        let mut member = Member::join(client, group, &self.topics)?;
        loop {
            let mut reader = self.reader_of(group, &member, client)?;
            // Joining takes its time, and nothing can come before it.
            ending.last_record = Instant::now();
            let mut printed = BTreeMap::new();
            let mut commit_due = Instant::now() + COMMIT_EVERY;
            let is_in = loop {
                let is_at_end = ends.as_ref().is_some_and(|ends| is_at(reader.positions(), ends));
                let is_over = is_at_end || ending.is_over();
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
                    cut_off(&mut batch, ends.as_ref());
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
        self.left == Some(0) || self.is_stopped.load(Ordering::Relaxed) || self.is_idle()
    }

    fn is_idle(&self) -> bool {
        self.idle_max.is_some_and(|max| self.last_record.elapsed() >= max)
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
        self.taken += batch.records.len() as u64;
    }
}

/// Leaves only what is before the end of its partition, if one is given.
fn cut_off(batch: &mut Batch, ends: Option<&Ends>) {
    let end = ends.and_then(|ends| ends.get(&(batch.topic.clone(), batch.partition)));
    if let Some(end) = end {
        batch.records.retain(|record| record.offset < *end);
    }
}

/// Nothing will be read there, which should not look like an empty partition.
fn warn_beyond(positions: &BTreeMap<TopicPartition, i64>, ends: &Ends) {
    for ((topic, partition), position) in positions {
        let end = ends.get(&(topic.clone(), *partition)).copied().unwrap_or(i64::MAX);
        if *position > end {
            eprintln!("corelane: offset {position} is beyond the end of {topic}-{partition}, which is {end}");
        }
    }
}

/// Whether every position has come to its end.
fn is_at(positions: &BTreeMap<TopicPartition, i64>, ends: &Ends) -> bool {
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
