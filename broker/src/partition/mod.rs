//! Replicas of partitions on the core that owns them: the rules as a function in `replica`, what they say carried out in
//! `host`, and the clients that wait. The log itself is storage's; sockets are net's.

pub mod delete_records;
pub mod describe;
pub mod fetch;
pub mod host;
mod key_hash;
pub mod lending;
mod observe;
pub mod offsets;
pub mod produce;
pub mod replica;
pub mod session;
mod waiters;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::Arc,
};

use corelane_protocol::error_code::ErrorCode;
use corelane_storage::LogId;

pub use delete_records::{DeleteRecordsAnswer, DeleteRecordsCall, DeleteRecordsPart};
pub use describe::{LogSizesAnswer, LogSizesCall, ProducersAnswer, ProducersCall};
pub use fetch::{FetchAnswer, FetchCall, FetchPart, FetchResult, FetchSpent};
pub use offsets::{EpochEndAnswer, EpochEndCall, EpochEndPart, ListOffsetsAnswer, ListOffsetsCall, ListOffsetsPart};
pub use produce::{ProduceAnswer, ProduceCall, ProducePart, ProduceResult};

use crate::{
    config::TopicConfig,
    core::{Core, Message},
    runtime::world::World,
};
use replica::Replica;

pub use crate::metadata::PartitionKey;

/// One replica on this core, and the clients that wait for it.
pub struct Partition {
    pub log: LogId,
    pub replica: Replica,
    pub config: Arc<TopicConfig>,
    produce_waiters: waiters::Waiters,
    fetch_waiters: BTreeSet<fetch::WaiterKey>,
}

impl Partition {
    pub fn new(log: LogId, replica: Replica, config: Arc<TopicConfig>) -> Partition {
        Partition {
            log,
            replica,
            config,
            produce_waiters: waiters::Waiters::default(),
            fetch_waiters: BTreeSet::new(),
        }
    }
}

/// All replicas of one core.
#[derive(Default)]
pub struct Partitions {
    by_key: HashMap<PartitionKey, Partition, key_hash::KeyHash>,
    fetch_waiters: BTreeMap<fetch::WaiterKey, fetch::Waiter>,
    lending: lending::Lending,
    /// Produce requests that wait for room in memory or journal, in order of arrival.
    produce_queue: VecDeque<produce::Appending>,
    persisting: host::PersistQueue,
    /// Of the step that is under way.
    output: replica::Output,
}

impl Partitions {
    pub fn get(&self, key: &PartitionKey) -> Option<&Partition> {
        self.by_key.get(key)
    }

    pub fn get_mut(&mut self, key: &PartitionKey) -> Option<&mut Partition> {
        self.by_key.get_mut(key)
    }

    pub fn insert(&mut self, key: PartitionKey, partition: Partition) {
        self.by_key.insert(key, partition);
    }

    /// The leader of a partition.
    ///
    /// # Errors
    /// `NOT_LEADER_OR_FOLLOWER` if this core does not lead it: the client's metadata, or ours, is behind.
    pub fn leader(&self, key: &PartitionKey) -> Result<&Partition, ErrorCode> {
        match self.by_key.get(key) {
            Some(partition) if partition.replica.is_leader() => Ok(partition),
            _ => Err(ErrorCode::NOT_LEADER_OR_FOLLOWER),
        }
    }
}

/// Forgets a partition (its topic is gone): whoever waits is told.
pub fn close<W: World<Message = Message>>(core: &Core<W>, key: &PartitionKey) -> Option<LogId> {
    let mut partition = {
        let mut partitions = core.partitions.borrow_mut();
        partitions.persisting.forget(key);
        partitions.by_key.remove(key)?
    };
    for waiter in partition.produce_waiters.drain() {
        waiter
            .pending
            .settle_part(core, waiter.index, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    }
    fetch::retry(core, std::mem::take(&mut partition.fetch_waiters));
    Some(partition.log)
}
