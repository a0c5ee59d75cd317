"""The works that are measured, and what is asked of each: one table.

A work is a load (`corelane-bench run` with these words) on targets; a row is one ratio of it. Each target of a work gets the same
words. "kafka" acknowledges from memory (the page cache), which is its default; "kafka-fsync" is the same broker with
`flush.messages=1` on the topic, so that it is as durable as Corelane. "nats" is JetStream with `sync_interval: always`;
"nats-memory" is its default, a flush every two minutes, and stands beside it in tables without a row of its own. Every row says in
its words which one it is against.

"only-flush" is no broker: `corelane-bench null --flush`, a simple server that writes what it is sent to one file, flushes it and answers.
It has rows of its own: what even it misses is hardly a broker's fault. It proves no more: it serves no sockets while it waits for the
disk, so others may answer more than it does (there is no row of how many).
"""

CORELANE, KAFKA, KAFKA_FSYNC, NATS, NATS_MEMORY = "corelane", "kafka", "kafka-fsync", "nats", "nats-memory"
ONLY_FLUSH = "only-flush"

# What stands beside each of them in every table: no durable figure beside one that is not, without saying so.
NOTES = {
    CORELANE: "acknowledges from the disk",
    KAFKA: "as shipped: acknowledges from memory",
    KAFKA_FSYNC: "flush.messages=1: acknowledges from the disk",
    NATS: "JetStream, sync_interval always: acknowledges from the disk",
    NATS_MEMORY: "JetStream as shipped: acknowledges from memory",
    ONLY_FLUSH: "no broker: writes, flushes and answers",
}

MEMORY = "Kafka without fsync"
DISK = "Kafka with flush.messages=1"
NATS_DISK = "NATS JetStream with sync_interval: always"

# name: (title, words of the run, targets)
WORKS = {
    "durable-2k": (
        "Produce, 1 KiB, open loop at 2,000/s, 1 producer",
        ["--rate", "2000", "--record-bytes", "1KiB"],
        [CORELANE, KAFKA, KAFKA_FSYNC, NATS, NATS_MEMORY, ONLY_FLUSH],
    ),
    "small": (
        "Requests of one record of 256 B, 64 connections, closed loop",
        ["--producers", "64", "--in-flight", "1", "--batch-records", "1", "--record-bytes", "256", "--partitions", "8"]
        + ["--request-batches", "1"],
        [CORELANE, KAFKA, NATS, NATS_MEMORY, ONLY_FLUSH],
    ),
    "bulk": (
        "Bulk produce, batches of 1 MiB, 8 partitions, closed loop",
        ["--batch-bytes", "1MiB", "--request-batches", "1", "--partitions", "8", "--record-bytes", "1KiB"],
        [CORELANE, KAFKA],
    ),
    "partitions-1000": (
        "1,000 partitions, keyed 1 KiB, 50 producers, closed loop",
        ["--partitions", "1000", "--producers", "50", "--keys", "uniform:100000", "--in-flight", "1", "--buffer-bytes", "256KiB"]
        + ["--one-topic"],
        [CORELANE, KAFKA],
    ),
    "end-to-end-2k": (
        "End to end, 1 KiB, open loop at 2,000/s",
        ["--workload", "end-to-end", "--rate", "2000", "--record-bytes", "1KiB"],
        [CORELANE, KAFKA, ONLY_FLUSH],
    ),
    "cpu": (
        "CPU for 1 KiB records in batches of 16 KiB, closed loop",
        ["--batch-bytes", "16KiB", "--record-bytes", "1KiB", "--partitions", "4", "--request-batches", "1"],
        [CORELANE, KAFKA, ONLY_FLUSH],
    ),
    "cpu-open": (
        "CPU for 1 KiB records at 20,000/s, Poisson arrivals, linger 5 ms",
        ["--rate", "20000", "--arrivals", "poisson", "--linger-us", "5000", "--batch-bytes", "16KiB", "--record-bytes", "1KiB"]
        + ["--partitions", "4"],
        [CORELANE, KAFKA],
    ),
    "catch-up": (
        "Catch-up consume, cold, 4 partitions",
        ["--workload", "consume", "--partitions", "4", "--drop-caches"],
        [CORELANE, KAFKA],
    ),
}

