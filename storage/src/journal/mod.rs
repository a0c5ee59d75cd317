//! The journal of one core: frames in a ring of prewritten files.
//!
//! ```text
//!   records -> FrameBuilder -> sealed frame -> Committer (written, flushed, in order) -> durable -> tickets
//!                                  |                                                        |
//!                                  +-> tails of logs: slices of the same bytes              +-> recovery: scan, plan
//! ```
//! What must stay true: an acknowledged frame and all before it are durable; a block that holds one is not written
//! again until both checkpoints are past it; the end of the journal is never guessed where something says otherwise.

pub mod checkpoint;
pub mod committer;
pub mod companions;
pub mod directory;
pub mod frame;
pub mod frames;
pub mod prewrite;
pub mod record;
pub mod recovery;
pub mod space;
#[cfg(test)]
mod tests;
