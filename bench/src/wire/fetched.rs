//! A walk over a Fetch answer that leaves the records where they are: decoding it into values would copy every byte
//! once more, and on one client CPU that copy is what would be measured.

use corelane_protocol::{
    error_code::ErrorCode,
    wire::{DecodeError, Problem, Reader},
};

pub struct FetchedPartition<'a> {
    pub topic: &'a str,
    pub index: i32,
    pub error_code: ErrorCode,
    /// Whole batches; the last may be cut off.
    pub records: &'a [u8],
}

/// What stands before the partitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    pub error_code: ErrorCode,
    pub id: i32,
}

/// Reads the body of an answer of version 7 to 12 and hands out its partitions.
///
/// # Errors
/// When the bytes are no such answer.
pub fn fetched<'a>(
    r: &mut Reader<'a>,
    version: i16,
    mut take: impl FnMut(FetchedPartition<'a>),
) -> Result<Session, DecodeError> {
    let flexible = version >= 12;
    r.i32()?; // Throttle time.
    let session = Session {
        error_code: ErrorCode(r.i16()?),
        id: r.i32()?,
    };
    for _ in 0..count(r, flexible)? {
        let topic = r.str(flexible)?;
        for _ in 0..count(r, flexible)? {
            take(partition(r, version, flexible, topic)?);
        }
        skip_tagged(r, flexible)?;
    }
    skip_tagged(r, flexible)?;
    Ok(session)
}

fn partition<'a>(
    r: &mut Reader<'a>,
    version: i16,
    flexible: bool,
    topic: &'a str,
) -> Result<FetchedPartition<'a>, DecodeError> {
    let index = r.i32()?;
    let error_code = ErrorCode(r.i16()?);
    r.take(24)?; // High watermark, last stable offset, log start offset.
    for _ in 0..r.array_count(flexible)?.unwrap_or_default() {
        r.take(16)?; // Producer id and first offset of an aborted transaction.
        skip_tagged(r, flexible)?;
    }
    if version >= 11 {
        r.i32()?; // Preferred read replica.
    }
    let records = r.nullable_slice(flexible)?.unwrap_or_default();
    skip_tagged(r, flexible)?;
    Ok(FetchedPartition {
        topic,
        index,
        error_code,
        records,
    })
}

fn count(r: &mut Reader<'_>, flexible: bool) -> Result<usize, DecodeError> {
    let null = r.error(Problem::Null);
    r.array_count(flexible)?.ok_or(null)
}

fn skip_tagged(r: &mut Reader<'_>, flexible: bool) -> Result<(), DecodeError> {
    if flexible {
        r.tagged_fields(|_, _| Ok(false))
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use corelane_protocol::{
        message::Message,
        messages::fetch::{AbortedTransaction, FetchResponse, FetchableTopicResponse, PartitionData},
    };

    use super::*;

    /// Goal: the walk sees what the protocol's own encoder wrote, in every version that it reads.
    #[test]
    fn sees_what_was_encoded() {
        let partition = |index, records: &'static [u8]| PartitionData {
            partition_index: index,
            error_code: ErrorCode::NONE,
            high_watermark: 40,
            aborted_transactions: Some(vec![AbortedTransaction::default()]),
            records: vec![Bytes::from_static(records)],
            ..Default::default()
        };
        let answer = FetchResponse {
            session_id: 9,
            responses: vec![FetchableTopicResponse {
                topic: "t".to_owned(),
                partitions: vec![partition(0, b"first"), partition(5, b"")],
                ..Default::default()
            }],
            ..Default::default()
        };
        for version in 7..=12 {
            let bytes = answer.to_bytes(version);
            let mut seen = Vec::new();
            let mut reader = Reader::new(&bytes);
            let session = fetched(&mut reader, version, |partition| {
                seen.push((partition.topic, partition.index, partition.records));
            });
            assert_eq!(session.unwrap().id, 9);
            assert_eq!(seen, [("t", 0, &b"first"[..]), ("t", 5, &b""[..])], "version {version}");
            assert_eq!(reader.remaining(), 0);
        }
    }
}
