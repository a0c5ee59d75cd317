//! Fetch sessions as KIP-227 tells them.

use super::*;

fn wanted(topic: &str, partition: i32, fetch_offset: i64) -> Wanted {
    Wanted {
        topic: TopicKey::Name(topic.into()),
        partition,
        current_leader_epoch: -1,
        fetch_offset,
        last_fetched_epoch: -1,
        partition_max_bytes: 1024,
    }
}

fn request(session_id: i32, session_epoch: i32, wanted: Vec<Wanted>) -> SessionRequest {
    SessionRequest {
        session_id,
        session_epoch,
        wanted,
        forgotten: Vec::new(),
    }
}

fn key(topic: &str, partition: i32) -> (TopicKey, i32) {
    (TopicKey::Name(topic.into()), partition)
}

const NOW: Instant = Instant(0);
const TOLD: Told = Told {
    high_watermark: 5,
    log_start_offset: 0,
};

/// A full request opens a session; the next one names only what changed and reads all.
#[test]
fn incremental_requests_remember_the_rest() {
    let mut sessions = FetchSessions::new(10, 0, 1);
    let context = sessions
        .begin(
            NOW,
            request(0, INITIAL_EPOCH, vec![wanted("a", 0, 0), wanted("a", 1, 0)]),
        )
        .unwrap();
    let id = context.session_id();
    assert_ne!(id, NO_SESSION);
    let context = sessions.begin(NOW, request(id, 1, vec![wanted("a", 1, 7)])).unwrap();
    assert_eq!(
        context,
        Context::Incremental {
            session_id: id,
            wanted: vec![wanted("a", 0, 0), wanted("a", 1, 7)]
        }
    );
    let mut forget = request(id, 2, vec![]);
    forget.forgotten = vec![key("a", 0)];
    assert_eq!(sessions.begin(NOW, forget).unwrap().wanted(), [wanted("a", 1, 7)]);
}

/// Only what changed since it was last told is told again; data move a partition behind the others.
#[test]
fn only_news_are_told_and_turns_rotate() {
    let mut sessions = FetchSessions::new(10, 0, 1);
    let id = sessions
        .begin(
            NOW,
            request(0, INITIAL_EPOCH, vec![wanted("a", 0, 0), wanted("a", 1, 0)]),
        )
        .unwrap()
        .session_id();
    assert!(sessions.should_tell(id, &key("a", 0), TOLD, 0, false));
    assert!(!sessions.should_tell(id, &key("a", 0), TOLD, 0, false));
    assert!(sessions.should_tell(
        id,
        &key("a", 0),
        Told {
            high_watermark: 6,
            ..TOLD
        },
        0,
        false
    ));
    assert!(sessions.should_tell(id, &key("a", 0), TOLD, 0, true));
    assert!(sessions.should_tell(id, &key("a", 0), TOLD, 10, false));
    let context = sessions.begin(NOW, request(id, 1, vec![])).unwrap();
    assert_eq!(context.wanted(), [wanted("a", 1, 0), wanted("a", 0, 0)]);
}

/// Wrong ids and epochs get Kafka's errors and change nothing.
#[test]
fn wrong_ids_and_epochs_are_refused() {
    let mut sessions = FetchSessions::new(10, 0, 1);
    let id = sessions
        .begin(NOW, request(0, INITIAL_EPOCH, vec![wanted("a", 0, 0)]))
        .unwrap()
        .session_id();
    assert_eq!(
        sessions.begin(NOW, request(id + 1, 1, vec![])),
        Err(ErrorCode::FETCH_SESSION_ID_NOT_FOUND)
    );
    assert_eq!(
        sessions.begin(NOW, request(id, 2, vec![])),
        Err(ErrorCode::INVALID_FETCH_SESSION_EPOCH)
    );
    let by_id = Wanted {
        topic: TopicKey::Id(Uuid::from_u128(1)),
        ..wanted("", 0, 0)
    };
    assert_eq!(
        sessions.begin(NOW, request(id, 1, vec![by_id])),
        Err(ErrorCode::FETCH_SESSION_TOPIC_ID_ERROR)
    );
    assert!(sessions.begin(NOW, request(id, 1, vec![])).is_ok());
    assert!(sessions.begin(NOW, request(id, FINAL_EPOCH, vec![])).is_ok());
    assert!(sessions.is_empty());
}

