//! DescribeTopicPartitions (key 75), version 0: topics page by page, with who may be elected of each partition (KIP-966).
//!
//! Topics come in order of their names; a page ends where it has as many partitions as its reader or this broker allows, and
//! says where the next one begins. A cursor that makes no sense fails all that was asked for, as in Kafka.

use std::collections::BTreeSet;

use corelane_protocol::{
    error_code::ErrorCode,
    messages::{
        DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse,
        describe_topic_partitions::{
            Cursor, DescribeTopicPartitionsResponsePartition, DescribeTopicPartitionsResponseTopic,
        },
    },
};

use super::{context::RequestContext, operations, pace::Pace};
use crate::{
    core::{Core, Message},
    metadata::{
        Image, Partition, Topic,
        decide::{is_internal, validate_topic_name},
    },
    runtime::world::World,
};

pub async fn handle<W: World<Message = Message>>(
    core: Core<W>,
    _context: RequestContext,
    request: DescribeTopicPartitionsRequest,
) -> DescribeTopicPartitionsResponse {
    let mut pace = Pace::new(&core.world);
    let image = core.image();
    let DescribeTopicPartitionsRequest {
        topics,
        response_partition_limit,
        cursor,
        ..
    } = request;
    let asked: BTreeSet<&str> = topics.iter().map(|topic| topic.name.as_str()).collect();
    if cursor.as_ref().is_some_and(|cursor| !makes_sense(cursor, &asked)) {
        let refused = topics
            .iter()
            .map(|topic| failed(&topic.name, ErrorCode::INVALID_REQUEST));
        return DescribeTopicPartitionsResponse {
            topics: refused.collect(),
            ..Default::default()
        };
    }
    let partitions_max = core
        .config
        .connections
        .max_request_partition_size_limit
        .min(response_partition_limit);
    let mut page = Page::new(cursor, partitions_max.max(1));
    if asked.is_empty() {
        for topic in image.topics_from_name(&page.begins_with()) {
            if !page.add(&image, topic) {
                break;
            }
            pace.spend(1 + page.partitions_of_last()).await;
        }
    } else {
        let begins_with = page.begins_with();
        for name in asked.range(begins_with.as_str()..) {
            let has_room = match image.topic_named(name) {
                Some(topic) => page.add(&image, topic),
                None => page.add_unknown(name),
            };
            if !has_room {
                break;
            }
            pace.spend(1 + page.partitions_of_last()).await;
        }
    }
    page.answer
}

/// The topic of a cursor is one of those that are asked for.
fn makes_sense(cursor: &Cursor, asked: &BTreeSet<&str>) -> bool {
    cursor.partition_index >= 0 && (asked.is_empty() || asked.contains(cursor.topic_name.as_str()))
}

fn failed(name: &str, error_code: ErrorCode) -> DescribeTopicPartitionsResponseTopic {
    DescribeTopicPartitionsResponseTopic {
        error_code,
        name: Some(name.to_owned()),
        ..Default::default()
    }
}

/// The answer as it grows.
struct Page {
    /// Where it begins.
    cursor: Option<Cursor>,
    /// How many more partitions it may name.
    left: i32,
    answer: DescribeTopicPartitionsResponse,
}

impl Page {
    fn new(cursor: Option<Cursor>, partitions_max: i32) -> Page {
        Page {
            cursor,
            left: partitions_max,
            answer: DescribeTopicPartitionsResponse::default(),
        }
    }

    /// The first name that it may have.
    fn begins_with(&self) -> String {
        self.cursor
            .as_ref()
            .map(|cursor| cursor.topic_name.clone())
            .unwrap_or_default()
    }

    fn partitions_of_last(&self) -> usize {
        self.answer.topics.last().map_or(0, |topic| topic.partitions.len())
    }

    /// Adds a topic that exists, or as much of it as there is room for. False: the page is full, and says where the next begins.
    fn add(&mut self, image: &Image, topic: &Topic) -> bool {
        if self.left == 0 {
            return self.ends_before(&topic.name, 0);
        }
        let first = match &self.cursor {
            Some(cursor) if *cursor.topic_name == *topic.name => cursor.partition_index,
            _ => 0,
        };
        let count = topic.partition_count();
        let end = count.min(first.saturating_add(self.left));
        let partitions =
            (first..end).filter_map(|index| Some(described(image, index, image.partition_of(topic, index)?)));
        let partitions: Vec<_> = partitions.collect();
        self.left -= partitions.len() as i32;
        self.answer.topics.push(DescribeTopicPartitionsResponseTopic {
            name: Some(topic.name.to_string()),
            topic_id: topic.topic_id,
            is_internal: is_internal(&topic.name),
            partitions,
            topic_authorized_operations: operations::OF_TOPIC,
            ..Default::default()
        });
        end >= count || self.ends_before(&topic.name, end)
    }

    /// Adds that there is no such topic.
    fn add_unknown(&mut self, name: &str) -> bool {
        if self.left == 0 {
            return self.ends_before(name, 0);
        }
        let error_code = match validate_topic_name(name) {
            Ok(()) => ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
            Err(_) => ErrorCode::INVALID_TOPIC_EXCEPTION,
        };
        self.answer.topics.push(DescribeTopicPartitionsResponseTopic {
            is_internal: is_internal(name),
            topic_authorized_operations: operations::OF_TOPIC,
            ..failed(name, error_code)
        });
        true
    }

    fn ends_before(&mut self, topic: &str, partition_index: i32) -> bool {
        self.answer.next_cursor = Some(Cursor {
            topic_name: topic.to_owned(),
            partition_index,
        });
        false
    }
}

