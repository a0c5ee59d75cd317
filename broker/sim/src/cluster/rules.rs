//! The safety rules of all cores, as one value. Production has every one; a mutant lacks one.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    pub raft: corelane_raft::Rules,
    pub metadata: corelane_broker::metadata::Rules,
    pub replica: corelane_broker::partition::replica::Rules,
    pub host: HostRules,
}

/// What a core's driver owes it. The simulator is a driver, so it must keep these promises, or be caught.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostRules {
    /// `send_after_persist` waits until all that was asked before is durable.
    pub replies_wait_for_the_disk: bool,
    /// A write is reported when it is durable, not when it was submitted.
    pub persisted_means_durable: bool,
    /// The epoch floor is written down (rule D1), not only kept in memory.
    pub floor_is_written: bool,
    /// A view below the epoch floor drops no replica: what it says of assignments is superseded.
    pub old_views_drop_nothing: bool,
}

impl Rules {
    pub fn production() -> Rules {
        Rules {
            raft: corelane_raft::Rules::production(),
            metadata: corelane_broker::metadata::Rules::production(),
            replica: corelane_broker::partition::replica::Rules::production(),
            host: HostRules {
                replies_wait_for_the_disk: true,
                persisted_means_durable: true,
                floor_is_written: true,
                old_views_drop_nothing: true,
            },
        }
    }
}
