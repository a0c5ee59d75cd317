//! The journal of one core: frames in a ring of prewritten files.
//!
//! ```text
//!   records -> FrameBuilder -> [sealed frame] -> Committer (write, flush, in order) -> durable -> tickets
//!                                   |
//!                                   +-> Frames: the same bytes are the tail that readers and write-out use
//! ```

pub mod frames;
pub mod record;
