//! From the files of a journal to a running store: checkpoint, then the records after it, log by log.
//!
//! Nothing is written here but files that hold nothing yet, so a crash at any point of it is a crash before it; the first
//! frame of the new start goes to a new file, whose header proves where the recovered journal ended.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
};

use super::{
    Inner, JournalEnd, LogId, Store, StoreOptions,
    background::{Background, Checkpoints},
    state::{Reserve, Slot, State},
};
use crate::{
    Identity, OpenError,
    disk::{BLOCK, Disk, DiskFile, aligned_zeroed},
    journal::{
        committer::Committer,
        directory::{self, Opened, read_whole},
        frame::{Address, Found, records},
        frames::FrameRef,
        record::{Record, RecordError, RecordHeader, take, u32_at, u64_at},
        recovery::Scanned,
        space::Space,
    },
    log::{Fold, PartitionLog, read::ReadCache},
};

/// Sequence numbers that a start skips, so that no number of a frame that was lost comes again.
const SEQ_SKIPPED: u64 = 1 << 20;

pub(super) async fn open<D: Disk>(
    disk: D,
    identity: &Identity,
    core: u32,
    options: StoreOptions,
) -> Result<Store<D>, OpenError> {
    let path = directory::path(core, identity.journal_cores);
    let opened = directory::open(&disk, identity, core, &options).await?;
    let mut state = empty_state(&opened, &options, core);
    decode_checkpoint(&mut state, &opened.checkpoint.body).map_err(|error| OpenError::Corrupt {
        path: path.clone(),
        what: format!("checkpoint: {error}"),
    })?;
    replay(&mut state, &opened, &path, &options).await?;
    finish(&mut state, &opened);
    // What the last start wrote but did not flush was read from the device's cache: it counts from now on, so it lasts
    // from now on.
    let checkpoint_file = &opened.checkpoint_files[opened.newest_copy];
    checkpoint_file
        .flush()
        .await
        .map_err(|error| OpenError::io(&path, error))?;
    let mut touched: Vec<u32> = opened
        .plan
        .frames
        .iter()
        .map(|frame| frame.header.address.file_seq)
        .collect();
    touched.dedup();
    for file_seq in touched {
        let file = &opened.files[state.space.slot(file_seq)];
        file.flush().await.map_err(|error| OpenError::io(&path, error))?;
    }
    let checkpoints = Checkpoints {
        newest_copy: opened.newest_copy,
        generation: opened.checkpoint.header.generation,
    };
    let background = Background::opened((options.wall_ms)(), &opened.checkpoint.body);
    let inner = Inner {
        read_cache: ReadCache::new(disk.kept_files_max()),
        disk,
        options,
        journal: path,
        files: opened.files,
        checkpoint_files: opened.checkpoint_files,
        checkpoints: Cell::new(checkpoints),
        background: RefCell::new(background),
        state: RefCell::new(state),
        flights: RefCell::new(VecDeque::new()),
        drivers: Default::default(),
        producer_expiration_ms: Cell::new(None),
        recovered_end: JournalEnd {
            frame_seq: opened.plan.last.frame_seq,
            file_seq: opened.plan.last.file_seq,
        },
    };
    Ok(Store { inner: Rc::new(inner) })
}

fn empty_state<F>(opened: &Opened<F>, options: &StoreOptions, core: u32) -> State {
    let plan = &opened.plan;
    let files = opened.files.len() as u32;
    let space = Space::new(files, opened.file_blocks, opened.newest_file_seq(), opened.replay_from);
    let mut space = space.with_prewritten(opened.prewritten);
    for frame in plan.frames.iter().filter(|frame| frame.header.address.block == 0) {
        space.found(frame.header.address.file_seq, frame.header.frame_seq, frame.header.prev);
    }
    let mut next_seq = plan.frame_seq_max + SEQ_SKIPPED;
    // Starts on a full disk, or that fail one after the other, would use up the ring, a file each. The chain alone tells our
    // frames from those of a torn end; that we need not rewrite blocks is worth a file, but none of those that are kept
    // for what frees others.
    let no_new_file = !options.rules.new_file || space.free_files() <= Reserve::Needed.files(files);
    if let Some(last) = plan.frames.last().filter(|_| no_new_file) {
        let Address { file_seq, block } = last.header.address;
        space.continue_at(Address {
            file_seq,
            block: block + last.header.len / BLOCK as u32,
        });
        if !options.rules.new_file {
            next_seq = plan.last.frame_seq + 1;
        }
    }
    let committer = Committer::new(options.rules.clone(), options.frames_in_flight, next_seq, plan.last);
    State::new(options, space, committer, opened.lineage, core)
}

