//! One leader and one follower, step by step.

use super::*;

fn step(replica: &mut Replica, input: Input<'_>) -> Output {
    let mut output = Output::default();
    replica.step(ms(0), input, &Open { start: 0 }, &mut output);
    assert_eq!(output.broken, None);
    output
}

fn replica(node: i32) -> Replica {
    Replica::new(Config::production(), identity(node), Recovered::nothing())
}

/// A record is committed when both have it durably, and the follower hears of that.
#[test]
fn a_record_is_committed_when_both_are_durable() {
    let (mut leader, mut follower) = (replica(0), replica(1));
    let state = state(0, 0, &[0, 1], 2);
    let led = step(&mut leader, Input::State(&state));
    assert_eq!(led.role, Some(Role::Leader));
    assert_eq!(led.persist.adopt_epoch, Some(0));
    assert_eq!(step(&mut follower, Input::State(&state)).role, Some(Role::Follower));
    step(&mut leader, Input::Persisted(led.persist.number));

    assert_eq!(
        led.send_now,
        [],
        "a leader says nothing in an epoch that a crash would let it forget"
    );
    let probe = led.send_after_persist[0].message;
    let answer = step(
        &mut follower,
        Input::Received {
            from: 0,
            message: probe,
            spans: &[],
        },
    );
    assert_eq!(answer.persist.adopt_epoch, Some(0), "an ack is of a durable epoch");
    step(
        &mut leader,
        Input::Received {
            from: 1,
            message: answer.send_after_persist[0].message,
            spans: &[],
        },
    );

    let produced = step(&mut leader, Input::Produce { records: 3 });
    assert_eq!(produced.appended, Some(0));
    let span = Span {
        base_offset: 0,
        records: 3,
        leader_epoch: 0,
    };
    let answer = step(
        &mut follower,
        Input::Received {
            from: 0,
            message: produced.send_now[0].message,
            spans: &[span],
        },
    );
    assert_eq!(answer.persist.append, Some((0, 3)));
    let acked = step(
        &mut leader,
        Input::Received {
            from: 1,
            message: answer.send_after_persist[0].message,
            spans: &[],
        },
    );
    assert_eq!(acked.high_watermark, None, "the leader's own copy is not durable yet");
    let persisted = step(&mut leader, Input::Persisted(produced.persist.number));
    assert_eq!(persisted.high_watermark, Some(3));

    let told_at = leader.next_wake().expect("the follower does not know yet");
    let mut output = Output::default();
    leader.step(told_at, Input::Tick, &Open { start: 0 }, &mut output);
    let told = step(
        &mut follower,
        Input::Received {
            from: 0,
            message: output.send_now[0].message,
            spans: &[],
        },
    );
    assert_eq!(told.high_watermark, Some(3));
}
