//! A cursor over bytes from outside. Invariant: `at <= end <= bytes.len()`, so slicing cannot panic.

use super::{DecodeError, Problem, STRING_BYTES_MAX};
use bytes::Bytes;
use uuid::Uuid;

/// Reads Kafka's primitive types front to back.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    /// The buffer that `bytes` lies in, when known: then byte fields become slices of it and are not copied.
    owner: Option<&'a Bytes>,
    at: usize,
    /// One past the last byte that may be read; below `bytes.len()` only inside a tagged field.
    end: usize,
    items_max: usize,
    /// Array elements seen so far, by their arrays' counts.
    items: usize,
}

impl<'a> Reader<'a> {
    /// Reads `bytes`; byte fields will be copied out.
    pub fn new(bytes: &'a [u8]) -> Self {
        Reader {
            bytes,
            owner: None,
            at: 0,
            end: bytes.len(),
            items_max: usize::MAX,
            items: 0,
        }
    }

    /// Reads `bytes`; byte fields will share the buffer.
    pub fn sharing(bytes: &'a Bytes) -> Self {
        Reader {
            bytes,
            owner: Some(bytes),
            at: 0,
            end: bytes.len(),
            items_max: usize::MAX,
            items: 0,
        }
    }

    /// Refuses arrays that together have more elements: few bytes may stand for many of them, and each costs whoever reads it.
    pub fn with_items_max(self, items_max: usize) -> Self {
        Reader { items_max, ..self }
    }

    /// Bytes not yet read.
    pub fn remaining(&self) -> usize {
        self.end - self.at
    }

    /// Bytes read so far.
    pub fn position(&self) -> usize {
        self.at
    }

