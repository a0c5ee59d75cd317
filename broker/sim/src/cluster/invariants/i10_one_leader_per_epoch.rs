//! I10: no two nodes lead a partition in one leader epoch, nor two lives of one node.

use std::collections::BTreeMap;

use super::Verdict;

#[derive(Debug, Default)]
pub struct OneLeaderPerEpoch {
    /// (partition, leader epoch) to node.
    leaders: BTreeMap<(usize, i32), usize>,
}

impl OneLeaderPerEpoch {
    pub fn on_begin(&mut self, partition: usize, leader_epoch: i32, node: usize) -> Verdict {
        match self.leaders.insert((partition, leader_epoch), node) {
            Some(other) => Err(format!(
                "partition {partition}: node {other} began epoch {leader_epoch}, and now node {node}"
            )),
            None => Ok(()),
        }
    }
}
