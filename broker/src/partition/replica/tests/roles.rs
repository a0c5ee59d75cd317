//! Which states give which role, and what no replica may be asked for.

use super::*;

fn step(replica: &mut Replica, input: Input<'_>) -> Output {
    let mut output = Output::default();
    replica.step(ms(0), input, &Open { start: 0 }, &mut output);
    output
}

fn replica(recovered: Recovered) -> Replica {
    Replica::new(Config::production(), identity(0), recovered)
}

fn with_records(epoch: i32, end: i64, floor: i32) -> Recovered {
    let mut epochs = Epochs::default();
    assert!(epochs.push(epoch, end));
    Recovered {
        epochs,
        high_watermark: 0,
        epoch_floor: floor,
    }
}

/// The grant is to one incarnation; registering makes it count.
#[test]
fn leadership_waits_for_the_registration_that_it_names() {
    let mut me = identity(0);
    me.broker_epoch = None;
    let mut replica = Replica::new(Config::production(), me, Recovered::nothing());
    let told = step(&mut replica, Input::State(&state(0, 0, &[0], 1)));
    assert!(told.marks.contains(Mark::LeaderOfOtherIncarnation));
    assert_eq!(replica.role(), Role::Idle);
    let registered = step(&mut replica, Input::Registered { broker_epoch: 1 });
    assert_eq!(registered.role, Some(Role::Leader));
    assert_eq!(registered.persist.adopt_epoch, Some(0));
    // A registration that changes nothing resets nothing.
    assert_eq!(step(&mut replica, Input::Registered { broker_epoch: 1 }).role, None);
}

/// An epoch that this disk took part in is not led again, not even with the right broker epoch.
#[test]
fn an_epoch_is_led_once() {
    let mut replica = replica(with_records(3, 5, 4));
    let told = step(&mut replica, Input::State(&state(4, 0, &[0], 1)));
    assert!(told.marks.contains(Mark::LeaderOfOtherIncarnation));
    assert_eq!(
        step(&mut replica, Input::State(&state(5, 0, &[0], 1))).role,
        Some(Role::Leader)
    );
}

#[test]
fn older_and_equal_states_are_ignored() {
    let mut replica = replica(Recovered::nothing());
    step(&mut replica, Input::State(&state(5, 0, &[0], 1)));
    for epoch in [4, 5] {
        let told = step(&mut replica, Input::State(&state(epoch, 1, &[0], 1)));
        assert!(told.marks.contains(Mark::OlderStateIgnored));
        assert!(replica.is_leader());
    }
    assert_eq!((replica.leader_epoch(), replica.partition_epoch()), (5, 5));
}

/// Without a leader, and for a slot that is not this disk's, there is nothing to do.
#[test]
fn a_replica_without_a_part_is_idle() {
    let mut idle = replica(Recovered::nothing());
    let mut vacant = state(1, 0, &[0], 2);
    vacant.leader = None;
    step(&mut idle, Input::State(&vacant));
    assert_eq!(idle.role(), Role::Idle);
    let mut foreign = state(2, 1, &[0, 1], 2);
    foreign.replicas[0].storage_id = disk(9);
    assert!(
        step(&mut idle, Input::State(&foreign))
            .marks
            .contains(Mark::ForeignStorage)
    );
    let mut elsewhere = state(3, 1, &[1], 2);
    elsewhere.replicas.remove(0);
    step(&mut idle, Input::State(&elsewhere));
    assert_eq!(idle.role(), Role::Idle);
    assert_eq!(idle.next_wake(), None);
}

/// The log of a new leader never ends with its own or a later epoch: somebody else led it, or the disk is another's.
#[test]
fn a_log_that_is_ahead_of_its_leader_is_broken() {
    let mut config = Config::production();
    config.rules.epoch_floor = false;
    config.rules.leader_incarnation = false;
    let mut replica = Replica::new(config, identity(0), with_records(7, 5, 7));
    let told = step(&mut replica, Input::State(&state(6, 0, &[0], 1)));
    let broken = Broken::LogAheadOfEpoch {
        leader_epoch: 6,
        last_epoch: 7,
    };
    assert_eq!(told.broken, Some(broken));
}

