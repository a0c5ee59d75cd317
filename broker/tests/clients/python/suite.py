"""The checks that every Python client must pass, written once.

A client file gives an adapter (class Client below says which methods) and calls main(). The verbs:

  suite BROKERS                      run every check; one line each: "ok NAME ..." or "FAIL NAME why"
  produce BROKERS TOPIC=CODEC=FILE.. write the records of FILE (see records.rs of the harness for its form)
  consume BROKERS FOLDER TOPIC..     read whole topics into FOLDER/TOPIC

The line "restart" asks the harness to kill the broker with SIGKILL and start it again on the same data; it answers "done".
"""

import hashlib
import itertools
import os
import sys
import threading
import time
import traceback
from collections import namedtuple

Record = namedtuple("Record", "partition offset timestamp key value headers")

WAIT_SECONDS = 40


class Client:
    """What an adapter has to know; `name` and `codecs` are plain values."""

    name = "?"
    codecs = ("none", "gzip", "snappy", "lz4", "zstd")

    def create_topic(self, topic, partitions, configs=None): ...
    def delete_topic(self, topic): ...
    def partitions(self, topic):
        """Partition count, or None when there is no such topic."""
    def add_partitions(self, topic, total): ...
    def get_config(self, topic, key): ...
    def set_config(self, topic, key, value): ...
    def producer(self, codec="none", idempotent=False):
        """An object with send(topic, partition or None, key, value, headers, timestamp), flush() -> [(partition, offset)] in
        the order of the sends, and close()."""
    def read(self, topic, partitions):
        """Every record of the partitions from start to end, ordered by partition and offset, without a group."""
    def offsets(self, topic, partition):
        """(log start, log end)."""
    def is_ready(self, topic, partitions):
        """Whether all partitions of a new topic answer."""
        try:
            return [self.offsets(topic, p) for p in range(partitions)]
        except Exception:
            return False

    def offset_for_time(self, topic, partition, timestamp):
        """The first offset at or after the time, or None."""
    def member(self, group, topic):
        """A member of a consumer group: poll(seconds) -> [Record], commit(), close(). Commits only when told."""
    def committed(self, group, topic, partitions):
        """{partition: offset}."""
    def groups(self):
        """Names of all groups."""
    def delete_group(self, group):
        """None instead of a method where the library cannot."""
    def close(self): ...


def wait_until(what, probe, seconds=WAIT_SECONDS):
    """Polls until the probe gives something true; returns it."""
    deadline = time.monotonic() + seconds
    while True:
        result = probe()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.02)


def expect_equal(what, got, want):
    if got != want:
        raise AssertionError(f"{what}: got {repr(got)[:400]}, want {repr(want)[:400]}")


def noise(seed, length):
    """Bytes that do not compress, the same for the same seed."""
    out = bytearray()
    for block in itertools.count():
        if len(out) >= length:
            return bytes(out[:length])
        out += hashlib.sha256(b"%d/%d" % (seed, block)).digest()


def mixed_records(partitions, count):
    """Records of every shape a producer can write: null and empty keys and values, headers, odd bytes, given timestamps."""
    base = int(time.time() * 1000) - 3_600_000
    records = []
    for i in range(count):
        key = [None, b"", b"key-%d" % i, noise(i, 40)][i % 4]
        value = [b"value-%d" % i, noise(i, i % 700), b"", b"a" * (i * 7 % 3000), None][i % 5]
        if key is None and value is None:
            value = b"no key"  # Some clients refuse a record of nothing.
        headers = [
            [],
            [("trace", b"%d" % i)],
            [("a", b""), ("a", noise(i, 20)), ("\u00fc", b"\x00\xff")],
        ][i % 3]
        records.append(Record(i % partitions, None, base + i * 10, key, value, headers))
    return records


