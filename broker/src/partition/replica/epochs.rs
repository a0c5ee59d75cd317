//! Which offset is of which leader epoch: all that replication must know of a log. Kafka's leader epoch cache.
//!
//! Only records make an entry. An epoch in which nothing was appended leaves no trace, so truncation has no entries of
//! empty epochs to forget (KAFKA-10706: those that stayed behind kept a follower from ever converging).

/// A prefix of a log: its end, and the epoch of the last record before it; −1 for none, or for a record that the log
/// does not hold any more. Two logs that share a position with an epoch share everything before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub end: i64,
    pub epoch: i32,
}

/// The epoch of nothing.
pub const NO_EPOCH: i32 = -1;

/// Ranges of equal epochs, with epochs that only grow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Epochs {
    /// (first offset, epoch); both strictly increasing. The first range may begin before the log's start.
    ranges: Vec<(i64, i32)>,
    end: i64,
}

impl Epochs {
    /// From (first offset, epoch) in order, as storage keeps them; epochs without records are left out.
    ///
    /// # Panics
    /// If epochs or offsets decrease: the log was damaged, and recovery must have noticed.
    pub fn recovered(ranges: impl IntoIterator<Item = (i64, i32)>, end: i64) -> Epochs {
        let mut epochs = Epochs::default();
        for (start, epoch) in ranges {
            if start < end {
                epochs.ranges.retain(|&(held, _)| held < start);
                assert!(epochs.last_epoch() < epoch, "a log's epochs never decrease");
                epochs.ranges.push((start, epoch));
            }
        }
        epochs.end = end;
        epochs
    }

    /// The next records, up to `end`, are of this epoch. False, and no change, if the log has a newer one already.
    #[must_use]
    pub fn push(&mut self, epoch: i32, end: i64) -> bool {
        let last = self.last_epoch();
        if epoch < last || end < self.end {
            return false;
        }
        if end > self.end {
            if epoch > last {
                self.ranges.push((self.end, epoch));
            }
            self.end = end;
        }
        true
    }

    /// Forgets everything from `end` on.
    pub fn truncate(&mut self, end: i64) {
        assert!(end <= self.end, "truncation makes a log no longer");
        self.end = end;
        while self.ranges.last().is_some_and(|&(start, _)| start >= end) {
            self.ranges.pop();
        }
    }

    /// Forgets everything, and begins anew at an offset.
    pub fn restart(&mut self, at: i64) {
        self.ranges.clear();
        self.end = at;
    }

    /// Forgets the ranges that end at or before the log's start.
    pub fn forget_before(&mut self, start: i64) {
        let gone = self
            .ranges
            .iter()
            .skip(1)
            .take_while(|&&(next, _)| next <= start)
            .count();
        self.ranges.drain(..gone);
    }

    pub fn end(&self) -> i64 {
        self.end
    }

    /// The epoch of the last record.
    pub fn last_epoch(&self) -> i32 {
        self.ranges.last().map_or(NO_EPOCH, |&(_, epoch)| epoch)
    }

    pub fn last(&self) -> Position {
        Position {
            end: self.end,
            epoch: self.last_epoch(),
        }
    }

    /// The epoch of the record at `offset`, if the log has it.
    pub fn at(&self, offset: i64) -> Option<i32> {
        if offset >= self.end {
            return None;
        }
        // Most questions are about the last range.
        match self.ranges.last() {
            Some(&(start, epoch)) if start <= offset => Some(epoch),
            _ => {
                let after = self.ranges.partition_point(|&(start, _)| start <= offset);
                after.checked_sub(1).map(|held| self.ranges[held].1)
            }
        }
    }

    /// The prefix that ends at `end`, which must not be beyond the log's end.
    pub fn position(&self, end: i64) -> Position {
        let epoch = self.at(end - 1).unwrap_or(NO_EPOCH);
        Position { end, epoch }
    }

    /// The first offset in `from..to` that this log holds with another epoch than `epoch`.
    pub fn first_conflict(&self, from: i64, to: i64, epoch: i32) -> Option<i64> {
        let to = to.min(self.end);
        if from >= to {
            return None;
        }
        if self.at(from) != Some(epoch) {
            return Some(from);
        }
        let after = self.ranges.partition_point(|&(start, _)| start <= from);
        self.ranges
            .get(after)
            .map(|&(start, _)| start)
            .filter(|&start| start < to)
    }

    /// The longest prefix of this log that a log with prefix `hint` may share, judging by epochs. Skips a whole epoch
    /// each time, so that two logs that differ in k epochs agree after at most k rounds (KIP-279).
    pub fn may_share(&self, hint: Position) -> Position {
        let after = self.ranges.partition_point(|&(_, epoch)| epoch <= hint.epoch);
        let epoch_end = self.ranges.get(after).map_or(self.end, |&(start, _)| start);
        self.position(epoch_end.min(hint.end))
    }
}
