//! The term index answers as the plain list of terms would.

use crate::{Position, Terms};

fn terms(list: &[u32]) -> Terms {
    let mut terms = Terms::default();
    list.iter().for_each(|term| terms.push(*term));
    terms
}

#[test]
fn positions_and_terms_follow_the_list() {
    let list = [1, 1, 3, 3, 3, 7];
    let terms = terms(&list);
    for (index, term) in list.iter().enumerate() {
        assert_eq!(terms.term_at(index as u64), Some(*term));
        let position = Position {
            end: index as u64 + 1,
            term: *term,
        };
        assert_eq!(terms.position(index as u64 + 1), Some(position));
        assert!(terms.contains(position));
    }
    assert_eq!(terms.term_at(6), None);
    assert_eq!(terms.position(7), None);
    assert_eq!(terms.position(0), Some(Position { end: 0, term: 0 }));
    assert!(!terms.contains(Position { end: 3, term: 1 }));
}

#[test]
fn truncation_to_any_end_is_the_shorter_list() {
    let list = [1, 1, 3, 3, 3, 7];
    for end in 0..=list.len() {
        let mut cut = terms(&list);
        cut.truncate(end as u64);
        assert_eq!(cut, terms(&list[..end]));
    }
}

#[test]
fn may_share_never_overshoots_what_is_really_shared() {
    // Logs that agree on a prefix and then differ in terms, as Raft makes them.
    for (a, b, shared) in [
        (vec![1, 1, 1, 4, 4], vec![1, 1, 1, 2, 2, 3], 3),
        (vec![1, 1], vec![1, 1, 2, 2], 2),
        (vec![5, 5], vec![4, 4, 4, 4], 0),
        (vec![1, 2, 2, 2, 2, 5], vec![1, 2, 3, 3, 3, 3], 2),
    ] {
        let (a, b) = (terms(&a), terms(&b));
        let mut prev = a.last();
        let mut rounds = 0;
        while !b.contains(prev) {
            let hint = b.may_share(Position {
                end: b.end().min(prev.end - 1),
                term: prev.term,
            });
            prev = a.may_share(hint);
            rounds += 1;
        }
        assert_eq!(prev.end, shared.min(a.end()));
        assert!(rounds <= 3, "whole terms are skipped, it took {rounds} rounds");
    }
}
