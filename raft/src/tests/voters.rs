//! Sets of voters, and who votes along a log.

use super::voter;
use crate::{
    Voters,
    voters::{VotersLog, Votes},
};

fn set(nodes: &[i32]) -> Voters {
    nodes.iter().map(|node| voter(*node)).collect()
}

#[test]
fn sets_are_ordered_and_without_doubles() {
    let voters = set(&[2, 0, 2, 1]);
    assert_eq!(voters.iter().map(|id| id.node).collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!((voters.len(), voters.majority(), voters.is_empty()), (3, 2, false));
    assert_eq!(voters.with(voter(3)), set(&[0, 1, 2, 3]));
    assert_eq!(voters.with(voter(1)), voters);
    assert_eq!(voters.without(voter(1)), set(&[0, 2]));
    assert_eq!(voters.without(voter(7)), voters);
    assert_eq!(Voters::from([voter(1), voter(0)]), set(&[0, 1]));
}

/// Any two majorities of neighbours share a voter: tried for all sets of up to five.
#[test]
fn neighbours_have_no_disjoint_majorities() {
    let members = |mask: u32| (0..5).filter(|node| mask & (1 << node) != 0).collect::<Vec<i32>>();
    let majorities = |mask: u32| {
        let majority = mask.count_ones() / 2 + 1;
        (0..32u32).filter(move |some| some & !mask == 0 && some.count_ones() >= majority)
    };
    for (one, other) in (1..32u32).flat_map(|one| (1..32u32).map(move |other| (one, other))) {
        if set(&members(one)).is_next_to(&set(&members(other))) {
            assert!(
                majorities(one).all(|a| majorities(other).all(|b| a & b != 0)),
                "{one:b} {other:b}"
            );
        }
    }
    assert!(!set(&[0, 1, 2]).is_next_to(&set(&[0, 1, 3])));
}

#[test]
fn voters_follow_the_log_forward_and_back() {
    let mut log = VotersLog::new(set(&[0]));
    log.push(3, set(&[0, 1]));
    log.push(7, set(&[0, 1, 2]));
    for (end, expected) in [(0, 1), (2, 1), (3, 2), (6, 2), (7, 3), (90, 3)] {
        assert_eq!(log.at(end).len(), expected, "at {end}");
    }
    assert_eq!((log.latest().len(), log.latest_end()), (3, 7));
    let mut shorter = log.clone();
    shorter.truncate(7);
    assert_eq!(shorter, log);
    shorter.truncate(6);
    assert_eq!((shorter.latest().len(), shorter.latest_end()), (2, 3));
    log.start_at(3);
    assert_eq!((log.at(3).len(), log.latest().len(), log.latest_end()), (2, 3, 7));
    assert!(log.was_voter(voter(2)) && !log.was_voter(voter(3)));
    log.start_at(90);
    assert_eq!((log.latest().len(), log.latest_end()), (3, 0));
}

#[test]
fn votes_count_once() {
    let mut votes = Votes::default();
    votes.add(0);
    votes.add(8);
    votes.add(8);
    assert_eq!(votes.count(), 2);
}
