//! Everything of a store that is not a file: logs, the frame that fills, the frames on their way. No I/O here.
//!
//! Each change of a log is one record: pushed into the filling frame and applied to the log in the same step, in the
//! same order in which recovery will apply it.

use std::{
    collections::{BTreeMap, VecDeque},
    task::Waker,
};

use bytes::Bytes;

use super::{LogConfig, LogId, LogSpec, StoreOptions, StoreStats, Ticket};
use crate::{
    disk::BLOCK,
    journal::{
        committer::Committer,
        companions::Companions,
        frame::{FLAG_FILE_HEAD, FLAG_WATERMARK, FrameBuilder, Lineage, Seal},
        frames::{FrameRef, Frames},
        record::{RECORD_HEADER, Record},
        space::Space,
    },
    log::{Fold, PartitionLog},
};

/// The least a frame's buffer starts with, in bytes.
const FRAME_BYTES_MIN: usize = 8 << 10;
/// A frame that begins with a smaller record, after smaller frames, takes no more than this: the table at its start is made for
/// all that it may take, and is written with the smallest, too.
const FRAME_BYTES_SMALL_MAX: usize = 1 << 20;
/// A record of this many bytes begins a large frame.
const RECORD_BYTES_LARGE: usize = 256 << 10;
/// A frame of this many bytes keeps the disk busy by itself: while it is written the next batches arrive, none waits for them.
const WAITING_BYTES_MAX: usize = 128 << 10;
/// A frame of notes alone waits for others to come along for as long as so many frames take, after the last one.
const NOTES_WAIT_FRAMES: u64 = 4;
/// Who leaves how many files of the ring free, for those below.
///
/// On a full disk a file comes free only by copies of what is live in the oldest one, and these take another one before, and the
/// beginning of a second if they are packed worse. A start needs none (`recover.rs`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reserve {
    /// Appends, of what all tails take, wherever they lie.
    Live,
    /// Copies on a full disk begin where this is not free.
    Lap,
    /// On a full disk, changes of metadata that nobody depends on.
    Growth,
    /// Appends, of what is free at once.
    Appends,
    /// Everything else that somebody waits for: elections, without which nobody leads, and deletions, which make room.
    Needed,
    /// Copies of another file.
    Copies,
}

impl Reserve {
    /// In a ring of so many files; half of a small one at most.
    pub fn files(self, ring: u32) -> u32 {
        let half = (ring / 2).max(1);
        match self {
            Reserve::Live => half.min(7),
            Reserve::Lap => (half - 1).min(6),
            Reserve::Growth => (half - 1).min(5),
            Reserve::Appends => half.min(4),
            Reserve::Needed => (half - 1).min(3),
            Reserve::Copies => 2,
        }
    }
}

/// What is left free at most of a young ring, of which there is more to come: by appends, and by all others.
const YOUNG_FILES_RESERVED: [u32; 2] = [3, 2];

pub(super) struct Slot {
    pub log: PartitionLog,
    pub durable_end: i64,
    /// A damaged log's records stay in the journal from this frame on.
    pub pinned_from: Option<u64>,
}

impl Slot {
    pub fn new(log: PartitionLog) -> Slot {
        Slot {
            log,
            durable_end: 0,
            pinned_from: None,
        }
    }
}

/// A frame that takes records, or is full and waits to be sealed.
pub(super) struct Filling {
    builder: FrameBuilder,
    /// Logs that have records in it, with their end after the last of them.
    ends: Vec<(LogId, i64)>,
    /// It takes no further record beyond this.
    bytes_max: usize,
    /// Appended ones: what somebody waits for an answer to.
    batches: u32,
    /// Nobody waits for anything in it.
    only_notes: bool,
    watermark: bool,
}

/// A sealed frame on its way to the disk.
struct Sealed {
    frame_seq: u64,
    ends: Vec<(LogId, i64)>,
    batches: u32,
    watermark: bool,
    sealed_ns: u64,
}

/// What is to be written where.
pub(super) struct FrameWrite {
    pub frame_seq: u64,
    pub slot: usize,
    pub position: u64,
    pub bytes: Bytes,
}

