"""aiokafka (asyncio) under the shared checks: one event loop in a thread, every call handed to it."""

import asyncio
import threading
import time

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import CommitFailedError, IllegalGenerationError, RebalanceInProgressError, for_code

import suite
from suite import Record

LOOP = asyncio.new_event_loop()
threading.Thread(target=LOOP.run_forever, daemon=True).start()


def now(coroutine):
    return asyncio.run_coroutine_threadsafe(coroutine, LOOP).result(suite.WAIT_SECONDS)


def record_of(message):
    return Record(
        message.partition, message.offset, message.timestamp, message.key, message.value, list(message.headers)
    )


async def made(make, **config):
    """Clients of this library want to be made inside the loop."""
    client = make(**config)
    await client.start()
    return client


class Sender:
    def __init__(self, config):
        self.producer = now(made(AIOKafkaProducer, **config))
        self.waiting = []

    def send(self, topic, partition, key, value, headers, timestamp):
        self.waiting.append((topic, value, key, partition, timestamp, headers))

    def flush(self):
        async def send():
            futures = [await self.producer.send(*one) for one in self.waiting]
            return await asyncio.gather(*futures)

        placed = now(send())
        self.waiting = []
        return [(p.partition, p.offset) for p in placed]

    def close(self):
        self.flush()
        now(self.producer.stop())


class Member:
    def __init__(self, config, topic):
        self.consumer = now(made(lambda **c: AIOKafkaConsumer(topic, **c), **config))

    def poll(self, seconds):
        found = now(self.consumer.getmany(timeout_ms=int(seconds * 1000)))
        return [record_of(m) for messages in found.values() for m in messages]

    def commit(self):
        try:
            now(self.consumer.commit())
        except (CommitFailedError, IllegalGenerationError, RebalanceInProgressError):
            pass  # Between two generations a commit may be refused; the records are then read again.

    def close(self):
        now(self.consumer.stop())


class Client(suite.Client):
    name = "aiokafka"

    def __init__(self, brokers):
        self.common = {"bootstrap_servers": brokers}
        self.admin = now(made(AIOKafkaAdminClient, **self.common))
        self.probe = now(made(AIOKafkaConsumer, **self.common))

    def create_topic(self, topic, partitions, configs=None):
        answer = now(self.admin.create_topics([NewTopic(topic, partitions, 1, topic_configs=configs or {})]))
        check(error[1] for error in answer.topic_errors)

    def delete_topic(self, topic):
        answer = now(self.admin.delete_topics([topic]))
        check(code for _, code in answer.topic_error_codes)

    def partitions(self, topic):
        if topic not in now(self.admin.list_topics()):
            return None
        return len(now(self.admin.describe_topics([topic]))[0]["partitions"])

    def add_partitions(self, topic, total):
        answer = now(self.admin.create_partitions({topic: NewPartitions(total)}))
        check(error[1] for error in answer.topic_errors)

    def get_config(self, topic, key):
        [answer] = now(self.admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)]))
        [(code, _, _, _, entries)] = answer.resources
        check([code])
        return {entry[0]: entry[1] for entry in entries}[key]

    def set_config(self, topic, key, value):
        [answer] = now(self.admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs={key: value})]))
        check(resource[0] for resource in answer.resources)

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

        async def read():
            config = {**self.common, "enable_auto_commit": False, "max_partition_fetch_bytes": 4_000_000}
            consumer = await made(AIOKafkaConsumer, **config)
            consumer.assign(homes)
            await consumer.seek_to_beginning(*homes)
            total = sum((await consumer.end_offsets(homes)).values())
            records, deadline = [], time.monotonic() + suite.WAIT_SECONDS
            while len(records) < total:
                if time.monotonic() > deadline:
                    raise AssertionError(f"read {len(records)} records of {total}")
                for messages in (await consumer.getmany(timeout_ms=200)).values():
                    records += [record_of(m) for m in messages]
            await consumer.stop()
            return sorted(records, key=lambda r: (r.partition, r.offset))

        return now(read())

    def offsets(self, topic, partition):
        home = TopicPartition(topic, partition)
        return now(self.probe.beginning_offsets([home]))[home], now(self.probe.end_offsets([home]))[home]

    def offset_for_time(self, topic, partition, timestamp):
        home = TopicPartition(topic, partition)
        found = now(self.probe.offsets_for_times({home: timestamp}))[home]
        return found.offset if found else None

    def member(self, group, topic):
        config = {
            **self.common,
            "group_id": group,
            "enable_auto_commit": False,
            "auto_offset_reset": "earliest",
            "heartbeat_interval_ms": 300,
        }
        return Member(config, topic)

    def committed(self, group, topic, partitions):
        homes = [TopicPartition(topic, p) for p in range(partitions)]
        answer = now(self.admin.list_consumer_group_offsets(group, partitions=homes))
        return {home.partition: found.offset for home, found in answer.items()}

    def groups(self):
        return {group[0] for group in now(self.admin.list_consumer_groups())}

    # The library's admin client cannot delete a group.
    delete_group = None

    def close(self):
        now(self.probe.stop())
        now(self.admin.close())


def check(codes):
    for code in codes:
        if code:
            raise for_code(code)(f"error code {code}")


if __name__ == "__main__":
    suite.main(Client)
