//! The words of the store's interface.

use std::{fmt, future::Future, pin::Pin, rc::Rc, time::Duration};

use uuid::Uuid;

/// One life of one partition's log on this disk. Never used again after a delete, so that old journal records of a
/// topic can never be replayed into a new one of the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogId(pub u64);

/// Whose log it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSpec {
    pub topic_id: Uuid,
    pub topic: String,
    pub partition: i32,
}

/// The topic configs that storage itself acts on. -1 is unlimited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// `segment.bytes`
    pub segment_bytes: u32,
    /// `segment.ms`
    pub segment_ms: i64,
    /// `segment.jitter.ms`
    pub segment_jitter_ms: i64,
    /// `retention.ms`
    pub retention_ms: i64,
    /// `retention.bytes`
    pub retention_bytes: i64,
    /// `cleanup.policy` contains `delete`.
    pub delete: bool,
    /// `index.interval.bytes`
    pub index_interval_bytes: u32,
}

impl Default for LogConfig {
    /// Kafka's defaults.
    fn default() -> LogConfig {
        LogConfig {
            segment_bytes: 1 << 30,
            segment_ms: 7 * 24 * 3600 * 1000,
            segment_jitter_ms: 0,
            retention_ms: 7 * 24 * 3600 * 1000,
            retention_bytes: -1,
            delete: true,
            index_interval_bytes: 4096,
        }
    }
}

/// What is not as it was acknowledged. Nothing was cut: what is intact is served, appends are refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// For an operator: which file or frame, and what is wrong with it.
    pub reason: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogInfo {
    pub id: LogId,
    pub spec: LogSpec,
    pub start_offset: i64,
    pub end_offset: i64,
    pub damaged: Option<Damage>,
}

/// Where a core's journal ended when it was opened. For an operator: the one trace of a tail that was cut behind everything that
/// says how long it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalEnd {
    pub frame_seq: u64,
    pub file_seq: u32,
}

impl fmt::Display for JournalEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "frame {} of file {}", self.frame_seq, self.file_seq)
    }
}

/// A place in the journal: durable when the frame with this sequence number and all before it are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket {
    pub frame_seq: u64,
}

/// Small opaque states of a log; the last one wins, and it lasts as long as the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum StateKind {
    /// Raft's term and vote.
    HardState = 0,
    /// The newest leader epoch that this replica ever acted in.
    EpochAdopted = 1,
    /// A hint: the high watermark when it was written.
    HighWatermark = 2,
    /// Of a raft group: the snapshot that counts, see [`super::SnapshotId`].
    Snapshot = 3,
}

/// A snapshot of a log's state, as KIP-630 names it: after all records below `end_offset`, the last of which is of this
/// epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotId {
    pub end_offset: i64,
    pub leader_epoch: i32,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    #[error("no such log")]
    UnknownLog,
    /// KAFKA_STORAGE_ERROR: an operator must decide what to do with a damaged log first.
    #[error("the log is damaged: {0}")]
    Damaged(String),
    /// RECORD_TOO_LARGE: one record must fit in half a journal file.
    #[error("{bytes} bytes are more than the journal takes in one piece ({bytes_max})")]
    TooLarge { bytes: usize, bytes_max: usize },
    /// KAFKA_STORAGE_ERROR: a write or flush failed before.
    #[error("the journal failed")]
    Failed,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    #[error("no such log")]
    UnknownLog,
    /// OFFSET_OUT_OF_RANGE
    #[error("offset {offset} is outside {start_offset}..{end_offset}")]
    OutOfRange {
        offset: i64,
        start_offset: i64,
        end_offset: i64,
    },
    /// KAFKA_STORAGE_ERROR: the bytes on the disk are not those that were written.
    #[error("corrupt: {0}")]
    Corrupt(String),
    /// KAFKA_STORAGE_ERROR
    #[error("cannot read: {0}")]
    Io(String),
}

