//! A member of a classic consumer group: joins, gets its share of the partitions, stays alive, leaves.
//!
//! As the group's leader it assigns by ranges, like Kafka's `RangeAssignor`, which every client knows.

use super::{Client, ClientError, RETRY_WAIT, TopicPartition};
use corelane_protocol::error_code::ErrorCode;
use corelane_protocol::messages::HeartbeatRequest;
use corelane_protocol::messages::consumer_protocol::{
    self, ConsumerProtocolAssignment, ConsumerProtocolSubscription, from_versioned, to_versioned,
};
use corelane_protocol::messages::join_group::{JoinGroupRequest, JoinGroupRequestProtocol, JoinGroupResponse};
use corelane_protocol::messages::leave_group::{LeaveGroupRequest, MemberIdentity};
use corelane_protocol::messages::sync_group::{SyncGroupRequest, SyncGroupRequestAssignment};
use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::{Duration, Instant};

const SESSION_TIMEOUT_MS: i32 = 10_000;
const REBALANCE_TIMEOUT_MS: i32 = 30_000;
const HEARTBEAT_EVERY: Duration = Duration::from_secs(3);
/// Others may hold a rebalance up for as long as they said when they joined; Java clients say five minutes.
const JOIN_WAIT_MAX: Duration = Duration::from_secs(310);
const PROTOCOL_TYPE: &str = "consumer";
const ASSIGNOR: &str = "range";

/// One member in one generation of its group.
#[derive(Debug)]
pub struct Member {
    group: String,
    topics: Vec<String>,
    member_id: String,
    generation: i32,
    assignment: Vec<TopicPartition>,
    heartbeat_due: Instant,
}

impl Member {
    /// Joins and waits for an assignment.
    pub fn join(client: &mut Client, group: &str, topics: &[String]) -> Result<Member, ClientError> {
        let mut member = Member {
            group: group.to_owned(),
            topics: topics.to_vec(),
            member_id: String::new(),
            generation: -1,
            assignment: Vec::new(),
            heartbeat_due: Instant::now(),
        };
        member.rejoin(client)?;
        Ok(member)
    }

    /// The partitions that are ours in this generation.
    pub fn assignment(&self) -> &[TopicPartition] {
        &self.assignment
    }

    /// Joins the next generation.
    pub fn rejoin(&mut self, client: &mut Client) -> Result<(), ClientError> {
        let deadline = Instant::now() + JOIN_WAIT_MAX;
        loop {
            let coordinator = client.coordinator(&self.group)?;
            let step = self.try_join(client, coordinator);
            match step {
                Ok(()) => {
                    self.heartbeat_due = Instant::now() + HEARTBEAT_EVERY;
                    return Ok(());
                }
                Err(error) => {
                    let code = if let ClientError::Refused { code, .. } = &error {
                        *code
                    } else {
                        return Err(error);
                    };
                    match code {
                        ErrorCode::MEMBER_ID_REQUIRED | ErrorCode::REBALANCE_IN_PROGRESS => continue,
                        ErrorCode::UNKNOWN_MEMBER_ID | ErrorCode::ILLEGAL_GENERATION => self.member_id.clear(),
                        code if code.is_retriable() => thread::sleep(RETRY_WAIT),
                        _ => return Err(error),
                    }
                    if Instant::now() > deadline {
                        return Err(error);
                    }
                }
            }
        }
    }

    fn try_join(&mut self, client: &mut Client, coordinator: i32) -> Result<(), ClientError> {
        let subscription = ConsumerProtocolSubscription {
            topics: self.topics.clone(),
            ..Default::default()
        };
        let request = JoinGroupRequest {
            group_id: self.group.clone(),
            session_timeout_ms: SESSION_TIMEOUT_MS,
            rebalance_timeout_ms: REBALANCE_TIMEOUT_MS,
            member_id: self.member_id.clone(),
            protocol_type: PROTOCOL_TYPE.to_owned(),
            protocols: vec![JoinGroupRequestProtocol {
                name: ASSIGNOR.to_owned(),
                metadata: to_versioned(&subscription, 1),
            }],
            ..Default::default()
        };
        let joined = client.ask_broker_within(coordinator, &request, JOIN_WAIT_MAX)?;
        if !joined.member_id.is_empty() {
            self.member_id = joined.member_id.clone();
        }
        self.check("joining", joined.error_code)?;
        self.generation = joined.generation_id;
        let assignments = if joined.leader == self.member_id && !joined.skip_assignment {
            self.assign(client, &joined)?
        } else {
            Vec::new()
        };
        let request = SyncGroupRequest {
            group_id: self.group.clone(),
            generation_id: self.generation,
            member_id: self.member_id.clone(),
            protocol_type: Some(PROTOCOL_TYPE.to_owned()),
            protocol_name: Some(ASSIGNOR.to_owned()),
            assignments,
            ..Default::default()
        };
        let synced = client.ask_broker_within(coordinator, &request, JOIN_WAIT_MAX)?;
        self.check("joining", synced.error_code)?;
        let assignment: ConsumerProtocolAssignment = match synced.assignment.is_empty() {
            true => ConsumerProtocolAssignment::default(),
            false => from_versioned(&synced.assignment).map_err(|problem| ClientError::Garbled {
                address: client.name(),
                problem,
            })?,
        };
        self.assignment = assignment
            .assigned_partitions
            .into_iter()
            .flat_map(|topic| {
                topic
                    .partitions
                    .into_iter()
                    .map(move |partition| (topic.topic.clone(), partition))
            })
            .collect();
        Ok(())
    }

