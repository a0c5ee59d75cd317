//! The group coordinator of one partition of `__consumer_offsets`: events in, effects out.
//!
//! Must stay true:
//! * an answer that tells of a change leaves after the change is durable;
//! * what is loaded from the log is what was durable before: `Load` of all records that were appended and settled gives
//!   the same groups and offsets;
//! * every request is answered exactly once, also when the partition moves away (`Unload`).

use std::collections::BTreeMap;

use corelane_protocol::error_code::ErrorCode;

use super::{
    GroupId,
    classic::{Group, State},
    config::GroupConfig,
    event::{AppendToken, Client, Effect, Event, Now, Request, RequestToken, Response},
    offsets::Offsets,
    outbox::{Outbox, Purpose},
    requests::offset_fetch::StableFetch,
    timers::TimerKey,
};
use crate::runtime::world::Instant;

/// Timers run in one step; the rest come with the next `Tick`, which `next_deadline` asks for at once.
const TIMERS_PER_TICK: usize = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Loading,
    Active,
    Unloaded,
}

pub struct Coordinator {
    phase: Phase,
    pub(super) groups: BTreeMap<GroupId, Group>,
    pub(super) offsets: Offsets,
    pub(super) out: Outbox,
    pub(super) stable_fetches: Vec<StableFetch>,
    /// Where the search for expired offsets goes on; `None` between searches.
    pub(super) expiry_after: Option<GroupId>,
}

impl Coordinator {
    /// A coordinator that has loaded nothing yet. Until `Loaded` it puts everybody off.
    pub fn new(config: GroupConfig, now: Now) -> Coordinator {
        Coordinator {
            phase: Phase::Loading,
            groups: BTreeMap::new(),
            offsets: Offsets::default(),
            out: Outbox::new(config, now),
            stable_fetches: Vec::new(),
            expiry_after: None,
        }
    }

    /// When the next `Tick` is due.
    pub fn next_deadline(&self) -> Option<Instant> {
        let fetch = self.stable_fetches.first().map(|fetch| fetch.deadline);
        let deadlines = [self.out.timers.next_deadline(), self.out.next_time_out(), fetch];
        deadlines.into_iter().flatten().min()
    }

    /// Groups known here, of all states.
    pub fn group_count(&self) -> usize {
        self.groups.len()
    }

    /// Time never goes back between steps: a smaller `now.instant` than before counts as the same moment.
    pub fn step(&mut self, now: Now, event: Event) -> Vec<Effect> {
        self.out.now = Now {
            instant: now.instant.max(self.out.now.instant),
            wall_ms: now.wall_ms,
        };
        match event {
            Event::Request { token, client, request } => self.on_request(token, &client, request),
            Event::Appended { token, result } => self.on_appended(token, result),
            Event::Load(records) if self.phase == Phase::Loading => {
                for record in &records {
                    self.load(record);
                }
            }
            Event::Loaded if self.phase == Phase::Loading => {
                self.phase = Phase::Active;
                self.on_loaded();
            }
            Event::TopicsDeleted(topics) if self.phase == Phase::Active => self.on_topics_deleted(&topics),
            Event::Tick => self.on_tick(),
            Event::Unload => self.on_unload(),
            Event::Load(_) | Event::Loaded | Event::TopicsDeleted(_) => {}
        }
        self.out.take_effects()
    }

    fn on_request(&mut self, token: RequestToken, client: &Client, request: Request) {
        if let Some(response) = self.refusal(&request) {
            return self.out.respond(token, response);
        }
        match request {
            Request::JoinGroup(request) => self.on_join_group(token, client, request),
            Request::SyncGroup(request) => self.on_sync_group(token, request),
            Request::Heartbeat(request) => self.on_heartbeat(token, &request),
            Request::LeaveGroup(request) => self.on_leave_group(token, &request),
            Request::OffsetCommit(request) => self.on_offset_commit(token, client, request),
            Request::OffsetFetch { group, require_stable } => self.on_offset_fetch(token, group, require_stable),
            Request::ListGroups(request) => self.on_list_groups(token, &request),
            Request::DescribeGroups(groups) => self.on_describe_groups(token, client, &groups),
            Request::DeleteGroups(groups) => self.on_delete_groups(token, &groups),
            Request::OffsetDelete(request) => self.on_offset_delete(token, request),
        }
    }

    /// What must be said before looking at any group.
    fn refusal(&self, request: &Request) -> Option<Response> {
        match (self.phase, request) {
            (Phase::Active, _) => {}
            // A heartbeat in this moment is taken for good, else every restart of a broker would be a rebalance.
            (Phase::Loading, Request::Heartbeat(_)) => return Some(request.failed(ErrorCode::NONE)),
            (Phase::Loading, _) => return Some(request.failed(ErrorCode::COORDINATOR_LOAD_IN_PROGRESS)),
            // Its groups are listed by another broker now.
            (Phase::Unloaded, Request::ListGroups(_)) => return Some(request.failed(ErrorCode::NONE)),
            (Phase::Unloaded, _) => return Some(request.failed(ErrorCode::NOT_COORDINATOR)),
        }
        // Offsets may be kept under the empty group id, for old clients; members may not.
        let group_id = match request {
            Request::JoinGroup(request) => &request.group_id,
            Request::SyncGroup(request) => &request.group_id,
            Request::Heartbeat(request) => &request.group_id,
            Request::LeaveGroup(request) => &request.group_id,
            Request::OffsetDelete(request) => &request.group_id,
            _ => return None,
        };
        group_id.is_empty().then(|| request.failed(ErrorCode::INVALID_GROUP_ID))
    }

