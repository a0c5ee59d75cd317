//! What goes into a coordinator and what comes out of it. Requests and answers are Kafka's own messages where one message
//! belongs to one coordinator, and the part of the message that does where several coordinators share one.

use bytes::Bytes;
use corelane_protocol::{
    error_code::ErrorCode,
    messages::{
        delete_groups::DeletableGroupResult,
        describe_groups::DescribedGroup,
        heartbeat::{HeartbeatRequest, HeartbeatResponse},
        join_group::{JoinGroupRequest, JoinGroupResponse},
        leave_group::{LeaveGroupRequest, LeaveGroupResponse, MemberResponse},
        list_groups::{ListGroupsRequest, ListGroupsResponse},
        offset_commit::{
            OffsetCommitRequest, OffsetCommitResponse, OffsetCommitResponsePartition, OffsetCommitResponseTopic,
        },
        offset_delete::{OffsetDeleteRequest, OffsetDeleteResponse},
        offset_fetch::{OffsetFetchRequestGroup, OffsetFetchResponseGroup},
        sync_group::{SyncGroupRequest, SyncGroupResponse},
    },
};

use super::records::RecordError;
use crate::runtime::world::Instant;

/// Names one request; chosen by the host, answered exactly once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestToken(pub u64);

/// Names one append; chosen by the coordinator, rising, settled at most once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AppendToken(pub u64);

/// The two clocks: deadlines run on the monotonic one, timestamps in records come from the wall.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    pub instant: Instant,
    pub wall_ms: i64,
}

/// Who asks.
#[derive(Clone, Debug, Default)]
pub struct Client {
    /// Empty when the client gave none.
    pub id: String,
    /// As Java prints an address: `/127.0.0.1`.
    pub host: String,
    pub api_version: i16,
    /// Fresh chance for this request; a member id may be made of it.
    pub random: u128,
}

#[derive(Clone, Debug)]
pub enum Request {
    JoinGroup(JoinGroupRequest),
    SyncGroup(SyncGroupRequest),
    Heartbeat(HeartbeatRequest),
    /// In the form of version 3 and up: the members listed.
    LeaveGroup(LeaveGroupRequest),
    /// Topics by name and, as far as known, by id, whatever the version.
    OffsetCommit(OffsetCommitRequest),
    OffsetFetch {
        group: OffsetFetchRequestGroup,
        require_stable: bool,
    },
    ListGroups(ListGroupsRequest),
    DescribeGroups(Vec<String>),
    DeleteGroups(Vec<String>),
    OffsetDelete(OffsetDeleteRequest),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Response {
    JoinGroup(JoinGroupResponse),
    SyncGroup(SyncGroupResponse),
    Heartbeat(HeartbeatResponse),
    LeaveGroup(LeaveGroupResponse),
    OffsetCommit(OffsetCommitResponse),
    OffsetFetch(OffsetFetchResponseGroup),
    ListGroups(ListGroupsResponse),
    DescribeGroups(Vec<DescribedGroup>),
    DeleteGroups(Vec<DeletableGroupResult>),
    OffsetDelete(OffsetDeleteResponse),
}

/// A record of `__consumer_offsets`; no value is a tombstone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRecord {
    pub key: Bytes,
    pub value: Option<Bytes>,
}

// One event at a time is on the stack, and almost all are requests.
#[allow(clippy::large_enum_variant)]
#[derive(Clone, Debug)]
pub enum Event {
    Request {
        token: RequestToken,
        client: Client,
        request: Request,
    },
    /// The records of an append are durable, or never will be.
    Appended {
        token: AppendToken,
        result: Result<(), ErrorCode>,
    },
    /// The next records of the log, oldest first. Only between creation and `Loaded`.
    Load(Vec<GroupRecord>),
    /// The whole log has been loaded: members' sessions start now, requests are served.
    Loaded,
    /// These topics are gone, so the offsets committed for them are too.
    TopicsDeleted(Vec<String>),
    Tick,
    /// The partition has got another leader: everybody who waits is sent there.
    Unload,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    Respond {
        token: RequestToken,
        response: Response,
    },
    /// Append these in order. Atomic only as far as one batch goes: a long list may be cut into several batches, then
    /// it counts as durable when the last one is.
    Append {
        token: AppendToken,
        records: Vec<GroupRecord>,
    },
    /// A loaded record that nobody understands was left out; worth a line in the broker's log.
    Skipped(RecordError),
}

