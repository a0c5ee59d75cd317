//! `/metrics`, `/healthz` and `/readyz`, on a thread beside the cores: never on one of theirs, and off unless it is configured.
//!
//! ```text
//!  scraper ──HTTP──> [side thread: axum] ──question──> [each core] looks ten times a second
//!                            ▲                             │ a copy
//!                            └── text <── NodeSnapshot ◄───┘ or: it did not answer in time
//! ```
//!
//! What must stay true: a core does nothing for a scrape but copy its counters, in pieces; the thread waits for no core without
//! end, holds few connections, and each for seconds.

mod desk;
mod process;
mod routes;
mod server;

pub use desk::{Desk, answer};
pub use server::Claimed;