    fn on_tick(&mut self) {
        let too_late = on_append_error(ErrorCode::REQUEST_TIMED_OUT);
        self.out.time_out(too_late);
        self.time_out_stable_fetches(too_late);
        for _ in 0..TIMERS_PER_TICK {
            let Some(timer) = self.out.timers.pop_due(self.out.now.instant) else {
                return;
            };
            let out = &mut self.out;
            match timer {
                TimerKey::Join(group) => {
                    self.groups.get_mut(&group).and_then(|group| group.on_join_timer(out));
                }
                TimerKey::Sync(group) => {
                    self.groups.get_mut(&group).and_then(|group| group.on_sync_timer(out));
                }
                TimerKey::Session(group, member) => {
                    self.groups
                        .get_mut(&group)
                        .and_then(|group| group.on_session_timer(&member, out));
                }
                // The longest of them; it has the rest of the tick for itself.
                TimerKey::Expiry => return self.on_expiry_timer(),
            }
        }
    }

    fn on_appended(&mut self, token: AppendToken, result: Result<(), ErrorCode>) {
        // What was under way at `Unload` has been answered.
        let Some(in_flight) = self.out.settle(token) else {
            return;
        };
        match result {
            Ok(()) => self.apply(token, in_flight.purpose),
            Err(error) => self.undo(token, in_flight.purpose, on_append_error(error)),
        }
        for (request, response) in in_flight.replies {
            let response = match result {
                Ok(()) => response,
                Err(error) => response.failed(on_append_error(error)),
            };
            self.out.respond(request, response);
        }
        self.answer_stable_fetches();
    }

    fn apply(&mut self, token: AppendToken, purpose: Purpose) {
        match purpose {
            Purpose::Emptied => {}
            Purpose::NewGroup(id) => {
                if let Some(group) = self.groups.get_mut(&id) {
                    group.durable = true;
                }
            }
            Purpose::Assignment { group, assignment } => {
                // Otherwise a new rebalance has begun meanwhile; its members know.
                if let Some(group) = self
                    .groups
                    .get_mut(&group)
                    .filter(|it| it.assignment_append == Some(token))
                {
                    group.durable = true;
                    group.apply_assignment(assignment, &mut self.out);
                }
            }
            Purpose::StaticMember {
                group,
                generation,
                former_leader,
                id,
                skip_assignment,
                ..
            } => {
                // Otherwise the member waits for the rebalance that has begun meanwhile.
                if let Some(group) = self.groups.get_mut(&group).filter(|it| it.is_stable_in(generation)) {
                    group.answer_replaced(&id, former_leader, skip_assignment, &mut self.out);
                }
            }
            Purpose::Commit { group, offsets } => self.apply_commit(group, offsets),
            Purpose::Removal { offsets, groups } => {
                self.apply_removed_offsets(token, offsets);
                for id in groups {
                    let removed = self.groups.remove(&id);
                    assert!(
                        removed.is_none_or(|group| group.state == State::Dead),
                        "only the dead are removed"
                    );
                }
            }
        }
    }

    fn undo(&mut self, token: AppendToken, purpose: Purpose, error: ErrorCode) {
        match purpose {
            Purpose::Emptied | Purpose::Commit { .. } => {}
            Purpose::NewGroup(id) => {
                // A dead one goes, or comes back, with its tombstone.
                if self
                    .groups
                    .get(&id)
                    .is_some_and(|group| !group.durable && group.state != State::Dead)
                    && let Some(mut group) = self.groups.remove(&id)
                {
                    group.dismiss_all(error, &mut self.out);
                }
            }
            Purpose::Assignment { group, .. } => {
                if let Some(group) = self
                    .groups
                    .get_mut(&group)
                    .filter(|it| it.assignment_append == Some(token))
                {
                    group.refuse_assignment(&mut self.out, error);
                    group.rebalance_or_complete_join(&mut self.out);
                }
            }
            Purpose::StaticMember {
                group,
                generation,
                former,
                id,
                ..
            } => {
                if let Some(group) = self.groups.get_mut(&group).filter(|it| it.is_stable_in(generation)) {
                    group.give_back(*former, &id, error, &mut self.out);
                }
            }
            Purpose::Removal { groups, .. } => {
                for id in groups {
                    if let Some(group) = self.groups.get_mut(&id).filter(|group| group.state == State::Dead) {
                        group.state = State::Empty;
                    }
                }
            }
        }
    }

    fn on_unload(&mut self) {
        self.phase = Phase::Unloaded;
        for mut group in std::mem::take(&mut self.groups).into_values() {
            group.dismiss_all(ErrorCode::NOT_COORDINATOR, &mut self.out);
        }
        self.offsets = Offsets::default();
        self.out.abandon(ErrorCode::NOT_COORDINATOR);
        self.fail_stable_fetches(ErrorCode::NOT_COORDINATOR);
    }
}

/// What a client is told when the log refused (Kafka: `CoordinatorOperationExceptionHelper`).
fn on_append_error(error: ErrorCode) -> ErrorCode {
    match error {
        ErrorCode::UNKNOWN_TOPIC_OR_PARTITION
        | ErrorCode::NOT_ENOUGH_REPLICAS
        | ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND
        | ErrorCode::REQUEST_TIMED_OUT => ErrorCode::COORDINATOR_NOT_AVAILABLE,
        ErrorCode::NOT_LEADER_OR_FOLLOWER | ErrorCode::KAFKA_STORAGE_ERROR => ErrorCode::NOT_COORDINATOR,
        ErrorCode::MESSAGE_TOO_LARGE | ErrorCode::RECORD_LIST_TOO_LARGE | ErrorCode::INVALID_FETCH_SIZE => {
            ErrorCode::UNKNOWN_SERVER_ERROR
        }
        other => other,
    }
}