/// Logs, each with id, where it is pinned from, length, state; the directories of deleted logs; the journal's damage.
pub(super) fn encode_checkpoint(state: &State) -> Vec<u8> {
    let mut body = (state.logs.len() as u32).to_le_bytes().to_vec();
    for (id, slot) in &state.logs {
        body.extend_from_slice(&id.0.to_le_bytes());
        body.extend_from_slice(&slot.pinned_from.unwrap_or(u64::MAX).to_le_bytes());
        let at = body.len();
        body.extend_from_slice(&[0; 4]);
        slot.log.encode(&mut body);
        let len = (body.len() - at - 4) as u32;
        body[at..at + 4].copy_from_slice(&len.to_le_bytes());
    }
    body.extend_from_slice(&(state.doomed_directories.len() as u32).to_le_bytes());
    for directory in &state.doomed_directories {
        body.extend_from_slice(&(directory.len() as u32).to_le_bytes());
        body.extend_from_slice(directory.as_bytes());
    }
    let damage = state.damage.as_deref().unwrap_or("");
    body.extend_from_slice(&(damage.len() as u32).to_le_bytes());
    body.extend_from_slice(damage.as_bytes());
    body
}

pub(super) fn decode_checkpoint(state: &mut State, mut body: &[u8]) -> Result<(), RecordError> {
    let body = &mut body;
    for _ in 0..u32_at(take(body, 4)?, 0) {
        let id = LogId(u64_at(take(body, 8)?, 0));
        let pinned_from = Some(u64_at(take(body, 8)?, 0)).filter(|seq| *seq != u64::MAX);
        let len = u32_at(take(body, 4)?, 0) as usize;
        let mut encoded = take(body, len)?;
        let log = PartitionLog::decode(id, &mut encoded)?;
        if !encoded.is_empty() {
            return Err(RecordError("a log's state is longer than it says"));
        }
        state.logs.insert(
            id,
            Slot {
                pinned_from,
                ..Slot::new(log)
            },
        );
    }
    for _ in 0..u32_at(take(body, 4)?, 0) {
        let len = u32_at(take(body, 4)?, 0) as usize;
        let directory = std::str::from_utf8(take(body, len)?).map_err(|_| RecordError("directory is not UTF-8"))?;
        state.doomed_directories.push(directory.to_string());
    }
    let len = u32_at(take(body, 4)?, 0) as usize;
    let damage = std::str::from_utf8(take(body, len)?).map_err(|_| RecordError("damage is not UTF-8"))?;
    state.damage = Some(damage.to_string()).filter(|damage| !damage.is_empty());
    if body.is_empty() {
        Ok(())
    } else {
        Err(RecordError("more than it counts"))
    }
}

async fn replay<F: DiskFile>(
    state: &mut State,
    opened: &Opened<F>,
    path: &str,
    options: &StoreOptions,
) -> Result<(), OpenError> {
    // One file at a time, before the first none: files count from 1.
    let (mut open, mut file) = (0, aligned_zeroed(0));
    for frame in &opened.plan.frames {
        let Address { file_seq, block } = frame.header.address;
        if open != file_seq {
            drop(file);
            file = read_whole(&opened.files[state.space.slot(file_seq)], path).await?;
            open = file_seq;
            (options.yield_now)().await;
        }
        let start = block as usize * BLOCK;
        if let Some(bytes) = file.get(start..start + frame.header.len as usize) {
            replay_frame(state, frame, bytes, opened.checkpoint.header.covered_seq);
        }
    }
    for hole in &opened.plan.holes {
        damage_all(
            state,
            hole.from_seq,
            hole.to_seq,
            opened.checkpoint.header.covered_seq,
            &hole.reason,
        );
    }
    Ok(())
}

