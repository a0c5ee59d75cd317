//! Raft's log as a log of the core's journal: offset = index, leader epoch = term, one record a batch and one batch an
//! entry. So it is recovered, checked and shown by the same code as any partition's.

use std::future::Future;

use bytes::Bytes;
use corelane_protocol::records::{Builder, batches, records as batch_records};
use corelane_raft::{Entry, HardState, LogView, Payload, Persist};
use corelane_storage::{LogConfig, LogId, LogSpec, StateKind, Store, Ticket, disk::Disk};
use uuid::Uuid;

use super::{hard_state, voters};
use crate::metadata::records;

/// Kafka's name and id of the topic that the cluster's metadata is.
pub const METADATA_TOPIC: &str = "__cluster_metadata";
pub const METADATA_TOPIC_ID: Uuid = Uuid::from_u128(1);

/// What a batch of one record has besides the record's value, at most: header, lengths, attributes.
const BATCH_OVERHEAD_BYTES: usize = 128;

/// Bytes that one read of the replay asks for.
const REPLAY_BYTES: usize = 1 << 20;

/// Text for an operator: the log cannot be read or written, and nothing may go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("metadata log: {0}")]
pub struct LogError(pub String);

#[derive(Clone, Debug, Default)]
pub struct RecoveredLog {
    pub hard_state: HardState,
    /// From index 0 on.
    pub entries: Vec<Entry>,
}

/// Where a group keeps its log. Cheap to clone; clones are the same log.
pub trait EntryLog: LogView + Clone + 'static {
    type Ticket: Copy + 'static;

    fn recover(&self) -> impl Future<Output = Result<RecoveredLog, LogError>>;

    /// Takes all of it at once; the ticket is for this and everything before.
    fn persist(&self, persist: &Persist, wall_ms: i64) -> Result<Self::Ticket, LogError>;

    fn wait_durable(&self, ticket: Self::Ticket) -> impl Future<Output = Result<(), LogError>> + 'static;

    /// Whether another entry should be appended now; asked again a little later.
    fn has_room(&self) -> bool;

    /// Bytes of the largest proposal that it takes.
    fn proposal_bytes_max(&self) -> usize;
}

/// The log in a core's [`Store`].
pub struct StoreLog<D: Disk> {
    store: Store<D>,
    id: LogId,
}

impl<D: Disk> Clone for StoreLog<D> {
    fn clone(&self) -> StoreLog<D> {
        StoreLog {
            store: self.store.clone(),
            id: self.id,
        }
    }
}

impl<D: Disk> StoreLog<D> {
    /// Finds the log, or makes it on a new disk. Retention never touches it.
    pub fn open(store: &Store<D>) -> StoreLog<D> {
        let config = LogConfig {
            segment_bytes: 64 << 20,
            segment_ms: i64::MAX,
            retention_ms: -1,
            retention_bytes: -1,
            delete: false,
            ..LogConfig::default()
        };
        let spec = LogSpec {
            topic_id: METADATA_TOPIC_ID,
            topic: METADATA_TOPIC.to_string(),
            partition: 0,
        };
        let id = store
            .find(METADATA_TOPIC_ID, 0)
            .unwrap_or_else(|| store.create(spec, config.clone()));
        store.configure(id, config);
        StoreLog {
            store: store.clone(),
            id,
        }
    }

    /// The log in the store, to fetch from.
    pub fn log_id(&self) -> LogId {
        self.id
    }

    fn append(&self, index: u64, entry: &Entry, wall_ms: i64) -> Result<Ticket, LogError> {
        let batch = encode_entry(index, entry, wall_ms);
        self.store
            .append(self.id, &batch, index as i64, entry.term as i32, None)
            .map_err(|error| LogError(error.to_string()))
    }
}

impl<D: Disk> EntryLog for StoreLog<D> {
    type Ticket = Option<Ticket>;