    /// What every member shall read, by the subscriptions that came with the join.
    fn assign(
        &self,
        client: &mut Client,
        joined: &JoinGroupResponse,
    ) -> Result<Vec<SyncGroupRequestAssignment>, ClientError> {
        let mut subscribers: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for member in &joined.members {
            let subscription: ConsumerProtocolSubscription =
                from_versioned(&member.metadata).map_err(|problem| ClientError::Garbled {
                    address: client.name(),
                    problem,
                })?;
            for topic in subscription.topics {
                subscribers.entry(topic).or_default().insert(member.member_id.clone());
            }
        }
        let names: Vec<String> = subscribers.keys().cloned().collect();
        let metadata = client.metadata(Some(&names))?;
        let counts = metadata
            .topics
            .iter()
            .map(|topic| (topic.name.clone().unwrap_or_default(), topic.partitions.len()));
        let shares = ranges(
            &subscribers,
            &counts.map(|(name, count)| (name, count as i32)).collect(),
        );
        let members = joined.members.iter().map(|member| member.member_id.clone());
        let assignment = |member_id: String| {
            let topics = shares.get(&member_id).cloned().unwrap_or_default();
            let topic = |(topic, partitions)| consumer_protocol::TopicPartition { topic, partitions };
            let assigned_partitions = topics.into_iter().map(topic).collect();
            let assignment = ConsumerProtocolAssignment {
                assigned_partitions,
                ..Default::default()
            };
            SyncGroupRequestAssignment {
                member_id,
                assignment: to_versioned(&assignment, 1),
            }
        };
        Ok(members.map(assignment).collect())
    }

    /// Tells the coordinator that we live, when it is time to. False: there is a rebalance, join again.
    pub fn heartbeat(&mut self, client: &mut Client) -> Result<bool, ClientError> {
        if Instant::now() < self.heartbeat_due {
            return Ok(true);
        }
        self.heartbeat_due = Instant::now() + HEARTBEAT_EVERY;
        let request = HeartbeatRequest {
            group_id: self.group.clone(),
            generation_id: self.generation,
            member_id: self.member_id.clone(),
            ..Default::default()
        };
        let coordinator = client.coordinator(&self.group)?;
        match client.ask_broker(coordinator, &request)?.error_code {
            ErrorCode::NONE => Ok(true),
            ErrorCode::REBALANCE_IN_PROGRESS | ErrorCode::ILLEGAL_GENERATION | ErrorCode::UNKNOWN_MEMBER_ID => {
                Ok(false)
            }
            code if code.is_retriable() => Ok(true),
            code => self.check("staying", code).map(|()| true),
        }
    }

    /// Commits as this member. False: the generation is over and the offsets belong to somebody else now.
    pub fn commit(&self, client: &mut Client, offsets: &BTreeMap<TopicPartition, i64>) -> Result<bool, ClientError> {
        match client.commit(&self.group, (&self.member_id, self.generation), offsets) {
            Ok(()) => Ok(true),
            Err(ClientError::Refused {
                code: ErrorCode::REBALANCE_IN_PROGRESS | ErrorCode::ILLEGAL_GENERATION | ErrorCode::UNKNOWN_MEMBER_ID,
                ..
            }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Leaves, so that others need not wait for the session to time out.
    pub fn leave(self, client: &mut Client) -> Result<(), ClientError> {
        let coordinator = client.coordinator(&self.group)?;
        let request = LeaveGroupRequest {
            group_id: self.group.clone(),
            member_id: self.member_id.clone(),
            members: vec![MemberIdentity {
                member_id: self.member_id.clone(),
                ..Default::default()
            }],
        };
        let answer = client.ask_broker(coordinator, &request)?;
        self.check("leaving", answer.error_code)
    }

    fn check(&self, what: &str, code: ErrorCode) -> Result<(), ClientError> {
        ClientError::check(format!("{what} group '{}'", self.group), code, None)
    }
}

/// By topic: the partitions in order, cut into ranges for its subscribers in order; the first ones get one more where
/// it does not come out even.
fn ranges(
    subscribers: &BTreeMap<String, BTreeSet<String>>,
    partitions: &BTreeMap<String, i32>,
) -> BTreeMap<String, BTreeMap<String, Vec<i32>>> {
    let mut shares: BTreeMap<String, BTreeMap<String, Vec<i32>>> = BTreeMap::new();
    for (topic, members) in subscribers {
        let count = partitions.get(topic).copied().unwrap_or(0);
        let each = count / members.len() as i32;
        let more = count % members.len() as i32;
        let mut next = 0;
        for (index, member) in members.iter().enumerate() {
            let end = next + each + i32::from((index as i32) < more);
            if end > next {
                shares
                    .entry(member.clone())
                    .or_default()
                    .insert(topic.clone(), (next..end).collect());
            }
            next = end;
        }
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: seven partitions over three members are 3, 2 and 2, in order.
    #[test]
    fn ranges_are_even_and_in_order() {
        let members = ["a", "b", "c"].map(str::to_owned).into();
        let shares = ranges(&[("t".to_owned(), members)].into(), &[("t".to_owned(), 7)].into());
        assert_eq!(shares["a"]["t"], [0, 1, 2]);
        assert_eq!(shares["b"]["t"], [3, 4]);
        assert_eq!(shares["c"]["t"], [5, 6]);
    }
}
