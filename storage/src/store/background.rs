//! What runs beside the appends: tails into segments, checkpoints, free journal files, retention.
//!
//! ```text
//!   tail -> segment (durable) -> FLUSHED, or RESIDUE for less than a block -> no frame of the oldest file is needed
//!        -> checkpoint (durable), twice -> the file is free; what the checkpoint no longer names is removed
//! ```
//! A full disk stops write-out and with it appends, not reads; what was deleted is given back at once then, and the journal
//! has its room by copies alone (`copies.rs`). A disk that fails ends the store.

use std::{collections::BTreeSet, io};

use super::{LogId, Store, checkpoint_room::CheckpointRoom, copies::Lap, recover::encode_checkpoint, state::State};
use crate::{
    StorageError,
    disk::{BLOCK, Disk},
    journal::{
        checkpoint::{self, CheckpointHeader},
        prewrite,
        record::Record,
    },
    log::WriteOut,
    writeout::{self, Load, Pressure},
};

/// Logs in one round, and bytes of each: what a flush of the journal may have to wait for in the device's cache.
const ROUND_LOGS: usize = 8;
pub(super) const WRITE_OUT_BYTES: usize = 1 << 20;
/// And when memory is a quarter full, so that this does not keep up: then files are opened and flushed for more, and two are
/// written at a time. Rounds of a MiB a log bound what a core takes at 600 MB/s where the disk does three times of that.
const WRITE_OUT_BYTES_HASTY: usize = 4 << 20;
/// How often retention looks at least when the disk is full.
const RETENTION_EVERY_MS_FULL: i64 = 30_000;
/// A checkpoint is written at least this often while records come, so that deleted files go.
const CHECKPOINT_EVERY_MS: i64 = 60_000;

/// Which copy counts, and its generation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Checkpoints {
    pub newest_copy: usize,
    pub generation: u64,
}

#[derive(Debug, Default)]
pub(super) struct Background {
    /// The last write-out found no space.
    pub disk_full: bool,
    /// The last checkpoint found no space.
    pub checkpoint_refused: bool,
    pub checkpoint_room: CheckpointRoom,
    /// Of copies on a full disk.
    pub lap: Lap,
    retention: Turn,
    producers: Turn,
    checkpoint: Turn,
    checkpoint_records: u64,
}

/// What is done now and then, by a clock that may be set back.
#[derive(Debug, Default)]
struct Turn {
    last_ms: i64,
}

impl Background {
    /// Of a store that is opened now, by the checkpoint with this body. The first checkpoint has its time from here: what was
    /// deleted before a crash goes with it.
    pub(super) fn opened(wall_ms: i64, checkpoint: &[u8]) -> Background {
        Background {
            checkpoint_room: CheckpointRoom::of(checkpoint),
            checkpoint: Turn { last_ms: wall_ms },
            ..Background::default()
        }
    }
}

impl Turn {
    fn is_due(&self, wall_ms: i64, every_ms: i64) -> bool {
        wall_ms.saturating_sub(self.last_ms) >= every_ms || wall_ms < self.last_ms
    }

    /// Whether it is time; then this is the last time that it was done.
    fn has_come(&mut self, wall_ms: i64, every_ms: i64) -> bool {
        let has_come = self.is_due(wall_ms, every_ms);
        if has_come {
            self.last_ms = wall_ms;
        }
        has_come
    }
}

impl<D: Disk> Store<D> {
    pub(super) async fn background_round(&self) -> Result<bool, StorageError> {
        let wall_ms = (self.inner.options.wall_ms)();
        (self.inner.options.yield_now)().await;
        let mut more = self.prewrite().await?;
        self.retain(wall_ms);
        let producers_every_ms = self.inner.options.producers_every_ms;
        if self
            .inner
            .background
            .borrow_mut()
            .producers
            .has_come(wall_ms, producers_every_ms)
        {
            self.expire_producers(wall_ms);
        }
        more |= self.write_out(wall_ms).await?;
        (self.inner.options.yield_now)().await;
        more |= self.copy_residues_forward() || self.copy_tails_forward();
        self.reserve_checkpoint().await;
        if self.wants_checkpoint(wall_ms) {
            more |= self.try_checkpoint().await?;
        }
        Ok(more)
    }