pub(super) struct State {
    pub logs: BTreeMap<LogId, Slot>,
    pub frames: Frames,
    pub space: Space,
    pub committer: Committer,
    pub companions: Companions,
    /// The filling frame waits for its companions, or notes for anything else, until then.
    pub waits_until_ns: Option<u64>,
    /// A frame of notes alone leaves then.
    notes_leave_ns: u64,
    pub lineage: Lineage,
    /// Full frames, in order; the newest takes records if it is the last.
    filling: VecDeque<Filling>,
    /// The newest of them takes no more records.
    closed: bool,
    sealed: VecDeque<Sealed>,
    /// Logs whose durable end moved since the last commit said so.
    pub moved: BTreeMap<LogId, i64>,
    /// A frame became durable since the last commit said so.
    pub committed: bool,
    /// When the newest durable frame was sealed.
    pub sealed_ns: u64,
    waiters: BTreeMap<u64, Vec<Waker>>,
    pub next_log: u64,
    /// Of deleted logs; removed after a checkpoint that says so.
    pub doomed_directories: Vec<String>,
    /// Acknowledged frames are missing: a log may be, that nobody knows of. So a new log may be an old one.
    pub damage: Option<String>,
    pub failed: Option<String>,
    pub stats: StoreStats,
    /// What the next frame's buffer starts with.
    frame_bytes_expected: usize,
    frame_bytes_max: usize,
}

impl State {
    pub fn new(options: &StoreOptions, space: Space, committer: Committer, lineage: Lineage, core: u32) -> State {
        // A frame must fit in a file, and leave little of it unused.
        let frame_bytes_max = options.frame_bytes_max.min(space.file_bytes() as usize / 2);
        State {
            logs: BTreeMap::new(),
            frames: Frames::default(),
            space,
            committer,
            companions: Companions::default(),
            waits_until_ns: None,
            notes_leave_ns: 0,
            lineage,
            filling: VecDeque::new(),
            closed: false,
            sealed: VecDeque::new(),
            moved: BTreeMap::new(),
            committed: false,
            sealed_ns: 0,
            waiters: BTreeMap::new(),
            next_log: lineage.incarnation << 32 | u64::from(core) << 24,
            doomed_directories: Vec::new(),
            damage: None,
            failed: None,
            stats: StoreStats::default(),
            frame_bytes_expected: FRAME_BYTES_MIN,
            frame_bytes_max,
        }
    }

    /// The largest record body that the journal takes.
    pub fn record_bytes_max(&self) -> usize {
        self.space.file_bytes() as usize / 2
    }

    /// Whether what these leave is free when all that fills now is in its place.
    pub fn has_reserve(&self, reserve: Reserve) -> bool {
        let files = reserve.files(self.space.files());
        let young = YOUNG_FILES_RESERVED[usize::from(reserve != Reserve::Appends)];
        let is_young = self.space.next_to_prewrite().is_some();
        self.has_free(if is_young { files.min(young) } else { files })
    }

    /// So many files are free when all that fills now is in its place. A frame leaves less than half of a file unused.
    pub fn has_free(&self, files: u32) -> bool {
        u64::from(self.space.free_files()) >= u64::from(files) + self.files_taken()
    }

    /// Whether appends may go on: also without more in the ring than what could be copied round it if the disk were full.
    pub fn has_append_room(&self) -> bool {
        let files = self.space.files() - Reserve::Live.files(self.space.files());
        // Frames are held for less than they take: copies leave the rest behind.
        let live_bytes = self.frames.tail_bytes() + self.unsealed_bytes();
        self.has_reserve(Reserve::Appends) && live_bytes <= u64::from(files) * self.space.file_bytes()
    }

    fn files_taken(&self) -> u64 {
        2 * self.unsealed_bytes() / self.space.file_bytes()
    }

    /// Bytes that need no further file for sure.
    pub fn room_without_a_file(&self) -> u64 {
        self.space.newest_file_room().saturating_sub(2 * self.unsealed_bytes()) / 2
    }

    pub fn unsealed_bytes(&self) -> u64 {
        self.filling.iter().map(|filling| filling.builder.len() as u64).sum()
    }

    /// Nothing waits to be sealed.
    pub fn is_clean(&self) -> bool {
        self.filling.is_empty()
    }

