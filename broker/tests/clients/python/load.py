"""Load for the kill -9 test, by librdkafka: load.py BROKERS TOPIC PARTITIONS NAME idempotent|plain

Writes "NAME N" with N counting up in each partition, acks=all, until standard input ends, through every failure of the broker.
Prints "A PARTITION OFFSET N" for every acknowledged record, "E why" for one given up; ends when nothing is left to send.
"""

import sys
import threading

from confluent_kafka import Producer

brokers, topic, partitions, name, kind = sys.argv[1:]
producer = Producer(
    {
        "bootstrap.servers": brokers,
        "acks": "all",
        "enable.idempotence": kind == "idempotent",
        # Without idempotence order survives a retry only when nothing else is on its way.
        "max.in.flight.requests.per.connection": 5 if kind == "idempotent" else 1,
        "linger.ms": 1,
        "retry.backoff.ms": 30,
        "reconnect.backoff.ms": 20,
        "reconnect.backoff.max.ms": 200,
        "message.timeout.ms": 120_000,
        "queue.buffering.max.messages": 400,
        "log_level": 0,
    }
)
stopping = threading.Event()


def watch():
    sys.stdin.read()
    stopping.set()


threading.Thread(target=watch, daemon=True).start()


def delivered(number):
    def report(error, message):
        if error:
            print(f"E {error}", flush=True)
        else:
            print(f"A {message.partition()} {message.offset()} {number}", flush=True)

    return report


number = 0
while not stopping.is_set():
    for partition in range(int(partitions)):
        while True:
            try:
                producer.produce(topic, f"{name} {number}", partition=partition, on_delivery=delivered(number))
                break
            except BufferError:
                producer.poll(0.05)
    producer.poll(0)
    number += 1
sys.exit(1 if producer.flush(60) else 0)
