//! Replicas of a running node: inputs in, outputs carried out, every change observed.

use std::time::Duration;

use corelane_broker::{
    metadata::{records::PartitionState, shard},
    partition::replica::{
        self, Ack, AlterPartition, Append, Config, Identity, Input, Message, Outcome, Outgoing, Output, Replica, Role,
    },
};
use uuid::Uuid;

use super::{
    alarm::Alarm,
    event_loop::Cluster,
    events::Event,
    marks::Mark,
    node::Write,
    packet::{Ask, Packet},
    replica_host::ReplicaHost,
    replica_log::{Batch, Record, ReplicaLog},
};

impl Cluster {
    /// A replica of a partition that this node now knows of, from what its disk holds.
    pub(super) fn open_replica(&mut self, n: usize, p: usize) {
        let (config, append_max) = (self.replica_config(), self.plan.replica.append_max);
        let made = self.fresh_id();
        let node = &mut self.nodes[n];
        let disk = node.disk.replicas[p].get_or_insert_with(|| ReplicaLog::new(made, append_max));
        let me = Identity {
            node: n as i32,
            storage_id: Uuid::from_u128(node.storage_id),
            broker_epoch: node.broker.epoch,
        };
        node.replicas[p] = Some(ReplicaHost {
            replica: Replica::new(config, me, disk.recovered()),
            log: disk.clone(),
            alarm: Alarm::default(),
            told: -1,
            committed_max: 0,
            producers: Vec::new(),
        });
    }

    fn replica_config(&self) -> Config {
        let plan = &self.plan.replica;
        Config {
            lag_time_max: Duration::from_micros(plan.lag_max),
            resend_after: Duration::from_micros(plan.resend_after),
            propose_again_after: Duration::from_micros(plan.propose_again_after),
            high_watermark_delay: Duration::from_micros(plan.high_watermark_delay),
            checkpoint_interval: Duration::from_micros(plan.checkpoint_interval),
            rules: self.plan.rules.replica,
        }
    }

    pub(super) fn on_replica_wake(&mut self, n: usize, p: usize) {
        let now = self.now();
        let node = &mut self.nodes[n];
        let Some(host) = &mut node.replicas[p] else {
            return;
        };
        host.alarm.ring(now);
        let local = node.clock.read(now);
        if host.replica.next_wake().is_some_and(|due| due <= local) {
            let steps = self.steps;
            self.step_replica(n, p, Input::Tick, &Batch::default());
            let host = self.nodes[n].replicas[p].as_ref().expect("it was stepped");
            if self.steps == steps && host.replica.next_wake().is_some_and(|due| due <= local) {
                let what = format!(
                    "a tick that was due did nothing, and is due again at once: {:?}",
                    host.replica
                );
                self.judge("the replica core", Err(what));
            }
        } else {
            self.plan_replica_wake(n, p);
        }
    }

    pub(super) fn on_replica_message(&mut self, n: usize, p: usize, from: usize, message: Message, batch: &Batch) {
        let mut spans = std::mem::take(&mut self.spans);
        match &message {
            Message::Append(append) => batch.spans(append.prev.end, &mut spans),
            Message::Ack(_) => spans.clear(),
        }
        let input = Input::Received {
            from: from as i32,
            message,
            spans: &spans,
        };
        self.step_replica(n, p, input, batch);
        self.spans = spans;
    }

    /// `batch`: the records of a received append, or those that are produced.
    pub(super) fn step_replica(&mut self, n: usize, p: usize, input: Input<'_>, batch: &Batch) -> Option<i64> {
        let now = self.now();
        let node = &mut self.nodes[n];
        let local = node.clock.read(now);
        let host = node.replicas[p].as_mut()?;
        let mut output = std::mem::take(&mut self.output);
        let high_watermark = host.replica.high_watermark();
        host.replica.step(local, input, &host.log, &mut output);
        if !output.effective && output.broken.is_none() {
            self.output = output;
            self.plan_replica_wake(n, p);
            return None;
        }
        self.steps += 1;
        let replica = &host.replica;
        let number = 1 << 63
            | (p as u64) << 56
            | (replica.end() as u64) << 36
            | (replica.high_watermark() as u64) << 16
            | (replica.leader_epoch() as u64 & 0xff) << 8
            | u64::from(output.marks.bits() & 0xff);
        self.trace.event(now, self.steps, n, number, || {
            let replica = &host.replica;
            format!(
                "p{p} {input:?} -> {:?} epoch {} end {} durable {} hw {}: {output:?}",
                replica.role(),
                replica.leader_epoch(),
                replica.end(),
                replica.durable_end(),
                replica.high_watermark()
            )
        });
        self.marks.hit_replica(output.marks);
        if let Some(broken) = output.broken {
            self.judge("the replica core", Err(format!("node {n}, partition {p}: {broken}")));
        } else {
            self.carry_out(n, p, &mut output, batch, high_watermark);
        }
        let appended = output.appended;
        self.output = output;
        self.plan_replica_wake(n, p);
        appended
    }

