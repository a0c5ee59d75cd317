//! A shard's image as records: its overrides.

use super::{
    super::{
        image::{RootImage, ShardImage, is_garbage},
        records::{PartitionRecord, Record, RootSeen},
    },
    write::Entry,
};

/// Without what is garbage by this root image.
pub fn entries<'a>(image: &'a ShardImage, root: Option<&'a RootImage>) -> impl Iterator<Item = Entry> + 'a {
    let kept = image
        .iter()
        .filter(move |(key, state)| !root.is_some_and(|root| is_garbage(root, key, state.create_index)));
    let seen = (image.root_end > 0).then(|| (0, Record::from(RootSeen { end: image.root_end })));
    let states = kept.map(|(key, state)| {
        let record = PartitionRecord {
            topic_id: key.topic_id,
            partition: key.partition,
            state: (**state).clone(),
        };
        (state.create_index, Record::from(record))
    });
    seen.into_iter().chain(states)
}
