//! I5: a running node's term and commit never go back, and its messages never say more than its disk holds.

use corelane_raft::{AppendOutcome, Message, Term};

use super::{super::group_log::GroupLog, Verdict};

#[derive(Debug)]
pub struct Monotone;

impl Monotone {
    pub fn on_group(&self, group: usize, node: usize, before: (Term, u64), after: (Term, u64)) -> Verdict {
        if after.0 < before.0 || after.1 < before.1 {
            return Err(format!(
                "group {group}, node {node}: (term, commit) from {before:?} to {after:?}"
            ));
        }
        Ok(())
    }

    /// What a reply promises must be durable when it leaves: a crash may follow at once.
    pub fn on_reply(&self, group: usize, node: usize, message: &Message, disk: &GroupLog) -> Verdict {
        let held = disk.hard_state;
        let kept = match *message {
            Message::VoteReply { term, granted: true } => {
                held.term > term || (held.term == term && held.vote.is_some())
            }
            Message::AppendReply {
                term,
                outcome: AppendOutcome::Matched(end),
                ..
            } => held.term >= term && (held.term > term || disk.end() >= end),
            _ => true,
        };
        if kept {
            return Ok(());
        }
        Err(format!(
            "group {group}, node {node}: {message:?} leaves while the disk has {held:?}, end {}",
            disk.end()
        ))
    }
}
