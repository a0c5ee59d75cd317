//! The phases of a rebalance (Kafka: `GroupMetadataManager`, its classic part).
//!
//! ```text
//!            first member             delay over, or all joined           leader's assignment durable
//!   Empty ----------------> Preparing ------------------------> Completing ------------------------> Stable
//!     ^                      |   ^                                  |                                  |
//!     +---- nobody left -----+   +------- a member joins, leaves, changes, times out -----------------+
//! ```
//!
//! Functions that had to write a record return its append, so that an answer can wait for it.

use std::collections::BTreeMap;

use bytes::Bytes;
use corelane_protocol::{
    error_code::ErrorCode,
    messages::{
        join_group::JoinGroupResponse,
        sync_group::{SyncGroupRequest, SyncGroupResponse},
    },
};

use super::{
    MemberId,
    classic::{Group, InitialDelay, State},
    event::{AppendToken, Now, Response},
    member::Member,
    outbox::{Outbox, Purpose},
    records,
    timers::TimerKey,
};

impl Group {
    /// Somebody came, left or changed: begin a rebalance, or see whether the one under way can go on.
    pub fn rebalance_or_complete_join(&mut self, out: &mut Outbox) -> Option<AppendToken> {
        match self.state {
            State::Empty | State::CompletingRebalance | State::Stable => self.prepare_rebalance(out),
            State::PreparingRebalance => self.complete_join_if_all_joined(out),
            State::Dead => None,
        }
    }

    pub fn prepare_rebalance(&mut self, out: &mut Outbox) -> Option<AppendToken> {
        if self.state == State::CompletingRebalance {
            self.refuse_assignment(out, ErrorCode::REBALANCE_IN_PROGRESS);
        }
        self.pending_sync.clear();
        out.timers.cancel(&TimerKey::Sync(self.id.clone()));
        let was_empty = self.state == State::Empty;
        self.enter(State::PreparingRebalance, out.now);
        if was_empty {
            let delay_ms = i64::from(out.config.initial_rebalance_delay_ms);
            let remaining_ms = (self.rebalance_timeout_ms() - delay_ms).max(0);
            self.initial_delay = Some(InitialDelay {
                delay_ms,
                remaining_ms,
                member_added: false,
            });
            out.timers
                .schedule(TimerKey::Join(self.id.clone()), out.now.instant, delay_ms);
            return None;
        }
        if self.all_members_joined() {
            return self.complete_join(out);
        }
        out.timers.schedule(
            TimerKey::Join(self.id.clone()),
            out.now.instant,
            self.rebalance_timeout_ms(),
        );
        None
    }

    /// The initial delay is sat out to its end, even if all who are known have joined.
    pub fn complete_join_if_all_joined(&mut self, out: &mut Outbox) -> Option<AppendToken> {
        let may = self.state == State::PreparingRebalance && self.initial_delay.is_none() && self.all_members_joined();
        if may { self.complete_join(out) } else { None }
    }

    /// The join phase has lasted long enough.
    pub fn on_join_timer(&mut self, out: &mut Outbox) -> Option<AppendToken> {
        if self.state != State::PreparingRebalance {
            return None;
        }
        match &mut self.initial_delay {
            Some(delay) if delay.member_added && delay.remaining_ms > 0 => {
                delay.member_added = false;
                let next_ms = i64::from(out.config.initial_rebalance_delay_ms).min(delay.remaining_ms);
                delay.remaining_ms = (delay.remaining_ms - delay.delay_ms).max(0);
                delay.delay_ms = next_ms;
                out.timers
                    .schedule(TimerKey::Join(self.id.clone()), out.now.instant, next_ms);
                None
            }
            _ => self.complete_join(out),
        }
    }

