#!/usr/bin/env python3
"""Corelane and Apache Kafka under the same loads, in one run, on one machine: one command, one report.

    bench/peers/run.py [--quick] [--only WORK,..] [--output DIR]

Both brokers stay up for the whole run, pinned to the same CPU; the client has the other. Rounds are interleaved, and each result
says how much CPU the broker that was not measured used meanwhile. Printed at the end, and at the top of report.html: every ratio,
its spread over the rounds, and whether it holds what is asked. bench/README.md has the settings and their reasons.

Needs Linux, Python 3, Java 17 and Maven for Kafka, a Rust toolchain, and root for the cold reads (`catch-up`).
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from servers import Corelane, Kafka, built, kafka_jars, kafka_version, start_figures
from works import CORELANE, KAFKA, KAFKA_FSYNC, ROWS, START_ROWS, WORKS

START = "start"


def words():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="in under 6 minutes: fewer and shorter rounds, 512 MiB to catch up with")
    parser.add_argument("--only", help=f"some of {', '.join([*WORKS, START])}")
    parser.add_argument("--output", default="peers-result", help="directory for results and report.html")
    parser.add_argument("--rounds", type=int, help="instead of 5, or 2 when quick")
    parser.add_argument("--seconds", type=float, help="measured in each round, instead of 15, or 3 when quick")
    parser.add_argument("--server-cpus", default="0")
    parser.add_argument("--client-cpus", default="1")
    parser.add_argument("--data", default=os.environ.get("DATA", "/var/tmp"), help="a directory on the disk that is measured")
    parser.add_argument("--corelane", help="a built broker, instead of building it")
    parser.add_argument("--bench", help="a built corelane-bench, instead of building it")
    chosen = parser.parse_args()
    chosen.works = chosen.only.split(",") if chosen.only else [*WORKS, START]
    for work in chosen.works:
        if work not in WORKS and work != START:
            parser.error(f"there is no work {work!r}; there is {', '.join([*WORKS, START])}")
    chosen.rounds = chosen.rounds or (2 if chosen.quick else 5)
    chosen.seconds = chosen.seconds or (3 if chosen.quick else 15)
    chosen.warm_up = 1 if chosen.quick else 5
    chosen.rehearsal = 3 if chosen.quick else 15
    return chosen


class Peers:
    def __init__(self, chosen):
        self.chosen = chosen
        self.output = Path(chosen.output)
        self.output.mkdir(parents=True, exist_ok=True)
        self.bench = chosen.bench or built("corelane-bench", "corelane-bench")
        self.corelane = chosen.corelane or built("corelane-broker", "corelane")
        self.jars = kafka_jars()
        self.rows = []
        self.results = []

    def make_corelane(self, directory):
        return Corelane(directory, self.chosen.server_cpus, self.corelane)

    def make_kafka(self, directory):
        return Kafka(directory, self.chosen.server_cpus, self.jars)

    def measure_start(self):
        rounds = 1 if self.chosen.quick else 5
        print(f"# start to the first answer, {rounds} rounds", file=sys.stderr, flush=True)
        data = self.chosen.data
        figures = zip(start_figures(self.make_corelane, rounds, data), start_figures(self.make_kafka, rounds, data))
        for (work, unit, must, goal), (ours, theirs) in zip(START_ROWS, figures):
            row = {"work": work, "values": ours, "against_values": theirs, "unit": unit}
            self.rows.append({**row, "target": CORELANE, "against": KAFKA, "must": must, "goal": goal})

    def measure_works(self, works):
        with tempfile.TemporaryDirectory(dir=self.chosen.data, prefix="peers.") as directory:
            corelane, kafka = self.make_corelane(directory), self.make_kafka(directory)
            kafka.format()
            try:
                corelane.start()
                kafka.start()
                self.warm_up(kafka)
                for work in works:
                    self.measure(work, corelane, kafka, directory)
            finally:
                corelane.stop()
                kafka.stop()

    def warm_up(self, kafka):
        """A JVM that has compiled what it will run: Kafka's first seconds are not what is compared."""
        seconds = 6 if self.chosen.quick else 20
        print(f"# warming up Kafka for {seconds} s", file=sys.stderr, flush=True)
        run = [self.bench, "run", "--target", f"{KAFKA}=127.0.0.1:{kafka.port}", "--workload", "end-to-end", "--rounds", "1"]
        run += ["--producers", "8", "--in-flight", "1", "--batch-records", "4", "--warm-up", "0", "--seconds", str(seconds)]
        run += ["--client-cpus", self.chosen.client_cpus, "--no-floor", "--no-null", "--json"]
        subprocess.run(run, check=True, stdout=subprocess.DEVNULL)

    def measure(self, work, corelane, kafka, directory):
        title, load, targets = WORKS[work]
        chosen = self.chosen
        addresses = {
            CORELANE: f"127.0.0.1:{corelane.port}",
            KAFKA: f"127.0.0.1:{kafka.port}",
            KAFKA_FSYNC: f"127.0.0.1:{kafka.port},flush.messages=1",
        }
        processes = {CORELANE: corelane, KAFKA: kafka, KAFKA_FSYNC: kafka}
        rounds = min(chosen.rounds, 3) if work == "catch-up" else chosen.rounds
        run = [self.bench, "run", "--title", title, "--output", str(self.output / work), "--disk", directory]
        for target in targets:
            run += ["--target", f"{target}={addresses[target]}", "--pid", f"{target}={processes[target].process.pid}"]
        run += ["--server-cpus", chosen.server_cpus, "--client-cpus", chosen.client_cpus]
        run += ["--rounds", str(rounds), "--seconds", str(chosen.seconds), "--warm-up", str(chosen.warm_up)]
        run += ["--rehearsal", str(chosen.rehearsal), *load]
        if work == "catch-up":
            run += ["--fill", "512MiB" if chosen.quick else "5GiB"]
        print(f"# {title}", file=sys.stderr, flush=True)
        # A round that failed is in the result, and in the exit code of this command at the end.
        subprocess.run(run, check=False)
        for server in (corelane, kafka):
            if server.process.poll() is not None:
                print(f"# {server.name} has died under this work:\n{server.log_tail()}", file=sys.stderr, flush=True)
                server.start_afresh()
        if (self.output / work / "result.json").exists():
            self.results.append(self.output / work / "result.json")

    def hand_out(self):
        done = {path.parent.name for path in self.results}
        for work, says, metric, against, must, goal in ROWS:
            if work in done:
                row = {"work": says, "result": f"{work}/result.json", "metric": metric, "target": CORELANE}
                self.rows.append({**row, "against": against, "must": must, "goal": goal})
        rows = self.output / "rows.json"
        rows.write_text(json.dumps(self.rows, indent=1))
        report = self.output / "report.html"
        table = subprocess.run([self.bench, "table", rows], check=True, stdout=subprocess.PIPE, text=True).stdout
        (self.output / "table.md").write_text(table)
        if self.results:
            words = [self.bench, "report", *self.results, "--rows", rows, "--output", report]
            subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
        print(f"\nApache Kafka {kafka_version(self.jars)}, Corelane of this checkout\n\n{table}\n{report}")


def main():
    chosen = words()
    # Ended from outside, it still stops the brokers and removes their data.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    begin = time.monotonic()
    peers = Peers(chosen)
    if START in chosen.works:
        peers.measure_start()
    works = [work for work in chosen.works if work != START]
    if works:
        peers.measure_works(works)
    peers.hand_out()
    print(f"took {time.monotonic() - begin:.0f} s", file=sys.stderr)
    missing = set(works) - {path.parent.name for path in peers.results}
    if missing:
        raise SystemExit(f"no result of {', '.join(sorted(missing))}")


if __name__ == "__main__":
    main()