impl Request {
    /// The answer that says nothing but `error`, in the shape of this request's response (Kafka: the
    /// `getErrorResponse` of each request class).
    pub fn failed(&self, error: ErrorCode) -> Response {
        match self {
            Request::JoinGroup(request) => Response::JoinGroup(JoinGroupResponse {
                error_code: error,
                member_id: request.member_id.clone(),
                ..Default::default()
            }),
            Request::SyncGroup(_) => Response::SyncGroup(SyncGroupResponse {
                error_code: error,
                ..Default::default()
            }),
            Request::Heartbeat(_) => Response::Heartbeat(HeartbeatResponse {
                error_code: error,
                ..Default::default()
            }),
            Request::LeaveGroup(_) => Response::LeaveGroup(LeaveGroupResponse {
                error_code: error,
                ..Default::default()
            }),
            Request::OffsetCommit(request) => Response::OffsetCommit(OffsetCommitResponse {
                topics: request
                    .topics
                    .iter()
                    .map(|topic| OffsetCommitResponseTopic {
                        name: topic.name.clone(),
                        topic_id: topic.topic_id,
                        partitions: topic
                            .partitions
                            .iter()
                            .map(|partition| OffsetCommitResponsePartition {
                                partition_index: partition.partition_index,
                                error_code: error,
                            })
                            .collect(),
                    })
                    .collect(),
                ..Default::default()
            }),
            Request::OffsetFetch { group, .. } => Response::OffsetFetch(OffsetFetchResponseGroup {
                group_id: group.group_id.clone(),
                error_code: error,
                ..Default::default()
            }),
            Request::ListGroups(_) => Response::ListGroups(ListGroupsResponse {
                error_code: error,
                ..Default::default()
            }),
            Request::DescribeGroups(groups) => Response::DescribeGroups(
                groups
                    .iter()
                    .map(|group_id| DescribedGroup {
                        group_id: group_id.clone(),
                        error_code: error,
                        ..Default::default()
                    })
                    .collect(),
            ),
            Request::DeleteGroups(groups) => Response::DeleteGroups(
                groups
                    .iter()
                    .map(|group_id| DeletableGroupResult {
                        group_id: group_id.clone(),
                        error_code: error,
                    })
                    .collect(),
            ),
            Request::OffsetDelete(_) => Response::OffsetDelete(OffsetDeleteResponse {
                error_code: error,
                ..Default::default()
            }),
        }
    }
}

impl Response {
    /// This answer after its record could not be written.
    pub(super) fn failed(self, error: ErrorCode) -> Response {
        match self {
            Response::JoinGroup(_) => Response::JoinGroup(JoinGroupResponse {
                error_code: error,
                ..Default::default()
            }),
            Response::LeaveGroup(_) => Response::LeaveGroup(LeaveGroupResponse {
                error_code: error,
                ..Default::default()
            }),
            Response::OffsetCommit(mut response) => {
                for partition in response.topics.iter_mut().flat_map(|topic| &mut topic.partitions) {
                    partition.error_code = error;
                }
                Response::OffsetCommit(response)
            }
            Response::OffsetFetch(response) => Response::OffsetFetch(OffsetFetchResponseGroup {
                group_id: response.group_id,
                error_code: error,
                ..Default::default()
            }),
            Response::DeleteGroups(mut results) => {
                for result in &mut results {
                    result.error_code = error;
                }
                Response::DeleteGroups(results)
            }
            Response::OffsetDelete(_) => Response::OffsetDelete(OffsetDeleteResponse {
                error_code: error,
                ..Default::default()
            }),
            other => unreachable!("{other:?} never waits for a record"),
        }
    }
}

/// One member's line in a LeaveGroup answer.
pub(super) fn left(member_id: &str, instance_id: &Option<String>, error: ErrorCode) -> MemberResponse {
    MemberResponse {
        member_id: member_id.to_string(),
        group_instance_id: instance_id.clone(),
        error_code: error,
    }
}
