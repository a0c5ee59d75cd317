//! What a completion is about, packed in the 64 bits that the kernel hands back.

use super::slots::{GENERATION_MASK, Key};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nobody waits for it: cancellations.
    Ignored,
    Accept,
    Receive,
    Send,
    /// The first or only entry of a file operation.
    File,
    /// The flush linked behind a write.
    LinkedFlush,
    /// Somebody wakes this core.
    Doorbell,
}

const KINDS: [Kind; 7] = [
    Kind::Ignored,
    Kind::Accept,
    Kind::Receive,
    Kind::Send,
    Kind::File,
    Kind::LinkedFlush,
    Kind::Doorbell,
];

/// `kind:8 | generation:24 | index:32`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tag {
    pub(super) kind: Kind,
    pub(super) key: Key,
}

impl Tag {
    pub(super) fn new(kind: Kind, key: Key) -> Tag {
        Tag { kind, key }
    }

    /// For kinds that have no slot.
    pub(super) fn bare(kind: Kind) -> Tag {
        Tag::new(
            kind,
            Key {
                index: 0,
                generation: 0,
            },
        )
    }

    pub(super) fn pack(self) -> u64 {
        (self.kind as u64) << 56 | u64::from(self.key.generation & GENERATION_MASK) << 32 | u64::from(self.key.index)
    }

    pub(super) fn unpack(bits: u64) -> Tag {
        Tag {
            kind: KINDS[(bits >> 56) as usize],
            key: Key {
                index: bits as u32,
                generation: (bits >> 32) as u32 & GENERATION_MASK,
            },
        }
    }
}
