//! A broker that fits on two pages: every partition in memory, every batch also in one file, one block-aligned frame
//! per batch. Each mistake is one line.

use std::{cell::RefCell, collections::BTreeMap, net::SocketAddr, rc::Rc, time::Duration};

use bytes::{Bytes, BytesMut};
use corelane_broker::runtime::world::{Listener, Stream, World};
use corelane_protocol::{
    api_key::ApiKey,
    error_code::ErrorCode,
    frame,
    header::RequestHeader,
    message::Message,
    messages::{
        ApiVersionsResponse, CreateTopicsRequest, CreateTopicsResponse, FetchResponse, InitProducerIdResponse,
        ListOffsetsRequest, ListOffsetsResponse, MetadataResponse, ProduceResponse,
        api_versions::ApiVersion,
        create_topics::CreatableTopicResult,
        fetch::{FetchRequestData, FetchableTopicResponse, PartitionData},
        list_offsets::{ListOffsetsPartitionResponse, ListOffsetsTopicResponse},
        metadata::{MetadataResponsePartition, MetadataResponseTopic},
        produce::{PartitionProduceResponse, ProduceRequestData, TopicProduceResponse},
    },
    records::{BatchHeader, patch},
    wire::Reader,
};
use corelane_sim::{SimWorld, network::SimStream, scenario::PORT};
use corelane_storage::{
    disk::{BLOCK, Class, Disk, DiskFile, Open, Sync, aligned_zeroed},
    sim_disk::SimFile,
};
use uuid::Uuid;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    None,
    AnswersBeforeFlush,
    ForgetsProducers,
    ShowsUnflushed,
    HangsAfterRestart,
}

const TOPIC_ID: Uuid = Uuid::from_u128(7);

#[derive(Default)]
struct State {
    partitions: BTreeMap<i32, Partition>,
    /// Next free position of the file.
    end: u64,
    next_producer_id: i64,
    restarted: bool,
    /// One batch at a time: a frame is durable before the next begins, so that a hole is always the end.
    appending: bool,
}

#[derive(Default)]
struct Partition {
    batches: Vec<(BatchHeader, Bytes)>,
    end_offset: i64,
    high_watermark: i64,
    /// Last sequence and batch of each producer.
    producers: BTreeMap<i64, Vec<(i32, i64)>>,
}

impl Partition {
    fn append(&mut self, batch: &[u8]) -> Bytes {
        let mut batch = BytesMut::from(batch);
        patch(&mut batch, self.end_offset, 0);
        let batch = batch.freeze();
        self.take(&batch);
        batch
    }

    fn take(&mut self, batch: &Bytes) {
        let header = BatchHeader::parse(batch).unwrap();
        self.end_offset = header.next_offset();
        if header.has_producer_id() {
            let known = self.producers.entry(header.producer_id).or_default();
            known.push((header.last_sequence(), header.base_offset));
        }
        self.batches.push((header, batch.clone()));
    }
}

pub async fn broker(world: SimWorld<()>, mistake: Mistake) {
    let disk = world.disk();
    let state: Rc<RefCell<State>> = Rc::default();
    let file = match disk.open("log", Open::Existing, Class::Journal).await {
        Ok(file) => {
            let replayed = replay(&file).await;
            *state.borrow_mut() = replayed;
            // What was replayed may have been only in the drive's cache.
            file.flush().await.unwrap();
            file
        }
        Err(_) => {
            let file = disk.open("log", Open::New, Class::Journal).await.unwrap();
            disk.sync_dir("").await.unwrap();
            file
        }
    };
    let listener = world.listen(SocketAddr::from(([127, 0, 0, 1], PORT))).unwrap();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        world.spawn(
            "connection",
            connection(stream, state.clone(), file.clone(), world.clone(), mistake),
        );
    }
}

/// A frame: length, partition, checksum, batch; padded to blocks. The first that is not whole ends the log.
fn framed(partition: i32, batch: &[u8]) -> Bytes {
    let mut buffer = aligned_zeroed((16 + batch.len()).next_multiple_of(BLOCK));
    buffer[..4].copy_from_slice(&(batch.len() as u32).to_le_bytes());
    buffer[4..8].copy_from_slice(&partition.to_le_bytes());
    buffer[8..16].copy_from_slice(&xxhash_rust::xxh3::xxh3_64(batch).to_le_bytes());
    buffer[16..16 + batch.len()].copy_from_slice(batch);
    Bytes::from_owner(buffer)
}

