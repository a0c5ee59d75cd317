//! Being the leader: what it knows of its peers, heartbeats, and when it stops.
//!
//! A leader that does not hear a majority steps down (check-quorum, KAFKA-15489): behind a link that carries only one
//! way it would otherwise hold all others back for ever.

use std::{collections::VecDeque, time::Duration};

use crate::{
    LogView, Message, Payload, Raft, Role, VoterId, Voters,
    peer::Peer,
    reads::PendingRead,
    transfer::{PREFER_AFTER_TIMEOUTS, Transfer},
};

#[derive(Clone, Debug, Default)]
pub(crate) struct Leadership {
    /// Everybody who gets the log: the other voters, and learners.
    pub peers: Vec<Peer>,
    /// The last session that was given to a peer.
    pub session: u64,
    pub heartbeat_at: Duration,
    pub quorum_check_at: Duration,
    /// The last round of heartbeats that was sent to confirm reads.
    pub round: u64,
    pub reads: VecDeque<PendingRead>,
    pub transfer: Option<Transfer>,
    /// Not before then is leadership handed to the preferred voter.
    pub prefer_at: Duration,
}

impl Raft {
    pub(crate) fn become_leader(&mut self, log: &impl LogView) {
        let next = self.terms.end();
        if self.voters.latest_end() == 0 && self.snapshot.is_none() {
            // From here on the log itself says who founded the group: who joins has no other source.
            self.append_own(Payload::Voters(self.config.voters.clone()));
        }
        let start = self.append_own(Payload::LeaderStart);
        self.role = Role::Leader { start };
        let timeout = self.config.election_timeout_max;
        self.lead.session = 0;
        self.lead.round = 0;
        self.lead.heartbeat_at = self.next_heartbeat();
        self.lead.quorum_check_at = self.now + timeout;
        self.lead.prefer_at = self.now + timeout * PREFER_AFTER_TIMEOUTS;
        self.sync_peers(next, log);
        if !self.config.rules.own_counts_when_durable {
            self.advance_commit(log);
        }
    }

    /// Whoever waits for this leader is told that it leads no more.
    pub(crate) fn end_leadership(&mut self) {
        self.refuse_reads();
        self.lead.peers.clear();
        self.lead.transfer = None;
    }

    /// Starts to track whoever became a peer, with a new session, and forgets whoever is none any more.
    pub(crate) fn sync_peers(&mut self, next: u64, log: &impl LogView) {
        let me = self.config.me;
        let voters = self.voters().clone();
        let learners = self.learners.clone();
        let mut peers = std::mem::take(&mut self.lead.peers);
        peers.retain(|peer| voters.contains(peer.id) || learners.contains(peer.id));
        let known = peers.len();
        for id in voters.iter().chain(learners.iter()) {
            if id != me && !peers.iter().any(|peer| peer.id == id) {
                self.lead.session += 1;
                peers.push(Peer::new(id, self.lead.session, next, self.now));
            }
        }
        for peer in &mut peers {
            peer.voter = voters.contains(peer.id);
        }
        self.lead.peers = peers;
        for place in known..self.lead.peers.len() {
            self.replicate(place, log);
        }
    }

    pub(crate) fn on_learners(&mut self, learners: Voters, log: &impl LogView) {
        self.learners = learners;
        if self.is_leader() {
            self.sync_peers(self.terms.end(), log);
        }
    }

    pub(crate) fn leader_wake(&self) -> Option<Duration> {
        let lonely = self.lead.peers.is_empty();
        (!lonely).then_some(self.lead.heartbeat_at.min(self.lead.quorum_check_at))
    }

    pub(crate) fn on_leader_tick(&mut self, log: &impl LogView) {
        if self.now >= self.lead.quorum_check_at {
            self.check_quorum();
        }
        if self.is_leader() && self.now >= self.lead.heartbeat_at {
            self.lead.heartbeat_at = self.next_heartbeat();
            self.on_transfer_tick(log);
            self.send_round();
        }
        for place in 0..self.lead.peers.len() {
            if self.lead.peers[place].retry_at.is_some_and(|at| self.now >= at) {
                self.replicate(place, log);
            }
        }
    }

    /// Steps down unless a majority was heard within the last `election_timeout_max`.
    fn check_quorum(&mut self) {
        let timeout = self.config.election_timeout_max;
        let since = self.now.saturating_sub(timeout);
        let heard = self
            .lead
            .peers
            .iter()
            .filter(|peer| peer.voter && peer.heard_at >= since);
        let heard = heard.count() + usize::from(self.is_voter());
        if heard < self.voters().majority() && self.config.rules.check_quorum {
            self.become_follower(self.hard_state.term, None);
        } else {
            self.lead.quorum_check_at = self.now + timeout / 2;
        }
    }

    /// A heartbeat to everybody; its answers confirm the reads that were asked for until now.
    pub(crate) fn send_round(&mut self) {
        self.number_round();
        for place in 0..self.lead.peers.len() {
            self.send_heartbeat(place);
        }
    }

    pub(crate) fn send_heartbeat(&mut self, place: usize) {
        let clamp = self.config.rules.commit_only_matched;
        let commit = self.commit;
        let peer = &mut self.lead.peers[place];
        peer.commit_sent = if clamp { commit.min(peer.matched) } else { commit };
        let (to, session, commit) = (peer.id, peer.session, peer.commit_sent);
        let message = Message::Heartbeat {
            term: self.hard_state.term,
            session,
            commit,
            round: self.lead.round,
        };
        self.send_now(to, message);
    }

    /// Place of a peer in a session that still counts; it was heard now.
    pub(crate) fn heard_peer(&mut self, from: VoterId, session: u64) -> Option<usize> {
        let place = self.lead.peers.iter().position(|peer| peer.id == from)?;
        let peer = &mut self.lead.peers[place];
        if peer.session != session && self.config.rules.session_checked {
            return None;
        }
        peer.heard_at = self.now;
        Some(place)
    }

    /// All groups beat at the same multiples of the interval.
    fn next_heartbeat(&self) -> Duration {
        let interval = self.config.heartbeat_interval.as_nanos() as u64;
        let beats = self.now.as_nanos() as u64 / interval + 1;
        Duration::from_nanos(beats * interval)
    }
}
