"""Starts and stops the brokers that are compared, each with the settings that bench/README.md gives the reasons for."""

import os
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS_MAX = 60

# What Kafka's own kafka-run-class.sh and kafka-server-start.sh give the JVM.
KAFKA_JVM = [
    "-Xms1g", "-Xmx1g", "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-XX:InitiatingHeapOccupancyPercent=35",
    "-XX:+ExplicitGCInvokesConcurrent", "-XX:MaxInlineLevel=15", "-Djava.awt.headless=true",
]  # fmt: skip


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Server:
    """A broker on the given CPUs with its data below `directory`; its protocol is Kafka's, unless a class says otherwise."""

    name = None
    # An ApiVersions request of version 0, with its length.
    hello = struct.pack(">ihhih", 10, 18, 0, 1, -1)

    def __init__(self, directory, cpus):
        self.directory = Path(directory) / self.name
        self.directory.mkdir()
        self.cpus = cpus
        self.port = free_port()
        self.process = None

    def format(self):
        """What has to be done to an empty directory before the first start."""

    def command(self):
        raise NotImplementedError

    def answers(self):
        """Whether anything comes back."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(self.hello)
                return len(connection.recv(4)) == 4
        except OSError:
            return False

    def address(self):
        """What a --target is given."""
        return f"127.0.0.1:{self.port}"

    def start(self):
        """Returns the seconds from the start of the process to the first answered request."""
        log = open(self.directory / "log.txt", "ab")
        begin = time.monotonic()
        self.process = subprocess.Popen(
            ["taskset", "--cpu-list", self.cpus, *self.command()], stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL
        )
        log.close()
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() - begin > START_SECONDS_MAX:
                self.stop()
                raise RuntimeError(f"{self.name} does not start:\n{self.log_tail()}")
            time.sleep(0.002)
        return time.monotonic() - begin

    def start_afresh(self):
        """After a death, for the works that follow: whatever it died of may still be in its data."""
        self.stop()
        shutil.rmtree(self.directory / "data", ignore_errors=True)
        self.format()
        self.start()

    def log_tail(self):
        return (self.directory / "log.txt").read_text(errors="replace")[-2000:]

    def stop(self):
        if self.process is None:
            return
        # It may have been paused for another one's round by a bench that was killed.
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def memory_mib(self):
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        raise RuntimeError(f"{self.name}: no VmRSS")


class Corelane(Server):
    name = "corelane"

    def __init__(self, directory, cpus, binary):
        super().__init__(directory, cpus)
        self.binary = binary

    def command(self):
        return [
            self.binary, "start", "--cores", str(len(cpu_list(self.cpus))),
            "--set", f"listeners=PLAINTEXT://127.0.0.1:{self.port}", "--set", f"log.dirs={self.directory / 'data'}",
        ]  # fmt: skip


class OnlyFlush(Server):
    """A simple server that is durable: see works.py."""

    name = "only-flush"

    def __init__(self, directory, cpus, bench):
        super().__init__(directory, cpus)
        self.bench = bench

    def command(self):
        return [self.bench, "null", "--listen", f"127.0.0.1:{self.port}", "--flush", self.directory]


class Kafka(Server):
    name = "kafka"

    def __init__(self, directory, cpus, jars):
        super().__init__(directory, cpus)
        self.jars = f"{jars}/*"
        self.properties = self.directory / "server.properties"
        controller = free_port()
        self.properties.write_text(
            "process.roles=broker,controller\n"
            "node.id=1\n"
            f"controller.quorum.voters=1@127.0.0.1:{controller}\n"
            f"listeners=PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{controller}\n"
            f"advertised.listeners=PLAINTEXT://127.0.0.1:{self.port}\n"
            "controller.listener.names=CONTROLLER\n"
            "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT\n"
            f"log.dirs={self.directory / 'data'}\n"
            "offsets.topic.replication.factor=1\n"
            # The topic of a round goes when the round ends, not a minute later in the middle of somebody else's.
            "log.segment.delete.delay.ms=1000\n"
            # It is stopped while others are measured, and its controller must not take the broker in the same process for dead.
            "broker.session.timeout.ms=600000\n"
        )

    def java(self, *words):
        return ["java", *KAFKA_JVM, "-cp", self.jars, *words]

    def format(self):
        words = ["kafka.tools.StorageTool", "format", "-t", "AAAAAAAAAAAAAAAAAAAAAQ", "-c", str(self.properties)]
        subprocess.run(self.java(*words), check=True, stdout=subprocess.DEVNULL)

    def command(self):
        return self.java("kafka.Kafka", str(self.properties))


class Nats(Server):
    """NATS JetStream. `sync_interval` is "always", a flush to disk before each acknowledgement, or its default of two minutes."""

    hello = b""  # It speaks first.

    def __init__(self, directory, cpus, programs, name, sync_interval):
        self.name = name
        super().__init__(directory, cpus)
        self.programs = programs
        self.config = self.directory / "nats.conf"
        self.config.write_text(
            f'listen: "127.0.0.1:{self.port}"\n'
            f'jetstream {{ store_dir: "{self.directory / "data"}", sync_interval: {sync_interval} }}\n'
        )

    def command(self):
        return [self.programs / "nats-server", "--config", self.config]

    def address(self):
        return f"exec:{self.programs / 'nats-load'},url=nats://127.0.0.1:{self.port}"


def nats_programs():
    """nats-server and the load on its Go client, at the versions of nats/go.sum."""
    programs = target_directory() / "peers"
    programs.mkdir(parents=True, exist_ok=True)
    for name, package in [("nats-server", "github.com/nats-io/nats-server/v2"), ("nats-load", ".")]:
        subprocess.run(["go", "build", "-o", programs / name, package], cwd=ROOT / "bench/peers/nats", check=True)
    return programs


def nats_version(programs):
    shown = subprocess.run([programs / "nats-server", "--version"], check=True, stdout=subprocess.PIPE, text=True).stdout
    return shown.strip().removeprefix("nats-server: v")


def cpu_list(words):
    """`0,2-3` as numbers."""
    cpus = []
    for part in words.split(","):
        first, _, last = part.partition("-")
        cpus.extend(range(int(first), int(last or first) + 1))
    return cpus


def kafka_jars():
    """Kafka from Maven Central, at the version that the client tests are pinned to."""
    cache = ROOT / ".cache" / "clients"
    subprocess.run([ROOT / "broker/tests/clients/setup.sh", "java", cache], check=True, stdout=subprocess.DEVNULL)
    return cache / "java" / "jars"


def kafka_version(jars):
    [jar] = Path(jars).glob("kafka_2.13-*.jar")
    return jar.stem.removeprefix("kafka_2.13-")


def built(package, binary):
    """Builds a binary of this workspace in release mode; returns its path."""
    subprocess.run(
        ["cargo", "build", "--release", "--quiet", "--package", package, "--bin", binary], cwd=ROOT, check=True
    )
    return str(target_directory() / "release" / binary)


def target_directory():
    return Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))


def start_figures(make, rounds, data):
    """Seconds to the first answer on an empty directory, and MiB at rest, round by round."""
    seconds, memory = [], []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory(dir=data, prefix="peers-start.") as directory:
            server = make(directory)
            server.format()
            try:
                seconds.append(server.start())
                time.sleep(3)  # At rest: what a start allocates and frees is over.
                memory.append(server.memory_mib())
            finally:
                server.stop()
    return seconds, memory
