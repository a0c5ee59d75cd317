//! One core's journal: writes become durable in the order in which they were submitted, some time later. A crash keeps
//! any prefix of what was not durable, as a journal does that stops at the first torn frame.

use std::collections::VecDeque;

/// `W` is a write, `H` what waits for writes (a reply that promises something about them).
#[derive(Debug)]
pub struct Journal<W, H> {
    pending: VecDeque<W>,
    submitted: u64,
    durable: u64,
    held: VecDeque<(u64, H)>,
    /// A completion is planned already.
    pub busy: bool,
}

impl<W, H> Default for Journal<W, H> {
    fn default() -> Journal<W, H> {
        Journal {
            pending: VecDeque::new(),
            submitted: 0,
            durable: 0,
            held: VecDeque::new(),
            busy: false,
        }
    }
}

impl<W, H> Journal<W, H> {
    pub fn submit(&mut self, write: W) {
        self.pending.push_back(write);
        self.submitted += 1;
    }

    /// Keeps `held` until all that was submitted so far is durable; gives it back if that is so already.
    pub fn hold(&mut self, held: H) -> Option<H> {
        if self.durable == self.submitted {
            return Some(held);
        }
        self.held.push_back((self.submitted, held));
        None
    }

    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// The oldest write is durable now.
    pub fn complete(&mut self) -> Option<W> {
        let write = self.pending.pop_front()?;
        self.durable += 1;
        Some(write)
    }

    /// What need not wait any longer, oldest first.
    pub fn release(&mut self) -> Option<H> {
        match self.held.front() {
            Some((after, _)) if *after <= self.durable => self.held.pop_front().map(|(_, held)| held),
            _ => None,
        }
    }

    /// The process is gone, and with it what waited; gives what was not durable, of which any prefix may be on disk.
    pub fn crash(&mut self) -> VecDeque<W> {
        self.held.clear();
        self.busy = false;
        self.submitted = self.durable;
        std::mem::take(&mut self.pending)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reply leaves when all writes before it are durable, and not one write earlier.
    #[test]
    fn replies_wait_for_writes() {
        let mut journal = Journal::default();
        assert_eq!(journal.hold("nothing to wait for"), Some("nothing to wait for"));
        journal.submit(1);
        journal.submit(2);
        assert_eq!(journal.hold("both"), None);
        journal.submit(3);
        assert_eq!(journal.complete(), Some(1));
        assert_eq!(journal.release(), None);
        assert_eq!(journal.complete(), Some(2));
        assert_eq!(journal.release(), Some("both"));
        assert_eq!(journal.hold("all"), None);
        assert_eq!(journal.crash(), [3]);
        assert_eq!((journal.complete(), journal.release()), (None, None));
    }
}
