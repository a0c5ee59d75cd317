//! What this core knows of topics beyond the image: who owns a partition, a topic's effective config, and the wishes
//! that several APIs share.

use std::sync::Arc;

use corelane_protocol::error_code::ErrorCode;
use smallvec::SmallVec;
use uuid::Uuid;

use super::{
    CONTROLLER_CORE, Core, Message,
    message::{ShardWishCall, WishCall},
};
use crate::{
    config::TopicConfig,
    log_limit::Verdict,
    metadata::{
        Topic,
        decide::{AllocateProducerIds, Answer, CreateTopics, NewTopic, Wish, WishError},
        placement::{core_of, shard_of},
        shard::{ShardAnswer, ShardWish},
    },
    partition::PartitionKey,
    runtime::world::World,
};

/// Where groups keep their offsets (Kafka's `Topic.GROUP_METADATA_TOPIC_NAME`).
pub const CONSUMER_OFFSETS: &str = "__consumer_offsets";

/// Producer ids that this core may give out without asking again.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ProducerIds {
    next: i64,
    end: i64,
}

impl<W: World<Message = Message>> Core<W> {
    /// The core that owns a partition.
    pub fn owner(&self, key: &PartitionKey) -> usize {
        core_of(
            shard_of(key.topic_id, key.partition, self.image.borrow().shard_count),
            self.world.cores(),
        )
    }

    /// A topic's overrides over the broker's defaults; made once per image and core.
    pub fn topic_config(&self, topic: &Topic) -> Arc<TopicConfig> {
        if let Some(config) = self.topic_configs.borrow().get(&topic.topic_id) {
            return config.clone();
        }
        let config = Arc::new(TopicConfig::effective(&self.live_config(), &topic.configs));
        self.topic_configs.borrow_mut().insert(topic.topic_id, config.clone());
        config
    }

    /// Asks the controller, wherever it is.
    pub async fn wish(&self, wish: Wish) -> Result<Answer, WishError> {
        self.call(CONTROLLER_CORE, WishCall(wish)).await
    }

    /// Asks the controller of a shard, on the core that runs its group.
    pub fn wish_of_shard(
        &self,
        shard: u16,
        wish: ShardWish,
    ) -> impl Future<Output = Result<ShardAnswer, WishError>> + use<W> {
        let core = core_of(shard, self.world.cores());
        self.call(core, ShardWishCall { shard, wish })
    }

    /// A topic as it is made when a client names it: with the broker's defaults, and for the internal ones with their own
    /// (`AutoTopicCreationManager`).
    pub fn new_topic(&self, name: &str) -> NewTopic {
        let config = &self.config;
        // Internal topics ask for more replicas than a young cluster has brokers.
        let brokers = self.image().brokers.len().max(1);
        let capped = |factor: i16| factor.min(i16::try_from(brokers).unwrap_or(i16::MAX));
        let (num_partitions, replication_factor, configs) = match name {
            CONSUMER_OFFSETS => (
                config.groups.offsets_topic_num_partitions,
                capped(config.groups.offsets_topic_replication_factor),
                vec![
                    ("cleanup.policy".to_owned(), Some("compact".to_owned())),
                    (
                        "segment.bytes".to_owned(),
                        Some(config.groups.offsets_topic_segment_bytes.to_string()),
                    ),
                    ("compression.type".to_owned(), Some("producer".to_owned())),
                ],
            ),
            _ => (-1, -1, Vec::new()),
        };
        NewTopic {
            name: name.to_owned(),
            num_partitions,
            replication_factor,
            assignments: Vec::new(),
            configs,
        }
    }

    /// Makes topics; that one is there already is no failure. A line for each that was made, one for all that were not.
    pub async fn create_topics(&self, topics: Vec<NewTopic>) {
        let count = topics.len();
        let wish = Wish::CreateTopics(CreateTopics {
            topics,
            validate_only: false,
        });
        let mut first = None;
        let mut failed = 0;
        match self.wish(wish).await {
            Ok(Answer::TopicsCreated(topics)) => {
                for (topic, result) in topics {
                    match result {
                        Ok(created) => {
                            tracing::info!(topic, topic_id = %created.topic_id, "topic created, since it was asked for");
                        }
                        Err(error) if error.code == ErrorCode::TOPIC_ALREADY_EXISTS => {}
                        Err(error) => {
                            first.get_or_insert_with(|| format!("{topic}: {error}"));
                            failed += 1;
                        }
                    }
                }
            }
            Ok(other) => unreachable!("the answer of another wish: {other:?}"),
            Err(error) => {
                first = Some(error.to_string());
                failed = count;
            }
        }
        if let Some(first) = first
            && let Verdict::Say { held_back } = self.log_limits.topic_not_created.judge(self.world.now())
        {
            tracing::warn!(failed, first, held_back, "could not create topics that were asked for");
        }
    }

