//! JoinGroup (Kafka: `GroupMetadataManager.classicGroupJoin…`).
//!
//! From version 4 a new dynamic member is first told its id (MEMBER_ID_REQUIRED, KIP-394), so that a lost answer leaves no
//! ghost behind. A static member (KIP-345) takes the place of its former self instead. From version 9 (KIP-800 … KIP-814) a
//! static leader that comes back into a stable group is told to skip the assignment.

use bytes::Bytes;
use corelane_protocol::{error_code::ErrorCode, messages::join_group::JoinGroupRequest, wire::STRING_BYTES_MAX};

use super::super::{
    GroupId, MemberId,
    classic::{Group, State},
    coordinator::Coordinator,
    event::{AppendToken, Client, RequestToken, Response},
    member::Member,
    outbox::{Outbox, Purpose},
    rebalance::{answer_waiting, join_failed},
    records,
    timers::TimerKey,
};

/// First version whose new members must come back with the id they were given.
const MEMBER_ID_REQUIRED_SINCE: i16 = 4;
/// First version that knows `skip_assignment`.
const SKIP_ASSIGNMENT_SINCE: i16 = 9;

/// What a member id may have in front of its uuid and dash.
const MEMBER_NAME_BYTES_MAX: usize = STRING_BYTES_MAX - 37;

struct Join<'a> {
    token: RequestToken,
    client: &'a Client,
    request: &'a JoinGroupRequest,
    protocols: Vec<(String, Bytes)>,
}

impl Coordinator {
    pub(in super::super) fn on_join_group(&mut self, token: RequestToken, client: &Client, request: JoinGroupRequest) {
        let refuse = |out: &mut Outbox, error| out.respond(token, join_failed(&request.member_id, error));
        let config = self.out.config;
        if !(config.session_timeout_ms_min..=config.session_timeout_ms_max).contains(&request.session_timeout_ms) {
            return refuse(&mut self.out, ErrorCode::INVALID_SESSION_TIMEOUT);
        }
        let protocols = request
            .protocols
            .iter()
            .map(|protocol| (protocol.name.clone(), protocol.metadata.clone()));
        let join = Join {
            token,
            client,
            request: &request,
            protocols: protocols.collect(),
        };

        if let Some(group) = self.groups.get_mut(request.group_id.as_str()) {
            if let Some(response) = join.answer(group, &mut self.out) {
                self.out.respond(token, response);
            }
            return;
        }
        if !request.member_id.is_empty() {
            return refuse(&mut self.out, ErrorCode::UNKNOWN_MEMBER_ID);
        }
        let id = GroupId::from(request.group_id.as_str());
        let mut group = Group::new(id.clone(), self.out.now.wall_ms);
        if !group.supports(&request.protocol_type, &join.protocols) {
            return refuse(&mut self.out, ErrorCode::INCONSISTENT_GROUP_PROTOCOL);
        }
        let append = self
            .out
            .append(vec![records::new_group(&group)], Purpose::NewGroup(id.clone()));
        if let Some(response) = join.answer(&mut group, &mut self.out) {
            self.out.respond_after(Some(append), token, response);
        }
        self.groups.insert(id, group);
    }
}

