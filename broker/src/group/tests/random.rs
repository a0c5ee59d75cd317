//! A random walk: clients that behave, lie, repeat themselves and vanish; appends that come late or fail; restarts. After
//! every step the invariants hold; a failure prints the seed. `SEED=n` runs one, `SEEDS=n` more than usual.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use corelane_protocol::{
    error_code::ErrorCode,
    messages::{
        heartbeat::HeartbeatRequest,
        join_group::{JoinGroupRequest, JoinGroupRequestProtocol, JoinGroupResponse},
        leave_group::{LeaveGroupRequest, MemberIdentity},
        list_groups::ListGroupsRequest,
        offset_commit::{OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic},
        offset_delete::{OffsetDeleteRequest, OffsetDeleteRequestPartition, OffsetDeleteRequestTopic},
        offset_fetch::{OffsetFetchRequestGroup, OffsetFetchResponseGroup},
        sync_group::{SyncGroupRequest, SyncGroupRequestAssignment},
    },
};

use super::{
    super::{
        Effect, Event, GroupConfig, GroupRecord, Request, RequestToken, Response,
        records::{self, LoadedRecord},
    },
    Host,
};

const SEEDS: u64 = 60;
const STEPS: usize = 1_500;
const GROUPS: [&str; 3] = ["a", "b", "c"];

struct Random(u64);

impl Random {
    /// xorshift64*
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, end: u64) -> u64 {
        (self.next() >> 16) % end
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        if from.is_empty() {
            None
        } else {
            from.get(self.below(from.len() as u64) as usize)
        }
    }
}

/// What some client knows of its membership.
#[derive(Clone, Debug)]
struct Membership {
    group: String,
    member_id: String,
    instance_id: Option<String>,
    generation: i32,
    /// Filled for the leader.
    members: Vec<String>,
}

struct Walk {
    random: Random,
    host: Host,
    next_token: u64,
    waiting: BTreeMap<u64, Request>,
    memberships: Vec<Membership>,
    /// First assignment sent by the leader, per group and generation of this life of the group and broker.
    assignments: BTreeMap<(String, i32), BTreeMap<String, Bytes>>,
    leaders: BTreeMap<(String, i32), String>,
    /// Offsets as the settled records say.
    offsets: BTreeMap<(String, String, i32), i64>,
    next_offset: i64,
}

/// Goal: no order of events breaks the promises written in `coordinator`.
#[test]
fn walk() {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds = match number("SEED") {
        Some(seed) => seed..=seed,
        None => 1..=number("SEEDS").unwrap_or(SEEDS),
    };
    for seed in seeds {
        let result = std::panic::catch_unwind(|| Walk::new(seed).run());
        assert!(result.is_ok(), "failed with SEED={seed}");
    }
}

impl Walk {
    fn new(seed: u64) -> Walk {
        let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let config = GroupConfig {
            initial_rebalance_delay_ms: [0, 3_000][random.below(2) as usize],
            group_size_max: [3, 100][random.below(2) as usize],
            offsets_retention_ms: 3_600_000,
            ..GroupConfig::default()
        };
        Walk {
            random,
            host: Host::new(config),
            next_token: 0,
            waiting: BTreeMap::new(),
            memberships: Vec::new(),
            assignments: BTreeMap::new(),
            leaders: BTreeMap::new(),
            offsets: BTreeMap::new(),
            next_offset: 0,
        }
    }

    fn run(mut self) {
        for _ in 0..STEPS {
            match self.random.below(100) {
                0..60 => self.send_request(),
                60..80 => self.settle(),
                80..98 => self.let_time_pass(),
                98 if self.random.one_in(3) => self.restart(),
                _ => {
                    let effects = self.host.step(Event::TopicsDeleted(vec!["t1".to_string()]));
                    self.check(effects);
                }
            }
            self.check_members();
        }
        self.quieten();
    }

    /// Liveness: with appends that succeed and time, everybody is answered though nobody else speaks; then all are gone.
    fn quieten(&mut self) {
        for _ in 0..10_000 {
            while !self.host.in_flight.is_empty() {
                let settled = self.host.settle_and_tell(Ok(()));
                self.on_settled(settled);
            }
            let (_, effects) = self.host.tick_within(600_000);
            self.check(effects);
        }
        assert!(self.waiting.is_empty(), "still waiting: {:?}", self.waiting);
        for group in self.host.coordinator.groups.values() {
            assert!(
                group.members.is_empty(),
                "members of {} outlived their sessions",
                group.id
            );
        }
        let effects = self.host.step(Event::Unload);
        self.check(effects);
    }

