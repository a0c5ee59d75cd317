//! The next state of a partition: Kafka's `PartitionChangeBuilder` with KIP-966, on identities of this design
//! (REPLICATION rules: a replica is a node with its disk, a leader is one incarnation of a broker).

use super::{
    super::{
        image::{Image, Partition, Topic},
        records::{Leader, PartitionRecord, Record, Replica},
    },
    Answer, Context,
};

/// Why partitions are looked at again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// A broker registered anew and is fenced.
    Registered,
    /// A broker was fenced or shuts down.
    Left,
    /// All of them, to make them fit the brokers as they are.
    Everything,
}

/// What a partition shall become, before leadership is worked out.
pub struct Target {
    pub isr: Vec<i32>,
    pub min_isr: u16,
    /// `unclean.leader.election.enable`
    pub unclean: bool,
}

/// Records for the partitions that have `node` as a replica.
pub fn reconcile_broker(image: &Image, node: i32, trigger: Trigger, context: &Context<'_>) -> Vec<Record> {
    let mut records = Vec::new();
    for topic in image.topics() {
        for (number, partition) in image.partitions(topic) {
            if partition.replica(node).is_some() {
                records.extend(reconcile_partition(image, topic, number, trigger, context));
            }
        }
    }
    records
}

/// At most `changes_max` records, and whether there would be more.
pub fn reconcile_all(image: &Image, changes_max: usize, context: &Context<'_>) -> (Vec<Record>, Answer) {
    let changes = image.topics().flat_map(|topic| {
        (0..topic.partition_count())
            .filter_map(move |number| reconcile_partition(image, topic, number, Trigger::Everything, context))
    });
    let mut records: Vec<Record> = changes.take(changes_max + 1).collect();
    let more = records.len() > changes_max;
    records.truncate(changes_max);
    let changed = records.len();
    (records, Answer::Reconciled { changed, more })
}

fn reconcile_partition(
    image: &Image,
    topic: &Topic,
    number: i32,
    trigger: Trigger,
    context: &Context<'_>,
) -> Option<Record> {
    let partition = image.partition_of(topic, number)?;
    let stays = |node: &i32| image.broker(*node).is_some_and(|broker| broker.is_active());
    // Who shuts down still serves: that is no reason to lose records.
    let leader_serves = partition
        .leader
        .and_then(|leader| image.broker(leader.node))
        .is_some_and(|broker| !broker.fenced);
    let target = Target {
        isr: partition.isr.iter().copied().filter(stays).collect(),
        min_isr: partition.min_isr,
        unclean: !leader_serves && context.config_rules.unclean_leader_election(&topic.configs),
    };
    let next = build(image, partition, target)?;
    // Nobody could take over. A broker that is back gets its leadership in one step when it is unfenced, instead of
    // losing and regaining it; a broker that shuts down keeps it to the end.
    let led_by_newer = partition
        .leader
        .and_then(|leader| Some((leader, image.broker(leader.node)?)))
        .is_some_and(|(leader, broker)| match trigger {
            Trigger::Registered => leader.broker_epoch != broker.broker_epoch,
            Trigger::Left | Trigger::Everything => !broker.fenced && broker.in_controlled_shutdown,
        });
    if next.leader.is_none() && led_by_newer {
        return None;
    }
    Some(Record::from(PartitionRecord {
        topic_id: topic.topic_id,
        partition: number,
        state: next,
    }))
}

/// The partition's next state, or None if it is as it should be.
pub fn build(image: &Image, held: &Partition, target: Target) -> Option<Partition> {
    let storage_of = |node: i32| image.broker(node).map(|broker| broker.storage_id);
    // A replica whose broker came back with another disk holds nothing of what it held.
    let wiped: Vec<i32> = held
        .replicas
        .iter()
        .filter(|replica| storage_of(replica.node).is_some_and(|storage_id| storage_id != replica.storage_id))
        .map(|replica| replica.node)
        .collect();
    let replicas: Vec<Replica> = held
        .replicas
        .iter()
        .map(|replica| Replica {
            node: replica.node,
            storage_id: storage_of(replica.node).unwrap_or(replica.storage_id),
        })
        .collect();
    let min_isr = target.min_isr.min(replicas.len() as u16);
    let without_wiped = |nodes: &[i32]| -> Vec<i32> {
        let mut kept: Vec<i32> = nodes.iter().copied().filter(|node| !wiped.contains(node)).collect();
        kept.sort_unstable();
        kept.dedup();
        kept
    };
    let isr = without_wiped(&target.isr);
    let left: Vec<i32> = held
        .elr
        .iter()
        .chain(&held.isr)
        .copied()
        .filter(|node| !isr.contains(node))
        .collect();
    let mut next = Partition {
        replicas,
        min_isr,
        elr: if isr.len() >= usize::from(min_isr) {
            Vec::new()
        } else {
            without_wiped(&left)
        },
        isr,
        ..held.clone()
    };
    elect(image, held, &mut next, target.unclean);

    let slots_changed = next.replicas != held.replicas;
    if next.leader != held.leader || slots_changed {
        next.leader_epoch += 1;
    }
    if next == *held {
        return None;
    }
    next.partition_epoch += 1;
    Some(next)
}

fn elect(image: &Image, held: &Partition, next: &mut Partition, unclean: bool) {
    let alive = |node: i32| image.broker(node).filter(|broker| broker.is_active());
    let may_lead = |node: i32| {
        let eligible = next.isr.contains(&node) || (next.isr.is_empty() && next.elr.contains(&node));
        eligible && alive(node).is_some()
    };
    let grant = |node: i32| alive(node).map(|broker| (node, broker.broker_epoch));
    let keeps = held
        .leader
        .filter(|leader| may_lead(leader.node))
        .and_then(|leader| grant(leader.node));
    let preferred = || {
        let nodes = next.replicas.iter().map(|replica| replica.node);
        nodes.filter(|node| may_lead(*node)).find_map(grant)
    };
    if let Some((node, broker_epoch)) = keeps.or_else(preferred) {
        next.leader = Some(Leader { node, broker_epoch });
        next.last_known_elr.clear();
        if !next.isr.contains(&node) {
            next.elr.retain(|other| *other != node);
            next.isr = vec![node];
            if next.isr.len() >= usize::from(next.min_isr) {
                next.elr.clear();
            }
        }
        return;
    }
    let last_resort = next
        .replicas
        .iter()
        .filter(|_| unclean)
        .find_map(|replica| grant(replica.node));
    if let Some((node, broker_epoch)) = last_resort {
        next.leader = Some(Leader { node, broker_epoch });
        next.isr = vec![node];
        next.elr.clear();
        next.last_known_elr.clear();
        next.recovering = true;
        return;
    }
    next.leader = None;
    if next.isr.is_empty()
        && let Some(last) = held.leader
    {
        next.last_known_elr = vec![last.node];
    }
}