def in_partitions(records, partitions):
    """What a reader must see, offsets filled in."""
    wanted = []
    for partition in range(partitions):
        mine = [r for r in records if r.partition == partition]
        wanted += [r._replace(offset=offset) for offset, r in enumerate(mine)]
    return wanted


def send_all(producer, topic, records):
    for r in records:
        producer.send(topic, r.partition, r.key, r.value, r.headers, r.timestamp)
    return producer.flush()


def create(client, topic, partitions, configs=None):
    """Creates a topic and waits until it answers: Kafka's partitions come up after it has said yes."""
    client.create_topic(topic, partitions, configs)
    wait_until(f"{topic} answers", lambda: client.is_ready(topic, partitions))


# ---- the checks; each takes the client and a name that is unique to it ----


def admin(client, name):
    create(client, name, 3, {"retention.ms": "7200000"})
    wait_until("topic has 3 partitions", lambda: client.partitions(name) == 3)
    expect_equal("retention.ms", client.get_config(name, "retention.ms"), "7200000")
    client.set_config(name, "retention.ms", "3600000")
    wait_until("altered config shows", lambda: client.get_config(name, "retention.ms") == "3600000")
    client.add_partitions(name, 5)
    wait_until("topic has 5 partitions", lambda: client.partitions(name) == 5)
    try:
        client.create_topic(name, 1)
    except Exception as error:
        if "exist" not in (str(error) + type(error).__name__).lower():
            raise
    else:
        raise AssertionError("creating the topic twice was accepted")
    producer = client.producer()
    placed = send_all(producer, name, [Record(p, None, None, None, b"x", []) for p in range(5)])
    producer.close()
    expect_equal("first records of new partitions", placed, [(p, 0) for p in range(5)])
    client.delete_topic(name)
    wait_until("topic is gone", lambda: client.partitions(name) is None)


def roundtrip(codec):
    def check(client, name):
        create(client, name, 3)
        records = mixed_records(3, 600)
        producer = client.producer(codec=codec)
        placed = send_all(producer, name, records)
        producer.close()
        want = in_partitions(records, 3)
        expect_equal("acknowledged places", sorted(placed), [(r.partition, r.offset) for r in want])
        got = client.read(name, 3)
        expect_equal("record count", len(got), len(want))
        for g, w in zip(got, want):
            expect_equal("record", g, w)

    return check


def one_mib(client, name):
    create(client, name, 1, {"max.message.bytes": "2097152"})
    values = [noise(1, 1 << 20), b"z" * (1 << 20), noise(2, 1 << 20)]
    producer = client.producer()
    for value in values:
        producer.send(name, 0, b"big", value, [], None)
    producer.flush()
    producer.close()
    got = [hashlib.sha256(r.value).hexdigest() for r in client.read(name, 1)]
    expect_equal("checksums", got, [hashlib.sha256(v).hexdigest() for v in values])


def keyed(client, name):
    """The client's own partitioner: one key, one partition, order kept inside it."""
    create(client, name, 4)
    # Idempotent, because without it a retry may overtake what was sent after.
    producer = client.producer(codec="lz4", idempotent=True)
    for i in range(4000):
        producer.send(name, None, b"k%d" % (i % 97), b"%d" % i, [], None)
    producer.flush()
    producer.close()
    home, last = {}, {}
    got = client.read(name, 4)
    expect_equal("record count", len(got), 4000)
    for r in got:
        expect_equal(f"partition of {r.key}", home.setdefault(r.key, r.partition), r.partition)
        number = int(r.value)
        if number <= last.get(r.key, -1):
            raise AssertionError(f"{r.key}: {number} after {last[r.key]}")
        last[r.key] = number
    if len(set(home.values())) != 4:
        raise AssertionError(f"97 keys on {len(set(home.values()))} partitions of 4")


