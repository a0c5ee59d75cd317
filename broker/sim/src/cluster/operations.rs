//! What an operator does: topics, partitions, configs, reassignments, elections.

use corelane_broker::metadata::{
    Wish,
    decide::{
        AlterConfigs, ConfigChange, ConfigOp, CreatePartitions, CreateTopics, FormatCluster, MorePartitions, NewTopic,
        Resource, TopicRef,
    },
    shard::{AlterReassignments, ElectLeaders, ElectionType, ShardWish},
};
use uuid::Uuid;

use super::{
    asking::Wished,
    config_rules::{MIN_ISR, UNCLEAN},
    event_loop::Cluster,
    events::Event,
    marks::Mark,
    timeline::MILLISECOND,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    DeleteTopic,
    AddPartitions,
    MinIsr,
    Unclean,
    Reassign,
    ElectPreferred,
    ElectUnclean,
    /// The leader's log loses its oldest committed records (retention).
    Trim,
}

impl Operation {
    /// Those that never give records up.
    pub const CLEAN: &'static [Operation] = &[
        Operation::DeleteTopic,
        Operation::AddPartitions,
        Operation::MinIsr,
        Operation::Reassign,
        Operation::ElectPreferred,
        Operation::Trim,
    ];

    /// And those that may.
    pub const UNCLEAN: &'static [Operation] = &[Operation::Unclean, Operation::ElectUnclean];
}

/// Partitions of a run at most, those of deleted topics among them.
const PARTITIONS_MAX: usize = 12;

impl Cluster {
    fn format(&mut self) {
        let format = FormatCluster {
            cluster_id: Uuid::from_u128(1),
            shards: self.plan.shards as u16,
            features: Vec::new(),
        };
        self.operate(0, Wished::Root(Wish::Format(format)));
    }

    /// Sees to it that the wished topics exist, also after one was deleted: again under the same name.
    pub(super) fn on_topics(&mut self) {
        let next = self.now() + self.random.between(50, 300) * MILLISECOND;
        self.timeline.plan(next, Event::Topics);
        if self.history.root().cluster_id.is_none() {
            return self.format();
        }
        let root = self.history.root();
        let active = root.brokers.values().filter(|broker| broker.is_active()).count();
        if active < self.nodes.len().min(self.plan.topics.replication_factor) || self.topics.len() >= PARTITIONS_MAX {
            return;
        }
        for number in 0..self.plan.topics.count {
            let name = format!("t{number}");
            if self.history.root().topic_named(&name).is_none() {
                if self.topics.len() >= self.plan.topics.count {
                    self.marks.hit(Mark::TopicRecreated);
                }
                self.create_topic(name);
            }
        }
    }

    fn create_topic(&mut self, name: String) {
        let plan = &self.plan.topics;
        let (partitions, factor) = (plan.partitions, plan.replication_factor);
        let configs = vec![
            (MIN_ISR.to_string(), Some(plan.min_isr.to_string())),
            (UNCLEAN.to_string(), Some(plan.unclean.to_string())),
        ];
        let assignments = (0..partitions)
            .map(|number| (number as i32, self.draw_nodes(factor)))
            .collect();
        let topic = NewTopic {
            name,
            num_partitions: -1,
            replication_factor: -1,
            assignments,
            configs,
        };
        let wish = Wish::CreateTopics(CreateTopics {
            topics: vec![topic],
            validate_only: false,
        });
        self.operate(0, Wished::Root(wish));
    }

    fn draw_nodes(&mut self, count: usize) -> Vec<i32> {
        let mut nodes: Vec<i32> = (0..self.nodes.len() as i32).collect();
        for place in 0..nodes.len() {
            let other = self.random.between(place as u64, nodes.len() as u64 - 1) as usize;
            nodes.swap(place, other);
        }
        nodes.truncate(count);
        nodes
    }

    pub(super) fn on_operation(&mut self, operation: Operation) {
        if self.topics.len() == 0 {
            return;
        }
        let p = self.random.below(self.topics.len() as u64) as usize;
        let info = self.topics.partitions[p];
        let Some(topic) = self.history.root().topic(info.key.topic_id).cloned() else {
            return;
        };
        let shard = 1 + info.shard;
        let name = topic.name.to_string();
        match operation {
            Operation::DeleteTopic => self.operate(0, Wished::Root(Wish::DeleteTopics(vec![TopicRef::Name(name)]))),
            Operation::AddPartitions if self.topics.len() < PARTITIONS_MAX => {
                let nodes = self.draw_nodes(self.plan.topics.replication_factor);
                let wish = Wish::CreatePartitions(CreatePartitions {
                    topics: vec![MorePartitions {
                        name,
                        count: topic.partition_count() + 1,
                        assignments: Some(vec![nodes]),
                    }],
                    validate_only: false,
                });
                self.operate(0, Wished::Root(wish));
            }
            Operation::AddPartitions => {}
            Operation::MinIsr => {
                let value = self.random.between(1, self.plan.topics.replication_factor as u64);
                self.alter_config(name, MIN_ISR, value.to_string());
            }
            Operation::Unclean => {
                let value = self.random.chance(1, 2);
                self.alter_config(name, UNCLEAN, value.to_string());
            }
            Operation::Reassign => {
                let factor = self.plan.topics.replication_factor;
                let nodes = self.random.chance(4, 5).then(|| self.draw_nodes(factor));
                let wish = ShardWish::AlterReassignments(AlterReassignments {
                    partitions: vec![(info.key, nodes)],
                    allow_replication_factor_change: true,
                });
                self.operate(shard, Wished::Shard(wish));
            }
            Operation::ElectPreferred | Operation::ElectUnclean => {
                let election = match operation {
                    Operation::ElectPreferred => ElectionType::Preferred,
                    _ => ElectionType::Unclean,
                };
                let wish = ShardWish::ElectLeaders(ElectLeaders {
                    election,
                    partitions: vec![info.key],
                });
                self.operate(shard, Wished::Shard(wish));
            }
            Operation::Trim => self.trim(p),
        }
    }

    fn alter_config(&mut self, topic: String, key: &str, value: String) {
        let change = ConfigChange {
            key: key.to_string(),
            op: ConfigOp::Set,
            value: Some(value),
        };
        let wish = Wish::AlterConfigs(AlterConfigs {
            resources: vec![(Resource::Topic(topic), vec![change])],
            validate_only: false,
        });
        self.operate(0, Wished::Root(wish));
    }

    /// Retention at every node that believes to lead: up to its high watermark.
    fn trim(&mut self, p: usize) {
        for n in 0..self.nodes.len() {
            if !self.is_running(n) {
                continue;
            }
            let Some(host) = &mut self.nodes[n].replicas[p] else {
                continue;
            };
            let (start, high_watermark) = (host.log.start, host.replica.high_watermark());
            if !host.replica.is_leader() || high_watermark <= start {
                continue;
            }
            let to = start + self.random.between(1, (high_watermark - start) as u64) as i64;
            let host = self.nodes[n].replicas[p].as_mut().expect("it leads");
            host.log.trim(to);
            if let Some(disk) = &mut self.nodes[n].disk.replicas[p] {
                // A removed segment is gone at once; what is not on disk yet cannot be removed from it.
                disk.trim(to.min(disk.end()));
            }
            self.marks.hit(Mark::LogTrimmed);
        }
    }
}
