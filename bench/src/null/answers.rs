//! What a null server answers: the few requests that load needs, each as cheaply as its bytes allow.

use bytes::Bytes;
use corelane_protocol::{
    api_key::ApiKey,
    error_code::ErrorCode,
    frame,
    header::RequestHeader,
    message::Message,
    messages::{
        api_versions::{ApiVersion, ApiVersionsResponse},
        create_topics::{CreatableTopicResult, CreateTopicsRequest, CreateTopicsResponse},
        delete_topics::{DeletableTopicResult, DeleteTopicsRequest, DeleteTopicsResponse},
        fetch::{FetchRequest, FetchRequestData, FetchResponse, FetchableTopicResponse, PartitionData},
        init_producer_id::{InitProducerIdRequest, InitProducerIdResponse},
        list_offsets::{
            ListOffsetsPartitionResponse, ListOffsetsRequest, ListOffsetsResponse, ListOffsetsTopicResponse,
        },
        metadata::{
            MetadataRequest, MetadataResponse, MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
        },
        produce::{
            PartitionProduceResponse, ProduceRequest, ProduceRequestData, ProduceResponse, TopicProduceResponse,
        },
    },
    wire::{DecodeError, Reader},
};

use super::logs::Logs;

/// Produce and Fetch name topics by id in later versions.
const PRODUCE_VERSION_MAX: i16 = 12;
const FETCH_VERSION_MAX: i16 = 12;
const EARLIEST: i64 = -2;

/// An answer, or what must happen first.
pub enum Answer {
    Now(Vec<Bytes>),
    /// acks=0
    Never,
    /// A fetch that found nothing: to be asked again when something was appended, at the latest in so many
    /// milliseconds.
    Later(u64),
}

pub struct Answers {
    pub logs: Logs,
    pub host: String,
    pub port: u16,
    pub next_producer_id: i64,
}

impl Answers {
    /// Of one request. `is_last_chance`: a fetch is answered with whatever there is.
    ///
    /// # Errors
    /// When the bytes are no request, or one that is not spoken here. The connection cannot go on then.
    pub fn answer(&mut self, request: &[u8], is_last_chance: bool) -> Result<Answer, DecodeError> {
        let mut reader = Reader::new(request);
        let header = RequestHeader::decode(&mut reader)?;
        let version = header.api_version;
        Ok(match header.api_key {
            ApiKey::PRODUCE => return self.produce(&header, reader),
            ApiKey::FETCH => return self.fetch(&header, reader, is_last_chance),
            ApiKey::METADATA => whole(&header, &self.metadata(&MetadataRequest::decode(&mut reader, version)?)),
            ApiKey::CREATE_TOPICS => whole(
                &header,
                &self.create(&CreateTopicsRequest::decode(&mut reader, version)?),
            ),
            ApiKey::DELETE_TOPICS => whole(
                &header,
                &self.delete(&DeleteTopicsRequest::decode(&mut reader, version)?),
            ),
            ApiKey::LIST_OFFSETS => whole(
                &header,
                &self.list_offsets(&ListOffsetsRequest::decode(&mut reader, version)?),
            ),
            ApiKey::INIT_PRODUCER_ID => {
                self.next_producer_id += 1;
                whole(
                    &header,
                    &InitProducerIdResponse {
                        producer_id: self.next_producer_id,
                        ..Default::default()
                    },
                )
            }
            _ => whole(&header, &api_versions()),
        })
    }

    fn produce(&mut self, header: &RequestHeader, reader: Reader<'_>) -> Result<Answer, DecodeError> {
        let request = ProduceRequest::read(reader, header.api_version)?;
        let mut responses = Vec::with_capacity(1);
        for topic in request.topics() {
            let mut answers = Vec::with_capacity(topic.partitions().len());
            for partition in topic.partitions() {
                let appended = self
                    .logs
                    .append(topic.name, partition.index, partition.records.unwrap_or_default());
                answers.push(PartitionProduceResponse {
                    index: partition.index,
                    error_code: appended.err().unwrap_or(ErrorCode::NONE),
                    base_offset: appended.unwrap_or(-1),
                    ..Default::default()
                });
            }
            responses.push(TopicProduceResponse {
                name: topic.name.to_owned(),
                partition_responses: answers,
                ..Default::default()
            });
        }
        if request.acks == 0 {
            return Ok(Answer::Never);
        }
        Ok(whole(
            header,
            &ProduceResponse {
                responses,
                ..Default::default()
            },
        ))
    }

