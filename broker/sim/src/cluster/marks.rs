//! Interesting things that a run must come upon. A gate that never saw one of them proves less than it seems.

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
    // Processes, disks, network.
    PausedLeaderCameBack "a paused leader came back after another was elected";
    MessageForWipedDisk "a message came for a disk that was wiped";
    AllDownAtOnce "all nodes were down at once";
    DiskWiped "a disk was wiped, its node joined anew";
    DiskFailed "a failed write stopped a node";
}

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