/// A full cache gives no session to a newcomer until an old one has been idle for two minutes.
#[test]
fn idle_sessions_make_room() {
    let mut sessions = FetchSessions::new(1, 0, 1);
    let first = sessions
        .begin(NOW, request(0, INITIAL_EPOCH, vec![wanted("a", 0, 0)]))
        .unwrap()
        .session_id();
    let soon = NOW.after(Duration::from_secs(100));
    let context = sessions
        .begin(soon, request(0, INITIAL_EPOCH, vec![wanted("b", 0, 0)]))
        .unwrap();
    assert_eq!(context.session_id(), NO_SESSION);
    let later = NOW.after(Duration::from_secs(121));
    let context = sessions
        .begin(later, request(0, INITIAL_EPOCH, vec![wanted("b", 0, 0)]))
        .unwrap();
    assert_ne!(context.session_id(), NO_SESSION);
    assert_eq!(
        sessions.begin(later, request(first, 1, vec![])),
        Err(ErrorCode::FETCH_SESSION_ID_NOT_FOUND)
    );
}

/// Cores never give the same id.
#[test]
fn ids_of_cores_are_disjoint() {
    let ids = |core| {
        let mut sessions = FetchSessions::new(100, core, 2);
        (0..10)
            .map(|_| {
                sessions
                    .begin(NOW, request(0, 0, vec![wanted("a", 0, 0)]))
                    .unwrap()
                    .session_id()
            })
            .collect::<Vec<_>>()
    };
    assert!(ids(0).iter().all(|id| !ids(1).contains(id)));
}

/// As Kafka, a partition that is named twice is read once, as it was named last.
#[test]
fn a_partition_named_twice_is_wanted_once() {
    let mut sessions = FetchSessions::new(10, 0, 1);
    let twice = vec![wanted("a", 0, 1), wanted("b", 0, 2), wanted("a", 0, 3)];
    for epoch in [FINAL_EPOCH, INITIAL_EPOCH] {
        let context = sessions.begin(NOW, request(0, epoch, twice.clone())).unwrap();
        assert_eq!(context.wanted(), [wanted("a", 0, 3), wanted("b", 0, 2)]);
    }
}

/// Sessions are bounded by the memory that they take, however few they are; who finds no room is served without one, and who
/// grows beyond it starts anew.
#[test]
fn sessions_are_bounded_by_bytes() {
    let name = "n".repeat(i16::MAX as usize);
    let many = |from: i32| {
        (from..from + 1000)
            .map(|partition| wanted(&name, partition, 0))
            .collect::<Vec<_>>()
    };
    let mut sessions = FetchSessions::new(1000, 0, 1);
    let mut ids = Vec::new();
    loop {
        let id = sessions
            .begin(NOW, request(0, INITIAL_EPOCH, many(0)))
            .unwrap()
            .session_id();
        if id == NO_SESSION {
            break;
        }
        ids.push(id);
    }
    assert_eq!(
        ids.len(),
        FETCH_SESSIONS_BYTES_MAX / (1000 * session_bytes(&TopicKey::Name(name.as_str().into())))
    );
    let grown = sessions.begin(NOW, request(ids[0], 1, many(1000)));
    assert_eq!(grown, Err(ErrorCode::FETCH_SESSION_ID_NOT_FOUND));
    // It left room for another, and every end gives its room back.
    let again = sessions
        .begin(NOW, request(0, INITIAL_EPOCH, many(0)))
        .unwrap()
        .session_id();
    assert_ne!(again, NO_SESSION);
    for id in ids.into_iter().skip(1).chain([again]) {
        sessions.begin(NOW, request(id, FINAL_EPOCH, vec![])).unwrap();
    }
    assert_eq!((sessions.len(), sessions.bytes), (0, 0));
}