    /// The frame that the next record goes to.
    pub fn filling_seq(&self) -> u64 {
        self.committer.next_seq() + self.filling.len().saturating_sub(1) as u64
    }

    /// The frame that a change of now is durable with: the filling one, or the last sealed if nothing fills.
    pub fn newest_ticket(&self) -> Ticket {
        let frame_seq = if self.filling.is_empty() {
            self.committer.last().frame_seq
        } else {
            self.filling_seq()
        };
        Ticket { frame_seq }
    }

    /// Copies a record into the filling frame. Gives where its body lies; its log is not told yet.
    pub fn push(&mut self, id: LogId, record: &Record<'_>) -> FrameRef {
        let at = self.push_note(id, record);
        self.filling.back_mut().expect("just pushed").only_notes = false;
        at
    }

    fn push_note(&mut self, id: LogId, record: &Record<'_>) -> FrameRef {
        let (header, body) = record.encode(id);
        let body = body.as_slice();
        let bytes = RECORD_HEADER + body.len();
        let full = |filling: &Filling| filling.watermark || filling.builder.len_with(bytes) > filling.bytes_max;
        if self.closed || self.filling.back().is_none_or(full) {
            self.closed = false;
            let expected = self.frame_bytes_expected.max(FRAME_BYTES_MIN).min(self.frame_bytes_max);
            let is_large = bytes >= RECORD_BYTES_LARGE || expected > FRAME_BYTES_SMALL_MAX / 2;
            let bytes_max = if is_large {
                self.frame_bytes_max
            } else {
                self.frame_bytes_max.min(FRAME_BYTES_SMALL_MAX)
            };
            self.filling.push_back(Filling {
                builder: FrameBuilder::new(expected, bytes_max, bytes),
                ends: Vec::new(),
                bytes_max,
                batches: 0,
                only_notes: true,
                watermark: false,
            });
        }
        let frame_seq = self.filling_seq();
        let filling = self.filling.back_mut().expect("just made");
        let at = filling.builder.push(&header, body);
        self.stats.records += 1;
        self.stats.record_bytes += body.len() as u64;
        FrameRef {
            frame_seq,
            at,
            len: body.len() as u32,
        }
    }

    /// The bytes of a record that was just pushed.
    pub fn filling_body_mut(&mut self, at: FrameRef) -> &mut [u8] {
        let filling = self.filling.back_mut().expect("it was just pushed there");
        filling.builder.body_mut(at.at, at.len as usize)
    }

    /// Applies a DATA record that was pushed, from the frame's own bytes.
    pub fn apply_pushed_data(
        &mut self,
        id: LogId,
        at: FrameRef,
        base_offset: i64,
        last_offset: i64,
        leader_epoch: i32,
    ) {
        let filling = self.filling.back_mut().expect("it was just pushed there");
        filling.batches += 1;
        let batch = filling.builder.body(at.at, at.len as usize);
        let slot = self.logs.get_mut(&id).expect("the caller found it");
        slot.log.apply(
            &Record::Data {
                base_offset,
                last_offset,
                leader_epoch,
                batch,
            },
            at,
            Fold::Full,
            &mut self.frames,
        );
        note_end(&mut filling.ends, id, slot.log.end_offset());
    }

    /// Pushes and applies one record that is not a batch.
    pub fn change(&mut self, id: LogId, record: &Record<'_>) -> Ticket {
        let at = self.push(id, record);
        self.apply_pushed(id, record, at)
    }

    /// As [`State::change`], of what nobody waits for: it goes to the disk along with others, or alone when there are none.
    pub fn note(&mut self, id: LogId, record: &Record<'_>) {
        let at = self.push_note(id, record);
        self.apply_pushed(id, record, at);
    }

