//! Producers and readers of partitions.

use corelane_broker::partition::replica::{Acks, Input};
use corelane_protocol::error_code::ErrorCode;

use super::{
    event_loop::Cluster,
    events::Event,
    marks::Mark,
    replica_host::Producer,
    replica_log::{BATCH_MAX, Batch, Record},
};

impl Cluster {
    /// Records for a partition, at every node that believes to lead it: producers believe the leaders.
    pub(super) fn on_produce(&mut self) {
        if self.healed || self.idle {
            return;
        }
        let next = self.now() + self.random.between(1, 2 * self.plan.produce_every);
        self.timeline.plan(next, Event::Produce);
        if self.topics.len() == 0 {
            return;
        }
        let p = self.random.below(self.topics.len() as u64) as usize;
        for n in 0..self.nodes.len() {
            let node = &self.nodes[n];
            let leads = |host: &super::replica_host::ReplicaHost| host.replica.is_leader();
            if !node.up || !node.replicas[p].as_ref().is_some_and(leads) {
                continue;
            }
            let life = node.life;
            let append = Event::Append {
                node: n,
                life,
                partition: p,
            };
            if self.is_running(n) {
                self.append(n, p);
            } else {
                // It is in the socket's buffer when the process goes on.
                self.nodes[n].waiting.push_back(append);
            }
        }
    }

    pub(super) fn append(&mut self, n: usize, p: usize) {
        let acks = if self.random.chance(4, 5) {
            Acks::All
        } else {
            Acks::Leader
        };
        let Some(host) = &self.nodes[n].replicas[p] else {
            return;
        };
        match host.replica.admit(acks) {
            Ok(()) => {}
            Err(code) => {
                self.steps += 1;
                if code == ErrorCode::NOT_ENOUGH_REPLICAS {
                    self.marks.hit(Mark::ProduceRefusedByMinIsr);
                }
                return;
            }
        }
        let leader_epoch = host.replica.leader_epoch();
        let records = self
            .random
            .between(1, (BATCH_MAX as u64).min(self.plan.produce_records));
        let mut batch = Batch::default();
        for _ in 0..records {
            let value = self.fresh_id() as u32;
            batch.push(Record {
                epoch: leader_epoch,
                value,
            });
        }
        let input = Input::Produce {
            records: records as i64,
        };
        if let Some(base) = self.step_replica(n, p, input, &batch)
            && let Some(host) = &mut self.nodes[n].replicas[p]
        {
            host.producers.push(Producer {
                acks,
                leader_epoch,
                base,
                end: base + records as i64,
            });
            self.answer_producers(n, p);
        }
    }

    /// Whoever's records are as safe as he asked for is told.
    pub(super) fn answer_producers(&mut self, n: usize, p: usize) {
        let host = self.nodes[n].replicas[p].as_mut().expect("somebody waits here");
        let truth = &mut self.truths[p];
        let mut answered = 0;
        for producer in &host.producers {
            let answer = host
                .replica
                .acknowledgement(producer.acks, producer.end, producer.leader_epoch);
            let Some(code) = answer else {
                break;
            };
            answered += 1;
            if code == ErrorCode::NONE && producer.acks == Acks::All && !truth.is_void_for(producer.leader_epoch) {
                for offset in producer.base..producer.end {
                    let value = host.log.get(offset).map_or(0, |record| record.value);
                    truth.acked.push((offset, value));
                }
                self.marks.hit(Mark::ProduceAcknowledged);
            }
        }
        host.producers.drain(..answered);
    }

    /// A reader at a node that believes to lead: what it is told as the latest offset, and the records before it.
    pub(super) fn on_fetch(&mut self) {
        let next = self.now() + self.random.between(1, 10 * self.plan.produce_every);
        self.timeline.plan(next, Event::Fetch);
        if self.topics.len() == 0 {
            return;
        }
        let p = self.random.below(self.topics.len() as u64) as usize;
        let n = self.random.below(self.nodes.len() as u64) as usize;
        if !self.is_running(n) {
            return;
        }
        let Some(host) = &self.nodes[n].replicas[p] else {
            return;
        };
        match host.replica.latest_offset() {
            Ok(latest) => {
                let epoch = host.replica.leader_epoch();
                let verdict = self
                    .invariants
                    .watermark_told
                    .on_told(p, epoch, latest, &self.truths[p]);
                self.judge("I19", verdict);
            }
            Err(ErrorCode::OFFSET_NOT_AVAILABLE) => self.marks.hit(Mark::LatestNotAvailable),
            Err(_) => {}
        }
    }
}