/// A leader without other replicas restarts with all of its log committed; the first epoch that it shares ends that.
#[test]
fn a_sole_replica_forgets_no_high_watermark() {
    let recovered = Recovered {
        high_watermark: ALL_DURABLE,
        ..with_records(1, 5, 1)
    };
    let mut sole = replica(recovered);
    assert_eq!(sole.high_watermark(), 5);
    let led = step(&mut sole, Input::State(&state(2, 0, &[0], 1)));
    assert_eq!((led.persist.adopt_epoch, led.persist.high_watermark), (Some(2), None));
    assert_eq!(sole.latest_offset(), Ok(5));
    let shared = step(&mut sole, Input::State(&state(3, 0, &[0], 2)));
    assert_eq!(
        (shared.persist.adopt_epoch, shared.persist.high_watermark),
        (Some(3), Some(5))
    );
    let alone = step(&mut sole, Input::State(&state(4, 0, &[0], 1)));
    assert_eq!(alone.persist.high_watermark, Some(ALL_DURABLE));
}

#[test]
fn two_leaders_of_an_epoch_are_broken() {
    let mut replica = replica(Recovered::nothing());
    step(&mut replica, Input::State(&state(1, 0, &[0, 1], 2)));
    let append = Append {
        leader_epoch: 1,
        prev: Position {
            end: 0,
            epoch: NO_EPOCH,
        },
        end: 0,
        high_watermark: 0,
        log_start: 0,
    };
    let received = step(
        &mut replica,
        Input::Received {
            from: 1,
            message: Message::Append(append),
            spans: &[],
        },
    );
    let broken = Broken::TwoLeaders {
        leader_epoch: 1,
        other: 1,
    };
    assert_eq!(received.broken, Some(broken));
}

/// Whoever took part in an epoch since the last unclean election holds what is committed, and a leader that would cut that
/// off has lost it. Whoever did not gives it up.
#[test]
fn only_an_unclean_election_gives_up_what_was_committed() {
    let recovered = Recovered {
        high_watermark: 5,
        ..with_records(1, 5, 1)
    };
    let append = Append {
        leader_epoch: 2,
        prev: Position {
            end: 0,
            epoch: NO_EPOCH,
        },
        end: 3,
        high_watermark: 0,
        log_start: 0,
    };
    let spans = [Span {
        base_offset: 0,
        records: 3,
        leader_epoch: 2,
    }];
    let input = Input::Received {
        from: 1,
        message: Message::Append(append),
        spans: &spans,
    };
    for (unclean_epoch, gives_up) in [(-1, false), (1, false), (2, true)] {
        let mut replica = replica(recovered.clone());
        let mut state = state(2, 1, &[0, 1], 2);
        state.unclean_epoch = unclean_epoch;
        step(&mut replica, Input::State(&state));
        let received = step(&mut replica, input);
        assert_eq!(received.broken.is_none(), gives_up, "unclean epoch {unclean_epoch}");
        if gives_up {
            assert!(received.marks.contains(Mark::StartedOver));
            assert_eq!(received.persist.truncate_to, Some(0));
            assert_eq!(received.persist.high_watermark, Some(0));
        }
    }
}

/// A restart may show a state by which this disk was no replica, while it took part in a newer epoch since.
#[test]
fn an_older_state_takes_no_log_away() {
    let replica = replica(with_records(3, 5, 4));
    assert!(!replica.may_drop_log(3));
    assert!(
        replica.may_drop_log(4),
        "it left in the epoch that it took part in last"
    );
    assert!(replica.may_drop_log(5));
}

