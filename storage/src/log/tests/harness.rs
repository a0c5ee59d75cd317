//! A log with a toy journal: frames in a list, reclaimed by the same rules as the real one, replayed the same way.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures_lite::future::block_on;
use uuid::Uuid;

use super::super::*;
use crate::{
    disk::Disk,
    journal::{
        frames::FrameRef,
        record::{RECORD_HEADER, Record, RecordHeader},
    },
    sim_disk::{Persist, SimDisk, SimFile},
    store::ReadError,
    writeout,
};

pub const ID: LogId = LogId(7);

pub fn spec() -> LogSpec {
    LogSpec {
        topic_id: Uuid::from_u128(1),
        topic: "events".to_string(),
        partition: 3,
    }
}

pub struct Harness {
    pub disk: SimDisk,
    pub read_cache: read::ReadCache<SimFile>,
    pub log: PartitionLog,
    pub frames: Frames,
    pub wall_ms: i64,
    journal: BTreeMap<u64, Bytes>,
    frame_seq: u64,
    filling: Vec<u8>,
    checkpoint_seq: u64,
    checkpoint: Vec<u8>,
}

impl Harness {
    pub fn new(config: LogConfig) -> Harness {
        let log = PartitionLog::new(ID, spec(), config, false);
        let mut checkpoint = Vec::new();
        log.encode(&mut checkpoint);
        Harness {
            disk: SimDisk::new(),
            read_cache: read::ReadCache::new(2),
            log,
            frames: Frames::default(),
            wall_ms: 0,
            journal: BTreeMap::new(),
            frame_seq: 1,
            filling: Vec::new(),
            checkpoint_seq: 1,
            checkpoint,
        }
    }

    /// Puts a record into the filling frame and applies it.
    pub fn record(&mut self, record: Record<'_>) {
        let (header, body) = record.encode(ID);
        let body = body.as_slice();
        let at = self.filling.len() + RECORD_HEADER;
        self.filling.extend_from_slice(&header.encode());
        self.filling.extend_from_slice(body);
        self.filling.resize(self.filling.len().next_multiple_of(8), 0);
        let at = FrameRef {
            frame_seq: self.frame_seq,
            at: at as u32,
            len: body.len() as u32,
        };
        self.log.apply(&record, at, Fold::Full, &mut self.frames);
        assert_eq!(self.log.damaged(), None);
    }

    pub fn append(&mut self, batch: &[u8]) {
        let header = BatchHeader::parse(batch).unwrap();
        self.record(Record::Data {
            base_offset: header.base_offset,
            last_offset: header.last_offset(),
            leader_epoch: header.partition_leader_epoch,
            batch,
        });
    }

    /// Makes the filling frame durable.
    pub fn commit(&mut self) {
        let bytes = Bytes::from(std::mem::take(&mut self.filling));
        self.frames.seal(self.frame_seq, bytes.clone());
        self.journal.insert(self.frame_seq, bytes);
        self.frame_seq += 1;
    }

    pub fn durable_seq(&self) -> u64 {
        self.frame_seq - 1
    }

    pub fn plan(&mut self, bytes_max: usize) -> Option<WriteOut> {
        let plan = self
            .log
            .plan_write_out(&self.frames, self.durable_seq(), bytes_max, self.wall_ms)?;
        for record in plan.records.clone() {
            self.record(record);
        }
        Some(plan)
    }

    pub fn finish(&mut self, plan: WriteOut) {
        let done = block_on(writeout::run(&self.disk, plan)).unwrap();
        for record in self.log.written_out(&done) {
            self.record(record);
        }
    }

    /// The disk stops after some steps; what was reached before may be said in the filling frame.
    pub fn finish_or_crash(&mut self, plan: WriteOut, steps: u64) {
        self.disk.crash_at(self.disk.boundaries() + 1 + steps);
        if let Ok(done) = block_on(writeout::run(&self.disk, plan)) {
            for record in self.log.written_out(&done) {
                self.record(record);
            }
        }
    }

    /// True: something was written.
    pub fn write_out(&mut self, bytes_max: usize) -> bool {
        let plan = self.plan(bytes_max);
        plan.map(|plan| self.finish(plan)).is_some()
    }

    pub fn relog_residue(&mut self) -> bool {
        let copy = self.log.residue(&self.frames, self.frame_seq);
        if let Some(copy) = &copy {
            self.record(copy.record());
        }
        copy.is_some()
    }

    /// Writes a checkpoint, frees what it allows, and removes files.
    pub fn checkpoint(&mut self) {
        self.commit();
        let files = self.log.unlink();
        self.checkpoint.clear();
        self.log.encode(&mut self.checkpoint);
        self.checkpoint_seq = self.frame_seq;
        let needed = self.log.oldest_frame().unwrap_or(self.frame_seq);
        self.journal.retain(|seq, _| *seq >= needed);
        for path in files {
            let _ = block_on(self.disk.remove(&path));
            self.read_cache.removed(&[path]);
        }
    }

    /// The power goes: what the filling frame has is lost, and what the disk was not told to keep.
    pub fn reopen(&mut self, persist: Persist) {
        self.disk = self.disk.after_crash(persist);
        self.read_cache = read::ReadCache::new(2);
        self.filling.clear();
        self.frames = Frames::default();
        let mut bytes = &self.checkpoint[..];
        self.log = PartitionLog::decode(ID, &mut bytes).unwrap();
        assert_eq!(bytes, []);
        for (seq, frame) in &self.journal {
            let fold = if *seq < self.checkpoint_seq {
                Fold::TailOnly
            } else {
                Fold::Full
            };
            let mut at = 0;
            while at < frame.len() {
                let header = RecordHeader::parse(&frame[at..]).unwrap();
                let body = at + RECORD_HEADER..at + header.len as usize;
                let (_, record) = Record::decode(&header, &frame[body.clone()]).unwrap();
                let place = FrameRef {
                    frame_seq: *seq,
                    at: body.start as u32,
                    len: body.len() as u32,
                };
                self.log.apply(&record, place, fold, &mut self.frames);
                at = body.end.next_multiple_of(8);
            }
            self.frames.seal(*seq, frame.clone());
        }
        self.log.finish_recovery(&mut self.frames);
        assert_eq!(self.log.damaged(), None);
        self.commit();
    }

    pub fn read(&mut self, from: i64, upto: i64, bytes_max: usize) -> Result<Vec<Bytes>, ReadError> {
        let (log, frames) = (&self.log, &self.frames);
        if let Some(batches) = log.read_tail(from, upto, bytes_max, frames) {
            return Ok(batches);
        }
        let mut learned = Vec::new();
        let plan = |from, bytes_max| log.plan_read(from, upto, bytes_max, frames);
        let read = block_on(read::read(
            &self.disk,
            &self.read_cache,
            plan,
            |index| learned.push(index),
            from,
            upto,
            bytes_max,
        ));
        for index in learned {
            self.log.learn_index(index);
        }
        read
    }

    pub fn find_time(&mut self, timestamp: i64, upto: i64) -> Option<read::FoundRecord> {
        let plans = self.log.plan_time_lookup(timestamp, &self.frames);
        let start_offset = self.log.start_offset();
        let found = read::offset_for_timestamp(
            &self.disk,
            &self.read_cache,
            plans,
            |_| (),
            timestamp,
            start_offset,
            upto,
        );
        block_on(found).unwrap()
    }
}
