//! Handing leadership over (Raft thesis §3.10): the leader takes no more proposals, brings the successor up to date and
//! tells it to campaign now. It goes on leading if that takes too long.
//!
//! Two things besides an operator ask for it: a preferred voter, so that the groups' leaders spread over the nodes, and a
//! leader that had better not lead (it lost its root group, or its journal stalls).

use std::time::Duration;

use crate::{LogView, Message, Raft, Refused, Role, Term, VoterId};

/// Longer election timeouts that a leader leads, or waits after a transfer that failed, before it hands over to the
/// preferred voter.
pub(crate) const PREFER_AFTER_TIMEOUTS: u32 = 5;
/// Longer election timeouts for which a node that resigned takes no leadership over.
const RESIGNED_TIMEOUTS: u32 = 10;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Transfer {
    to: VoterId,
    until: Duration,
    /// The successor was told; again with the next heartbeat.
    told: bool,
}

impl Raft {
    /// To whom leadership is under way.
    pub fn transferring_to(&self) -> Option<VoterId> {
        self.lead.transfer.map(|transfer| transfer.to)
    }

    pub(crate) fn on_transfer(&mut self, to: Option<VoterId>, log: &impl LogView) {
        if !self.is_leader() {
            self.output.refused = Some(Refused::NotLeader);
            return;
        }
        let to = to.or_else(|| self.successor());
        match to.filter(|to| self.voters().contains(*to)) {
            Some(to) if to == self.config.me => {}
            Some(to) => self.start_transfer(to, log),
            None => self.output.refused = Some(Refused::NotVoter),
        }
    }

    fn start_transfer(&mut self, to: VoterId, log: &impl LogView) {
        self.lead.transfer = Some(Transfer {
            to,
            until: self.now + self.config.election_timeout_max,
            told: false,
        });
        self.continue_with(to, log);
    }

    /// The rest of a turn that began with [`Raft::start_transfer`]: the successor is told once it has everything.
    pub(crate) fn drive_transfer(&mut self) {
        let Some(transfer) = self.lead.transfer else {
            return;
        };
        let end = self.terms.end();
        let complete = |peer: &crate::peer::Peer| peer.id == transfer.to && peer.matched == end;
        if !transfer.told && self.lead.peers.iter().any(complete) {
            self.lead.transfer = Some(Transfer { told: true, ..transfer });
            self.send_timeout_now(transfer.to);
        }
    }

    /// With each heartbeat: transfers end, are repeated, or begin.
    pub(crate) fn on_transfer_tick(&mut self, log: &impl LogView) {
        match self.lead.transfer {
            Some(transfer) if self.now >= transfer.until => {
                self.lead.transfer = None;
                self.lead.prefer_at = self.now + self.config.election_timeout_max * PREFER_AFTER_TIMEOUTS;
                if !self.is_willing() {
                    self.become_follower(self.hard_state.term, None);
                }
            }
            Some(transfer) => {
                self.lead.transfer = Some(Transfer {
                    told: false,
                    ..transfer
                });
                self.drive_transfer();
            }
            None => {
                if let Some(to) = self.preferred().filter(|_| self.now >= self.lead.prefer_at)
                    && self.may_take_over(to)
                {
                    self.start_transfer(to, log);
                }
            }
        }
    }

    pub(crate) fn on_resign(&mut self, log: &impl LogView) {
        self.resigned_until = self.now + self.config.election_timeout_max * RESIGNED_TIMEOUTS;
        if self.is_leader()
            && self.lead.transfer.is_none()
            && let Some(to) = self.successor()
        {
            self.start_transfer(to, log);
        }
    }

    pub(crate) fn on_timeout_now(&mut self, from: VoterId, term: Term, log: &impl LogView) {
        let follows = self.role == Role::Follower { leader: Some(from) } && term == self.hard_state.term;
        if follows && self.is_voter() && self.is_willing() {
            self.start_election(true, log);
        }
    }

    pub(crate) fn send_timeout_now(&mut self, to: VoterId) {
        let term = self.hard_state.term;
        self.send_now(to, Message::TimeoutNow { term });
    }

    pub(crate) fn is_willing(&self) -> bool {
        self.now >= self.resigned_until
    }

    /// Who should lead, if somebody in particular should.
    pub(crate) fn preferred(&self) -> Option<VoterId> {
        let voters = self.voters();
        let place = self.config.priority? as usize % voters.len().max(1);
        voters.get(place)
    }

    /// The voter that would be the quickest to take over.
    pub(crate) fn successor(&self) -> Option<VoterId> {
        let voters = self.lead.peers.iter().filter(|peer| peer.voter);
        let best = voters.max_by_key(|peer| (peer.willing, peer.matched, peer.heard_at));
        best.map(|peer| peer.id)
    }

    fn may_take_over(&self, to: VoterId) -> bool {
        let since = self.now.saturating_sub(self.config.election_timeout_min);
        let mut peers = self.lead.peers.iter();
        self.is_ready_leader()
            && !self.is_changing_voters()
            && peers.any(|peer| {
                let caught_up = peer.matched >= self.commit && peer.heard_at >= since;
                peer.id == to && peer.voter && peer.willing && caught_up
            })
    }
}
