//! Makes a batch from records: for the broker's own logs, for clients of ours and for tests.

use bytes::{BufMut, Bytes, BytesMut};

use super::compression::Compression;
use super::control::ControlRecord;
use super::header::{
    BATCH_HEADER_BYTES, LENGTH_PREFIX_BYTES, MAGIC, NO_PARTITION_LEADER_EPOCH, NO_PRODUCER_EPOCH, NO_PRODUCER_ID,
    NO_SEQUENCE, NO_TIMESTAMP, attributes, seal,
};
use super::varint::{put_varint, put_varlong};

/// A batch in the making. Records get the next offset delta unless told otherwise.
#[derive(Clone, Debug)]
pub struct Builder {
    base_offset: i64,
    leader_epoch: i32,
    compression: Compression,
    append_time_ms: Option<i64>,
    transactional: bool,
    control: bool,
    producer_id: i64,
    producer_epoch: i16,
    base_sequence: i32,
    base_timestamp: i64,
    max_timestamp: i64,
    records_count: i32,
    next_offset_delta: i32,
    last_offset_delta: Option<i32>,
    records: BytesMut,
    /// A record's body, whose length goes before it.
    body: BytesMut,
}

impl Default for Builder {
    fn default() -> Self {
        Builder::new()
    }
}

impl Builder {
    /// An empty batch at offset 0, without producer, compression or leader epoch.
    pub fn new() -> Builder {
        Builder {
            base_offset: 0,
            leader_epoch: NO_PARTITION_LEADER_EPOCH,
            compression: Compression::None,
            append_time_ms: None,
            transactional: false,
            control: false,
            producer_id: NO_PRODUCER_ID,
            producer_epoch: NO_PRODUCER_EPOCH,
            base_sequence: NO_SEQUENCE,
            base_timestamp: NO_TIMESTAMP,
            max_timestamp: NO_TIMESTAMP,
            records_count: 0,
            next_offset_delta: 0,
            last_offset_delta: None,
            records: BytesMut::new(),
            body: BytesMut::new(),
        }
    }

    pub fn compression(mut self, compression: Compression) -> Builder {
        self.compression = compression;
        self
    }

    pub fn base_offset(mut self, base_offset: i64) -> Builder {
        self.base_offset = base_offset;
        self
    }

    pub fn leader_epoch(mut self, leader_epoch: i32) -> Builder {
        self.leader_epoch = leader_epoch;
        self
    }

    pub fn producer(mut self, producer_id: i64, producer_epoch: i16, base_sequence: i32) -> Builder {
        self.producer_id = producer_id;
        self.producer_epoch = producer_epoch;
        self.base_sequence = base_sequence;
        self
    }

    pub fn transactional(mut self, transactional: bool) -> Builder {
        self.transactional = transactional;
        self
    }

    pub fn control(mut self, control: bool) -> Builder {
        self.control = control;
        self
    }

    /// Makes the batch's timestamp type LogAppendTime with this time for all records.
    pub fn append_time(mut self, append_time_ms: i64) -> Builder {
        self.append_time_ms = Some(append_time_ms);
        self
    }

    /// For a compacted batch, which keeps its offset range though its last records are gone.
    pub fn last_offset_delta(mut self, last_offset_delta: i32) -> Builder {
        self.last_offset_delta = Some(last_offset_delta);
        self
    }

    pub fn push(&mut self, timestamp: i64, key: Option<&[u8]>, value: Option<&[u8]>) -> &mut Builder {
        self.push_at(self.next_offset_delta, timestamp, key, value, &[])
    }

    pub fn push_with_headers(
        &mut self,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[(&[u8], Option<&[u8]>)],
    ) -> &mut Builder {
        self.push_at(self.next_offset_delta, timestamp, key, value, headers)
    }

    pub fn push_control(&mut self, timestamp: i64, record: ControlRecord) -> &mut Builder {
        self.control = true;
        let (key, value) = record.encode();
        self.push(timestamp, Some(&key), Some(&value))
    }

    /// Adds a record at a given offset delta, which leaves a gap where compaction took records.
    pub fn push_at(
        &mut self,
        offset_delta: i32,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[(&[u8], Option<&[u8]>)],
    ) -> &mut Builder {
        if self.records_count == 0 {
            self.base_timestamp = timestamp;
        }
        self.max_timestamp = self.max_timestamp.max(timestamp);
        self.records_count += 1;
        self.next_offset_delta = offset_delta + 1;
        let body = &mut self.body;
        body.clear();
        body.put_u8(0);
        put_varlong(body, timestamp.wrapping_sub(self.base_timestamp));
        put_varint(body, offset_delta);
        put_nullable(body, key);
        put_nullable(body, value);
        put_varint(body, headers.len() as i32);
        for (key, value) in headers {
            put_nullable(body, Some(key));
            put_nullable(body, *value);
        }
        put_varint(&mut self.records, body.len() as i32);
        self.records.put_slice(body);
        self
    }

    pub fn records_count(&self) -> i32 {
        self.records_count
    }

    /// Bytes of the batch if it were built now without compression.
    pub fn uncompressed_bytes(&self) -> usize {
        BATCH_HEADER_BYTES + self.records.len()
    }

    /// The finished batch. The builder stays as it is.
    pub fn build(&self) -> Bytes {
        let compressed;
        let records: &[u8] = match self.compression {
            Compression::None => &self.records,
            codec => {
                compressed = codec.compress(&self.records);
                &compressed
            }
        };
        let mut out = BytesMut::with_capacity(BATCH_HEADER_BYTES + records.len());
        out.put_i64(self.base_offset);
        out.put_i32((BATCH_HEADER_BYTES - LENGTH_PREFIX_BYTES + records.len()) as i32);
        out.put_i32(self.leader_epoch);
        out.put_i8(MAGIC);
        out.put_u32(0); // The CRC, once the rest is there.
        out.put_i16(attributes(
            self.compression,
            self.append_time_ms.is_some(),
            self.transactional,
            self.control,
        ));
        out.put_i32(self.last_offset_delta.unwrap_or(self.next_offset_delta - 1).max(0));
        out.put_i64(self.base_timestamp);
        out.put_i64(self.append_time_ms.unwrap_or(self.max_timestamp));
        out.put_i64(self.producer_id);
        out.put_i16(self.producer_epoch);
        out.put_i32(self.base_sequence);
        out.put_i32(self.records_count);
        out.put_slice(records);
        seal(&mut out);
        out.freeze()
    }
}

fn put_nullable(out: &mut BytesMut, bytes: Option<&[u8]>) {
    match bytes {
        None => put_varint(out, -1),
        Some(bytes) => {
            put_varint(out, bytes.len() as i32);
            out.put_slice(bytes);
        }
    }
}
