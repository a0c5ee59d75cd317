//! What the checks do, said with rdkafka.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use futures_executor::block_on;
use rdkafka::admin::{
    AdminClient, AdminOptions, AlterConfig, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::client::{ClientContext, DefaultClientContext};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, Headers, Message, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use crate::lines::Record;

pub const WAIT_LIMIT: Duration = Duration::from_secs(40);

pub struct Client {
    brokers: String,
    admin: AdminClient<DefaultClientContext>,
}

pub fn wait_until(what: &str, mut probe: impl FnMut() -> bool) {
    let deadline = Instant::now() + WAIT_LIMIT;
    while !probe() {
        assert!(Instant::now() < deadline, "not within {WAIT_LIMIT:?}: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

impl Client {
    pub fn new(brokers: &str) -> Client {
        let admin = config(brokers).create().expect("an admin client");
        Client {
            brokers: brokers.to_owned(),
            admin,
        }
    }

    pub fn brokers(&self) -> &str {
        &self.brokers
    }

    pub fn create(&self, topic: &str, partitions: i32, configs: &[(&str, &str)]) -> Result<(), RDKafkaErrorCode> {
        let mut wish = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
        for (key, value) in configs {
            wish = wish.set(key, value);
        }
        only(block_on(self.admin.create_topics([&wish], &AdminOptions::new())))?;
        let consumer: BaseConsumer = config(&self.brokers).create().expect("a consumer");
        wait_until("partitions answer", || {
            let answers = |partition| consumer.fetch_watermarks(topic, partition, WAIT_LIMIT).is_ok();
            (0..partitions).all(answers)
        });
        Ok(())
    }

    pub fn delete(&self, topic: &str) {
        only(block_on(self.admin.delete_topics(&[topic], &AdminOptions::new()))).expect("delete");
    }

    pub fn add_partitions(&self, topic: &str, total: usize) {
        let wish = NewPartitions::new(topic, total);
        only(block_on(self.admin.create_partitions([&wish], &AdminOptions::new()))).expect("add partitions");
    }

    pub fn partitions(&self, topic: &str) -> usize {
        // Who only reads makes no topic by asking for it.
        let consumer: BaseConsumer = config(&self.brokers).create().expect("a consumer");
        let metadata = consumer.fetch_metadata(Some(topic), WAIT_LIMIT).expect("metadata");
        metadata.topics()[0].partitions().len()
    }

    pub fn get_config(&self, topic: &str, key: &str) -> Option<String> {
        let asked = [&ResourceSpecifier::Topic(topic)];
        let described = block_on(self.admin.describe_configs(asked, &AdminOptions::new())).expect("describe");
        let resource = described.into_iter().next().expect("a resource").expect("a topic");
        resource.get(key)?.value.clone()
    }

    pub fn set_config(&self, topic: &str, key: &str, value: &str) {
        let wish = AlterConfig::new(ResourceSpecifier::Topic(topic)).set(key, value);
        let altered = block_on(self.admin.alter_configs([&wish], &AdminOptions::new())).expect("alter");
        altered.into_iter().next().expect("a resource").expect("altered");
    }

    /// A producer with acks=all that keeps what was refused.
    pub fn producer(&self, codec: &str, idempotent: bool) -> BaseProducer<Refused> {
        config(&self.brokers)
            .set("acks", "all")
            .set("compression.type", codec)
            .set("enable.idempotence", idempotent.to_string())
            .set("message.max.bytes", "2000000")
            .set("linger.ms", "1")
            .set("partitioner", "murmur2_random")
            .create_with_context(Refused::default())
            .expect("a producer")
    }

    pub fn offsets(&self, topic: &str) -> Vec<(i64, i64)> {
        let consumer: BaseConsumer = config(&self.brokers).create().expect("a consumer");
        let count = self.partitions(topic) as i32;
        let bounds = |partition| {
            consumer
                .fetch_watermarks(topic, partition, WAIT_LIMIT)
                .expect("watermarks")
        };
        (0..count).map(bounds).collect()
    }

    /// The first offset not before a time, or the end.
    pub fn offset_at(&self, topic: &str, partition: i32, millis: i64) -> i64 {
        let consumer: BaseConsumer = config(&self.brokers).create().expect("a consumer");
        let mut wanted = TopicPartitionList::new();
        wanted
            .add_partition_offset(topic, partition, Offset::Offset(millis))
            .expect("a time");
        let found = consumer.offsets_for_times(wanted, WAIT_LIMIT).expect("offsets");
        match found.elements()[0].offset() {
            Offset::Offset(offset) => offset,
            _ => self.offsets(topic)[partition as usize].1,
        }
    }

    /// Every record, by partition and offset, without a group.
    pub fn read(&self, topic: &str) -> Vec<Record> {
        let consumer: BaseConsumer = config(&self.brokers)
            .set("group.id", "nobody")
            .set("enable.auto.commit", "false")
            .set("fetch.wait.max.ms", "200")
            .set("fetch.message.max.bytes", "4000000")
            .create()
            .expect("a consumer");
        let mut from = TopicPartitionList::new();
        let bounds = self.offsets(topic);
        for (partition, (start, _)) in bounds.iter().enumerate() {
            from.add_partition_offset(topic, partition as i32, Offset::Offset(*start))
                .expect("a start");
        }
        consumer.assign(&from).expect("assign");
        let total: i64 = bounds.iter().map(|(start, end)| end - start).sum();
        let mut records = Vec::new();
        let deadline = Instant::now() + WAIT_LIMIT;
        while (records.len() as i64) < total {
            assert!(Instant::now() < deadline, "read {} records of {total}", records.len());
            if let Some(message) = consumer.poll(Duration::from_millis(100)) {
                records.push(record(&message.expect("a message")));
            }
        }
        records.sort_by_key(|record: &Record| (record.partition, record.offset));
        records
    }

    pub fn committed(&self, group: &str, topic: &str) -> Vec<Offset> {
        let consumer: BaseConsumer = config(&self.brokers)
            .set("group.id", group)
            .create()
            .expect("a consumer");
        let mut asked = TopicPartitionList::new();
        asked.add_partition_range(topic, 0, self.partitions(topic) as i32 - 1);
        let found = consumer
            .committed_offsets(asked, WAIT_LIMIT)
            .expect("offsets of the group");
        found.elements().iter().map(|element| element.offset()).collect()
    }

    pub fn members(&self, group: &str) -> usize {
        let consumer: BaseConsumer = config(&self.brokers).create().expect("a consumer");
        let found = consumer.fetch_group_list(Some(group), WAIT_LIMIT).expect("groups");
        found.groups()[0].members().len()
    }

    pub fn delete_group(&self, group: &str) {
        only(block_on(self.admin.delete_groups(&[group], &AdminOptions::new()))).expect("delete the group");
    }

    /// Joins the group, reads the topic, commits what it has read, leaves when told to.
    pub fn consume(&self, group: &str, topic: &str, is_over: impl Fn() -> bool, mut on_value: impl FnMut(String)) {
        let consumer: BaseConsumer = config(&self.brokers)
            .set("group.id", group)
            .set("auto.offset.reset", "earliest")
            .set("enable.auto.commit", "false")
            .set("heartbeat.interval.ms", "300")
            .set("fetch.wait.max.ms", "200")
            .create()
            .expect("a consumer");
        consumer.subscribe(&[topic]).expect("subscribe");
        // Commits one after the other: of several under way, an older one that is sent again may come last.
        let mut uncommitted = 0;
        while !is_over() || uncommitted > 0 {
            match consumer.poll(Duration::from_millis(20)) {
                Some(Ok(message)) => {
                    on_value(String::from_utf8(message.payload().expect("a value").to_vec()).expect("text"));
                    uncommitted += 1;
                }
                Some(Err(_)) => {}
                None if uncommitted > 0 && consumer.commit_consumer_state(CommitMode::Sync).is_ok() => uncommitted = 0,
                None => {}
            }
            if uncommitted >= 200 && consumer.commit_consumer_state(CommitMode::Sync).is_ok() {
                uncommitted = 0;
            }
        }
    }
}

fn config(brokers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", brokers)
        .set("client.id", "corelane-rdkafka");
    config
        .set("topic.metadata.refresh.interval.ms", "1000")
        .set("reconnect.backoff.max.ms", "200");
    config
}

/// The result for the one thing that was asked for.
fn only(results: Result<Vec<Result<String, (String, RDKafkaErrorCode)>>, KafkaError>) -> Result<(), RDKafkaErrorCode> {
    let result = results.expect("an answer").into_iter().next().expect("a result");
    result.map(drop).map_err(|(_, code)| code)
}

/// What the broker did not take.
#[derive(Default)]
pub struct Refused(Mutex<Vec<KafkaError>>);

impl ClientContext for Refused {}

impl ProducerContext for Refused {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            self.0.lock().expect("nobody panicked").push(error.clone());
        }
    }
}

/// Writes all and waits for each.
pub fn send(producer: &BaseProducer<Refused>, records: &[Record], topic: &str) {
    for record in records {
        let mut wish: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(topic);
        wish.partition = (record.partition >= 0).then_some(record.partition);
        wish.timestamp = record.timestamp;
        wish.key = record.key.as_deref();
        wish.payload = record.value.as_deref();
        if !record.headers.is_empty() {
            let mut headers = OwnedHeaders::new();
            for (key, value) in &record.headers {
                headers = headers.insert(Header {
                    key,
                    value: value.as_deref(),
                });
            }
            wish.headers = Some(headers);
        }
        producer
            .send(wish)
            .map_err(|(error, _)| error)
            .expect("room in the queue");
    }
    producer.flush(WAIT_LIMIT).expect("all acknowledged");
    let refused = producer.context().0.lock().expect("nobody panicked");
    assert!(refused.is_empty(), "{:?}", refused.first());
}

fn record(message: &impl Message<Headers = rdkafka::message::BorrowedHeaders>) -> Record {
    let headers = message.headers().map(|headers| {
        let owned = |header: Header<'_, &[u8]>| (header.key.to_owned(), header.value.map(<[u8]>::to_vec));
        headers.iter().map(owned).collect()
    });
    Record {
        partition: message.partition(),
        offset: message.offset(),
        timestamp: message.timestamp().to_millis(),
        key: message.key().map(<[u8]>::to_vec),
        value: message.payload().map(<[u8]>::to_vec),
        headers: headers.unwrap_or_default(),
    }
}
