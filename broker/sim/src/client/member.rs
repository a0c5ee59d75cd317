//! A member of a classic consumer group: joins, is given partitions, looks up where to go on, and commits.
//!
//! It reads no records: its offsets are numbers that only grow. What counts is who may commit what, and what is still
//! committed after a crash.

use std::{cell::Cell, collections::BTreeMap, rc::Rc, time::Duration};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use corelane_broker::runtime::world::World;
use corelane_protocol::{
    error_code::ErrorCode,
    messages::{
        FindCoordinatorRequest, FindCoordinatorResponse, HeartbeatRequest, HeartbeatResponse, JoinGroupRequest,
        JoinGroupResponse, LeaveGroupRequest, LeaveGroupResponse, OffsetCommitRequest, OffsetCommitResponse,
        OffsetFetchRequest, OffsetFetchResponse, SyncGroupRequest, SyncGroupResponse,
        join_group::JoinGroupRequestProtocol,
        leave_group::MemberIdentity,
        offset_commit::{OffsetCommitRequestPartition, OffsetCommitRequestTopic},
        offset_fetch::{OffsetFetchRequestGroup, OffsetFetchRequestTopics},
        sync_group::SyncGroupRequestAssignment,
    },
};

use super::{
    connection::{CallError, Connection},
    topic::Topic,
};
use crate::{
    history::{Commit, LookUp, Ownership, SharedHistory},
    random::Random,
    world::SimWorld,
};

pub const GROUP: &str = "group";
const SESSION_TIMEOUT_MS: i32 = 600;

pub struct Member {
    world: SimWorld<()>,
    at: (u32, u16),
    topic: Topic,
    random: Random,
    history: SharedHistory,
    stop: Rc<Cell<bool>>,
    id: String,
    generation: i32,
    /// What it owns, and the offset committed last.
    owned: BTreeMap<i32, i64>,
}

/// Why a member starts over.
enum Again {
    Reconnect(CallError),
    Rejoin,
}

impl From<CallError> for Again {
    fn from(error: CallError) -> Again {
        Again::Reconnect(error)
    }
}

impl Member {
    pub fn new(
        world: SimWorld<()>,
        at: (u32, u16),
        topic: Topic,
        history: SharedHistory,
        stop: Rc<Cell<bool>>,
    ) -> Member {
        let random = Random::new(world.random());
        Member {
            world,
            at,
            topic,
            random,
            history,
            stop,
            id: String::new(),
            generation: -1,
            owned: BTreeMap::new(),
        }
    }

    pub async fn run(mut self) {
        while !self.stop.get() {
            let mut connection = Connection::open(&self.world, self.at.0, self.at.1).await;
            while !self.stop.get() {
                let ended = match find_coordinator(&mut connection).await {
                    Ok(()) => self.take_part(&mut connection).await,
                    Err(again) => Err(again),
                };
                match ended {
                    Ok(()) | Err(Again::Rejoin) => self.pause(1, 20).await,
                    Err(Again::Reconnect(CallError::Malformed(what))) => {
                        self.history.borrow_mut().protocol_faults.push(what);
                        break;
                    }
                    Err(Again::Reconnect(_)) => break,
                }
            }
            self.pause(1, 30).await;
        }
    }

    async fn pause(&mut self, least_ms: u64, most_ms: u64) {
        let pause_ms = self.random.between(least_ms, most_ms);
        self.world.sleep(Duration::from_millis(pause_ms)).await;
    }

    /// One generation, from joining to whatever ends it.
    async fn take_part(&mut self, connection: &mut Connection) -> Result<(), Again> {
        let members = self.join(connection).await?;
        self.sync(connection, &members).await?;
        self.look_up(connection).await?;
        let rounds = self.random.between(3, 60);
        for _ in 0..rounds {
            if self.stop.get() {
                break;
            }
            self.pause(1, 40).await;
            if self.random.chance(1, 3) {
                let request = HeartbeatRequest {
                    group_id: GROUP.into(),
                    generation_id: self.generation,
                    member_id: self.id.clone(),
                    ..Default::default()
                };
                let answer: HeartbeatResponse = connection.call(4, &request).await?;
                self.check(answer.error_code)?;
            } else {
                self.commit(connection).await?;
            }
        }
        if self.random.chance(1, 2) {
            let member = MemberIdentity {
                member_id: self.id.clone(),
                ..Default::default()
            };
            let request = LeaveGroupRequest {
                group_id: GROUP.into(),
                members: vec![member],
                ..Default::default()
            };
            let _: LeaveGroupResponse = connection.call(4, &request).await?;
            self.id.clear();
        }
        Ok(())
    }

