"""Drives kcat, the command line client of librdkafka, with nothing but Python's own library.

The verbs are those of ../python/suite.py. kcat cannot create topics, so every topic here is made by the broker on first use
with num.partitions=3; and it has no way to write a given timestamp or arbitrary bytes, so records are words.
"""

import json
import os
import random
import subprocess
import sys
import threading
import time

WAIT_SECONDS = 40
KEY_END, RECORD_END = "\x1e", "\x1d"
PARTITIONS = 3


class Kcat:
    def __init__(self, brokers):
        self.brokers = brokers

    def run(self, *arguments, given=None, seconds=WAIT_SECONDS):
        command = ["kcat", "-b", self.brokers, "-X", "reconnect.backoff.max.ms=500", "-X", "message.max.bytes=4000000"]
        # The end of a log shows only by an empty answer, which need not take long.
        command += ["-X", "fetch.wait.max.ms=20"]
        command += [str(a) for a in arguments]
        done = subprocess.run(command, input=given, capture_output=True, timeout=seconds)
        if done.returncode:
            raise AssertionError(f"{' '.join(command)}: {done.stderr.decode(errors='replace')[-400:]}")
        return done.stdout

    def produce(self, topic, partition, records, *options, codec="none"):
        """records: (key or None, value)."""
        # -Z: an empty key is a null key.
        given = "".join(f"{key or ''}{KEY_END}{value}{RECORD_END}" for key, value in records)
        place = [] if partition is None else ["-p", partition]
        self.run(
            "-P", "-t", topic, *place, "-z", codec, "-K", KEY_END, "-D", RECORD_END, "-Z", "-X", "acks=all", *options,
            given=given.encode(),
        )

    def consume(self, topic, *options, with_headers=True):
        """Whole topic: (partition, offset, timestamp, key, value, headers) ordered by place."""
        headers = "%h" if with_headers else ""
        out = self.run("-C", "-t", topic, "-e", "-q", "-f", f"%p %o %T %K %S {headers}\n%k%s\n", *options)
        records, at = [], 0
        while at < len(out):
            line_end = out.index(b"\n", at)
            # The lengths may be negative (null), the headers may be missing or have spaces in them.
            partition, offset, time_ms, key_length, value_length, headers = out[at:line_end].split(b" ", 5)
            at = line_end + 1
            key = value = None
            if int(key_length) >= 0:
                key, at = out[at : at + int(key_length)], at + int(key_length)
            if int(value_length) >= 0:
                value, at = out[at : at + int(value_length)], at + int(value_length)
            at += 1
            records.append((int(partition), int(offset), int(time_ms), key, value, headers.decode()))
        return sorted(records, key=lambda r: r[:2])

    def offset(self, topic, partition, at):
        out = self.run("-Q", "-t", f"{topic}:{partition}:{at}").decode()
        # "topic [0] offset 17"
        return int(out.strip().rsplit(" ", 1)[1])


def wait_until(what, probe, seconds=WAIT_SECONDS):
    deadline = time.monotonic() + seconds
    while not probe():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.05)


def expect_equal(what, got, want):
    if got != want:
        raise AssertionError(f"{what}: got {repr(got)[:400]}, want {repr(want)[:400]}")


def word(length, seed):
    return "".join(random.Random(seed).choices("abcdefghijklmnopqrstuvwxyz0123456789 ", k=length))


def metadata(kcat, name):
    kcat.produce(name, 0, [("k", "v")])
    described = json.loads(kcat.run("-L", "-J", "-t", name))
    [topic] = [t for t in described["topics"] if t["topic"] == name]
    expect_equal("partitions", len(topic["partitions"]), PARTITIONS)
    expect_equal("brokers", len(described["brokers"]), 1)
    expect_equal("leaders", {p["leader"] for p in topic["partitions"]}, {described["brokers"][0]["id"]})


def roundtrip(codec):
    def check(kcat, name):
        want = []
        for partition in range(PARTITIONS):
            records = [(None if i % 4 == 0 else f"key-{i}", word(1 + i * 13 % 900, i)) for i in range(200)]
            kcat.produce(name, partition, records, codec=codec)
            want += [(partition, i, k and k.encode(), v.encode()) for i, (k, v) in enumerate(records)]
        before = time.time() * 1000
        got = kcat.consume(name)
        expect_equal("records", [(p, o, k, v) for p, o, _, k, v, _ in got], want)
        if not all(before - 60_000 < t <= before for _, _, t, _, _, _ in got):
            raise AssertionError("a timestamp is not the time of sending")

    return check


def headers(kcat, name):
    kcat.produce(name, 0, [("k", "v")], "-H", "one=1", "-H", "two=a b", "-H", "one=2")
    expect_equal("headers", kcat.consume(name)[0][5], "one=1,two=a b,one=2")


def null_value(kcat, name):
    kcat.produce(name, 0, [("k", ""), ("k", "v")])
    expect_equal("values", [r[4] for r in kcat.consume(name)], [None, b"v"])


def one_mib(kcat, name):
    """As near to 1 MiB as the broker's default max.message.bytes (1 MiB and 12 bytes) leaves room for."""
    value = word((1 << 20) - 200, 5)
    kcat.produce(name, 1, [("big", value)])
    expect_equal("value", [r[4] for r in kcat.consume(name)], [value.encode()])


def list_offsets(kcat, name):
    kcat.produce(name, 0, [("k", str(i)) for i in range(50)])
    time.sleep(0.02)
    middle = int(time.time() * 1000)
    time.sleep(0.02)
    kcat.produce(name, 0, [("k", str(i)) for i in range(50, 80)])
    expect_equal("first", kcat.offset(name, 0, -2), 0)
    expect_equal("end", kcat.offset(name, 0, -1), 80)
    expect_equal("by time", kcat.offset(name, 0, middle), 50)
    expect_equal("before all", kcat.offset(name, 0, middle - 3_600_000), 0)
    got = kcat.consume(name, "-p", 0, "-o", f"s@{middle}")
    expect_equal("read from a time", [r[1] for r in got], list(range(50, 80)))