    async fn recover(&self) -> Result<RecoveredLog, LogError> {
        let info = self.store.logs().into_iter().find(|log| log.id == self.id);
        let info = info.ok_or_else(|| LogError("it is gone".into()))?;
        if let Some(damage) = info.damaged {
            return Err(LogError(damage.reason));
        }
        if info.start_offset != 0 {
            return Err(LogError(format!("it begins at {}, not at 0", info.start_offset)));
        }
        let hard_state = match self.store.state(self.id, StateKind::HardState) {
            Some(bytes) => hard_state::decode(&bytes).map_err(LogError)?,
            None => HardState::default(),
        };
        let mut entries: Vec<Entry> = Vec::new();
        while (entries.len() as i64) < info.end_offset {
            let from = entries.len() as i64;
            let read = self.store.read(self.id, from, info.end_offset, REPLAY_BYTES).await;
            let parts = read.map_err(|error| LogError(error.to_string()))?;
            decode_entries(&parts, &mut entries)?;
            if entries.len() as i64 == from {
                return Err(LogError(format!("nothing at index {from} of {}", info.end_offset)));
            }
        }
        Ok(RecoveredLog { hard_state, entries })
    }

    fn persist(&self, persist: &Persist, wall_ms: i64) -> Result<Option<Ticket>, LogError> {
        let mut ticket = None;
        if let Some(state) = &persist.hard_state {
            let bytes = hard_state::encode(state);
            ticket = Some(self.store.set_state(self.id, StateKind::HardState, bytes));
        }
        if let Some(end) = persist.truncate_to {
            ticket = Some(self.store.truncate(self.id, end as i64));
        }
        for (entry, index) in persist.append.iter().zip(persist.append_at..) {
            ticket = Some(self.append(index, entry, wall_ms)?);
        }
        Ok(ticket)
    }

    fn wait_durable(&self, ticket: Option<Ticket>) -> impl Future<Output = Result<(), LogError>> + 'static {
        let store = self.store.clone();
        async move {
            match ticket {
                Some(ticket) => store
                    .wait_durable(ticket)
                    .await
                    .map_err(|failed| LogError(failed.to_string())),
                None => Ok(()),
            }
        }
    }

    fn has_room(&self) -> bool {
        self.store.has_room()
    }

    fn proposal_bytes_max(&self) -> usize {
        self.store.batch_bytes_max().saturating_sub(BATCH_OVERHEAD_BYTES)
    }
}

impl<D: Disk> LogView for StoreLog<D> {
    fn entries(&self, from: u64, to: u64, bytes_max: usize) -> Vec<Entry> {
        let parts = self.store.read_tail(self.id, from as i64, to as i64, bytes_max);
        let mut entries = Vec::new();
        let read = decode_entries_at(from, &parts.unwrap_or_default(), &mut entries);
        read.expect("entries that this process wrote are in memory as they were written");
        entries
    }
}

/// One entry as a RecordBatch v2.
pub fn encode_entry(index: u64, entry: &Entry, wall_ms: i64) -> Bytes {
    let value = match &entry.payload {
        Payload::LeaderStart => records::encode_leader_start(),
        Payload::Voters(voters) => voters::encode(voters),
        Payload::Proposal(bytes) => bytes.clone(),
    };
    let mut builder = Builder::new().base_offset(index as i64).leader_epoch(entry.term as i32);
    builder.push(wall_ms, None, Some(&value));
    builder.build()
}

fn decode_entries(parts: &[Bytes], entries: &mut Vec<Entry>) -> Result<(), LogError> {
    let from = entries.len() as u64;
    decode_entries_at(from, parts, entries)
}

fn decode_entries_at(from: u64, parts: &[Bytes], entries: &mut Vec<Entry>) -> Result<(), LogError> {
    let mut index = from;
    for part in parts {
        for batch in batches(part) {
            let (header, batch) = batch.map_err(|error| LogError(format!("at index {index}: {error}")))?;
            if header.base_offset != index as i64 || header.records_count != 1 || header.partition_leader_epoch < 1 {
                return Err(LogError(format!(
                    "no entry at index {index}: offset {}, {} records, epoch {}",
                    header.base_offset, header.records_count, header.partition_leader_epoch
                )));
            }
            let record = batch_records(batch).and_then(|mut records| records.next().transpose());
            let record = record.map_err(|error| LogError(format!("at index {index}: {error}")))?;
            let value = record.and_then(|record| record.value).unwrap_or_default();
            let named = voters::decode(&value).map_err(|error| LogError(format!("at index {index}: {error}")))?;
            let payload = if records::is_leader_start(&value) {
                Payload::LeaderStart
            } else if let Some(voters) = named {
                Payload::Voters(voters)
            } else {
                Payload::Proposal(value)
            };
            entries.push(Entry {
                term: header.partition_leader_epoch as u32,
                payload,
            });
            index += 1;
        }
    }
    Ok(())
}
