//! A replica's log, as a process has it or as a disk does; the same code applies a persist to both.
//!
//! A record is its leader epoch and a value that occurs once in a run. A batch is one record.

use corelane_broker::partition::replica::{Epochs, LogView, Persist, Recovered, Span};

/// Records of one message or one write, in place.
pub const BATCH_MAX: usize = 8;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Record {
    pub epoch: i32,
    pub value: u32,
}

impl Record {
    /// Before the log start of an unclean leader: nobody can say any more which record that history had there.
    pub const UNKNOWN: Record = Record {
        epoch: i32::MIN,
        value: 0,
    };

    /// Whether a log that has `found` there contradicts this.
    pub fn is_other_than(self, found: Option<Record>) -> bool {
        self != Record::UNKNOWN && found != Some(self)
    }
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Batch {
    len: u8,
    records: [Record; BATCH_MAX],
}

#[derive(Clone, Debug)]
pub struct ReplicaLog {
    /// Tells logs of one partition on one node apart.
    pub made: u64,
    pub start: i64,
    pub records: Vec<Record>,
    /// Written down; a process knows better.
    pub high_watermark: i64,
    pub floor: i32,
    /// Records of one append at most.
    pub append_max: i64,
}

impl Batch {
    pub fn push(&mut self, record: Record) {
        self.records[usize::from(self.len)] = record;
        self.len += 1;
    }

    pub fn as_slice(&self) -> &[Record] {
        &self.records[..usize::from(self.len)]
    }

    /// Ranges of equal epochs, from `base_offset` on.
    pub fn spans(&self, base_offset: i64, spans: &mut Vec<Span>) {
        spans.clear();
        for (record, offset) in self.as_slice().iter().zip(base_offset..) {
            match spans.last_mut() {
                Some(last) if last.leader_epoch == record.epoch => last.records += 1,
                _ => spans.push(Span {
                    base_offset: offset,
                    records: 1,
                    leader_epoch: record.epoch,
                }),
            }
        }
    }
}

impl ReplicaLog {
    pub fn new(made: u64, append_max: i64) -> ReplicaLog {
        ReplicaLog {
            made,
            start: 0,
            records: Vec::new(),
            high_watermark: 0,
            floor: -1,
            append_max,
        }
    }

    pub fn end(&self) -> i64 {
        self.start + self.records.len() as i64
    }

    pub fn get(&self, offset: i64) -> Option<Record> {
        let place = usize::try_from(offset - self.start).ok()?;
        self.records.get(place).copied()
    }

    /// What an append of `from..to` carries; None if some of it is gone.
    pub fn batch(&self, from: i64, to: i64) -> Option<Batch> {
        let mut batch = Batch::default();
        for offset in from..to {
            batch.push(self.get(offset)?);
        }
        Some(batch)
    }

    /// `records` are those of `persist.append`.
    pub fn apply(&mut self, persist: &Persist, records: &Batch, floors_survive: bool) {
        if let Some(epoch) = persist.adopt_epoch
            && floors_survive
        {
            self.floor = self.floor.max(epoch);
        }
        if let Some(at) = persist.restart_at {
            self.records.clear();
            self.start = at;
        }
        if let Some(end) = persist.truncate_to {
            self.records.truncate((end - self.start).max(0) as usize);
        }
        if persist.append.is_some() {
            self.records.extend_from_slice(records.as_slice());
        }
        if let Some(start) = persist.log_start {
            self.trim(start);
        }
        if let Some(high_watermark) = persist.high_watermark {
            self.high_watermark = high_watermark;
        }
    }

    pub fn trim(&mut self, start: i64) {
        let gone = (start - self.start).clamp(0, self.records.len() as i64);
        self.records.drain(..gone as usize);
        self.start += gone;
    }

    pub fn recovered(&self) -> Recovered {
        let mut ranges: Vec<(i64, i32)> = Vec::new();
        for (record, offset) in self.records.iter().zip(self.start..) {
            if ranges.last().is_none_or(|(_, epoch)| *epoch != record.epoch) {
                ranges.push((offset, record.epoch));
            }
        }
        Recovered {
            epochs: Epochs::recovered(ranges, self.end()),
            high_watermark: self.high_watermark.max(self.start),
            epoch_floor: self.floor,
        }
    }
}

impl LogView for ReplicaLog {
    fn start(&self) -> i64 {
        self.start
    }

    fn append_end(&self, from: i64, upto: i64) -> i64 {
        if from < self.start {
            return from;
        }
        upto.min(from + self.append_max).min(self.end())
    }
}
