//! The records that a null server keeps: the newest of each partition, in memory, up to a bound over all of them.

use std::collections::{BTreeMap, VecDeque};

use bytes::{Bytes, BytesMut};
use corelane_protocol::{
    error_code::ErrorCode,
    records::{BatchHeader, patch},
};

pub struct Logs {
    topics: BTreeMap<String, Vec<Log>>,
    retain_bytes: usize,
    bytes: usize,
    /// Where each batch went, oldest first.
    order: VecDeque<(String, usize)>,
}

#[derive(Default)]
pub struct Log {
    /// With their first offsets, without gaps.
    batches: VecDeque<(i64, Bytes)>,
    end: i64,
}

impl Logs {
    pub fn new(retain_bytes: usize) -> Logs {
        Logs {
            topics: BTreeMap::new(),
            retain_bytes,
            bytes: 0,
            order: VecDeque::new(),
        }
    }

    pub fn create(&mut self, topic: &str, partitions: usize) {
        let logs = std::iter::repeat_with(Log::default).take(partitions).collect();
        self.topics.insert(topic.to_owned(), logs);
    }

    pub fn delete(&mut self, topic: &str) -> bool {
        let Some(logs) = self.topics.remove(topic) else {
            return false;
        };
        self.bytes -= logs
            .iter()
            .flat_map(|log| &log.batches)
            .map(|(_, batch)| batch.len())
            .sum::<usize>();
        self.order.retain(|(name, _)| name != topic);
        true
    }

    pub fn partitions(&self, topic: &str) -> Option<usize> {
        self.topics.get(topic).map(Vec::len)
    }

    pub fn get(&self, topic: &str, partition: i32) -> Option<&Log> {
        self.topics.get(topic)?.get(usize::try_from(partition).ok()?)
    }

    /// Appends one batch; returns its first offset. Nothing of it is checked but what is needed to count.
    pub fn append(&mut self, topic: &str, partition: i32, batch: &[u8]) -> Result<i64, ErrorCode> {
        let header = BatchHeader::parse(batch).map_err(|_| ErrorCode::CORRUPT_MESSAGE)?;
        let index = usize::try_from(partition).unwrap_or(usize::MAX);
        let log = self.topics.get_mut(topic).and_then(|logs| logs.get_mut(index));
        let log = log.ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?;
        let base = log.end;
        log.end += i64::from(header.records_count);
        let mut kept = BytesMut::from(batch);
        patch(&mut kept, base, 0);
        log.batches.push_back((base, kept.freeze()));
        self.bytes += batch.len();
        self.order.push_back((topic.to_owned(), index));
        while self.bytes > self.retain_bytes {
            self.drop_oldest();
        }
        Ok(base)
    }

    fn drop_oldest(&mut self) {
        let Some((topic, partition)) = self.order.pop_front() else {
            return;
        };
        let log = self.topics.get_mut(&topic).and_then(|logs| logs.get_mut(partition));
        if let Some((_, batch)) = log.and_then(|log| log.batches.pop_front()) {
            self.bytes -= batch.len();
        }
    }
}

impl Log {
    pub fn end(&self) -> i64 {
        self.end
    }

    /// The first batch that is left.
    pub fn start(&self) -> i64 {
        self.batches.front().map_or(self.end, |(base, _)| *base)
    }

    /// Whole batches from this offset on, as many as fit but at least one where there is one.
    pub fn read(&self, offset: i64, bytes_max: usize) -> Result<Vec<Bytes>, ErrorCode> {
        if offset < self.start() || offset > self.end {
            return Err(ErrorCode::OFFSET_OUT_OF_RANGE);
        }
        let first = self
            .batches
            .partition_point(|(base, _)| *base <= offset)
            .saturating_sub(1);
        let mut found = Vec::new();
        let mut bytes = 0;
        if offset < self.end {
            for (_, batch) in self.batches.range(first..) {
                if !found.is_empty() && bytes + batch.len() > bytes_max {
                    break;
                }
                bytes += batch.len();
                found.push(batch.clone());
            }
        }
        Ok(found)
    }
}
