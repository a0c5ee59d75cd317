"""A record beyond what the broker takes in one piece, by librdkafka's idempotent producer: large_record.py BROKERS TOPIC BYTES

The record must be refused as too large, and the producer must go on. Prints "ok goes_on" when small records sent before, with and
after it were acknowledged in order.
"""

import sys

from confluent_kafka import KafkaError, Producer

brokers, topic, size = sys.argv[1], sys.argv[2], int(sys.argv[3])
producer = Producer(
    {
        "bootstrap.servers": brokers,
        "enable.idempotence": True,
        "message.max.bytes": 4 * size,
        "message.timeout.ms": 60_000,
        "log_level": 0,
    }
)
offsets, errors = [], []


def delivered(error, message):
    if error is None:
        offsets.append(message.offset())
    else:
        errors.append(error.code())


for _ in range(3):
    producer.produce(topic, b"small", partition=0, on_delivery=delivered)
    producer.flush(60)
    producer.produce(topic, b"x" * size, partition=0, on_delivery=delivered)
    producer.produce(topic, b"small", partition=0, on_delivery=delivered)
    producer.flush(60)
assert errors == [KafkaError.MSG_SIZE_TOO_LARGE] * 3, errors
assert offsets == list(range(6)), offsets
print("ok goes_on")