    /// The next producer id; ids come from the controller in blocks, and one that is not used is never given out again.
    pub async fn next_producer_id(&self) -> Result<i64, WishError> {
        loop {
            let ids = self.producer_ids.get();
            if ids.next < ids.end {
                self.producer_ids.set(ProducerIds {
                    next: ids.next + 1,
                    ..ids
                });
                return Ok(ids.next);
            }
            let node = self.broker_id();
            let broker_epoch = self
                .broker_epoch
                .get()
                .expect("clients are let in after the registration");
            let (first, count) = match self
                .wish(Wish::AllocateProducerIds(AllocateProducerIds { node, broker_epoch }))
                .await?
            {
                Answer::ProducerIds { first, count } => (first, count),
                other => unreachable!("the answer of another wish: {other:?}"),
            };
            // Two callers may have asked at once: the block that came first is used up, ids of the other are skipped.
            let ids = self.producer_ids.get();
            if ids.next >= ids.end {
                self.producer_ids.set(ProducerIds {
                    next: first,
                    end: first + i64::from(count),
                });
            }
        }
    }

    /// A name for a wait of this core, never used again.
    pub fn next_waiter(&self) -> u64 {
        self.next_waiter.set(self.next_waiter.get() + 1);
        self.next_waiter.get()
    }

    /// As Kafka writes it: 22 characters of URL-safe base64.
    pub fn cluster_id(&self) -> String {
        cluster_id_text(self.identity().cluster_id)
    }
}

/// Partitions of a call, sorted to the cores that own them, with the places of their results.
/// Most calls are for one core.
pub struct ByOwner<Place, Part>(SmallVec<[OfOwner<Place, Part>; 1]>);

/// Most of those have one partition.
type OfOwner<Place, Part> = (usize, Few<Place>, Few<Part>);
type Few<T> = SmallVec<[T; 1]>;

impl<Place, Part> Default for ByOwner<Place, Part> {
    fn default() -> Self {
        ByOwner(SmallVec::new())
    }
}

impl<Place, Part> ByOwner<Place, Part> {
    pub fn push(&mut self, owner: usize, place: Place, part: Part) {
        let at = self.0.partition_point(|of| of.0 < owner);
        if self.0.get(at).is_none_or(|of| of.0 != owner) {
            self.0.insert(at, (owner, Few::new(), Few::new()));
        }
        let (_, places, parts) = &mut self.0[at];
        places.push(place);
        parts.push(part);
    }

    /// In order of owners.
    pub fn into_calls(self) -> impl Iterator<Item = (usize, Vec<Place>, Vec<Part>)> {
        self.into_small_calls()
            .map(|(owner, places, parts)| (owner, places.into_vec(), parts.into_vec()))
    }

    /// The same, without a list on the heap where there is one part.
    pub fn into_small_calls(self) -> impl Iterator<Item = (usize, Few<Place>, Few<Part>)> {
        self.0.into_iter()
    }
}

pub(super) fn cluster_id_text(id: Uuid) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let bits = id.as_u128();
    (0..22u32)
        .map(|index| {
            // 128 bits make 21 whole characters and two bits, which fill up the last from above.
            let six = if index < 21 {
                bits >> (122 - 6 * index)
            } else {
                bits << 4
            };
            char::from(ALPHABET[(six & 63) as usize])
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Kafka's own example: the id of the metadata topic, `AAAAAAAAAAAAAAAAAAAAAQ`.
    #[test]
    fn cluster_ids_are_base64_as_in_kafka() {
        assert_eq!(cluster_id_text(Uuid::from_u128(1)), "AAAAAAAAAAAAAAAAAAAAAQ");
        assert_eq!(cluster_id_text(Uuid::from_u128(u128::MAX)), "_____________________w");
    }
}