    /// Everything not yet read.
    pub fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..self.end]
    }

    /// An error about the value that begins here.
    pub fn error(&self, problem: Problem) -> DecodeError {
        DecodeError { at: self.at, problem }
    }

    /// The next `count` bytes.
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        if count > self.remaining() {
            return Err(self.error(Problem::Short {
                needed: count,
                remaining: self.remaining(),
            }));
        }
        let taken = &self.bytes[self.at..self.at + count];
        self.at += count;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    pub fn i8(&mut self) -> Result<i8, DecodeError> {
        Ok(i8::from_be_bytes(self.array()?))
    }

    pub fn i16(&mut self) -> Result<i16, DecodeError> {
        Ok(i16::from_be_bytes(self.array()?))
    }

    pub fn u16(&mut self) -> Result<u16, DecodeError> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    pub fn i32(&mut self) -> Result<i32, DecodeError> {
        Ok(i32::from_be_bytes(self.array()?))
    }

    pub fn i64(&mut self) -> Result<i64, DecodeError> {
        Ok(i64::from_be_bytes(self.array()?))
    }

    pub fn f64(&mut self) -> Result<f64, DecodeError> {
        Ok(f64::from_be_bytes(self.array()?))
    }

    /// Any byte but 0 is true, as in Kafka.
    pub fn bool(&mut self) -> Result<bool, DecodeError> {
        Ok(self.i8()? != 0)
    }

    pub fn uuid(&mut self) -> Result<Uuid, DecodeError> {
        Ok(Uuid::from_bytes(self.array()?))
    }

    /// Unsigned LEB128 of at most 32 bits.
    pub fn unsigned_varint(&mut self) -> Result<u32, DecodeError> {
        let value = self.unsigned_varlong_of(5)?;
        u32::try_from(value).map_err(|_| self.error(Problem::Varint))
    }

    /// Zigzag varint of at most 32 bits.
    pub fn varint(&mut self) -> Result<i32, DecodeError> {
        let raw = self.unsigned_varint()?;
        Ok((raw >> 1) as i32 ^ -((raw & 1) as i32))
    }

    /// Zigzag varint of at most 64 bits.
    pub fn varlong(&mut self) -> Result<i64, DecodeError> {
        let raw = self.unsigned_varlong_of(10)?;
        Ok((raw >> 1) as i64 ^ -((raw & 1) as i64))
    }

    fn unsigned_varlong_of(&mut self, bytes_max: usize) -> Result<u64, DecodeError> {
        let start = self.at;
        let mut value = 0u64;
        for index in 0..bytes_max {
            let byte = self.take(1)?[0];
            let bits = u64::from(byte & 0x7f);
            let shift = 7 * index as u32;
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(DecodeError {
            at: start,
            problem: Problem::Varint,
        })
    }

    /// The length of a nullable thing that lies in front of it; `None` for null. `narrow` is the older form's width.
    fn length(&mut self, flexible: bool, narrow: bool) -> Result<Option<usize>, DecodeError> {
        let start = self.at;
        let length = match (flexible, narrow) {
            (true, _) => i64::from(self.unsigned_varint()?) - 1,
            (false, true) => i64::from(self.i16()?),
            (false, false) => i64::from(self.i32()?),
        };
        match length {
            -1 => Ok(None),
            0.. if length <= self.remaining() as i64 => Ok(Some(length as usize)),
            _ => Err(DecodeError {
                at: start,
                problem: Problem::Length(length),
            }),
        }
    }

    /// A string, borrowed; `None` for null.
    pub fn nullable_str(&mut self, flexible: bool) -> Result<Option<&'a str>, DecodeError> {
        let start = self.at;
        let Some(length) = self.length(flexible, true)? else {
            return Ok(None);
        };
        if length > STRING_BYTES_MAX {
            return Err(DecodeError {
                at: start,
                problem: Problem::Length(length as i64),
            });
        }
        let raw = self.take(length)?;
        let text = simdutf8::basic::from_utf8(raw).map_err(|_| DecodeError {
            at: start,
            problem: Problem::Utf8,
        })?;
        Ok(Some(text))
    }

    /// A string that may not be null, borrowed.
    pub fn str(&mut self, flexible: bool) -> Result<&'a str, DecodeError> {
        let start = self.at;
        self.nullable_str(flexible)?.ok_or(DecodeError {
            at: start,
            problem: Problem::Null,
        })
    }

    /// A byte field (also one of type records), borrowed; `None` for null.
    pub fn nullable_slice(&mut self, flexible: bool) -> Result<Option<&'a [u8]>, DecodeError> {
        self.length(flexible, false)?
            .map(|length| self.take(length))
            .transpose()
    }

    /// A byte field; shares the input's buffer if the reader was made by [`Reader::sharing`].
    pub fn nullable_bytes(&mut self, flexible: bool) -> Result<Option<Bytes>, DecodeError> {
        let slice = self.nullable_slice(flexible)?;
        Ok(slice.map(|slice| match self.owner {
            Some(owner) if !slice.is_empty() => owner.slice_ref(slice),
            _ => Bytes::copy_from_slice(slice),
        }))
    }

    /// The number of elements of an array; `None` for null. At most the number of bytes that remain, since no
    /// element of Kafka's is empty.
    pub fn array_count(&mut self, flexible: bool) -> Result<Option<usize>, DecodeError> {
        let start = self.at;
        let count = self.length(flexible, false)?;
        self.items = self.items.saturating_add(count.unwrap_or(0));
        if self.items > self.items_max {
            return Err(DecodeError {
                at: start,
                problem: Problem::Items(self.items_max),
            });
        }
        Ok(count)
    }

    /// Reads a tagged field section. `known(tag, reader)` reads the value if it knows the tag and says so; an unknown
    /// one is skipped. A known value must fill its stated size.
    pub fn tagged_fields(
        &mut self,
        mut known: impl FnMut(u32, &mut Self) -> Result<bool, DecodeError>,
    ) -> Result<(), DecodeError> {
        for _ in 0..self.unsigned_varint()? {
            let tag = self.unsigned_varint()?;
            let size = self.unsigned_varint()? as usize;
            if size > self.remaining() {
                return Err(self.error(Problem::Short {
                    needed: size,
                    remaining: self.remaining(),
                }));
            }
            let outer_end = self.end;
            self.end = self.at + size;
            let was_known = known(tag, self)?;
            if was_known && self.at != self.end {
                return Err(self.error(Problem::TaggedSize {
                    tag,
                    left: self.remaining(),
                }));
            }
            self.at = self.end;
            self.end = outer_end;
        }
        Ok(())
    }
}