    /// The next file of a young journal. Its room is reserved, so a disk that does not take it fails. True: it was written.
    async fn prewrite(&self) -> Result<bool, StorageError> {
        let inner = &*self.inner;
        let (next, file_bytes) = {
            let space = &inner.state.borrow().space;
            (space.next_to_prewrite(), space.file_bytes())
        };
        let Some(slot) = next else { return Ok(false) };
        match prewrite::write(&inner.disk, &inner.journal, slot, file_bytes).await {
            Ok(()) => inner.state.borrow_mut().space.prewrote(),
            Err(error) => return Err(self.poison(&format!("prewriting journal file {slot:04}: {error}"))),
        }
        Ok(true)
    }

    /// `retention.ms` and `retention.bytes`: raises start offsets.
    fn retain(&self, wall_ms: i64) {
        let background = &mut *self.inner.background.borrow_mut();
        let mut every_ms = self.inner.options.retention_every_ms;
        if background.disk_full {
            every_ms = every_ms.min(RETENTION_EVERY_MS_FULL);
        }
        if !background.retention.has_come(wall_ms, every_ms) {
            return;
        }
        let mut state = self.inner.state.borrow_mut();
        let plans: Vec<(LogId, i64)> = state
            .logs
            .iter()
            .filter(|(_, slot)| slot.log.damaged().is_none())
            .filter_map(|(id, slot)| Some((*id, slot.log.plan_retention(wall_ms, slot.durable_end)?)))
            .collect();
        for (id, offset) in plans {
            state.change(id, &Record::Start { offset });
        }
        drop(state);
        self.inner.pushed();
    }

    /// True: something was written.
    async fn write_out(&self, wall_ms: i64) -> Result<bool, StorageError> {
        let inner = &*self.inner;
        let plans = self.plan_write_outs(wall_ms).await;
        if plans.is_empty() {
            // What found no space may have been deleted since, and is not waiting in the journal alone.
            if inner.state.borrow().has_append_room() {
                inner.background.borrow_mut().disk_full = false;
            }
            return Ok(false);
        }
        let hasty = self.pressure(&inner.state.borrow()).is_behind();
        let done = match writeout::run_all(&inner.disk, plans, hasty).await {
            Ok(done) => done,
            Err(error) if error.kind() == io::ErrorKind::StorageFull => {
                // The journal still has everything. Retention or an operator makes space.
                if !std::mem::replace(&mut inner.background.borrow_mut().disk_full, true) {
                    let (location, free_bytes) = (inner.disk.location(), self.free_bytes().await);
                    tracing::error!(
                        location,
                        free_bytes,
                        "the disk is full: segments cannot grow, and appends wait as soon as the journal is full, too"
                    );
                }
                return Ok(false);
            }
            Err(error) => return Err(self.poison(&format!("segment write: {error}"))),
        };
        if std::mem::take(&mut inner.background.borrow_mut().disk_full) {
            let (location, free_bytes) = (inner.disk.location(), self.free_bytes().await);
            tracing::info!(location, free_bytes, "the disk has room again: appends go on");
        }
        for out in done {
            {
                let mut state = inner.state.borrow_mut();
                let log = out.plan.log;
                if let Some(slot) = state.logs.get(&log) {
                    for record in slot.log.written_out(&out) {
                        state.note(log, &record);
                    }
                }
                state.stats.written_out_bytes += out.plan.bytes();
            }
            inner.pushed();
            // To apply this to thousands of small batches, and to forget them, takes a millisecond.
            drop(out);
            (inner.options.yield_now)().await;
        }
        Ok(true)
    }

