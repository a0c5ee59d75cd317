//! Events and states as short lines.

use crate::{AppendOutcome, Entry, Message, Output, Payload, Persist, Position, Raft, Role, VoterId, Voters};

use super::super::cluster::Node;

/// Nodes are letters; a node whose disk was wiped is marked.
pub(crate) fn name(id: VoterId) -> String {
    let letter = (b'a' + id.node as u8) as char;
    let disks = (id.storage_id - 1000) / 1000;
    format!("{letter}{}", "'".repeat(disks as usize))
}

pub(crate) fn names(voters: &Voters) -> String {
    voters.iter().map(name).collect::<Vec<_>>().join(" ")
}

/// `3/2`: three entries, the last of term 2.
fn position(position: Position) -> String {
    format!("{}/{}", position.end, position.term)
}

pub(crate) fn entry(entry: &Entry) -> String {
    let what = match &entry.payload {
        Payload::LeaderStart => "start".to_string(),
        Payload::Voters(voters) => format!("voters({})", names(voters)),
        Payload::Proposal(bytes) => String::from_utf8_lossy(bytes).into_owned(),
    };
    format!("{}:{what}", entry.term)
}

fn entries(list: &[Entry]) -> String {
    list.iter().map(entry).collect::<Vec<_>>().join(" ")
}

pub(crate) fn message(message: &Message) -> String {
    let term = message.term();
    match message {
        Message::PreVote { last, .. } => format!("PreVote {term}, log {}", position(*last)),
        Message::PreVoteReply { granted, .. } => format!("PreVoteReply {term}, {}", yes_or_no(*granted)),
        Message::Vote { last, transfer, .. } => {
            let transfer = if *transfer { ", transfer" } else { "" };
            format!("Vote {term}, log {}{transfer}", position(*last))
        }
        Message::VoteReply { granted, .. } => format!("VoteReply {term}, {}", yes_or_no(*granted)),
        Message::Append {
            prev,
            entries: list,
            commit,
            ..
        } => format!(
            "Append {term}, after {}, [{}], commit {commit}",
            position(*prev),
            entries(list)
        ),
        Message::AppendReply { outcome, .. } => match outcome {
            AppendOutcome::Matched(end) => format!("AppendReply {term}, matched {end}"),
            AppendOutcome::Conflict { prev_end, hint } => {
                format!("AppendReply {term}, conflict at {prev_end}, hint {}", position(*hint))
            }
            AppendOutcome::Stale => format!("AppendReply {term}, stale"),
        },
        Message::Heartbeat { commit, round, .. } => format!("Heartbeat {term}, commit {commit}, round {round}"),
        Message::HeartbeatReply {
            round,
            matched,
            willing,
            ..
        } => {
            let unwilling = if *willing { "" } else { ", unwilling" };
            format!("HeartbeatReply {term}, matched {matched}, round {round}{unwilling}")
        }
        Message::Snapshot {
            snapshot,
            offset,
            chunk,
            last,
            ..
        } => format!(
            "Snapshot {term}, {} of {}, bytes {offset}..{}{}",
            position(snapshot.id),
            names(&snapshot.voters),
            offset + chunk.len() as u64,
            if *last { ", last" } else { "" }
        ),
        Message::SnapshotReply { id, offset, .. } => {
            format!("SnapshotReply {term}, {} from {offset}", position(*id))
        }
        Message::TimeoutNow { .. } => format!("TimeoutNow {term}"),
    }
}

fn yes_or_no(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}

fn persist(persist: &Persist) -> Vec<String> {
    let mut parts = Vec::new();
    if let Some(chunk) = &persist.chunk {
        let end = chunk.offset + chunk.bytes.len() as u64;
        parts.push(format!("chunk {}..{end} of {}", chunk.offset, position(chunk.id)));
    }
    if let Some(switch) = &persist.snapshot {
        let discard = if switch.discard_log { ", log empty" } else { "" };
        let (id, start) = (position(switch.snapshot.id), position(switch.log_start));
        parts.push(format!("snapshot {id}, log from {start}{discard}"));
    }
    if let Some(state) = persist.hard_state {
        let vote = state.vote.map_or("-".into(), name);
        parts.push(format!("term {} vote {vote}", state.term));
    }
    if let Some(end) = persist.truncate_to {
        parts.push(format!("truncate to {end}"));
    }
    if !persist.append.is_empty() {
        parts.push(format!("{} at {}", entries(&persist.append), persist.append_at));
    }
    parts
}

/// What a step did; nothing for one that did nothing.
pub(crate) fn output(id: VoterId, output: &Output, commit_before: u64) -> Vec<String> {
    let me = name(id);
    let mut lines = Vec::new();
    if !output.persist.is_empty() {
        lines.push(format!("{me} writes {}", persist(&output.persist).join("; ")));
    }
    if output.installed.is_some() {
        lines.push(format!("{me} installs the snapshot"));
    }
    if output.commit > commit_before {
        lines.push(format!("{me} commits {}", output.commit));
    }
    for sent in &output.send_now {
        lines.push(format!("{me} > {} {}", name(sent.to), message(&sent.message)));
    }
    for sent in &output.send_after_persist {
        lines.push(format!("{me} >> {} {}", name(sent.to), message(&sent.message)));
    }
    for read in &output.reads {
        let end = read.end.map_or("no".into(), |end| format!("at {end}"));
        lines.push(format!("{me} read {}: {end}", read.number));
    }
    if let Some(refused) = output.refused {
        lines.push(format!("{me} refuses: {refused}"));
    }
    lines
}

pub(crate) fn role(raft: &Raft) -> String {
    match raft.role() {
        Role::Follower { leader: None } => "follows nobody".into(),
        Role::Follower { leader: Some(leader) } => format!("follows {}", name(*leader)),
        Role::PreCandidate { votes } => format!("pre-candidate, {} votes", votes.count()),
        Role::Candidate { votes, .. } => format!("candidate, {} votes", votes.count()),
        Role::Leader { .. } if raft.is_ready_leader() => "leads".into(),
        Role::Leader { .. } => "leads, not ready".into(),
    }
}

/// `a term 2 leads, commit 3, log 0..4 1:x 2:y, voters a b c`
pub(crate) fn node(node: &Node) -> String {
    let me = name(node.id);
    let Some(raft) = &node.raft else {
        return format!("{me} is down");
    };
    let (term, commit) = (raft.term(), raft.commit());
    let log = entries(&node.view.entries);
    let log = if log.is_empty() { "empty".into() } else { log };
    let start = match raft.log_start().end {
        0 => String::new(),
        _ => format!("after {} ", position(raft.log_start())),
    };
    let voters = names(raft.voters());
    format!(
        "{me} term {term} {}, commit {commit}, log {start}{log} | voters {voters}",
        role(raft)
    )
}

/// What a leader knows of the others, and does for them.
pub(crate) fn peers(raft: &Raft) -> Vec<String> {
    let mut lines = Vec::new();
    for peer in raft.peers() {
        let vote = if peer.voter { "votes" } else { "learns" };
        let caught_up = if peer.caught_up { ", caught up" } else { "" };
        let (heard, matched) = (peer.heard_at.as_millis(), peer.matched);
        lines.push(format!(
            "{} {vote}, matched {matched}, heard at {heard} ms{caught_up}",
            name(peer.id)
        ));
    }
    if raft.is_sending_snapshot() {
        let id = raft.snapshot().expect("there is one to send").id;
        lines.push(format!("somebody gets the snapshot {}", position(id)));
    }
    lines.extend(
        raft.transferring_to()
            .map(|to| format!("leadership goes to {}", name(to))),
    );
    lines
}