    /// Begins the next generation with those who came. Static members who did not are kept, until their session ends.
    pub fn complete_join(&mut self, out: &mut Outbox) -> Option<AppendToken> {
        out.timers.cancel(&TimerKey::Join(self.id.clone()));
        self.initial_delay = None;
        let absent: Vec<MemberId> = self
            .members
            .values()
            .filter(|member| member.awaiting_join.is_none() && !member.is_static())
            .map(|member| member.id.clone())
            .collect();
        for id in absent {
            self.dismiss(&id, out);
        }
        if !self.elect_joined_leader() && !self.members.is_empty() {
            // Only absent static members: wait until one comes or their sessions end.
            out.timers.schedule(
                TimerKey::Join(self.id.clone()),
                out.now.instant,
                self.rebalance_timeout_ms(),
            );
            return None;
        }
        self.generation = self.generation.wrapping_add(1);
        self.protocol_name = self.select_protocol();
        self.subscribed_topics = self.find_subscribed_topics();
        self.pending_sync.clear();
        self.assignment_append = None;
        if self.members.is_empty() {
            self.enter(State::Empty, out.now);
            let record = records::group_metadata(self, |_| None);
            return Some(out.append(vec![record], Purpose::Emptied));
        }
        self.enter(State::CompletingRebalance, out.now);
        let ids: Vec<MemberId> = self.members.keys().cloned().collect();
        for id in ids {
            let response = self.join_response(&id, false);
            let member = self.members.get_mut(&id).expect("listed above");
            member.is_new = false;
            if let Some(token) = member.awaiting_join.take() {
                out.respond(token, response);
            }
            self.restart_session(&id, out);
            self.pending_sync.insert(id);
        }
        out.timers.schedule(
            TimerKey::Sync(self.id.clone()),
            out.now.instant,
            self.rebalance_timeout_ms(),
        );
        None
    }

    /// The leader has sent its assignment: it counts once it is durable. A leader that asks again (its connection broke)
    /// waits for the same record.
    pub fn write_assignment(&mut self, request: &SyncGroupRequest, out: &mut Outbox) {
        if self.assignment_append.is_some() {
            return;
        }
        let sent = |id: &str| request.assignments.iter().find(|assignment| assignment.member_id == id);
        let assignment: BTreeMap<_, _> = self
            .members
            .keys()
            .map(|id| {
                (
                    id.clone(),
                    sent(id)
                        .map(|assignment| assignment.assignment.clone())
                        .unwrap_or_default(),
                )
            })
            .collect();
        let record = records::group_metadata(self, |member| assignment.get(&member.id).cloned());
        let purpose = Purpose::Assignment {
            group: self.id.clone(),
            assignment,
        };
        self.assignment_append = Some(out.append(vec![record], purpose));
    }

    /// The assignment is durable: everybody who waits gets the own part.
    pub fn apply_assignment(&mut self, mut assignment: BTreeMap<MemberId, Bytes>, out: &mut Outbox) {
        self.assignment_append = None;
        self.enter(State::Stable, out.now);
        let ids: Vec<MemberId> = self.members.keys().cloned().collect();
        for id in ids {
            let member = self.members.get_mut(&id).expect("listed above");
            member.assignment = assignment.remove(&id).unwrap_or_default();
            if let Some(token) = member.awaiting_sync.take() {
                let response = self.sync_response(&id);
                out.respond(token, response);
                self.restart_session(&id, out);
            }
        }
    }

    /// There will be no assignment in this generation: everybody who waits for it gets `error`.
    pub fn refuse_assignment(&mut self, out: &mut Outbox, error: ErrorCode) {
        self.assignment_append = None;
        let ids: Vec<MemberId> = self.members.keys().cloned().collect();
        for id in ids {
            let member = self.members.get_mut(&id).expect("listed above");
            member.assignment = Bytes::new();
            if let Some(token) = member.awaiting_sync.take() {
                out.respond(token, sync_failed(error));
                self.restart_session(&id, out);
            }
        }
    }

    /// Members that have not asked for their assignment in time are gone.
    pub fn on_sync_timer(&mut self, out: &mut Outbox) -> Option<AppendToken> {
        let phase = matches!(self.state, State::CompletingRebalance | State::Stable);
        if !phase || self.pending_sync.is_empty() {
            return None;
        }
        for id in std::mem::take(&mut self.pending_sync) {
            self.dismiss(&id, out);
        }
        self.prepare_rebalance(out)
    }