    /// For the log; a file system that does not tell shows as none.
    async fn free_bytes(&self) -> Option<u64> {
        self.inner.disk.space().await.ok().map(|space| space.free_bytes)
    }

    /// Chooses logs, and journals what must be known of their files first. Gives way after each.
    async fn plan_write_outs(&self, wall_ms: i64) -> Vec<WriteOut> {
        let (chosen, bytes_max) = self.choose_logs();
        let mut plans = Vec::new();
        for id in chosen {
            if let Some(plan) = self.plan_write_out(id, bytes_max, wall_ms) {
                plans.push(plan);
                if plans.len() == ROUND_LOGS {
                    break;
                }
                (self.inner.options.yield_now)().await;
            }
        }
        plans
    }

    /// And how many bytes of each.
    fn choose_logs(&self) -> (Vec<LogId>, usize) {
        let state = self.inner.state.borrow();
        let sound = state.logs.iter().filter(|(_, slot)| slot.log.damaged().is_none());
        let loads: Vec<Load> = sound
            .map(|(id, slot)| Load {
                log: *id,
                tail_bytes: slot.log.tail_bytes(),
                oldest_frame: slot.log.oldest_frame(),
            })
            .collect();
        let pressure = self.pressure(&state);
        let bytes_max = if pressure.is_behind() {
            WRITE_OUT_BYTES_HASTY
        } else {
            WRITE_OUT_BYTES
        };
        (writeout::choose(&loads, &pressure), bytes_max)
    }

    /// None: there is less than a block to write, or the log was deleted or found damaged since it was chosen.
    fn plan_write_out(&self, id: LogId, bytes_max: usize, wall_ms: i64) -> Option<WriteOut> {
        let mut state = self.inner.state.borrow_mut();
        let durable_seq = state.committer.durable_seq();
        let slot = state.logs.get(&id).filter(|slot| slot.log.damaged().is_none())?;
        let plan = slot
            .log
            .plan_write_out(&state.frames, durable_seq, bytes_max, wall_ms)?;
        for record in &plan.records {
            state.note(id, record);
        }
        Some(plan)
    }

    pub(super) fn pressure(&self, state: &State) -> Pressure {
        let file_bytes = state.space.file_bytes();
        let used = u64::from(state.space.used_files());
        let oldest_file_end = state
            .oldest_needed()
            .and_then(|oldest| state.space.next_file_seq_after(oldest))
            .map_or(0, |next| next - 1);
        Pressure {
            tail_bytes: state.frames.tail_bytes().max(state.frames.held_bytes()),
            tail_bytes_max: self.inner.options.tail_bytes_max as u64,
            journal_bytes: used * file_bytes,
            journal_bytes_max: u64::from(state.space.files()) * file_bytes,
            oldest_file_end,
        }
    }

    /// Half of the ring is used and a checkpoint would free some of it; the disk is full and a checkpoint would free some
    /// of that; or it is time.
    fn wants_checkpoint(&self, wall_ms: i64) -> bool {
        let state = self.inner.state.borrow();
        if state.space.files() - state.space.used_files() <= state.space.files() / 2 && checkpoint_frees(&state) {
            return true;
        }
        let background = self.inner.background.borrow();
        let is_due = background.checkpoint.is_due(wall_ms, CHECKPOINT_EVERY_MS)
            || background.disk_full && state.has_doomed_files();
        is_due && state.stats.records > background.checkpoint_records
    }

    /// The state as of now, durable.
    pub(super) async fn checkpoint(&self) -> Result<(), StorageError> {
        if self.try_checkpoint().await? {
            Ok(())
        } else {
            Err(StorageError("the disk has no room for a checkpoint".to_string()))
        }
    }

