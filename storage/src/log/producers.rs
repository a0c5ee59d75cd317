//! What is remembered of each idempotent producer, so that a batch sent twice is stored once and a gap is noticed.
//! Rules are those of Kafka's `ProducerStateManager` and `ProducerAppendInfo` (KIP-98, KIP-360, KIP-890).
//!
//! A batch's sequence numbers must continue the last one's (wrapping from `i32::MAX` to 0) within an epoch and start at
//! 0 in a new one; an unknown producer may start anywhere, since retention may have taken its past. The last five
//! batches are known by their sequences, which is as many as a producer may have in flight.

use std::collections::{BTreeMap, VecDeque};

use corelane_protocol::records::{BatchHeader, ControlRecord, NO_PRODUCER_EPOCH, NO_SEQUENCE, records};

/// Batches remembered of each producer; Kafka's `ProducerStateEntry.NUM_BATCHES_TO_RETAIN`.
pub const BATCHES_REMEMBERED: usize = 5;
/// Producers remembered of one log; the one that has not written for the most offsets goes first.
pub const PRODUCERS_MAX: usize = 10_000;

/// One of the last batches of a producer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProducerBatch {
    pub last_sequence: i32,
    pub last_offset: i64,
    pub offset_delta: i32,
    pub timestamp: i64,
}

impl ProducerBatch {
    pub fn base_offset(&self) -> i64 {
        self.last_offset - i64::from(self.offset_delta)
    }

    pub fn base_sequence(&self) -> i32 {
        self.last_sequence.wrapping_sub(self.offset_delta) & i32::MAX
    }
}

/// Everything remembered of one producer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Producer {
    pub producer_epoch: i16,
    /// Of the last transaction marker; -1 for none.
    pub coordinator_epoch: i32,
    pub last_timestamp: i64,
    /// Where its open transaction started.
    pub transaction_start: Option<i64>,
    /// Oldest first; at most [`BATCHES_REMEMBERED`]. Empty after a transaction marker of a newer epoch.
    pub batches: VecDeque<ProducerBatch>,
}

/// What is to be done with a producer's batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProducerCheck {
    Append,
    /// It is in the log already: answer with its place.
    Duplicate {
        base_offset: i64,
        last_offset: i64,
        append_time: i64,
    },
    /// OUT_OF_ORDER_SEQUENCE_NUMBER
    OutOfOrderSequence,
    /// INVALID_PRODUCER_EPOCH: a newer instance of the producer has written since.
    InvalidEpoch,
    /// INVALID_TXN_STATE: no transactional batch though a transaction is open.
    InvalidTransactionState,
}

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProducerTable {
    producers: BTreeMap<i64, Producer>,
}

impl ProducerTable {
    pub fn get(&self, producer_id: i64) -> Option<&Producer> {
        self.producers.get(&producer_id)
    }

    pub fn iter(&self) -> impl Iterator<Item = (i64, &Producer)> {
        self.producers.iter().map(|(id, producer)| (*id, producer))
    }

    pub fn len(&self) -> usize {
        self.producers.len()
    }

    pub fn is_empty(&self) -> bool {
        self.producers.is_empty()
    }

    /// Offset of the first record of the oldest open transaction: the last stable offset, unless the high watermark
    /// is lower.
    pub fn first_unstable_offset(&self) -> Option<i64> {
        self.producers
            .values()
            .filter_map(|producer| producer.transaction_start)
            .min()
    }

    /// Judges a client's batch that passed verification.
    pub fn check(&self, header: &BatchHeader) -> ProducerCheck {
        if !header.has_producer_id() || header.is_control() {
            return ProducerCheck::Append;
        }
        let Some(producer) = self.producers.get(&header.producer_id) else {
            return ProducerCheck::Append;
        };
        let same_batch = |batch: &&ProducerBatch| {
            batch.last_sequence == header.last_sequence() && batch.base_sequence() == header.base_sequence
        };
        if header.producer_epoch == producer.producer_epoch
            && let Some(batch) = producer.batches.iter().find(same_batch)
        {
            return ProducerCheck::Duplicate {
                base_offset: batch.base_offset(),
                last_offset: batch.last_offset,
                append_time: batch.timestamp,
            };
        }
        if header.producer_epoch < producer.producer_epoch {
            return ProducerCheck::InvalidEpoch;
        }
        let in_order = if header.producer_epoch != producer.producer_epoch {
            header.base_sequence == 0 || producer.producer_epoch == NO_PRODUCER_EPOCH
        } else {
            let last = producer.batches.back().map_or(NO_SEQUENCE, |batch| batch.last_sequence);
            header.base_sequence == last.wrapping_add(1) & i32::MAX
        };
        if !in_order {
            return ProducerCheck::OutOfOrderSequence;
        }
        if producer.transaction_start.is_some() && !header.is_transactional() {
            return ProducerCheck::InvalidTransactionState;
        }
        ProducerCheck::Append
    }