/// Bytes from outside: an append that contradicts itself changes nothing.
#[test]
fn a_malformed_append_is_ignored() {
    let good = Append {
        leader_epoch: 2,
        prev: Position {
            end: 0,
            epoch: NO_EPOCH,
        },
        end: 2,
        high_watermark: 0,
        log_start: 0,
    };
    let span = |base_offset, records, leader_epoch| Span {
        base_offset,
        records,
        leader_epoch,
    };
    let bad = [
        (Append { end: 3, ..good }, vec![span(0, 2, 2)]),
        (Append { log_start: 1, ..good }, vec![span(0, 2, 2)]),
        (good, vec![span(0, 2, 3)]),
        (good, vec![span(0, 1, 2), span(1, 1, 1)]),
        (good, vec![span(0, 0, 2)]),
        (good, vec![span(0, 2, 2), span(1, 1, 2)]),
    ];
    for (append, spans) in bad {
        let mut replica = replica(Recovered::nothing());
        step(&mut replica, Input::State(&state(2, 1, &[0, 1], 2)));
        let received = step(
            &mut replica,
            Input::Received {
                from: 1,
                message: Message::Append(append),
                spans: &spans,
            },
        );
        assert!(received.marks.contains(Mark::AppendMalformed), "{append:?} {spans:?}");
        assert!(received.persist.is_empty() && received.send_after_persist.is_empty());
    }
}

/// KIP-704: an unclean leader proposes nobody until its recovery is committed.
#[test]
fn a_recovering_leader_stays_alone() {
    for (rules, joins) in [
        (Rules::production(), false),
        (Rules::without("recovering_alone").expect("a rule"), true),
    ] {
        let config = Config {
            rules,
            ..Config::production()
        };
        let mut replica = Replica::new(config, identity(0), Recovered::nothing());
        let mut state = state(1, 0, &[0], 2);
        state.recovering = true;
        let led = step(&mut replica, Input::State(&state));
        let durable = step(&mut replica, Input::Persisted(led.persist.number));
        assert_eq!(durable.alter_partition.is_some_and(|alter| alter.recovered), !joins);
        let ack = Ack {
            leader_epoch: 1,
            storage_id: disk(1),
            outcome: Outcome::Matched(0),
        };
        let acked = step(
            &mut replica,
            Input::Received {
                from: 1,
                message: Message::Ack(ack),
                spans: &[],
            },
        );
        assert_eq!(acked.alter_partition.is_some(), joins);
    }
}

/// An ack of more than there is comes from a follower that counts wrongly, or from nowhere.
#[test]
fn an_ack_beyond_the_end_is_ignored() {
    let mut replica = replica(Recovered::nothing());
    step(&mut replica, Input::State(&state(1, 0, &[0, 1], 2)));
    for (from, storage_id, end, mark) in [
        (1, disk(1), 7, Mark::AckBeyondEnd),
        (1, disk(5), 0, Mark::AckOfOtherStorage),
        (5, disk(5), 0, Mark::AckOfOtherStorage),
    ] {
        let ack = Ack {
            leader_epoch: 1,
            storage_id,
            outcome: Outcome::Matched(end),
        };
        let acked = step(
            &mut replica,
            Input::Received {
                from,
                message: Message::Ack(ack),
                spans: &[],
            },
        );
        assert!(acked.marks.contains(mark), "{mark:?}");
    }
}

/// The epoch index: whole epochs at a time, empty epochs leave no trace (KAFKA-10706).
#[test]
fn the_epoch_index_finds_what_two_logs_share() {
    let epochs = Epochs::recovered([(0, 1), (3, 2), (5, 4), (9, 6), (9, 7)], 9);
    assert_eq!(epochs.last(), Position { end: 9, epoch: 4 });
    let share = |end, epoch| epochs.may_share(Position { end, epoch });
    assert_eq!(share(8, 3), Position { end: 5, epoch: 2 });
    assert_eq!(share(4, 2), Position { end: 4, epoch: 2 });
    assert_eq!(share(20, 9), Position { end: 9, epoch: 4 });
    assert_eq!(
        share(4, 0),
        Position {
            end: 0,
            epoch: NO_EPOCH
        }
    );
    assert_eq!(epochs.first_conflict(4, 9, 2), Some(5));
    assert_eq!(epochs.first_conflict(4, 9, 1), Some(4));
    assert_eq!(epochs.first_conflict(5, 20, 4), None);
    assert_eq!(epochs.at(9), None);
    let mut pruned = epochs.clone();
    pruned.forget_before(4);
    assert_eq!((pruned.at(4), pruned.at(2)), (Some(2), None));
    assert!(!pruned.push(3, 12), "epochs do not go back");
    pruned.restart(30);
    assert_eq!(
        pruned.last(),
        Position {
            end: 30,
            epoch: NO_EPOCH
        }
    );
}
