//! Raft's logs as logs of the core's store: offset = index, leader epoch = term, one record a batch and one batch an
//! entry. So they are recovered, checked and shown by the same code as any partition's. They are the partitions of one
//! topic, each with its group's number. A snapshot is a file beside the log's segments, and a state of the log names the one
//! that counts.

use std::{collections::BTreeMap, future::Future};

use bytes::Bytes;
use corelane_protocol::records::{Builder, batches, records as batch_records};
use corelane_raft::{Entry, GroupId, HardState, LogView, Payload, Persist, Position, Snapshot, SnapshotSwitch};
use corelane_storage::{Damage, LogConfig, LogId, LogSpec, SnapshotId, StateKind, Store, Ticket, disk::Disk};
use uuid::Uuid;

use super::{
    hard_state,
    journal::{GroupLog, Journal, LogError, RecoveredLog, RecoveredSnapshot},
    snapshot_record,
    snapshots::State,
    voters,
};
use crate::metadata::{records, snapshot::Reader};

/// Kafka's name and id of the topic that the cluster's metadata is.
pub const METADATA_TOPIC: &str = "__cluster_metadata";
pub const METADATA_TOPIC_ID: Uuid = Uuid::from_u128(1);

/// What a batch of one record has besides the record's value, at most: header, lengths, attributes.
const BATCH_OVERHEAD_BYTES: usize = 128;

/// Bytes that one read of the replay asks for.
const REPLAY_BYTES: usize = 1 << 20;

/// The groups' logs in a core's [`Store`].
pub struct StoreJournal<D: Disk>(Store<D>);

impl<D: Disk> Clone for StoreJournal<D> {
    fn clone(&self) -> StoreJournal<D> {
        StoreJournal(self.0.clone())
    }
}

impl<D: Disk> StoreJournal<D> {
    pub fn new(store: &Store<D>) -> StoreJournal<D> {
        StoreJournal(store.clone())
    }
}

impl<D: Disk> Journal for StoreJournal<D> {
    type Ticket = Ticket;
    type Log = StoreLog<D>;

    fn logs(&self, groups: &[GroupId]) -> Vec<StoreLog<D>> {
        let held: BTreeMap<i32, _> = self
            .0
            .logs()
            .into_iter()
            .filter(|log| log.spec.topic_id == METADATA_TOPIC_ID)
            .map(|log| (log.spec.partition, (log.id, log.damaged)))
            .collect();
        let open = |group: &GroupId| {
            let partition = *group as i32;
            let (id, damaged) = held.get(&partition).cloned().unwrap_or_else(|| {
                let spec = LogSpec {
                    topic_id: METADATA_TOPIC_ID,
                    topic: METADATA_TOPIC.to_string(),
                    partition,
                };
                let id = self.0.create(spec, log_config());
                (id, self.0.damage_of(id))
            });
            StoreLog {
                store: self.0.clone(),
                id,
                damaged,
            }
        };
        groups.iter().map(open).collect()
    }

    fn wait_durable(&self, ticket: Ticket) -> impl Future<Output = Result<(), LogError>> + 'static {
        let store = self.0.clone();
        async move {
            let durable = store.wait_durable(ticket).await;
            durable.map_err(|failed| LogError(failed.to_string()))
        }
    }

    fn has_room(&self) -> bool {
        self.0.has_journal_room()
    }

    fn proposal_bytes_max(&self) -> usize {
        self.0.batch_bytes_max().saturating_sub(BATCH_OVERHEAD_BYTES)
    }
}

/// Retention never touches these logs.
fn log_config() -> LogConfig {
    LogConfig {
        segment_bytes: 64 << 20,
        segment_ms: i64::MAX,
        retention_ms: -1,
        retention_bytes: -1,
        delete: false,
        ..LogConfig::default()
    }
}

/// One group's log in the store.
pub struct StoreLog<D: Disk> {
    store: Store<D>,
    id: LogId,
    /// When it was opened.
    damaged: Option<Damage>,
}

impl<D: Disk> StoreLog<D> {
    fn append(&self, index: u64, entry: &Entry, wall_ms: i64) -> Result<Ticket, LogError> {
        let batch = encode_entry(index, entry, wall_ms);
        self.store
            .append(self.id, &batch, index as i64, entry.term as i32, None)
            .map_err(|error| LogError(error.to_string()))
    }

    /// The snapshot that counts, and where the log starts by it.
    fn snapshot(&self) -> Result<Option<(Snapshot, Position)>, LogError> {
        let record = self.store.state(self.id, StateKind::Snapshot);
        record
            .map(|bytes| snapshot_record::decode(&bytes).map_err(LogError))
            .transpose()
    }

    async fn recover_snapshot(&self) -> Result<Option<RecoveredSnapshot>, LogError> {
        let held = self.snapshot()?;
        let id = held.as_ref().map(|(snapshot, _)| snapshot_id(snapshot.id));
        self.store.remove_other_snapshots(self.id, id).await;
        let Some((snapshot, log_start)) = held else {
            return Ok(None);
        };
        let (mut reader, mut fault) = (Reader::new(), None);
        let feed = |piece: &[u8]| {
            if fault.is_none() {
                fault = reader.feed(piece).err();
            }
        };
        let read = self.store.read_snapshot(self.id, snapshot_id(snapshot.id), feed).await;
        read.map_err(|error| LogError(error.to_string()))?;
        let state = match fault {
            Some(fault) => Err(fault),
            None => reader.finish(),
        };
        let state = state.map_err(|error| LogError(format!("snapshot {:?}: {error}", snapshot.id)))?;
        Ok(Some(RecoveredSnapshot {
            snapshot,
            log_start,
            state,
        }))
    }

