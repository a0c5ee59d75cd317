//! Writes batches to the leaders of one topic, each once: with acks=all the producer has an id, so that a batch sent
//! again after a lost answer is recognised (KIP-98).

use super::offsets::{is_stale_leader, leader_of};
use super::{Client, ClientError, RETRY_WAIT, may_retry};
use bytes::Bytes;
use corelane_protocol::error_code::ErrorCode;
use corelane_protocol::messages::InitProducerIdRequest;
use corelane_protocol::messages::metadata::MetadataResponseTopic;
use corelane_protocol::messages::produce::{
    PartitionProduceData, PartitionProduceResponse, ProduceRequestData, TopicProduceData,
};
use corelane_protocol::records::Builder;
use std::collections::BTreeMap;
use std::thread;
use std::time::Instant;

/// A producer for one topic.
#[derive(Debug)]
pub struct Producer {
    topic: String,
    metadata: Vec<MetadataResponseTopic>,
    /// 0 no answer, 1 the leader, -1 all in-sync replicas.
    acks: i16,
    /// Id and epoch, with acks=all.
    id: Option<(i64, i16)>,
    /// Next sequence number by partition.
    sequences: BTreeMap<i32, i32>,
}

/// What the cluster said about a batch.
#[derive(Clone, Copy, Debug)]
pub struct Acknowledged {
    pub partition: i32,
    /// -1 with acks=0.
    pub base_offset: i64,
}

impl Producer {
    /// Looks the topic up and, with acks=all, gets an id.
    pub fn open(client: &mut Client, topic: &str, acks: i16) -> Result<Producer, ClientError> {
        let metadata = client.topics(&[topic.to_owned()])?;
        let id = if acks == -1 { Some(producer_id(client)?) } else { None };
        Ok(Producer {
            topic: topic.to_owned(),
            metadata,
            acks,
            id,
            sequences: BTreeMap::new(),
        })
    }

    /// Partitions of the topic.
    pub fn partitions(&self) -> i32 {
        self.metadata.first().map_or(0, |topic| topic.partitions.len() as i32)
    }

    /// Writes one batch and waits for its acknowledgement, trying again while that may help.
    pub fn send(&mut self, client: &mut Client, partition: i32, batch: Builder) -> Result<Acknowledged, ClientError> {
        let sequence = self.sequences.get(&partition).copied().unwrap_or(0);
        let count = batch.records_count();
        let batch = match self.id {
            Some((id, epoch)) => batch.producer(id, epoch, sequence),
            None => batch,
        };
        let records = batch.build();
        let deadline = client.deadline();
        let base_offset = loop {
            match self.try_send(client, partition, records.clone()) {
                Ok(base_offset) => break base_offset,
                Err(error) if may_retry(&error) && Instant::now() < deadline => {
                    thread::sleep(RETRY_WAIT);
                    self.metadata = client.topics(std::slice::from_ref(&self.topic))?;
                }
                Err(error) => return Err(error),
            }
        };
        // Sequence numbers wrap to 0 after the largest (`DefaultRecordBatch.incrementSequence`).
        self.sequences
            .insert(partition, ((i64::from(sequence) + i64::from(count)) % (1 << 31)) as i32);
        Ok(Acknowledged { partition, base_offset })
    }

    fn try_send(&self, client: &mut Client, partition: i32, records: Bytes) -> Result<i64, ClientError> {
        let leader = leader_of(&self.metadata, &self.topic, partition);
        if leader < 0 {
            return Err(self.refused(partition, ErrorCode::LEADER_NOT_AVAILABLE, None));
        }
        let request = ProduceRequestData {
            acks: self.acks,
            timeout_ms: client.timeout_ms(),
            topic_data: vec![TopicProduceData {
                name: self.topic.clone(),
                partition_data: vec![PartitionProduceData {
                    index: partition,
                    records: Some(records),
                }],
                ..Default::default()
            }],
            ..Default::default()
        };
        if self.acks == 0 {
            return client.tell_broker(leader, &request).map(|()| -1);
        }
        let answer = client.ask_broker(leader, &request)?;
        let of_partition = answer.responses.into_iter().flat_map(|topic| topic.partition_responses);
        let found = of_partition.into_iter().find(|answer| answer.index == partition);
        let PartitionProduceResponse {
            error_code,
            base_offset,
            error_message,
            record_errors,
            ..
        } = found.ok_or_else(|| self.refused(partition, ErrorCode::UNKNOWN_SERVER_ERROR, None))?;
        match error_code {
            // The first try arrived, only its answer was lost.
            ErrorCode::NONE | ErrorCode::DUPLICATE_SEQUENCE_NUMBER => Ok(base_offset),
            code if is_stale_leader(code) => Err(self.refused(partition, code, error_message)),
            code => {
                let of_record = record_errors
                    .into_iter()
                    .find_map(|record| record.batch_index_error_message);
                Err(self.refused(partition, code, of_record.or(error_message)))
            }
        }
    }

    fn refused(&self, partition: i32, code: ErrorCode, message: Option<String>) -> ClientError {
        ClientError::refused(format!("writing to {}-{partition}", self.topic), code, message)
    }
}

fn producer_id(client: &mut Client) -> Result<(i64, i16), ClientError> {
    let deadline = client.deadline();
    let request = InitProducerIdRequest {
        transactional_id: None,
        transaction_timeout_ms: i32::MAX,
        ..Default::default()
    };
    loop {
        let answer = client.ask(&request)?;
        match answer.error_code {
            ErrorCode::NONE => return Ok((answer.producer_id, answer.producer_epoch)),
            code if code.is_retriable() && Instant::now() < deadline => thread::sleep(RETRY_WAIT),
            code => return Err(ClientError::refused("InitProducerId", code, None)),
        }
    }
}