/// Which safety rules hold. Production has them all; tests take one away to see that they would notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Each frame is flushed before it is acknowledged.
    pub flush: bool,
    /// A damaged frame at or below the durable watermark is corruption, not the torn end of the journal.
    pub watermark: bool,
    /// A frame is accepted only after the one that it was chained to.
    pub chain: bool,
    /// After recovery the journal goes on in a new file, never in the one whose end was torn.
    pub new_file: bool,
    /// A file's first frame is alone in flight until it is durable.
    pub file_head_alone: bool,
}

impl Rules {
    pub const fn production() -> Rules {
        Rules {
            flush: true,
            watermark: true,
            chain: true,
            new_file: true,
            file_head_alone: true,
        }
    }
}

pub type LocalFuture = Pin<Box<dyn Future<Output = ()>>>;

/// How one core's store is run. The closures are the world: storage itself has no clock.
#[derive(Clone)]
pub struct StoreOptions {
    pub rules: Rules,
    /// Files in the journal's ring.
    pub journal_files: u32,
    /// Bytes of one of them; a multiple of 4096.
    pub journal_file_bytes: u32,
    /// Files of a young journal that are prewritten ahead of need when it opens; the others are by the background. Appends
    /// wait where fewer are ahead than what they leave free.
    pub journal_files_ahead: u32,
    /// Frames between seal and durable: 1 where a flush is needed, more where writes are durable by themselves.
    pub frames_in_flight: usize,
    /// A frame of large records takes no further record beyond this, one of small ones a MiB.
    pub frame_bytes_max: usize,
    /// Records that are not in segments yet are held in memory; appends wait at this many bytes.
    pub tail_bytes_max: usize,
    /// How often segments past retention are looked for; on a full disk more often. `log.retention.check.interval.ms`
    pub retention_every_ms: i64,
    /// How often silent producers are looked for. `producer.id.expiration.check.interval.ms`
    pub producers_every_ms: i64,
    /// How long nothing is appended before a frame says that the last ones are durable.
    pub watermark_after: Duration,
    pub sleep: Rc<dyn Fn(Duration) -> LocalFuture>,
    /// Gives way to whatever else is ready on this core.
    pub yield_now: Rc<dyn Fn() -> LocalFuture>,
    /// Wall clock in milliseconds, for retention.
    pub wall_ms: Rc<dyn Fn() -> i64>,
    /// Any clock of nanoseconds that never goes back: for whoever wants to know where the time went, and for how long a frame
    /// may wait for its companions. One that stands still lets no frame wait.
    pub now_ns: Rc<dyn Fn() -> u64>,
}

impl StoreOptions {
    /// Production's sizes: a ring of 256 MiB a core.
    pub fn new(
        sleep: impl Fn(Duration) -> LocalFuture + 'static,
        yield_now: impl Fn() -> LocalFuture + 'static,
        wall_ms: impl Fn() -> i64 + 'static,
    ) -> StoreOptions {
        StoreOptions {
            rules: Rules::production(),
            journal_files: 16,
            journal_file_bytes: 16 << 20,
            journal_files_ahead: 4,
            frames_in_flight: 1,
            frame_bytes_max: 4 << 20,
            tail_bytes_max: 128 << 20,
            retention_every_ms: 300_000,
            producers_every_ms: 600_000,
            watermark_after: Duration::from_millis(1),
            sleep: Rc::new(sleep),
            yield_now: Rc::new(yield_now),
            wall_ms: Rc::new(wall_ms),
            now_ns: Rc::new(|| 0),
        }
    }
}

/// Counters since the store was opened, for metrics.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoreStats {
    pub frames: u64,
    pub frame_bytes: u64,
    pub records: u64,
    pub record_bytes: u64,
    pub checkpoints: u64,
    pub written_out_bytes: u64,
    /// Now, not since.
    pub tail_bytes: u64,
    /// Memory of the frames that hold the tail.
    pub frame_memory_bytes: u64,
    pub journal_files: u32,
    pub journal_files_free: u32,
    pub logs: u32,
}
