//! What consumers put into their JoinGroup metadata (Kafka: `ConsumerProtocol`). The broker only wants the topics, which
//! stand first in every version, so it depends on none of the later ones.

use corelane_protocol::wire::{DecodeError, Reader};

/// The topics of a `ConsumerProtocolSubscription` of any version.
pub(super) fn topics(metadata: &[u8]) -> Result<Vec<String>, DecodeError> {
    let mut r = Reader::new(metadata);
    r.i16()?;
    let mut topics = Vec::new();
    for _ in 0..r.array_count(false)?.unwrap_or(0) {
        topics.push(r.str(false)?.to_string());
    }
    Ok(topics)
}
