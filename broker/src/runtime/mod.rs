//! Threads, rings, and the [`World`](world::World) they make. All `unsafe` of the broker lives below this folder.
//!
//! ```text
//!  start ── one thread per core ──► glommio executor: tasks, placement
//!    │                                   │ pump (one task): turns the ring, and sleeps there when no task can run
//!    │                                   ▼
//!    │                              ring: sockets, file I/O, timers      (one io_uring per core)
//!    │                              mesh: single-producer rings between cores, doorbells
//!    ├── blocking pool: calls that the ring cannot make              (two threads per core)
//!    └── supervisor: heartbeats, signals, the loud end of a dead core
//! ```
//!
//! What must stay true: memory that the kernel may touch is owned by a slot of the ring until the last completion that
//! names it; no borrow of the ring is held while a waker runs or foreign memory is dropped; nothing is always runnable;
//! a task is woken on its own core only, and whatever another thread has for a core comes by its doorbell.

pub mod allocator;
mod blocking;
mod clock;
mod core_world;
mod current_task;
pub mod directory_lock;
mod disk;
mod event;
mod fail_stop;
pub mod host;
mod memlock;
mod mesh;
mod pulse;
mod pump;
mod ring;
mod start;
mod stderr;
mod supervisor;
#[cfg(test)]
mod tests;
pub mod world;

pub use core_world::{GlommioWorld, Stopper};
pub use disk::{RingDisk, RingFile};
pub use fail_stop::{EXIT_FAULT, fail_stop};
pub use pulse::Pulse;
pub use ring::{RingListener, RingStream};
pub use start::{Options, StartError, start};
pub use stderr::{Stderr, say_last, say_panics};
pub use supervisor::hold_signals;
