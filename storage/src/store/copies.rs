//! Copies of tails: what logs hold of old frames is written once more, so that memory or the journal's oldest file comes free.
//!
//! Less than a block of a log cannot be written out, so it is copied. On a full disk nothing can be written out, and the
//! journal, which is prewritten, is all that can be written to: then everything in its oldest file is copied, which leaves
//! behind what was deleted, and the unused ends of frames. So starts and changes of metadata take no room for good but for what
//! they add, on a disk that stays full for however long.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    LogId, Store,
    background::{WRITE_OUT_BYTES, checkpoint_frees},
    state::{Reserve, Slot, State},
};
use crate::{
    disk::Disk,
    log::{ResidueCopy, TailCopy},
};

/// In one round, in bytes: to copy them holds the core.
const ROUND_BYTES: u64 = 256 << 10;

/// How far the copies on a full disk have come: once round the ring, since only its oldest file ever comes free.
#[derive(Debug, Default)]
pub(super) struct Lap {
    /// The newest file when it began; None: there is none.
    last_file: Option<u32>,
    /// Some of this file was copied.
    begun: Option<u32>,
    /// Bytes of all frames when it began, and what of those since then are copies.
    frame_bytes: u64,
    copied_bytes: u64,
    /// The newest file, and the bytes of all tails, after a lap in vain. The next begins when there is another file, which may
    /// have little that is live, or less to copy.
    in_vain: Option<(u32, u64)>,
}

impl<D: Disk> Store<D> {
    /// Logs that hold a frame with less than a block let go of it: where memory is three quarters full, of frames that
    /// nobody else holds; where the journal is half full, of those in its oldest file. True: there were some.
    ///
    /// Copies fill the journal, which is what they are to free: no more of them than that what they let go of is twice as
    /// much, or, in the journal, than one file's, after what checkpoints free by themselves.
    pub(super) fn copy_residues_forward(&self) -> bool {
        let mut state = self.inner.state.borrow_mut();
        let pressure = self.pressure(&state);
        let memory_is_full = pressure.tail_bytes > pressure.tail_bytes_max / 4 * 3;
        let journal_is_full = pressure.journal_bytes > pressure.journal_bytes_max / 2 && pressure.oldest_file_end > 0;
        let mut copies = Vec::new();
        if memory_is_full && state.has_reserve(Reserve::Appends) {
            let all = residues(&state, state.committer.durable_seq() + 1);
            copies = worth_copying(&state, all);
        }
        if copies.is_empty() && journal_is_full && !checkpoint_frees(&state) {
            copies = residues(&state, pressure.oldest_file_end + 1);
        }
        for (id, copy) in &copies {
            state.change(*id, &copy.record());
        }
        drop(state);
        self.inner.pushed();
        !copies.is_empty()
    }

    /// The disk is full, and so is the journal: what is live in its oldest file is copied, a part in each round. True: there
    /// was some.
    pub(super) fn copy_tails_forward(&self) -> bool {
        let state = &mut *self.inner.state.borrow_mut();
        let background = &mut *self.inner.background.borrow_mut();
        let lap = &mut background.lap;
        if state.has_reserve(Reserve::Lap) {
            lap.last_file = None;
            return false;
        }
        if !background.disk_full || background.checkpoint_refused || checkpoint_frees(state) {
            return false;
        }
        let now = (state.space.newest_file_seq(), state.frames.tail_bytes());
        if lap.in_vain.is_some_and(|(file, bytes)| now.0 == file && now.1 >= bytes) {
            return false;
        }
        let last_file = *lap.last_file.get_or_insert_with(|| {
            (lap.frame_bytes, lap.copied_bytes) = (state.stats.frame_bytes, 0);
            now.0
        });
        let Some((file, copies)) = plan_copies(state, last_file, lap.begun) else {
            lap.last_file = None;
            // What others wrote meanwhile is not copied yet.
            let others_bytes = state.stats.frame_bytes - lap.frame_bytes;
            let is_in_vain = others_bytes < lap.copied_bytes + state.space.file_bytes() / 2;
            lap.in_vain = is_in_vain.then_some(now);
            return !is_in_vain;
        };
        lap.begun = Some(file);
        let before = state.unsealed_bytes();
        for (id, copy) in &copies {
            state.change(*id, &copy.record());
        }
        lap.copied_bytes += state.unsealed_bytes() - before;
        self.inner.pushed();
        !copies.is_empty()
    }
}

