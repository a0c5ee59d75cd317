//! Produce (0): batches to append.
//!
//! v3 transactional id and RecordBatch v2, v4 KAFKA_STORAGE_ERROR, v5 log start offset, v7 zstd allowed (KIP-110), v8
//! record errors (KIP-467), v9 flexible, v10 the current leader in the answer (KIP-951), v11 TRANSACTION_ABORTABLE, v12
//! adds partitions to a transaction by itself (KIP-890), v13 topic ids instead of names. v0-2 are advertised for
//! librdkafka's sake (KAFKA-18659) but refused.
//!
//! A broker reads requests with [`ProduceRequest`]: it borrows everything, allocates nothing, and has checked the whole
//! body before the first item is handed out.

use super::visit::{Items, skip_tagged};
use crate::error_code::ErrorCode;
use crate::message::{Message, message};
use crate::wire::{DecodeError, Reader};
use bytes::Bytes;
use uuid::Uuid;

/// A request as it lies in the frame, checked.
#[derive(Clone, Debug)]
pub struct ProduceRequest<'a> {
    pub transactional_id: Option<&'a str>,
    /// 0 no answer, 1 the leader, -1 all in-sync replicas.
    pub acks: i16,
    /// How long the leader may wait for the others, in milliseconds.
    pub timeout_ms: i32,
    topics: Items<'a, ProduceTopic<'a>>,
}

/// One topic of a [`ProduceRequest`].
#[derive(Clone, Debug)]
pub struct ProduceTopic<'a> {
    /// Up to v12; empty from v13.
    pub name: &'a str,
    /// From v13; nil up to v12.
    pub topic_id: Uuid,
    partitions: Items<'a, ProducePartition<'a>>,
}

/// One partition of a [`ProduceTopic`].
#[derive(Clone, Debug)]
pub struct ProducePartition<'a> {
    pub index: i32,
    /// Batches, not yet looked into.
    pub records: Option<&'a [u8]>,
}

impl<'a> ProduceRequest<'a> {
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
        ProduceRequestData::check_version(version)?;
        let flexible = version >= ProduceRequestData::FLEXIBLE;
        let transactional_id = r.nullable_str(flexible)?;
        let acks = r.i16()?;
        let timeout_ms = r.i32()?;
        let topics = Items::read(&mut r, version, flexible, ProduceTopic::read)?;
        skip_tagged(&mut r, flexible)?;
        Ok(ProduceRequest { transactional_id, acks, timeout_ms, topics })
    }

    /// The topics, in the request's order.
    pub fn topics(&self) -> impl ExactSizeIterator<Item = ProduceTopic<'a>> + Clone + use<'a> {
        self.topics.clone()
    }
}

impl<'a> ProduceTopic<'a> {
    /// The partitions, in the request's order.
    pub fn partitions(&self) -> impl ExactSizeIterator<Item = ProducePartition<'a>> + Clone + use<'a> {
        self.partitions.clone()
    }

    fn read(r: &mut Reader<'a>, version: i16, flexible: bool) -> Result<Self, DecodeError> {
        let (name, topic_id) = if version < 13 { (r.str(flexible)?, Uuid::nil()) } else { ("", r.uuid()?) };
        let partitions = Items::read(r, version, flexible, ProducePartition::read)?;
        skip_tagged(r, flexible)?;
        Ok(ProduceTopic { name, topic_id, partitions })
    }
}

impl<'a> ProducePartition<'a> {
    fn read(r: &mut Reader<'a>, _version: i16, flexible: bool) -> Result<Self, DecodeError> {
        let index = r.i32()?;
        let records = r.nullable_slice(flexible)?;
        skip_tagged(r, flexible)?;
        Ok(ProducePartition { index, records })
    }
}

message! {
    /// A request that owns its bytes, as a client builds it; named like Kafka's generated class.
    ProduceRequestData = PRODUCE, 3-13, flexible 9+ {
        transactional_id: Option<String>,        3+, nullable 3+, default None;
        /// 0 no answer, 1 the leader, -1 all in-sync replicas.
        acks:             i16,                   0+;
        /// How long the leader may wait for the others, in milliseconds.
        timeout_ms:       i32,                   0+;
        topic_data:       Vec<TopicProduceData>, 0+;
    }

    TopicProduceData {
        name:           String,                    0-12;
        topic_id:       Uuid,                      13+;
        partition_data: Vec<PartitionProduceData>, 0+;
    }

    PartitionProduceData {
        index:   i32,           0+;
        records: Option<Bytes>, 0+, nullable 0+, default None;
    }

    /// What became of each partition.
    ProduceResponse = PRODUCE, 3-13, flexible 9+ {
        responses:        Vec<TopicProduceResponse>, 0+;
        throttle_time_ms: i32,                       1+;
        node_endpoints:   Vec<NodeEndpoint>,         10+, tag 0;
    }

    TopicProduceResponse {
        name:                String,                        0-12;
        topic_id:            Uuid,                          13+;
        partition_responses: Vec<PartitionProduceResponse>, 0+;
    }

    PartitionProduceResponse {
        index:              i32,                            0+;
        error_code:         ErrorCode,                      0+;
        base_offset:        i64,                            0+;
        log_append_time_ms: i64,                            2+,  default -1;
        log_start_offset:   i64,                            5+,  default -1;
        record_errors:      Vec<BatchIndexAndErrorMessage>, 8+;
        error_message:      Option<String>,                 8+,  nullable 8+, default None;
        current_leader:     LeaderIdAndEpoch,               10+, tag 0;
    }

    BatchIndexAndErrorMessage {
        batch_index:               i32,            8+;
        batch_index_error_message: Option<String>, 8+, nullable 8+, default None;
    }

    LeaderIdAndEpoch {
        leader_id:    i32, 10+, default -1;
        leader_epoch: i32, 10+, default -1;
    }

    NodeEndpoint {
        node_id: i32,            10+;
        host:    String,         10+;
        port:    i32,            10+;
        rack:    Option<String>, 10+, nullable 10+, default None;
    }
}