    /// A crash in between leaves a log that starts below where the record says; what is there is not read.
    fn switch_to(&self, switch: &SnapshotSwitch) -> Ticket {
        let record = snapshot_record::encode(switch);
        self.store.set_state(self.id, StateKind::Snapshot, record);
        self.store.advance_start(self.id, switch.log_start.end as i64)
    }
}

fn snapshot_id(id: Position) -> SnapshotId {
    SnapshotId {
        end_offset: id.end as i64,
        leader_epoch: id.term as i32,
    }
}

impl<D: Disk> GroupLog for StoreLog<D> {
    type Ticket = Ticket;

    async fn recover(&self) -> Result<RecoveredLog, LogError> {
        if let Some(damage) = &self.damaged {
            return Err(LogError(damage.reason.clone()));
        }
        let (start, end) = self
            .store
            .start_offset(self.id)
            .zip(self.store.end_offset(self.id))
            .ok_or_else(|| LogError("it is gone".into()))?;
        let snapshot = self.recover_snapshot().await?;
        let log_start = snapshot.as_ref().map_or(0, |snapshot| snapshot.log_start.end as i64);
        if start > log_start {
            return Err(LogError(format!("it begins at {start}, not at {log_start}")));
        }
        let hard_state = match self.store.state(self.id, StateKind::HardState) {
            Some(bytes) => hard_state::decode(&bytes).map_err(LogError)?,
            None => HardState::default(),
        };
        let mut entries: Vec<Entry> = Vec::new();
        let next = |entries: &Vec<Entry>| log_start + entries.len() as i64;
        while next(&entries) < end {
            let from = next(&entries);
            let read = self.store.read(self.id, from, end, REPLAY_BYTES).await;
            let parts = read.map_err(|error| LogError(error.to_string()))?;
            decode_entries(from as u64, &parts, &mut entries)?;
            if next(&entries) == from {
                return Err(LogError(format!("nothing at index {from} of {end}")));
            }
        }
        Ok(RecoveredLog {
            hard_state,
            snapshot,
            entries,
        })
    }

    fn persist(&self, persist: &Persist, wall_ms: i64) -> Result<Ticket, LogError> {
        let is_taken = |switch: &SnapshotSwitch| !switch.discard_log;
        assert!(
            persist.chunk.is_none() && persist.snapshot.as_ref().is_none_or(is_taken),
            "nobody sends snapshots yet"
        );
        let mut ticket = None;
        if let Some(state) = &persist.hard_state {
            let bytes = hard_state::encode(state);
            ticket = Some(self.store.set_state(self.id, StateKind::HardState, bytes));
        }
        // Two records where raft asks for one: with a snapshot that was taken here the hard state is the one that lasts
        // already.
        if let Some(switch) = &persist.snapshot {
            ticket = Some(self.switch_to(switch));
        }
        if let Some(end) = persist.truncate_to {
            ticket = Some(self.store.truncate(self.id, end as i64));
        }
        for (entry, index) in persist.append.iter().zip(persist.append_at..) {
            ticket = Some(self.append(index, entry, wall_ms)?);
        }
        Ok(ticket.expect("only what is not empty is persisted"))
    }

    fn write_snapshot(&self, id: Position, state: State) -> impl Future<Output = Result<bool, LogError>> + 'static {
        let (store, log, counts) = (self.store.clone(), self.id, self.snapshot());
        async move {
            let counts = counts?.map(|(snapshot, _)| snapshot_id(snapshot.id));
            store.remove_other_snapshots(log, counts).await;
            let written = store.write_snapshot(log, snapshot_id(id), state.pieces()).await;
            written.map_err(|error| LogError(error.to_string()))
        }
    }
}

impl<D: Disk> LogView for StoreLog<D> {
    fn entries(&self, from: u64, to: u64, bytes_max: usize) -> Vec<Entry> {
        let parts = self.store.read_tail(self.id, from as i64, to as i64, bytes_max);
        let mut entries = Vec::new();
        let read = decode_entries(from, &parts.unwrap_or_default(), &mut entries);
        read.expect("entries that this process wrote are in memory as they were written");
        entries
    }
}

/// One entry as a RecordBatch v2.
fn encode_entry(index: u64, entry: &Entry, wall_ms: i64) -> Bytes {
    let value = match &entry.payload {
        Payload::LeaderStart => records::encode_leader_start(),
        Payload::Voters(voters) => voters::encode(voters),
        Payload::Proposal(bytes) => bytes.clone(),
    };
    let mut builder = Builder::new().base_offset(index as i64).leader_epoch(entry.term as i32);
    builder.push(wall_ms, None, Some(&value));
    builder.build()
}

/// Adds the entries from index `from` on.
fn decode_entries(from: u64, parts: &[Bytes], entries: &mut Vec<Entry>) -> Result<(), LogError> {
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
