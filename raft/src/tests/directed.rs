//! One rule a test.

use bytes::Bytes;

use super::{cluster::disk::Disk, config, entry, ms, voter, voters};
use crate::{
    AppendOutcome, Config, HardState, Input, LogView, Message, Outgoing, Output, Payload, Position, Raft, Role, Rules,
};

struct Node {
    raft: Raft,
    log: Disk,
    now: u64,
}

impl Node {
    fn new(config: Config, log: Disk, term: u32, vote: Option<i32>) -> Node {
        let raft = Raft::new(config, recovered(&log, term, vote), ms(0), 7);
        Node { raft, log, now: 0 }
    }

    fn step(&mut self, input: Input) -> Output {
        let output = self.raft.step(ms(self.now), input, &self.log);
        self.log.write(&output.persist);
        output
    }

    fn receive(&mut self, from: i32, message: Message) -> Output {
        self.step(Input::Received {
            from: voter(from),
            message,
        })
    }

    fn tick_at(&mut self, now: u64) -> Output {
        self.now = now;
        self.step(Input::Tick)
    }

    fn persisted(&mut self, output: &Output) -> Output {
        self.step(Input::Persisted(output.persist.number))
    }
}

fn disk(entries: Vec<crate::Entry>) -> Disk {
    let mut disk = Disk::default();
    entries.into_iter().for_each(|entry| disk.push(entry));
    disk
}

fn recovered(disk: &Disk, term: u32, vote: Option<i32>) -> crate::Recovered {
    crate::Recovered {
        hard_state: HardState {
            term,
            vote: vote.map(voter),
        },
        ..disk.recovered()
    }
}

fn leader_of_three() -> (Node, Output) {
    let mut node = Node::new(config(0, 3), Disk::default(), 0, None);
    node.tick_at(1300);
    let asked = node.receive(1, Message::PreVoteReply { term: 1, granted: true });
    node.persisted(&asked);
    let led = node.receive(1, Message::VoteReply { term: 1, granted: true });
    assert!(node.raft.is_leader());
    (node, led)
}

fn append(term: u32, prev: (u64, u32), entries: Vec<crate::Entry>, commit: u64) -> Message {
    Message::Append {
        term,
        session: 1,
        prev: Position {
            end: prev.0,
            term: prev.1,
        },
        entries,
        commit,
    }
}

fn replies(output: &Output) -> Vec<AppendOutcome> {
    output
        .send_after_persist
        .iter()
        .filter_map(|sent| match sent.message {
            Message::AppendReply { outcome, .. } => Some(outcome),
            _ => None,
        })
        .collect()
}

fn granted(output: &Output) -> Option<bool> {
    output.send_after_persist.iter().find_map(|sent| match sent.message {
        Message::VoteReply { granted, .. } | Message::PreVoteReply { granted, .. } => Some(granted),
        _ => None,
    })
}

/// A lone voter leads at once, but only when its vote is durable, and commits only what is durable.
#[test]
fn a_sole_voter_commits_what_its_disk_holds() {
    let mut node = Node::new(config(0, 1), Disk::default(), 0, None);
    let asked = node.step(Input::Tick);
    assert_eq!(
        asked.persist.hard_state,
        Some(HardState {
            term: 1,
            vote: Some(voter(0))
        })
    );
    assert!(!node.raft.is_leader());
    let led = node.persisted(&asked);
    assert!(node.raft.is_leader() && !node.raft.is_ready_leader());
    let founders = Payload::Voters(voters(1));
    let appended: Vec<_> = led.persist.append.iter().map(|entry| &entry.payload).collect();
    assert_eq!(appended, [&founders, &Payload::LeaderStart]);
    let proposed = node.step(Input::Propose(Bytes::from_static(b"x")));
    assert_eq!((proposed.proposed, proposed.commit), (Some(2), 0));
    assert_eq!(node.persisted(&led).commit, 2);
    assert!(node.raft.is_ready_leader());
    assert_eq!(node.persisted(&proposed).commit, 3);
    assert_eq!(node.raft.next_wake(), None);
}

#[test]
fn a_restart_starts_a_newer_term_and_commits_the_old_entries_with_its_own() {
    let log = disk(vec![entry(1, "a"), entry(3, "b")]);
    let mut node = Node::new(config(0, 1), log, 2, None);
    assert_eq!(node.raft.term(), 3, "the log's term counts too");
    let asked = node.step(Input::Tick);
    let led = node.persisted(&asked);
    assert_eq!((node.raft.term(), led.commit), (4, 0));
    // Two old entries, the founders, whom this log did not name yet, and the start.
    assert_eq!(node.persisted(&led).commit, 4);
}