async fn replay(file: &SimFile) -> State {
    let mut state = State::default();
    let size = file.size().await.unwrap() as usize;
    let (read, bytes) = file
        .read_at(0, aligned_zeroed(size.next_multiple_of(BLOCK).max(BLOCK)))
        .await;
    read.unwrap();
    let mut at = 0;
    while at + BLOCK <= size {
        let len = u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
        let partition = i32::from_le_bytes(bytes[at + 4..at + 8].try_into().unwrap());
        let sum = u64::from_le_bytes(bytes[at + 8..at + 16].try_into().unwrap());
        let Some(batch) = bytes
            .get(at + 16..at + 16 + len)
            .filter(|b| len > 0 && xxhash_rust::xxh3::xxh3_64(b) == sum)
        else {
            break;
        };
        let partition = state.partitions.entry(partition).or_default();
        partition.take(&Bytes::copy_from_slice(batch));
        partition.high_watermark = partition.end_offset;
        at += (16 + len).next_multiple_of(BLOCK);
    }
    state.end = at as u64;
    state.restarted = true;
    // Ids of the lives before are not given again.
    state.next_producer_id = at as i64;
    state
}

async fn connection(
    stream: SimStream,
    state: Rc<RefCell<State>>,
    file: SimFile,
    world: SimWorld<()>,
    mistake: Mistake,
) {
    let mut received = BytesMut::new();
    loop {
        while let Some(len) = frame::body_bytes(&received, 1 << 30)
            .unwrap()
            .filter(|len| received.len() >= 4 + len)
        {
            let body = received.split_to(4 + len).freeze().slice(4..);
            let mut reader = Reader::new(&body);
            let header = RequestHeader::decode(&mut reader).unwrap();
            let Some(response) = answer(&header, &mut reader, &state, &file, &world, mistake).await else {
                return;
            };
            if stream.write(vec![response.freeze()]).await.is_err() {
                return;
            }
        }
        let (read, buffer) = stream.read(received).await;
        received = buffer;
        if !matches!(read, Ok(1..)) {
            return;
        }
    }
}

