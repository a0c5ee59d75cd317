//! How a leader's log becomes everybody's, and when an entry is committed.
//!
//! One append is in flight to each follower; what comes meanwhile goes with the next one, so batches grow with load by
//! themselves. A heartbeat repeats an append that got no answer.

use std::time::Duration;

use crate::{AppendOutcome, Entry, LogView, Message, Position, Raft, Role, Term, VoterId};

/// What a leader knows of one follower in its term.
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    /// The follower holds everything before this, durably.
    matched: u64,
    /// Where the next append starts. Never below `matched`.
    next: u64,
    /// An append is in flight.
    waiting: bool,
    /// The commit that was sent last.
    commit_sent: u64,
    pub(crate) heard_at: Duration,
}

impl Progress {
    pub(crate) fn new(next: u64, now: Duration) -> Progress {
        Progress {
            matched: 0,
            next,
            waiting: false,
            commit_sent: 0,
            heard_at: now,
        }
    }
}

impl Raft {
    pub(crate) fn on_append(&mut self, from: VoterId, term: Term, prev: Position, entries: Vec<Entry>, commit: u64) {
        if term < self.hard_state.term {
            self.stale_reply(from);
            return;
        }
        assert!(
            !(self.is_leader() && term == self.hard_state.term),
            "two leaders in term {term}: this node and {from:?}"
        );
        self.become_follower(term, Some(from));
        self.leader_heard_at = Some(self.now);
        self.reset_election_timer();

        let outcome = if self.terms.contains(prev) {
            let matched = self.take_entries(prev.end, entries);
            self.commit = self.commit.max(commit.min(matched));
            AppendOutcome::Matched(if self.config.rules.acknowledge_only_matched {
                matched
            } else {
                self.terms.end()
            })
        } else {
            assert!(
                prev.end > self.commit,
                "the leader of term {term} lacks committed entries: {prev:?}"
            );
            let hint = self.terms.may_share(Position {
                end: self.terms.end().min(prev.end - 1),
                term: prev.term,
            });
            AppendOutcome::Conflict {
                prev_end: prev.end,
                hint,
            }
        };
        self.send_after_persist(from, Message::AppendReply { term, outcome });
    }

    /// Skips what is here already, removes what conflicts, adds the rest. Gives the end of what matches.
    fn take_entries(&mut self, start: u64, entries: Vec<Entry>) -> u64 {
        let matched = start + entries.len() as u64;
        let held = entries
            .iter()
            .zip(start..)
            .take_while(|(entry, index)| self.terms.term_at(*index) == Some(entry.term))
            .count();
        let held = if self.config.rules.truncate_only_at_conflict {
            held
        } else {
            0
        };
        let fresh_at = start + held as u64;
        if held < entries.len() || !self.config.rules.truncate_only_at_conflict {
            if fresh_at < self.terms.end() {
                self.truncate(fresh_at);
            }
            self.append_entries(entries.into_iter().skip(held).collect());
        }
        matched
    }

    pub(crate) fn on_append_reply(&mut self, from: VoterId, term: Term, outcome: AppendOutcome, log: &impl LogView) {
        if term > self.hard_state.term {
            self.become_follower(term, None);
            return;
        }
        if !self.is_leader() || term < self.hard_state.term {
            return;
        }
        let Some(progress) = self.progress.get_mut(&from) else {
            return;
        };
        progress.heard_at = self.now;
        match outcome {
            AppendOutcome::Matched(end) => {
                assert!(
                    end <= self.terms.end() || !self.config.rules.acknowledge_only_matched,
                    "{from:?} matched more than there is"
                );
                progress.matched = progress.matched.max(end.min(self.terms.end()));
                progress.next = progress.next.max(progress.matched);
                progress.waiting = false;
                self.advance_commit(log);
            }
            // Answers to older appends say nothing about the one in flight.
            AppendOutcome::Conflict { prev_end, hint } if prev_end == progress.next && prev_end > progress.matched => {
                progress.next = self.terms.may_share(hint).end.max(progress.matched);
                progress.waiting = false;
            }
            AppendOutcome::Conflict { .. } | AppendOutcome::Stale => {}
        }
        self.send_append_if_due(from, log);
    }

    pub(crate) fn send_heartbeats(&mut self, log: &impl LogView) {
        self.heartbeat_at = self.now + self.config.heartbeat_interval;
        for peer in self.peers() {
            self.send_append(peer, log);
        }
    }

    pub(crate) fn send_appends(&mut self, log: &impl LogView) {
        for peer in self.peers() {
            self.send_append_if_due(peer, log);
        }
    }

    fn send_append_if_due(&mut self, to: VoterId, log: &impl LogView) {
        let progress = &self.progress[&to];
        let news = progress.next < self.terms.end() || progress.commit_sent < self.commit;
        if news && !progress.waiting {
            self.send_append(to, log);
        }
    }

    fn send_append(&mut self, to: VoterId, log: &impl LogView) {
        let start = self.progress[&to].next;
        let prev = self.terms.position(start).expect("next is never beyond the end");
        let entries = self.entries_from(start, log);
        let progress = self.progress.get_mut(&to).expect("looked up above");
        progress.waiting = true;
        progress.commit_sent = self.commit;
        let message = Message::Append {
            term: self.hard_state.term,
            prev,
            entries,
            commit: self.commit,
        };
        self.send_now(to, message);
    }

    /// The log's entries, followed by those that this very step appends.
    fn entries_from(&self, start: u64, log: &impl LogView) -> Vec<Entry> {
        let bytes_max = self.config.append_bytes_max;
        let append = &self.output.persist.append;
        let append_at = self.terms.end() - append.len() as u64;
        let mut entries = if start < append_at {
            log.entries(start, append_at, bytes_max)
        } else {
            Vec::new()
        };
        let mut bytes: usize = entries.iter().map(|entry| entry.payload.bytes()).sum();
        let mut index = start + entries.len() as u64;
        for (entry, held) in entries.iter().zip(start..) {
            assert_eq!(
                self.terms.term_at(held),
                Some(entry.term),
                "the log shows other entries than it was given"
            );
        }
        while index >= append_at && index < self.terms.end() && (bytes < bytes_max || entries.is_empty()) {
            let entry = append[(index - append_at) as usize].clone();
            bytes += entry.payload.bytes();
            entries.push(entry);
            index += 1;
        }
        entries
    }

    /// Commits what a majority holds durably, if it is of the own term: an older entry on a majority may still be
    /// replaced (Raft figure 8), and is committed by the first own entry after it.
    pub(crate) fn advance_commit(&mut self, log: &impl LogView) {
        if !matches!(self.role, Role::Leader { .. }) {
            return;
        }
        let own_end = if self.config.rules.own_counts_when_durable {
            self.durable_end
        } else {
            self.terms.end()
        };
        let mut ends: Vec<u64> = self.progress.values().map(|peer| peer.matched).collect();
        ends.push(own_end);
        ends.sort_unstable_by(|a, b| b.cmp(a));
        let end = ends[self.majority() - 1];
        if end <= self.commit {
            return;
        }
        if self.terms.term_at(end - 1) == Some(self.hard_state.term) || !self.config.rules.commit_own_term_only {
            self.commit = end;
            self.send_appends(log);
        }
    }
}
