//! What one core must do so that its partitions are as the newest image says.
//!
//! Pure: two images in, actions out. An image may be skipped; the difference of any two is enough. Actions of one
//! partition come in the order in which they must be done.

use std::{collections::BTreeSet, sync::Arc};

use uuid::Uuid;

use super::{
    chunk_map::Difference,
    image::{Image, Partition, ShardImage, Topic},
    placement::{core_of, shard_of},
    records::Leader,
};

/// Who asks: this process, and one of its cores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Me {
    pub node: i32,
    pub storage_id: Uuid,
    /// Of this process's own registration; None until it registered. Never read from an image: that may be of an
    /// incarnation before.
    pub broker_epoch: Option<u64>,
    pub core: usize,
    pub cores: usize,
}

impl Me {
    /// The core of this node that keeps the partition.
    pub fn core_of(&self, image: &Image, topic_id: Uuid, partition: i32) -> usize {
        core_of(shard_of(topic_id, partition, image.shard_count), self.cores)
    }

    fn keeps(&self, image: &Image, topic_id: Uuid, number: i32, partition: &Partition) -> bool {
        let has_slot = partition
            .replica(self.node)
            .is_some_and(|replica| replica.storage_id == self.storage_id);
        has_slot && self.core_of(image, topic_id, number) == self.core
    }

    fn leads(&self, partition: &Partition) -> bool {
        self.broker_epoch.is_some_and(|broker_epoch| {
            partition.leader
                == Some(Leader {
                    node: self.node,
                    broker_epoch,
                })
        })
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Make the log if the disk has none; then whatever else follows.
    CreateLog { topic: Arc<Topic>, partition: i32 },
    /// The topic's own config values changed.
    Configure { topic: Arc<Topic>, partition: i32 },
    /// Lead from now on, in a leader epoch that was never led here before; or go on with newer ISR, if the epoch is the
    /// one that is led already.
    OpenLeader {
        topic: Arc<Topic>,
        partition: i32,
        leader_epoch: i32,
        state: Arc<Partition>,
    },
    /// Somebody else leads, or nobody.
    CloseLeader {
        topic: Arc<Topic>,
        partition: i32,
        state: Arc<Partition>,
    },
    /// The topic is gone (no epoch), or this node is no replica any more, by a state of this leader epoch. Such a state may
    /// be older than what the disk took part in, since after a restart commits are learnt anew: then the log stays, until
    /// a newer state is here. So this comes with every state that has no slot for this disk.
    DeleteLog {
        topic_id: Uuid,
        partition: i32,
        leader_epoch: Option<i32>,
    },
}

/// What changes for this core from `old` to `new`. Give [`Image::default`] as `old` at start.
///
/// Only what differs is looked at: topics that root changed, and of the shards of this core the states that changed.
pub fn plan(old: &Image, new: &Image, me: &Me) -> Vec<Action> {
    let mut actions = Vec::new();
    let mut planned = BTreeSet::new();
    for difference in old.topic_map().differences(new.topic_map(), Arc::ptr_eq) {
        let (topic_id, before, after) = match difference {
            Difference::Removed(topic_id, topic) => (topic_id, Some(topic), None),
            Difference::Added(topic_id, topic) => (topic_id, None, Some(topic)),
            Difference::Changed(topic_id, before, after) => (topic_id, Some(before), Some(after)),
        };
        planned.insert(*topic_id);
        let count = |topic: Option<&Arc<Topic>>| topic.map_or(0, |topic| topic.partition_count());
        for number in 0..count(before).max(count(after)) {
            plan_partition((old, before), (new, after), number, me, &mut actions);
        }
    }
    let nothing = ShardImage::default();
    for (shard, newer) in new.shards.iter().enumerate() {
        let older = old.shards.get(shard).map_or(&nothing, |older| older);
        if core_of(shard as u16, me.cores) != me.core || std::ptr::eq(older, &**newer) {
            continue;
        }
        for difference in older.overrides().differences(newer.overrides(), Arc::ptr_eq) {
            let (Difference::Removed(key, _) | Difference::Added(key, _) | Difference::Changed(key, ..)) = difference;
            if !planned.contains(&key.topic_id) {
                let topic = new.topic(key.topic_id);
                plan_partition((old, topic), (new, topic), key.partition, me, &mut actions);
            }
        }
    }
    actions
}

/// Topics that root made, changed or removed.
pub fn changed_topics(old: &Image, new: &Image) -> Vec<Uuid> {
    let id = |difference: Difference<'_, Uuid, Arc<Topic>>| match difference {
        Difference::Removed(id, _) | Difference::Added(id, _) | Difference::Changed(id, ..) => *id,
    };
    let differences = old.topic_map().differences(new.topic_map(), Arc::ptr_eq);
    differences.into_iter().map(id).collect()
}

/// Names of the topics that are in `old` and not in `new` any more.
pub fn deleted_topics(old: &Image, new: &Image) -> Vec<String> {
    old.topic_map()
        .differences(new.topic_map(), Arc::ptr_eq)
        .into_iter()
        .filter_map(|difference| match difference {
            Difference::Removed(_, topic) => Some(topic.name.to_string()),
            _ => None,
        })
        .collect()
}

/// A topic that is None is not there.
type View<'a> = (&'a Image, Option<&'a Arc<Topic>>);

fn plan_partition(old: View<'_>, new: View<'_>, number: i32, me: &Me, actions: &mut Vec<Action>) {
    let kept = |(image, topic): View<'_>| {
        let topic = topic?;
        let state = image.partition_of(topic, number)?;
        me.keeps(image, topic.topic_id, number, state)
            .then(|| (topic.clone(), state.clone()))
    };
    match (kept(old), kept(new)) {
        (_, None) => actions.extend(plan_removal(old, new, number, me)),
        (None, Some((topic, state))) => {
            actions.push(Action::CreateLog {
                topic: topic.clone(),
                partition: number,
            });
            actions.extend(plan_role(me, topic, number, None, state));
        }
        (Some((was, held)), Some((topic, state))) => {
            if was.configs != topic.configs {
                actions.push(Action::Configure {
                    topic: topic.clone(),
                    partition: number,
                });
            }
            actions.extend(plan_role(me, topic, number, Some(held), state));
        }
    }
}

/// The topic was here before, and its partition is another one now or gone.
fn plan_removal(old: View<'_>, new: View<'_>, number: i32, me: &Me) -> Option<Action> {
    let topic_id = old.1?.topic_id;
    let state = |(image, topic): View<'_>| image.partition_of(topic?, number).cloned();
    let (before, after) = (state(old)?, state(new));
    let is_own = me.core_of(old.0, topic_id, number) == me.core;
    (is_own && after.as_ref() != Some(&before)).then(|| Action::DeleteLog {
        topic_id,
        partition: number,
        leader_epoch: after.map(|state| state.leader_epoch),
    })
}

fn plan_role(
    me: &Me,
    topic: Arc<Topic>,
    partition: i32,
    held: Option<Arc<Partition>>,
    state: Arc<Partition>,
) -> Option<Action> {
    if held
        .as_ref()
        .is_some_and(|held| Arc::ptr_eq(held, &state) || **held == *state)
    {
        return None;
    }
    if me.leads(&state) {
        return Some(Action::OpenLeader {
            topic,
            partition,
            leader_epoch: state.leader_epoch,
            state,
        });
    }
    let led = held.is_some_and(|held| me.leads(&held));
    led.then_some(Action::CloseLeader {
        topic,
        partition,
        state,
    })
}
