//! The safety rules, as a value: production has them all; a test takes one away to see that somebody would notice.
//!
//! Each field says what is true with the rule, where it comes from, and what goes wrong without it.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// A broker that registers again as the same incarnation keeps its broker epoch (KAFKA-16952). Without: a live leader
    /// is fenced by its own retry.
    pub same_incarnation_keeps_epoch: bool,
    /// While its session lives, nobody takes a broker's id with another disk (KIP-631). Without: two processes take
    /// turns in being one broker.
    pub live_broker_keeps_id: bool,
    /// A new incarnation starts fenced. Without: it is in the ISR of its predecessor before it knows what it holds.
    pub incarnation_starts_fenced: bool,
    /// A broker is unfenced only once it applied its own registration and its shards' logs (KAFKA-13959 for how far: not
    /// to the end, which a busy log never shows). Without: it leads by states that were superseded while it was away.
    pub unfence_when_caught_up: bool,
    /// A new controller gives every broker a whole session again: only its own clock counts. Without: a change of
    /// controllers fences the cluster.
    pub sessions_restart: bool,
    /// Wishes of one round are decided one on top of the other (KAFKA-13173). Without: the second change of a partition
    /// undoes the first.
    pub round_has_overlay: bool,
    /// A wish is answered when its records are committed. Without: a change of controllers takes back what was promised.
    pub answer_after_commit: bool,
    /// The min ISR that ELR and leader go by is the partition record's own (KAFKA-16540). Without: controller and leader
    /// disagree on which members hold all committed records.
    pub min_isr_of_partition: bool,
    /// AlterPartition names members with their disks, which must be the partition's (KIP-903, KAFKA-15221). Without: an
    /// ack of a disk that is gone puts its empty successor into the ISR.
    pub storage_checked: bool,
    /// AlterPartition is of the newest partition epoch (KIP-497). Without: a leader puts back whom the controller just
    /// removed.
    pub partition_epoch_checked: bool,
    /// AlterPartition comes from the leader, in its incarnation and leader epoch (KIP-497). Without: a deposed leader
    /// changes the ISR of its successor.
    pub sender_is_leader: bool,
    /// An AlterPartition from the future is for another controller: NOT_CONTROLLER (KAFKA-14154). Without: the leader
    /// takes itself for fenced and the partition is stuck.
    pub future_is_not_fenced: bool,
    /// Who is fenced or shuts down does not join an ISR (KIP-841). Without: it is in the ISR of a partition that it
    /// cannot follow, and the last one left may be it.
    pub fenced_member_refused: bool,
    /// An unclean leader is the only member until it recovered (KIP-704).
    pub recovering_alone: bool,
    /// A leader is one incarnation: after a restart it is granted a new leader epoch. Without: it goes on in an epoch of
    /// which it forgot the end, and gives offsets twice.
    pub leader_is_incarnation: bool,
    /// Whose disk is another one leaves ISR and ELR (KIP-853's voter identity, for data). Without: an empty disk leads.
    pub wiped_replica_leaves: bool,
    /// A leader of the shard that knows less of root than one before it takes no disk for wiped. Without: it puts the disk
    /// of before back into its slot, and the only one that holds everything is not eligible any more.
    pub older_root_wipes_nothing: bool,
    /// A change of a replica's node or disk starts a new leader epoch. Without: the leader counts acks of the disk before.
    pub slot_change_bumps_epoch: bool,
    /// ELR members are forgotten as soon as the ISR has min ISR members (KIP-966): from then on records are committed
    /// without them. Without: one of them leads and those records are lost.
    pub elr_cleared_at_min_isr: bool,
    /// ELR members lead only when nobody is left in the ISR (KIP-966).
    pub elr_after_isr: bool,
    /// Nobody is elected who is dead, also not the last known leader (KAFKA-19522).
    pub last_known_leader_lives: bool,
    /// A reassignment is complete only when all of its target is in the ISR (KAFKA-15665). Without: members leave before
    /// others hold their records.
    pub reassignment_waits_for_isr: bool,
}

impl Rules {
    pub const fn production() -> Rules {
        Rules {
            same_incarnation_keeps_epoch: true,
            live_broker_keeps_id: true,
            incarnation_starts_fenced: true,
            unfence_when_caught_up: true,
            sessions_restart: true,
            round_has_overlay: true,
            answer_after_commit: true,
            min_isr_of_partition: true,
            storage_checked: true,
            partition_epoch_checked: true,
            sender_is_leader: true,
            future_is_not_fenced: true,
            fenced_member_refused: true,
            recovering_alone: true,
            leader_is_incarnation: true,
            wiped_replica_leaves: true,
            older_root_wipes_nothing: true,
            slot_change_bumps_epoch: true,
            elr_cleared_at_min_isr: true,
            elr_after_isr: true,
            last_known_leader_lives: true,
            reassignment_waits_for_isr: true,
        }
    }
}