    /// Everybody's id, if this member is to hand out the partitions.
    async fn join(&mut self, connection: &mut Connection) -> Result<Vec<String>, Again> {
        self.owned.clear();
        loop {
            let protocol = JoinGroupRequestProtocol {
                name: "range".into(),
                metadata: Bytes::from_static(b"opaque"),
            };
            let request = JoinGroupRequest {
                group_id: GROUP.into(),
                session_timeout_ms: SESSION_TIMEOUT_MS,
                rebalance_timeout_ms: 1_000,
                member_id: self.id.clone(),
                protocol_type: "consumer".into(),
                protocols: vec![protocol],
                ..Default::default()
            };
            let answer: JoinGroupResponse = connection.call(7, &request).await?;
            if answer.error_code == ErrorCode::MEMBER_ID_REQUIRED {
                self.id = answer.member_id;
                continue;
            }
            self.check(answer.error_code)?;
            self.id = answer.member_id;
            self.generation = answer.generation_id;
            return Ok(answer.members.into_iter().map(|member| member.member_id).collect());
        }
    }

    async fn sync(&mut self, connection: &mut Connection, members: &[String]) -> Result<(), Again> {
        let mut assignments: Vec<SyncGroupRequestAssignment> = members
            .iter()
            .map(|member| SyncGroupRequestAssignment {
                member_id: member.clone(),
                ..Default::default()
            })
            .collect();
        if !members.is_empty() {
            for partition in 0..self.topic.partitions {
                let member = &mut assignments[partition as usize % members.len()];
                let mut bytes = BytesMut::from(&member.assignment[..]);
                bytes.put_i32(partition);
                member.assignment = bytes.freeze();
            }
        }
        let request = SyncGroupRequest {
            group_id: GROUP.into(),
            generation_id: self.generation,
            member_id: self.id.clone(),
            protocol_type: Some("consumer".into()),
            protocol_name: Some("range".into()),
            assignments,
            ..Default::default()
        };
        let answer: SyncGroupResponse = connection.call(5, &request).await?;
        self.check(answer.error_code)?;
        let mut assignment = answer.assignment;
        while assignment.remaining() >= 4 {
            self.owned.insert(assignment.get_i32(), 0);
        }
        self.history.borrow_mut().ownerships.push(Ownership {
            generation: self.generation,
            member: self.id.clone(),
            partitions: self.owned.keys().copied().collect(),
            at_ns: self.world.simulation.now_ns(),
        });
        Ok(())
    }

    /// Where to go on.
    async fn look_up(&mut self, connection: &mut Connection) -> Result<(), Again> {
        let partitions: Vec<i32> = self.owned.keys().copied().collect();
        if partitions.is_empty() {
            return Ok(());
        }
        let found = look_up(&self.world, connection, &self.topic, &partitions, &self.history).await?;
        for (partition, offset) in found.ok_or(Again::Rejoin)? {
            self.owned.insert(partition, offset.max(0));
        }
        Ok(())
    }

    async fn commit(&mut self, connection: &mut Connection) -> Result<(), Again> {
        let owned: Vec<i32> = self.owned.keys().copied().collect();
        if owned.is_empty() {
            return Ok(());
        }
        let partition = *self.random.pick(&owned);
        let offset = self.owned[&partition] + self.random.between(1, 5) as i64;
        let part = OffsetCommitRequestPartition {
            partition_index: partition,
            committed_offset: offset,
            ..Default::default()
        };
        let request = OffsetCommitRequest {
            group_id: GROUP.into(),
            generation_id_or_member_epoch: self.generation,
            member_id: self.id.clone(),
            topics: vec![OffsetCommitRequestTopic {
                name: self.topic.name.clone(),
                topic_id: self.topic.id,
                partitions: vec![part],
            }],
            ..Default::default()
        };
        let index = {
            let mut history = self.history.borrow_mut();
            history.commits.push(Commit {
                partition,
                offset,
                ended_ns: u64::MAX,
                acked: false,
            });
            history.commits.len() - 1
        };
        let answer: OffsetCommitResponse = connection.call(8, &request).await?;
        let part = answer.topics.first().and_then(|topic| topic.partitions.first());
        let error = part.map(|part| part.error_code);
        let error = error.ok_or_else(|| CallError::Malformed(format!("OffsetCommit was answered with {answer:?}")))?;
        self.check(error)?;
        self.owned.insert(partition, offset);
        let commit = &mut self.history.borrow_mut().commits[index];
        (commit.ended_ns, commit.acked) = (self.world.simulation.now_ns(), true);
        Ok(())
    }