#[test]
fn proposals_are_refused_by_everybody_but_the_leader() {
    let mut node = Node::new(config(0, 3), Disk::default(), 0, None);
    let output = node.step(Input::Propose(Bytes::from_static(b"x")));
    assert!(output.proposed.is_none() && output.persist.is_empty());
}

#[test]
fn pre_vote_changes_nothing_and_votes_leave_after_persist() {
    let mut node = Node::new(config(0, 3), Disk::default(), 5, None);
    let output = node.receive(
        1,
        Message::PreVote {
            term: 9,
            last: Position::default(),
        },
    );
    assert!(output.persist.is_empty());
    assert_eq!((granted(&output), node.raft.term()), (Some(true), 5));
    let output = node.receive(
        1,
        Message::Vote {
            term: 9,
            last: Position::default(),
            transfer: false,
        },
    );
    assert!(output.send_now.is_empty());
    assert_eq!(
        output.persist.hard_state,
        Some(HardState {
            term: 9,
            vote: Some(voter(1))
        })
    );
    assert_eq!(granted(&output), Some(true));
}

#[test]
fn one_vote_a_term_also_after_a_restart() {
    let mut node = Node::new(config(0, 3), Disk::default(), 9, Some(1));
    assert_eq!(
        granted(&node.receive(
            2,
            Message::Vote {
                term: 9,
                last: Position::default(),
                transfer: false
            }
        )),
        Some(false)
    );
    assert_eq!(
        granted(&node.receive(
            1,
            Message::Vote {
                term: 9,
                last: Position::default(),
                transfer: false
            }
        )),
        Some(true)
    );
}

#[test]
fn no_vote_for_an_older_log() {
    let log = disk(vec![entry(1, "a"), entry(2, "b")]);
    for (end, term, expected) in [(5, 1, false), (1, 2, false), (2, 2, true), (1, 3, true)] {
        let mut node = Node::new(config(0, 3), log.clone(), 3, None);
        let last = Position { end, term };
        assert_eq!(
            granted(&node.receive(1, Message::PreVote { term: 4, last })),
            Some(expected)
        );
        assert_eq!(
            granted(&node.receive(
                1,
                Message::Vote {
                    term: 4,
                    last,
                    transfer: false
                }
            )),
            Some(expected)
        );
    }
}

#[test]
fn who_hears_a_leader_ignores_elections() {
    let mut node = Node::new(config(0, 3), Disk::default(), 1, None);
    node.receive(1, append(1, (0, 0), vec![], 0));
    node.now = 500;
    assert_eq!(
        granted(&node.receive(
            2,
            Message::PreVote {
                term: 2,
                last: Position::default()
            }
        )),
        Some(false)
    );
    assert_eq!(
        granted(&node.receive(
            2,
            Message::Vote {
                term: 2,
                last: Position::default(),
                transfer: false
            }
        )),
        None
    );
    assert_eq!(node.raft.term(), 1);
    node.now = 601;
    assert_eq!(
        granted(&node.receive(
            2,
            Message::Vote {
                term: 2,
                last: Position::default(),
                transfer: false
            }
        )),
        Some(true)
    );
}

#[test]
fn a_leader_without_a_majority_steps_down() {
    let (mut node, _) = leader_of_three();
    node.tick_at(2400);
    assert!(node.raft.is_leader());
    node.tick_at(2600);
    assert_eq!(*node.raft.role(), Role::Follower { leader: None });
    assert_eq!(node.raft.term(), 1, "stepping down needs no new term");
}

#[test]
fn the_own_entry_counts_once_durable_and_a_majority_commits() {
    let (mut node, led) = leader_of_three();
    let matched = |session, end| Message::AppendReply {
        session,
        term: 1,
        outcome: AppendOutcome::Matched(end),
    };
    assert_eq!(
        node.receive(1, matched(1, 1)).commit,
        0,
        "one follower and a log in memory are no majority"
    );
    assert_eq!(node.persisted(&led).commit, 1);
    let proposed = node.step(Input::Propose(Bytes::from_static(b"x")));
    node.receive(1, matched(1, 2));
    assert_eq!(
        node.receive(2, matched(2, 2)).commit,
        2,
        "two followers are a majority without the leader's disk"
    );
    assert_eq!(node.persisted(&proposed).commit, 2);
}

