//! Interesting things that a run must come upon. A gate that never saw one of them proves less than it seems.

use corelane_broker::partition::replica;

macro_rules! marks {
    ($($name:ident $what:literal;)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Mark {
            $($name,)*
        }

        impl Mark {
            pub const ALL: &'static [Mark] = &[$(Mark::$name,)*];

            pub fn what(self) -> &'static str {
                match self {
                    $(Mark::$name => $what,)*
                }
            }
        }
    };
}

marks! {
    // Consensus.
    GroupElected "a group elected a leader";
    GroupLedInTwoTerms "two nodes believed to lead one group";
    GroupLeaderKilled "a group's leader was killed";
    GroupEntriesReplaced "a follower replaced entries of a deposed leader";
    GroupTailLost "a crash lost entries that a group had not made durable";
    GroupVoteLost "a crash lost a vote or a term that was not durable yet";
    VoterAdded "a voter was added";
    LeaderRemoved "a leader removed itself from the voters";
    LeadershipTransferred "leadership was handed over";
    SnapshotSent "a follower needed a snapshot";
    SnapshotInstalled "a snapshot was installed";
    StartedFromSnapshot "a node started from a snapshot";
    CrashWithinInstall "a crash within the transfer or the installation of a snapshot";
    ReadConfirmed "a linearizable read was confirmed";
    GroupFollowerLagged "a follower was ten entries behind";
    // Partitions.
    PartitionLed "a replica began to lead";
    LeaderElected "a partition got another leader";
    ElrElected "elr election";
    ElrOfSeveral "the ISR was empty and the ELR had several members";
    LeftWithoutLeader "a partition was left without a leader";
    UncleanElection "an unclean leader was elected";
    UncleanLeaderBegan "an unclean leader began";
    UncleanTruncate "truncated below the high watermark after an unclean election";
    SlotsChanged "a partition's replicas or their disks changed";
    ReassignmentDone "a reassignment was completed";
    Committed "a high watermark moved";
    ZombieCommitted "a deposed leader moved its high watermark";
    ProduceAcknowledged "a producer with acks=all was acknowledged";
    ProduceRefusedByMinIsr "a producer was refused for want of in-sync replicas";
    LatestNotAvailable "the latest offset was not available after an election";
    DeletedReplicaDropped "the replica of a deleted topic was dropped";
    UnassignedReplicaDropped "a replica that was reassigned was dropped";
    OldViewDropsNothing "an old view did not drop a replica of a newer epoch";
    TopicRecreated "a topic was created again under its name";
    LogTrimmed "a log's start moved";
    // Controllers and brokers.
    ControllerMoved "a controller moved to another node";
    RoundLost "a deposed controller lost its round";
    MetadataRestored "a node's image was restored from a snapshot";
    WrongController "a request met a node that is no controller";
    BrokerFenced "a broker was told that it is fenced";
    BrokerRefused "a broker's registration or heartbeat was refused";
    ShutDownInOrder "a broker led nothing any more when it shut down";
    RestartedWithOlderView "a restart showed an older view";
    // What the replica core says of itself.
    OlderStateIgnored "an older state was ignored";
    BelowEpochFloor "a state below the epoch floor was refused";
    LeaderOfOtherIncarnation "leadership of another incarnation was refused";
    ForeignStorage "a slot of another disk was refused";
    AppendOfOtherEpoch "an append of another epoch was refused";
    AppendConflict "an append did not fit";
    AppendHeldAlready "an append brought what was held already";
    DivergedTruncate "diverged truncate";
    StartedOver "a high watermark went back after an unclean election";
    LogRestarted "a follower's log began anew at the leader's start";
    AckOfOtherEpoch "zombie ack rejected";
    ConflictHintUsed "a conflict's hint was used";
    Resent "an append was sent again";
    HeldByMinIsr "the high watermark was held by min ISR";
    HeldByMaximalIsr "the high watermark was held by a proposed member";
    ExpansionProposed "an expansion of the ISR was proposed";
    ShrinkProposed "a shrink of the ISR was proposed";
    ProposalRefused "a proposal was refused";
    RecoveredProposed "an unclean leader proposed that it recovered";
    HighWatermarkTold "a high watermark was told without records";
    // Processes, disks, network.
    PausedLeaderCameBack "a paused leader came back after another was elected";
    MessageForWipedDisk "a message came for a disk that was wiped";
    AllDownAtOnce "all nodes were down at once";
    DiskWiped "a disk was wiped, its node joined anew";
    DiskFailed "a failed write stopped a node";
}

/// The replica core's marks and ours. Two of its rules are never needed in a whole cluster, since a slot that gets another
/// disk begins a leader epoch (I8): acks of the disk before are then of an older epoch, and progress begins anew with the
/// epoch. They stay as a second line; the core's own walk and stories meet them.
const REPLICA: &[(replica::Mark, Mark)] = &[
    (replica::Mark::OlderStateIgnored, Mark::OlderStateIgnored),
    (replica::Mark::BelowEpochFloor, Mark::BelowEpochFloor),
    (replica::Mark::LeaderOfOtherIncarnation, Mark::LeaderOfOtherIncarnation),
    (replica::Mark::ForeignStorage, Mark::ForeignStorage),
    (replica::Mark::AppendOfOtherEpoch, Mark::AppendOfOtherEpoch),
    (replica::Mark::AppendConflict, Mark::AppendConflict),
    (replica::Mark::AppendHeldAlready, Mark::AppendHeldAlready),
    (replica::Mark::DivergedTruncate, Mark::DivergedTruncate),
    (replica::Mark::StartedOver, Mark::StartedOver),
    (replica::Mark::LogRestarted, Mark::LogRestarted),
    (replica::Mark::AckOfOtherEpoch, Mark::AckOfOtherEpoch),
    (replica::Mark::ConflictHintUsed, Mark::ConflictHintUsed),
    (replica::Mark::Resent, Mark::Resent),
    (replica::Mark::HeldByMinIsr, Mark::HeldByMinIsr),
    (replica::Mark::HeldByMaximalIsr, Mark::HeldByMaximalIsr),
    (replica::Mark::ExpansionProposed, Mark::ExpansionProposed),
    (replica::Mark::ShrinkProposed, Mark::ShrinkProposed),
    (replica::Mark::ProposalRefused, Mark::ProposalRefused),
    (replica::Mark::RecoveredProposed, Mark::RecoveredProposed),
    (replica::Mark::HighWatermarkTold, Mark::HighWatermarkTold),
];

const COUNT: usize = Mark::ALL.len();

/// How often each was come upon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marks([u64; COUNT]);

impl Default for Marks {
    fn default() -> Marks {
        Marks([0; COUNT])
    }
}

impl Marks {
    pub fn hit(&mut self, mark: Mark) {
        self.0[mark as usize] += 1;
    }

    /// Those that a replica's step set.
    pub fn hit_replica(&mut self, marks: replica::Marks) {
        if marks.bits() == 0 {
            return;
        }
        for (theirs, ours) in REPLICA {
            if marks.contains(*theirs) {
                self.hit(*ours);
            }
        }
    }

    pub fn count(&self, mark: Mark) -> u64 {
        self.0[mark as usize]
    }

    pub fn add(&mut self, other: &Marks) {
        for (sum, count) in self.0.iter_mut().zip(other.0) {
            *sum += count;
        }
    }

    pub fn missing(&self) -> impl Iterator<Item = Mark> {
        Mark::ALL.iter().copied().filter(|mark| self.count(*mark) == 0)
    }
}
