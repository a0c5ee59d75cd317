//! The safety rules, as a value: production has them all; a test takes one away to see that somebody would notice.
//!
//! Each field says what is true with the rule, where it comes from, and what goes wrong without it. A variant of which
//! the harm lies outside of this core (a write that is acknowledged before it is durable, a state that is handed in with
//! values from elsewhere) is made by whoever drives it.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// D1. A view or message of an epoch below the durable floor is ignored, also after a restart. Without: a restarted
    /// replica follows the leader of an older epoch and cuts off what it acknowledged.
    pub epoch_floor: bool,
    /// D1. A leader's high watermark moves only after its epoch was adopted durably.
    pub adopt_before_use: bool,
    /// D1. An epoch is led by one incarnation of a broker only: the broker epoch is this process's own, and the epoch is
    /// above everything this disk took part in. Without: a leader that lost its tail in a crash goes on in its epoch,
    /// and offsets are given twice.
    pub leader_incarnation: bool,
    /// D1, D4. A replica is a node *with its disk*: roles and acks of another disk do not count.
    pub storage_checked: bool,
    /// D2. Appends are taken only from the leader of the own epoch, in that epoch (KIP-101, KIP-320).
    pub append_of_own_epoch: bool,
    /// D2. What stands before an append must be the same here (KIP-279's divergence check).
    pub previous_must_match: bool,
    /// D3. Records are removed only at a real conflict of epochs. Without: a late or doubled append cuts off records that
    /// were acknowledged (redpanda #17731).
    pub truncate_only_at_conflict: bool,
    /// D4. A follower acknowledges what it matched with this leader, not what it holds (KAFKA-13141, redpanda d0e45c0baf).
    pub ack_only_matched: bool,
    /// D4. A follower's high watermark stays within what it matched with this leader.
    pub high_watermark_only_matched: bool,
    /// D4. The leader takes acks of its own epoch only (KIP-320).
    pub ack_of_own_epoch: bool,
    /// D4. What is known of a follower is forgotten when its slot gets another disk.
    pub progress_reset: bool,
    /// D5. The leader's own records count once they are durable (etcd #14370).
    pub own_counts_when_durable: bool,
    /// D6. Members that were proposed count until a newer state says otherwise (KIP-497's maximal ISR).
    pub maximal_isr: bool,
    /// D6. A refusal does not end that: the proposal may have been committed all the same.
    pub refusal_keeps_maximal: bool,
    /// D6. A member counts until its removal is committed.
    pub shrink_waits_for_commit: bool,
    /// D7. The high watermark rests while the committed ISR has fewer than min ISR members (KIP-966, KAFKA-15583).
    pub min_isr_gate: bool,
    /// D7. None: the min ISR of the partition state is the only one. A number: a value from elsewhere is used instead,
    /// as Kafka did (KAFKA-16540); leader and controller may then disagree on who is an eligible leader.
    pub min_isr_elsewhere: Option<u16>,
    /// D8. Only a follower that reaches the high watermark joins the ISR.
    pub expand_at_high_watermark: bool,
    /// D8. Only a follower that reaches the start of this leader's epoch joins (KIP-101's completeness).
    pub expand_at_epoch_start: bool,
    /// D8. While an unclean leader recovers, it stays the only member (KIP-704).
    pub recovering_alone: bool,
    /// D9. acks=all needs min ISR members, before the append and when it is answered.
    pub produce_needs_min_isr: bool,
    /// D10. The latest offset is not told before the high watermark reached the epoch's start (KIP-207).
    pub latest_after_epoch_start: bool,
}

impl Rules {
    pub const fn production() -> Rules {
        Rules {
            epoch_floor: true,
            adopt_before_use: true,
            leader_incarnation: true,
            storage_checked: true,
            append_of_own_epoch: true,
            previous_must_match: true,
            truncate_only_at_conflict: true,
            ack_only_matched: true,
            high_watermark_only_matched: true,
            ack_of_own_epoch: true,
            progress_reset: true,
            own_counts_when_durable: true,
            maximal_isr: true,
            refusal_keeps_maximal: true,
            shrink_waits_for_commit: true,
            min_isr_gate: true,
            min_isr_elsewhere: None,
            expand_at_high_watermark: true,
            expand_at_epoch_start: true,
            recovering_alone: true,
            produce_needs_min_isr: true,
            latest_after_epoch_start: true,
        }
    }
}
