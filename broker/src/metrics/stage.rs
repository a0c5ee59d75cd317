//! The stages of a request: together they are its whole time, from its last byte received to its answer's last byte sent.

/// In the order in which a request goes through them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// From its last byte until it begins: other requests of its connection are before it.
    Queue,
    /// To the core that owns the partition, and back.
    CoreHop,
    /// What no other stage has: decoding, checks, the work itself, the answer.
    Handle,
    /// From the append until the frame of the journal that has it is sealed and goes to the disk.
    JournalWait,
    /// From there until that frame is flushed.
    Flush,
    /// Records are read from the disk.
    Read,
    /// A fetch waits for records to come (long polling).
    Wait,
    /// From an answer that could be given until the kernel has its last byte.
    Respond,
}

impl Stage {
    pub const COUNT: usize = 8;
    pub const ALL: [Stage; Stage::COUNT] = [
        Stage::Queue,
        Stage::CoreHop,
        Stage::Handle,
        Stage::JournalWait,
        Stage::Flush,
        Stage::Read,
        Stage::Wait,
        Stage::Respond,
    ];

    /// As the label says it.
    pub const fn name(self) -> &'static str {
        match self {
            Stage::Queue => "queue",
            Stage::CoreHop => "core_hop",
            Stage::Handle => "handle",
            Stage::JournalWait => "journal_wait",
            Stage::Flush => "flush",
            Stage::Read => "read",
            Stage::Wait => "wait",
            Stage::Respond => "respond",
        }
    }
}
