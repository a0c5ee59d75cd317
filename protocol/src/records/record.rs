//! One record, and the walk over those of a batch.

use bytes::Bytes;

use super::compression::Compression;
use super::error::{BatchError, RecordFault};
use super::header::{BATCH_HEADER_BYTES, BatchHeader, TimestampType};
use super::varint::{take_varint, take_varlong};
use super::verify::DECOMPRESSED_BYTES_MAX;

/// A record with its place and time. Slices share the batch's (decompressed) bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub offset: i64,
    /// Milliseconds since 1970, -1 for none.
    pub timestamp: i64,
    pub key: Option<Bytes>,
    pub value: Option<Bytes>,
    pub headers: Vec<Header>,
}

/// A record's header. The key should be UTF-8, but nobody checks that on the way in; Kafka does not either.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    pub key: Bytes,
    pub value: Option<Bytes>,
}

/// The records of one batch, decompressed up to [`DECOMPRESSED_BYTES_MAX`]. Errors here mean that the batch was never
/// verified. The CRC is not looked at.
pub fn records(batch: &[u8]) -> Result<Records, BatchError> {
    let header = BatchHeader::parse(batch)?;
    let Some(batch) = batch.get(..header.batch_bytes()) else {
        return Err(BatchError::Truncated {
            need: header.batch_bytes(),
            have: batch.len(),
        });
    };
    let payload = &batch[BATCH_HEADER_BYTES..];
    let payload = match header.compression()? {
        Compression::None => Bytes::copy_from_slice(payload),
        codec => Bytes::from(codec.decompress(payload, DECOMPRESSED_BYTES_MAX)?),
    };
    Ok(Records {
        header,
        payload,
        taken: 0,
        at: 0,
    })
}

/// See [`records`].
#[derive(Clone, Debug)]
pub struct Records {
    header: BatchHeader,
    payload: Bytes,
    taken: i32,
    at: usize,
}

impl Records {
    pub fn batch_header(&self) -> &BatchHeader {
        &self.header
    }

    fn take(&mut self) -> Result<Record, RecordFault> {
        let mut rest = &self.payload[self.at..];
        let view = RecordView::take(&mut rest)?;
        let share = |slice: &[u8]| self.payload.slice_ref(slice);
        let record = Record {
            offset: self.header.base_offset.saturating_add(i64::from(view.offset_delta)),
            timestamp: view.timestamp(&self.header),
            key: view.key.map(share),
            value: view.value.map(share),
            headers: view
                .headers()
                .map(|(key, value)| Header {
                    key: share(key),
                    value: value.map(share),
                })
                .collect(),
        };
        self.at = self.payload.len() - rest.len();
        Ok(record)
    }
}

impl Iterator for Records {
    type Item = Result<Record, BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.taken >= self.header.records_count {
            return None;
        }
        let index = self.taken;
        self.taken += 1;
        Some(self.take().map_err(|fault| {
            self.taken = i32::MAX;
            BatchError::Record { index, fault }
        }))
    }
}

/// A record as it lies in the bytes; its headers have been walked once, so that walking them again cannot fail.
pub(super) struct RecordView<'a> {
    pub timestamp_delta: i64,
    pub offset_delta: i32,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    headers: &'a [u8],
}

impl<'a> RecordView<'a> {
    /// Takes a record off the front of `bytes`.
    pub fn take(bytes: &mut &'a [u8]) -> Result<RecordView<'a>, RecordFault> {
        let length = usize::try_from(take_varint(bytes)?).map_err(|_| RecordFault::Length)?;
        let (mut body, after) = bytes.split_at_checked(length).ok_or(RecordFault::Truncated)?;
        // Attributes: one byte without any meaning yet.
        body = body.split_first().ok_or(RecordFault::Truncated)?.1;
        let timestamp_delta = take_varlong(&mut body)?;
        let offset_delta = take_varint(&mut body)?;
        let key = take_nullable(&mut body)?;
        let value = take_nullable(&mut body)?;
        let count = take_varint(&mut body)?;
        if count < 0 {
            return Err(RecordFault::Length);
        }
        let headers = body;
        for _ in 0..count {
            take_header(&mut body)?;
        }
        if !body.is_empty() {
            return Err(RecordFault::Trailing);
        }
        *bytes = after;
        Ok(RecordView {
            timestamp_delta,
            offset_delta,
            key,
            value,
            headers,
        })
    }

    /// The record's time by the batch's rule.
    pub fn timestamp(&self, header: &BatchHeader) -> i64 {
        match header.timestamp_type() {
            TimestampType::LogAppendTime => header.max_timestamp,
            TimestampType::CreateTime => header.base_timestamp.wrapping_add(self.timestamp_delta),
        }
    }

    fn headers(&self) -> impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)> {
        let mut rest = self.headers;
        std::iter::from_fn(move || {
            if rest.is_empty() {
                None
            } else {
                take_header(&mut rest).ok()
            }
        })
    }
}

fn take_header<'a>(bytes: &mut &'a [u8]) -> Result<(&'a [u8], Option<&'a [u8]>), RecordFault> {
    let key = take_nullable(bytes)?.ok_or(RecordFault::Length)?;
    Ok((key, take_nullable(bytes)?))
}

fn take_nullable<'a>(bytes: &mut &'a [u8]) -> Result<Option<&'a [u8]>, RecordFault> {
    let length = take_varint(bytes)?;
    if length == -1 {
        return Ok(None);
    }
    let length = usize::try_from(length).map_err(|_| RecordFault::Length)?;
    let (taken, after) = bytes.split_at_checked(length).ok_or(RecordFault::Length)?;
    *bytes = after;
    Ok(Some(taken))
}