    /// Notes a batch of the log. `batch` are its bytes, of which only a control batch's record is looked at.
    pub(super) fn on_append(&mut self, header: &BatchHeader, batch: &[u8]) {
        if !header.has_producer_id() {
            return;
        }
        if !self.producers.contains_key(&header.producer_id) && self.producers.len() >= PRODUCERS_MAX {
            self.forget_oldest();
        }
        let producer = self
            .producers
            .entry(header.producer_id)
            .or_insert_with(|| Producer::new(header.producer_epoch));
        if header.is_control() {
            producer.on_marker(header, batch);
        } else {
            producer.on_batch(header);
        }
    }

    fn forget_oldest(&mut self) {
        let last_offset = |producer: &Producer| producer.batches.back().map_or(-1, |batch| batch.last_offset);
        let oldest = self
            .producers
            .iter()
            .filter(|(_, producer)| producer.transaction_start.is_none());
        let oldest = oldest
            .min_by_key(|(_, producer)| last_offset(producer))
            .map(|(id, _)| *id);
        // With a transaction open for each, the first of all goes: the bound holds whatever clients do.
        if let Some(id) = oldest.or_else(|| self.producers.keys().next().copied()) {
            self.producers.remove(&id);
        }
    }

    /// Forgets producers that wrote nothing for `expiration_ms` (`producer.id.expiration.ms`) and have no transaction open. As in
    /// Kafka, the time is that of their records.
    pub fn expire(&mut self, now_ms: i64, expiration_ms: i64) {
        self.producers.retain(|_, producer| {
            producer.transaction_start.is_some() || now_ms.saturating_sub(producer.last_timestamp) < expiration_ms
        });
    }

    /// Forgets batches at or beyond `to_offset`, and producers of which nothing is left: an unknown producer may go on
    /// anywhere, and what it may send again (five batches at most) was cut too.
    pub(super) fn truncate(&mut self, to_offset: i64) {
        self.producers.retain(|_, producer| {
            producer.batches.retain(|batch| batch.last_offset < to_offset);
            producer.transaction_start = producer.transaction_start.filter(|start| *start < to_offset);
            !producer.batches.is_empty() || producer.transaction_start.is_some()
        });
    }

    pub(super) fn clear(&mut self) {
        self.producers.clear();
    }

    pub(super) fn insert(&mut self, producer_id: i64, producer: Producer) {
        self.producers.insert(producer_id, producer);
    }
}

impl Producer {
    fn new(producer_epoch: i16) -> Producer {
        Producer {
            producer_epoch,
            coordinator_epoch: -1,
            last_timestamp: -1,
            transaction_start: None,
            batches: VecDeque::new(),
        }
    }

    fn on_batch(&mut self, header: &BatchHeader) {
        if header.producer_epoch != self.producer_epoch {
            self.producer_epoch = header.producer_epoch;
            self.batches.clear();
        }
        if self.batches.len() == BATCHES_REMEMBERED {
            self.batches.pop_front();
        }
        self.batches.push_back(ProducerBatch {
            last_sequence: header.last_sequence(),
            last_offset: header.last_offset(),
            offset_delta: header.last_offset_delta,
            timestamp: header.max_timestamp,
        });
        self.last_timestamp = header.max_timestamp;
        if header.is_transactional() && self.transaction_start.is_none() {
            self.transaction_start = Some(header.base_offset);
        }
    }

    fn on_marker(&mut self, header: &BatchHeader, batch: &[u8]) {
        let marker = records(batch).ok().and_then(|mut records| records.next()?.ok());
        let marker = marker.and_then(|record| ControlRecord::parse(&record).ok());
        let (ControlRecord::Abort(marker) | ControlRecord::Commit(marker)) = (match marker {
            Some(marker) => marker,
            // Compaction removed the record, or it is none of a transaction: nothing to note.
            None => return,
        }) else {
            return;
        };
        if header.producer_epoch > self.producer_epoch {
            self.producer_epoch = header.producer_epoch;
            self.batches.clear();
        }
        self.transaction_start = None;
        self.coordinator_epoch = marker.coordinator_epoch;
        self.last_timestamp = header.max_timestamp;
    }
}