    fn apply_pushed(&mut self, id: LogId, record: &Record<'_>, at: FrameRef) -> Ticket {
        if let Some(slot) = self.logs.get_mut(&id) {
            slot.log.apply(record, at, Fold::Full, &mut self.frames);
            let end = slot.log.end_offset();
            if let Record::Truncate { .. } = record {
                slot.durable_end = slot.durable_end.min(end);
                let sealed = self.sealed.iter_mut().flat_map(|sealed| &mut sealed.ends);
                let filling = self.filling.iter_mut().flat_map(|filling| &mut filling.ends);
                for (_, in_flight) in sealed.chain(filling).filter(|(log, _)| *log == id) {
                    *in_flight = (*in_flight).min(end);
                }
                if let Some(moved) = self.moved.get_mut(&id) {
                    *moved = (*moved).min(end);
                }
            }
            note_end(&mut self.filling.back_mut().expect("just pushed").ends, id, end);
        }
        Ticket {
            frame_seq: at.frame_seq,
        }
    }

    /// A new log, with its record. Its directory has its id in the name: when a topic is deleted and made again, the
    /// new log may be another core's, which cannot know whether the old files are gone.
    pub fn create(&mut self, id: LogId, spec: LogSpec, config: LogConfig) {
        let suffixed = true;
        let at = self.push(
            id,
            &Record::Create {
                spec: spec.clone(),
                config: config.clone(),
                suffixed,
            },
        );
        self.insert_new(id, PartitionLog::new(id, spec, config, suffixed), at.frame_seq);
    }

    /// Where frames are missing, a log that seems to be new may be one whose records were in them: nobody may take it for
    /// an empty one.
    pub fn insert_new(&mut self, id: LogId, log: PartitionLog, frame_seq: u64) {
        let mut slot = Slot::new(log);
        if let Some(reason) = &self.damage {
            slot.log.mark_damaged(reason);
            slot.pinned_from = Some(frame_seq);
        }
        self.logs.insert(id, slot);
    }

    pub fn delete(&mut self, id: LogId) -> Ticket {
        let at = self.push(id, &Record::Delete);
        self.remove(id);
        Ticket {
            frame_seq: at.frame_seq,
        }
    }

    /// The effect of a DELETE record.
    pub fn remove(&mut self, id: LogId) {
        if let Some(mut slot) = self.logs.remove(&id) {
            slot.log.release_all(&mut self.frames);
            self.moved.remove(&id);
            self.doomed_directories.push(slot.log.directory());
        }
    }

    /// Some files are of no use any more, and go with the next checkpoint.
    pub fn has_doomed_files(&self) -> bool {
        !self.doomed_directories.is_empty() || self.logs.values().any(|slot| slot.log.segments().has_doomed())
    }

    /// The checkpoint that [`PartitionLog::unlink`] was called for could not be written.
    pub fn keep_doomed_files(&mut self) {
        self.logs.values_mut().for_each(|slot| slot.log.keep_unlinked());
    }

    /// What is pushed from now on goes to a later frame than what was pushed before. Gives the last of those before.
    pub fn close_filling(&mut self) -> u64 {
        self.closed = true;
        self.newest_ticket().frame_seq
    }

    /// A frame without records, to say that the one before is durable.
    pub fn push_watermark(&mut self) {
        let builder = FrameBuilder::new(0, BLOCK, 0);
        self.filling.push_back(Filling {
            builder,
            ends: Vec::new(),
            bytes_max: BLOCK,
            batches: 0,
            only_notes: false,
            watermark: true,
        });
    }