    fn carry_out(&mut self, n: usize, p: usize, output: &mut Output, batch: &Batch, high_watermark: i64) {
        if !output.persist.is_empty() {
            self.persist_replica(n, p, output, batch, high_watermark);
        }
        for Outgoing { to, message } in output.send_now.drain(..) {
            self.send_replica(n, p, to, message, false);
        }
        for Outgoing { to, message } in output.send_after_persist.drain(..) {
            self.send_replica(n, p, to, message, true);
        }
        if let Some(alter) = output.alter_partition.take() {
            self.request_alter_partition(n, p, alter);
        }
        if let Some(role) = output.role {
            self.observe_role(n, p, role);
        }
        if output.high_watermark.is_some() {
            // Whoever started over may have another history from its beginning on.
            let started_over = output.marks.contains(replica::Mark::StartedOver);
            self.observe_high_watermark(n, p, if started_over { 0 } else { high_watermark });
        }
        let waits = |host: &ReplicaHost| !host.producers.is_empty();
        if self.nodes[n].replicas[p].as_ref().is_some_and(waits) {
            self.answer_producers(n, p);
        }
    }

    fn persist_replica(&mut self, n: usize, p: usize, output: &Output, batch: &Batch, high_watermark: i64) {
        let persist = output.persist;
        let records = match persist.append {
            Some((from, to)) => self.appended_records(n, p, from, to, batch),
            None => Batch::default(),
        };
        let unclean_epoch = self.seen_state(n, p).map_or(-1, |state| state.unclean_epoch);
        let host = self.nodes[n].replicas[p].as_mut().expect("it was stepped");
        let no_truncation = &self.invariants.no_clean_truncation;
        let verdict = no_truncation.on_persist(&persist, &host.log, high_watermark, unclean_epoch);
        if persist.truncate_to.is_some_and(|to| to < host.committed_max) {
            self.marks.hit(Mark::UncleanTruncate);
        }
        host.log.apply(&persist, &records, true);
        let made = host.log.made;
        self.judge(
            "I21",
            verdict.map_err(|what| format!("node {n}, partition {p}: {what}")),
        );
        let journal = self.nodes[n].journal_of(1 + self.topics.partitions[p].shard);
        let write = Write::Replica {
            partition: p,
            made,
            persist,
            records,
            without_floor: !self.plan.rules.host.floor_is_written,
        };
        self.submit(n, journal, write);
    }

    /// The records that a step appends: of its produce, or of its message from some offset on.
    fn appended_records(&self, n: usize, p: usize, from: i64, to: i64, batch: &Batch) -> Batch {
        let host = self.nodes[n].replicas[p].as_ref().expect("it was stepped");
        let given = batch.as_slice();
        let mut records = Batch::default();
        // A message's records end where the append ends; produced ones are all of the batch.
        for record in &given[given.len() - (to - from) as usize..] {
            let epoch = match host.replica.is_leader() {
                true => host.replica.leader_epoch(),
                false => record.epoch,
            };
            records.push(Record { epoch, ..*record });
        }
        records
    }

    fn send_replica(&mut self, n: usize, partition: usize, to: i32, message: Message, after_persist: bool) {
        let batch = match &message {
            Message::Append(Append { prev, end, .. }) => {
                let host = self.nodes[n].replicas[partition].as_ref().expect("it was stepped");
                match host.log.batch(prev.end, *end) {
                    Some(batch) => batch,
                    None => return,
                }
            }
            Message::Ack(_) => Batch::default(),
        };
        let to = to as usize;
        let packet = Packet::Replica {
            partition,
            from: n,
            message,
            batch,
        };
        if after_persist {
            let journal = self.nodes[n].journal_of(1 + self.topics.partitions[partition].shard);
            self.send_after_writes(n, journal, to, packet);
        } else {
            self.send(n, to, packet);
        }
    }

    fn request_alter_partition(&mut self, n: usize, partition: usize, alter: AlterPartition) {
        let info = &self.topics.partitions[partition];
        let log = 1 + info.shard;
        let wish = shard::AlterPartition {
            node: n as i32,
            broker_epoch: alter.broker_epoch,
            partitions: vec![shard::IsrChange {
                key: info.key,
                leader_epoch: alter.leader_epoch,
                partition_epoch: alter.partition_epoch,
                new_isr: alter.new_isr,
                recovered: alter.recovered,
            }],
        };
        let packet = Packet::Ask {
            from: n,
            life: self.nodes[n].life,
            ask: Box::new(Ask::AlterPartition { partition, wish }),
        };
        let controller = self.controller_seen_by(n, log);
        self.send(n, controller, packet);
    }

