//! The safety rules, as a value: production has them all; a test takes one away to see that somebody would notice.
//!
//! Each field says what is true with the rule, where it comes from, and what goes wrong without it. A variant of which
//! the harm lies outside of this core (a write that is acknowledged before it is durable, a state that is handed in with
//! values from elsewhere) is made by whoever drives it.

macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct Rules {
            $($(#[$doc])* pub $name: bool,)*
            /// D7. None: the min ISR of the partition state is the only one. A number: a value from elsewhere is used
            /// instead, as Kafka did (KAFKA-16540); leader and controller may then disagree on who is an eligible leader.
            pub min_isr_elsewhere: Option<u16>,
        }

        impl Rules {
            /// Of each rule that is on or off.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($name)),*];

            pub const fn production() -> Rules {
                Rules {
                    $($name: true,)*
                    min_isr_elsewhere: None,
                }
            }

            /// All but the named one; None for a name that is no rule's.
            pub fn without(name: &str) -> Option<Rules> {
                let mut rules = Rules::production();
                match name {
                    $(stringify!($name) => rules.$name = false,)*
                    _ => return None,
                }
                Some(rules)
            }
        }
    };
}

rules! {
    /// D1. A view or message of an epoch below the durable floor is ignored, also after a restart. Without: a restarted
    /// replica follows the leader of an older epoch and cuts off what it acknowledged.
    epoch_floor,
    /// D1. A leader's appends leave, and its high watermark moves, only after its epoch was adopted durably. Without: its
    /// followers give up what they acknowledged to an older leader, and it acknowledges the same again after a crash.
    adopt_before_use,
    /// D1. An epoch is led by one incarnation of a broker only: the broker epoch is this process's own, and the epoch is
    /// above everything this disk took part in. Without: a leader that lost its tail in a crash goes on in its epoch,
    /// and offsets are given twice.
    leader_incarnation,
    /// D1, D4. A replica is a node *with its disk*: roles and acks of another disk do not count.
    storage_checked,
    /// D2. Appends are taken only from the leader of the own epoch, in that epoch (KIP-101, KIP-320).
    append_of_own_epoch,
    /// D2. What stands before an append must be the same here (KIP-279's divergence check).
    previous_must_match,
    /// D3. Records are removed only at a real conflict of epochs. Without: a late or doubled append cuts off records that
    /// were acknowledged (redpanda #17731).
    truncate_only_at_conflict,
    /// D3. Whoever enters its first epoch since an unclean election takes the high watermark from that history (KIP-704).
    /// Without: it calls committed what was given up, and stops when the leader replaces it.
    unclean_starts_over,
    /// D4. A follower acknowledges what it matched with this leader, not what it holds (KAFKA-13141, redpanda d0e45c0baf).
    ack_only_matched,
    /// D4. A follower's high watermark stays within what it matched with this leader.
    high_watermark_only_matched,
    /// D4. The leader takes acks of its own epoch only (KIP-320).
    ack_of_own_epoch,
    /// D4. What is known of a follower is forgotten when its slot gets another disk.
    progress_reset,
    /// D5. The leader's own records count once they are durable (etcd #14370).
    own_counts_when_durable,
    /// D6. Members that were proposed count until a newer state says otherwise (KIP-497's maximal ISR).
    maximal_isr,
    /// D6. A refusal does not end that: the proposal may have been committed all the same.
    refusal_keeps_maximal,
    /// D6. A member counts until its removal is committed.
    shrink_waits_for_commit,
    /// D7. The high watermark rests while the committed ISR has fewer than min ISR members (KIP-966, KAFKA-15583).
    min_isr_gate,
    /// D8. Only a follower that reaches the high watermark joins the ISR.
    expand_at_high_watermark,
    /// D8. Only a follower that reaches the start of this leader's epoch joins (KIP-101's completeness).
    expand_at_epoch_start,
    /// D8. While an unclean leader recovers, it stays the only member (KIP-704).
    recovering_alone,
    /// D9. acks=all needs min ISR members, before the append and when it is answered.
    produce_needs_min_isr,
    /// D10. The latest offset is not told before the high watermark reached the epoch's start (KIP-207).
    latest_after_epoch_start,
}
