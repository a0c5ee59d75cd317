//! Goal: the broker's own process bears what people and hosts do to processes: it is stopped and continued under load, and
//! runs as somebody without any privilege.

mod harness;

use std::fs;
use std::thread;
use std::time::Duration;

use harness::broker::Broker;
use harness::wire::Wire;

const TOPIC: &str = "storm";
/// Of both cores, with two cores.
const PARTITIONS: i32 = 8;

/// A producer and a reader of one partition. The reader always waits at the broker for the record to come.
struct Pair {
    partition: i32,
    producer: Wire,
    reader: Wire,
}

impl Pair {
    fn new(broker: &Broker, partition: i32) -> Pair {
        Pair {
            partition,
            producer: Wire::connect(broker.port),
            reader: Wire::connect(broker.port),
        }
    }

    fn send(&mut self, round: i64) {
        self.reader.send_fetch(TOPIC, self.partition, round);
        self.producer.send_produce(TOPIC, self.partition, &round.to_be_bytes());
    }

    fn receive(&mut self, round: i64) {
        assert_eq!(self.producer.produced_offset(), round, "partition {}", self.partition);
        let expected = vec![(round, round.to_be_bytes().to_vec())];
        assert_eq!(self.reader.fetched(), expected, "partition {}", self.partition);
    }
}

/// A core that is stopped in the wrong moment could sleep for ever on work that is ready; only the supervisor's poke brings
/// it back. Every answer must come in time, and every record must be there.
#[test]
fn a_storm_of_stops_hangs_no_core_and_loses_nothing() {
    const ROUNDS: i64 = 200;
    let broker = Broker::start("storm", 2);
    Wire::connect(broker.port).create_topic(TOPIC, PARTITIONS);
    let mut pairs: Vec<Pair> = (0..PARTITIONS).map(|partition| Pair::new(&broker, partition)).collect();
    let mut random = 1u64;
    let mut draw = |below: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (random >> 33) % below
    };
    for round in 0..ROUNDS {
        // In the middle of its work, or asleep.
        let busy = draw(2) == 0;
        if busy {
            pairs.iter_mut().for_each(|pair| pair.send(round));
            thread::sleep(Duration::from_micros(draw(1500)));
        }
        broker.signal("STOP");
        // Some of the stops are longer than the preempt timer of the executor.
        thread::sleep(Duration::from_millis(if round % 10 == 0 { 120 } else { draw(8) }));
        if !busy {
            pairs.iter_mut().for_each(|pair| pair.send(round));
        }
        broker.signal("CONT");
        if draw(2) == 0 {
            // Stopped again before it has caught up.
            thread::sleep(Duration::from_micros(draw(1000)));
            broker.signal("STOP");
            broker.signal("CONT");
        }
        pairs.iter_mut().for_each(|pair| pair.receive(round));
    }
    for partition in 0..PARTITIONS {
        let mut reader = Wire::connect(broker.port);
        reader.send_fetch(TOPIC, partition, 0);
        let offsets: Vec<i64> = reader.fetched().into_iter().map(|(offset, _)| offset).collect();
        assert_eq!(offsets, (0..ROUNDS).collect::<Vec<_>>(), "partition {partition}");
    }
}

/// 8 MiB is what Linux lets a user lock by default since 5.16, and since 6.14 the memory of rings counts.
#[test]
fn an_ordinary_user_with_8_mib_of_lockable_memory_runs_a_broker() {
    const MEMLOCK_BYTES: u64 = 8 << 20;
    for cores in [2, 6] {
        let Some(mut broker) = Broker::start_as_ordinary_user(&format!("user-{cores}"), cores, MEMLOCK_BYTES) else {
            return;
        };
        assert_unprivileged(&broker, MEMLOCK_BYTES);
        Wire::connect(broker.port).create_topic(TOPIC, PARTITIONS);
        let mut pairs: Vec<Pair> = (0..PARTITIONS).map(|partition| Pair::new(&broker, partition)).collect();
        for round in 0..10 {
            pairs.iter_mut().for_each(|pair| pair.send(round));
            pairs.iter_mut().for_each(|pair| pair.receive(round));
        }
        // The kernel gives back what the killed one had locked some time after its end.
        for _ in 0..5 {
            broker.kill();
            broker.start_again();
        }
        assert_unprivileged(&broker, MEMLOCK_BYTES);
        let mut reader = Wire::connect(broker.port);
        reader.send_fetch(TOPIC, 0, 0);
        assert_eq!(reader.fetched().len(), 10, "records after a restart");
    }
}

/// The test of the test: the process has no capability and the limit that was meant.
fn assert_unprivileged(broker: &Broker, memlock_bytes: u64) {
    let pid = broker.pid().expect("it runs");
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("its status");
    let line = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).expect(name);
    assert_eq!(line("CapEff:").trim(), "0000000000000000", "capabilities");
    let user = line("Uid:").split_whitespace().next().expect("a user");
    assert_ne!(user, "0");
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).expect("its limits");
    let locked = limits
        .lines()
        .find(|line| line.starts_with("Max locked memory"))
        .expect("the limit");
    let hard = locked.split_whitespace().nth(4).expect("a hard limit");
    assert_eq!(hard, memlock_bytes.to_string(), "{locked}");
}