    fn restart(&mut self) {
        // Whoever waits has lost the connection.
        self.waiting.clear();
        self.assignments.clear();
        self.leaders.clear();
        if self.random.one_in(2) {
            let effects = self.host.step(Event::Unload);
            drop(effects);
        }
        let effects = self.host.restart();
        self.check(effects);
    }

    fn settle(&mut self) {
        let fails = self.random.one_in(6);
        if fails && let Some((_, records)) = self.host.in_flight.first_key_value() {
            self.forget_new_groups(&records.clone());
        }
        let settled = self.host.settle_and_tell(if fails {
            Err(ErrorCode::NOT_ENOUGH_REPLICAS)
        } else {
            Ok(())
        });
        self.on_settled(settled);
    }

    fn on_settled(&mut self, (records, effects): (Vec<GroupRecord>, Vec<Effect>)) {
        for record in &records {
            match records::decode(record).expect("we wrote it") {
                LoadedRecord::Offset {
                    group,
                    topic,
                    partition,
                    value: Some(value),
                } => {
                    self.offsets.insert((group, topic, partition), value.offset);
                }
                LoadedRecord::Offset {
                    group,
                    topic,
                    partition,
                    value: None,
                } => {
                    self.offsets.remove(&(group, topic, partition));
                }
                LoadedRecord::Group {
                    group,
                    value: Some(value),
                } => {
                    let ids: BTreeSet<&str> = value.members.iter().map(|member| member.member_id.as_str()).collect();
                    assert_eq!(ids.len(), value.members.len(), "two members of {group} with one id");
                }
                LoadedRecord::Group { group, value: None } => {
                    assert!(
                        self.offsets.keys().all(|key| key.0 != group),
                        "{group} is gone, its offsets are not"
                    );
                }
            }
        }
        self.check(effects);
    }

    fn let_time_pass(&mut self) {
        let ms = match self.random.below(20) {
            0 => 700_000,
            1..4 => 20_000,
            _ => self.random.below(3_000),
        };
        let (_, effects) = self.host.tick_within(ms);
        self.check(effects);
    }

    fn send_request(&mut self) {
        let group = GROUPS[self.random.below(3) as usize].to_string();
        let known = self.random.pick(&self.memberships).cloned();
        let request = match (self.random.below(16), known) {
            (0..3, _) => self.join(group, None),
            (3..6, Some(known)) => self.join(known.group.clone(), Some(known)),
            (6..9, Some(known)) => self.sync(known),
            (9..11, Some(known)) => Request::Heartbeat(HeartbeatRequest {
                group_id: known.group,
                generation_id: known.generation - i32::from(self.random.one_in(8)),
                member_id: known.member_id,
                group_instance_id: known.instance_id,
            }),
            (11, Some(known)) => Request::LeaveGroup(LeaveGroupRequest {
                group_id: known.group,
                members: vec![MemberIdentity {
                    member_id: if self.random.one_in(4) {
                        String::new()
                    } else {
                        known.member_id
                    },
                    group_instance_id: known.instance_id,
                    ..Default::default()
                }],
                ..Default::default()
            }),
            (12, Some(known)) => self.commit(known.group, Some((known.generation, known.member_id))),
            (12 | 13, _) => self.commit(group, None),
            (14, _) if self.random.one_in(3) => Request::DeleteGroups(vec![group, "a".to_string()]),
            (14, _) if self.random.one_in(2) => Request::OffsetDelete(OffsetDeleteRequest {
                group_id: group,
                topics: vec![OffsetDeleteRequestTopic {
                    name: "t".to_string(),
                    partitions: vec![OffsetDeleteRequestPartition { partition_index: 0 }],
                }],
            }),
            (14, _) => Request::ListGroups(ListGroupsRequest::default()),
            (15, _) if self.random.one_in(2) => Request::DescribeGroups(vec![group]),
            _ => Request::OffsetFetch {
                group: OffsetFetchRequestGroup {
                    group_id: group,
                    topics: None,
                    ..Default::default()
                },
                require_stable: self.random.one_in(2),
            },
        };
        let token = self.next_token;
        self.next_token += 1;
        if let Request::SyncGroup(request) = &request {
            self.note_assignment(request);
        }
        self.waiting.insert(token, request.clone());
        let version = [0, 3, 9][self.random.below(3) as usize];
        let effects = self.host.request(token, version, "client", request);
        self.check(effects);
    }

