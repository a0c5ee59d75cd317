//! The leader's side of replication: how its log becomes everybody's, and when an entry is committed.
//!
//! One append is in flight to each follower; what comes meanwhile goes with the next one, so batches grow with load by
//! themselves. Heartbeats carry no entries: they say that the leader is there, tell the commit, and confirm reads.

use std::time::Duration;

use crate::{AppendOutcome, Entry, LogView, Message, Position, Raft, Term, VOTERS_MAX, VoterId, peer::Peer};

impl Raft {
    pub(crate) fn on_append_reply(
        &mut self,
        from: VoterId,
        term: Term,
        session: u64,
        outcome: AppendOutcome,
        log: &impl LogView,
    ) {
        let Some(place) = self.answering_peer(from, term, session) else {
            return;
        };
        match outcome {
            AppendOutcome::Matched(end) => {
                assert!(
                    end <= self.terms.end() || !self.config.rules.acknowledge_only_matched,
                    "{from:?} matched more than there is"
                );
                self.on_peer_matched(place, end);
            }
            AppendOutcome::Conflict { prev_end, hint } => self.on_conflict(place, prev_end, hint),
            AppendOutcome::Stale => {}
        }
        self.advance_commit(log);
        self.continue_with(from, log);
    }

    #[expect(clippy::too_many_arguments, reason = "the message's fields")]
    pub(crate) fn on_heartbeat_reply(
        &mut self,
        from: VoterId,
        term: Term,
        session: u64,
        round: u64,
        matched: u64,
        willing: bool,
        log: &impl LogView,
    ) {
        let Some(place) = self.answering_peer(from, term, session) else {
            return;
        };
        let peer = &mut self.lead.peers[place];
        peer.round = peer.round.max(round);
        peer.willing = willing;
        // It started anew and has not yet heard from this leader what they share; until then it cannot commit.
        if matched < self.commit.min(peer.matched) && peer.retry_at.is_none() {
            self.replicate(place, log);
        }
        self.on_peer_matched(place, matched);
        self.confirm_reads();
        self.advance_commit(log);
        self.continue_with(from, log);
    }

    /// The peer whose answer this is, if this node still leads and the answer is of this term and session.
    pub(crate) fn answering_peer(&mut self, from: VoterId, term: Term, session: u64) -> Option<usize> {
        let from = self.counted_as(from);
        let known = self.lead.peers.iter().any(|peer| peer.id == from);
        if known && term > self.hard_state.term {
            self.become_follower(term, None);
        }
        if !self.is_leader() || term != self.hard_state.term {
            return None;
        }
        self.heard_peer(from, session)
    }

    fn on_peer_matched(&mut self, place: usize, end: u64) {
        let log_end = self.terms.end();
        let round_max = self.config.election_timeout_min;
        self.lead.peers[place].on_matched(end.min(log_end), log_end, self.now, round_max);
    }

    fn on_conflict(&mut self, place: usize, prev_end: u64, hint: Position) {
        let start = self.terms.start().end;
        let shared = match hint.end < start {
            true => hint.end,
            false => self.terms.may_share(hint).end,
        };
        let peer = &mut self.lead.peers[place];
        // Answers to older appends say nothing about the one in flight.
        if prev_end == peer.next && prev_end > peer.matched {
            peer.next = shared.max(peer.matched);
            peer.retry_at = None;
        }
    }

    /// After an answer: what the peer lacks, and the transfer that may have waited for it.
    pub(crate) fn continue_with(&mut self, from: VoterId, log: &impl LogView) {
        let place = self.lead.peers.iter().position(|peer| peer.id == from);
        if let Some(place) = place {
            self.replicate_if_due(place, log);
            self.drive_transfer();
        }
    }

    pub(crate) fn replicate_to_all(&mut self, log: &impl LogView) {
        for place in 0..self.lead.peers.len() {
            self.replicate_if_due(place, log);
        }
    }

    fn replicate_if_due(&mut self, place: usize, log: &impl LogView) {
        let peer = &self.lead.peers[place];
        if peer.retry_at.is_some() {
            return;
        }
        if peer.next < self.terms.end() {
            self.replicate(place, log);
        } else if peer.commit_sent < self.commit.min(peer.matched) {
            self.send_heartbeat(place);
        }
    }

    /// The next append, or, for a peer that needs what is no longer in the log, the next part of the snapshot.
    pub(crate) fn replicate(&mut self, place: usize, log: &impl LogView) {
        let end = self.terms.end();
        let now = self.now;
        let peer = &mut self.lead.peers[place];
        if !peer.voter {
            peer.start_round(end, now);
        }
        let sent = match peer.next < self.terms.start().end {
            true => self.send_chunk(place, log),
            false => self.send_append(place, log),
        };
        // What could not be read is asked for again with the next tick.
        let wait = if sent {
            self.config.election_timeout_min / 2
        } else {
            Duration::ZERO
        };
        self.lead.peers[place].retry_at = Some(now + wait);
    }

    fn send_append(&mut self, place: usize, log: &impl LogView) -> bool {
        let Peer {
            id: to, session, next, ..
        } = self.lead.peers[place];
        let prev = self.terms.position(next).expect("next is between start and end");
        let entries = self.entries_from(next, log);
        if entries.is_empty() && next < self.terms.end() {
            return false;
        }
        let peer = &mut self.lead.peers[place];
        peer.commit_sent = self.commit;
        peer.sent_end = next + entries.len() as u64;
        let message = Message::Append {
            term: self.hard_state.term,
            session,
            prev,
            entries,
            commit: self.commit,
        };
        self.send_now(to, message);
        true
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
        if !self.is_leader() {
            return;
        }
        let own = match self.config.rules.own_counts_when_durable {
            true => self.durable_end,
            false => self.terms.end(),
        };
        let end = self.reached_by_majority(own, |peer| peer.matched);
        if end <= self.commit {
            return;
        }
        if self.terms.term_at(end - 1) == Some(self.hard_state.term) || !self.config.rules.commit_own_term_only {
            self.commit = end;
            if !self.config.rules.voters_in_force_when_appended {
                self.sync_peers(self.terms.end(), log);
            }
            self.replicate_to_all(log);
            self.leave_if_removed();
        }
    }

    /// What a majority of the voters has reached of something that only grows; `own` is this node's.
    pub(crate) fn reached_by_majority(&self, own: u64, of: impl Fn(&Peer) -> u64) -> u64 {
        let rules = self.config.rules;
        let mut reached = [0; VOTERS_MAX + 1];
        let mut count = 0;
        if self.is_voter() || !rules.removed_leader_does_not_count {
            reached[0] = own;
            count = 1;
        }
        let peers = self.lead.peers.iter();
        let counted = peers.filter(|peer| peer.voter || !rules.learners_do_not_count);
        for peer in counted.take(VOTERS_MAX) {
            reached[count] = of(peer);
            count += 1;
        }
        reached[..count].sort_unstable_by(|a, b| b.cmp(a));
        reached[self.voters().majority() - 1]
    }
}
