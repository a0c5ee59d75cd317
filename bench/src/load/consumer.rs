//! What one consumer reads from one broker: one fetch at a time, in an incremental session (KIP-227), so that a
//! thousand idle partitions cost nothing.
//!
//! Every batch's CRC is checked, as Kafka's consumer does by default. A consumer at the tail also looks into the
//! records, for the times stamped into them.

use std::{collections::BTreeMap, io};

use corelane_protocol::{
    api_key::ApiKey,
    error_code::ErrorCode,
    frame,
    header::{RequestHeader, decode_response_header},
    messages::fetch::{FetchPartition, FetchRequestData, FetchTopic, ForgottenTopic},
    records::{batches, check_crc, records},
    wire::Reader,
};

use super::{records::stamped, tally::Tally};
use crate::{
    clock::Nanos,
    wire::{CLIENT_ID, FetchedPartition, Stream, fetched},
};

#[derive(Clone, Debug)]
pub struct FetchRules {
    pub topic: String,
    pub version: i16,
    pub wait_ms: i32,
    pub bytes_min: i32,
    pub bytes_max: i32,
    pub partition_bytes_max: i32,
    pub stamp: u64,
}

/// Where it reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// What comes in from now on.
    Tail,
    /// From the beginning to the end that each partition had, once.
    Replay,
    /// The same again and again, until the load ends.
    ReplayAgain,
}

pub struct Consumer {
    rules: FetchRules,
    position: Position,
    partitions: BTreeMap<i32, Progress>,
    session_id: i32,
    session_epoch: i32,
    correlation_id: i32,
    is_waiting: bool,
}

struct Progress {
    begin: i64,
    next: i64,
    /// Where a replay ends.
    end: i64,
    /// Whether the session does not know `next` yet.
    is_news: bool,
}

impl Consumer {
    /// `partitions` with the offsets to begin and (for a replay) to end at.
    pub fn new(rules: FetchRules, position: Position, partitions: &[(i32, i64, i64)]) -> Consumer {
        let progress = |&(partition, begin, end): &(i32, i64, i64)| {
            let next = begin;
            (
                partition,
                Progress {
                    begin,
                    next,
                    end,
                    is_news: true,
                },
            )
        };
        Consumer {
            rules,
            position,
            partitions: partitions.iter().map(progress).collect(),
            session_id: 0,
            session_epoch: 0,
            correlation_id: 0,
            is_waiting: false,
        }
    }

    fn is_done(&self) -> bool {
        self.position == Position::Replay && self.partitions.values().all(|progress| progress.next >= progress.end)
    }

    /// Whether a replay that ends by itself has not ended yet.
    pub fn is_replaying(&self) -> bool {
        self.position == Position::Replay && !self.is_done()
    }

    pub fn is_at_tail(&self) -> bool {
        self.position == Position::Tail
    }

    pub fn send(&mut self, stream: &mut Stream) -> io::Result<()> {
        if !self.is_waiting && !self.is_done() {
            self.is_waiting = true;
            self.fetch(stream);
        }
        stream.flush()
    }

    fn fetch(&mut self, stream: &mut Stream) {
        let is_replay = self.position == Position::Replay;
        let mut partitions = Vec::new();
        let mut forgotten = Vec::new();
        for (partition, progress) in &mut self.partitions {
            let is_over = is_replay && progress.next >= progress.end;
            if std::mem::take(&mut progress.is_news) || (self.session_epoch <= 0 && !is_over) {
                if is_over {
                    forgotten.push(*partition);
                } else {
                    partitions.push(FetchPartition {
                        partition: *partition,
                        fetch_offset: progress.next,
                        partition_max_bytes: self.rules.partition_bytes_max,
                        ..Default::default()
                    });
                }
            }
        }
        let topic = |partitions: Vec<FetchPartition>| FetchTopic {
            topic: self.rules.topic.clone(),
            partitions,
            ..Default::default()
        };
        let mut request = FetchRequestData {
            max_wait_ms: self.rules.wait_ms,
            min_bytes: self.rules.bytes_min,
            max_bytes: self.rules.bytes_max,
            session_id: self.session_id,
            session_epoch: self.session_epoch,
            ..Default::default()
        };
        if !partitions.is_empty() {
            request.topics.push(topic(partitions));
        }
        if !forgotten.is_empty() && self.session_epoch > 0 {
            request.forgotten_topics_data.push(ForgottenTopic {
                topic: self.rules.topic.clone(),
                partitions: forgotten,
                ..Default::default()
            });
        }
        self.correlation_id = self.correlation_id.wrapping_add(1);
        let header = RequestHeader {
            api_key: ApiKey::FETCH,
            api_version: self.rules.version,
            correlation_id: self.correlation_id,
            client_id: Some(CLIENT_ID.to_owned()),
        };
        stream.push([frame::request(&header, &request).freeze()]);
    }

