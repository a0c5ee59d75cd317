//! From partitions to the controllers of their shards: what APIs that wish something of leadership share.

use std::collections::BTreeMap;

use futures_util::future::join_all;

use crate::{
    core::{Core, Message},
    metadata::{
        PartitionKey, WishError,
        placement::shard_of,
        shard::{ShardAnswer, ShardWish},
    },
    runtime::world::World,
};

/// Items of a request, sorted to the shards that decide on them, with the places of their results.
pub struct ByShard<Item> {
    shard_count: u16,
    by_shard: BTreeMap<u16, Vec<(Place, Item)>>,
}

/// Where in the answer: topic and partition.
pub type Place = (usize, usize);

impl<Item> ByShard<Item> {
    pub fn new<W: World<Message = Message>>(core: &Core<W>) -> ByShard<Item> {
        ByShard {
            shard_count: core.image().shard_count,
            by_shard: BTreeMap::new(),
        }
    }

    pub fn push(&mut self, key: &PartitionKey, place: Place, item: Item) {
        let shard = shard_of(key.topic_id, key.partition, self.shard_count);
        self.by_shard.entry(shard).or_default().push((place, item));
    }

    /// Asks all shards at the same time; the results of their items, which `results` takes from an answer in order.
    pub async fn wish<W: World<Message = Message>>(
        self,
        core: &Core<W>,
        wish: impl Fn(Vec<Item>) -> ShardWish,
        results: impl Fn(ShardAnswer) -> Vec<Result<(), WishError>>,
    ) -> Vec<(Place, Result<(), WishError>)> {
        let asked = self.by_shard.into_iter().map(|(shard, items)| {
            let (places, items): (Vec<Place>, Vec<Item>) = items.into_iter().unzip();
            let answer = core.wish_of_shard(shard, wish(items));
            async move { (places, answer.await) }
        });
        let mut found = Vec::new();
        for (places, answer) in join_all(asked).await {
            match answer {
                Ok(answer) => found.extend(places.into_iter().zip(results(answer))),
                Err(error) => found.extend(places.into_iter().map(|place| (place, Err(error.clone())))),
            }
        }
        found
    }
}
