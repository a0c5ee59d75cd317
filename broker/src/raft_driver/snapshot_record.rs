//! Which snapshot a group starts from, as bytes: `u8 version | u64 end | u32 term | u64 log start | u32 its term | voters`,
//! little endian; the voters as their entry in the log has them.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use corelane_raft::{Position, Snapshot, SnapshotSwitch};

use super::voters;

const VERSION: u8 = 0;
const FIXED_BYTES: usize = 25;

pub fn encode(switch: &SnapshotSwitch) -> Bytes {
    let mut bytes = BytesMut::new();
    bytes.put_u8(VERSION);
    for position in [switch.snapshot.id, switch.log_start] {
        bytes.put_u64_le(position.end);
        bytes.put_u32_le(position.term);
    }
    bytes.put_slice(&voters::encode(&switch.snapshot.voters));
    bytes.freeze()
}

/// The snapshot, and where the log starts. The error is for an operator.
pub fn decode(mut bytes: &[u8]) -> Result<(Snapshot, Position), String> {
    if bytes.first().is_some_and(|version| *version > VERSION) {
        return Err(format!(
            "a snapshot's record of version {}, this release reads {VERSION}",
            bytes[0]
        ));
    }
    if bytes.len() < FIXED_BYTES {
        return Err(format!("a snapshot's record of {} bytes", bytes.len()));
    }
    bytes.advance(1);
    let mut position = || Position {
        end: bytes.get_u64_le(),
        term: bytes.get_u32_le(),
    };
    let (id, log_start) = (position(), position());
    let voters = voters::decode(bytes)?.ok_or("a snapshot's record names no voters")?;
    Ok((Snapshot { id, voters }, log_start))
}

#[cfg(test)]
mod tests {
    use corelane_raft::{VoterId, Voters};

    use super::*;

    /// Goal: what is written is read, and damage is an error.
    #[test]
    fn a_record_is_read_as_written() {
        let voters: Voters = (1..4).map(|node| VoterId { node, storage_id: 7 }).collect();
        let snapshot = Snapshot {
            id: Position { end: 900, term: 12 },
            voters,
        };
        let log_start = Position { end: 800, term: 11 };
        let bytes = encode(&SnapshotSwitch {
            snapshot: snapshot.clone(),
            log_start,
            discard_log: false,
        });
        assert_eq!(decode(&bytes), Ok((snapshot, log_start)));
        for len in 0..bytes.len() {
            assert!(decode(&bytes[..len]).is_err(), "{len} bytes");
        }
        let mut newer = bytes.to_vec();
        newer[0] = 1;
        assert!(decode(&newer).is_err());
    }
}
