//! Which index has which term: all that consensus itself must know of a log. Kafka calls the same thing the leader
//! epoch cache.

use crate::{Position, Term};

/// Spans of equal terms, with terms that only grow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// (first index, term); both strictly increasing.
    spans: Vec<(u64, Term)>,
    end: u64,
}

impl Terms {
    /// The next entry has this term.
    pub fn push(&mut self, term: Term) {
        let last = self.last().term;
        assert!(
            term >= last && term > 0,
            "a log's terms never decrease: {term} after {last}"
        );
        if term > last {
            self.spans.push((self.end, term));
        }
        self.end += 1;
    }

    /// Forgets everything from `end` on.
    pub fn truncate(&mut self, end: u64) {
        assert!(end <= self.end);
        self.end = end;
        while self.spans.last().is_some_and(|&(start, _)| start >= end) {
            self.spans.pop();
        }
    }

    pub fn end(&self) -> u64 {
        self.end
    }

    pub fn last(&self) -> Position {
        Position {
            end: self.end,
            term: self.spans.last().map_or(0, |&(_, term)| term),
        }
    }

    /// The term of the entry at `index`.
    pub fn term_at(&self, index: u64) -> Option<Term> {
        if index >= self.end {
            return None;
        }
        let after = self.spans.partition_point(|&(start, _)| start <= index);
        Some(self.spans[after - 1].1)
    }

    /// The prefix with `end` entries, if the log is that long.
    pub fn position(&self, end: u64) -> Option<Position> {
        match end {
            0 => Some(Position::default()),
            _ => self.term_at(end - 1).map(|term| Position { end, term }),
        }
    }

    pub fn contains(&self, position: Position) -> bool {
        self.position(position.end) == Some(position)
    }

    /// The longest prefix of this log that a log with prefix `hint` may share, judging by terms. Skips a whole term
    /// each time, so that two logs that differ in k terms agree after at most k rounds (KIP-279 does the same).
    pub fn may_share(&self, hint: Position) -> Position {
        let after = self.spans.partition_point(|&(_, term)| term <= hint.term);
        let term_end = self.spans.get(after).map_or(self.end, |&(start, _)| start);
        let end = term_end.min(hint.end);
        self.position(end).expect("not beyond the end")
    }
}