/// Raft figure 8: an entry of an older term on a majority is not committed by counting.
#[test]
fn older_terms_are_committed_only_by_an_own_entry() {
    let log = disk(vec![entry(1, "a"), entry(2, "b")]);
    let mut node = Node::new(config(0, 3), log, 4, None);
    node.tick_at(1300);
    let asked = node.receive(1, Message::PreVoteReply { term: 5, granted: true });
    node.persisted(&asked);
    let led = node.receive(1, Message::VoteReply { term: 5, granted: true });
    let matched = |end| Message::AppendReply {
        session: 1,
        term: 5,
        outcome: AppendOutcome::Matched(end),
    };
    assert_eq!(node.receive(1, matched(2)).commit, 0);
    assert_eq!(node.receive(2, matched(2)).commit, 0);
    node.persisted(&led);
    assert_eq!(node.receive(1, matched(3)).commit, 3);
}

#[test]
fn a_follower_skips_what_it_has_and_truncates_only_at_a_conflict() {
    only_what_matched_is_acknowledged(Rules::production());
    let log = disk(vec![entry(1, "a"), entry(1, "b"), entry(2, "c"), entry(2, "d")]);
    let mut node = Node::new(config(0, 3), log, 2, None);
    let output = node.receive(2, append(3, (2, 1), vec![entry(3, "x"), entry(3, "y")], 2));
    assert_eq!(output.persist.truncate_to, Some(2));
    assert_eq!((output.persist.append_at, output.persist.append.len()), (2, 2));
    assert_eq!(replies(&output), vec![AppendOutcome::Matched(4)]);
}

/// An old, shorter append arrives late: nothing is removed, and only what it held is acknowledged, though the log goes on.
pub(crate) fn only_what_matched_is_acknowledged(rules: Rules) {
    let log = disk(vec![entry(1, "a"), entry(1, "b"), entry(2, "c"), entry(2, "d")]);
    let config = Config { rules, ..config(0, 3) };
    let mut node = Node::new(config, log.clone(), 2, None);
    let output = node.receive(1, append(2, (1, 1), vec![entry(1, "b")], 4));
    assert!(output.persist.is_empty());
    assert_eq!((replies(&output), output.commit), (vec![AppendOutcome::Matched(2)], 2));
    assert_eq!(node.log.entries, log.entries);
}

#[test]
#[should_panic(expected = "a committed entry would be removed")]
fn truncation_below_commit_is_the_end() {
    let log = disk(vec![entry(1, "a"), entry(1, "b")]);
    let mut node = Node::new(config(0, 3), log, 1, None);
    node.receive(1, append(1, (2, 1), vec![], 2));
    node.receive(2, append(2, (1, 1), vec![entry(2, "x")], 0));
}

#[test]
#[should_panic(expected = "two leaders in term 1")]
fn a_second_leader_of_the_term_is_the_end() {
    let (mut node, _) = leader_of_three();
    node.receive(2, append(1, (0, 0), vec![], 0));
}

#[test]
fn conflicts_skip_whole_terms() {
    let log = disk((0..50).map(|_| entry(2, "z")).collect());
    let mut node = Node::new(config(0, 3), log, 2, None);
    let output = node.receive(1, append(9, (40, 8), vec![], 0));
    let hint = Position { end: 39, term: 2 };
    assert_eq!(replies(&output), vec![AppendOutcome::Conflict { prev_end: 40, hint }]);
    let output = node.receive(1, append(9, (39, 1), vec![], 0));
    let hint = Position { end: 0, term: 0 };
    assert_eq!(replies(&output), vec![AppendOutcome::Conflict { prev_end: 39, hint }]);
}

#[test]
fn an_answer_to_an_older_append_does_not_move_the_leader_back() {
    let (mut node, led) = leader_of_three();
    node.persisted(&led);
    let matched = AppendOutcome::Matched(2);
    let late = AppendOutcome::Conflict {
        prev_end: 2,
        hint: Position::default(),
    };
    // The second answers the append that told the commit.
    for outcome in [matched, matched, late] {
        node.receive(
            1,
            Message::AppendReply {
                term: 1,
                session: 1,
                outcome,
            },
        );
    }
    let output = node.step(Input::Propose(Bytes::from_static(b"x")));
    let Some(Outgoing {
        message: Message::Append { prev, entries, .. },
        ..
    }) = output.send_now.first()
    else {
        panic!("{output:?}");
    };
    assert_eq!((prev.end, entries.len()), (2, 1));
}