/// Of the oldest file, as much as one round takes. None: the lap is over, or what would come free does not have room first.
fn plan_copies(state: &State, last_file: u32, begun: Option<u32>) -> Option<(u32, Vec<(LogId, TailCopy)>)> {
    let oldest = state.oldest_needed()?;
    let below = state.space.next_file_seq_after(oldest)?;
    let file = state.space.replay_needed(Some(oldest), state.committer.last()).file_seq;
    let is_pinned = |slot: &Slot| slot.pinned_from.is_some_and(|from| from < below);
    if file > last_file || state.logs.values().any(is_pinned) {
        return None;
    }
    let has_files = state.has_reserve(Reserve::Copies) || begun == Some(file) && state.has_free(1);
    let bytes_max = if has_files {
        ROUND_BYTES.min(state.space.file_bytes() / 4)
    } else {
        // All of it, or none.
        state.room_without_a_file()
    };
    let mut copies = Vec::new();
    let mut bytes = 0;
    for (id, slot) in &state.logs {
        if slot.log.oldest_frame().is_none_or(|oldest| oldest >= below) {
            continue;
        }
        for copy in slot.log.copies(&state.frames, below, bytes_max.saturating_sub(bytes)) {
            bytes += copy.size();
            copies.push((*id, copy));
        }
        if bytes >= bytes_max {
            break;
        }
    }
    (has_files || bytes < bytes_max).then_some((file, copies))
}

/// What logs hold of frames below this one, where it is less than a block.
fn residues(state: &State, below: u64) -> Vec<(LogId, ResidueCopy)> {
    let durable_seq = state.committer.durable_seq();
    let holders = state.logs.iter().filter(|(_, slot)| {
        slot.log.damaged().is_none() && slot.log.oldest_frame().is_some_and(|oldest| oldest < below)
    });
    let too_little = holders.filter(|(_, slot)| {
        let plan = slot.log.plan_write_out(&state.frames, durable_seq, WRITE_OUT_BYTES, 0);
        plan.is_none()
    });
    let copies = too_little.filter_map(|(id, slot)| Some((*id, slot.log.residue(&state.frames, below)?)));
    copies.collect()
}

/// Those that together hold frames alone, oldest frames first, about a journal file's half of them; none if what they let
/// go of is less than twice of what they take.
fn worth_copying(state: &State, copies: Vec<(LogId, ResidueCopy)>) -> Vec<(LogId, ResidueCopy)> {
    let mut holders: BTreeMap<u64, Vec<LogId>> = BTreeMap::new();
    for (id, copy) in &copies {
        for frame in copy.frames() {
            holders.entry(*frame).or_default().push(*id);
        }
    }
    let lengths: BTreeMap<LogId, u64> = copies.iter().map(|(id, copy)| (*id, copy.size())).collect();
    let mut chosen: BTreeSet<LogId> = BTreeSet::new();
    let (mut taken, mut freed) = (0, 0);
    for (frame, logs) in holders {
        let Some(bytes) = state.frames.freed_by(frame, logs.len() as u32) else {
            continue;
        };
        if taken > state.space.file_bytes() / 2 {
            break;
        }
        freed += bytes;
        let more = logs.iter().filter(|id| chosen.insert(**id));
        taken += more.map(|id| lengths[id]).sum::<u64>();
    }
    if freed < 2 * taken {
        return Vec::new();
    }
    copies.into_iter().filter(|(id, _)| chosen.contains(id)).collect()
}