    fn join(&mut self, group: String, known: Option<Membership>) -> Request {
        let protocols: &[&str] =
            [&["range"][..], &["rr", "range"], &["range", "rr"], &["sticky"]][if self.random.one_in(10) {
                3
            } else {
                self.random.below(3) as usize
            }];
        let instance_id = match &known {
            Some(known) => known.instance_id.clone(),
            None => self.random.one_in(3).then(|| format!("i{}", self.random.below(3))),
        };
        Request::JoinGroup(JoinGroupRequest {
            group_id: group,
            session_timeout_ms: 6_000 + self.random.below(20_000) as i32,
            rebalance_timeout_ms: 1_000 + self.random.below(30_000) as i32,
            member_id: known.map(|known| known.member_id).unwrap_or_default(),
            group_instance_id: instance_id,
            protocol_type: "consumer".to_string(),
            protocols: protocols
                .iter()
                .map(|name| JoinGroupRequestProtocol {
                    name: name.to_string(),
                    metadata: Bytes::from(vec![0, 0, 0, 0, 0, 0, self.random.below(2) as u8]),
                })
                .collect(),
            ..Default::default()
        })
    }

    fn sync(&mut self, known: Membership) -> Request {
        let serial = self.random.next();
        Request::SyncGroup(SyncGroupRequest {
            group_id: known.group,
            generation_id: known.generation,
            member_id: known.member_id,
            group_instance_id: known.instance_id,
            // Liars among the followers send assignments too.
            assignments: known
                .members
                .iter()
                .chain(self.random.one_in(5).then_some(&"stranger".to_string()))
                .map(|member_id| SyncGroupRequestAssignment {
                    member_id: member_id.clone(),
                    assignment: Bytes::from(format!("{member_id}:{serial}")),
                })
                .collect(),
            ..Default::default()
        })
    }

    /// The leader's first word in a generation is the one that counts.
    fn note_assignment(&mut self, request: &SyncGroupRequest) {
        let key = (request.group_id.clone(), request.generation_id);
        let is_leader = self
            .leaders
            .get(&key)
            .is_some_and(|leader| *leader == request.member_id);
        let group = self.host.coordinator.groups.get(request.group_id.as_str());
        let counts = group.is_some_and(|group| {
            group.generation == request.generation_id
                && group.state.to_string() == "CompletingRebalance"
                && group
                    .validate_member(&request.member_id, request.group_instance_id.as_deref())
                    .is_ok()
        });
        if is_leader && counts {
            let parts = request
                .assignments
                .iter()
                .map(|it| (it.member_id.clone(), it.assignment.clone()));
            self.assignments.entry(key).or_insert_with(|| parts.collect());
        }
    }

    fn commit(&mut self, group: String, member: Option<(i32, String)>) -> Request {
        self.next_offset += 1;
        let (generation, member_id) = member.unwrap_or((-1, String::new()));
        Request::OffsetCommit(OffsetCommitRequest {
            group_id: group,
            generation_id_or_member_epoch: generation,
            member_id,
            topics: vec![OffsetCommitRequestTopic {
                name: format!("t{}", self.random.below(2)),
                partitions: vec![OffsetCommitRequestPartition {
                    partition_index: self.random.below(2) as i32,
                    committed_offset: self.next_offset,
                    ..Default::default()
                }],
                ..Default::default()
            }],
            ..Default::default()
        })
    }