#[test]
fn a_higher_term_in_any_reply_ends_leadership() {
    let (mut node, _) = leader_of_three();
    let output = node.receive(
        2,
        Message::AppendReply {
            session: 1,
            term: 3,
            outcome: AppendOutcome::Stale,
        },
    );
    assert!(!node.raft.is_leader());
    assert_eq!(output.persist.hard_state, Some(HardState { term: 3, vote: None }));
}

/// What was being written when a conflict removed it never becomes durable under its old length.
#[test]
fn truncation_shortens_writes_in_flight() {
    let mut node = Node::new(config(0, 3), Disk::default(), 1, None);
    let first = node.receive(
        1,
        append(1, (0, 0), vec![entry(1, "a"), entry(1, "b"), entry(1, "c")], 0),
    );
    node.receive(2, append(2, (1, 1), vec![entry(2, "x")], 0));
    node.persisted(&first);
    assert_eq!(node.raft.durable_end(), 1);
}

/// A node whose disk was wiped is a stranger. It is answered, as any node that this one does not know yet, but what it
/// says counts for nothing.
#[test]
fn answers_of_strangers_and_wiped_disks_do_not_count() {
    let wiped = crate::VoterId { node: 1, storage_id: 5 };
    let mut node = Node::new(config(0, 3), Disk::default(), 0, None);
    node.tick_at(1300);
    for message in [
        Message::PreVoteReply { term: 1, granted: true },
        Message::VoteReply { term: 1, granted: true },
        Message::PreVoteReply {
            term: 7,
            granted: false,
        },
        Message::VoteReply {
            term: 7,
            granted: false,
        },
    ] {
        let output = node.step(Input::Received { from: wiped, message });
        assert!(output.persist.is_empty() && output.send_after_persist.is_empty());
    }
    assert_eq!(node.raft.term(), 0);
}

#[test]
fn what_a_node_would_tell_itself_is_ignored() {
    let mut node = Node::new(config(0, 3), Disk::default(), 0, None);
    let output = node.receive(0, append(5, (0, 0), vec![entry(5, "x")], 1));
    assert!(output.persist.is_empty() && output.send_after_persist.is_empty());
    assert_eq!(node.raft.hard_state(), HardState::default());
}

#[test]
#[should_panic(expected = "does not go on from the snapshot")]
fn a_log_with_a_hole_after_its_snapshot_is_not_started() {
    let start = crate::Recovered {
        terms: crate::Terms::starting_at(Position { end: 7, term: 2 }),
        ..crate::Recovered::default()
    };
    Raft::new(config(0, 3), start, ms(0), 7);
}

/// A driver that takes no snapshots is never asked for one.
#[test]
fn a_log_without_snapshots_has_none_to_give() {
    struct Plain;
    impl LogView for Plain {
        fn entries(&self, _from: u64, _to: u64, _bytes_max: usize) -> Vec<crate::Entry> {
            Vec::new()
        }
    }
    assert_eq!(Plain.snapshot_chunk(Position::default(), 0, 9), None);
}

/// What is not in memory is not sent, and is asked for with the first tick after that, not a heartbeat later.
#[test]
fn entries_that_are_away_are_sent_as_soon_as_they_are_there() {
    struct Away;
    impl LogView for Away {
        fn entries(&self, _from: u64, _to: u64, _bytes_max: usize) -> Vec<crate::Entry> {
            Vec::new()
        }
    }
    let mut node = Node::new(config(0, 3), disk(vec![entry(1, "a"), entry(1, "b")]), 1, None);
    node.tick_at(1300);
    let asked = node.receive(1, Message::PreVoteReply { term: 2, granted: true });
    node.persisted(&asked);
    node.receive(1, Message::VoteReply { term: 2, granted: true });
    let outcome = AppendOutcome::Conflict {
        prev_end: 2,
        hint: Position::default(),
    };
    let message = Message::AppendReply {
        session: 1,
        term: 2,
        outcome,
    };
    let from = voter(1);
    let output = node.raft.step(ms(1310), Input::Received { from, message }, &Away);
    assert!(output.send_now.is_empty());
    let output = node.tick_at(1311);
    let sent: Vec<_> = output.send_now.iter().map(|sent| (sent.to, &sent.message)).collect();
    assert!(
        matches!(&sent[..], [(to, Message::Append { prev, entries, .. })] if *to == from && prev.end == 0 && entries.len() == 4),
        "{sent:?}"
    );
}
