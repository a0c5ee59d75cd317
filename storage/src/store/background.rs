//! What runs beside the appends: tails into segments, checkpoints, free journal files, retention.

use super::{Store, recover::encode_checkpoint};
use crate::{
    StorageError,
    disk::Disk,
    journal::{checkpoint, checkpoint::CheckpointHeader},
};

/// Which copy counts, and its generation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Checkpoints {
    pub newest_copy: usize,
    pub generation: u64,
}

impl<D: Disk> Store<D> {
    pub(super) async fn background_round(&self) -> Result<bool, StorageError> {
        (self.inner.options.yield_now)().await;
        if self.wants_checkpoint() {
            self.checkpoint().await?;
            return Ok(true);
        }
        Ok(false)
    }

    /// Half of the ring is used, and a checkpoint would free some of it.
    fn wants_checkpoint(&self) -> bool {
        let state = self.inner.state.borrow();
        let needed = state
            .space
            .replay_needed(state.oldest_needed(), state.committer.last())
            .file_seq;
        let tight = state.space.free_files() <= state.space.files() / 2;
        tight && (needed > state.space.newest_replay().file_seq || needed > state.space.oldest_replay().file_seq)
    }

    /// The state as of now, durable in the older copy's place.
    pub(super) async fn checkpoint(&self) -> Result<(), StorageError> {
        let inner = &*self.inner;
        let (header, body) = {
            let mut state = inner.state.borrow_mut();
            if let Some(reason) = &state.failed {
                return Err(StorageError(reason.clone()));
            }
            // Records that come while we write are in later frames than the state that we write.
            let covered_seq = state.close_filling();
            let last_generation = inner.checkpoints.get().generation;
            let header = CheckpointHeader {
                seed: state.lineage.seed,
                generation: last_generation + 1,
                incarnation: state.lineage.incarnation,
                covered_seq,
                replay_from: state.space.replay_needed(state.oldest_needed(), state.committer.last()),
                files: state.space.files(),
                file_blocks: (state.space.file_bytes() / crate::disk::BLOCK as u64) as u32,
            };
            (header, encode_checkpoint(&state.logs))
        };
        // The state holds records that are not durable yet; a checkpoint must not know more than the journal.
        self.drive_to(header.covered_seq).await?;
        let copy = 1 - inner.checkpoints.get().newest_copy;
        let written = checkpoint::write(&inner.checkpoint_files[copy], &header, &body).await;
        written.map_err(|error| self.poison(&format!("checkpoint: {error}")))?;
        inner.checkpoints.set(Checkpoints {
            newest_copy: copy,
            generation: header.generation,
        });
        let mut state = inner.state.borrow_mut();
        state.space.checkpointed(header.replay_from);
        state.stats.checkpoints += 1;
        drop(state);
        inner.drivers.wake_all();
        Ok(())
    }
}
