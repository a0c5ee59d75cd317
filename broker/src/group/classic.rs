//! One classic group: its members, its generation, and what they can agree on (Kafka: `ClassicGroup`).
//!
//! This file only keeps the group consistent; when phases begin and end is decided in `rebalance`. Must stay true: every
//! static instance id points to exactly one member; the leader is a member or there is none; all members of a group that
//! is not Empty share one protocol type and at least one protocol.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use bytes::Bytes;
use corelane_protocol::{error_code::ErrorCode, messages::join_group::JoinGroupResponseMember};

use super::{GroupId, MemberId, event::AppendToken, member::Member, records::GroupMetadataValue, subscription};

/// Kafka's word for a group of consumers, as opposed to Connect workers and others.
pub(super) const CONSUMER: &str = "consumer";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Empty,
    PreparingRebalance,
    CompletingRebalance,
    Stable,
    /// Its tombstone is on the way to the log.
    Dead,
}

impl fmt::Display for State {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, formatter)
    }
}

/// The first rebalance of a group waits a while for more members; each that comes prolongs it, up to the rebalance timeout.
#[derive(Clone, Copy, Debug)]
pub(super) struct InitialDelay {
    pub delay_ms: i64,
    pub remaining_ms: i64,
    pub member_added: bool,
}

#[derive(Debug)]
pub(super) struct Group {
    pub id: GroupId,
    pub state: State,
    /// Wall clock when the group entered its state; unknown for groups from very old records.
    pub state_timestamp_ms: Option<i64>,
    pub protocol_type: Option<String>,
    pub protocol_name: Option<String>,
    pub generation: i32,
    pub leader: Option<MemberId>,
    pub members: BTreeMap<MemberId, Member>,
    pub static_members: BTreeMap<String, MemberId>,
    /// Told to come back with the id they were given.
    pub pending_join: BTreeSet<MemberId>,
    /// Members of this generation that have not sent SyncGroup yet.
    pub pending_sync: BTreeSet<MemberId>,
    pub subscribed_topics: Option<BTreeSet<String>>,
    /// Set exactly while the group prepares its first rebalance after being empty.
    pub initial_delay: Option<InitialDelay>,
    /// The leader's assignment of this generation is on the way to the log.
    pub assignment_append: Option<AppendToken>,
    /// The first record of the group is durable; until then nobody may see it.
    pub durable: bool,
}

impl Group {
    pub fn new(id: GroupId, wall_ms: i64) -> Group {
        Group {
            id,
            state: State::Empty,
            state_timestamp_ms: Some(wall_ms),
            protocol_type: None,
            protocol_name: None,
            generation: 0,
            leader: None,
            members: BTreeMap::new(),
            static_members: BTreeMap::new(),
            pending_join: BTreeSet::new(),
            pending_sync: BTreeSet::new(),
            subscribed_topics: None,
            initial_delay: None,
            assignment_append: None,
            durable: false,
        }
    }

    /// The group as a record tells it. Members' sessions have not begun.
    pub fn from_record(id: GroupId, value: GroupMetadataValue) -> Group {
        let mut group = Group::new(id, value.current_state_timestamp);
        group.durable = true;
        group.state_timestamp_ms = (value.current_state_timestamp != -1).then_some(value.current_state_timestamp);
        group.protocol_type = (!value.protocol_type.is_empty()).then_some(value.protocol_type);
        group.protocol_name = value.protocol;
        group.generation = value.generation;
        group.leader = value.leader.map(MemberId::from);
        for member in value.members {
            let id = MemberId::from(member.member_id);
            let protocol = group.protocol_name.clone().unwrap_or_default();
            if let Some(instance_id) = &member.group_instance_id {
                group.static_members.insert(instance_id.clone(), id.clone());
            }
            let member = Member {
                id: id.clone(),
                instance_id: member.group_instance_id,
                client_id: member.client_id,
                client_host: member.client_host,
                // Version 0 had none.
                rebalance_timeout_ms: match member.rebalance_timeout {
                    -1 => member.session_timeout,
                    timeout => timeout,
                },
                session_timeout_ms: member.session_timeout,
                protocols: vec![(protocol, member.subscription)],
                assignment: member.assignment,
                awaiting_join: None,
                awaiting_sync: None,
                is_new: false,
            };
            group.members.insert(id, member);
        }
        if !group.members.is_empty() {
            group.state = State::Stable;
        }
        if group
            .leader
            .as_ref()
            .is_none_or(|leader| !group.members.contains_key(leader))
        {
            group.leader = group.members.keys().next().cloned();
        }
        group.subscribed_topics = group.find_subscribed_topics();
        group
    }

    pub fn is_leader(&self, member_id: &str) -> bool {
        self.leader.as_deref() == Some(member_id)
    }

    pub fn awaiting_join_count(&self) -> usize {
        self.members
            .values()
            .filter(|member| member.awaiting_join.is_some())
            .count()
    }

    pub fn all_members_joined(&self) -> bool {
        self.pending_join.is_empty() && self.members.values().all(|member| member.awaiting_join.is_some())
    }

    /// The longest any member asked for.
    pub fn rebalance_timeout_ms(&self) -> i64 {
        self.members
            .values()
            .map(|member| i64::from(member.rebalance_timeout_ms))
            .max()
            .unwrap_or(0)
            .max(0)
    }