    /// The state as of now, durable in the older copy's place. False: the disk is full, and the newer copy still counts.
    pub(super) async fn try_checkpoint(&self) -> Result<bool, StorageError> {
        let inner = &*self.inner;
        let (header, body, files, directories) = {
            let state = &mut *inner.state.borrow_mut();
            if let Some(reason) = &state.failed {
                return Err(StorageError(reason.clone()));
            }
            let mut files = Vec::new();
            for slot in state.logs.values_mut() {
                files.extend(slot.log.unlink());
            }
            // Records that come while we write are in later frames than the state that we write.
            let covered_seq = state.close_filling();
            let header = CheckpointHeader {
                seed: state.lineage.seed,
                generation: inner.checkpoints.get().generation + 1,
                incarnation: state.lineage.incarnation,
                covered_seq,
                replay_from: state.space.replay_needed(state.oldest_needed(), state.committer.last()),
                files: state.space.files(),
                file_blocks: (state.space.file_bytes() / BLOCK as u64) as u32,
            };
            let mut background = inner.background.borrow_mut();
            background.checkpoint.last_ms = (inner.options.wall_ms)();
            background.checkpoint_records = state.stats.records;
            let body = encode_checkpoint(state);
            background.checkpoint_room.took(&body);
            (header, body, files, state.doomed_directories.clone())
        };
        // The state holds records that are not durable yet; a checkpoint must not know more than the journal.
        self.drive_to(header.covered_seq).await?;
        let copy = 1 - inner.checkpoints.get().newest_copy;
        match checkpoint::write(&inner.checkpoint_files[copy], &header, &body).await {
            Ok(()) => inner.background.borrow_mut().checkpoint_refused = false,
            Err(error) if error.kind() == io::ErrorKind::StorageFull => {
                inner.state.borrow_mut().keep_doomed_files();
                if !std::mem::replace(&mut inner.background.borrow_mut().checkpoint_refused, true) {
                    let (location, free_bytes) = (inner.disk.location(), self.free_bytes().await);
                    tracing::error!(
                        location,
                        free_bytes,
                        "the disk is full: no checkpoint can be written, and appends wait as soon as the journal is full"
                    );
                }
                return Ok(false);
            }
            Err(error) => return Err(self.poison(&format!("checkpoint: {error}"))),
        }
        inner.checkpoints.set(Checkpoints {
            newest_copy: copy,
            generation: header.generation,
        });
        {
            let mut state = inner.state.borrow_mut();
            state.space.checkpointed(header.replay_from);
            state.stats.checkpoints += 1;
        }
        inner.drivers.wake_all();
        self.remove_files(&files).await;
        for directory in directories {
            if self.remove_directory(&directory).await {
                inner
                    .state
                    .borrow_mut()
                    .doomed_directories
                    .retain(|other| *other != directory);
            }
        }
        Ok(true)
    }

    /// Files that no log has. One that stays costs space and nothing else.
    pub(super) async fn remove_files(&self, paths: &[String]) {
        let mut directories = BTreeSet::new();
        for path in paths {
            match self.inner.disk.remove(path).await {
                Ok(()) => {
                    directories.extend(path.rsplit_once('/').map(|(directory, _)| directory));
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => tracing::warn!(path, %error, "a file that is no longer needed stays"),
            }
        }
        self.inner.read_cache.removed(paths);
        for directory in directories {
            let _ = self.inner.disk.sync_dir(directory).await;
        }
    }

    /// True: it is gone.
    async fn remove_directory(&self, directory: &str) -> bool {
        let names = match self.inner.disk.list(directory).await {
            Ok(names) => names,
            Err(error) => return error.kind() == io::ErrorKind::NotFound,
        };
        let paths: Vec<String> = names.iter().map(|name| format!("{directory}/{name}")).collect();
        self.remove_files(&paths).await;
        let removed = self.inner.disk.remove(directory).await.is_ok();
        removed && self.inner.disk.sync_dir("log").await.is_ok()
    }
}

/// Would one or two checkpoints as of now free a file?
pub(super) fn checkpoint_frees(state: &State) -> bool {
    let needed = state.space.replay_needed(state.oldest_needed(), state.committer.last());
    needed.file_seq > state.space.oldest_replay().file_seq
}