    /// Seals the next frame if one is filled and may go to the disk now; `urgent`: also without its companions. An error: the
    /// ring is full.
    pub fn seal_next(
        &mut self,
        urgent: bool,
        wall_ms: i64,
        now_ns: &dyn Fn() -> u64,
    ) -> Result<Option<FrameWrite>, ()> {
        self.waits_until_ns = None;
        let Some(front) = self.filling.front() else {
            return Ok(None);
        };
        let blocks = (front.builder.len() / BLOCK) as u32;
        let head = self.space.starts_file(blocks);
        if self.failed.is_some() || !self.committer.may_seal(head) {
            return Ok(None);
        }
        let is_last = self.filling.len() == 1;
        if !urgent && front.only_notes && is_last && now_ns() < self.notes_leave_ns {
            self.waits_until_ns = Some(self.notes_leave_ns);
            return Ok(None);
        }
        let is_small = front.builder.len() < WAITING_BYTES_MAX && is_last;
        let may_wait = !urgent && !front.watermark && is_small && self.committer.idle();
        if may_wait && let Some(until_ns) = self.companions.waits_until(front.batches, now_ns) {
            self.waits_until_ns = Some(until_ns);
            return Ok(None);
        }
        let frame_seq = self.committer.next_seq();
        let Some(address) = self.space.place(blocks, frame_seq, self.committer.last()) else {
            return Err(());
        };
        let Filling {
            mut builder,
            ends,
            batches,
            watermark,
            ..
        } = self.filling.pop_front().expect("just seen");
        if watermark {
            builder.set_flags(FLAG_WATERMARK);
        }
        if address.block == 0 {
            builder.set_flags(FLAG_FILE_HEAD);
        }
        let seal = Seal {
            lineage: self.lineage,
            frame_seq,
            address,
            prev: self.committer.last(),
            durable_seq: self.committer.durable_seq(),
            wall_ms: wall_ms as u64,
        };
        let (bytes, chain) = builder.seal(&seal);
        self.committer.sealed(address, chain);
        self.frames.seal(frame_seq, bytes.clone());
        self.sealed.push_back(Sealed {
            frame_seq,
            ends,
            batches,
            watermark,
            sealed_ns: now_ns(),
        });
        // Small ones between large ones change little.
        self.frame_bytes_expected = bytes.len().max(self.frame_bytes_expected / 4 * 3);
        self.stats.frames += 1;
        self.stats.frame_bytes += bytes.len() as u64;
        let position = u64::from(address.block) * BLOCK as u64;
        Ok(Some(FrameWrite {
            frame_seq,
            slot: self.space.slot(address.file_seq),
            position,
            bytes,
        }))
    }

    /// A frame's write and flush ended well. Gives the tasks whose tickets became true.
    pub fn frame_done(&mut self, frame_seq: u64, now_ns: u64) -> Vec<Waker> {
        let watermark = self
            .sealed
            .iter()
            .any(|sealed| sealed.frame_seq == frame_seq && sealed.watermark);
        for durable in self.committer.done(frame_seq, watermark) {
            let sealed = self.sealed.pop_front().expect("sealed in the same order");
            assert_eq!(sealed.frame_seq, durable);
            self.committed = true;
            self.sealed_ns = sealed.sealed_ns;
            let flight_ns = now_ns.saturating_sub(sealed.sealed_ns);
            self.notes_leave_ns = now_ns + NOTES_WAIT_FRAMES * flight_ns;
            if sealed.batches > 0 {
                let waiting = self.filling.iter().map(|filling| filling.batches).sum();
                self.companions.answered(sealed.batches, waiting, flight_ns, now_ns);
            }
            for (id, end) in sealed.ends {
                let Some(slot) = self.logs.get_mut(&id) else { continue };
                if slot.durable_end < end {
                    slot.durable_end = end;
                    self.moved.insert(id, end);
                }
            }
        }
        let later = self.waiters.split_off(&(self.committer.durable_seq() + 1));
        std::mem::replace(&mut self.waiters, later)
            .into_values()
            .flatten()
            .collect()
    }

    /// From now on nothing is acknowledged. Gives everybody who waits.
    pub fn fail(&mut self, reason: &str) -> Vec<Waker> {
        self.failed.get_or_insert_with(|| reason.to_string());
        self.committer.fail();
        std::mem::take(&mut self.waiters).into_values().flatten().collect()
    }

    pub fn wait_for(&mut self, frame_seq: u64, waker: &Waker) {
        let waiting = self.waiters.entry(frame_seq).or_default();
        if !waiting.iter().any(|other| other.will_wake(waker)) {
            waiting.push(waker.clone());
        }
    }

    /// The oldest frame that must stay in the journal.
    pub fn oldest_needed(&self) -> Option<u64> {
        let pinned = self.logs.values().filter_map(|slot| slot.pinned_from);
        pinned.chain(self.frames.oldest()).min()
    }
}

fn note_end(ends: &mut Vec<(LogId, i64)>, id: LogId, end: i64) {
    // Most frames are short, and most appends in a row are of the same log.
    match ends.iter_mut().rev().take(8).find(|(log, _)| *log == id) {
        Some((_, old)) => *old = end,
        None => ends.push((id, end)),
    }
}
