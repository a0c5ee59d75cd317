//! Which leader epoch wrote which offsets: how a follower finds where its log left the leader's (KIP-101, KIP-279).
//! Semantics are those of Kafka's `LeaderEpochFileCache`.

use std::fmt::Write;

/// From `start_offset` on, until the next entry's, records are of this leader epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochStart {
    pub leader_epoch: i32,
    pub start_offset: i64,
}

/// Both numbers of the entries strictly increase.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EpochList {
    entries: Vec<EpochStart>,
}

impl EpochList {
    pub fn entries(&self) -> &[EpochStart] {
        &self.entries
    }

    pub fn last(&self) -> Option<EpochStart> {
        self.entries.last().copied()
    }

    /// Notes an epoch. Entries that contradict it (a later epoch, or records from its start on) are dropped: they were
    /// of an epoch without records, or of records that have been cut.
    pub fn start(&mut self, leader_epoch: i32, start_offset: i64) {
        if leader_epoch < 0 || start_offset < 0 {
            return;
        }
        // Also when later epochs are known: recovery replays records over a state that has them.
        if self.at(start_offset) == Some(leader_epoch) {
            return;
        }
        let known = |entry: &EpochStart| entry.leader_epoch == leader_epoch && entry.start_offset <= start_offset;
        let before = |entry: &EpochStart| entry.leader_epoch < leader_epoch && entry.start_offset < start_offset;
        let kept = self
            .entries
            .iter()
            .take_while(|entry| before(entry) || known(entry))
            .count();
        self.entries.truncate(kept);
        if self.last().is_none_or(|last| last.leader_epoch < leader_epoch) {
            self.entries.push(EpochStart {
                leader_epoch,
                start_offset,
            });
        }
    }

    /// The largest known epoch not above `leader_epoch`, and the offset where it ends, as OffsetForLeaderEpoch answers.
    /// None: nothing is known of such an epoch, because it is negative or later than all.
    pub fn end_of(&self, leader_epoch: i32, log_end_offset: i64) -> Option<(i32, i64)> {
        let last = self.last()?;
        if leader_epoch < 0 || leader_epoch > last.leader_epoch {
            return None;
        }
        if leader_epoch == last.leader_epoch {
            return Some((leader_epoch, log_end_offset));
        }
        let next = self.entries.partition_point(|entry| entry.leader_epoch <= leader_epoch);
        let known = next
            .checked_sub(1)
            .map_or(leader_epoch, |index| self.entries[index].leader_epoch);
        Some((known, self.entries[next].start_offset))
    }

    /// The epoch of the record at `offset`.
    pub fn at(&self, offset: i64) -> Option<i32> {
        let after = self.entries.partition_point(|entry| entry.start_offset <= offset);
        after.checked_sub(1).map(|index| self.entries[index].leader_epoch)
    }

    /// The log now ends at `end_offset`.
    pub fn truncate_end(&mut self, end_offset: i64) {
        self.entries.retain(|entry| entry.start_offset < end_offset);
    }

    /// The log now starts at `start_offset`: the epoch there starts there.
    pub fn truncate_start(&mut self, start_offset: i64) {
        let Some(first) = self
            .entries
            .partition_point(|entry| entry.start_offset <= start_offset)
            .checked_sub(1)
        else {
            return;
        };
        self.entries.drain(..first);
        self.entries[0].start_offset = start_offset;
    }

    pub fn clear(&mut self) {
        self.entries.clear();
    }

    /// The content of Kafka's `leader-epoch-checkpoint`: version, count, one entry a line.
    pub fn to_checkpoint_text(&self) -> String {
        let mut text = format!("0\n{}\n", self.entries.len());
        for entry in &self.entries {
            let _ = writeln!(text, "{} {}", entry.leader_epoch, entry.start_offset);
        }
        text
    }
}
