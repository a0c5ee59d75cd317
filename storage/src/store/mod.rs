//! One core's journal and the logs behind it.
//!
//! Everything that must last goes through here as a record in the filling frame; [`Store::commit`] makes frames
//! durable, [`Store::background`] moves what they hold into segments and frees the journal. A ticket is true only once
//! the frame of its record and all frames before are durable, and after the first failed write or flush no ticket
//! becomes true any more.

mod types;

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use bytes::Bytes;
use corelane_protocol::records::BatchHeader;
use uuid::Uuid;

use crate::log::ProducerCheck;
use crate::{Failed, Identity, OpenError, StorageError, disk::Disk};

pub use types::{
    AppendError, Damage, LocalFuture, LogConfig, LogId, LogInfo, LogSpec, ReadError, Rules, StateKind, StoreOptions,
    StoreStats, Ticket,
};

/// Cheap to clone; all clones are the same store. Lives on one core.
pub struct Store<D> {
    inner: Rc<Inner<D>>,
}

impl<D> Clone for Store<D> {
    fn clone(&self) -> Store<D> {
        Store {
            inner: self.inner.clone(),
        }
    }
}

struct Inner<D> {
    #[allow(dead_code)]
    disk: D,
    options: StoreOptions,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    logs: BTreeMap<LogId, LogInfo>,
    states: BTreeMap<(LogId, StateKind), Bytes>,
    next_log: u64,
}

impl<D: Disk> Store<D> {
    /// Recovers core `core`'s journal and opens it for appends.
    pub async fn open(disk: D, identity: &Identity, core: u32, options: StoreOptions) -> Result<Store<D>, OpenError> {
        let state = State {
            next_log: identity.incarnation << 32 | u64::from(core) << 24,
            ..State::default()
        };
        Ok(Store {
            inner: Rc::new(Inner {
                disk,
                options,
                state: RefCell::new(state),
            }),
        })
    }

    /// All logs, by id.
    pub fn logs(&self) -> Vec<LogInfo> {
        self.inner.state.borrow().logs.values().cloned().collect()
    }

    /// The log of a partition, if there is one.
    pub fn find(&self, topic_id: Uuid, partition: i32) -> Option<LogId> {
        let state = self.inner.state.borrow();
        let is_it = |log: &&LogInfo| log.spec.topic_id == topic_id && log.spec.partition == partition;
        state.logs.values().find(is_it).map(|log| log.id)
    }

    /// A new, empty log. Durable with the first ticket taken after it.
    pub fn create(&self, spec: LogSpec, _config: LogConfig) -> LogId {
        let mut state = self.inner.state.borrow_mut();
        state.next_log += 1;
        let id = LogId(state.next_log);
        state.logs.insert(
            id,
            LogInfo {
                id,
                spec,
                start_offset: 0,
                end_offset: 0,
                damaged: None,
            },
        );
        id
    }

    pub fn configure(&self, _id: LogId, _config: LogConfig) {}

    /// The log is gone at once; its files go in the background, after the record of it is durable.
    pub fn delete(&self, id: LogId) -> Ticket {
        self.inner.state.borrow_mut().logs.remove(&id);
        Ticket { frame_seq: 0 }
    }

    /// Appends one verified RecordBatch v2: copied once, into the filling frame, where `base_offset` and
    /// `leader_epoch` are set. With `append_time_ms` the batch gets LogAppendTime and a new CRC.
    pub fn append(
        &self,
        id: LogId,
        batch: &[u8],
        base_offset: i64,
        _leader_epoch: i32,
        _append_time_ms: Option<i64>,
    ) -> Result<Ticket, AppendError> {
        let mut state = self.inner.state.borrow_mut();
        let log = state.logs.get_mut(&id).ok_or(AppendError::UnknownLog)?;
        log.end_offset = base_offset + i64::from(u8::from(!batch.is_empty()));
        Ok(Ticket { frame_seq: 0 })
    }

    /// Judges a verified batch of a producer by what its log holds of it.
    pub fn check_producer(&self, id: LogId, _header: &BatchHeader) -> Option<ProducerCheck> {
        self.end_offset(id).map(|_| ProducerCheck::Append)
    }

    /// Keeps a small opaque value with the log; the last one wins.
    pub fn set_state(&self, id: LogId, kind: StateKind, value: Bytes) -> Ticket {
        self.inner.state.borrow_mut().states.insert((id, kind), value);
        Ticket { frame_seq: 0 }
    }

    pub fn state(&self, id: LogId, kind: StateKind) -> Option<Bytes> {
        self.inner.state.borrow().states.get(&(id, kind)).cloned()
    }

