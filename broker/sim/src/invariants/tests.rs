//! Goal: each checker accepts a good history and notices the one thing that it is there for.

use std::collections::BTreeSet;

use super::violations;
use crate::history::{Commit, History, LookUp, Outcome, Ownership, Poll, Send, Value};

fn value(number: u32) -> Value {
    Value { producer: 1, number }
}

/// Two batches of two, acknowledged one after the other, polled in between, all in the log.
fn good() -> History {
    let send = |first: u32, base_offset: i64, began_ns: u64| Send {
        producer: 1,
        idempotent: true,
        partition: 0,
        values: vec![value(first), value(first + 1)],
        began_ns,
        ended_ns: began_ns + 5,
        outcome: Outcome::Acked { base_offset },
    };
    let poll = |began_ns: u64, high_watermark: i64, records: Vec<(i64, Value)>| Poll {
        partition: 0,
        asked_offset: records.first().map_or(0, |(offset, _)| *offset),
        began_ns,
        ended_ns: began_ns + 1,
        high_watermark,
        records,
    };
    let mut history = History {
        sends: vec![send(0, 0, 10), send(2, 2, 20)],
        polls: vec![
            poll(16, 2, vec![(0, value(0)), (1, value(1))]),
            poll(30, 4, vec![(2, value(2))]),
        ],
        ..History::default()
    };
    history.commits.push(Commit {
        partition: 0,
        offset: 3,
        ended_ns: 20,
        acked: true,
    });
    history.look_ups.push(LookUp {
        partition: 0,
        offset: 3,
        began_ns: 21,
    });
    let ownership = |generation: i32, member: &str| Ownership {
        generation,
        member: member.into(),
        partitions: vec![0],
        at_ns: 0,
    };
    history.ownerships = vec![ownership(1, "a"), ownership(2, "b")];
    history
        .finals
        .insert(0, (0..4).map(|offset| (offset, value(offset as u32))).collect());
    history
}

/// Names of the invariants that a changed history breaks.
fn broken(change: impl FnOnce(&mut History)) -> Vec<String> {
    let mut history = good();
    change(&mut history);
    violations(&history)
        .iter()
        .map(|line| line.split(':').next().unwrap().to_string())
        .collect()
}

fn log(history: &mut History) -> &mut Vec<(i64, Value)> {
    history.finals.get_mut(&0).unwrap()
}

#[test]
fn a_good_history_is_good() {
    assert_eq!(broken(|_| {}), Vec::<String>::new());
    // A batch without an answer may be there or not.
    let unknown = |history: &mut History| history.sends[1].outcome = Outcome::Unknown;
    assert_eq!(broken(unknown), Vec::<String>::new());
    let gone = |history: &mut History| {
        unknown(history);
        log(history).truncate(2);
        history.polls.truncate(1);
    };
    assert_eq!(broken(gone), Vec::<String>::new());
}

#[test]
fn every_breach_is_noticed() {
    let contains =
        |broken: Vec<String>, name: &str| assert!(broken.iter().any(|b| b == name), "{name} not in {broken:?}");
    contains(broken(|h| log(h).truncate(3)), "acked_is_kept");
    contains(broken(|h| log(h)[3].1 = value(2)), "acked_is_kept");
    contains(
        broken(|h| {
            h.sends[1].outcome = Outcome::AckedSomewhere;
            log(h).truncate(3);
        }),
        "acked_is_kept",
    );
    contains(broken(|h| log(h).push((4, value(9)))), "nothing_invented");
    contains(broken(|h| h.sends[1].partition = 1), "nothing_invented");
    contains(broken(|h| h.sends[1].outcome = Outcome::Refused(1)), "nothing_invented");
    contains(broken(|h| log(h).push((4, value(3)))), "no_duplicates");
    contains(broken(|h| h.polls[0].records[1].1 = value(3)), "one_value_per_offset");
    contains(broken(|h| h.polls[0].high_watermark = 1), "one_value_per_offset");
    contains(broken(|h| log(h)[3].0 = 4), "offsets_are_dense");
    contains(broken(|h| h.polls[1].asked_offset = 1), "offsets_are_dense");
    contains(broken(|h| h.sends.swap(0, 1)), "order_is_kept");
    contains(broken(|h| h.sends[0].values.swap(0, 1)), "order_is_kept");
    contains(broken(|h| h.polls[1].high_watermark = 1), "watermark_never_falls");
    contains(broken(|h| h.look_ups[0].offset = 2), "commits_are_kept");
    contains(broken(|h| h.ownerships[1].generation = 1), "one_owner");
    contains(broken(|h| h.refused = BTreeSet::from([0])), "refused_only_if_rotted");
    contains(broken(|h| h.protocol_faults.push("x".into())), "no_protocol_faults");
}

/// What the broker says it lost may be missing, and only that.
#[test]
fn what_rotted_may_be_refused_and_not_replaced() {
    let rotted = |history: &mut History| {
        history.rotted = true;
        history.refused.insert(0);
        log(history).truncate(1);
    };
    assert_eq!(broken(rotted), Vec::<String>::new());
    let replaced = |history: &mut History| {
        rotted(history);
        log(history)[0].1 = value(2);
    };
    assert_eq!(broken(replaced), ["one_value_per_offset"]);
    let elsewhere = |history: &mut History| {
        rotted(history);
        history.refused = BTreeSet::from([1]);
    };
    assert_eq!(broken(elsewhere), ["acked_is_kept", "one_value_per_offset"]);
}

#[test]
fn a_plain_producers_order_counts_only_after_an_answer() {
    // Both in flight at once: either order is right.
    let overlapping = |history: &mut History| {
        history.sends.iter_mut().for_each(|send| send.idempotent = false);
        history.sends[0].ended_ns = 40;
        history.sends.swap(0, 1);
    };
    assert_eq!(broken(overlapping), Vec::<String>::new());
}