async fn answer(
    header: &RequestHeader,
    reader: &mut Reader<'_>,
    state: &Rc<RefCell<State>>,
    file: &SimFile,
    world: &SimWorld<()>,
    mistake: Mistake,
) -> Option<BytesMut> {
    let version = header.api_version;
    fn reply<A: Message>(header: &RequestHeader, answer: A) -> Option<BytesMut> {
        Some(frame::response(header.api_version, header.correlation_id, &answer))
    }
    match header.api_key {
        ApiKey::API_VERSIONS => {
            let api_keys = vec![ApiVersion {
                api_key: 0,
                min_version: 3,
                max_version: 13,
            }];
            reply(
                header,
                ApiVersionsResponse {
                    api_keys,
                    ..Default::default()
                },
            )
        }
        ApiKey::CREATE_TOPICS => {
            let asked = CreateTopicsRequest::decode(reader, version).unwrap();
            for partition in 0..asked.topics[0].num_partitions {
                state.borrow_mut().partitions.entry(partition).or_default();
            }
            let topics = vec![CreatableTopicResult {
                topic_id: TOPIC_ID,
                ..Default::default()
            }];
            reply(
                header,
                CreateTopicsResponse {
                    topics,
                    ..Default::default()
                },
            )
        }
        ApiKey::METADATA => {
            let partition = |index: &i32| MetadataResponsePartition {
                partition_index: *index,
                leader_id: 1,
                ..Default::default()
            };
            let partitions = state.borrow().partitions.keys().map(partition).collect();
            let topics = vec![MetadataResponseTopic {
                topic_id: TOPIC_ID,
                partitions,
                ..Default::default()
            }];
            reply(
                header,
                MetadataResponse {
                    topics,
                    ..Default::default()
                },
            )
        }
        ApiKey::INIT_PRODUCER_ID => {
            let mut state = state.borrow_mut();
            state.next_producer_id += 1;
            reply(
                header,
                InitProducerIdResponse {
                    producer_id: state.next_producer_id,
                    ..Default::default()
                },
            )
        }
        ApiKey::PRODUCE => {
            if mistake == Mistake::HangsAfterRestart && state.borrow().restarted {
                std::future::pending::<()>().await;
            }
            let asked = ProduceRequestData::decode(reader, version).unwrap();
            let part = &asked.topic_data[0].partition_data[0];
            let (index, batch) = (part.index, part.records.clone().unwrap());
            let (error_code, base_offset) = produce(index, &batch, state, file, world, mistake).await;
            let part = PartitionProduceResponse {
                index,
                error_code,
                base_offset,
                ..Default::default()
            };
            let responses = vec![TopicProduceResponse {
                partition_responses: vec![part],
                ..Default::default()
            }];
            reply(
                header,
                ProduceResponse {
                    responses,
                    ..Default::default()
                },
            )
        }
        ApiKey::FETCH => {
            let asked = FetchRequestData::decode(reader, version).unwrap();
            let state = state.borrow();
            let read = |wanted: &corelane_protocol::messages::fetch::FetchPartition| {
                let Some(partition) = state.partitions.get(&wanted.partition) else {
                    let error_code = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
                    return PartitionData {
                        partition_index: wanted.partition,
                        error_code,
                        ..Default::default()
                    };
                };
                let upto = if mistake == Mistake::ShowsUnflushed {
                    partition.end_offset
                } else {
                    partition.high_watermark
                };
                let wanted_batches = partition
                    .batches
                    .iter()
                    .filter(|(batch, _)| batch.next_offset() > wanted.fetch_offset && batch.next_offset() <= upto);
                PartitionData {
                    partition_index: wanted.partition,
                    high_watermark: upto,
                    records: wanted_batches.take(20).map(|(_, bytes)| bytes.clone()).collect(),
                    ..Default::default()
                }
            };
            let partitions = asked.topics[0].partitions.iter().map(read).collect();
            let responses = vec![FetchableTopicResponse {
                topic: asked.topics[0].topic.clone(),
                topic_id: TOPIC_ID,
                partitions,
            }];
            reply(
                header,
                FetchResponse {
                    responses,
                    ..Default::default()
                },
            )
        }
        ApiKey::LIST_OFFSETS => {
            let asked = ListOffsetsRequest::decode(reader, version).unwrap();
            let index = asked.topics[0].partitions[0].partition_index;
            let offset = state
                .borrow()
                .partitions
                .get(&index)
                .map_or(0, |partition| partition.high_watermark);
            let part = ListOffsetsPartitionResponse {
                partition_index: index,
                offset,
                ..Default::default()
            };
            let topics = vec![ListOffsetsTopicResponse {
                partitions: vec![part],
                ..Default::default()
            }];
            reply(
                header,
                ListOffsetsResponse {
                    topics,
                    ..Default::default()
                },
            )
        }
        _ => None,
    }
}

async fn produce(
    index: i32,
    batch: &[u8],
    state: &Rc<RefCell<State>>,
    file: &SimFile,
    world: &SimWorld<()>,
    mistake: Mistake,
) -> (ErrorCode, i64) {
    while state.borrow().appending {
        world.sleep(Duration::from_micros(50)).await;
    }
    let header = BatchHeader::parse(batch).unwrap();
    let (position, bytes, base_offset, end_offset) = {
        let mut state = state.borrow_mut();
        let partition = state.partitions.entry(index).or_default();
        if header.has_producer_id() && mistake != Mistake::ForgetsProducers {
            let known = partition.producers.entry(header.producer_id).or_default();
            if let Some((_, base_offset)) = known.iter().find(|(last, _)| *last == header.last_sequence()) {
                return (ErrorCode::NONE, *base_offset);
            }
            if known.last().map_or(0, |(last, _)| last + 1) != header.base_sequence {
                return (ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER, -1);
            }
        }
        let base_offset = partition.end_offset;
        let batch = partition.append(batch);
        let end_offset = partition.end_offset;
        let bytes = framed(index, &batch);
        let position = state.end;
        state.end += bytes.len() as u64;
        state.appending = true;
        (position, bytes, base_offset, end_offset)
    };
    file.write_at(position, bytes, Sync::Later).await.unwrap();
    if mistake != Mistake::AnswersBeforeFlush {
        file.flush().await.unwrap();
    }
    let mut state = state.borrow_mut();
    let partition = state.partitions.get_mut(&index).unwrap();
    partition.high_watermark = end_offset;
    state.appending = false;
    (ErrorCode::NONE, base_offset)
}