impl Join<'_> {
    /// The answer, or `None` if it comes later: at the end of the join phase, or with a record.
    fn answer(&self, group: &mut Group, out: &mut Outbox) -> Option<Response> {
        if group.state == State::Dead {
            return Some(self.refused(ErrorCode::COORDINATOR_NOT_AVAILABLE));
        }
        if !self.has_room(group, out.config.group_size_max) {
            group.dismiss(&self.request.member_id, out);
            return Some(join_failed("", ErrorCode::GROUP_MAX_SIZE_REACHED));
        }
        if !group.supports(&self.request.protocol_type, &self.protocols) {
            return Some(self.refused(ErrorCode::INCONSISTENT_GROUP_PROTOCOL));
        }
        if self.request.member_id.is_empty() {
            self.as_new_member(group, out)
        } else {
            self.as_known_member(group, out)
        }
    }

    fn refused(&self, error: ErrorCode) -> Response {
        join_failed(&self.request.member_id, error)
    }

    /// In the join phase those who already came count, so that the last to rejoin a group that has become too large
    /// are the ones turned away; later all members count.
    fn has_room(&self, group: &Group, size_max: usize) -> bool {
        let member = group.members.get(self.request.member_id.as_str());
        match group.state {
            State::Empty | State::Dead => true,
            State::PreparingRebalance => {
                member.is_some_and(|member| member.awaiting_join.is_some()) || group.awaiting_join_count() < size_max
            }
            State::CompletingRebalance | State::Stable => member.is_some() || group.members.len() < size_max,
        }
    }

    fn as_new_member(&self, group: &mut Group, out: &mut Outbox) -> Option<Response> {
        let uuid = uuid::Builder::from_random_bytes(self.client.random.to_be_bytes()).into_uuid();
        let name = self.request.group_instance_id.as_deref().unwrap_or(&self.client.id);
        // What the client could not read back would be no id.
        let name = &name[..name.floor_char_boundary(MEMBER_NAME_BYTES_MAX)];
        let id = MemberId::from(format!("{name}-{uuid}"));
        if group.members.contains_key(&id) || group.pending_join.contains(&id) {
            // The same chance twice: not from a random generator. Better no member than two with one id.
            return Some(self.refused(ErrorCode::UNKNOWN_SERVER_ERROR));
        }
        if let Some(instance_id) = &self.request.group_instance_id {
            return match group.static_members.get(instance_id).cloned() {
                Some(former) => self.replace_static(group, &former, id, out),
                None => self.add(group, id, out),
            };
        }
        if self.client.api_version < MEMBER_ID_REQUIRED_SINCE {
            return self.add(group, id, out);
        }
        group.pending_join.insert(id.clone());
        let key = TimerKey::Session(group.id.clone(), id.clone());
        out.timers
            .schedule(key, out.now.instant, i64::from(self.request.session_timeout_ms));
        Some(join_failed(&id, ErrorCode::MEMBER_ID_REQUIRED))
    }

    fn as_known_member(&self, group: &mut Group, out: &mut Outbox) -> Option<Response> {
        let id = self.request.member_id.as_str();
        let instance_id = self.request.group_instance_id.as_deref();
        if let Some(pending) = group.pending_join.get(id).cloned() {
            // Static members are never told to come back.
            return match instance_id {
                None => self.add(group, pending, out),
                Some(_) => Some(self.refused(ErrorCode::INVALID_REQUEST)),
            };
        }
        if let Err(error) = group.validate_member(id, instance_id) {
            return Some(self.refused(error));
        }
        let unchanged = group.members[id].protocols == self.protocols;
        match group.state {
            State::PreparingRebalance => self.rejoin(group, out),
            // It has missed our answer: say it again.
            State::CompletingRebalance if unchanged => Some(group.join_response(id, false)),
            // A leader joins again when the assignment must change though no subscription did, as for new partitions.
            State::Stable if unchanged && !group.is_leader(id) => Some(group.join_response(id, false)),
            State::CompletingRebalance | State::Stable => self.rejoin(group, out),
            State::Empty | State::Dead => Some(self.refused(ErrorCode::UNKNOWN_MEMBER_ID)),
        }
    }

    fn add(&self, group: &mut Group, id: MemberId, out: &mut Outbox) -> Option<Response> {
        if let Some(delay) = &mut group.initial_delay {
            delay.member_added = true;
        }
        let member = Member {
            id: id.clone(),
            instance_id: self.request.group_instance_id.clone(),
            client_id: self.client.id.clone(),
            client_host: self.client.host.clone(),
            rebalance_timeout_ms: self.rebalance_timeout_ms(),
            session_timeout_ms: self.request.session_timeout_ms,
            protocols: self.protocols.clone(),
            assignment: Bytes::new(),
            awaiting_join: Some(self.token),
            awaiting_sync: None,
            is_new: true,
        };
        group.add(member, &self.request.protocol_type);
        let timeout_ms = i64::from(out.config.new_member_join_timeout_ms);
        out.timers
            .schedule(TimerKey::Session(group.id.clone(), id), out.now.instant, timeout_ms);
        group.rebalance_or_complete_join(out);
        None
    }

    fn rejoin(&self, group: &mut Group, out: &mut Outbox) -> Option<Response> {
        self.update(group, &self.request.member_id, out);
        group.rebalance_or_complete_join(out);
        None
    }

    /// The member has what this request says, and the request waits for the end of the join phase.
    fn update(&self, group: &mut Group, id: &str, out: &mut Outbox) {
        let member = group.members.get_mut(id).expect("validated by the caller");
        member.protocols = self.protocols.clone();
        member.rebalance_timeout_ms = self.rebalance_timeout_ms();
        member.session_timeout_ms = self.request.session_timeout_ms;
        if let Some(superseded) = member.awaiting_join.replace(self.token) {
            out.respond(superseded, join_failed(id, ErrorCode::REBALANCE_IN_PROGRESS));
        }
    }

    fn replace_static(&self, group: &mut Group, former: &str, id: MemberId, out: &mut Outbox) -> Option<Response> {
        let former_leader = group.leader.as_deref().unwrap_or_default().to_string();
        let former = group.rename(former, id.clone()).expect("static members are members");
        out.timers
            .cancel(&TimerKey::Session(group.id.clone(), former.id.clone()));
        answer_waiting(
            former.clone(),
            former.id.to_string(),
            ErrorCode::FENCED_INSTANCE_ID,
            out,
        );
        self.update(group, &id, out);
        group.restart_session(&id, out);
        match group.state {
            State::Stable if group.protocol_name == group.select_protocol() => {
                self.write_replaced(group, former, former_leader, id, out);
            }
            State::Stable => {
                group.rebalance_or_complete_join(out);
            }
            // The leader may be assigning to the former id this moment; that assignment would reach nobody.
            State::CompletingRebalance => {
                group.prepare_rebalance(out);
            }
            State::PreparingRebalance => {
                group.complete_join_if_all_joined(out);
            }
            State::Empty | State::Dead => unreachable!("a group with members is neither"),
        }
        None
    }

    /// Nothing changes for the others, so there is no rebalance; but the new id must survive a restart of the broker.
    fn write_replaced(
        &self,
        group: &Group,
        former: Member,
        former_leader: String,
        id: MemberId,
        out: &mut Outbox,
    ) -> AppendToken {
        let record = records::group_metadata(group, |member| Some(member.assignment.clone()));
        let purpose = Purpose::StaticMember {
            group: group.id.clone(),
            generation: group.generation,
            former: Box::new(Member {
                awaiting_join: None,
                awaiting_sync: None,
                ..former
            }),
            former_leader,
            id,
            skip_assignment: self.client.api_version >= SKIP_ASSIGNMENT_SINCE,
        };
        out.append(vec![record], purpose)
    }

    /// Version 0 knew only one timeout.
    fn rebalance_timeout_ms(&self) -> i32 {
        if self.client.api_version == 0 {
            self.request.session_timeout_ms
        } else {
            self.request.rebalance_timeout_ms
        }
    }
}
