//! A coordinator's records on their way to the log, by the same door as a client's batches.

use bytes::Bytes;
use corelane_protocol::{
    error_code::ErrorCode,
    records::{BatchHeader, Builder},
};

use super::{super::GroupRecord, step};
use crate::{
    core::{Core, Message},
    group::{AppendToken, Event},
    partition::{PartitionKey, ProduceCall, ProducePart},
    runtime::world::World,
};

/// A batch is closed when it has so many bytes; one record may be larger.
const BATCH_BYTES: usize = 256 * 1024;

/// Appends now, in order of calls; tells the coordinator when the last batch is durable or one was refused.
pub(super) fn run<W: World<Message = Message>>(
    core: &Core<W>,
    key: PartitionKey,
    life: u64,
    token: AppendToken,
    records: Vec<GroupRecord>,
) {
    let parts = batches(&records, core.world.wall_ms())
        .into_iter()
        .map(|batch| ProducePart {
            key,
            header: BatchHeader::parse(&batch).expect("built by us"),
            batch,
        })
        .collect();
    let answer = core.call(
        core.world.core(),
        ProduceCall {
            required_acks: -1,
            parts,
        },
    );
    let telling = core.clone();
    core.world.spawn("group append", async move {
        let refused = answer
            .await
            .results
            .into_iter()
            .map(|part| part.error_code)
            .find(|code| *code != ErrorCode::NONE);
        step(
            &telling,
            &key,
            life,
            Event::Appended {
                token,
                result: refused.map_or(Ok(()), Err),
            },
        );
    });
}

fn batches(records: &[GroupRecord], wall_ms: i64) -> Vec<Bytes> {
    let mut batches = Vec::new();
    let mut builder = Builder::new();
    for record in records {
        builder.push(wall_ms, Some(&record.key), record.value.as_deref());
        if builder.uncompressed_bytes() >= BATCH_BYTES {
            batches.push(std::mem::take(&mut builder).build());
        }
    }
    if builder.records_count() > 0 {
        batches.push(builder.build());
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Many records become several batches, in order, and none is lost.
    #[test]
    fn long_lists_are_cut() {
        let records: Vec<GroupRecord> = (0..10_000u32)
            .map(|index| GroupRecord {
                key: Bytes::copy_from_slice(&index.to_be_bytes()),
                value: Some(Bytes::from(vec![0; 100])),
            })
            .collect();
        let batches = batches(&records, 5);
        assert!(batches.len() > 3);
        let keys: Vec<Bytes> = batches
            .iter()
            .flat_map(|batch| corelane_protocol::records::records(batch).expect("a batch"))
            .map(|record| record.expect("a record").key.expect("with a key"))
            .collect();
        assert!(keys.iter().eq(records.iter().map(|record| &record.key)));
    }
}
