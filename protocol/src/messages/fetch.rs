//! Fetch (1): records to read, from several partitions at once.
//!
//! v4 isolation level, v5 log start offset, v7 sessions (KIP-227), v9 leader epochs (KIP-320), v11 rack (KIP-392), v12
//! flexible and diverging epochs (KIP-595), v13 topic ids instead of names, v14 OFFSET_MOVED_TO_TIERED_STORAGE
//! (KIP-405), v15 replica state (KIP-903), v16 node endpoints (KIP-951), v17 directory ids (KIP-853), v18 the
//! follower's high watermark (KIP-1166).
//!
//! A broker reads requests with [`FetchRequest`], which borrows everything and has checked the whole body, and writes
//! responses vectored, so that record bytes go from the log to the socket without a copy.

use super::visit::{Items, skip_tagged};
use crate::error_code::ErrorCode;
use crate::message::{Message, message};
use crate::wire::{At, DecodeError, Field, PartsWriter, Reader};
use bytes::Bytes;
use uuid::Uuid;

/// A request as it lies in the frame, checked.
#[derive(Clone, Debug)]
pub struct FetchRequest<'a> {
    pub cluster_id: Option<&'a str>,
    /// -1 from a consumer. Read from where the version has it.
    pub replica: ReplicaState,
    /// How long to wait for `min_bytes`, in milliseconds.
    pub max_wait_ms: i32,
    pub min_bytes: i32,
    /// Over all partitions; a first batch larger than that is returned all the same (KIP-74).
    pub max_bytes: i32,
    /// 0 read uncommitted, 1 read committed.
    pub isolation_level: i8,
    pub session_id: i32,
    /// -1 without a session, 0 to open one, else its next number.
    pub session_epoch: i32,
    pub rack_id: &'a str,
    topics: Items<'a, FetchRequestTopic<'a>>,
    forgotten: Items<'a, ForgottenRequestTopic<'a>>,
}

/// One topic of a [`FetchRequest`].
#[derive(Clone, Debug)]
pub struct FetchRequestTopic<'a> {
    /// Up to v12; empty from v13.
    pub name: &'a str,
    /// From v13; nil up to v12.
    pub topic_id: Uuid,
    partitions: Items<'a, FetchPartition>,
}

/// A topic with partitions that leave the session.
#[derive(Clone, Debug)]
pub struct ForgottenRequestTopic<'a> {
    /// Up to v12; empty from v13.
    pub name: &'a str,
    /// From v13; nil up to v12.
    pub topic_id: Uuid,
    partitions: Items<'a, i32>,
}

impl<'a> FetchRequest<'a> {
    /// Checks the whole body. Bytes after it are ignored, as Kafka does.
    ///
    /// # Errors
    /// When the version is none of ours or the bytes are not such a request.
    pub fn parse(body: &'a [u8], version: i16) -> Result<Self, DecodeError> {
        Self::read(Reader::new(body), version)
    }

