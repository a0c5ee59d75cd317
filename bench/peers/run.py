#!/usr/bin/env python3
"""Corelane and its peers under the same loads, in one run, on one machine: one command, one report.

    bench/peers/run.py [--quick] [--only WORK,..] [--peers kafka,nats] [--output DIR]

All brokers stay up for the whole run, pinned to the same CPU; the client has the other. Rounds are interleaved, and each result
says how much CPU the brokers that were not measured used meanwhile. Printed at the end, and at the top of report.html: every ratio,
its spread over the rounds, and whether it holds what is asked. bench/README.md has the settings and their reasons.

Needs Linux, Python 3, Java 17 and Maven for Kafka, Go for NATS, a Rust toolchain, and root for the cold reads (`catch-up`). A peer
that cannot be built or does not start is said, and its rows are shown as not measured.
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

from servers import ROOT, Corelane, Kafka, Nats, OnlyFlush, built, kafka_jars, kafka_version, nats_programs, nats_version, start_figures
from works import CORELANE, FLUSH_ROWS, KAFKA, KAFKA_FSYNC, NATS, NATS_MEMORY, NOTES, ONLY_FLUSH, ROWS, START_ROWS, WORKS

START = "start"
PEERS = [KAFKA, NATS]
# No row of theirs has anything that must hold.
LEFT_OUT_WHEN_QUICK = ["cpu-open"]


def words():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="in under 6 minutes: Kafka only, fewer and shorter rounds, 512 MiB to catch up with")
    parser.add_argument("--only", help=f"some of {', '.join([*WORKS, START])}")
    parser.add_argument("--peers", help=f"some of {', '.join(PEERS)}; all of them, or {KAFKA} when quick")
    parser.add_argument("--target", action="append", default=[], metavar="NAME=HOST:PORT", help="a broker that is up already and speaks Kafka, as one more column")
    parser.add_argument("--pid", action="append", default=[], metavar="NAME=PID", help="its process, for its CPU and memory")
    parser.add_argument("--output", default="peers-result", help="directory for results and report.html")
    parser.add_argument("--rounds", type=int, help="instead of 5, or 2 when quick")
    parser.add_argument("--seconds", type=float, help="measured in each round, instead of 10, or 3 when quick")
    parser.add_argument("--server-cpus", default="0")
    parser.add_argument("--client-cpus", default="1")
    parser.add_argument("--data", default=os.environ.get("DATA", "/var/tmp"), help="a directory on the disk that is measured")
    parser.add_argument("--corelane", help="a built broker, instead of building it")
    parser.add_argument("--bench", help="a built corelane-bench, instead of building it")
    chosen = parser.parse_args()
    usual = [work for work in WORKS if not (chosen.quick and work in LEFT_OUT_WHEN_QUICK)]
    chosen.works = chosen.only.split(",") if chosen.only else [*usual, START]
    for work in chosen.works:
        if work not in WORKS and work != START:
            parser.error(f"there is no work {work!r}; there is {', '.join([*WORKS, START])}")
    chosen.peers = chosen.peers.split(",") if chosen.peers else [KAFKA] if chosen.quick else PEERS
    for peer in chosen.peers:
        if peer not in PEERS:
            parser.error(f"there is no peer {peer!r}; there is {', '.join(PEERS)}")
    chosen.rounds = chosen.rounds or (2 if chosen.quick else 5)
    chosen.seconds = chosen.seconds or (3 if chosen.quick else 10)
    chosen.warm_up = 1 if chosen.quick else 4
    chosen.rehearsal = 2 if chosen.quick else 10
    return chosen


def say(*words):
    print("#", *words, file=sys.stderr, flush=True)


def commit():
    """Of this checkout, as far as it has one."""
    try:
        shown = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, check=True, capture_output=True, text=True)
        return f"at {shown.stdout.strip()}"
    except (OSError, subprocess.CalledProcessError):
        return "of this checkout"


class Run:
    def __init__(self, chosen):
        self.chosen = chosen
        self.output = Path(chosen.output)
        self.output.mkdir(parents=True, exist_ok=True)
        self.bench = chosen.bench or built("corelane-bench", "corelane-bench")
        self.corelane = chosen.corelane or built("corelane-broker", "corelane")
        self.versions = [f"Corelane {commit()}"]
        self.jars = self.got(KAFKA, kafka_jars, kafka_version)
        self.nats = self.got(NATS, nats_programs, nats_version)
        # Targets by name, and the broker of each: two may be one, with different topic configs.
        self.addresses = dict(target.split("=", 1) for target in chosen.target)
        self.servers = {}
        self.rows = []
        self.results = []
        # Works of which not every round was measured.
        self.failed = []

    def got(self, peer, get, version):
        """What a peer is run from; None if it cannot be had or is not asked for."""
        if peer not in self.chosen.peers:
            return None
        try:
            programs = get()
            self.versions.append(f"{peer} {version(programs)}")
            return programs
        except (OSError, subprocess.CalledProcessError) as error:
            say(f"{peer} cannot be had, so its rows are not measured: {error}")
            return None

    def make_corelane(self, directory):
        return Corelane(directory, self.chosen.server_cpus, self.corelane)

    def make_kafka(self, directory):
        return Kafka(directory, self.chosen.server_cpus, self.jars)

    def measure_start(self):
        rounds = 1 if self.chosen.quick else 5
        say(f"start to the first answer, {rounds} rounds")
        theirs = ([], [])
        if self.jars:
            try:
                theirs = start_figures(self.make_kafka, rounds, self.chosen.data)
            except (OSError, RuntimeError, subprocess.CalledProcessError) as error:
                say(f"{KAFKA} does not start, so its rows are not measured: {error}")
        figures = zip(start_figures(self.make_corelane, rounds, self.chosen.data), theirs)
        for (work, unit, must, goal), (ours, theirs) in zip(START_ROWS, figures):
            row = {"work": work, "values": ours, "against_values": theirs, "unit": unit}
            self.rows.append({**row, "target": CORELANE, "against": KAFKA, "must": must, "goal": goal})

    def measure_works(self, works):
        with tempfile.TemporaryDirectory(dir=self.chosen.data, prefix="peers.") as directory:
            cpus = self.chosen.server_cpus
            makers = [lambda: self.make_corelane(directory)]
            if not self.chosen.quick:
                makers.append(lambda: OnlyFlush(directory, cpus, self.bench))
            if self.jars:
                makers.append(lambda: self.make_kafka(directory))
            if self.nats:
                makers.append(lambda: Nats(directory, cpus, self.nats, NATS, "always"))
                makers.append(lambda: Nats(directory, cpus, self.nats, NATS_MEMORY, '"2m"'))
            try:
                for make in makers:
                    self.start(make())
                self.warm_up()
                for work in works:
                    self.measure(work, directory)
            finally:
                for server in set(self.servers.values()):
                    server.stop()

    def start(self, server):
        try:
            server.format()
            server.start()
        except (OSError, RuntimeError, subprocess.CalledProcessError) as error:
            if server.name == CORELANE:
                raise
            say(f"{server.name} is left out, and its rows are not measured: {error}")
            return
        self.servers[server.name] = server
        self.addresses[server.name] = server.address()
        if server.name == KAFKA:
            self.servers[KAFKA_FSYNC] = server
            self.addresses[KAFKA_FSYNC] = f"{server.address()},flush.messages=1"

    def start_again(self, server):
        """For the works that follow; without it, if it cannot."""
        try:
            server.start_afresh()
        except (OSError, RuntimeError, subprocess.CalledProcessError) as error:
            say(f"{server.name} is left out from here on: {error}")
            for name in [name for name, other in self.servers.items() if other is server]:
                del self.servers[name], self.addresses[name]

    def warm_up(self):
        """A JVM that has compiled what every request runs: Kafka's first seconds are not what is compared."""
        if KAFKA not in self.servers:
            return
        seconds = 18 if self.chosen.quick else 40
        say(f"warming up Kafka for {seconds} s")
        run = [self.bench, "run", "--target", f"{KAFKA}={self.addresses[KAFKA]}", "--workload", "end-to-end", "--rounds", "1"]
        run += ["--producers", "64", "--partitions", "8", "--in-flight", "1", "--batch-records", "1", "--record-bytes", "256"]
        run += ["--warm-up", "0", "--seconds", str(seconds)]
        run += ["--client-cpus", self.chosen.client_cpus, "--no-floor", "--no-null", "--json"]
        subprocess.run(run, check=False, stdout=subprocess.DEVNULL)

    def measure(self, work, directory):
        title, load, targets = WORKS[work]
        chosen = self.chosen
        rounds = min(chosen.rounds, 3) if work == "catch-up" else chosen.rounds
        run = [self.bench, "run", "--title", title, "--output", str(self.output / work), "--disk", directory]
        for target in [*targets, *(target.split("=", 1)[0] for target in chosen.target)]:
            if target in self.addresses:
                run += ["--target", f"{target}={self.addresses[target]}"]
            if target in self.servers:
                run += ["--pid", f"{target}={self.servers[target].process.pid}", "--note", f"{target}={NOTES[target]}"]
        run += [word for pid in chosen.pid for word in ("--pid", pid)]
        run += ["--server-cpus", chosen.server_cpus, "--client-cpus", chosen.client_cpus]
        run += ["--rounds", str(rounds), "--seconds", str(chosen.seconds), "--warm-up", str(chosen.warm_up)]
        run += ["--rehearsal", str(chosen.rehearsal), "--pause-others", *load]
        if work == "catch-up":
            run += ["--fill", "512MiB" if chosen.quick else "5GiB"]
        say(title)
        result = self.output / work / "result.json"
        result.unlink(missing_ok=True)  # Of an earlier run.
        # A round that failed is in the result, in the table, and in the exit code of this command at the end.
        if subprocess.run(run, check=False).returncode != 0:
            self.failed.append(work)
        for server in set(self.servers.values()):
            if server.process.poll() is not None:
                say(f"{server.name} has died under this work:\n{server.log_tail()}")
                self.start_again(server)
        if result.exists():
            self.results.append(result)

    def hand_out(self):
        done = {path.parent.name for path in self.results}
        peers = {KAFKA: KAFKA, KAFKA_FSYNC: KAFKA, NATS: NATS}
        rows = [(CORELANE, *row) for row in ROWS] + [(ONLY_FLUSH, *row, None, None) for row in FLUSH_ROWS]
        for target, work, says, metric, against, must, goal in rows:
            is_left_out = target == ONLY_FLUSH and self.chosen.quick
            if work in done and peers.get(against, KAFKA) in self.chosen.peers and not is_left_out:
                row = {"work": says, "result": f"{work}/result.json", "metric": metric, "target": target}
                self.rows.append({**row, "against": against, "must": must, "goal": goal})
        rows = self.output / "rows.json"
        rows.write_text(json.dumps(self.rows, indent=1))
        report = self.output / "report.html"
        table = subprocess.run([self.bench, "table", rows], check=True, stdout=subprocess.PIPE, text=True).stdout
        (self.output / "table.md").write_text(table)
        if self.results:
            words = [self.bench, "report", *self.results, "--rows", rows, "--output", report]
            subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
        print(f"\n{', '.join(self.versions)}\n\n{table}\n{report}")


def main():
    chosen = words()
    # Ended from outside, it still stops the brokers and removes their data.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    begin = time.monotonic()
    run = Run(chosen)
    works = [work for work in chosen.works if work != START]
    try:
        if START in chosen.works:
            run.measure_start()
        if works:
            run.measure_works(works)
    finally:
        # What was measured is handed out, whatever came in between.
        run.hand_out()
    say(f"took {time.monotonic() - begin:.0f} s")
    if run.failed:
        raise SystemExit(f"not all of it was measured: {', '.join(run.failed)}")


if __name__ == "__main__":
    main()
