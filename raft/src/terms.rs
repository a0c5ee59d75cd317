//! Which index has which term: all that consensus itself must know of a log. Kafka calls the same thing the leader
//! epoch cache.

use crate::{Position, Term};

/// Spans of equal terms, with terms that only grow, after a start of which only the position is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    start: Position,
    /// (first index, term); both strictly increasing. Entries before the first have the start's term.
    spans: Vec<(u64, Term)>,
    end: u64,
}

impl Terms {
    /// An empty log after `start`.
    pub fn starting_at(start: Position) -> Terms {
        Terms {
            start,
            spans: Vec::new(),
            end: start.end,
        }
    }

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
        assert!(self.start.end <= end && end <= self.end);
        self.end = end;
        while self.spans.last().is_some_and(|&(start, _)| start >= end) {
            self.spans.pop();
        }
    }

    /// Forgets everything before `end`.
    pub fn start_at(&mut self, end: u64) {
        self.start = self.position(end).expect("the log starts at a place in it");
        let before = self.spans.partition_point(|&(start, _)| start < end);
        self.spans.drain(..before);
    }

    pub fn start(&self) -> Position {
        self.start
    }

    pub fn end(&self) -> u64 {
        self.end
    }

    pub fn last(&self) -> Position {
        Position {
            end: self.end,
            term: self.spans.last().map_or(self.start.term, |&(_, term)| term),
        }
    }

    /// The term of the entry at `index`.
    pub fn term_at(&self, index: u64) -> Option<Term> {
        if index < self.start.end || index >= self.end {
            return None;
        }
        // Most questions are about the newest entries.
        let newer = self.spans.iter().rev().find(|&&(start, _)| start <= index);
        Some(newer.map_or(self.start.term, |&(_, term)| term))
    }

    /// The prefix with `end` entries, if it is known.
    pub fn position(&self, end: u64) -> Option<Position> {
        if end == self.start.end {
            return Some(self.start);
        }
        let index = end.checked_sub(1)?;
        self.term_at(index).map(|term| Position { end, term })
    }

    pub fn contains(&self, position: Position) -> bool {
        self.position(position.end) == Some(position)
    }

    /// The longest prefix of this log that a log with prefix `hint` may share, judging by terms; at least the start. Skips
    /// a whole term each time, so that two logs that differ in k terms agree after at most k rounds (KIP-279 does the
    /// same).
    pub fn may_share(&self, hint: Position) -> Position {
        let after = self.spans.partition_point(|&(_, term)| term <= hint.term);
        let term_end = self.spans.get(after).map_or(self.end, |&(start, _)| start);
        let end = term_end.min(hint.end).max(self.start.end);
        self.position(end).expect("from the start to the end")
    }
}
