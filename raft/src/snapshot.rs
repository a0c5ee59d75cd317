//! Snapshots: the start of the log is replaced by the state that it led to.
//!
//! The bytes are the driver's. A leader reads them through [`LogView`] a chunk at a time, a follower writes each chunk to
//! a file aside, and the chunk that completes it comes with the one record that switches to it. Until that record is
//! durable the old state is what a restart finds. Only the leader that began a transfer can go on with it: equal states
//! need not be equal bytes.

use bytes::Bytes;

use crate::{
    AppendOutcome, ChunkWrite, LogView, Message, Position, Raft, Snapshot, SnapshotSwitch, Term, Terms, VoterId,
    peer::Peer, voters::VotersLog,
};

/// A part of a snapshot's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    pub bytes: Bytes,
    /// Nothing comes after these.
    pub last: bool,
}

/// A snapshot that is coming in, from the leader of this term.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Incoming {
    id: Position,
    /// Bytes that are here.
    received: u64,
}

impl Raft {
    /// Names the snapshot of the state after the first `end` entries; None if they are not committed here or below
    /// the log's start.
    pub fn snapshot_at(&self, end: u64) -> Option<Snapshot> {
        let covered = self.snapshot.as_ref().map_or(0, |snapshot| snapshot.id.end);
        let known = (covered..=self.commit).contains(&end);
        let id = self.terms.position(end).filter(|_| known)?;
        let voters = self.voters.at(end).clone();
        Some(Snapshot { id, voters })
    }

    /// Where this node starts from.
    pub fn snapshot(&self) -> Option<&Snapshot> {
        self.snapshot.as_ref()
    }

    /// A peer is getting the snapshot. A newer one makes it start again, so better wait with taking that.
    pub fn is_sending_snapshot(&self) -> bool {
        let since = self.now.saturating_sub(self.config.election_timeout_max);
        self.is_leader()
            && self
                .lead
                .peers
                .iter()
                .any(|peer| peer.sending.is_some() && peer.heard_at >= since)
    }

    pub(crate) fn on_snapshot_taken(&mut self, snapshot: Snapshot, log_start: u64) {
        let held = self.snapshot.as_ref().map_or(0, |held| held.id.end);
        if snapshot.id.end <= held {
            // A leader's newer one came in meanwhile.
            return;
        }
        assert_eq!(
            Some(&snapshot),
            self.snapshot_at(snapshot.id.end).as_ref(),
            "a snapshot is of committed entries"
        );
        let log_start = log_start.clamp(self.terms.start().end, snapshot.id.end);
        self.terms.start_at(log_start);
        self.voters.start_at(log_start);
        self.switch_to(snapshot, false);
    }

    /// The next part of the snapshot for this peer.
    pub(crate) fn send_chunk(&mut self, place: usize, log: &impl LogView) -> bool {
        let Peer { id: to, session, .. } = self.lead.peers[place];
        let snapshot = self
            .snapshot
            .clone()
            .expect("a log that starts above 0 starts from a snapshot");
        let sending = self.lead.peers[place].sending.filter(|(id, _)| *id == snapshot.id);
        let (id, offset) = sending.unwrap_or((snapshot.id, 0));
        let peer = &mut self.lead.peers[place];
        peer.sending = Some((id, offset));
        peer.sent_end = id.end;
        let Some(chunk) = log.snapshot_chunk(id, offset, self.config.append_bytes_max) else {
            return false;
        };
        let message = Message::Snapshot {
            term: self.hard_state.term,
            session,
            snapshot,
            offset,
            chunk: chunk.bytes,
            last: chunk.last,
        };
        self.send_now(to, message);
        true
    }

    pub(crate) fn on_snapshot_reply(
        &mut self,
        from: VoterId,
        term: Term,
        session: u64,
        id: Position,
        offset: u64,
        log: &impl LogView,
    ) {
        let Some(place) = self.answering_peer(from, term, session) else {
            return;
        };
        let peer = &mut self.lead.peers[place];
        if let Some((sending, next)) = &mut peer.sending
            && *sending == id
            && *next != offset
        {
            // The same offset again is an old answer, or the chunk in flight came out of order.
            *next = offset;
            peer.retry_at = None;
        }
        self.continue_with(from, log);
    }

    /// Like an append, also for a node that led (redpanda 571aa19d31).
    #[expect(clippy::too_many_arguments, reason = "the message's fields")]
    pub(crate) fn on_snapshot(
        &mut self,
        from: VoterId,
        term: Term,
        session: u64,
        snapshot: Snapshot,
        offset: u64,
        chunk: Bytes,
        last: bool,
    ) {
        if term < self.hard_state.term {
            self.refuse_leader(from, session);
            return;
        }
        self.follow(from, term);
        if snapshot.id.end <= self.commit && self.config.rules.snapshot_only_forward {
            // What it covers is here, and committed, so it is the leader's too.
            self.reply_to_append(from, session, AppendOutcome::Matched(self.agreed_end));
            return;
        }
        let id = snapshot.id;
        let received = match self.incoming {
            Some(incoming) if incoming.id == id => incoming.received,
            _ => 0,
        };
        let complete = offset == received && last;
        if offset == received {
            let received = received + chunk.len() as u64;
            self.incoming = Some(Incoming { id, received });
            self.output.persist.chunk = Some(ChunkWrite {
                id,
                offset,
                bytes: chunk,
            });
        }
        if complete {
            self.incoming = None;
            self.install(snapshot);
            self.reply_to_append(from, session, AppendOutcome::Matched(id.end));
        } else {
            // What is here of another snapshot says nothing of this one.
            let incoming = self.incoming.filter(|incoming| incoming.id == id);
            let offset = incoming.map_or(0, |incoming| incoming.received);
            let reply = Message::SnapshotReply {
                term,
                session,
                id,
                offset,
            };
            self.send_after_persist(from, reply);
        }
    }

    fn install(&mut self, snapshot: Snapshot) {
        let id = snapshot.id;
        let discard_log = !self.terms.contains(id) || !self.config.rules.snapshot_keeps_matching_log;
        if discard_log {
            // What is being written of the old log is durable only as far as it was committed and so is in the snapshot.
            self.durable_at_most(self.commit.min(id.end));
            self.terms = Terms::starting_at(id);
            self.voters = VotersLog::new(snapshot.voters.clone());
        } else {
            self.terms.start_at(id.end);
            self.voters.start_at(id.end);
        }
        self.commit = self.commit.max(id.end);
        self.agreed_end = self.agreed_end.max(self.commit);
        self.output.installed = Some(snapshot.clone());
        self.switch_to(snapshot, discard_log);
    }

    fn switch_to(&mut self, snapshot: Snapshot, discard_log: bool) {
        self.output.persist.hard_state = self.config.rules.snapshot_with_hard_state.then_some(self.hard_state);
        self.output.persist.snapshot = Some(SnapshotSwitch {
            snapshot: snapshot.clone(),
            log_start: self.terms.start(),
            discard_log,
        });
        self.snapshot = Some(snapshot);
    }
}
