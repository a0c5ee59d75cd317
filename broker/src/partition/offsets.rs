//! Questions about offsets: by timestamp (ListOffsets) and by leader epoch (OffsetForLeaderEpoch, KIP-320).

use corelane_protocol::error_code::ErrorCode;
use corelane_storage::ReadError;

use super::PartitionKey;
use crate::{
    core::{Core, Message},
    log_limit::Verdict,
    runtime::world::World,
};

/// Special timestamps of ListOffsets (Kafka's `ListOffsetsRequest`).
pub mod timestamp {
    /// The high watermark.
    pub const LATEST: i64 = -1;
    /// The log start.
    pub const EARLIEST: i64 = -2;
    /// The record with the largest timestamp (KIP-734).
    pub const MAX: i64 = -3;
    /// The first offset on local disks (KIP-405).
    pub const EARLIEST_LOCAL: i64 = -4;
    /// The last offset in tiered storage (KIP-1005); there is none.
    pub const LATEST_TIERED: i64 = -5;
    /// The first offset not yet in tiered storage (KIP-1023).
    pub const EARLIEST_PENDING_UPLOAD: i64 = -6;
}

pub struct ListOffsetsCall(pub Vec<ListOffsetsPart>);

pub struct ListOffsetsPart {
    pub key: PartitionKey,
    pub current_leader_epoch: i32,
    /// Milliseconds, or one of [`timestamp`].
    pub timestamp: i64,
}

/// (error, offset, timestamp, leader epoch) per part, in order; −1 where there is none.
pub struct ListOffsetsAnswer(pub Vec<(ErrorCode, i64, i64, i32)>);

/// Finds each offset; a question by timestamp may read the disk.
pub async fn list<W: World<Message = Message>>(core: &Core<W>, call: ListOffsetsCall) -> ListOffsetsAnswer {
    let mut answers = Vec::with_capacity(call.0.len());
    for part in call.0 {
        // A look-up by time reads batches.
        core.world.yield_now().await;
        answers.push(match find(core, &part).await {
            Ok((offset, timestamp, leader_epoch)) => (ErrorCode::NONE, offset, timestamp, leader_epoch),
            Err(code) => (code, -1, -1, -1),
        });
    }
    ListOffsetsAnswer(answers)
}

async fn find<W: World<Message = Message>>(
    core: &Core<W>,
    part: &ListOffsetsPart,
) -> Result<(i64, i64, i32), ErrorCode> {
    const NONE: (i64, i64, i32) = (-1, -1, -1);
    let (log, latest, high_watermark, leader_epoch) = {
        let partitions = core.partitions.borrow();
        let partition = partitions.leader(&part.key)?;
        partition.replica.check_epoch(part.current_leader_epoch)?;
        (
            partition.log,
            partition.replica.latest_offset(),
            partition.replica.high_watermark(),
            partition.replica.leader_epoch(),
        )
    };
    let store = core.store();
    let found = |found: Result<Option<(i64, i64, i32)>, ReadError>| match found {
        Ok(found) => Ok(found.unwrap_or(NONE)),
        Err(error) => {
            if let Verdict::Say { held_back } = core.log_limits.log_refused.judge(core.world.now()) {
                let PartitionKey { topic_id, partition } = part.key;
                tracing::error!(%topic_id, partition, %error, held_back, "look-up by timestamp refused");
            }
            Err(ErrorCode::KAFKA_STORAGE_ERROR)
        }
    };
    // What is beyond the end of a damaged log may have been acknowledged, so nobody is told where it ends.
    let damaged = store.damage_of(log).is_some();
    match part.timestamp {
        timestamp::LATEST | timestamp::MAX if damaged => Err(ErrorCode::KAFKA_STORAGE_ERROR),
        timestamp::LATEST => latest.map(|latest| (latest, -1, leader_epoch)),
        timestamp::EARLIEST | timestamp::EARLIEST_LOCAL => {
            let start = store.start_offset(log).ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?;
            Ok((start, -1, store.epoch_at(log, start).unwrap_or(leader_epoch)))
        }
        timestamp::MAX => found(store.max_timestamp(log).await),
        timestamp::LATEST_TIERED | timestamp::EARLIEST_PENDING_UPLOAD => Ok(NONE),
        wanted if wanted >= 0 => match found(store.offset_for_timestamp(log, wanted, high_watermark).await)? {
            NONE if damaged => Err(ErrorCode::KAFKA_STORAGE_ERROR),
            // It may be just above the high watermark, which is not what it was before the election (KIP-207).
            NONE => latest.map(|_| NONE),
            found => Ok(found),
        },
        _ => Err(ErrorCode::UNSUPPORTED_VERSION),
    }
}

pub struct EpochEndCall(pub Vec<EpochEndPart>);

pub struct EpochEndPart {
    pub key: PartitionKey,
    pub current_leader_epoch: i32,
    pub leader_epoch: i32,
}

/// (error, epoch, its end offset) per part, in order.
pub struct EpochEndAnswer(pub Vec<(ErrorCode, i32, i64)>);

/// The end of each epoch, or of the largest one below it that the log knows.
pub fn epoch_ends<W: World<Message = Message>>(core: &Core<W>, call: &EpochEndCall) -> EpochEndAnswer {
    let partitions = core.partitions.borrow();
    let answer = |part: &EpochEndPart| -> Result<(i32, i64), ErrorCode> {
        let partition = partitions.leader(&part.key)?;
        partition.replica.check_epoch(part.current_leader_epoch)?;
        Ok(core
            .store()
            .epoch_end(partition.log, part.leader_epoch)
            .unwrap_or((-1, -1)))
    };
    EpochEndAnswer(
        call.0
            .iter()
            .map(|part| match answer(part) {
                Ok((epoch, end_offset)) => (ErrorCode::NONE, epoch, end_offset),
                Err(code) => (code, -1, -1),
            })
            .collect(),
    )
}