def idempotent(kcat, name):
    kcat.produce(name, 2, [(None, str(i)) for i in range(5000)], "-X", "enable.idempotence=true", codec="lz4")
    expect_equal("order", [int(r[4]) for r in kcat.consume(name)], list(range(5000)))


class Member:
    """kcat as a group member: commits what it has read every 50 ms and when it leaves.

    A member that leaves under load must be given a count: kcat drops the record at hand on a signal, yet commits it.
    """

    def __init__(self, kcat, group, topic, count=None):
        self.values = []
        command = ["kcat", "-b", kcat.brokers, "-q", "-u", "-E", "-f", "%s\n", "-X", "auto.offset.reset=earliest"]
        command += ["-X", "heartbeat.interval.ms=300", "-X", "auto.commit.interval.ms=50", "-G", group, topic]
        command += ["-c", str(count)] if count else []
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        for line in self.process.stdout:
            self.values.append(line.decode().strip())

    def stop(self):
        self.process.terminate()
        self.process.wait(WAIT_SECONDS)
        self.thread.join()


def groups(kcat, name):
    sent, members = [], []
    kcat.produce(name, 0, [(None, "first")])
    sent.append("first")
    writing = threading.Event()
    writing.set()

    def write():
        while writing.is_set():
            batch = [str(n) for n in range(len(sent), len(sent) + 60)]
            for partition in range(PARTITIONS):
                kcat.produce(name, partition, [(None, value) for value in batch[partition::PARTITIONS]])
            sent.extend(batch)

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    try:
        members.append(Member(kcat, name, name, count=600))
        wait_until("first member reads", lambda: len(members[0].values) > 100)
        members.append(Member(kcat, name, name))
        wait_until("second member reads", lambda: len(members[1].values) > 40)
        members[0].thread.join(WAIT_SECONDS)
        count = len(members[1].values)
        wait_until("group goes on", lambda: len(members[1].values) > count + 100)
        members.append(Member(kcat, name, name))
        wait_until("third member reads", lambda: len(members[2].values) > 40)
    finally:
        writing.clear()
        writer.join(WAIT_SECONDS)
    try:
        wait_until("all records are read", lambda: set(sent) <= {v for m in members for v in m.values})
    except AssertionError as error:
        missed = sorted(set(sent) - {v for m in members for v in m.values})
        raise AssertionError(f"{error}; missed {len(missed)}: {missed[:20]}") from None
    finally:
        for member in members:
            member.stop()
    kcat.produce(name, 0, [(None, "late")])
    late = Member(kcat, name, name)
    wait_until("the new record is read", lambda: "late" in late.values)
    late.stop()
    expect_equal("a new member starts at the commit", late.values, ["late"])


def restart(kcat, name):
    kcat.produce(name, 0, [("k", str(i)) for i in range(300)])
    member = Member(kcat, name, name)
    wait_until("read before", lambda: len(member.values) == 300)
    print("restart", flush=True)
    expect_equal("harness", sys.stdin.readline().strip(), "done")
    kcat.produce(name, 0, [("k", str(i)) for i in range(300, 600)])
    wait_until("read after", lambda: len(set(member.values)) == 600)
    member.stop()
    expect_equal("log", [int(r[4]) for r in kcat.consume(name)], list(range(600)))


def run_suite(kcat):
    checks = [("metadata", metadata)]
    checks += [(f"roundtrip_{codec}", roundtrip(codec)) for codec in ("none", "gzip", "snappy", "lz4", "zstd")]
    checks += [(check.__name__, check) for check in (headers, null_value, one_mib, list_offsets, idempotent, groups, restart)]
    failed = 0
    for title, check in checks:
        begin = time.monotonic()
        try:
            check(kcat, f"kcat-{title}-{os.getpid()}")
            print(f"ok {title} {time.monotonic() - begin:.1f}s", flush=True)
        except Exception as error:
            failed += 1
            print(f"FAIL {title} {type(error).__name__}: {' '.join(str(error).split())[:600]}", flush=True)
    return failed


def to_hex(data):
    return "-" if data is None else data.hex() or "."


def main():
    verb, brokers, arguments = sys.argv[1], sys.argv[2], sys.argv[3:]
    kcat = Kcat(brokers)
    failed = 0
    if verb == "suite":
        failed = run_suite(kcat)
    elif verb == "produce":
        for argument in arguments:
            topic, codec, path = argument.split("=", 2)
            by_partition = {}
            with open(path) as lines:
                for line in lines:
                    partition, _, key, value, _ = line.split()
                    key = None if key == "-" else bytes.fromhex(key).decode()
                    by_partition.setdefault(int(partition), []).append((key, bytes.fromhex(value).decode()))
            for partition, records in by_partition.items():
                kcat.produce(topic, partition, records, codec=codec)
            print(f"ok produce {topic}", flush=True)
    elif verb == "consume":
        folder, topics = arguments[0], arguments[1:]
        for topic in topics:
            with open(f"{folder}/{topic}", "w") as out:
                # kcat prints headers as text that cannot be split again for certain.
                for partition, offset, time_ms, key, value, _ in kcat.consume(topic, with_headers=False):
                    out.write(f"{partition} {offset} {time_ms} {to_hex(key)} {to_hex(value)} *\n")
            print(f"ok consume {topic}", flush=True)
    else:
        raise SystemExit(f"unknown verb {verb}")
    sys.exit(1 if failed else 0)


main()
