//! Who leads. Pre-vote keeps a node that was cut off from disturbing the others, stickiness makes them refuse it while
//! they hear a leader, and check-quorum makes a leader that cannot reach a majority stop (KAFKA-15489).

use std::collections::BTreeSet;

use crate::{HardState, LogView, Message, Payload, Position, Raft, Role, Term, VoterId, replication::Progress};

impl Raft {
    pub(crate) fn reset_election_timer(&mut self) {
        let wait = self
            .random
            .between(self.config.election_timeout_min, self.config.election_timeout_max);
        self.election_at = self.now + wait;
    }

    pub(crate) fn start_pre_vote(&mut self, log: &impl LogView) {
        self.reset_election_timer();
        self.role = Role::PreCandidate {
            votes: BTreeSet::from([self.config.me]),
        };
        let message = Message::PreVote {
            term: self.hard_state.term + 1,
            last: self.terms.last(),
        };
        for peer in self.peers() {
            self.send_now(peer, message.clone());
        }
        self.count_pre_votes(log);
    }

    pub(crate) fn on_pre_vote(&mut self, from: VoterId, term: Term, last: Position) {
        let newer = last.is_at_least_as_new_as(self.terms.last());
        let granted = term > self.hard_state.term && newer && !self.hears_leader();
        // A grant repeats the asked term, a refusal tells the own one so that a node that is behind learns it.
        let term = if granted { term } else { self.hard_state.term };
        // After persist: the own term may not be durable yet, and nobody may learn a term that a restart would forget.
        self.send_after_persist(from, Message::PreVoteReply { term, granted });
    }

    pub(crate) fn on_pre_vote_reply(&mut self, from: VoterId, term: Term, granted: bool, log: &impl LogView) {
        if !granted {
            if term > self.hard_state.term {
                self.become_follower(term, None);
            }
            return;
        }
        if let Role::PreCandidate { votes } = &mut self.role
            && term == self.hard_state.term + 1
        {
            votes.insert(from);
            self.count_pre_votes(log);
        }
    }

    fn count_pre_votes(&mut self, log: &impl LogView) {
        if matches!(&self.role, Role::PreCandidate { votes } if votes.len() >= self.majority()) {
            self.start_election(log);
        }
    }

    fn start_election(&mut self, log: &impl LogView) {
        self.reset_election_timer();
        self.set_hard_state(HardState {
            term: self.hard_state.term + 1,
            vote: Some(self.config.me),
        });
        self.leader_heard_at = None;
        self.role = Role::Candidate {
            votes: BTreeSet::new(),
            vote_persist: self.this_persist(),
        };
        let message = Message::Vote {
            term: self.hard_state.term,
            last: self.terms.last(),
        };
        for peer in self.peers() {
            self.send_after_persist(peer, message.clone());
        }
        if !self.config.rules.own_counts_when_durable {
            self.count_own_vote(self.this_persist(), log);
        }
    }

    /// The own vote reached the disk.
    pub(crate) fn count_own_vote(&mut self, persisted: u64, log: &impl LogView) {
        if let Role::Candidate { votes, vote_persist } = &mut self.role
            && persisted >= *vote_persist
        {
            votes.insert(self.config.me);
            self.count_votes(log);
        }
    }

    pub(crate) fn on_vote(&mut self, from: VoterId, term: Term, last: Position) {
        // Stickiness: whoever hears a leader does not even learn the term.
        if term > self.hard_state.term && self.hears_leader() {
            return;
        }
        if term > self.hard_state.term {
            self.become_follower(term, None);
        }
        let free = self.hard_state.vote.is_none_or(|vote| vote == from) || !self.config.rules.one_vote_per_term;
        let newer = last.is_at_least_as_new_as(self.terms.last()) || !self.config.rules.vote_needs_newer_log;
        let granted = term == self.hard_state.term && free && newer;
        if granted && self.hard_state.vote != Some(from) {
            self.set_hard_state(HardState { term, vote: Some(from) });
            self.reset_election_timer();
        }
        let term = self.hard_state.term;
        self.send_after_persist(from, Message::VoteReply { term, granted });
    }

    pub(crate) fn on_vote_reply(&mut self, from: VoterId, term: Term, granted: bool, log: &impl LogView) {
        if term > self.hard_state.term {
            self.become_follower(term, None);
            return;
        }
        if let Role::Candidate { votes, .. } = &mut self.role
            && granted
            && term == self.hard_state.term
        {
            votes.insert(from);
            self.count_votes(log);
        }
    }

    fn count_votes(&mut self, log: &impl LogView) {
        if matches!(&self.role, Role::Candidate { votes, .. } if votes.len() >= self.majority()) {
            self.become_leader(log);
        }
    }

    fn become_leader(&mut self, log: &impl LogView) {
        let start = self.append_own(Payload::LeaderStart);
        self.role = Role::Leader { start };
        self.progress = self
            .peers()
            .into_iter()
            .map(|peer| (peer, Progress::new(start, self.now)))
            .collect();
        self.heartbeat_at = self.now + self.config.heartbeat_interval;
        self.quorum_check_at = self.now + self.config.election_timeout_max;
        self.send_appends(log);
        if !self.config.rules.own_counts_when_durable {
            self.advance_commit(log);
        }
    }

    /// Steps down unless a majority was heard within the last `election_timeout_max`.
    pub(crate) fn check_quorum(&mut self) {
        let since = self.now.saturating_sub(self.config.election_timeout_max);
        let heard = 1 + self.progress.values().filter(|peer| peer.heard_at >= since).count();
        if heard < self.majority() {
            self.become_follower(self.hard_state.term, None);
        } else {
            self.quorum_check_at = self.now + self.config.election_timeout_max / 2;
        }
    }

    fn hears_leader(&self) -> bool {
        self.is_leader()
            || self
                .leader_heard_at
                .is_some_and(|heard| self.now < heard + self.config.election_timeout_min)
    }
}
