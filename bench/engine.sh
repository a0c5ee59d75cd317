#!/usr/bin/env bash
# What durability costs at each layer, as ratios to the floor F of this machine, in one run.
#
#   bench/engine.sh [ROUNDS]       (default: 7)
#
# Each round takes, one after the other, a second each: F (a bare 4 KiB write and its flush) and a loopback round trip; the
# same write on a core's own ring; the storage engine's append until it is durable, 1 and 16 clients; and a produce request of one
# record of 1 KiB with acks=all to a broker of one core over loopback, 1 and 16 clients. So whatever else the machine does hits all
# of them. F, engine and broker have CPU (default: 0) in turn, clients have CLIENT_CPU (default: 1). SPIN_US=0 is core.spin.us.
# Printed: medians over the rounds of each p50, and their ratios. The data is on the disk of DATA (default: /var/tmp). On a machine
# that is busy with other work, `nice -n -10` in front (as root) keeps that out of the figures. Needs Python 3 (for medians).
set -euo pipefail
cd "$(dirname "$0")/.."

rounds=${1:-7} cpu=${CPU:-0} client_cpu=${CLIENT_CPU:-1} spin=${SPIN_US:-0}
work=$(mktemp -d "${DATA:-/var/tmp}/engine.XXXXXX")
broker=

finish() {
  if [ -n "$broker" ]; then
    kill -9 "$broker" && wait "$broker" || true
  fi 2>/dev/null
  rm -rf "$work"
}
trap finish EXIT

cargo build --release --quiet --package corelane-broker --bin corelane --example engine_floor
cargo build --release --quiet --package corelane-bench
built=${CARGO_TARGET_DIR:-target}/release
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
taskset --cpu-list "$cpu" "$built/corelane" start --cores 1 --set "listeners=PLAINTEXT://127.0.0.1:$port" --set "log.dirs=$work/broker" \
  --set "core.spin.us=$spin" >"$work/broker.log" 2>&1 &
broker=$!
until grep -q ready "$work/broker.log"; do
  kill -0 "$broker" || { cat "$work/broker.log"; exit 1; }
  sleep 0.05
done

engine() { taskset --cpu-list "$cpu" "$built/examples/engine_floor" --dir "$work/engine" --seconds "$1" --spin-us "$spin"; }
floor() {
  "$built/corelane-bench" floor --latencies-only --dir "$work" --seconds 1 --server-cpus "$cpu" --client-cpus "$client_cpu" \
    --json 2>/dev/null | tr -d '\n'
  echo
}
produce() {
  "$built/corelane-bench" run --target "corelane=127.0.0.1:$port" --producers "$1" --in-flight 1 --batch-records 1 \
    --client-cpus "$client_cpu" --rounds 1 --warm-up 0.2 --seconds 1 --no-floor --no-null --json 2>/dev/null
}

engine 0.2 >/dev/null # Makes the journal.
for ((i = 0; i < rounds; i++)); do
  floor
  engine 1
  produce 1
  produce 16
done >"$work/results"

python3 - "$work/results" <<'END'
import json, statistics, sys
p50 = {}
def add(name, summary): p50.setdefault(name, []).append(summary["p50_us"])
for line in open(sys.argv[1]):
    report = json.loads(line)
    if "rounds" in report:
        settings, side = report["settings"], report["rounds"][0]["produced"]
        report = {"produce": side["latency"], "clients": settings["producers"]}
    clients = report.pop("clients", None)
    for name, summary in report.items():
        if isinstance(summary, dict): add(f"{name}_{clients}" if clients else name, summary)
median = {name: statistics.median(values) for name, values in p50.items()}
floor, loopback = median["commit_4k"], median["loopback_round_trip"]
print(f"{'median of p50':52}{'µs':>8}{'lowest':>8}{'ratio':>8}")
def show(text, name, against): print(f"{text:52}{median[name]:8.1f}{min(p50[name]):8.1f}{median[name] / against:8.2f}")
show("F: 4 KiB write + data flush", "commit_4k", floor)
show("loopback round trip, 128 B", "loopback_round_trip", floor)
show("the same write on a core's ring / F", "ring_commit_4k", floor)
show("engine, append until durable, 1 client / F", "append_1", floor)
show("engine, append until durable, 16 clients / F", "append_16", floor)
show("produce, 1 client / (F + loopback)", "produce_1", floor + loopback)
show("produce, 16 clients / (F + loopback)", "produce_16", floor + loopback)
END
