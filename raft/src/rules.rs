//! The safety rules, as a value: production has them all, and tests take one away to see that they would notice.
//!
//! This is the one list; a rule's source is its comment. `tests/mutants.rs` says of each who notices when it is missing.

macro_rules! rules {
    ($($(#[doc = $doc:literal])+ $name:ident,)+) => {
        /// Which rules hold.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct Rules {
            $($(#[doc = $doc])+ pub $name: bool,)+
        }

        impl Rules {
            /// Every rule's name.
            pub const NAMES: &[&str] = &[$(stringify!($name)),+];

            pub const fn production() -> Rules {
                Rules { $($name: true,)+ }
            }

            /// Production's rules but for one, None if there is no rule of that name.
            pub fn without(name: &str) -> Option<Rules> {
                let mut rules = Rules::production();
                match name {
                    $(stringify!($name) => rules.$name = false,)+
                    _ => return None,
                }
                Some(rules)
            }
        }
    };
}

rules! {
    /// At most one vote in a term (Raft §5.2).
    one_vote_per_term,
    /// A vote goes only to a log that is at least as new (Raft §5.4.1).
    vote_needs_newer_log,
    /// A vote is durable before the candidate hears of it (Raft figure 2; hashicorp/raft #661).
    vote_after_persist,
    /// The own vote and the own log count once they are durable (etcd #14370).
    own_counts_when_durable,
    /// A vote is that of a node with its disk: after a wipe it is somebody else's (KIP-853).
    voter_is_node_and_disk,
    /// Would an election be won? Asked before a term is spent (Raft thesis §9.6). Liveness.
    pre_vote,
    /// Who hears a leader takes part in no election, unless the leader asked for it (Raft thesis §4.2.3). Liveness.
    leader_stickiness,
    /// A leader that does not hear a majority steps down (Raft thesis §6.2, KAFKA-15489). Liveness.
    check_quorum,
    /// The term at start is the largest of hard state, log and snapshot (redpanda 65068aa37b).
    term_covers_log_and_snapshot,

    /// An append is taken only after a prefix that both logs share (Raft §5.3, figure 7).
    append_needs_shared_prefix,
    /// A follower removes entries only at a real conflict of terms (redpanda #17731).
    truncate_only_at_conflict,
    /// Committed entries are never removed (Raft §5.4.3). Asserted: with all other rules it cannot come to that.
    never_truncate_committed,
    /// A follower acknowledges what it matched, not what it holds (redpanda d0e45c0baf, KAFKA-13141).
    acknowledge_only_matched,
    /// An acknowledgement leaves when what it acknowledges is durable (Raft figure 2).
    acknowledge_after_persist,
    /// Only entries of the leader's own term are committed by counting (Raft §5.4.2, figure 8).
    commit_own_term_only,
    /// A follower takes a commit only as far as it agreed with this very leader (Raft §5.3; logcabin #44).
    commit_only_matched,
    /// An answer counts only in the session that asked (raft-rs #571).
    session_checked,

    /// New voters are in force as soon as they are in the log (Raft thesis §4.1).
    voters_in_force_when_appended,
    /// The next change of voters waits until the last one is committed (Raft thesis §4.1).
    one_change_at_a_time,
    /// A leader changes voters only after an entry of its own term is committed (Ongaro, raft-dev 2015-07-10).
    change_after_own_commit,
    /// Learners neither elect nor commit (Raft thesis §4.2.1).
    learners_do_not_count,
    /// A learner gets a vote when it has caught up (Raft thesis §4.2.1). Liveness.
    catch_up_before_vote,
    /// A leader that was removed commits without counting itself, and leaves then (Raft thesis §4.2.2, KAFKA-17608).
    removed_leader_does_not_count,

    /// A snapshot and the hard state are one record (raft-rs; nexus #4215, curvine #1551).
    snapshot_with_hard_state,
    /// A log that goes on from the snapshot is kept: its entries may be acknowledged (Raft §7).
    snapshot_keeps_matching_log,
    /// A snapshot older than what is committed here is not installed (Raft §7).
    snapshot_only_forward,
    /// Chunks of different leaders are never mixed: equal states need not be equal bytes (Raft §7).
    snapshot_of_one_leader,

    /// A read waits for a round of heartbeats that was sent after it (Raft thesis §6.4).
    read_confirmed_by_round,
    /// A leader reads only after an entry of its own term is committed (Raft thesis §6.4).
    read_after_own_commit,
}
