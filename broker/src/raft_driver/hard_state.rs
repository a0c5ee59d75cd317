//! Term and vote as bytes: `u8 version | u32 term | u8 voted | i32 node | u128 storage id`, little endian.

use bytes::{BufMut, Bytes, BytesMut};
use corelane_raft::{HardState, VoterId};

const VERSION: u8 = 0;
const BYTES: usize = 26;

pub fn encode(state: &HardState) -> Bytes {
    let vote = state.vote.unwrap_or(VoterId { node: 0, storage_id: 0 });
    let mut bytes = BytesMut::with_capacity(BYTES);
    bytes.put_u8(VERSION);
    bytes.put_u32_le(state.term);
    bytes.put_u8(u8::from(state.vote.is_some()));
    bytes.put_i32_le(vote.node);
    bytes.put_u128_le(vote.storage_id);
    bytes.freeze()
}

/// The error is for an operator.
pub fn decode(bytes: &[u8]) -> Result<HardState, String> {
    if bytes.first().is_some_and(|version| *version > VERSION) {
        return Err(format!(
            "raft state of version {}, this release reads {VERSION}",
            bytes[0]
        ));
    }
    let bytes: &[u8; BYTES] = bytes
        .try_into()
        .map_err(|_| format!("raft state of {} bytes, expected {BYTES}", bytes.len()))?;
    let [_, t0, t1, t2, t3, voted, n0, n1, n2, n3, storage_id @ ..] = *bytes;
    let vote = VoterId {
        node: i32::from_le_bytes([n0, n1, n2, n3]),
        storage_id: u128::from_le_bytes(storage_id),
    };
    Ok(HardState {
        term: u32::from_le_bytes([t0, t1, t2, t3]),
        vote: (voted != 0).then_some(vote),
    })
}