    pub fn on_session_timer(&mut self, member_id: &str, out: &mut Outbox) -> Option<AppendToken> {
        if self.pending_join.remove(member_id) {
            return self.complete_join_if_pending_gone(out);
        }
        if self.members.get(member_id)?.has_satisfied_heartbeat() {
            return None;
        }
        self.dismiss(member_id, out);
        match self.state {
            State::Stable | State::CompletingRebalance => self.prepare_rebalance(out),
            State::PreparingRebalance => self.complete_join_if_pending_gone(out),
            State::Empty | State::Dead => None,
        }
    }

    /// When somebody is given up during the join phase, there is nothing to wait for any more, not even the initial
    /// delay (Kafka: `removeMemberAndUpdateClassicGroup`).
    fn complete_join_if_pending_gone(&mut self, out: &mut Outbox) -> Option<AppendToken> {
        let may = self.state == State::PreparingRebalance && self.all_members_joined();
        if may { self.complete_join(out) } else { None }
    }

    /// Removes a member; a request it has waiting is told so.
    pub fn dismiss(&mut self, member_id: &str, out: &mut Outbox) {
        let Some(member) = self.remove(member_id) else { return };
        out.timers
            .cancel(&TimerKey::Session(self.id.clone(), member.id.clone()));
        answer_waiting(member, String::new(), ErrorCode::UNKNOWN_MEMBER_ID, out);
    }

    pub fn restart_session(&self, member_id: &str, out: &mut Outbox) {
        if let Some(member) = self.members.get(member_id) {
            let key = TimerKey::Session(self.id.clone(), member.id.clone());
            out.timers
                .schedule(key, out.now.instant, i64::from(member.session_timeout_ms));
        }
    }

    pub fn on_synced(&mut self, member_id: &str, out: &mut Outbox) {
        self.pending_sync.remove(member_id);
        if self.pending_sync.is_empty() {
            out.timers.cancel(&TimerKey::Sync(self.id.clone()));
        }
    }

    pub fn enter(&mut self, state: State, now: Now) {
        self.state = state;
        self.state_timestamp_ms = Some(now.wall_ms);
    }

    /// What a member learns of the current generation; the leader also learns who the members are.
    pub fn join_response(&self, member_id: &str, skip_assignment: bool) -> Response {
        let is_leader = self.is_leader(member_id);
        Response::JoinGroup(JoinGroupResponse {
            generation_id: self.generation,
            protocol_type: self.protocol_type.clone(),
            protocol_name: self.protocol_name.clone(),
            leader: self.leader.as_deref().unwrap_or_default().to_string(),
            skip_assignment: skip_assignment && is_leader,
            member_id: member_id.to_string(),
            members: if is_leader {
                self.members_for_leader()
            } else {
                Vec::new()
            },
            ..Default::default()
        })
    }

    pub fn sync_response(&self, member_id: &str) -> Response {
        Response::SyncGroup(SyncGroupResponse {
            protocol_type: self.protocol_type.clone(),
            protocol_name: self.protocol_name.clone(),
            assignment: self
                .members
                .get(member_id)
                .map(|member| member.assignment.clone())
                .unwrap_or_default(),
            ..Default::default()
        })
    }
}

pub(super) fn join_failed(member_id: &str, error: ErrorCode) -> Response {
    Response::JoinGroup(JoinGroupResponse {
        member_id: member_id.to_string(),
        error_code: error,
        ..Default::default()
    })
}

pub(super) fn sync_failed(error: ErrorCode) -> Response {
    Response::SyncGroup(SyncGroupResponse {
        error_code: error,
        ..Default::default()
    })
}

/// Answers what a member that has lost its place still waits for.
pub(super) fn answer_waiting(member: Member, join_member_id: String, error: ErrorCode, out: &mut Outbox) {
    if let Some(token) = member.awaiting_join {
        out.respond(token, join_failed(&join_member_id, error));
    }
    if let Some(token) = member.awaiting_sync {
        out.respond(token, sync_failed(error));
    }
}
