//! ListPartitionReassignments (key 46), version 0: which partitions are on the move (KIP-455); on one node, none.

use corelane_protocol::messages::{
    ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse,
    list_partition_reassignments::{OngoingPartitionReassignment, OngoingTopicReassignment},
};

use super::{context::RequestContext, pace::Pace};
use crate::{
    core::{Core, Message},
    metadata::{Image, Topic},
    runtime::world::World,
};

pub async fn handle<W: World<Message = Message>>(
    core: Core<W>,
    _context: RequestContext,
    request: ListPartitionReassignmentsRequest,
) -> ListPartitionReassignmentsResponse {
    let image = core.image();
    let mut pace = Pace::new(&core.world);
    let mut topics = Vec::new();
    match request.topics {
        None => {
            for topic in image.topics_by_name() {
                pace.spend(1 + topic.initial.len()).await;
                topics.extend(on_the_move(&image, topic, 0..topic.partition_count()));
            }
        }
        Some(asked) => {
            for asked in asked {
                pace.spend(1 + asked.partition_indexes.len()).await;
                if let Some(topic) = image.topic_named(&asked.name) {
                    topics.extend(on_the_move(&image, topic, asked.partition_indexes));
                }
            }
        }
    }
    ListPartitionReassignmentsResponse {
        error_message: None,
        topics,
        ..Default::default()
    }
}

/// Those of the partitions that are; None if there are none.
fn on_the_move(
    image: &Image,
    topic: &Topic,
    partitions: impl IntoIterator<Item = i32>,
) -> Option<OngoingTopicReassignment> {
    let ongoing = |partition_index: i32| {
        let partition = image.partition_of(topic, partition_index)?;
        partition.is_reassigning().then(|| OngoingPartitionReassignment {
            partition_index,
            replicas: partition.replica_nodes(),
            adding_replicas: partition.adding.to_vec(),
            removing_replicas: partition.removing.to_vec(),
        })
    };
    let partitions: Vec<_> = partitions.into_iter().filter_map(ongoing).collect();
    (!partitions.is_empty()).then(|| OngoingTopicReassignment {
        name: topic.name.to_string(),
        partitions,
    })
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::metadata::records::{NodeList, PartitionRecord, ReplicaSlot, TopicRecord};

    /// Goal: only what moves is named, and a topic of which nothing does is not.
    #[test]
    fn what_moves_is_listed() {
        let slot = ReplicaSlot {
            node: 1,
            storage_id: Uuid::from_u128(1),
            broker_epoch: 0,
            in_isr: true,
        };
        let record = TopicRecord {
            topic_id: Uuid::from_u128(7),
            name: "words".to_owned(),
            min_isr: 1,
            configs: vec![],
            partitions: vec![vec![slot, ReplicaSlot { node: 2, ..slot }]; 3],
        };
        let image = Image::default().after_entry(0, 1, &[record.into()]).expect("a topic");
        let topic = image.topic_named("words").expect("a topic").clone();
        assert_eq!(on_the_move(&image, &topic, 0..3), None);

        let mut state = (**image.partition_of(&topic, 1).expect("a partition")).clone();
        state.partition_epoch += 1;
        state.removing = NodeList::from_iter([2]);
        let moving = PartitionRecord {
            topic_id: topic.topic_id,
            partition: 1,
            state,
        };
        let image = image.after_entry(1, 1, &[moving.into()]).expect("a state");
        let listed = on_the_move(&image, &topic, [0, 1, 9]).expect("one moves");
        let [partition] = &listed.partitions[..] else {
            panic!("one partition, not {listed:?}");
        };
        assert_eq!((partition.partition_index, &partition.replicas[..]), (1, &[1, 2][..]));
        assert_eq!(
            (&partition.adding_replicas[..], &partition.removing_replicas[..]),
            (&[][..], &[2][..])
        );
        assert_eq!(on_the_move(&image, &topic, [0, 2]), None);
    }
}
