//! One core's journal and the logs behind it.
//!
//! Everything that must last goes through here as a record in the filling frame; [`Store::commit`] makes frames
//! durable, [`Store::background`] moves what they hold into segments and frees the journal. A ticket is true only once
//! the frame of its record and all frames before are durable, and after the first failed write or flush no ticket
//! becomes true any more.

mod background;
mod checkpoint_room;
mod commit;
mod copies;
mod producers;
mod reads;
mod recover;
mod rehome;
mod snapshots;
mod state;
#[cfg(test)]
mod tests;
mod types;

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
    sync::Arc,
};

use bytes::Bytes;
use corelane_protocol::records::{BatchHeader, patch, set_append_time};
use uuid::Uuid;

use crate::{Failed, Identity, OpenError, StorageError, disk::Disk, journal::record::Record, log::read::ReadCache};
use commit::{Drivers, Flight};
use state::{Reserve, State};

pub use rehome::rehome;
pub use types::{
    AppendError, Damage, JournalEnd, LocalFuture, LogConfig, LogId, LogInfo, LogSpec, ReadError, Rules, SnapshotId,
    StateKind, StoreOptions, StoreStats, Ticket,
};

/// Cheap to clone; all clones are the same store. Lives on one core.
pub struct Store<D: Disk> {
    inner: Rc<Inner<D>>,
}

impl<D: Disk> Clone for Store<D> {
    fn clone(&self) -> Store<D> {
        Store {
            inner: self.inner.clone(),
        }
    }
}

struct Inner<D: Disk> {
    disk: D,
    options: StoreOptions,
    /// The journal's directory.
    journal: String,
    /// The ring, by slot.
    files: Vec<D::File>,
    checkpoint_files: [D::File; 2],
    read_cache: ReadCache<D::File>,
    checkpoints: Cell<background::Checkpoints>,
    background: RefCell<background::Background>,
    state: RefCell<State>,
    flights: RefCell<VecDeque<Flight>>,
    drivers: Arc<Drivers>,
    recovered_end: JournalEnd,
    /// None: nobody said, so every producer is remembered.
    producer_expiration_ms: Cell<Option<i64>>,
}

impl<D: Disk> Store<D> {
    /// Recovers core `core`'s journal and opens it for appends.
    pub async fn open(disk: D, identity: &Identity, core: u32, options: StoreOptions) -> Result<Store<D>, OpenError> {
        if identity.journal_cores != identity.cores {
            return Err(OpenError::Refused(format!(
                "the logs are in {} journals and the broker has {} cores: move them first, or start with {} cores",
                identity.journal_cores, identity.cores, identity.journal_cores
            )));
        }
        recover::open(disk, identity, core, options).await
    }

    /// Where the journal ended when it was opened.
    pub fn recovered_end(&self) -> JournalEnd {
        self.inner.recovered_end
    }

    /// All logs, by id.
    pub fn logs(&self) -> Vec<LogInfo> {
        let state = self.inner.state.borrow();
        let info = |(id, slot): (&LogId, &state::Slot)| LogInfo {
            id: *id,
            spec: slot.log.spec().clone(),
            start_offset: slot.log.start_offset(),
            end_offset: slot.log.end_offset(),
            damaged: slot.log.damaged().cloned(),
        };
        state.logs.iter().map(info).collect()
    }

    /// Acknowledged frames of the journal are missing. Logs that may be concerned are damaged, and so is every log that
    /// is created from now on: it may be one whose creation was in a missing frame.
    pub fn damage(&self) -> Option<Damage> {
        self.inner.state.borrow().damage.clone().map(|reason| Damage { reason })
    }

    /// What is wrong with this log, if anything is. Acknowledged records may have stood where it ends now: appends are
    /// refused until an operator decides.
    pub fn damage_of(&self, id: LogId) -> Option<Damage> {
        self.with_log(id, |slot| slot.log.damaged().cloned())?
    }

    /// The log of a partition, if there is one.
    pub fn find(&self, topic_id: Uuid, partition: i32) -> Option<LogId> {
        let state = self.inner.state.borrow();
        let is_it =
            |slot: &&state::Slot| slot.log.spec().topic_id == topic_id && slot.log.spec().partition == partition;
        state.logs.values().find(is_it).map(|slot| slot.log.id())
    }

