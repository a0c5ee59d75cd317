//! What there is of partitions on this core, for whoever administers them: how much disk a log takes (DescribeLogDirs) and
//! which producers it knows (DescribeProducers).

use corelane_protocol::{error_code::ErrorCode, messages::describe_producers::ProducerState};
use corelane_storage::Producer;

use super::PartitionKey;
use crate::{
    core::{Core, Message},
    limits::WORK_PER_TURN,
    runtime::world::World,
};

pub struct LogSizesCall(pub Vec<PartitionKey>);

/// Bytes of each log, and how far its end is behind the high watermark; None where there is none on this core.
pub struct LogSizesAnswer(pub Vec<Option<(u64, i64)>>);

pub async fn log_sizes<W: World<Message = Message>>(core: &Core<W>, call: LogSizesCall) -> LogSizesAnswer {
    let mut sizes = Vec::with_capacity(call.0.len());
    for keys in call.0.chunks(WORK_PER_TURN) {
        {
            let partitions = core.partitions.borrow();
            sizes.extend(keys.iter().map(|key| {
                let partition = partitions.get(key)?;
                let lag = partition.replica.high_watermark() - partition.replica.end();
                Some((core.store().log_bytes(partition.log), lag.max(0)))
            }));
        }
        core.world.yield_now().await;
    }
    LogSizesAnswer(sizes)
}

pub struct ProducersCall(pub Vec<PartitionKey>);

/// The producers that each log knows, in order.
pub struct ProducersAnswer(pub Vec<Result<Vec<ProducerState>, ErrorCode>>);

pub async fn producers<W: World<Message = Message>>(core: &Core<W>, call: ProducersCall) -> ProducersAnswer {
    let mut answers = Vec::with_capacity(call.0.len());
    for key in &call.0 {
        let log = core.partitions.borrow().get(key).map(|partition| partition.log);
        let known = log.and_then(|log| core.store().producers(log));
        let known = known.ok_or(ErrorCode::NOT_LEADER_OR_FOLLOWER);
        answers.push(known.map(|known| known.iter().map(|(id, producer)| state(*id, producer)).collect()));
        // A log may know thousands.
        core.world.yield_now().await;
    }
    ProducersAnswer(answers)
}

fn state(producer_id: i64, producer: &Producer) -> ProducerState {
    ProducerState {
        producer_id,
        producer_epoch: i32::from(producer.producer_epoch),
        last_sequence: producer.batches.back().map_or(-1, |batch| batch.last_sequence),
        last_timestamp: producer.last_timestamp,
        coordinator_epoch: producer.coordinator_epoch,
        current_txn_start_offset: producer.transaction_start.unwrap_or(-1),
    }
}