    fn observe_role(&mut self, n: usize, p: usize, role: Role) {
        if role != Role::Leader {
            return;
        }
        let host = self.nodes[n].replicas[p].as_ref().expect("it was stepped");
        let leader_epoch = host.replica.leader_epoch();
        let verdict = self.invariants.one_leader_per_epoch.on_begin(p, leader_epoch, n);
        self.judge("I10", verdict);
        self.marks.hit(Mark::PartitionLed);
        let host = self.nodes[n].replicas[p].as_ref().expect("it was stepped");
        let newest = self.history.state(&self.topics.partitions[p]);
        let is_newest = newest.is_some_and(|state| state.leader_epoch == leader_epoch);
        let truth = &mut self.truths[p];
        if truth.unclean_pending && leader_epoch >= truth.unclean_epoch {
            truth.restart_from(&host.log, host.replica.high_watermark());
            self.marks.hit(Mark::UncleanLeaderBegan);
        } else if is_newest && !truth.is_void_for(leader_epoch) {
            let verdict = truth.is_held_by(&host.log);
            let verdict = verdict.map_err(|what| format!("partition {p}: the leader of epoch {leader_epoch}: {what}"));
            self.judge("I16", verdict);
        }
        // A sole replica restarts with all of its log committed, which nobody had said before.
        let host = self.nodes[n].replicas[p].as_ref().expect("it was stepped");
        let high_watermark = host.replica.high_watermark();
        if high_watermark > self.truths[p].end() {
            self.observe_high_watermark(n, p, high_watermark);
        }
    }

    fn observe_high_watermark(&mut self, n: usize, p: usize, before: i64) {
        let host = self.nodes[n].replicas[p].as_mut().expect("it was stepped");
        host.committed_max = host.committed_max.max(host.replica.high_watermark());
        let host = self.nodes[n].replicas[p].as_ref().expect("it was stepped");
        let replica = &host.replica;
        let (leader_epoch, to) = (replica.leader_epoch(), replica.high_watermark());
        let truth = &mut self.truths[p];
        if truth.is_void_for(leader_epoch) {
            return;
        }
        if replica.is_leader() {
            self.marks.hit(Mark::Committed);
            if self
                .nodes
                .iter()
                .any(|other| other.id != n && leads_later(other.replicas[p].as_ref(), leader_epoch))
            {
                self.marks.hit(Mark::ZombieCommitted);
            }
        }
        if replica.is_leader()
            && to > before
            && let Some(disk) = &self.nodes[n].disk.replicas[p]
        {
            let verdict = self.invariants.durable_floor.on_commit(p, n, leader_epoch, disk);
            self.judge("I20", verdict);
        }
        let host = self.nodes[n].replicas[p].as_ref().expect("it was stepped");
        let truth = &mut self.truths[p];
        let from = before.min(truth.end());
        let verdict = truth.on_high_watermark(from, to, &host.log);
        let verdict = verdict.map_err(|what| format!("node {n}, partition {p}, epoch {leader_epoch}: {what}"));
        self.judge("I15", verdict);
        self.observe_quorum(n, p, from, to);
    }

    /// Of the leader in office; an unclean one before it may have left others with anything.
    fn observe_quorum(&mut self, n: usize, p: usize, from: i64, to: i64) {
        let state = self.history.state(&self.topics.partitions[p]);
        let leader = &self.nodes[n];
        let host = leader.replicas[p].as_ref().expect("it was stepped");
        let in_office =
            |state: &PartitionState| host.replica.is_leader() && state.leader_epoch == host.replica.leader_epoch();
        if let Some(state) = state.filter(|state| in_office(state))
            && self.truths[p].unclean_epoch < 0
        {
            let superset = &self.invariants.quorum_superset;
            let verdict = superset.on_commit(p, state, (from, to), leader, &self.nodes);
            self.judge("I17", verdict);
        }
    }

    /// An acknowledgement left the process.
    pub(super) fn observe_ack(&mut self, n: usize, p: usize, ack: &Ack) {
        if let Outcome::Matched(end) = ack.outcome
            && let Some(disk) = &self.nodes[n].disk.replicas[p]
        {
            let verdict = self.invariants.durable_floor.on_ack(p, n, ack.leader_epoch, end, disk);
            self.judge("I20", verdict);
        }
    }

    pub(super) fn plan_replica_wake(&mut self, n: usize, p: usize) {
        let now = self.now();
        let node = &mut self.nodes[n];
        let Some(host) = &mut node.replicas[p] else {
            return;
        };
        if let Some(at) = host.alarm.set(now, host.replica.next_wake(), &node.clock) {
            let life = node.life;
            let wake = Event::ReplicaWake {
                node: n,
                life,
                partition: p,
            };
            self.timeline.plan(at, wake);
        }
    }
}

fn leads_later(host: Option<&ReplicaHost>, leader_epoch: i32) -> bool {
    host.is_some_and(|host| host.replica.is_leader() && host.replica.leader_epoch() > leader_epoch)
}
