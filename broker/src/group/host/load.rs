//! Reads a partition of `__consumer_offsets` from its start to where it ended when leadership began, and feeds it to the
//! coordinator. Gives way every few records, so that a long log does not hold up the core.

use std::time::Duration;

use bytes::Bytes;
use corelane_protocol::records::{self, BatchError};
use corelane_storage::LogId;

use super::{super::GroupRecord, step};
use crate::{
    core::{Core, Message},
    group::Event,
    partition::PartitionKey,
    runtime::world::World,
};

/// Bytes read at once.
const CHUNK_BYTES: usize = 64 * 1024;
/// Records replayed at a stretch, about 100 µs.
const RECORDS_PER_STEP: usize = 128;
/// How often to look whether the last records before leadership have become durable.
const DURABLE_POLL: Duration = Duration::from_millis(2);

pub(super) async fn run<W: World<Message = Message>>(core: Core<W>, key: PartitionKey, life: u64) {
    let begun = core.world.now();
    match read_all(&core, &key, life).await {
        Ok(count) => {
            step(&core, &key, life, Event::Loaded);
            if count > 0 {
                let took_ms = core.world.now().since(begun).as_millis() as u64;
                tracing::info!(partition = key.partition, records = count, took_ms, "groups loaded");
            }
        }
        Err(reason) => {
            // Wrong offsets would be worse than none: its groups stay without a coordinator until somebody mends the log.
            tracing::error!(
                partition = key.partition,
                reason,
                "the groups of a partition cannot be loaded"
            );
        }
    }
}

/// The number of records read.
async fn read_all<W: World<Message = Message>>(core: &Core<W>, key: &PartitionKey, life: u64) -> Result<u64, String> {
    let store = core.store();
    let Some(log) = log_of(core, key) else { return Ok(0) };
    if let Some(damage) = store.damage_of(log) {
        return Err(damage.reason);
    }
    let gone = "the log is gone";
    let upto = store.end_offset(log).ok_or(gone)?;
    while high_watermark(core, key).is_some_and(|high_watermark| high_watermark < upto) {
        core.world.sleep(DURABLE_POLL).await;
    }
    let mut from = store.start_offset(log).ok_or(gone)?;
    let mut count = 0;
    while from < upto {
        let slices = store
            .read(log, from, upto, CHUNK_BYTES)
            .await
            .map_err(|error| error.to_string())?;
        let mut loaded = Vec::new();
        let next = decode(&slices, &mut loaded).map_err(|error| format!("at offset {from}: {error}"))?;
        if next <= from {
            return Err(format!("nothing to read at offset {from} below {upto}"));
        }
        from = next;
        count += loaded.len() as u64;
        for records in loaded.chunks(RECORDS_PER_STEP) {
            step(core, key, life, Event::Load(records.to_vec()));
            core.world.yield_now().await;
        }
    }
    Ok(count)
}

/// Takes the records of whole batches; says which offset comes next.
fn decode(slices: &[Bytes], into: &mut Vec<GroupRecord>) -> Result<i64, BatchError> {
    let mut next = 0;
    for slice in slices {
        for batch in records::batches(slice) {
            let (header, batch) = batch?;
            next = header.next_offset();
            // Control batches end transactions, of which there are none yet.
            if header.is_control() {
                continue;
            }
            for record in records::records(batch)? {
                let record = record?;
                into.push(GroupRecord {
                    key: record.key.unwrap_or_default(),
                    value: record.value,
                });
            }
        }
    }
    Ok(next)
}

fn log_of<W: World<Message = Message>>(core: &Core<W>, key: &PartitionKey) -> Option<LogId> {
    core.partitions.borrow().get(key).map(|partition| partition.log)
}

fn high_watermark<W: World<Message = Message>>(core: &Core<W>, key: &PartitionKey) -> Option<i64> {
    core.partitions
        .borrow()
        .get(key)
        .map(|partition| partition.replica.high_watermark())
}
