//! The safety rules of all cores, as one value. Production has every one; a mutant lacks one.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    pub raft: corelane_raft::Rules,
    pub host: HostRules,
}

/// What a core's driver owes it. The simulator is a driver, so it must keep these promises, or be caught.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostRules {
    /// `send_after_persist` waits until all that was asked before is durable.
    pub replies_wait_for_the_disk: bool,
    /// A write is reported when it is durable, not when it was submitted.
    pub persisted_means_durable: bool,
}

impl Rules {
    pub fn production() -> Rules {
        Rules {
            raft: corelane_raft::Rules::production(),
            host: HostRules {
                replies_wait_for_the_disk: true,
                persisted_means_durable: true,
            },
        }
    }
}
