//! Zigzag variable-length numbers inside records (the wire's own lengths are unsigned; see Kafka's `ByteUtils`).

use bytes::{BufMut, BytesMut};

use super::error::RecordFault;

/// Takes a zigzag number of at most 10 bytes off the front of `bytes`.
pub(super) fn take_varlong(bytes: &mut &[u8]) -> Result<i64, RecordFault> {
    let mut value = 0u64;
    for index in 0..10 {
        let Some(&byte) = bytes.get(index) else {
            return Err(RecordFault::Truncated);
        };
        // The tenth byte has room for one bit.
        if index == 9 && byte > 1 {
            return Err(RecordFault::Varint);
        }
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            *bytes = &bytes[index + 1..];
            return Ok((value >> 1) as i64 ^ -((value & 1) as i64));
        }
    }
    Err(RecordFault::Varint)
}

/// Takes a zigzag number of at most 5 bytes off the front of `bytes`.
pub(super) fn take_varint(bytes: &mut &[u8]) -> Result<i32, RecordFault> {
    if let Some((&byte, rest)) = bytes.split_first()
        && byte & 0x80 == 0
    {
        *bytes = rest;
        return Ok(i32::from(byte >> 1) ^ -i32::from(byte & 1));
    }
    let before = bytes.len();
    let value = take_varlong(bytes)?;
    if before - bytes.len() > 5 {
        return Err(RecordFault::Varint);
    }
    i32::try_from(value).map_err(|_| RecordFault::Varint)
}

pub(super) fn put_varlong(out: &mut BytesMut, value: i64) {
    let mut rest = ((value << 1) ^ (value >> 63)) as u64;
    while rest >= 0x80 {
        out.put_u8(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.put_u8(rest as u8);
}

pub(super) fn put_varint(out: &mut BytesMut, value: i32) {
    put_varlong(out, i64::from(value));
}