# (work, what the row says, metric, against, must, goal)
ROWS = [
    ("durable-2k", f"produce at 2k/s, p50, against {MEMORY}", "produce.p50", KAFKA, 1.0, 0.7),
    ("durable-2k", f"produce at 2k/s, p99, against {MEMORY}", "produce.p99", KAFKA, 1.0, 0.5),
    ("durable-2k", f"produce at 2k/s, p50, against {DISK}", "produce.p50", KAFKA_FSYNC, 0.2, 0.1),
    ("durable-2k", f"produce at 2k/s, p99, against {DISK}", "produce.p99", KAFKA_FSYNC, 0.2, 0.1),
    ("small", f"64 connections, 256 B a request, against {MEMORY}", "produce.requests", KAFKA, 2.0, 4.0),
    ("bulk", f"1 MiB batches, 8 partitions, against {MEMORY}", "produce.mb", KAFKA, 1.5, 3.0),
    ("partitions-1000", f"1,000 partitions, 50 producers, against {MEMORY}", "produce.mb", KAFKA, 2.0, 5.0),
    ("end-to-end-2k", f"end to end at 2k/s, p50, against {MEMORY}", "deliver.p50", KAFKA, 0.7, 0.4),
    ("end-to-end-2k", f"end to end at 2k/s, p99, against {MEMORY}", "deliver.p99", KAFKA, 0.7, 0.4),
    ("catch-up", f"catch-up consume, cold, against {MEMORY}", "replay.mb", KAFKA, 1.0, 2.0),
    ("cpu", f"CPU seconds per GiB produced, against {MEMORY}", "cpu.gib", KAFKA, 0.5, 0.25),
    ("durable-2k", f"produce at 2k/s, p50, against {NATS_DISK}", "produce.p50", NATS, None, None),
    ("durable-2k", f"produce at 2k/s, p99, against {NATS_DISK}", "produce.p99", NATS, None, None),
    ("small", f"64 connections, 256 B a request, against {NATS_DISK}", "produce.requests", NATS, None, None),
    ("bulk", f"memory under 1 MiB batches, against {MEMORY}", "memory", KAFKA, None, None),
    ("small", f"CPU for each record of a request of its own, against {MEMORY}", "cpu.record", KAFKA, None, None),
    ("cpu-open", f"CPU seconds per GiB at 20,000 records/s, against {MEMORY}", "cpu.gib", KAFKA, None, None),
    ("durable-2k", "durable produce p50 over (F + loopback round trip)", "produce.p50", "floor", 1.6, 1.25),
]

# The same of a simple server that only flushes: (work, what the row says, metric, against)
FLUSH_ROWS = [
    ("durable-2k", f"only flushing: produce at 2k/s, p50, against {MEMORY}", "produce.p50", KAFKA),
    ("durable-2k", f"only flushing: produce at 2k/s, p50, against {DISK}", "produce.p50", KAFKA_FSYNC),
    ("end-to-end-2k", f"only flushing: end to end at 2k/s, p50, against {MEMORY}", "deliver.p50", KAFKA),
    ("small", f"only flushing: CPU for each record of a request of its own, against {MEMORY}", "cpu.record", KAFKA),
    ("cpu", f"only flushing: CPU seconds per GiB produced, against {MEMORY}", "cpu.gib", KAFKA),
]

# What the start measures: (what the row says, unit, must, goal)
START_ROWS = [
    ("start on an empty directory to the first answer, against Kafka", "s", 0.1, 0.05),
    ("memory at rest after the start, against Kafka", "MiB", 0.15, 0.1),
]