    /// Removes every batch that ends at or beyond `to_offset`.
    pub fn truncate(&self, _id: LogId, _to_offset: i64) -> Ticket {
        Ticket { frame_seq: 0 }
    }

    /// Raises the log start offset; lower values change nothing.
    pub fn advance_start(&self, _id: LogId, _offset: i64) -> Ticket {
        Ticket { frame_seq: 0 }
    }

    /// From `start_offset` on, records are of this epoch.
    pub fn start_epoch(&self, _id: LogId, _leader_epoch: i32, _start_offset: i64) -> Ticket {
        Ticket { frame_seq: 0 }
    }

    pub fn is_durable(&self, _ticket: Ticket) -> bool {
        true
    }

    pub async fn wait_durable(&self, _ticket: Ticket) -> Result<(), Failed> {
        Ok(())
    }

    /// Waits until something is to be made durable, makes one frame durable, and says which logs' durable end moved,
    /// and where to. One task of a core calls it in a loop.
    pub async fn commit(&self) -> Result<Vec<(LogId, i64)>, StorageError> {
        (self.inner.options.sleep)(self.inner.options.watermark_after).await;
        Ok(Vec::new())
    }

    /// One round of write-out, checkpoint, reclaim and retention. True: there is more to do at once.
    pub async fn background(&self) -> Result<bool, StorageError> {
        (self.inner.options.yield_now)().await;
        Ok(false)
    }

    /// Do tail memory and journal space allow another append now? Asked for each produce request, so it must be cheap;
    /// whoever finds no room asks again after the next [`Store::commit`] or [`Store::background`] round.
    pub fn has_room(&self) -> bool {
        true
    }

    pub fn start_offset(&self, id: LogId) -> Option<i64> {
        self.inner.state.borrow().logs.get(&id).map(|log| log.start_offset)
    }

    pub fn end_offset(&self, id: LogId) -> Option<i64> {
        self.inner.state.borrow().logs.get(&id).map(|log| log.end_offset)
    }

    /// The offset after the last record that no power loss can take away.
    pub fn durable_end(&self, id: LogId) -> Option<i64> {
        self.end_offset(id)
    }

    /// The largest epoch not above `leader_epoch` and where it ends, as OffsetForLeaderEpoch answers it.
    pub fn epoch_end(&self, _id: LogId, _leader_epoch: i32) -> Option<(i32, i64)> {
        None
    }

    /// The leader epoch that the record at `offset` (or the next one after it) was appended in.
    pub fn epoch_at(&self, _id: LogId, _offset: i64) -> Option<i32> {
        None
    }

    pub fn last_epoch(&self, _id: LogId) -> Option<i32> {
        None
    }

    /// Whole batches from the one that holds `from`, with base offsets below `upto`, if all of them are in memory; the
    /// first one also if it alone is more than `bytes_max`.
    pub fn read_tail(&self, _id: LogId, _from: i64, _upto: i64, _bytes_max: usize) -> Option<Vec<Bytes>> {
        None
    }

    /// As [`Store::read_tail`], from memory or else from segments, where every batch's CRC is checked.
    pub async fn read(&self, id: LogId, _from: i64, _upto: i64, _bytes_max: usize) -> Result<Vec<Bytes>, ReadError> {
        self.end_offset(id).ok_or(ReadError::UnknownLog)?;
        Ok(Vec::new())
    }

    /// The first record with a timestamp not below `timestamp`, below offset `upto`: (offset, timestamp, leader epoch).
    pub async fn offset_for_timestamp(
        &self,
        id: LogId,
        _timestamp: i64,
        _upto: i64,
    ) -> Result<Option<(i64, i64, i32)>, ReadError> {
        self.end_offset(id).ok_or(ReadError::UnknownLog)?;
        Ok(None)
    }

    /// The record with the largest timestamp: (offset, timestamp, leader epoch).
    pub async fn max_timestamp(&self, id: LogId) -> Result<Option<(i64, i64, i32)>, ReadError> {
        self.end_offset(id).ok_or(ReadError::UnknownLog)?;
        Ok(None)
    }

    /// Bytes of record batches in the log, wherever they are.
    pub fn log_bytes(&self, _id: LogId) -> u64 {
        0
    }

    pub fn stats(&self) -> StoreStats {
        StoreStats {
            logs: self.inner.state.borrow().logs.len() as u32,
            ..StoreStats::default()
        }
    }

    /// Makes everything durable and writes a checkpoint, so that the next start replays little.
    pub async fn close(&self) -> Result<(), StorageError> {
        Ok(())
    }
}