    /// As [`parse`](Self::parse), of a reader that stands at the body.
    ///
    /// # Errors
    /// The same.
    pub fn read(mut r: Reader<'a>, version: i16) -> Result<Self, DecodeError> {
        FetchRequestData::check_version(version)?;
        let flexible = version >= FetchRequestData::FLEXIBLE;
        let mut replica = ReplicaState::default();
        if version < 15 {
            replica.replica_id = r.i32()?;
        }
        let max_wait_ms = r.i32()?;
        let min_bytes = r.i32()?;
        let max_bytes = r.i32()?;
        let isolation_level = r.i8()?;
        let (session_id, session_epoch) = if version >= 7 { (r.i32()?, r.i32()?) } else { (0, -1) };
        let topics = Items::read(&mut r, version, flexible, FetchRequestTopic::read)?;
        let forgotten = match version {
            7.. => Items::read(&mut r, version, flexible, ForgottenRequestTopic::read)?,
            _ => Items::none(ForgottenRequestTopic::read),
        };
        let rack_id = if version >= 11 { r.str(flexible)? } else { "" };
        let mut cluster_id = None;
        if flexible {
            r.tagged_fields(|tag, r| {
                match tag {
                    0 => cluster_id = r.nullable_str(true)?,
                    1 if version >= 15 => {
                        replica = ReplicaState { replica_id: r.i32()?, replica_epoch: r.i64()? };
                        skip_tagged(r, true)?;
                    }
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(FetchRequest {
            cluster_id,
            replica,
            max_wait_ms,
            min_bytes,
            max_bytes,
            isolation_level,
            session_id,
            session_epoch,
            rack_id,
            topics,
            forgotten,
        })
    }

    /// The topics to read, in the request's order, which is the order to serve them in.
    pub fn topics(&self) -> impl ExactSizeIterator<Item = FetchRequestTopic<'a>> + Clone + use<'a> {
        self.topics.clone()
    }

    /// The topics with partitions that leave the session.
    pub fn forgotten(&self) -> impl ExactSizeIterator<Item = ForgottenRequestTopic<'a>> + Clone + use<'a> {
        self.forgotten.clone()
    }
}

impl<'a> FetchRequestTopic<'a> {
    /// The partitions, in the request's order.
    pub fn partitions(&self) -> impl ExactSizeIterator<Item = FetchPartition> + Clone + use<'a> {
        self.partitions.clone()
    }

    fn read(r: &mut Reader<'a>, version: i16, flexible: bool) -> Result<Self, DecodeError> {
        let (name, topic_id) = read_topic(r, version, flexible)?;
        let partitions = Items::read(r, version, flexible, |r, version, flexible| {
            Field::read(r, At { version, flexible, nullable: false })
        })?;
        skip_tagged(r, flexible)?;
        Ok(FetchRequestTopic { name, topic_id, partitions })
    }
}

impl<'a> ForgottenRequestTopic<'a> {
    /// Indexes of the partitions.
    pub fn partitions(&self) -> impl ExactSizeIterator<Item = i32> + Clone + use<'a> {
        self.partitions.clone()
    }

    fn read(r: &mut Reader<'a>, version: i16, flexible: bool) -> Result<Self, DecodeError> {
        let (name, topic_id) = read_topic(r, version, flexible)?;
        let partitions = Items::read(r, version, flexible, |r, _, _| r.i32())?;
        skip_tagged(r, flexible)?;
        Ok(ForgottenRequestTopic { name, topic_id, partitions })
    }
}

fn read_topic<'a>(r: &mut Reader<'a>, version: i16, flexible: bool) -> Result<(&'a str, Uuid), DecodeError> {
    Ok(if version < 13 { (r.str(flexible)?, Uuid::nil()) } else { ("", r.uuid()?) })
}

impl FetchResponse {
    /// Encodes the response in pieces; those of `records` are passed on by reference.
    pub fn encode_parts(&self, version: i16, out: &mut PartsWriter) {
        self.encode(out.writer(), version);
    }
}

message! {
    /// A request that owns its values, as a client builds it; named like Kafka's generated class.
    FetchRequestData = FETCH, 4-18, flexible 12+ {
        cluster_id:            Option<String>,      12+,  nullable 12+, tag 0, default None;
        replica_id:            i32,                 0-14, default -1;
        replica_state:         ReplicaState,        15+,  tag 1;
        max_wait_ms:           i32,                 0+;
        min_bytes:             i32,                 0+;
        max_bytes:             i32,                 3+,   default i32::MAX;
        isolation_level:       i8,                  4+;
        session_id:            i32,                 7+;
        session_epoch:         i32,                 7+,   default -1;
        topics:                Vec<FetchTopic>,     0+;
        forgotten_topics_data: Vec<ForgottenTopic>, 7+;
        rack_id:               String,              11+;
    }

    ReplicaState {
        replica_id:    i32, 15+, default -1;
        replica_epoch: i64, 15+, default -1;
    }

    FetchTopic {
        topic:      String,              0-12;
        topic_id:   Uuid,                13+;
        partitions: Vec<FetchPartition>, 0+;
    }

    FetchPartition {
        partition:            i32,  0+;
        current_leader_epoch: i32,  9+,  default -1;
        fetch_offset:         i64,  0+;
        last_fetched_epoch:   i32,  12+, default -1;
        log_start_offset:     i64,  5+,  default -1;
        partition_max_bytes:  i32,  0+;
        replica_directory_id: Uuid, 17+, tag 0;
        high_watermark:       i64,  18+, tag 1, default i64::MAX;
    }

    ForgottenTopic {
        topic:      String,   7-12;
        topic_id:   Uuid,     13+;
        partitions: Vec<i32>, 7+;
    }
}

message! {
    /// Record bytes by partition. Encode it with [`FetchResponse::encode_parts`]; the pieces of `records` are not
    /// copied then.
    FetchResponse = FETCH, 4-18, flexible 12+ {
        throttle_time_ms: i32,                         1+;
        error_code:       ErrorCode,                   7+;
        session_id:       i32,                         7+;
        responses:        Vec<FetchableTopicResponse>, 0+;
        node_endpoints:   Vec<NodeEndpoint>,           16+, tag 0;
    }

    FetchableTopicResponse {
        topic:      String,             0-12;
        topic_id:   Uuid,               13+;
        partitions: Vec<PartitionData>, 0+;
    }

    PartitionData {
        partition_index:        i32,                             0+;
        error_code:             ErrorCode,                       0+;
        high_watermark:         i64,                             0+;
        last_stable_offset:     i64,                             4+,  default -1;
        log_start_offset:       i64,                             5+,  default -1;
        diverging_epoch:        EpochEndOffset,                  12+, tag 0;
        current_leader:         LeaderIdAndEpoch,                12+, tag 1;
        /// For followers of Kafka's own metadata log.
        snapshot_id:            SnapshotId,                      12+, tag 2;
        /// None, unless the reader wants committed records only.
        aborted_transactions:   Option<Vec<AbortedTransaction>>, 4+,  nullable 4+;
        preferred_read_replica: i32,                             11+, default -1;
        /// Whole batches, in pieces as the log has them.
        records:                Vec<Bytes>,                      0+;
    }

    EpochEndOffset {
        epoch:      i32, 12+, default -1;
        /// One past the last offset of that epoch; -1 if none.
        end_offset: i64, 12+, default -1;
    }

    LeaderIdAndEpoch {
        leader_id:    i32, 12+, default -1;
        leader_epoch: i32, 12+, default -1;
    }

    SnapshotId {
        end_offset: i64, 0+, default -1;
        epoch:      i32, 0+, default -1;
    }

    AbortedTransaction {
        producer_id:  i64, 4+;
        first_offset: i64, 4+;
    }

    NodeEndpoint {
        node_id: i32,            16+;
        host:    String,         16+;
        port:    i32,            16+;
        rack:    Option<String>, 16+, nullable 16+, default None;
    }
}
