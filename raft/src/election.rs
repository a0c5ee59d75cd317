//! Who leads. Pre-vote keeps a node that was cut off from disturbing the others, and stickiness makes them refuse it while
//! they hear a leader.

use std::time::Duration;

use crate::{HardState, LogView, Message, Position, Raft, Role, Term, VoterId, Votes};

impl Raft {
    /// A random half of the time between the two timeouts. Whoever is preferred waits from the shorter one on, and each
    /// voter after it in turn a little longer, so that it mostly wins, and its neighbour where it is gone.
    pub(crate) fn reset_election_timer(&mut self) {
        let (min, max) = (self.config.election_timeout_min, self.config.election_timeout_max);
        let wait = match self.rank() {
            None => self.random.between(min, max),
            Some((rank, voters)) => {
                let half = (max - min) / 2;
                let from = min + half * rank / voters;
                self.random.between(from, from + half)
            }
        };
        // Who resigned lets all others try first.
        let resigned = if self.now < self.resigned_until {
            max
        } else {
            Duration::ZERO
        };
        self.election_at = self.now + wait + resigned;
    }

    /// Place after the preferred voter, and how many voters there are; None where nobody is preferred.
    fn rank(&self) -> Option<(u32, u32)> {
        let voters = self.voters();
        let preferred = voters.position(self.preferred()?)?;
        let place = voters.position(self.config.me).unwrap_or(preferred);
        let rank = (place + voters.len() - preferred) % voters.len();
        Some((rank as u32, voters.len() as u32))
    }

    /// Voters do, and so does a node that an entry removes which may not be committed: its vote may be needed to
    /// commit it, and nobody else may have a log as new (Raft thesis §4.2.2).
    pub(crate) fn may_campaign(&self) -> bool {
        self.is_voter() || (self.voters.latest_end() > self.commit && self.voters.was_voter(self.config.me))
    }

    pub(crate) fn start_pre_vote(&mut self, log: &impl LogView) {
        if !self.config.rules.pre_vote {
            self.start_election(false, log);
            return;
        }
        self.reset_election_timer();
        self.role = Role::PreCandidate {
            votes: Votes::default(),
        };
        let message = Message::PreVote {
            term: self.hard_state.term + 1,
            last: self.terms.last(),
        };
        for place in 0..self.voters().len() {
            if let Some(peer) = self.other_voter(place) {
                self.send_now(peer, message.clone());
            }
        }
        self.count_pre_vote(self.config.me, log);
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
            self.learn_term(from, term);
        } else if term == self.hard_state.term + 1 {
            self.count_pre_vote(from, log);
        }
    }

    fn count_pre_vote(&mut self, from: VoterId, log: &impl LogView) {
        let place = self.voters().position(self.counted_as(from));
        let majority = self.voters().majority();
        if let Role::PreCandidate { votes } = &mut self.role {
            if let Some(place) = place {
                votes.add(place);
            }
            if votes.count() >= majority {
                self.start_election(false, log);
            }
        }
    }

    /// `transfer`: the leader asked for it.
    pub(crate) fn start_election(&mut self, transfer: bool, log: &impl LogView) {
        self.reset_election_timer();
        self.become_follower(self.hard_state.term + 1, None);
        self.set_hard_state(HardState {
            term: self.hard_state.term,
            vote: Some(self.config.me),
        });
        self.role = Role::Candidate {
            votes: Votes::default(),
            vote_persist: self.this_persist(),
        };
        let message = Message::Vote {
            term: self.hard_state.term,
            last: self.terms.last(),
            transfer,
        };
        for place in 0..self.voters().len() {
            if let Some(peer) = self.other_voter(place) {
                self.send_after_persist(peer, message.clone());
            }
        }
        if !self.config.rules.own_counts_when_durable {
            self.count_own_vote(self.this_persist(), log);
        }
    }

    /// The own vote reached the disk.
    pub(crate) fn count_own_vote(&mut self, persisted: u64, log: &impl LogView) {
        if matches!(self.role, Role::Candidate { vote_persist, .. } if persisted >= vote_persist) {
            self.count_vote(self.config.me, log);
        }
    }

    pub(crate) fn on_vote(&mut self, from: VoterId, term: Term, last: Position, transfer: bool) {
        // Stickiness: whoever hears a leader does not even learn the term.
        if term > self.hard_state.term && self.hears_leader() && !transfer {
            return;
        }
        if term > self.hard_state.term {
            self.become_follower(term, None);
        }
        let rules = self.config.rules;
        let free = self.hard_state.vote.is_none_or(|vote| vote == from) || !rules.one_vote_per_term;
        let newer = last.is_at_least_as_new_as(self.terms.last()) || !rules.vote_needs_newer_log;
        let granted = term == self.hard_state.term && free && newer;
        if granted && self.hard_state.vote != Some(from) {
            self.set_hard_state(HardState { term, vote: Some(from) });
            self.reset_election_timer();
        }
        let term = self.hard_state.term;
        let reply = Message::VoteReply { term, granted };
        if rules.vote_after_persist {
            self.send_after_persist(from, reply);
        } else {
            self.send_now(from, reply);
        }
    }

    pub(crate) fn on_vote_reply(&mut self, from: VoterId, term: Term, granted: bool, log: &impl LogView) {
        if term > self.hard_state.term {
            self.learn_term(from, term);
        } else if granted && term == self.hard_state.term {
            self.count_vote(from, log);
        }
    }

    fn count_vote(&mut self, from: VoterId, log: &impl LogView) {
        let place = self.voters().position(self.counted_as(from));
        let majority = self.voters().majority();
        if let Role::Candidate { votes, .. } = &mut self.role {
            if let Some(place) = place {
                votes.add(place);
            }
            if votes.count() >= majority {
                self.become_leader(log);
            }
        }
    }

    /// A higher term that a voter tells of. What others say is none of this group's business: a voter that was removed
    /// must not end a leadership.
    fn learn_term(&mut self, from: VoterId, term: Term) {
        if term > self.hard_state.term && self.voters().contains(from) {
            self.become_follower(term, None);
        }
    }

    fn other_voter(&self, place: usize) -> Option<VoterId> {
        self.voters().get(place).filter(|voter| *voter != self.config.me)
    }

    fn hears_leader(&self) -> bool {
        let heard = self
            .leader_heard_at
            .is_some_and(|heard| self.now < heard + self.config.election_timeout_min);
        self.config.rules.leader_stickiness && (self.is_leader() || heard)
    }
}