fn described(image: &Image, partition_index: i32, partition: &Partition) -> DescribeTopicPartitionsResponsePartition {
    let is_alive = |node: &i32| image.broker(*node).is_some_and(|broker| !broker.fenced);
    let replica_nodes = partition.replica_nodes();
    DescribeTopicPartitionsResponsePartition {
        error_code: ErrorCode::NONE,
        partition_index,
        leader_id: partition.leader.map_or(-1, |leader| leader.node),
        leader_epoch: partition.leader_epoch,
        offline_replicas: replica_nodes.iter().copied().filter(|node| !is_alive(node)).collect(),
        replica_nodes,
        isr_nodes: partition.isr.to_vec(),
        eligible_leader_replicas: Some(partition.elr.to_vec()),
        last_known_elr: Some(partition.last_known_elr.to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::metadata::records::{ReplicaSlot, TopicRecord};

    /// Topics `a` with 3 partitions, `b` with 1, `c` with 2; nobody serves them.
    fn image() -> Image {
        let slot = ReplicaSlot {
            node: 1,
            storage_id: Uuid::from_u128(1),
            broker_epoch: 0,
            in_isr: true,
        };
        let topic = |(number, (name, partitions)): (u128, (&str, usize))| {
            let record = TopicRecord {
                topic_id: Uuid::from_u128(number),
                name: name.to_owned(),
                min_isr: 1,
                configs: vec![],
                partitions: vec![vec![slot]; partitions],
            };
            record.into()
        };
        let records: Vec<_> = (1..).zip([("a", 3), ("b", 1), ("c", 2)]).map(topic).collect();
        Image::default().after_entry(0, 1, &records).expect("topics")
    }

    /// What is on a page that begins at `cursor`, in the form `a-0 a-1 | b-0`, and its next cursor.
    fn page(names: &[&str], cursor: Option<(&str, i32)>, partitions_max: i32) -> String {
        let image = image();
        let cursor = cursor.map(|(topic, partition_index)| Cursor {
            topic_name: topic.to_owned(),
            partition_index,
        });
        let mut page = Page::new(cursor, partitions_max);
        for name in names {
            let has_room = match image.topic_named(name) {
                Some(topic) => page.add(&image, topic),
                None => page.add_unknown(name),
            };
            if !has_room {
                break;
            }
        }
        let shown = page.answer.topics.iter().map(|topic| {
            let name = topic.name.as_deref().expect("a name");
            let partitions = topic.partitions.iter().map(|partition| partition.partition_index);
            let partitions: Vec<String> = partitions.map(|index| format!("{name}-{index}")).collect();
            match topic.error_code {
                ErrorCode::NONE => format!("{name}[{}]", partitions.join(" ")),
                error_code => format!("{name} {error_code}"),
            }
        });
        let shown: Vec<String> = shown.collect();
        let next = page.answer.next_cursor;
        let next = next.map_or(String::new(), |next| {
            format!(" next {}-{}", next.topic_name, next.partition_index)
        });
        shown.join(" ") + &next
    }

    /// Goal: pages meet: each partition is on one of them, whatever their length, and the last names no other.
    #[test]
    fn pages_meet() {
        let all = ["a", "b", "c"];
        assert_eq!(page(&all, None, 6), "a[a-0 a-1 a-2] b[b-0] c[c-0 c-1]");
        assert_eq!(page(&all, None, 2), "a[a-0 a-1] next a-2");
        assert_eq!(page(&all, Some(("a", 2)), 2), "a[a-2] b[b-0] next c-0");
        assert_eq!(page(&["c"], Some(("c", 0)), 2), "c[c-0 c-1]");
        // A page that a topic fills to the last partition ends before the next topic, if there is one.
        assert_eq!(page(&all, None, 3), "a[a-0 a-1 a-2] next b-0");
        assert_eq!(page(&["a"], None, 3), "a[a-0 a-1 a-2]");
    }

    /// Goal: what is not there takes no room, but a full page ends before it, too; Kafka's order of the two.
    #[test]
    fn topics_that_are_not_there() {
        assert_eq!(page(&["a", "aa"], None, 3), "a[a-0 a-1 a-2] next aa-0");
        assert_eq!(
            page(&["a", "aa", "b"], None, 4),
            "a[a-0 a-1 a-2] aa UNKNOWN_TOPIC_OR_PARTITION b[b-0]"
        );
        assert_eq!(page(&["a b"], None, 4), "a b INVALID_TOPIC_EXCEPTION");
        // A cursor beyond the last partition: the topic, with nothing of it.
        assert_eq!(page(&["b", "c"], Some(("b", 7)), 2), "b[] c[c-0 c-1]");
        assert_eq!(page(&["b"], Some(("b", i32::MAX)), 2), "b[]");
    }

    /// Goal: a cursor outside of what is asked for, or before the first partition, is refused.
    #[test]
    fn cursors_that_make_no_sense() {
        let cursor = |topic_name: &str, partition_index| Cursor {
            topic_name: topic_name.to_owned(),
            partition_index,
        };
        let asked = BTreeSet::from(["a", "b"]);
        assert!(makes_sense(&cursor("a", 0), &asked) && makes_sense(&cursor("z", 0), &BTreeSet::new()));
        assert!(!makes_sense(&cursor("c", 0), &asked));
        assert!(!makes_sense(&cursor("a", -1), &asked) && !makes_sense(&cursor("a", -1), &BTreeSet::new()));
    }
}
