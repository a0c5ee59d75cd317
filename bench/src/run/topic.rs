//! The topic of one round: made before, deleted after, with all that a client asks about it.

use std::{
    collections::BTreeMap,
    io, thread,
    time::{Duration, Instant},
};

use corelane_protocol::{
    api_key::ApiKey,
    error_code::ErrorCode,
    message::Message,
    messages::{
        create_topics::{CreatableTopic, CreatableTopicConfig, CreateTopicsRequest, CreateTopicsResponse},
        delete_topics::{DeleteTopicsRequest, DeleteTopicsResponse},
        init_producer_id::{InitProducerIdRequest, InitProducerIdResponse},
        list_offsets::{ListOffsetsPartition, ListOffsetsRequest, ListOffsetsResponse, ListOffsetsTopic},
        metadata::{MetadataRequest, MetadataRequestTopic, MetadataResponse},
    },
};

use crate::{
    load::ProducerId,
    wire::{Connection, Versions},
    words::Target,
};

/// How long a topic may take to have leaders, and a broker to say that it made or deleted one.
const TOPIC_TIMEOUT: Duration = Duration::from_secs(60);
const LATEST: i64 = -1;

pub struct Topic {
    pub name: String,
    pub versions: Versions,
    /// Addresses of the partitions' leaders, by partition.
    pub leaders: Vec<String>,
    connection: Connection,
}

