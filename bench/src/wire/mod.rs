//! Kafka's wire over sockets. One blocking connection for questions ([`Connection`]); for load, sockets that never
//! block ([`Stream`]) and one thread that waits for all of them ([`Poll`]).
//!
//! Why epoll on one thread and neither a thread a connection nor an async runtime: a load generator's only job is to
//! be early and cheap. A thread a connection pays two switches of context for each request; a runtime adds its own
//! queue and timer wheel (a millisecond's resolution) between an intended send time and the socket. Here one thread a
//! CPU takes whatever is due or ready, and two system calls a request are all it pays.

mod connection;
mod fetched;
mod poll;
mod stream;
mod versions;

pub use connection::Connection;
pub use fetched::{FetchedPartition, fetched};
pub use poll::{Poll, Wait};
pub use stream::Stream;
pub use versions::Versions;

/// Largest answer that is accepted, in bytes.
pub const ANSWER_BYTES_MAX: usize = 256 << 20;
pub const CLIENT_ID: &str = "corelane-bench";
