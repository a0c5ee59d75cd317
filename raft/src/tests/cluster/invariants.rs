//! What must hold after every step, named as in the Raft paper's figure 3 and in the design's list.

use std::collections::BTreeMap;

use super::{Node, Packet, disk::Disk};
use crate::{AppendOutcome, Message, Output, Payload, Raft, VoterId, Voters};

/// What the cluster once did, and can never take back.
#[derive(Clone, Debug, Default)]
pub(crate) struct Truth {
    /// The state after each committed entry.
    states: Vec<u64>,
    leaders: BTreeMap<u32, VoterId>,
    votes: BTreeMap<(VoterId, u32), VoterId>,
    /// Voters whose disk is gone; what they acknowledged was true.
    pub lost: Vec<VoterId>,
    pub elections: u64,
    /// Committed entries that name voters.
    pub voters_changes: u64,
}

impl Truth {
    pub fn committed(&self) -> u64 {
        self.states.len() as u64
    }

    pub fn state_at(&self, end: u64) -> Option<u64> {
        match end {
            0 => Some(0),
            _ => self.states.get(end as usize - 1).copied(),
        }
    }

    /// I1 election safety: one leader a term. I3 leader completeness: a leader of the newest term has all that was
    /// committed.
    pub fn on_elected(&mut self, node: &Node) {
        let term = node.running().term();
        self.elections += 1;
        let first = *self.leaders.entry(term).or_insert(node.id);
        assert_eq!(first, node.id, "I1 ELECTION SAFETY: two leaders in term {term}");
        let newest = self.leaders.last_key_value().is_some_and(|(last, _)| *last == term);
        // A leader that was elected late in an old term may lack what newer ones committed; it can commit nothing.
        if newest {
            let held = node.view.state_at(self.committed());
            assert_eq!(
                held,
                self.state_at(self.committed()),
                "I3 LEADER COMPLETENESS: the leader of term {term} lacks committed entries"
            );
        }
    }

    /// I4 state machine safety: nodes that applied as much are in the same state.
    pub fn on_applied(&mut self, end: u64, state: u64, names_voters: bool) {
        match self.state_at(end) {
            Some(known) => assert_eq!(known, state, "I4 STATE MACHINE SAFETY at {end}"),
            None => {
                assert_eq!(end, self.committed() + 1);
                self.states.push(state);
                self.voters_changes += u64::from(names_voters);
            }
        }
    }

    /// What is committed is on the disks of a majority of those who vote.
    pub fn check_durable(&self, nodes: &[Node], voters: &Voters) {
        let end = self.committed();
        let state = self.state_at(end).expect("just committed");
        let holds = |id: VoterId| {
            self.lost.contains(&id)
                || nodes
                    .iter()
                    .any(|node| node.id == id && holds_prefix(&node.disk, end, state))
        };
        let holders = voters.iter().filter(|id| holds(*id)).count();
        assert!(
            holders >= voters.majority(),
            "DURABILITY: {end} entries committed, {holders} of {} disks hold them",
            voters.len()
        );
    }

    /// I5 durable before visible: what a message says of its sender is on the sender's disk.
    pub fn on_sent(&mut self, node: &Node, packet: &Packet) {
        let (disk, term) = (&node.disk, packet.message.term());
        let log_term = disk.entries.last().map_or(disk.start().term, |entry| entry.term);
        let durable_term = disk.hard_state.term.max(log_term);
        if !matches!(packet.message, Message::PreVote { .. } | Message::PreVoteReply { .. }) {
            assert!(
                durable_term >= term,
                "I5 TERM: {term} is told, {durable_term} is on the disk"
            );
        }
        match packet.message {
            Message::Vote { .. } => {
                let vote = *self.votes.entry((node.id, term)).or_insert(node.id);
                assert_eq!(vote, node.id, "I5 VOTE: two votes of one voter in term {term}");
            }
            Message::VoteReply { granted: true, .. } => {
                let vote = *self.votes.entry((node.id, term)).or_insert(packet.to);
                assert_eq!(vote, packet.to, "I5 VOTE: two votes of one voter in term {term}");
                let durable = disk.hard_state;
                assert!(
                    durable.term > term || (durable.term == term && durable.vote == Some(packet.to)),
                    "I5 VOTE: {term} is told, {durable:?} is on the disk"
                );
            }
            Message::HeartbeatReply { matched: end, .. }
            | Message::AppendReply {
                outcome: AppendOutcome::Matched(end),
                ..
            } if durable_term == term => {
                assert!(
                    disk.end() >= end,
                    "I5 LOG: {end} acknowledged, {} on the disk",
                    disk.end()
                );
            }
            _ => {}
        }
    }

    /// I7: no entry that is committed anywhere is ever removed from a log.
    pub fn check_truncation(&self, before: &Disk, output: &Output) {
        let Some(end) = output.persist.truncate_to else {
            return;
        };
        let same = |end: u64| before.state_at(end).is_some() && before.state_at(end) == self.state_at(end);
        assert!(!same(end + 1), "I7: the committed entry at {end} would be removed");
    }
}

fn holds_prefix(disk: &Disk, end: u64, state: u64) -> bool {
    match disk.state_at(end) {
        Some(held) => held == state,
        // Below the log's start: the snapshot has it.
        None => disk.start().end >= end,
    }
}

/// I2 log matching: two logs with an entry of the same index and term are the same up to there.
pub(crate) fn check_log_matching(nodes: &[Node], changed: usize) {
    let one = &nodes[changed].view;
    for other in nodes.iter().filter(|other| other.id != nodes[changed].id) {
        let other = &other.view;
        let (start, end) = (one.start().end.max(other.start().end), one.end().min(other.end()));
        let term = |disk: &Disk, index| disk.entry(index).map(|entry| entry.term);
        let agree = (start..end)
            .rev()
            .find(|index| term(one, *index) == term(other, *index));
        if let Some(index) = agree {
            let end = index + 1;
            assert_eq!(one.state_at(end), other.state_at(end), "I2 LOG MATCHING up to {index}");
        }
    }
}

/// I6: voters that follow each other in a log differ by one voter at most.
pub(crate) fn check_voters(raft: &Raft, before: &Voters, output: &Output) {
    let mut last = before.clone();
    for entry in &output.persist.append {
        if let Payload::Voters(voters) = &entry.payload {
            // A truncation in this very step changed what came before.
            let known = output.persist.truncate_to.is_none() && !last.is_empty();
            assert!(!known || last.is_next_to(voters), "I6: {last:?} then {voters:?}");
            last = voters.clone();
        }
    }
    assert!(raft.voters().len() <= crate::VOTERS_MAX);
}
