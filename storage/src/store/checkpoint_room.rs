//! Room for the next checkpoint. A deletion frees files by a checkpoint, so on a full disk there must be room for one already:
//! its copies have twice of what it would take reserved, and what exists may grow only while they do.

use super::{Store, state::State};
use crate::{
    disk::{BLOCK, Disk, DiskFile},
    journal::record::u32_at,
};

/// What a new log takes in a checkpoint, in bytes; more only after it has had segments and producers.
const LOG_BYTES: u64 = 512;
/// Room is reserved in pieces of this many bytes.
const PIECE_BYTES: u64 = 256 << 10;

#[derive(Debug, Default)]
pub(super) struct CheckpointRoom {
    /// Of the last checkpoint.
    body_bytes: u64,
    logs: u64,
    /// Bytes that both copies have for sure.
    reserved_bytes: u64,
    /// There was no room to reserve.
    pub is_short: bool,
}

impl CheckpointRoom {
    /// With what was recovered; what is reserved from before is not known.
    pub fn of(body: &[u8]) -> CheckpointRoom {
        let mut room = CheckpointRoom::default();
        room.took(body);
        room
    }

    /// This was encoded for a checkpoint. It begins with the number of logs.
    pub fn took(&mut self, body: &[u8]) {
        self.body_bytes = body.len() as u64;
        self.logs = body.get(..4).map_or(0, |count| u64::from(u32_at(count, 0)));
    }

    /// What a checkpoint takes now, about.
    fn expected_bytes(&self, state: &State) -> u64 {
        let new_logs = (state.logs.len() as u64).saturating_sub(self.logs);
        BLOCK as u64 + self.body_bytes + new_logs * LOG_BYTES
    }
}

impl<D: Disk> Store<D> {
    /// Reserves what is missing: four times of what is expected, or twice where there is no more.
    pub(super) async fn reserve_checkpoint(&self) {
        let inner = &*self.inner;
        let expected = {
            let state = inner.state.borrow();
            let room = &mut inner.background.borrow_mut().checkpoint_room;
            let expected = room.expected_bytes(&state);
            if 2 * expected <= room.reserved_bytes {
                room.is_short = false;
                return;
            }
            expected
        };
        let mut is_full = false;
        for wanted in [4 * expected, 2 * expected] {
            let wanted = wanted.next_multiple_of(PIECE_BYTES) + BLOCK as u64;
            let [a, b] = &inner.checkpoint_files;
            let reserved = match a.allocate(0, wanted).await {
                Ok(()) => b.allocate(0, wanted).await,
                refused => refused,
            };
            is_full = reserved.is_err_and(|error| error.kind() == std::io::ErrorKind::StorageFull);
            if !is_full {
                // Also where files cannot be reserved at all: then nobody can tell how much room there is.
                inner.background.borrow_mut().checkpoint_room.reserved_bytes = wanted;
                break;
            }
        }
        inner.background.borrow_mut().checkpoint_room.is_short = is_full;
    }
}
