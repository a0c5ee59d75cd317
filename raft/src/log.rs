//! How a step changes what this node keeps, and how it learns that the change is durable.

use crate::{Entry, HardState, Payload, Raft};

impl Raft {
    pub(crate) fn set_hard_state(&mut self, hard_state: HardState) {
        assert!(hard_state.term >= self.hard_state.term);
        self.hard_state = hard_state;
        self.output.persist.hard_state = Some(hard_state);
    }

    /// Adds an entry to the log and to this step's persist.
    pub(crate) fn append_entry(&mut self, entry: Entry) {
        let persist = &mut self.output.persist;
        if persist.append.is_empty() {
            persist.append_at = self.terms.end();
        }
        self.terms.push(entry.term);
        if let Payload::Voters(voters) = &entry.payload {
            self.voters.push(self.terms.end(), voters.clone());
        }
        persist.append.push(entry);
    }

    /// Gives the entry's index.
    pub(crate) fn append_own(&mut self, payload: Payload) -> u64 {
        let index = self.terms.end();
        let term = self.hard_state.term;
        self.append_entry(Entry { term, payload });
        index
    }

    pub(crate) fn truncate(&mut self, end: u64) {
        assert!(
            end >= self.commit || !self.config.rules.never_truncate_committed,
            "a committed entry would be removed: truncate to {end}, commit {}",
            self.commit
        );
        assert!(
            self.output.persist.append.is_empty(),
            "one step either truncates first or not at all"
        );
        self.terms.truncate(end);
        self.voters.truncate(end);
        self.agreed_end = self.agreed_end.min(end);
        self.durable_at_most(end);
        self.output.persist.truncate_to = Some(end);
    }

    /// What is being written beyond `end` will never be part of the log.
    pub(crate) fn durable_at_most(&mut self, end: u64) {
        self.durable_end = self.durable_end.min(end);
        for (_, persisting_end) in &mut self.persisting {
            *persisting_end = (*persisting_end).min(end);
        }
    }

    pub(crate) fn on_persisted(&mut self, number: u64) {
        while let Some(&(first, end)) = self.persisting.front() {
            if first > number {
                break;
            }
            self.persisting.pop_front();
            self.durable_end = self.durable_end.max(end);
        }
    }

    /// The number that this step's persist gets.
    pub(crate) fn this_persist(&self) -> u64 {
        self.next_persist
    }

    /// The persist of this step gets its number, if there is anything in it.
    pub(crate) fn number_persist(&mut self) {
        if !self.output.persist.is_empty() {
            self.output.persist.number = self.next_persist;
            self.persisting.push_back((self.next_persist, self.terms.end()));
            self.next_persist += 1;
        }
    }
}
