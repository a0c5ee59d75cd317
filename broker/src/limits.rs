//! Every bound of the broker that is not a config, with its unit. A limit that users may want to move is in `config`.

use std::time::Duration;

/// Bytes that one `read` of a connection asks room for.
pub const READ_CHUNK_BYTES: usize = 64 * 1024;

/// Requests of one connection that may be under way at once; only produce requests overlap.
pub const IN_FLIGHT_REQUESTS_MAX: usize = 64;

/// Lanes of requests that a core keeps while they have none; each takes some 3 KiB.
pub const IDLE_LANES_MAX: usize = 256;

/// Request bytes of one connection that may be under way at once before its socket is left unread.
pub const IN_FLIGHT_BYTES_MAX: usize = 8 * 1024 * 1024;

/// A request frame of more bytes is a large one, and may have to wait for room to be received.
pub const SMALL_FRAME_BYTES_MAX: usize = READ_CHUNK_BYTES;

/// Bytes of a large frame that its reader waits for at once.
pub const FILL_BYTES_MAX: usize = 256 * 1024;

/// A frame on its way in may take memory for so many times of what arrived, up to [`GROWTH_BYTES_FREE`]; beyond that for a third more.
pub const GROWTH_RATIO: usize = 128;

/// Bytes that a frame on its way in may be ahead of what arrived.
pub const GROWTH_BYTES_FREE: usize = 4 * 1024 * 1024;

/// Bytes of large frames that one core receives at the same time; a frame that is larger still goes on alone.
pub const LARGE_FRAMES_BYTES_MAX: usize = 256 * 1024 * 1024;

/// As long as less than this is there of large frames, none of them waits for room.
pub const LARGE_FRAMES_BYTES_FREE: usize = LARGE_FRAMES_BYTES_MAX / 2;

/// Time that a large frame may take while others wait for its room.
pub const FRAME_TIME_MAX: Duration = Duration::from_secs(30);

/// Items of one request, nested ones included. More than any client's requests hold (the largest are questions about every
/// partition of a large cluster), and few enough that what is done for each before the first chance to give way takes
/// milliseconds. Kafka has no such bound.
pub const REQUEST_ITEMS_MAX: usize = 250_000;

/// What compressed batches of one request may expand to, as a multiple of `socket.request.max.bytes`.
pub const EXPANSION_RATIO_MAX: usize = 16;

/// Items of a request that are dealt with before others have their turn.
pub const WORK_PER_TURN: usize = 512;

/// Bytes of an answer that are sent in one go; a client that takes none of them for [`SEND_STALL_MAX`] loses its connection.
pub const SEND_PIECE_BYTES: usize = 256 * 1024;

/// A minute is more than any pause of a living network, and at one piece a minute the slowest modem keeps up. A consumer
/// that works on what it has for longer asks again for what it did not take.
pub const SEND_STALL_MAX: Duration = Duration::from_secs(60);

/// For so long, what a client asked before it hung up is still worked on: produce requests with acks=0 have no answer to wait for,
/// and a connection may be closed in one direction only. After it, nobody waits for an answer, however long its request may.
pub const HUNG_UP_TIME_MAX: Duration = Duration::from_secs(3);

/// Bytes of records that one core's answers may hold until they are sent, those that are still being read included.
pub const LENT_BYTES_MAX: usize = 256 * 1024 * 1024;

/// An answer may give one part in so many of what is left of [`LENT_BYTES_MAX`]; the first has all of `fetch.max.bytes`.
pub const LENT_SHARE: usize = 4;

/// What an answer with any records counts for at least: they hold the piece of a file that was read for them.
pub const LENT_BYTES_MIN: usize = 64 * 1024;

/// Response parts that are joined into one vectored send.
pub const SEND_PARTS_MAX: usize = 512;

/// Longest that a fetch may wait for data, whatever the client asks for, in milliseconds.
pub const FETCH_WAIT_MS_MAX: i32 = 5 * 60 * 1000;

/// Partitions that one fetch session remembers.
pub const FETCH_SESSION_PARTITIONS_MAX: usize = 100_000;

/// Memory of all fetch sessions of one core, roughly: some 500 000 partitions. Who finds no room is served without a session.
pub const FETCH_SESSIONS_BYTES_MAX: usize = 128 * 1024 * 1024;

/// Time that an orderly stop waits for connections and coordinators, in milliseconds.
pub const STOP_WAIT_MS_MAX: u64 = 5_000;

/// Longest stretch between two looks at write-out, checkpoint and retention, in milliseconds.
pub const BACKGROUND_IDLE_MS: u64 = 100;

/// Bytes of a metadata log behind its snapshot, at which it is cut by a new one.
pub const SNAPSHOT_LOG_BYTES: u64 = 8 << 20;

/// Age of the first entry behind a snapshot, at which a metadata log is cut.
pub const SNAPSHOT_AFTER: Duration = Duration::from_secs(3600);

/// Entries of a metadata log that a start finds, at which it is cut. Each start adds a few.
pub const SNAPSHOT_ENTRIES_AT_START: usize = 100;

/// Time after which a snapshot is tried again for which the disk had no room.
pub const SNAPSHOT_RETRY: Duration = Duration::from_secs(60);

/// Bytes of records in one append to a follower, about: one batch is given whole even if larger.
pub const REPLICA_APPEND_BYTES_MAX: usize = 1024 * 1024;

/// Lines of one family of metrics in one answer; the rest is counted and left out.
pub const METRIC_LINES_MAX: usize = 10_000;

/// Up to so many cores have latency histograms of their own; more are shown together.
pub const METRIC_CORES_MAX: usize = 16;

/// Groups that one core names in one scrape.
pub const METRIC_GROUPS_MAX: usize = 500;

/// Committed offsets that one core gives in one scrape, for lags.
pub const METRIC_OFFSETS_MAX: usize = 2_000;

/// Scrapes and other requests over HTTP that are served at once; more wait to be accepted.
pub const HTTP_CONNECTIONS_MAX: usize = 64;

/// Time for an HTTP request to arrive; who connects and asks nothing is in the way of others for so long.
pub const HTTP_REQUEST_TIME_MAX: Duration = Duration::from_secs(2);

/// Time for one HTTP request from its connection to its answer's last byte.
pub const HTTP_TIME_MAX: Duration = Duration::from_secs(10);

/// Time that a core has to answer a scrape; it is then reported as one that did not.
pub const SCRAPE_WAIT_MAX: Duration = Duration::from_secs(2);
