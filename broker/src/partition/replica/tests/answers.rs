//! What clients are told, step by step: admission, acknowledgements, the latest offset, leader epochs.

use super::*;

fn step(replica: &mut Replica, input: Input<'_>) -> Output {
    let mut output = Output::default();
    replica.step(ms(0), input, &Open { start: 0 }, &mut output);
    assert_eq!(output.broken, None);
    output
}

/// A leader of two replicas whose first record is durable, on itself only.
fn leader(rules: Rules, min_isr: u16) -> Replica {
    let config = Config {
        rules,
        ..Config::production()
    };
    let mut replica = Replica::new(config, identity(0), Recovered::nothing());
    let mut state = state(3, 0, &[0, 1], 2);
    state.min_isr = min_isr;
    let led = step(&mut replica, Input::State(&state));
    step(&mut replica, Input::Persisted(led.persist.number));
    let produced = step(&mut replica, Input::Produce { records: 1 });
    step(&mut replica, Input::Persisted(produced.persist.number));
    replica
}

fn shrink(replica: &mut Replica, min_isr: u16) {
    let mut state = state(3, 0, &[0], 2);
    state.partition_epoch = 4;
    state.min_isr = min_isr;
    assert!(step(replica, Input::State(&state)).isr_changed);
}

/// acks=1 is one disk, acks=all is every member's.
#[test]
fn acknowledgements_wait_for_what_they_promise() {
    let mut replica = leader(Rules::production(), 1);
    assert_eq!(replica.acknowledgement(Acks::None, 1, 3), Some(ErrorCode::NONE));
    assert_eq!(replica.acknowledgement(Acks::Leader, 1, 3), Some(ErrorCode::NONE));
    assert_eq!(replica.acknowledgement(Acks::Leader, 2, 3), None);
    assert_eq!(replica.acknowledgement(Acks::All, 1, 3), None);
    shrink(&mut replica, 1);
    assert_eq!(replica.acknowledgement(Acks::All, 1, 3), Some(ErrorCode::NONE));
}

/// NOT_ENOUGH_REPLICAS before the append, NOT_ENOUGH_REPLICAS_AFTER_APPEND when the ISR fell since.
#[test]
fn acks_all_needs_min_isr() {
    let mut replica = leader(Rules::production(), 1);
    assert_eq!(replica.admit(Acks::All), Ok(()));
    shrink(&mut replica, 1);
    let mut state = state(3, 0, &[0], 2);
    state.partition_epoch = 5;
    state.min_isr = 2;
    step(&mut replica, Input::State(&state));
    assert_eq!(replica.admit(Acks::All), Err(ErrorCode::NOT_ENOUGH_REPLICAS));
    assert_eq!(replica.admit(Acks::Leader), Ok(()));
    let answer = replica.acknowledgement(Acks::All, 1, 3);
    assert_eq!(answer, Some(ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND));

    let rules = Rules::without("produce_needs_min_isr").expect("a rule");
    let mut lax = leader(rules, 1);
    shrink(&mut lax, 2);
    assert_eq!(lax.admit(Acks::All), Ok(()));
}

/// Who waits when leadership goes learns that nobody knows; so does a producer of an epoch before.
#[test]
fn a_deposed_leader_acknowledges_nothing() {
    let mut replica = leader(Rules::production(), 1);
    assert_eq!(
        replica.acknowledgement(Acks::Leader, 1, 2),
        Some(ErrorCode::NOT_LEADER_OR_FOLLOWER)
    );
    let deposed = step(&mut replica, Input::State(&state(4, 1, &[0, 1], 2)));
    assert_eq!(deposed.role, Some(Role::Follower));
    let answer = replica.acknowledgement(Acks::Leader, 1, 3);
    assert_eq!(answer, Some(ErrorCode::NOT_LEADER_OR_FOLLOWER));
    assert_eq!(replica.admit(Acks::None), Err(ErrorCode::NOT_LEADER_OR_FOLLOWER));
    assert_eq!(replica.latest_offset(), Err(ErrorCode::NOT_LEADER_OR_FOLLOWER));
    assert_eq!(step(&mut replica, Input::Produce { records: 1 }).appended, None);
}

/// KIP-207: after an election the high watermark may be behind what the leader before told.
#[test]
fn the_latest_offset_waits_for_the_epoch_start() {
    let recovered = || {
        let mut epochs = Epochs::default();
        assert!(epochs.push(2, 5));
        Recovered {
            epochs,
            high_watermark: 1,
            epoch_floor: 2,
        }
    };
    for (rules, early) in [
        (Rules::production(), Err(ErrorCode::OFFSET_NOT_AVAILABLE)),
        (Rules::without("latest_after_epoch_start").expect("a rule"), Ok(1)),
    ] {
        let config = Config {
            rules,
            ..Config::production()
        };
        let mut replica = Replica::new(config, identity(0), recovered());
        let led = step(&mut replica, Input::State(&state(3, 0, &[0], 1)));
        assert_eq!(replica.latest_offset(), early);
        let durable = step(&mut replica, Input::Persisted(led.persist.number));
        assert_eq!(
            durable.high_watermark,
            Some(5),
            "the floor is durable, so it may be used"
        );
        assert_eq!(replica.latest_offset(), Ok(5));
    }
}

/// Readers of committed transactions stop at the oldest open one.
#[test]
fn the_last_stable_offset_is_bound_by_both() {
    let mut replica = leader(Rules::production(), 1);
    shrink(&mut replica, 1);
    assert_eq!(replica.last_stable_offset(None), 1);
    assert_eq!(replica.last_stable_offset(Some(0)), 0);
    assert_eq!(replica.last_stable_offset(Some(7)), 1);
}

/// KIP-320: a client with an old view is fenced, one with a newer view is told to wait.
#[test]
fn epochs_are_compared_as_kafka_does() {
    let replica = leader(Rules::production(), 1);
    assert_eq!(replica.check_epoch(-1), Ok(()));
    assert_eq!(replica.check_epoch(3), Ok(()));
    assert_eq!(replica.check_epoch(2), Err(ErrorCode::FENCED_LEADER_EPOCH));
    assert_eq!(replica.check_epoch(4), Err(ErrorCode::UNKNOWN_LEADER_EPOCH));
}

#[test]
fn acks_are_those_of_the_wire() {
    assert_eq!(Acks::from_wire(0), Some(Acks::None));
    assert_eq!(Acks::from_wire(1), Some(Acks::Leader));
    assert_eq!(Acks::from_wire(-1), Some(Acks::All));
    assert_eq!(Acks::from_wire(2), None);
}
