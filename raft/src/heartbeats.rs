//! Heartbeats of many groups in one message.
//!
//! A process with 120 groups would send as many heartbeats to each peer every 100 ms, and get as many answers. All groups
//! beat at the same moments ([`crate::Config::heartbeat_interval`]), so the driver ticks those that are due, lets each
//! give its heartbeats away here, and sends one batch a peer. The receiver hands every part to its group's step: there is
//! no way around the step (hashicorp/raft #695).
//!
//! ```text
//!   group 1 ─ step ─ output ─┐                                       ┌─ group 1 ─ step
//!   group 2 ─ step ─ output ─┼─ gather ─> one batch a peer ─ parts ──┼─ group 2 ─ step
//!   group 7 ─ step ─ output ─┘                                       └─ group 7 ─ step
//! ```

use std::collections::BTreeMap;

use crate::{Message, Outgoing, VoterId};

/// 0 is the root group, 1 + s is that of shard s.
pub type GroupId = u32;

/// [`Message::Heartbeat`]s and [`Message::HeartbeatReply`]s, nothing else.
pub type HeartbeatBatch = Vec<(GroupId, Message)>;

/// What is owed to each destination `K`: a peer, or one core of it.
#[derive(Clone, Debug)]
pub struct Heartbeats<K> {
    batches: BTreeMap<K, HeartbeatBatch>,
}

impl<K> Default for Heartbeats<K> {
    fn default() -> Heartbeats<K> {
        Heartbeats {
            batches: BTreeMap::new(),
        }
    }
}

impl<K: Ord> Heartbeats<K> {
    /// Takes what can travel together out of what a group sends. Answers must be given away only when they may leave: see
    /// [`crate::Output::send_after_persist`].
    pub fn gather(&mut self, group: GroupId, outgoing: &mut Vec<Outgoing>, route: impl Fn(VoterId) -> K) {
        let shared =
            |sent: &mut Outgoing| matches!(sent.message, Message::Heartbeat { .. } | Message::HeartbeatReply { .. });
        for sent in outgoing.extract_if(.., shared) {
            let batch = self.batches.entry(route(sent.to)).or_default();
            batch.push((group, sent.message));
        }
    }

    /// One batch for each destination that is owed something; when all groups that are due have had their turn.
    pub fn flush(&mut self, mut send: impl FnMut(&K, HeartbeatBatch)) {
        for (to, batch) in &mut self.batches {
            if !batch.is_empty() {
                // The next one has room for as many.
                let next = Vec::with_capacity(batch.len());
                send(to, std::mem::replace(batch, next));
            }
        }
    }
}
