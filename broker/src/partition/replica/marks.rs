//! Noteworthy ways through the core. A test that claims to cover it must have seen each of them.

macro_rules! marks {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u32)]
        pub enum Mark {
            $($(#[$doc])* $name,)*
        }

        impl Mark {
            pub const ALL: &'static [Mark] = &[$(Mark::$name),*];
        }
    };
}

marks! {
    OlderStateIgnored,
    /// D1: a view older than what this disk took part in.
    BelowEpochFloor,
    /// D1: the view grants leadership to an incarnation before, or not yet to this one.
    LeaderOfOtherIncarnation,
    /// The slot belongs to another disk of this node.
    ForeignStorage,
    AppendOfOtherEpoch,
    AppendMalformed,
    AppendConflict,
    AppendHeldAlready,
    DivergedTruncate,
    /// D3: the high watermark went back, since an unclean leader's history replaces this one.
    StartedOver,
    LogRestarted,
    AckOfOtherEpoch,
    AckOfOtherStorage,
    AckBeyondEnd,
    ConflictHintUsed,
    Resent,
    ProgressReset,
    HeldByMinIsr,
    HeldByMaximalIsr,
    ExpansionProposed,
    ShrinkProposed,
    ProposalRefused,
    /// The ISR as it is was proposed, to void what was proposed before.
    ProposalWithdrawn,
    RecoveredProposed,
    HighWatermarkTold,
}

/// The marks of a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks(u32);

impl Marks {
    pub fn set(&mut self, mark: Mark) {
        self.0 |= 1 << mark as u32;
    }

    pub fn contains(self, mark: Mark) -> bool {
        self.0 & (1 << mark as u32) != 0
    }

    /// Adds those of another step.
    pub fn join(&mut self, other: Marks) {
        self.0 |= other.0;
    }

    pub fn bits(self) -> u32 {
        self.0
    }
}