impl Topic {
    /// Makes the topic and waits until every partition has a leader.
    pub fn create(target: &Target, name: String, partitions: u32, replication_factor: i16) -> io::Result<Topic> {
        let mut connection = Connection::open(&target.address)?;
        let versions = Versions::ask(&mut connection)?;
        let config = |(name, value): &(String, String)| CreatableTopicConfig {
            name: name.clone(),
            value: Some(value.clone()),
        };
        let request = CreateTopicsRequest {
            topics: vec![CreatableTopic {
                name: name.clone(),
                num_partitions: partitions as i32,
                replication_factor,
                configs: target.topic_configs.iter().map(config).collect(),
                ..Default::default()
            }],
            timeout_ms: TOPIC_TIMEOUT.as_millis() as i32,
            ..Default::default()
        };
        let mut topic = Topic {
            name,
            versions,
            leaders: Vec::new(),
            connection,
        };
        let answer: CreateTopicsResponse = topic.ask(&request)?;
        let result = answer.topics.first();
        let result = result.ok_or_else(|| io::Error::other("CreateTopics is answered without the topic"))?;
        if result.error_code != ErrorCode::NONE {
            let why = result.error_message.as_deref().unwrap_or("no reason given");
            return Err(io::Error::other(format!("CreateTopics: {}: {why}", result.error_code)));
        }
        let deadline = Instant::now() + TOPIC_TIMEOUT;
        loop {
            topic.leaders = topic.ask_leaders()?;
            if topic.leaders.len() == partitions as usize {
                return Ok(topic);
            }
            if Instant::now() > deadline {
                return Err(io::Error::other(format!("the topic {} has no leaders", topic.name)));
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn delete(mut self) -> io::Result<()> {
        let request = DeleteTopicsRequest {
            topic_names: vec![self.name.clone()],
            timeout_ms: TOPIC_TIMEOUT.as_millis() as i32,
            ..Default::default()
        };
        let answer: DeleteTopicsResponse = self.ask(&request)?;
        match answer.responses.first().map(|topic| topic.error_code) {
            Some(ErrorCode::NONE) => Ok(()),
            Some(error) => Err(io::Error::other(format!("DeleteTopics: {error}"))),
            None => Err(io::Error::other("DeleteTopics is answered without the topic")),
        }
    }

    /// The end of each partition. Who is the leader by Metadata may not know it yet, so a retriable error is asked
    /// about again; once all have answered, all can be produced to.
    pub fn ends(&self) -> io::Result<Vec<i64>> {
        let deadline = Instant::now() + TOPIC_TIMEOUT;
        loop {
            match self.ask_ends()? {
                Ok(ends) => return Ok(ends),
                Err(error) if error.is_retriable() && Instant::now() < deadline => {
                    thread::sleep(Duration::from_millis(20));
                }
                Err(error) => return Err(io::Error::other(format!("ListOffsets: {error}"))),
            }
        }
    }

    fn ask_ends(&self) -> io::Result<Result<Vec<i64>, ErrorCode>> {
        let version = self.versions.of(ApiKey::LIST_OFFSETS)?;
        let mut ends = vec![0; self.leaders.len()];
        for (address, partitions) in self.by_leader() {
            let partition = |partition: &i32| ListOffsetsPartition {
                partition_index: *partition,
                timestamp: LATEST,
                ..Default::default()
            };
            let request = ListOffsetsRequest {
                replica_id: -1,
                topics: vec![ListOffsetsTopic {
                    name: self.name.clone(),
                    partitions: partitions.iter().map(partition).collect(),
                }],
                ..Default::default()
            };
            let answer: ListOffsetsResponse = Connection::open(&address)?.ask(version, &request)?;
            for partition in answer.topics.iter().flat_map(|topic| &topic.partitions) {
                if let Err(error) = partition.error_code.ok() {
                    return Ok(Err(error));
                }
                if let Some(end) = ends.get_mut(partition.partition_index as usize) {
                    *end = partition.offset;
                }
            }
        }
        Ok(Ok(ends))
    }

    /// A new id for an idempotent producer.
    pub fn producer_id(&mut self) -> io::Result<ProducerId> {
        let request = InitProducerIdRequest {
            transactional_id: None,
            transaction_timeout_ms: 60_000,
            ..Default::default()
        };
        let deadline = Instant::now() + TOPIC_TIMEOUT;
        loop {
            let answer: InitProducerIdResponse = self.ask(&request)?;
            match answer.error_code {
                ErrorCode::NONE => {
                    return Ok(ProducerId {
                        id: answer.producer_id,
                        epoch: answer.producer_epoch,
                    });
                }
                // A coordinator that is only starting.
                error if error.is_retriable() && Instant::now() < deadline => thread::sleep(Duration::from_millis(50)),
                error => return Err(io::Error::other(format!("InitProducerId: {error}"))),
            }
        }
    }

    /// Partitions by the address of their leader.
    pub fn by_leader(&self) -> BTreeMap<String, Vec<i32>> {
        let mut by_leader: BTreeMap<String, Vec<i32>> = BTreeMap::new();
        for (partition, leader) in self.leaders.iter().enumerate() {
            by_leader.entry(leader.clone()).or_default().push(partition as i32);
        }
        by_leader
    }

    /// As far as the broker knows them: fewer than partitions while some have no leader yet.
    fn ask_leaders(&mut self) -> io::Result<Vec<String>> {
        let request = MetadataRequest {
            topics: Some(vec![MetadataRequestTopic {
                name: Some(self.name.clone()),
                ..Default::default()
            }]),
            allow_auto_topic_creation: false,
            ..Default::default()
        };
        let answer: MetadataResponse = self.ask(&request)?;
        let address = |node: i32| {
            let broker = answer.brokers.iter().find(|broker| broker.node_id == node)?;
            Some(format!("{}:{}", broker.host, broker.port))
        };
        let known = answer
            .topics
            .first()
            .filter(|topic| topic.error_code == ErrorCode::NONE);
        let mut partitions: Vec<_> = known.iter().flat_map(|topic| &topic.partitions).collect();
        partitions.sort_by_key(|partition| partition.partition_index);
        Ok(partitions
            .iter()
            .map_while(|partition| address(partition.leader_id))
            .collect())
    }

    fn ask<Q: Message, A: Message>(&mut self, request: &Q) -> io::Result<A> {
        let version = self.versions.of(Q::API_KEY)?;
        self.connection.ask(version, request)
    }
}
