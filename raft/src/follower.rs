//! The follower's side of replication: what it takes of a leader's log, and what it says of its own.
//!
//! A log may differ from the leader's only after the last entry that both share. So an append is taken only after a shared
//! prefix, entries are removed only where terms really conflict, and both the acknowledgement and the commit reach only
//! as far as this very leader's words did.

use crate::{AppendOutcome, Entry, Message, Position, Raft, Term, VoterId};

impl Raft {
    pub(crate) fn on_append(
        &mut self,
        from: VoterId,
        term: Term,
        session: u64,
        prev: Position,
        mut entries: Vec<Entry>,
        commit: u64,
    ) {
        if term < self.hard_state.term {
            self.refuse_leader(from, session);
            return;
        }
        self.follow(from, term);
        let start = self.terms.start();
        let mut prev = prev;
        if prev.end < start.end {
            // A late one. What the snapshot covers is committed, so it is the same there and here.
            let covered = (start.end - prev.end).min(entries.len() as u64);
            entries.drain(..covered as usize);
            prev = start;
        }
        let shared = self.terms.contains(prev) || !self.config.rules.append_needs_shared_prefix;
        let outcome = if shared && prev.end <= self.terms.end() {
            let matched = self.take_entries(prev.end, entries);
            self.agreed_end = self.agreed_end.max(matched);
            self.take_commit(commit, matched);
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
        self.reply_to_append(from, session, outcome);
    }

    /// Skips what is here already, removes what conflicts, adds the rest. Gives the end of what matches.
    fn take_entries(&mut self, start: u64, entries: Vec<Entry>) -> u64 {
        let matched = start + entries.len() as u64;
        let truncates_always = !self.config.rules.truncate_only_at_conflict;
        for (entry, index) in entries.into_iter().zip(start..) {
            if index < self.terms.end() {
                let begun = !self.output.persist.append.is_empty();
                let same = self.terms.term_at(index) == Some(entry.term);
                if same && (!truncates_always || begun) {
                    continue;
                }
                self.truncate(index);
            }
            self.append_entry(entry);
        }
        matched
    }

    pub(crate) fn on_heartbeat(&mut self, from: VoterId, term: Term, session: u64, commit: u64, round: u64) {
        if term < self.hard_state.term {
            self.refuse_leader(from, session);
            return;
        }
        self.follow(from, term);
        self.take_commit(commit, self.agreed_end);
        let reply = Message::HeartbeatReply {
            term,
            session,
            round,
            matched: self.agreed_end,
            willing: self.is_willing(),
        };
        self.send_after_persist(from, reply);
    }

    /// Somebody leads this term, or a later one than this node knew.
    pub(crate) fn follow(&mut self, leader: VoterId, term: Term) {
        assert!(
            !(self.is_leader() && term == self.hard_state.term),
            "two leaders in term {term}: this node and {leader:?}"
        );
        self.become_follower(term, Some(leader));
        self.leader_heard_at = Some(self.now);
        self.reset_election_timer();
    }

    fn take_commit(&mut self, commit: u64, matched: u64) {
        let known = if self.config.rules.commit_only_matched {
            matched
        } else {
            self.terms.end()
        };
        self.commit = self.commit.max(commit.min(known));
        self.agreed_end = self.agreed_end.max(self.commit);
    }

    /// The sender leads no more and does not know it.
    pub(crate) fn refuse_leader(&mut self, from: VoterId, session: u64) {
        self.reply_to_append(from, session, AppendOutcome::Stale);
    }

    pub(crate) fn reply_to_append(&mut self, to: VoterId, session: u64, outcome: AppendOutcome) {
        let reply = Message::AppendReply {
            term: self.hard_state.term,
            session,
            outcome,
        };
        if self.config.rules.acknowledge_after_persist {
            self.send_after_persist(to, reply);
        } else {
            self.send_now(to, reply);
        }
    }
}
