//! What clients and other replicas may rely on, compared after every step.

use super::{world::World, *};

impl World {
    /// The committed prefix never changes; a leader of the newest epoch has all of it; an epoch has one leader.
    pub(super) fn check(&mut self, node: usize, before: i64, output: &Output) {
        if output.role == Some(Role::Leader) {
            self.check_election(node);
        }
        if let Some(high_watermark) = output.high_watermark {
            self.check_committed(node, before, high_watermark);
        }
    }

    fn check_election(&mut self, node: usize) {
        let held = &self.nodes[node];
        let epoch = held.replica.as_ref().expect("it just stepped").leader_epoch();
        let incarnation = (node, held.broker_epoch);
        let complete = (held.log.start.max(0)..self.committed.len() as i64)
            .all(|offset| held.log.at(offset) == Some(self.committed[offset as usize]));
        if *self.leaders.entry(epoch).or_insert(incarnation) != incarnation {
            self.fail(format!("two leaders of epoch {epoch}"));
        }
        // A late leader of an old epoch rightly lacks what was committed since; only the newest must be complete.
        let newest = self.states.last().is_some_and(|state| state.leader_epoch == epoch);
        if newest && !complete && !self.unclean {
            self.fail(format!("node {node} leads epoch {epoch} without all committed records"));
        }
    }

    fn check_committed(&mut self, node: usize, before: i64, high_watermark: i64) {
        let held = &self.nodes[node];
        let is_leader = held.is_leader();
        if held.log.end() < high_watermark {
            return self.fail(format!("node {node}: high watermark beyond the log's end"));
        }
        for offset in before.max(held.log.start)..high_watermark {
            let record = self.nodes[node].log.at(offset).expect("within the log");
            match self.committed.get(offset as usize) {
                Some(committed) if *committed == record => {}
                None if is_leader && offset == self.committed.len() as i64 => self.committed.push(record),
                _ if self.unclean => {
                    self.committed.truncate(offset as usize);
                    self.committed.push(record);
                }
                other => {
                    let other = other.copied();
                    return self.fail(format!(
                        "node {node}: offset {offset} is {record:?}, committed was {other:?}"
                    ));
                }
            }
        }
    }
}
