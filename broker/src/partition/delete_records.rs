//! Log starts that clients raise (DeleteRecords, KIP-107).
//!
//! What must stay true: nobody is told that records are gone before the journal's record of it is durable, not even who asks
//! for what was asked for before; and nothing beyond the high watermark goes.
//!
//! The low watermark is that of one replica: nobody follows yet.

use std::time::Duration;

use corelane_protocol::error_code::ErrorCode;
use corelane_storage::{LogId, Ticket};

use super::PartitionKey;
use crate::{
    config::TopicConfig,
    core::{Core, Message},
    limits::{BACKGROUND_IDLE_MS, WORK_PER_TURN},
    runtime::world::{Instant, World},
};

/// Stands for the high watermark (Kafka's `DeleteRecordsRequest.HIGH_WATERMARK`).
const HIGH_WATERMARK: i64 = -1;

pub struct DeleteRecordsCall {
    pub parts: Vec<DeleteRecordsPart>,
    /// Until then the journal may have no room.
    pub deadline: Instant,
}

pub struct DeleteRecordsPart {
    pub key: PartitionKey,
    /// Records before it go; −1: before the high watermark.
    pub offset: i64,
}

/// The low watermark, or an error, per part, in order.
pub struct DeleteRecordsAnswer(pub Vec<Result<i64, ErrorCode>>);

/// Raises log starts; answers when that is durable.
pub async fn delete<W: World<Message = Message>>(core: &Core<W>, call: DeleteRecordsCall) -> DeleteRecordsAnswer {
    let mut raised = Vec::with_capacity(call.parts.len());
    for (part, number) in call.parts.iter().zip(1..) {
        if number % WORK_PER_TURN == 0 {
            core.world.yield_now().await;
        }
        raised.push(match has_room_until(core, call.deadline).await {
            true => raise(core, part),
            false => Err(ErrorCode::REQUEST_TIMED_OUT),
        });
    }
    let newest = raised.iter().flatten().map(|(_, ticket)| *ticket).max();
    let is_durable = match newest {
        Some(ticket) => core.store().wait_durable(ticket).await.is_ok(),
        None => true,
    };
    let answer = |raised: Result<(LogId, Ticket), ErrorCode>| {
        let (log, _) = raised?;
        let start = core.store().start_offset(log).filter(|_| is_durable);
        start.ok_or(ErrorCode::KAFKA_STORAGE_ERROR)
    };
    DeleteRecordsAnswer(raised.into_iter().map(answer).collect())
}

/// Records are deleted also while producers find no room: that makes some.
async fn has_room_until<W: World<Message = Message>>(core: &Core<W>, deadline: Instant) -> bool {
    while !core.store().has_journal_room() {
        if core.world.now() >= deadline {
            return false;
        }
        core.world.sleep(Duration::from_millis(BACKGROUND_IDLE_MS)).await;
    }
    true
}

/// Writes down where the log starts, also if it starts there already: the record of that may still be on its way.
fn raise<W: World<Message = Message>>(core: &Core<W>, part: &DeleteRecordsPart) -> Result<(LogId, Ticket), ErrorCode> {
    let partitions = core.partitions.borrow();
    let partition = partitions.leader(&part.key)?;
    let (store, log) = (core.store(), partition.log);
    let start = new_start(part.offset, partition.replica.high_watermark(), &partition.config)?;
    // Where a damaged log ends is not where its records ended.
    if store.damage_of(log).is_some() {
        return Err(ErrorCode::KAFKA_STORAGE_ERROR);
    }
    Ok((log, store.advance_start(log, start)))
}

/// Kafka's checks, in its order (`Partition.deleteRecordsOnLeader`).
fn new_start(offset: i64, high_watermark: i64, config: &TopicConfig) -> Result<i64, ErrorCode> {
    if config.compacts() && !config.deletes() {
        return Err(ErrorCode::POLICY_VIOLATION);
    }
    match offset {
        HIGH_WATERMARK => Ok(high_watermark),
        offset if (0..=high_watermark).contains(&offset) => Ok(offset),
        _ => Err(ErrorCode::OFFSET_OUT_OF_RANGE),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::config;

    fn with_policy(policy: &str) -> TopicConfig {
        let broker = config::Broker::load(&config::Inputs::default())
            .expect("defaults are valid")
            .broker;
        let overrides = BTreeMap::from([("cleanup.policy".to_owned(), policy.to_owned())]);
        TopicConfig::effective(&broker, &overrides)
    }

    /// Goal: any offset up to the high watermark, which may also be left to the broker; nothing beyond, and nothing negative.
    #[test]
    fn up_to_the_high_watermark() {
        let delete = with_policy("delete");
        assert_eq!(new_start(-1, 7, &delete), Ok(7));
        assert_eq!(new_start(0, 7, &delete), Ok(0));
        assert_eq!(new_start(7, 7, &delete), Ok(7));
        for offset in [8, i64::MAX, -2, i64::MIN] {
            assert_eq!(
                new_start(offset, 7, &delete),
                Err(ErrorCode::OFFSET_OUT_OF_RANGE),
                "{offset}"
            );
        }
    }

    /// Goal: topics that are only compacted keep their records, whatever the offset; all others may lose them.
    #[test]
    fn compacted_topics_keep_their_records() {
        assert_eq!(
            new_start(99, 7, &with_policy("compact")),
            Err(ErrorCode::POLICY_VIOLATION)
        );
        assert_eq!(new_start(3, 7, &with_policy("compact,delete")), Ok(3));
        assert_eq!(new_start(3, 7, &with_policy("")), Ok(3));
    }
}