def list_offsets(client, name):
    create(client, name, 1)
    expect_equal("empty log", client.offsets(name, 0), (0, 0))
    base = int(time.time() * 1000) - 1_000_000
    producer = client.producer()
    for i in range(100):
        producer.send(name, 0, None, b"%d" % i, [], base + i * 1000)
        if i % 10 == 9:
            producer.flush()
    producer.close()
    expect_equal("start and end", client.offsets(name, 0), (0, 100))
    for timestamp, want in [(base - 5, 0), (base, 0), (base + 1, 1), (base + 55_000, 55), (base + 99_000, 99)]:
        expect_equal(f"offset at {timestamp - base}", client.offset_for_time(name, 0, timestamp), want)
    expect_equal("offset past the end", client.offset_for_time(name, 0, base + 99_001), None)


def idempotent(client, name):
    create(client, name, 2)
    producer = client.producer(codec="zstd", idempotent=True)
    for i in range(6000):
        producer.send(name, i % 2, None, b"%d" % i, [], None)
    producer.flush()
    producer.close()
    got = client.read(name, 2)
    for partition in range(2):
        mine = [int(r.value) for r in got if r.partition == partition]
        expect_equal(f"partition {partition}", mine, list(range(partition, 6000, 2)))


class Worker:
    """One group member in its own thread, committing what it has read."""

    def __init__(self, client, group, topic, read):
        self.got = []
        self.failure = None
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run, args=(client, group, topic, read), daemon=True)
        self.thread.start()

    def run(self, client, group, topic, read):
        try:
            member = client.member(group, topic)
            while not self.stopping.is_set():
                records = member.poll(0.1)
                if records:
                    self.got += [r.value for r in records]
                    read.update(r.value for r in records)
                    member.commit()
            member.close()
        except Exception:
            self.failure = traceback.format_exc()

    def stop(self):
        self.stopping.set()
        self.thread.join(WAIT_SECONDS)
        if self.failure:
            raise AssertionError(self.failure)
        if self.thread.is_alive():
            raise AssertionError("member does not stop")


def groups(client, name):
    """Members come and go under load: no record is missed, and the group's offsets stay."""
    create(client, name, 4)
    sent, read, workers = set(), set(), []
    writing = threading.Event()
    writing.set()

    def write():
        producer = client.producer()
        i = 0
        while writing.is_set():
            batch = [b"%d" % n for n in range(i, i + 40)]
            i += 40
            for n, value in enumerate(batch):
                producer.send(name, n % 4, None, value, [], None)
            producer.flush()
            sent.update(batch)
            time.sleep(0.02)
        producer.close()

    def alive(worker, more_than):
        if worker.failure:
            raise AssertionError(worker.failure)
        return len(worker.got) > more_than

    def join(count=1):
        for _ in range(count):
            workers.append(Worker(client, name, name, read))

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    try:
        join()
        wait_until("first member reads", lambda: alive(workers[0], 100))
        join(2)
        wait_until("second and third member read", lambda: alive(workers[1], 40) and alive(workers[2], 40))
        workers[0].stop()
        seen = len(read)
        wait_until("group goes on without the first", lambda: len(read) > seen + 200)
        join()
        wait_until("fourth member reads", lambda: alive(workers[3], 40))
    finally:
        writing.clear()
    writer.join(WAIT_SECONDS)
    wait_until("all records are read", lambda: sent <= read)
    if name not in client.groups():
        raise AssertionError("the group is not listed")
    for worker in workers[1:]:
        worker.stop()
    ends = {p: client.offsets(name, p)[1] for p in range(4)}
    expect_equal("committed offsets", client.committed(name, name, 4), ends)

    late = Worker(client, name, name, set())
    producer = client.producer()
    for p in range(4):
        producer.send(name, p, None, b"late-%d" % p, [], None)
    producer.flush()
    producer.close()
    wait_until("new member reads the new records", lambda: alive(late, 3))
    late.stop()
    expect_equal("new member starts at the commit", sorted(late.got), [b"late-%d" % p for p in range(4)])
    if client.delete_group:
        client.delete_group(name)
        wait_until("group is gone", lambda: name not in client.groups())