    fn check(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Respond {
                    token: RequestToken(token),
                    response,
                } => {
                    let request = self.waiting.remove(&token).expect("answered once, and asked before");
                    self.check_response(&request, response);
                }
                Effect::Append { records, .. } => self.forget_new_groups(&records),
                Effect::Skipped(error) => panic!("own record not understood: {error}"),
            }
        }
    }

    /// A group that begins or ends here counts its generations anew.
    fn forget_new_groups(&mut self, records: &[GroupRecord]) {
        for record in records {
            if let Ok(LoadedRecord::Group { group, value }) = records::decode(record)
                && value.is_none_or(|value| value.generation == 0)
            {
                self.assignments.retain(|key, _| key.0 != group);
                self.leaders.retain(|key, _| key.0 != group);
            }
        }
    }

    fn check_response(&mut self, request: &Request, response: Response) {
        match (request, response) {
            (Request::JoinGroup(request), Response::JoinGroup(response)) => self.check_join(request, response),
            (Request::SyncGroup(request), Response::SyncGroup(response)) => {
                let key = (request.group_id.clone(), request.generation_id);
                if response.error_code == ErrorCode::NONE
                    && let Some(assignment) = self.assignments.get(&key)
                {
                    let part = &response.assignment;
                    match assignment.get(&request.member_id) {
                        Some(expected) => assert_eq!(part, expected, "{key:?} {}", request.member_id),
                        // It has the part of the member that it has replaced.
                        None if request.group_instance_id.is_some() => {
                            assert!(
                                part.is_empty() || assignment.values().any(|other| other == part),
                                "{key:?}"
                            );
                        }
                        None => assert!(part.is_empty(), "{key:?} {}", request.member_id),
                    }
                }
            }
            (Request::OffsetCommit(request), Response::OffsetCommit(response)) => {
                let offset = request.topics[0].partitions[0].committed_offset;
                let key = (
                    request.group_id.clone(),
                    request.topics[0].name.clone(),
                    request.topics[0].partitions[0].partition_index,
                );
                if response.topics[0].partitions[0].error_code == ErrorCode::NONE {
                    assert_eq!(
                        self.offsets.get(&key),
                        Some(&offset),
                        "answered in log order, once durable"
                    );
                }
            }
            (Request::OffsetFetch { .. }, Response::OffsetFetch(response)) => self.check_fetch(&response),
            (Request::Heartbeat(_), Response::Heartbeat(_))
            | (Request::LeaveGroup(_), Response::LeaveGroup(_))
            | (Request::ListGroups(_), Response::ListGroups(_))
            | (Request::DescribeGroups(_), Response::DescribeGroups(_))
            | (Request::DeleteGroups(_), Response::DeleteGroups(_))
            | (Request::OffsetDelete(_), Response::OffsetDelete(_)) => {}
            (request, response) => panic!("{request:?} answered by {response:?}"),
        }
    }

    fn check_join(&mut self, request: &JoinGroupRequest, response: JoinGroupResponse) {
        let told = match response.error_code {
            ErrorCode::NONE => response.generation_id,
            ErrorCode::MEMBER_ID_REQUIRED => -1,
            _ => return,
        };
        let members: Vec<String> = response.members.iter().map(|member| member.member_id.clone()).collect();
        let unique: BTreeSet<&String> = members.iter().collect();
        assert_eq!(unique.len(), members.len(), "two members with one id");
        if response.error_code == ErrorCode::NONE {
            let is_leader = response.leader == response.member_id;
            assert_eq!(
                is_leader,
                !members.is_empty(),
                "the leader, and only it, learns of the others"
            );
            if is_leader {
                let key = (request.group_id.clone(), told);
                let leader = self.leaders.entry(key).or_insert_with(|| response.leader.clone());
                // A static leader that came back stable has a new id; it was told to skip the assignment.
                assert!(
                    *leader == response.leader || response.skip_assignment,
                    "two leaders of one generation: {leader} {request:?} {response:?}"
                );
            }
        }
        if self.memberships.len() > 30 {
            self.memberships.remove(0);
        }
        self.memberships.push(Membership {
            group: request.group_id.clone(),
            member_id: response.member_id,
            instance_id: request.group_instance_id.clone(),
            generation: told,
            members,
        });
    }

    fn check_fetch(&self, response: &OffsetFetchResponseGroup) {
        if response.error_code != ErrorCode::NONE {
            // It waited for commits, and too long.
            assert_eq!(response.error_code, ErrorCode::COORDINATOR_NOT_AVAILABLE);
            return;
        }
        let told: BTreeMap<_, _> = response
            .topics
            .iter()
            .flat_map(|topic| {
                topic.partitions.iter().map(|it| {
                    (
                        (response.group_id.clone(), topic.name.clone(), it.partition_index),
                        it.committed_offset,
                    )
                })
            })
            .collect();
        let expected: BTreeMap<_, _> = self
            .offsets
            .iter()
            .filter(|(key, _)| key.0 == response.group_id)
            .map(|(key, offset)| (key.clone(), *offset))
            .collect();
        assert_eq!(told, expected, "a fetch tells what is durable");
    }

    fn check_members(&self) {
        for group in self.host.coordinator.groups.values() {
            for (instance_id, id) in &group.static_members {
                assert_eq!(group.members[id].instance_id.as_ref(), Some(instance_id));
            }
            let static_count = group.members.values().filter(|member| member.is_static()).count();
            assert_eq!(static_count, group.static_members.len(), "one member per instance id");
            assert_eq!(group.leader.is_some(), !group.members.is_empty());
            assert!(
                group
                    .leader
                    .as_ref()
                    .is_none_or(|leader| group.members.contains_key(leader))
            );
            let has_members = !matches!(group.state.to_string().as_str(), "Empty" | "Dead");
            assert!(
                has_members || group.members.is_empty(),
                "{} is {} with members",
                group.id,
                group.state
            );
        }
    }
}