fn replay_frame(state: &mut State, frame: &Scanned, bytes: &[u8], covered_seq: u64) {
    let frame_seq = frame.header.frame_seq;
    let fold = if frame_seq <= covered_seq {
        Fold::TailOnly
    } else {
        Fold::Full
    };
    let reason = || format!("journal frame {frame_seq} is damaged in sectors {:?}", frame.bad);
    for found in records(&frame.header, bytes, &frame.bad) {
        match found {
            Found::Record { header, at, body } => match Record::decode(&header, body) {
                Ok((id, record)) => {
                    replay_record(
                        state,
                        id,
                        &record,
                        FrameRef {
                            frame_seq,
                            at,
                            len: body.len() as u32,
                        },
                        fold,
                    );
                }
                // Sealed by us with a checksum, and yet not understood: as good as damaged.
                Err(error) => {
                    let reason = format!("journal frame {frame_seq}: {error}");
                    damage_one(state, &header, frame_seq, covered_seq, &reason);
                }
            },
            Found::DamagedBody { header } => damage_one(state, &header, frame_seq, covered_seq, &reason()),
            Found::DamagedRest => damage_all(state, frame_seq, frame_seq, covered_seq, &reason()),
        }
    }
    state.frames.seal_copy(frame_seq, bytes);
}

fn replay_record(state: &mut State, id: LogId, record: &Record<'_>, at: FrameRef, fold: Fold) {
    match (record, fold) {
        (Record::Create { spec, config, suffixed }, Fold::Full) => {
            let log = PartitionLog::new(id, spec.clone(), config.clone(), *suffixed);
            state.insert_new(id, log, at.frame_seq);
        }
        (Record::Delete, Fold::Full) => {
            state.remove(id);
        }
        (Record::Create { .. } | Record::Delete, Fold::TailOnly) => {}
        _ => {
            if let Some(slot) = state.logs.get_mut(&id) {
                slot.log.apply(record, at, fold, &mut state.frames);
            }
        }
    }
}

/// Bytes of a record of this log are gone.
fn damage_one(state: &mut State, header: &RecordHeader, frame_seq: u64, covered_seq: u64, reason: &str) {
    match state.logs.get_mut(&LogId(header.log_id)) {
        Some(slot) => {
            slot.log.mark_damaged(reason);
            slot.pinned_from.get_or_insert(frame_seq);
        }
        // Deleted before the checkpoint; else it is the record that would have made it.
        None if frame_seq <= covered_seq => {}
        None => {
            state.damage.get_or_insert_with(|| reason.to_string());
        }
    }
}

/// Nobody can tell whose records were in these frames. What the checkpoint covers concerns only logs whose tail may
/// have been there.
fn damage_all(state: &mut State, from_seq: u64, to_seq: u64, covered_seq: u64, reason: &str) {
    if to_seq > covered_seq {
        state.damage.get_or_insert_with(|| reason.to_string());
    }
    for slot in state.logs.values_mut() {
        if to_seq > covered_seq || slot.log.oldest_frame().is_some_and(|oldest| oldest <= to_seq) {
            slot.log.mark_damaged(reason);
            slot.pinned_from.get_or_insert(from_seq);
        }
    }
}

fn finish<F>(state: &mut State, opened: &Opened<F>) {
    let first_seq = opened
        .plan
        .frames
        .first()
        .map_or(opened.plan.last.frame_seq, |frame| frame.header.frame_seq);
    for slot in state.logs.values_mut() {
        slot.log.finish_recovery(&mut state.frames);
        slot.durable_end = slot.log.end_offset();
        if let Some(damage) = slot.log.damaged() {
            tracing::error!(log = ?slot.log.spec(), reason = damage.reason, "a log is damaged; appends are refused");
            slot.pinned_from.get_or_insert(first_seq);
        }
    }
}