    /// An answer came.
    pub fn on_answer(&mut self, frame: &[u8], now: Nanos, tally: &mut Tally) -> io::Result<()> {
        self.is_waiting = false;
        let mut reader = Reader::new(frame);
        let version = self.rules.version;
        let correlation_id = decode_response_header(&mut reader, ApiKey::FETCH, version).map_err(io::Error::other)?;
        if correlation_id != self.correlation_id {
            return Err(io::Error::other("an answer to another request"));
        }
        let mut failed = None;
        let session = fetched(&mut reader, version, |partition| {
            if let Err(error) = self.on_partition(&partition, now, tally) {
                failed = Some(error);
            }
        })
        .map_err(io::Error::other)?;
        if let Some(error) = failed {
            return Err(error);
        }
        match session.error_code {
            ErrorCode::NONE if session.id == 0 => (self.session_id, self.session_epoch) = (0, 0),
            ErrorCode::NONE => {
                self.session_id = session.id;
                self.session_epoch = (self.session_epoch + 1).max(1);
            }
            ErrorCode::FETCH_SESSION_ID_NOT_FOUND | ErrorCode::INVALID_FETCH_SESSION_EPOCH => {
                (self.session_id, self.session_epoch) = (0, 0);
            }
            error => return Err(io::Error::other(format!("Fetch is answered {error}"))),
        }
        let side = if self.position == Position::Tail {
            &mut tally.delivered
        } else {
            &mut tally.replayed
        };
        side.request(&tally.window, now);
        if self.position == Position::ReplayAgain
            && self.partitions.values().all(|progress| progress.next >= progress.end)
        {
            for progress in self.partitions.values_mut() {
                progress.next = progress.begin;
                progress.is_news = true;
            }
        }
        Ok(())
    }

    fn on_partition(&mut self, fetched: &FetchedPartition<'_>, now: Nanos, tally: &mut Tally) -> io::Result<()> {
        if fetched.error_code != ErrorCode::NONE {
            tally.error(format!("Fetch: {}", fetched.error_code), 1);
        }
        let Some(progress) = self
            .partitions
            .get_mut(&fetched.index)
            .filter(|_| fetched.topic == self.rules.topic)
        else {
            return Err(io::Error::other("records of a partition that nobody asked for"));
        };
        // The last batch may be cut off; it comes again.
        for (header, batch) in batches(fetched.records).map_while(Result::ok) {
            check_crc(batch).map_err(io::Error::other)?;
            if header.next_offset() <= progress.next {
                continue;
            }
            if header.base_offset > progress.next {
                let lost = (header.base_offset - progress.next) as u64;
                tally.error("records missing from the log", lost);
            }
            progress.next = header.next_offset();
            progress.is_news = true;
            let count = header.records_count as u64;
            if self.position != Position::Tail {
                tally.replayed_bytes += batch.len() as u64;
                tally.replayed.throughput(&tally.window, now, count, batch.len() as u64);
                continue;
            }
            tally.received += count;
            tally
                .delivered
                .throughput(&tally.window, now, count, batch.len() as u64);
            for record in records(batch).map_err(io::Error::other)? {
                let record = record.map_err(io::Error::other)?;
                if let Some(intended) = record
                    .value
                    .as_deref()
                    .and_then(|value| stamped(value, self.rules.stamp))
                {
                    tally.delivered.latency(&tally.window, intended, now, 1);
                }
            }
        }
        Ok(())
    }
}
