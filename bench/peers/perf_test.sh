#!/usr/bin/env bash
# Corelane and Apache Kafka under Kafka's own kafka-producer-perf-test, in the same run on the same machine.
#
#   bench/peers/perf_test.sh [ROUNDS] [RECORDS] [RECORD_BYTES] [ACKS]       (defaults: 5 200000 1000 all)
#
# Rounds are interleaved (A B, B A, A B ..), so that what else the machine does hits both. Each round starts one broker on an empty
# folder, throws away a warm-up, and measures. Printed per round and as medians: records/s, MB/s, p50 and p99 latency in ms;
# then the time from process start to the first answered request (empty, and again after the load), and the memory at rest.
#
# Two things are not equal, and are said rather than tuned: Kafka acknowledges from memory, Corelane after a flush to disk; set
# KAFKA_FLUSH=1 to give Kafka log.flush.interval.messages=1. The data folders are on the disk of DATA (default: /var/tmp).
# PARTITIONS=3, CORES=<all> and THROUGHPUT=-1 (records/s, -1 is as fast as it goes) may be set. Needs Java 17, Maven, Python 3 (for medians), kcat (for the first answered request).
set -euo pipefail
cd "$(dirname "$0")/../.."

rounds=${1:-5} records=${2:-200000} bytes=${3:-1000} acks=${4:-all}
partitions=${PARTITIONS:-3} cores=${CORES:-$(nproc)}
work=$(mktemp -d "${DATA:-/var/tmp}/perf_test.XXXXXX")
results=$work/results
pid=

finish() {
  [ -z "$pid" ] || kill -9 "$pid" 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT

broker/tests/clients/setup.sh java .cache/clients >/dev/null
jars="$PWD/.cache/clients/java/jars/*"
cargo build --release --quiet --bin corelane
corelane=${CARGO_TARGET_DIR:-target}/release/corelane

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
now_ms() { date +%s%3N; }

# Sets pid and start_ms; the data folder of NAME is used as it is.
start() {
  local name=$1 before
  before=$(now_ms)
  if [ "$name" = corelane ]; then
    "$corelane" start --cores "$cores" --set "listeners=PLAINTEXT://127.0.0.1:$port" --set "log.dirs=$work/corelane" \
      >"$work/corelane.log" 2>&1 &
  else
    java -Xmx1g -Xms1g -XX:+UseG1GC -cp "$jars" kafka.Kafka "$work/server.properties" >"$work/kafka.log" 2>&1 &
  fi
  pid=$!
  # kcat sleeps a second after a refused connection, so the port is looked at first.
  until (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
    kill -0 "$pid" || { tail "$work/$name.log"; exit 1; }
    sleep 0.005
  done
  until kcat -b "127.0.0.1:$port" -L -m 1 >/dev/null 2>&1; do
    kill -0 "$pid" || { tail "$work/$name.log"; exit 1; }
  done
  start_ms=$(($(now_ms) - before))
}

stop() {
  kill "$pid"
  wait "$pid" 2>/dev/null || true
  pid=
}

# Kafka is formatted by hand; Corelane formats an empty folder itself.
empty() {
  rm -rf "$work/corelane" "$work/kafka"
  port=$(free_port)
  [ "$1" = kafka ] || return 0
  local controller
  controller=$(free_port)
  cat >"$work/server.properties" <<-END
	process.roles=broker,controller
	node.id=1
	controller.quorum.voters=1@127.0.0.1:$controller
	listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller
	advertised.listeners=PLAINTEXT://127.0.0.1:$port
	controller.listener.names=CONTROLLER
	listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
	log.dirs=$work/kafka
	offsets.topic.replication.factor=1
	END
  [ -z "${KAFKA_FLUSH:-}" ] || echo log.flush.interval.messages=1 >>"$work/server.properties"
  java -cp "$jars" kafka.tools.StorageTool format -t AAAAAAAAAAAAAAAAAAAAAQ -c "$work/server.properties" >/dev/null
}

perf() {
  java -Xmx512m -cp "$jars" org.apache.kafka.tools.ProducerPerformance --topic perf --num-records "$1" --record-size "$bytes" \
    --throughput "${THROUGHPUT:--1}" --command-property "bootstrap.servers=127.0.0.1:$port" "acks=$acks" "linger.ms=0" 2>&1 | tail -1
}

round() {
  local name=$1 first again rest summary
  empty "$name"
  start "$name"
  first=$start_ms
  sleep 2 # Idle memory is that of a broker at rest.
  rest=$(awk '/VmRSS/ {print int($2 / 1024)}' "/proc/$pid/status")
  java -cp "$jars" org.apache.kafka.tools.TopicCommand --bootstrap-server "127.0.0.1:$port" --create --topic perf \
    --partitions "$partitions" >/dev/null
  perf $((records / 10)) >/dev/null
  # "N records sent, R records/sec (M MB/sec), A ms avg latency, X ms max latency, P ms 50th, .. ms 95th, Q ms 99th, .."
  summary=$(perf "$records" | sed -nE 's#.*sent, ([0-9.]+) records/sec \(([0-9.]+) MB/sec\).* ([0-9]+) ms 50th.* ([0-9]+) ms 99th.*#\1 \2 \3 \4#p')
  kill -9 "$pid"
  wait "$pid" 2>/dev/null || true
  start "$name"
  again=$start_ms
  stop
  echo "$name $summary $first $again $rest" | tee -a "$results"
}

echo "# $records records of $bytes bytes, $partitions partitions, acks=$acks, $(nproc) CPUs; broker rate/s MB/s p50 p99 start_ms restart_ms rss_MiB"
for ((i = 0; i < rounds; i++)); do
  if ((i % 2)); then order="kafka corelane"; else order="corelane kafka"; fi
  for name in $order; do round "$name"; done
done

python3 - "$results" <<'END'
import statistics, sys
rows = [line.split() for line in open(sys.argv[1])]
print(f"\n{'median':10}{'records/s':>12}{'MB/s':>8}{'p50 ms':>8}{'p99 ms':>8}{'start ms':>10}{'restart ms':>12}{'idle MiB':>10}")
for name in ("corelane", "kafka"):
    columns = zip(*[[float(x) for x in row[1:]] for row in rows if row[0] == name])
    rate, mb, p50, p99, start, again, rest = [statistics.median(column) for column in columns]
    print(f"{name:10}{rate:12.0f}{mb:8.1f}{p50:8.0f}{p99:8.0f}{start:10.0f}{again:12.0f}{rest:10.0f}")
END
