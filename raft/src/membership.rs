//! Changing who votes, one voter at a time (Raft thesis §4.1–4.3).
//!
//! A learner gets the log without a vote until it has caught up; then an entry that names the new voters is appended and
//! in force at once. Two sets that differ by one voter cannot have disjoint majorities, and a third set waits until the
//! second is committed, by a leader that has committed an entry of its own term. A wiped disk is a new voter: add it,
//! remove the old one. A voter that was removed keeps its log, or comes back as another voter: nodes that are far behind
//! may still count its vote, and that must never be given from an emptier log than before.

use std::time::Duration;

use crate::{LogView, Payload, Raft, Refused, Role, VOTERS_MAX, VoterId, Voters, VotersChange};

/// What a leader knows of a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerStatus {
    pub id: VoterId,
    pub voter: bool,
    /// It holds everything before this, durably.
    pub matched: u64,
    pub heard_at: Duration,
    /// Its last round was short enough for it to get a vote.
    pub caught_up: bool,
}

impl Raft {
    /// Voters and learners as this leader sees them; nobody, where this node does not lead.
    pub fn peers(&self) -> impl Iterator<Item = PeerStatus> + '_ {
        self.lead.peers.iter().map(|peer| PeerStatus {
            id: peer.id,
            voter: peer.voter,
            matched: peer.matched,
            heard_at: peer.heard_at,
            caught_up: peer.is_caught_up(),
        })
    }

    /// The latest voters are not committed yet, as far as this node knows.
    pub fn is_changing_voters(&self) -> bool {
        self.voters.latest_end() > self.commit
    }

    pub(crate) fn on_change_voters(&mut self, change: VotersChange, log: &impl LogView) {
        let voters = match self.plan_voters(change) {
            Ok(voters) => voters,
            Err(refused) => {
                self.output.refused = Some(refused);
                return;
            }
        };
        assert!(
            voters.is_next_to(self.voters.latest()),
            "two majorities without a common voter"
        );
        let index = self.append_own(Payload::Voters(voters));
        self.output.proposed = Some(index);
        self.sync_peers(index, log);
        self.replicate_to_all(log);
        self.advance_commit(log);
    }

    fn plan_voters(&self, change: VotersChange) -> Result<Voters, Refused> {
        let rules = self.config.rules;
        let voters = self.voters.latest();
        if !self.is_leader() {
            return Err(Refused::NotLeader);
        }
        if self.lead.transfer.is_some() {
            return Err(Refused::Transferring);
        }
        if !self.is_ready_leader() && rules.change_after_own_commit {
            return Err(Refused::NotReady);
        }
        if self.is_changing_voters() && rules.one_change_at_a_time {
            return Err(Refused::ChangePending);
        }
        match change {
            VotersChange::Add(id) if voters.contains(id) => Err(Refused::AlreadyVoter),
            VotersChange::Add(_) if voters.len() == VOTERS_MAX => Err(Refused::TooManyVoters),
            VotersChange::Add(id) if !self.has_caught_up(id) && rules.catch_up_before_vote => Err(Refused::NotCaughtUp),
            VotersChange::Add(id) => Ok(voters.with(id)),
            VotersChange::Remove(id) if !voters.contains(id) => Err(Refused::NotVoter),
            VotersChange::Remove(_) if voters.len() == 1 => Err(Refused::LastVoter),
            VotersChange::Remove(id) => Ok(voters.without(id)),
        }
    }

    fn has_caught_up(&self, id: VoterId) -> bool {
        let since = self.now.saturating_sub(self.config.election_timeout_min);
        let mut peers = self.lead.peers.iter();
        peers.any(|peer| peer.id == id && peer.is_caught_up() && peer.heard_at >= since)
    }

    /// A leader that is no voter any more has done its last duty when that is committed. It names a successor, so that
    /// nobody has to wait for an election timeout.
    pub(crate) fn leave_if_removed(&mut self) {
        let removed = !self.is_voter() && !self.is_changing_voters();
        if removed && matches!(self.role, Role::Leader { .. }) {
            if let Some(successor) = self.successor() {
                self.send_timeout_now(successor);
            }
            self.become_follower(self.hard_state.term, None);
        }
    }
}