    /// A new, empty log. Durable with the first ticket taken after it.
    pub fn create(&self, spec: LogSpec, config: LogConfig) -> LogId {
        let mut state = self.inner.state.borrow_mut();
        state.next_log += 1;
        let id = LogId(state.next_log);
        state.create(id, spec, config);
        drop(state);
        self.inner.pushed();
        id
    }

    pub fn configure(&self, id: LogId, config: LogConfig) -> Ticket {
        self.change(id, &Record::Configure { config })
    }

    /// The log is gone at once; its files go in the background, after the record of it is durable.
    pub fn delete(&self, id: LogId) -> Ticket {
        let ticket = self.inner.state.borrow_mut().delete(id);
        self.inner.pushed();
        ticket
    }

    /// Appends one verified RecordBatch v2: copied once, into the filling frame, where `base_offset` and
    /// `leader_epoch` are set. With `append_time_ms` the batch gets LogAppendTime and a new CRC.
    ///
    /// # Panics
    /// If `batch` is not one batch, or `base_offset` is not the log's end.
    pub fn append(
        &self,
        id: LogId,
        batch: &[u8],
        base_offset: i64,
        leader_epoch: i32,
        append_time_ms: Option<i64>,
    ) -> Result<Ticket, AppendError> {
        let mut state = self.inner.state.borrow_mut();
        let slot = state.logs.get(&id).ok_or(AppendError::UnknownLog)?;
        if let Some(damage) = slot.log.damaged() {
            return Err(AppendError::Damaged(damage.reason.clone()));
        }
        if state.failed.is_some() {
            return Err(AppendError::Failed);
        }
        let bytes_max = state.record_bytes_max();
        if batch.len() > bytes_max {
            return Err(AppendError::TooLarge {
                bytes: batch.len(),
                bytes_max,
            });
        }
        assert_eq!(base_offset, slot.log.end_offset(), "a batch continues the log");
        let header = BatchHeader::parse(batch).expect("only verified batches are appended");
        let last_offset = base_offset + i64::from(header.last_offset_delta);
        let at = state.push(
            id,
            &Record::Data {
                base_offset,
                last_offset,
                leader_epoch,
                batch,
            },
        );
        let body = state.filling_body_mut(at);
        patch(body, base_offset, leader_epoch);
        if let Some(append_time_ms) = append_time_ms {
            set_append_time(body, append_time_ms);
        }
        state.apply_pushed_data(id, at, base_offset, last_offset, leader_epoch);
        drop(state);
        self.inner.pushed();
        Ok(Ticket {
            frame_seq: at.frame_seq,
        })
    }

    /// Keeps a small opaque value with the log; the last one wins.
    pub fn set_state(&self, id: LogId, kind: StateKind, value: Bytes) -> Ticket {
        self.change(id, &Record::State { kind, value: &value })
    }

    pub fn state(&self, id: LogId, kind: StateKind) -> Option<Bytes> {
        self.inner.state.borrow().logs.get(&id)?.log.state(kind)
    }

    /// Removes every batch that ends at or beyond `to_offset`.
    pub fn truncate(&self, id: LogId, to_offset: i64) -> Ticket {
        self.change(id, &Record::Truncate { to_offset })
    }

    /// Raises the log start offset; lower values change nothing.
    pub fn advance_start(&self, id: LogId, offset: i64) -> Ticket {
        self.change(id, &Record::Start { offset })
    }

    /// From `start_offset` on, records are of this epoch.
    pub fn start_epoch(&self, id: LogId, leader_epoch: i32, start_offset: i64) -> Ticket {
        self.change(
            id,
            &Record::Epoch {
                leader_epoch,
                start_offset,
            },
        )
    }

    fn change(&self, id: LogId, record: &Record<'_>) -> Ticket {
        let ticket = self.inner.state.borrow_mut().change(id, record);
        self.inner.pushed();
        ticket
    }

    pub fn is_durable(&self, ticket: Ticket) -> bool {
        self.inner.state.borrow().committer.is_durable(ticket.frame_seq)
    }

    /// Some task must be calling [`Store::commit`] meanwhile.
    pub async fn wait_durable(&self, ticket: Ticket) -> Result<(), Failed> {
        self.wait_for(ticket.frame_seq).await
    }

    /// Waits until something is to be made durable, makes one frame durable, and says which logs' durable end moved,
    /// and where to. One task of a core calls it in a loop.
    pub async fn commit(&self) -> Result<Vec<(LogId, i64)>, StorageError> {
        self.commit_frame().await
    }

    /// When the frame that became durable last was sealed, by [`StoreOptions::now_ns`].
    pub fn sealed_ns(&self) -> u64 {
        self.inner.state.borrow().sealed_ns
    }

