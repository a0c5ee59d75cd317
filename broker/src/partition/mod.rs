//! Replicas of partitions on the core that owns them: pure state in `replica`, waiting clients, and the joints between
//! replica and log. The log itself is storage's; sockets are net's.

pub mod fetch;
pub mod offsets;
pub mod produce;
pub mod replica;
pub mod session;
pub mod sole_replica;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    rc::Rc,
    sync::Arc,
};

use corelane_protocol::error_code::ErrorCode;
use corelane_storage::LogId;
use xxhash_rust::xxh3::Xxh3DefaultBuilder;

pub use fetch::{FetchAnswer, FetchCall, FetchPart, FetchResult};
pub use offsets::{EpochEndAnswer, EpochEndCall, EpochEndPart, ListOffsetsAnswer, ListOffsetsCall, ListOffsetsPart};
pub use produce::{ProduceAnswer, ProduceCall, ProducePart, ProduceResult};

use crate::{
    config::TopicConfig,
    core::{Core, Message},
    runtime::world::World,
};
use sole_replica::SoleReplica;

pub use crate::metadata::PartitionKey;

/// One replica on this core, and the clients that wait for it.
pub struct Partition {
    pub log: LogId,
    pub replica: SoleReplica,
    pub config: Arc<TopicConfig>,
    /// In order of offset, since appends are.
    produce_waiters: VecDeque<produce::Waiter>,
    fetch_waiters: BTreeSet<fetch::WaiterKey>,
}

impl Partition {
    pub fn new(log: LogId, replica: SoleReplica, config: Arc<TopicConfig>) -> Partition {
        Partition {
            log,
            replica,
            config,
            produce_waiters: VecDeque::new(),
            fetch_waiters: BTreeSet::new(),
        }
    }
}

/// All replicas of one core.
#[derive(Default)]
pub struct Partitions {
    by_key: HashMap<PartitionKey, Partition, Xxh3DefaultBuilder>,
    by_log: HashMap<LogId, PartitionKey, Xxh3DefaultBuilder>,
    fetch_waiters: BTreeMap<fetch::WaiterKey, fetch::Waiter>,
    /// Produce requests that wait for room in memory or journal, in order of arrival.
    produce_queue: VecDeque<(crate::core::ReplyTo, ProduceCall)>,
}

impl Partitions {
    pub fn get(&self, key: &PartitionKey) -> Option<&Partition> {
        self.by_key.get(key)
    }

    pub fn get_mut(&mut self, key: &PartitionKey) -> Option<&mut Partition> {
        self.by_key.get_mut(key)
    }

    pub fn insert(&mut self, key: PartitionKey, partition: Partition) {
        self.by_log.insert(partition.log, key);
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

/// The log of a partition became durable up to `end_offset`: moves the high watermark and answers who waited for it.
pub fn on_durable<W: World<Message = Message>>(core: &Core<W>, log: LogId, end_offset: i64) {
    let mut answered = Vec::new();
    let mut woken = BTreeSet::new();
    {
        let mut partitions = core.partitions.borrow_mut();
        let Some(key) = partitions.by_log.get(&log).copied() else {
            return;
        };
        let partition = partitions.by_key.get_mut(&key).expect("every log has its partition");
        if !partition.replica.on_durable(end_offset) {
            return;
        }
        let high_watermark = partition.replica.high_watermark();
        while partition
            .produce_waiters
            .front()
            .is_some_and(|waiter| waiter.last_offset < high_watermark)
        {
            answered.push(partition.produce_waiters.pop_front().expect("there is a front"));
        }
        woken.append(&mut partition.fetch_waiters);
    }
    for waiter in answered {
        waiter.pending.complete(core, waiter.index);
    }
    fetch::retry(core, woken);
}

/// Forgets a partition (its topic is gone): whoever waits is told.
pub fn close<W: World<Message = Message>>(core: &Core<W>, key: &PartitionKey) -> Option<LogId> {
    let mut partition = {
        let mut partitions = core.partitions.borrow_mut();
        let partition = partitions.by_key.remove(key)?;
        partitions.by_log.remove(&partition.log);
        partition
    };
    for waiter in partition.produce_waiters.drain(..) {
        waiter
            .pending
            .fail(core, waiter.index, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    }
    fetch::retry(core, std::mem::take(&mut partition.fetch_waiters));
    Some(partition.log)
}

/// Results of one request, filled in any order.
type Shared<T> = Rc<std::cell::RefCell<T>>;