    pub fn add(&mut self, member: Member, protocol_type: &str) {
        if self.members.is_empty() {
            self.protocol_type = Some(protocol_type.to_string());
        }
        if let Some(instance_id) = &member.instance_id {
            let earlier = self.static_members.insert(instance_id.clone(), member.id.clone());
            assert!(
                earlier.is_none(),
                "two members of group {} with the instance id {instance_id}",
                self.id
            );
        }
        self.leader.get_or_insert_with(|| member.id.clone());
        self.pending_join.remove(&member.id);
        let earlier = self.members.insert(member.id.clone(), member);
        assert!(earlier.is_none(), "two members of group {} with the same id", self.id);
    }

    /// Takes a member out; another becomes the leader if it was. Whoever it lets wait must be answered by the caller.
    pub fn remove(&mut self, member_id: &str) -> Option<Member> {
        self.pending_join.remove(member_id);
        self.pending_sync.remove(member_id);
        let member = self.members.remove(member_id)?;
        if let Some(instance_id) = &member.instance_id {
            self.static_members.remove(instance_id);
        }
        if self.is_leader(member_id) {
            self.leader = self.members.keys().next().cloned();
        }
        Some(member)
    }

    /// Gives a static member's place to a new member id. The caller answers whoever waited under the old one.
    pub fn rename(&mut self, old_id: &str, new_id: MemberId) -> Option<Member> {
        let old = self.members.remove(old_id)?;
        let instance_id = old.instance_id.clone().expect("only static members are replaced");
        self.pending_sync.remove(old_id);
        let renamed = Member {
            id: new_id.clone(),
            awaiting_join: None,
            awaiting_sync: None,
            is_new: false,
            ..old.clone()
        };
        self.members.insert(new_id.clone(), renamed);
        if self.is_leader(old_id) {
            self.leader = Some(new_id.clone());
        }
        self.static_members.insert(instance_id, new_id);
        Some(old)
    }

    /// The leader must be somebody who came; false if nobody did.
    pub fn elect_joined_leader(&mut self) -> bool {
        let joined = |id: &MemberId| {
            self.members
                .get(id)
                .is_some_and(|member| member.awaiting_join.is_some())
        };
        if !self.leader.as_ref().is_some_and(joined) {
            let Some(id) = self.members.keys().find(|id| joined(id)).cloned() else {
                return false;
            };
            self.leader = Some(id);
        }
        true
    }

    /// Can a member with these protocols be in this group? An empty group takes any that has a type and a protocol.
    pub fn supports(&self, protocol_type: &str, protocols: &[(String, Bytes)]) -> bool {
        if self.state == State::Empty {
            return !protocol_type.is_empty() && !protocols.is_empty();
        }
        self.protocol_type.as_deref() == Some(protocol_type)
            && protocols
                .iter()
                .any(|(name, _)| self.members.values().all(|member| member.supports(name)))
    }

    /// Each member votes for its favourite among what all support. Ties go to the name that sorts last, always the same one.
    pub fn select_protocol(&self) -> Option<String> {
        let first = self.members.values().next()?;
        let candidates: Vec<&str> = first
            .protocols
            .iter()
            .map(|(name, _)| name.as_str())
            .filter(|name| self.members.values().all(|member| member.supports(name)))
            .collect();
        let mut votes: BTreeMap<&str, usize> = BTreeMap::new();
        for name in self.members.values().filter_map(|member| member.vote(&candidates)) {
            *votes.entry(name).or_default() += 1;
        }
        votes
            .into_iter()
            .max_by_key(|(_, count)| *count)
            .map(|(name, _)| name.to_string())
    }

    /// Is this really the member it says it is (Kafka: `validateMember`)?
    pub fn validate_member(&self, member_id: &str, instance_id: Option<&str>) -> Result<(), ErrorCode> {
        if let Some(instance_id) = instance_id {
            match self.static_members.get(instance_id) {
                None => return Err(ErrorCode::UNKNOWN_MEMBER_ID),
                Some(current) if &**current != member_id => return Err(ErrorCode::FENCED_INSTANCE_ID),
                Some(_) => {}
            }
        }
        if self.members.contains_key(member_id) {
            Ok(())
        } else {
            Err(ErrorCode::UNKNOWN_MEMBER_ID)
        }
    }

    /// What the leader needs to assign: everybody with the subscription they gave for the chosen protocol.
    pub fn members_for_leader(&self) -> Vec<JoinGroupResponseMember> {
        let protocol = self.protocol_name.as_deref().unwrap_or_default();
        self.members
            .values()
            .map(|member| JoinGroupResponseMember {
                member_id: member.id.to_string(),
                group_instance_id: member.instance_id.clone(),
                metadata: member.metadata(protocol).cloned().unwrap_or_default(),
            })
            .collect()
    }

    /// May offsets of this topic not expire? Consumers whose subscription we cannot read might be subscribed to anything.
    pub fn is_subscribed_to(&self, topic: &str) -> bool {
        match &self.subscribed_topics {
            Some(topics) => topics.contains(topic),
            None => self.protocol_type.as_deref() == Some(CONSUMER),
        }
    }

    /// The union of the members' subscriptions; `None` if this is no consumer group or a subscription is not readable.
    pub fn find_subscribed_topics(&self) -> Option<BTreeSet<String>> {
        if self.protocol_type.as_deref() != Some(CONSUMER) {
            return None;
        }
        let mut topics = BTreeSet::new();
        for member in self.members.values() {
            let metadata = member.metadata(self.protocol_name.as_deref()?)?;
            topics.extend(subscription::topics(metadata).ok()?);
        }
        Some(topics)
    }
}