    /// One round of write-out, checkpoint, reclaim and retention. True: there is more to do at once. Only one task of
    /// a core may call it.
    pub async fn background(&self) -> Result<bool, StorageError> {
        self.background_round().await
    }

    /// Do tail memory and journal space allow another append now? Asked for each produce request, so it must be cheap;
    /// whoever finds no room asks again after the next [`Store::commit`] or [`Store::background`] round.
    pub fn has_room(&self) -> bool {
        let state = self.inner.state.borrow();
        !self.inner.background.borrow().disk_full
            && state.frames.tail_bytes() < self.inner.options.tail_bytes_max as u64
            && state.frames.held_bytes() < 2 * self.inner.options.tail_bytes_max as u64
            && state.has_append_room()
    }

    /// Is there space for a little in the journal, also while producers find no room? For records without which nothing
    /// would ever be deleted, and nobody lead.
    pub fn has_journal_room(&self) -> bool {
        self.inner.state.borrow().has_reserve(Reserve::Needed)
    }

    /// May what exists become more? Not where the journal is all that is left of a full disk, and it is nearly full of what
    /// nobody can write elsewhere: then the rest is for what [`Store::has_journal_room`] is asked for.
    pub fn has_room_to_grow(&self) -> bool {
        let background = self.inner.background.borrow();
        let state = self.inner.state.borrow();
        let has_checkpoint_room = !background.checkpoint_refused && !background.checkpoint_room.is_short;
        has_checkpoint_room && (!background.disk_full || state.has_reserve(Reserve::Growth))
    }

    /// Bytes of the largest batch that [`Store::append`] takes.
    pub fn batch_bytes_max(&self) -> usize {
        self.inner.state.borrow().record_bytes_max()
    }

    pub fn start_offset(&self, id: LogId) -> Option<i64> {
        self.with_log(id, |slot| slot.log.start_offset())
    }

    pub fn end_offset(&self, id: LogId) -> Option<i64> {
        self.with_log(id, |slot| slot.log.end_offset())
    }

    /// The offset after the last record that no power loss can take away.
    pub fn durable_end(&self, id: LogId) -> Option<i64> {
        self.with_log(id, |slot| slot.durable_end)
    }

    fn with_log<T>(&self, id: LogId, look: impl FnOnce(&state::Slot) -> T) -> Option<T> {
        self.inner.state.borrow().logs.get(&id).map(look)
    }

    /// The largest epoch not above `leader_epoch` and where it ends, as OffsetForLeaderEpoch answers it.
    pub fn epoch_end(&self, id: LogId, leader_epoch: i32) -> Option<(i32, i64)> {
        self.with_log(id, |slot| slot.log.epoch_end(leader_epoch))?
    }

    /// The leader epoch that the record at `offset` (or the next one after it) was appended in.
    pub fn epoch_at(&self, id: LogId, offset: i64) -> Option<i32> {
        self.with_log(id, |slot| slot.log.epochs().at(offset))?
    }

    /// (first offset, leader epoch) of each epoch that the log knows, in order.
    pub fn epochs(&self, id: LogId) -> Option<Vec<(i64, i32)>> {
        self.with_log(id, |slot| {
            let entries = slot.log.epochs().entries().iter();
            entries.map(|entry| (entry.start_offset, entry.leader_epoch)).collect()
        })
    }

    pub fn last_epoch(&self, id: LogId) -> Option<i32> {
        self.with_log(id, |slot| slot.log.epochs().last().map(|last| last.leader_epoch))?
    }

    /// Bytes of record batches in the log, wherever they are.
    pub fn log_bytes(&self, id: LogId) -> u64 {
        self.with_log(id, |slot| slot.log.bytes()).unwrap_or(0)
    }

    pub fn stats(&self) -> StoreStats {
        let state = self.inner.state.borrow();
        StoreStats {
            tail_bytes: state.frames.tail_bytes(),
            frame_memory_bytes: state.frames.held_bytes(),
            journal_files: state.space.files(),
            journal_files_free: state.space.free_files(),
            logs: state.logs.len() as u32,
            ..state.stats.clone()
        }
    }

    /// Makes everything durable and writes a checkpoint, if the disk has room for it, so that the next start replays
    /// little. The store may be used on after it.
    pub async fn close(&self) -> Result<(), StorageError> {
        self.try_checkpoint().await.map(drop)
    }
}
