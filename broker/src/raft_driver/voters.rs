//! The entry that names a group's voters, as bytes: `u16 type | u16 version | u32 length`, then `i32 node | u128 storage
//! id` for each voter, little endian. The envelope is that of the metadata's records, so no value is both.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use corelane_raft::{VOTERS_MAX, VoterId, Voters};

const TYPE: u16 = 129;
const VERSION: u16 = 0;
const ENVELOPE_BYTES: usize = 8;
const VOTER_BYTES: usize = 20;

pub fn encode(voters: &Voters) -> Bytes {
    let body = voters.len() * VOTER_BYTES;
    let mut bytes = BytesMut::with_capacity(ENVELOPE_BYTES + body);
    bytes.put_u16_le(TYPE);
    bytes.put_u16_le(VERSION);
    bytes.put_u32_le(body as u32);
    for voter in voters.iter() {
        bytes.put_i32_le(voter.node);
        bytes.put_u128_le(voter.storage_id);
    }
    bytes.freeze()
}

/// None: the value is something else. The error is for an operator.
pub fn decode(mut value: &[u8]) -> Result<Option<Voters>, String> {
    if value.len() < ENVELOPE_BYTES || value.get_u16_le() != TYPE {
        return Ok(None);
    }
    let (version, body) = (value.get_u16_le(), value.get_u32_le() as usize);
    let count = body / VOTER_BYTES;
    if version > VERSION || body != value.len() || !body.is_multiple_of(VOTER_BYTES) || count > VOTERS_MAX {
        return Err(format!(
            "voters of version {version} with {body} bytes are not readable"
        ));
    }
    let voter = |_| VoterId {
        node: value.get_i32_le(),
        storage_id: value.get_u128_le(),
    };
    Ok(Some((0..count).map(voter).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: what is written is read, nothing else is taken for it, and damage is an error.
    #[test]
    fn voters_are_read_as_written() {
        let voters: Voters = (1..4).map(|node| VoterId { node, storage_id: 7 }).collect();
        let bytes = encode(&voters);
        assert_eq!(decode(&bytes), Ok(Some(voters)));
        assert_eq!(bytes[..12], [129, 0, 0, 0, 60, 0, 0, 0, 1, 0, 0, 0]);
        assert_eq!(decode(b""), Ok(None));
        assert_eq!(decode(&crate::metadata::records::encode_leader_start()), Ok(None));
        assert!(decode(&bytes[..bytes.len() - 1]).is_err());
        let mut newer = bytes.to_vec();
        newer[2] = 1;
        assert!(decode(&newer).is_err());
    }
}
