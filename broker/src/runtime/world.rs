//! The seam between a node and everything that is not a function: time, chance, disk, network, other cores, tasks.
//!
//! A `World` is a value, one per (node, core), handed in at start. The broker never asks the operating system for any
//! of these things itself; so a whole node runs in a simulator, with the same code and no `cfg`.

use std::{future::Future, io, net::SocketAddr, time::Duration};

use bytes::{Bytes, BytesMut};
use smallvec::SmallVec;

/// Monotonic time of one node in nanoseconds; only differences mean anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Instant(pub u64);

impl Instant {
    pub fn after(self, duration: Duration) -> Instant {
        Instant(
            self.0
                .saturating_add(duration.as_nanos().min(u128::from(u64::MAX)) as u64),
        )
    }

    pub fn since(self, earlier: Instant) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// Everything that one core of one node may touch outside its own memory.
pub trait World: Clone + 'static {
    /// What cores say to each other.
    type Message: Send + 'static;
    type Disk: corelane_storage::disk::Disk;
    type Listener: Listener<Stream = Self::Stream>;
    type Stream: Stream;

    /// This core, `0..cores()`.
    fn core(&self) -> usize;
    /// Cores of this node.
    fn cores(&self) -> usize;
    fn now(&self) -> Instant;
    /// Wall clock in milliseconds since the epoch; may jump.
    fn wall_ms(&self) -> i64;
    /// From the node's seeded generator.
    fn random(&self) -> u64;
    /// Starts a task on this core. `name` is shown when the task stalls the core.
    fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + 'static);
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + 'static;
    /// Gives way to every ready task and to completed I/O, then goes on. Background work calls it every 100 µs.
    fn yield_now(&self) -> impl Future<Output = ()> + 'static;
    fn disk(&self) -> Self::Disk;
    /// Accepts on this core. Every core of a node may listen on the same address; connections are spread.
    fn listen(&self, address: SocketAddr) -> io::Result<Self::Listener>;
    /// Puts a message in another core's (or the own) inbox; never blocks, never loses. Order is kept per sender.
    fn send(&self, core: usize, message: Self::Message);
    /// The next message for this core and who sent it. Only one task may wait here.
    fn receive(&self) -> impl Future<Output = (usize, Self::Message)>;
    /// Ends the process loudly: a storage fault or a broken invariant. In a simulation, ends the node.
    fn fail_stop(&self, reason: &str) -> !;
}

/// What is sent together. Most answers are of one part, which takes no list on the heap.
pub type Parts = SmallVec<[Bytes; 1]>;

/// A listening socket of one core.
pub trait Listener: 'static {
    type Stream: Stream;
    fn accept(&self) -> impl Future<Output = io::Result<(Self::Stream, SocketAddr)>>;
    fn local_address(&self) -> SocketAddr;
}

/// A connection. Cheap to clone, so that one task reads while another writes; closed with the last clone.
pub trait Stream: Clone + 'static {
    /// Appends what arrived to `into` and hands it back; `Ok(0)` is the peer's end. Reads at most a few receive buffers
    /// at once; while nobody reads, a bounded amount is buffered and then the peer is held back.
    fn read(&self, into: BytesMut) -> impl Future<Output = (io::Result<usize>, BytesMut)>;
    /// As [`read`](Self::read), for who knows that at least so many bytes are to come: it may wait until all of them are there,
    /// and have them put straight into `into`. Fewer are no sign of the end.
    fn fill(&self, into: BytesMut, bytes: usize) -> impl Future<Output = (io::Result<usize>, BytesMut)> {
        let _ = bytes;
        self.read(into)
    }
    /// Ends when the peer has, though what it sent before may be unread; for who waits for something else than to read.
    fn hung_up(&self) -> impl Future<Output = ()>;
    /// Sends all parts in order with one vectored send where possible. Only one task may write at a time.
    fn write(&self, parts: impl Into<Parts>) -> impl Future<Output = io::Result<()>>;
    /// Stops both directions at once; pending reads and writes end with an error.
    fn shutdown(&self);
}
