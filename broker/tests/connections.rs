//! Goal: a broker holds as many connections as it was told to, on all cores together, and none that is silent for too long.

mod harness;

use std::thread;
use std::time::{Duration, Instant};

use corelane_protocol::error_code::ErrorCode;
use corelane_protocol::messages::fetch::FetchResponse;

use harness::broker::{Broker, free_port};
use harness::http::scrape;
use harness::wait_until;
use harness::wire::Wire;

const LIMIT: Duration = Duration::from_secs(10);

fn broker(name: &str, settings: &[(&str, &str)]) -> Broker {
    Broker::start_with(name, 2, settings)
}

/// A connection that was let in; while the broker hears of a closed one, others are still sent away.
fn served(broker: &Broker) -> Wire {
    let connection = wait_until(LIMIT, || {
        let mut wire = Wire::connect(broker.port);
        wire.is_served().is_ok().then_some(wire)
    });
    connection.expect("there is room")
}

/// As Kafka, the broker closes what an address opens beyond its share.
#[test]
fn an_address_over_its_share_is_sent_away() {
    let broker = broker("per-ip", &[("max.connections.per.ip", "3")]);
    let mut inside: Vec<Wire> = (0..3).map(|_| served(&broker)).collect();
    for _ in 0..5 {
        assert!(Wire::connect(broker.port).is_closed_within(LIMIT));
    }
    for wire in &mut inside {
        wire.is_served().expect("who is in stays in");
    }
    inside.pop();
    inside.push(served(&broker));
    assert!(Wire::connect(broker.port).is_closed_within(LIMIT));
}

/// As Kafka, a full broker lets people wait until somebody leaves.
#[test]
fn a_full_broker_lets_people_wait() {
    let broker = broker("full", &[("max.connections", "3")]);
    let mut inside: Vec<Wire> = (0..3).map(|_| served(&broker)).collect();
    let mut waiting: Vec<Wire> = (0..2).map(|_| Wire::connect(broker.port)).collect();
    for wire in &mut waiting {
        assert!(!wire.is_closed_within(Duration::from_millis(200)), "it waits");
    }
    for wire in &mut inside {
        wire.is_served().expect("who is in is served");
    }
    // Both are let in, in whatever order they reached their cores.
    inside.truncate(1);
    for wire in &mut waiting {
        wire.is_served().expect("there is room now");
    }
}

#[test]
fn a_silent_connection_is_closed_and_a_talking_or_waiting_one_is_not() {
    const IDLE: Duration = Duration::from_millis(500);
    let broker = broker("idle", &[("connections.max.idle.ms", "500")]);
    let (mut silent, mut talking, mut waiting) = (served(&broker), served(&broker), served(&broker));
    waiting.create_topic("quiet", 1);
    // A long poll: asked, and not answered for longer than a connection may be silent.
    waiting.send_fetch("quiet", 0, 0);
    let begin = Instant::now();
    while begin.elapsed() < 4 * IDLE {
        talking.is_served().expect("who talks stays");
        thread::sleep(IDLE / 10);
    }
    assert!(silent.is_closed_within(LIMIT));
    talking.send_produce("quiet", 0, b"at last");
    assert_eq!(talking.produced_offset(), 0);
    assert_eq!(waiting.fetched(), [(0, b"at last".to_vec())]);
}

/// Readers wait for a minute; the broker that stops answers them at once, with what there is, instead of going away from them.
#[test]
fn waiting_fetches_are_answered_when_the_broker_stops() {
    const PARTITIONS: i32 = 8;
    let port = free_port();
    let broker = broker("stops", &[("metrics.listeners", &format!("HTTP://127.0.0.1:{port}"))]);
    served(&broker).create_topic("quiet", PARTITIONS);
    // Of one partition, so of one core, from either; of all partitions at once; of nothing.
    let mut waiting: Vec<Wire> = (0..PARTITIONS)
        .map(|partition| {
            let mut wire = served(&broker);
            wire.send_fetch("quiet", partition, 0);
            wire
        })
        .collect();
    let (mut of_all, mut of_nothing) = (served(&broker), served(&broker));
    of_all.send_fetch_of("quiet", 0..PARTITIONS, 0);
    of_nothing.send_fetch_of("quiet", 0..0, 0);
    waiting.push(of_all);
    let all_wait = wait_until(LIMIT, || {
        let under_way: f64 = scrape(port)
            .iter()
            .filter(|(name, _)| name.starts_with("corelane_requests_under_way"))
            .map(|(_, number)| number)
            .sum();
        (under_way == f64::from(PARTITIONS + 2)).then_some(())
    });
    all_wait.expect("all of them wait");
    broker.signal("TERM");
    for wire in &mut waiting {
        assert_eq!(wire.fetched(), []);
    }
    let answer: FetchResponse = of_nothing.receive(11).expect("an answer");
    assert_eq!(answer.error_code, ErrorCode::NONE);
}

/// A request may wait for as long as its client says. If that has left, nobody waits, and its place is another's.
#[test]
fn who_leaves_while_a_request_waits_is_gone() {
    places_of_those_who_leave_are_free("gone", 1);
}

/// The same where others are queued behind the one that waits, so that nobody reads the connection.
#[test]
fn who_leaves_with_requests_queued_is_gone() {
    places_of_those_who_leave_are_free("queued", 3);
}

fn places_of_those_who_leave_are_free(name: &str, fetches: usize) {
    let broker = broker(name, &[("max.connections", "3")]);
    served(&broker).create_topic("quiet", 1);
    let waiting: Vec<Wire> = (0..3)
        .map(|_| {
            let mut wire = served(&broker);
            for _ in 0..fetches {
                wire.send_fetch("quiet", 0, 0);
            }
            wire
        })
        .collect();
    drop(waiting);
    let mut inside: Vec<Wire> = (0..3).map(|_| served(&broker)).collect();
    for wire in &mut inside {
        wire.is_served().expect("all places are free again");
    }
}
