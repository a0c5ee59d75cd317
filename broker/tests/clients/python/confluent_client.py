"""confluent-kafka (librdkafka) under the shared checks."""

import time

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka import ConsumerGroupTopicPartitions
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    ResourceType,
)

import suite
from suite import Record


class Sender:
    def __init__(self, config):
        self.producer = Producer(config)
        self.placed = {}
        self.sent = 0

    def send(self, topic, partition, key, value, headers, timestamp):
        number = self.sent
        self.sent += 1

        def delivered(error, message):
            self.placed[number] = error or (message.partition(), message.offset())

        options = {} if partition is None else {"partition": partition}
        if timestamp is not None:
            options["timestamp"] = timestamp
        while True:
            try:
                self.producer.produce(topic, value, key, headers=headers, on_delivery=delivered, **options)
                break
            except BufferError:
                self.producer.poll(0.1)
        self.producer.poll(0)

    def flush(self):
        left = self.producer.flush(suite.WAIT_SECONDS)
        if left:
            raise AssertionError(f"{left} records undelivered")
        placed = [self.placed.pop(n) for n in sorted(self.placed)]
        for place in placed:
            if not isinstance(place, tuple):
                raise KafkaException(place)
        return placed

    def close(self):
        self.flush()


def record_of(message):
    error = message.error()
    if error:
        # librdkafka reports a lost broker and a new leader epoch here, and goes on by itself.
        transient = (KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN, KafkaError.FENCED_LEADER_EPOCH)
        if error.retriable() or error.code() in transient:
            return None
        raise KafkaException(error)
    return Record(
        message.partition(),
        message.offset(),
        message.timestamp()[1],
        message.key(),
        message.value(),
        message.headers() or [],
    )


class Member:
    def __init__(self, config, topic):
        self.consumer = Consumer(config)
        self.consumer.subscribe([topic])

    def poll(self, seconds):
        records = [record_of(m) for m in self.consumer.consume(500, seconds)]
        return [r for r in records if r]

    def commit(self):
        try:
            self.consumer.commit(asynchronous=False)
        except KafkaException as error:
            # Between two generations a commit may be refused; the records are then read again.
            if error.args[0].code() not in (
                KafkaError._NO_OFFSET,
                KafkaError.ILLEGAL_GENERATION,
                KafkaError.REBALANCE_IN_PROGRESS,
                KafkaError.UNKNOWN_MEMBER_ID,
            ):
                raise

    def close(self):
        self.consumer.close()


class Client(suite.Client):
    name = "confluent"
    protocol = "classic"

    def __init__(self, brokers):
        self.common = {
            "bootstrap.servers": brokers,
            "reconnect.backoff.max.ms": 500,
            "message.max.bytes": 4_000_000,
            "log_level": 3,
        }
        self.admin = AdminClient(self.common)
        self.probe = Consumer({**self.common, "group.id": "probe", "enable.auto.commit": False})

    def create_topic(self, topic, partitions, configs=None):
        self.wait(self.admin.create_topics([NewTopic(topic, partitions, 1, config=configs or {})]))

    def delete_topic(self, topic):
        self.wait(self.admin.delete_topics([topic]))

    def wait(self, futures):
        return [future.result(suite.WAIT_SECONDS) for future in futures.values()]

    def partitions(self, topic):
        found = self.admin.list_topics(timeout=suite.WAIT_SECONDS).topics.get(topic)
        return len(found.partitions) if found and not found.error else None

    def add_partitions(self, topic, total):
        self.wait(self.admin.create_partitions([NewPartitions(topic, total)]))

    def get_config(self, topic, key):
        [entries] = self.wait(self.admin.describe_configs([ConfigResource(ResourceType.TOPIC, topic)]))
        return entries[key].value

    def set_config(self, topic, key, value):
        entry = ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET)
        resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
        self.wait(self.admin.incremental_alter_configs([resource]))

    def producer(self, codec="none", idempotent=False):
        return Sender(
            {**self.common, "compression.type": codec, "linger.ms": 2, "acks": "all", "enable.idempotence": idempotent}
        )

    def read(self, topic, partitions):
        ends = {p: self.offsets(topic, p)[1] for p in range(partitions)}
        consumer = Consumer({**self.common, "group.id": "reader", "enable.auto.commit": False})
        consumer.assign([TopicPartition(topic, p, 0) for p in range(partitions)])
        records, deadline = [], time.monotonic() + suite.WAIT_SECONDS
        while len(records) < sum(ends.values()):
            if time.monotonic() > deadline:
                raise AssertionError(f"read {len(records)} records of {ends}")
            records += [r for r in map(record_of, consumer.consume(1000, 0.2)) if r]
        consumer.close()
        return sorted(records, key=lambda r: (r.partition, r.offset))

    def offsets(self, topic, partition):
        return self.probe.get_watermark_offsets(TopicPartition(topic, partition), timeout=suite.WAIT_SECONDS)

    def is_ready(self, topic, partitions):
        # Asking for offsets would not do: the library remembers for long that a new topic was unknown a moment ago.
        found = self.admin.list_topics(timeout=suite.WAIT_SECONDS).topics.get(topic)
        return found and len([p for p in found.partitions.values() if p.leader >= 0]) == partitions

    def offset_for_time(self, topic, partition, timestamp):
        [found] = self.probe.offsets_for_times([TopicPartition(topic, partition, timestamp)], timeout=suite.WAIT_SECONDS)
        # librdkafka says "end" for a time past the last record.
        return found.offset if found.offset >= 0 else None

    def member(self, group, topic):
        config = {**self.common, "group.id": group, "enable.auto.commit": False, "auto.offset.reset": "earliest"}
        config["group.protocol"] = self.protocol
        config["topic.metadata.refresh.interval.ms"] = 1000
        if self.protocol == "classic":
            config["heartbeat.interval.ms"] = 300
        return Member(config, topic)

    def committed(self, group, topic, partitions):
        wanted = ConsumerGroupTopicPartitions(group, [TopicPartition(topic, p) for p in range(partitions)])
        [answer] = self.wait(self.admin.list_consumer_group_offsets([wanted]))
        return {p.partition: p.offset for p in answer.topic_partitions}

    def groups(self):
        listed = self.admin.list_consumer_groups().result(suite.WAIT_SECONDS)
        return {group.group_id for group in listed.valid}

    def delete_group(self, group):
        self.wait(self.admin.delete_consumer_groups([group]))

    def close(self):
        self.probe.close()


if __name__ == "__main__":
    suite.main(Client)