    fn fetch(
        &mut self,
        header: &RequestHeader,
        reader: Reader<'_>,
        is_last_chance: bool,
    ) -> Result<Answer, DecodeError> {
        let request = FetchRequest::read(reader, header.api_version)?;
        let mut left = request.max_bytes.max(0) as usize;
        let mut responses = Vec::new();
        let mut found_bytes = 0;
        let mut has_error = false;
        for topic in request.topics() {
            let mut partitions = Vec::new();
            for wanted in topic.partitions() {
                let mut answer = PartitionData {
                    partition_index: wanted.partition,
                    ..Default::default()
                };
                match self.logs.get(topic.name, wanted.partition) {
                    None => answer.error_code = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
                    Some(log) => {
                        answer.high_watermark = log.end();
                        let bytes_max = left.min(wanted.partition_max_bytes.max(0) as usize);
                        if left > 0 {
                            match log.read(wanted.fetch_offset, bytes_max) {
                                Ok(records) => answer.records = records,
                                Err(error) => answer.error_code = error,
                            }
                        }
                    }
                }
                let bytes: usize = answer.records.iter().map(Bytes::len).sum();
                left = left.saturating_sub(bytes);
                found_bytes += bytes;
                has_error |= !answer.error_code.is_none();
                partitions.push(answer);
            }
            responses.push(FetchableTopicResponse {
                topic: topic.name.to_owned(),
                partitions,
                ..Default::default()
            });
        }
        if found_bytes < request.min_bytes.max(0) as usize && !has_error && !is_last_chance && request.max_wait_ms > 0 {
            return Ok(Answer::Later(request.max_wait_ms as u64));
        }
        let answer = FetchResponse {
            responses,
            ..Default::default()
        };
        let pieces = frame::response_parts(header.api_version, header.correlation_id, &answer);
        Ok(Answer::Now(pieces))
    }

    fn metadata(&self, request: &MetadataRequest) -> MetadataResponse {
        let names = request.topics.iter().flatten().filter_map(|topic| topic.name.clone());
        let topic = |name: String| MetadataResponseTopic {
            error_code: match self.logs.partitions(&name) {
                Some(_) => ErrorCode::NONE,
                None => ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
            },
            partitions: (0..self.logs.partitions(&name).unwrap_or_default())
                .map(|index| MetadataResponsePartition {
                    partition_index: index as i32,
                    replica_nodes: vec![0],
                    isr_nodes: vec![0],
                    ..Default::default()
                })
                .collect(),
            name: Some(name),
            ..Default::default()
        };
        MetadataResponse {
            brokers: vec![MetadataResponseBroker {
                host: self.host.clone(),
                port: i32::from(self.port),
                ..Default::default()
            }],
            controller_id: 0,
            topics: names.map(topic).collect(),
            ..Default::default()
        }
    }

    fn create(&mut self, request: &CreateTopicsRequest) -> CreateTopicsResponse {
        for topic in &request.topics {
            self.logs.create(&topic.name, topic.num_partitions.max(1) as usize);
        }
        let created = request.topics.iter().map(|topic| CreatableTopicResult {
            name: topic.name.clone(),
            ..Default::default()
        });
        CreateTopicsResponse {
            topics: created.collect(),
            ..Default::default()
        }
    }

    fn delete(&mut self, request: &DeleteTopicsRequest) -> DeleteTopicsResponse {
        let mut delete = |name: &String| DeletableTopicResult {
            name: Some(name.clone()),
            error_code: if self.logs.delete(name) {
                ErrorCode::NONE
            } else {
                ErrorCode::UNKNOWN_TOPIC_OR_PARTITION
            },
            ..Default::default()
        };
        DeleteTopicsResponse {
            responses: request.topic_names.iter().map(&mut delete).collect(),
            ..Default::default()
        }
    }

    fn list_offsets(&self, request: &ListOffsetsRequest) -> ListOffsetsResponse {
        let topics = request.topics.iter().map(|topic| ListOffsetsTopicResponse {
            name: topic.name.clone(),
            partitions: topic
                .partitions
                .iter()
                .map(|wanted| {
                    let log = self.logs.get(&topic.name, wanted.partition_index);
                    let offset = log.map(|log| {
                        if wanted.timestamp == EARLIEST {
                            log.start()
                        } else {
                            log.end()
                        }
                    });
                    ListOffsetsPartitionResponse {
                        partition_index: wanted.partition_index,
                        error_code: if log.is_some() {
                            ErrorCode::NONE
                        } else {
                            ErrorCode::UNKNOWN_TOPIC_OR_PARTITION
                        },
                        offset: offset.unwrap_or(-1),
                        ..Default::default()
                    }
                })
                .collect(),
        });
        ListOffsetsResponse {
            topics: topics.collect(),
            ..Default::default()
        }
    }
}

fn whole<M: Message>(header: &RequestHeader, message: &M) -> Answer {
    Answer::Now(vec![
        frame::response(header.api_version, header.correlation_id, message).freeze(),
    ])
}

/// The answer to a version that is not known is in version 0, which is what the load asks with.
fn api_versions() -> ApiVersionsResponse {
    let spoken = [
        (
            ApiKey::PRODUCE,
            *ProduceRequestData::VERSIONS.start(),
            PRODUCE_VERSION_MAX,
        ),
        (ApiKey::FETCH, *FetchRequestData::VERSIONS.start(), FETCH_VERSION_MAX),
        range::<ListOffsetsRequest>(),
        range::<MetadataRequest>(),
        (ApiKey::API_VERSIONS, 0, 0),
        range::<CreateTopicsRequest>(),
        // By name; ids came with version 6.
        (ApiKey::DELETE_TOPICS, *DeleteTopicsRequest::VERSIONS.start(), 5),
        range::<InitProducerIdRequest>(),
    ];
    let version = |(key, min_version, max_version): (ApiKey, i16, i16)| ApiVersion {
        api_key: key.0,
        min_version,
        max_version,
    };
    ApiVersionsResponse {
        api_keys: spoken.map(version).into(),
        ..Default::default()
    }
}

fn range<M: Message>() -> (ApiKey, i16, i16) {
    (M::API_KEY, *M::VERSIONS.start(), *M::VERSIONS.end())
}