    fn check(&mut self, error: ErrorCode) -> Result<(), Again> {
        match error {
            ErrorCode::NONE => Ok(()),
            ErrorCode::UNKNOWN_MEMBER_ID => {
                self.id.clear();
                Err(Again::Rejoin)
            }
            ErrorCode::ILLEGAL_GENERATION | ErrorCode::REBALANCE_IN_PROGRESS => Err(Again::Rejoin),
            error if error.is_retriable() => Err(Again::Rejoin),
            error => {
                let what = format!("a group member was told {error:?}");
                self.history.borrow_mut().protocol_faults.push(what);
                Err(Again::Rejoin)
            }
        }
    }
}

async fn find_coordinator(connection: &mut Connection) -> Result<(), Again> {
    let request = FindCoordinatorRequest {
        coordinator_keys: vec![GROUP.into()],
        ..Default::default()
    };
    let answer: FindCoordinatorResponse = connection.call(4, &request).await?;
    match answer.coordinators.first() {
        Some(coordinator) if coordinator.error_code == ErrorCode::NONE => Ok(()),
        _ => Err(Again::Rejoin),
    }
}

/// The committed offsets, -1 for none; `None` if the coordinator cannot say now.
pub async fn look_up(
    world: &SimWorld<()>,
    connection: &mut Connection,
    topic: &Topic,
    partitions: &[i32],
    history: &SharedHistory,
) -> Result<Option<Vec<(i32, i64)>>, CallError> {
    let topics = OffsetFetchRequestTopics {
        name: topic.name.clone(),
        partition_indexes: partitions.to_vec(),
        ..Default::default()
    };
    let group = OffsetFetchRequestGroup {
        group_id: GROUP.into(),
        topics: Some(vec![topics]),
        ..Default::default()
    };
    let request = OffsetFetchRequest {
        groups: vec![group],
        ..Default::default()
    };
    let began_ns = world.simulation.now_ns();
    let answer: OffsetFetchResponse = connection.call(8, &request).await?;
    let Some(group) = answer.groups.first() else {
        return Err(CallError::Malformed(format!(
            "OffsetFetch was answered with {answer:?}"
        )));
    };
    let parts: Vec<_> = group.topics.iter().flat_map(|topic| &topic.partitions).collect();
    if group.error_code != ErrorCode::NONE || parts.iter().any(|part| part.error_code != ErrorCode::NONE) {
        return Ok(None);
    }
    if parts.len() != partitions.len() {
        return Err(CallError::Malformed(format!(
            "OffsetFetch was answered with {answer:?}"
        )));
    }
    let found = |part: &&corelane_protocol::messages::offset_fetch::OffsetFetchResponsePartitions| {
        (part.partition_index, part.committed_offset)
    };
    let found: Vec<(i32, i64)> = parts.iter().map(found).collect();
    let looked_up = |(partition, offset): &(i32, i64)| LookUp {
        partition: *partition,
        offset: *offset,
        began_ns,
    };
    history.borrow_mut().look_ups.extend(found.iter().map(looked_up));
    Ok(Some(found))
}

/// Looks up everything once more, whatever happens on the way.
pub async fn look_up_all(world: &SimWorld<()>, (node, port): (u32, u16), topic: &Topic, history: &SharedHistory) {
    let partitions: Vec<i32> = (0..topic.partitions).collect();
    loop {
        let mut connection = Connection::open(world, node, port).await;
        match look_up(world, &mut connection, topic, &partitions, history).await {
            Ok(Some(_)) => return,
            Err(CallError::Malformed(what)) => {
                history.borrow_mut().protocol_faults.push(what);
                return;
            }
            Ok(None) | Err(_) => world.sleep(Duration::from_millis(20)).await,
        }
    }
}