def restart(client, name):
    """SIGKILL and a new start on the same data: the same client objects go on, nothing acknowledged is gone."""
    create(client, name, 2)
    producer = client.producer(idempotent=True)
    for i in range(500):
        producer.send(name, i % 2, None, b"%d" % i, [], None)
    producer.flush()
    member = client.member(name, name)
    got = []
    wait_until("member reads before", lambda: got.extend(member.poll(0.1)) or len(got) >= 500)
    member.commit()
    print("restart", flush=True)
    expect_equal("harness", sys.stdin.readline().strip(), "done")
    for i in range(500, 1000):
        producer.send(name, i % 2, None, b"%d" % i, [], None)
    producer.flush()
    producer.close()
    wait_until("member reads after", lambda: got.extend(member.poll(0.1)) or len({r.value for r in got}) >= 1000)
    member.commit()
    member.close()
    expect_equal("committed", client.committed(name, name, 2), {0: 500, 1: 500})
    for partition in range(2):
        mine = [int(r.value) for r in client.read(name, 2) if r.partition == partition]
        expect_equal(f"partition {partition}", mine, list(range(partition, 1000, 2)))


def run_suite(client):
    checks = [("admin", admin)]
    checks += [(f"roundtrip_{codec}", roundtrip(codec)) for codec in client.codecs]
    checks += [("one_mib", one_mib), ("keyed", keyed), ("list_offsets", list_offsets)]
    checks += [("idempotent", idempotent), ("groups", groups), ("restart", restart)]
    failed = 0
    for title, check in checks:
        begin = time.monotonic()
        try:
            check(client, f"{client.name}-{title}-{os.getpid()}")
            print(f"ok {title} {time.monotonic() - begin:.1f}s", flush=True)
        except Exception as error:
            failed += 1
            traceback.print_exc()
            print(f"FAIL {title} {type(error).__name__}: {' '.join(str(error).split())[:600]}", flush=True)
    return failed


# ---- cross-client files: one record a line, bytes in hex, "-" for null and "." for empty ----


def to_hex(data):
    return "-" if data is None else data.hex() or "."


def from_hex(text):
    return None if text == "-" else b"" if text == "." else bytes.fromhex(text)


def parse_line(line):
    partition, timestamp, key, value, headers = line.split()
    pairs = [] if headers == "." else [h.split(":") for h in headers.split(",")]
    pairs = [(from_hex(n).decode(), from_hex(v)) for n, v in pairs]
    return Record(int(partition), None, int(timestamp), from_hex(key), from_hex(value), pairs)


def format_line(r):
    headers = ",".join(f"{to_hex(n.encode())}:{to_hex(v)}" for n, v in r.headers) or "."
    return f"{r.partition} {r.offset} {r.timestamp} {to_hex(r.key)} {to_hex(r.value)} {headers}\n"


def main(make_client):
    verb, brokers, arguments = sys.argv[1], sys.argv[2], sys.argv[3:]
    client = make_client(brokers)
    failed = 0
    if verb == "suite":
        failed = run_suite(client)
    elif verb == "produce":
        for argument in arguments:
            topic, codec, path = argument.split("=", 2)
            with open(path) as lines:
                records = [parse_line(line) for line in lines]
            create(client, topic, 3, {"max.message.bytes": "2097152"})
            producer = client.producer(codec=codec)
            send_all(producer, topic, records)
            producer.close()
            print(f"ok produce {topic} {len(records)}", flush=True)
    elif verb == "consume":
        folder, topics = arguments[0], arguments[1:]
        for topic in topics:
            records = client.read(topic, 3)
            with open(f"{folder}/{topic}", "w") as out:
                out.writelines(format_line(r) for r in records)
            print(f"ok consume {topic} {len(records)}", flush=True)
    else:
        raise SystemExit(f"unknown verb {verb}")
    client.close()
    sys.exit(1 if failed else 0)
