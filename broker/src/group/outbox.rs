//! What a step leaves behind: answers, records on their way to the log with whoever waits for them, and deadlines.
//!
//! Must stay true: an answer that depends on a record leaves only when that record is durable, or, as a failure, when that took
//! too long; every request token is answered exactly once (checked by the random test).

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use corelane_protocol::error_code::ErrorCode;

use super::{
    GroupId, MemberId,
    config::GroupConfig,
    event::{AppendToken, Effect, GroupRecord, Now, RequestToken, Response},
    member::Member,
    offsets::CommittedOffset,
    timers::Timers,
};
use crate::runtime::world::Instant;

/// What becomes true when records are durable; and must be undone if they never will be.
#[derive(Debug)]
pub(super) enum Purpose {
    /// A group's first record.
    NewGroup(GroupId),
    /// The last member has left. The group is already Empty: if this record is lost, a restart finds the former
    /// generation, whose members' sessions then end.
    Emptied,
    /// The leader's assignment for this generation.
    Assignment {
        group: GroupId,
        assignment: BTreeMap<MemberId, Bytes>,
    },
    /// A static member came back under a new id; `former` gets its place back if that cannot be written. The group must
    /// still be in `generation` for either.
    StaticMember {
        group: GroupId,
        generation: i32,
        former: Box<Member>,
        former_leader: String,
        id: MemberId,
        skip_assignment: bool,
    },
    Commit {
        group: GroupId,
        offsets: Vec<(String, i32, CommittedOffset)>,
    },
    /// Tombstones: of offsets, then of the groups whose last trace they are.
    Removal {
        offsets: Vec<(GroupId, String, i32)>,
        groups: Vec<GroupId>,
    },
}

pub(super) struct InFlight {
    pub purpose: Purpose,
    pub replies: Vec<(RequestToken, Response)>,
    /// Until when they wait.
    deadline: Instant,
}

pub(super) struct Outbox {
    pub config: GroupConfig,
    pub now: Now,
    pub timers: Timers,
    effects: Vec<Effect>,
    next_append: u64,
    in_flight: BTreeMap<AppendToken, InFlight>,
    /// Of appends before this one nobody waits any longer.
    awaited_since: AppendToken,
}

impl Outbox {
    pub fn new(config: GroupConfig, now: Now) -> Outbox {
        Outbox {
            config,
            now,
            timers: Timers::default(),
            effects: Vec::new(),
            // Loaded records count as append 0.
            next_append: 1,
            in_flight: BTreeMap::new(),
            awaited_since: AppendToken(0),
        }
    }

    pub fn respond(&mut self, token: RequestToken, response: Response) {
        self.effects.push(Effect::Respond { token, response });
    }

    /// Answers when `append` is durable; at once if nothing had to be written.
    pub fn respond_after(&mut self, append: Option<AppendToken>, token: RequestToken, response: Response) {
        match append.and_then(|append| self.in_flight.get_mut(&append)) {
            Some(in_flight) => in_flight.replies.push((token, response)),
            None => self.respond(token, response),
        }
    }

    pub fn skipped(&mut self, error: super::records::RecordError) {
        self.effects.push(Effect::Skipped(error));
    }

    pub fn append(&mut self, records: Vec<GroupRecord>, purpose: Purpose) -> AppendToken {
        assert!(!records.is_empty(), "an append has at least one record");
        let token = self.next_append_token();
        let deadline = self.commit_deadline();
        self.next_append += 1;
        self.in_flight.insert(
            token,
            InFlight {
                purpose,
                replies: Vec::new(),
                deadline,
            },
        );
        self.effects.push(Effect::Append { token, records });
        token
    }

    /// Until when somebody who comes now waits for the disk.
    pub fn commit_deadline(&self) -> Instant {
        let timeout = Duration::from_millis(self.config.commit_timeout_ms.max(0) as u64);
        self.now.instant.after(timeout)
    }

    /// The token that the next append will have.
    pub fn next_append_token(&self) -> AppendToken {
        AppendToken(self.next_append)
    }

    /// The append has come to its end; `None` if it was forgotten by `abandon`.
    pub fn settle(&mut self, token: AppendToken) -> Option<InFlight> {
        assert!(token < self.next_append_token(), "append {token:?} was never asked for");
        self.in_flight.remove(&token)
    }

    /// When somebody will have waited too long. Deadlines rise with tokens: the time-out is the same for all.
    pub fn next_time_out(&self) -> Option<Instant> {
        let (_, in_flight) = self.in_flight.range(self.awaited_since..).next()?;
        Some(in_flight.deadline)
    }

    /// Whoever waited too long gets `error`. The append goes on, and what it is for becomes true when it is durable.
    pub fn time_out(&mut self, error: ErrorCode) {
        while self
            .next_time_out()
            .is_some_and(|deadline| deadline <= self.now.instant)
        {
            let first = self.in_flight.range_mut(self.awaited_since..).next();
            let (token, in_flight) = first.expect("it was just seen");
            self.awaited_since = AppendToken(token.0 + 1);
            for (token, response) in std::mem::take(&mut in_flight.replies) {
                self.respond(token, response.failed(error));
            }
        }
    }

    pub fn newest_in_flight(&self) -> Option<AppendToken> {
        self.in_flight.last_key_value().map(|(token, _)| *token)
    }

    pub fn oldest_in_flight(&self) -> Option<AppendToken> {
        self.in_flight.first_key_value().map(|(token, _)| *token)
    }

    /// Commits of a group that are not durable yet.
    pub fn commits_in_flight<'a>(&'a self, group_id: &'a str) -> impl Iterator<Item = (&'a str, i32)> {
        self.in_flight
            .values()
            .filter_map(move |in_flight| match &in_flight.purpose {
                Purpose::Commit { group, offsets } if &**group == group_id => Some(offsets),
                _ => None,
            })
            .flatten()
            .map(|(topic, partition, _)| (topic.as_str(), *partition))
    }

    /// Nothing more will be heard of the appends under way: whoever waits gets `error`.
    pub fn abandon(&mut self, error: ErrorCode) {
        for in_flight in std::mem::take(&mut self.in_flight).into_values() {
            for (token, response) in in_flight.replies {
                self.respond(token, response.failed(error));
            }
        }
        self.timers.clear();
    }

    pub fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }
}
