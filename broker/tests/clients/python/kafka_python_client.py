"""kafka-python (pure Python) under the shared checks."""

import time

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, NewPartitions, NewTopic
from kafka.errors import CommitFailedError, IllegalGenerationError, RebalanceInProgressError

import suite
from suite import Record


def record_of(message):
    headers = [(name, value) for name, value in message.headers]
    return Record(message.partition, message.offset, message.timestamp, message.key, message.value, headers)


class Sender:
    def __init__(self, config):
        self.producer = KafkaProducer(**config)
        self.futures = []

    def send(self, topic, partition, key, value, headers, timestamp):
        self.futures.append(
            self.producer.send(topic, value, key, headers=headers, partition=partition, timestamp_ms=timestamp)
        )

    def flush(self):
        self.producer.flush(suite.WAIT_SECONDS)
        placed = [future.get(suite.WAIT_SECONDS) for future in self.futures]
        self.futures = []
        return [(p.partition, p.offset) for p in placed]

    def close(self):
        self.flush()
        self.producer.close()


class Member:
    def __init__(self, config, topic):
        self.consumer = KafkaConsumer(topic, **config)

    def poll(self, seconds):
        found = self.consumer.poll(int(seconds * 1000))
        return [record_of(m) for messages in found.values() for m in messages]

    def commit(self):
        try:
            self.consumer.commit()
        except (CommitFailedError, IllegalGenerationError, RebalanceInProgressError):
            pass  # Between two generations a commit may be refused; the records are then read again.

    def close(self):
        self.consumer.close(autocommit=False)


class Client(suite.Client):
    name = "kafka-python"

    def __init__(self, brokers):
        self.common = {"bootstrap_servers": brokers, "reconnect_backoff_max_ms": 500}
        self.admin = KafkaAdminClient(**self.common)
        self.probe = KafkaConsumer(**self.common)

    def create_topic(self, topic, partitions, configs=None):
        self.admin.create_topics([NewTopic(topic, partitions, 1, topic_configs=configs or {})])

    def delete_topic(self, topic):
        self.admin.delete_topics([topic])

    def partitions(self, topic):
        if topic not in self.admin.list_topics():
            return None
        return len(self.admin.describe_topics([topic])[0]["partitions"])

    def add_partitions(self, topic, total):
        self.admin.create_partitions({topic: NewPartitions(total)})

    def get_config(self, topic, key):
        answer = self.admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
        return answer["topic"][topic][key]["value"]

    def set_config(self, topic, key, value):
        self.admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs={key: value})])

    def producer(self, codec="none", idempotent=False):
        return Sender(
            {
                **self.common,
                "compression_type": None if codec == "none" else codec,
                "acks": "all",
                "enable_idempotence": idempotent,
                "max_request_size": 4_000_000,
                "linger_ms": 2,
            }
        )

    def read(self, topic, partitions):
        homes = [TopicPartition(topic, p) for p in range(partitions)]
        consumer = KafkaConsumer(**self.common, enable_auto_commit=False, max_partition_fetch_bytes=4_000_000)
        consumer.assign(homes)
        consumer.seek_to_beginning(*homes)
        total = sum(consumer.end_offsets(homes).values())
        records, deadline = [], time.monotonic() + suite.WAIT_SECONDS
        while len(records) < total:
            if time.monotonic() > deadline:
                raise AssertionError(f"read {len(records)} records of {total}")
            for messages in consumer.poll(200).values():
                records += [record_of(m) for m in messages]
        consumer.close()
        return sorted(records, key=lambda r: (r.partition, r.offset))

    def offsets(self, topic, partition):
        home = TopicPartition(topic, partition)
        return self.probe.beginning_offsets([home])[home], self.probe.end_offsets([home])[home]

    def offset_for_time(self, topic, partition, timestamp):
        home = TopicPartition(topic, partition)
        found = self.probe.offsets_for_times({home: timestamp})[home]
        return found.offset if found else None

    def member(self, group, topic):
        config = {
            **self.common,
            "group_id": group,
            "enable_auto_commit": False,
            "auto_offset_reset": "earliest",
            "heartbeat_interval_ms": 300,
            "session_timeout_ms": 10_000,
        }
        return Member(config, topic)

    def committed(self, group, topic, partitions):
        answer = self.admin.list_group_offsets({group: [TopicPartition(topic, p) for p in range(partitions)]})
        return {home.partition: found.offset for home, found in answer[group].items()}

    def groups(self):
        return {group["group_id"] for group in self.admin.list_groups()}

    def delete_group(self, group):
        self.admin.delete_groups([group])

    def close(self):
        self.probe.close()
        self.admin.close()


if __name__ == "__main__":
    suite.main(Client)
