//! Decisions for a log that holds root and all shards: what shards' controllers would do when they see root's change is
//! done in the same breath.

use super::{
    super::{
        image::{Image, ShardImage, Topic},
        placement::{PartitionKey, shard_of},
        records::{ConfigOwner, PartitionRecord, Record},
        shard::{self, ShardView},
    },
    Answer, Context, Decision, Wish, decide,
};

pub fn decide_in_one_log(image: &Image, wish: &Wish, context: &mut Context<'_>) -> Decision {
    if let Wish::Reconcile { changes_max } = wish {
        let keys = image.topics().flat_map(|topic| keys_of(topic));
        let changes = keys.filter_map(|key| reconcile(image, &key, context));
        let mut records: Vec<Record> = changes.take(changes_max + 1).collect();
        let more = records.len() > *changes_max;
        records.truncate(*changes_max);
        let changed = records.len();
        return Ok((records, Answer::Reconciled { changed, more }));
    }
    let (mut records, answer) = decide(&image.root, wish, context)?;
    let mut overlay = image.clone();
    for record in &records {
        overlay
            .apply(context.next_index, record)
            .expect("a record that was just decided fits");
    }
    let touched: Vec<PartitionKey> = records.iter().flat_map(|record| touched_by(&overlay, record)).collect();
    records.extend(touched.iter().filter_map(|key| reconcile(&overlay, key, context)));
    Ok((records, answer))
}

fn touched_by(image: &Image, record: &Record) -> Vec<PartitionKey> {
    let node = match record {
        Record::RegisterBroker(broker) => broker.node,
        Record::UnregisterBroker(broker) => broker.node,
        // Unfencing grants in pieces, since a start may have many partitions.
        Record::BrokerChange(change) if change.fenced != Some(false) => change.node,
        Record::ConfigRecord(config) => {
            let ConfigOwner::Topic(topic_id) = config.owner else {
                return Vec::new();
            };
            return image
                .topic(topic_id)
                .map(|topic| keys_of(topic).collect())
                .unwrap_or_default();
        }
        _ => return Vec::new(),
    };
    let keys = image.topics().flat_map(|topic| keys_of(topic));
    let is_kept = |key: &PartitionKey| {
        let state = image.partition(key.topic_id, key.partition);
        state.is_some_and(|state| state.replica(node).is_some())
    };
    keys.filter(is_kept).collect()
}

fn keys_of(topic: &Topic) -> impl Iterator<Item = PartitionKey> + use<> {
    let topic_id = topic.topic_id;
    (0..topic.partition_count()).map(move |partition| PartitionKey { topic_id, partition })
}

fn reconcile(image: &Image, key: &PartitionKey, context: &Context<'_>) -> Option<Record> {
    let nothing = ShardImage::default();
    let number = shard_of(key.topic_id, key.partition, image.shard_count);
    let view = ShardView {
        root: &image.root,
        shard: image.shard(number).map_or(&nothing, |shard| shard),
        number,
        rules: context.rules,
    };
    let state = shard::reconcile(&view, key, context.config_rules)?;
    Some(Record::from(PartitionRecord {
        topic_id: key.topic_id,
        partition: key.partition,
        state,
    }))
}
