//! Control records: what the broker itself writes into a log, for clients to skip. Keys and values are versioned.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::error::RecordFault;
use super::record::Record;

/// A record of a control batch (Kafka's `ControlRecordType` and `EndTransactionMarker`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ControlRecord {
    Abort(EndTransactionMarker),
    Commit(EndTransactionMarker),
    /// Of a later Kafka or of KRaft: its type number. Readers pass over it.
    Other(i16),
}

/// What a transaction coordinator leaves at a transaction's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndTransactionMarker {
    pub coordinator_epoch: i32,
}

impl ControlRecord {
    /// Reads a record of a batch whose control bit is set.
    pub fn parse(record: &Record) -> Result<ControlRecord, RecordFault> {
        let mut key = record.key.as_deref().ok_or(RecordFault::Control)?;
        let version = key.try_get_i16().map_err(|_| RecordFault::Control)?;
        let kind = key.try_get_i16().map_err(|_| RecordFault::Control)?;
        if version < 0 {
            return Err(RecordFault::Control);
        }
        match kind {
            0 => Ok(ControlRecord::Abort(EndTransactionMarker::parse(record)?)),
            1 => Ok(ControlRecord::Commit(EndTransactionMarker::parse(record)?)),
            other => Ok(ControlRecord::Other(other)),
        }
    }

    /// Key and value of the record; an [`ControlRecord::Other`] has an empty value.
    pub fn encode(&self) -> (Bytes, Bytes) {
        let (kind, marker) = match self {
            ControlRecord::Abort(marker) => (0, Some(marker)),
            ControlRecord::Commit(marker) => (1, Some(marker)),
            ControlRecord::Other(kind) => (*kind, None),
        };
        let mut key = BytesMut::with_capacity(4);
        key.put_i16(0);
        key.put_i16(kind);
        let mut value = BytesMut::with_capacity(6);
        if let Some(marker) = marker {
            value.put_i16(0);
            value.put_i32(marker.coordinator_epoch);
        }
        (key.freeze(), value.freeze())
    }
}

impl EndTransactionMarker {
    fn parse(record: &Record) -> Result<EndTransactionMarker, RecordFault> {
        let mut value = record.value.as_deref().ok_or(RecordFault::Control)?;
        let version = value.try_get_i16().map_err(|_| RecordFault::Control)?;
        if version < 0 {
            return Err(RecordFault::Control);
        }
        Ok(EndTransactionMarker {
            coordinator_epoch: value.try_get_i32().map_err(|_| RecordFault::Control)?,
        })
    }
}
