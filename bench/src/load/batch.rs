//! The batches of one partition that wait to be sent: Kafka's record accumulator, seen from one partition.

use std::collections::VecDeque;

use bytes::Bytes;
use corelane_protocol::records::{Builder, Compression};

use crate::clock::Nanos;

/// Most bytes of a record beside its key and value: lengths, deltas, attributes.
const RECORD_OVERHEAD_BYTES: usize = 24;

/// When a batch is full.
#[derive(Clone, Copy, Debug)]
pub struct BatchLimits {
    pub bytes: usize,
    pub records: u32,
    pub codec: Compression,
}

/// Who writes the batches, if their order is to be checked by the broker.
#[derive(Clone, Copy, Debug)]
pub struct ProducerId {
    pub id: i64,
    pub epoch: i16,
}

pub struct Batch {
    builder: Builder,
    records: u32,
    payload_bytes: usize,
    is_full: bool,
    /// Intended times, and how many records in a row have each.
    pub intended: Vec<(Nanos, u32)>,
}

pub struct Queue {
    pub partition: i32,
    batches: VecDeque<Batch>,
    next_sequence: i32,
}

impl Batch {
    fn new(limits: &BatchLimits) -> Batch {
        Batch {
            builder: Builder::new().compression(limits.codec),
            records: 0,
            payload_bytes: 0,
            is_full: false,
            intended: Vec::new(),
        }
    }

    pub fn bytes(&self) -> usize {
        self.builder.uncompressed_bytes()
    }

    pub fn records(&self) -> u32 {
        self.records
    }

    /// Bytes of keys and values.
    pub fn payload_bytes(&self) -> usize {
        self.payload_bytes
    }

    pub fn is_full(&self) -> bool {
        self.is_full
    }
}

impl Queue {
    pub fn new(partition: i32) -> Queue {
        Queue {
            partition,
            batches: VecDeque::new(),
            next_sequence: 0,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// Bytes of the batch that goes next.
    pub fn front_bytes(&self) -> usize {
        self.batches.front().map_or(0, Batch::bytes)
    }

    /// Whether the last batch could take more.
    pub fn is_open(&self) -> bool {
        self.batches.back().is_some_and(|last| !last.is_full)
    }

    /// Makes the open batch full if a record of so many bytes does not fit into it; returns its bytes then.
    pub fn close_unless_fits(&mut self, limits: &BatchLimits, payload_bytes: usize) -> Option<usize> {
        let open = self.batches.back_mut().filter(|last| !last.is_full)?;
        open.is_full = open.bytes() + RECORD_OVERHEAD_BYTES + payload_bytes > limits.bytes;
        open.is_full.then(|| open.bytes())
    }

    /// Adds a record; returns the bytes of the batches that it made full, each of them by itself.
    pub fn push(
        &mut self,
        limits: &BatchLimits,
        intended: Nanos,
        timestamp_ms: i64,
        key: Option<&[u8]>,
        value: &[u8],
    ) -> [Option<usize>; 2] {
        let payload_bytes = key.map_or(0, <[u8]>::len) + value.len();
        let mut filled = [self.close_unless_fits(limits, payload_bytes), None];
        if self.batches.back().is_none_or(|last| last.is_full) {
            self.batches.push_back(Batch::new(limits));
        }
        let open = self.batches.back_mut().expect("an open batch was pushed");
        open.builder.push(timestamp_ms, key, Some(value));
        open.records += 1;
        open.payload_bytes += payload_bytes;
        match open.intended.last_mut() {
            Some((same, count)) if *same == intended => *count += 1,
            _ => open.intended.push((intended, 1)),
        }
        if open.records >= limits.records || open.bytes() + RECORD_OVERHEAD_BYTES >= limits.bytes {
            open.is_full = true;
            filled[1] = Some(open.bytes());
        }
        filled
    }

    /// Takes the batch that goes next, with its bytes for the wire.
    pub fn take(&mut self, producer: Option<ProducerId>) -> Option<(Batch, Bytes)> {
        let mut batch = self.batches.pop_front()?;
        if let Some(ProducerId { id, epoch }) = producer {
            batch.builder = batch.builder.producer(id, epoch, self.next_sequence);
            // Sequences go from i32::MAX to 0 (`DefaultRecordBatch.incrementSequence`).
            self.next_sequence = (self.next_sequence.wrapping_add(batch.records as i32)) & i32::MAX;
        }
        let bytes = batch.builder.build();
        Some((batch, bytes))
    }
}

#[cfg(test)]
mod tests {
    use corelane_protocol::records::{Limits, verify};

    use super::*;

    const LIMITS: BatchLimits = BatchLimits {
        bytes: 1000,
        records: 100,
        codec: Compression::None,
    };

    #[test]
    fn batches_fill_to_their_limit_and_verify() {
        let mut queue = Queue::new(3);
        let mut filled = 0;
        for index in 0..25 {
            filled += queue.push(&LIMITS, index, 5, None, &[7; 90]).iter().flatten().count();
        }
        let producer = Some(ProducerId { id: 4, epoch: 0 });
        let mut records = Vec::new();
        let mut sequence = 0;
        while let Some((batch, bytes)) = queue.take(producer) {
            assert!(bytes.len() <= LIMITS.bytes, "{}", bytes.len());
            let verified = verify(&bytes, &Limits::client(LIMITS.bytes)).unwrap();
            assert_eq!(verified.header.base_sequence, sequence);
            sequence += verified.header.records_count;
            records.push(batch.records());
        }
        assert_eq!(records.iter().sum::<u32>(), 25);
        assert_eq!(filled, records.len() - 1);
    }

    #[test]
    fn a_record_larger_than_a_batch_goes_alone() {
        let mut queue = Queue::new(0);
        queue.push(&LIMITS, 1, 5, None, &[1; 10]);
        let filled = queue.push(&LIMITS, 2, 5, None, &[2; 5000]);
        assert_eq!(filled.iter().flatten().count(), 2);
        assert_eq!(queue.take(None).map(|(batch, _)| batch.records()), Some(1));
        assert_eq!(queue.take(None).map(|(batch, _)| batch.intended), Some(vec![(2, 1)]));
    }
}
