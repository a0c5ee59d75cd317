//! Where replicas meet their logs and the clients that wait: carries out what a step of a replica says.
//!
//! What must stay true: a persist is in the journal before the next step; a replica hears that it is durable in the order
//! of the journal; a broken invariant ends the process before anything of its step is done.
//!
//! A sole replica has nobody to send to and no ISR to change, and no time changes it.

use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

use bytes::Bytes;
use corelane_protocol::{error_code::ErrorCode, records};
use corelane_storage::{LogId, StateKind, Store, Ticket, disk::Disk};

use super::{
    Partition, PartitionKey, Partitions, fetch,
    replica::{Config, Epochs, Identity, Input, LogView, Output, Recovered, Replica, Role},
    waiters::Waiter,
};
use crate::{
    config::TopicConfig,
    core::{Core, Message},
    limits::REPLICA_APPEND_BYTES_MAX,
    metadata::records::PartitionState,
    runtime::world::{Instant, World},
};

/// A persist on its way to the disk.
pub(super) struct Persisting {
    ticket: Ticket,
    key: PartitionKey,
    number: u64,
}

/// Who need not wait any longer.
#[derive(Default)]
pub(super) struct Settled {
    produced: Vec<(Waiter, ErrorCode)>,
    fetches: BTreeSet<fetch::WaiterKey>,
}

impl Settled {
    /// Answers them. Nothing may be borrowed any more.
    pub(super) fn answer<W: World<Message = Message>>(self, core: &Core<W>) {
        for (waiter, error_code) in self.produced {
            waiter.pending.settle_part(core, waiter.index, error_code);
        }
        fetch::retry(core, self.fetches);
    }
}

/// Keeps the log of a partition from now on: its replica begins with what the disk holds.
pub fn open<W: World<Message = Message>>(
    core: &Core<W>,
    key: PartitionKey,
    log: LogId,
    broker_epoch: Option<u64>,
    config: std::sync::Arc<TopicConfig>,
) {
    let identity = Identity {
        node: core.broker_id(),
        storage_id: core.identity().disk_uuid,
        broker_epoch,
    };
    let config_of_node = Config {
        lag_time_max: Duration::from_millis(core.config.replication.replica_lag_time_max_ms as u64),
        ..Config::production()
    };
    let replica = Replica::new(config_of_node, identity, recovered(core.store(), log));
    core.partitions
        .borrow_mut()
        .insert(key, Partition::new(log, replica, config));
}

/// A newer state of the partition was applied. True if this broker leads it.
pub fn on_state<W: World<Message = Message>>(core: &Core<W>, key: &PartitionKey, state: &PartitionState) -> bool {
    step(core, key, Input::State(state));
    core.partitions.borrow().leader(key).is_ok()
}

/// This process registered: leadership that was granted to it counts from now on.
pub fn on_registered<W: World<Message = Message>>(core: &Core<W>, broker_epoch: u64) {
    let keys: Vec<PartitionKey> = core.partitions.borrow().by_key.keys().copied().collect();
    for key in keys {
        step(core, &key, Input::Registered { broker_epoch });
    }
}

/// Another frame of the journal is durable.
pub fn on_commit<W: World<Message = Message>>(core: &Core<W>) {
    let mut settled = Settled::default();
    {
        let mut partitions = core.partitions.borrow_mut();
        while let Some(persisting) = partitions.next_durable(core.store()) {
            partitions.step(
                core,
                &persisting.key,
                Input::Persisted(persisting.number),
                None,
                &mut settled,
            );
        }
    }
    settled.answer(core);
}

fn step<W: World<Message = Message>>(core: &Core<W>, key: &PartitionKey, input: Input<'_>) {
    let mut settled = Settled::default();
    core.partitions.borrow_mut().step(core, key, input, None, &mut settled);
    settled.answer(core);
}

impl Partitions {
    /// One step of one replica. `appended`: where in the journal the input's records are already.
    pub(super) fn step<W: World<Message = Message>>(
        &mut self,
        core: &Core<W>,
        key: &PartitionKey,
        input: Input<'_>,
        appended: Option<Ticket>,
        settled: &mut Settled,
    ) {
        let Some(partition) = self.by_key.get_mut(key) else {
            return;
        };
        let (store, log) = (core.store(), partition.log);
        let output = &mut self.output;
        let now = since_start(core.world.now());
        partition.replica.step(now, input, &OwnLog { store, log }, output);
        if let Some(broken) = output.broken {
            core.world.fail_stop(&format!("partition {key:?}: {broken}"));
        }
        if !output.persist.is_empty() {
            let ticket = write_down(store, log, &partition.replica, output).max(appended);
            let ticket = ticket.expect("what is to be persisted was written");
            self.persisting.push(Persisting {
                ticket,
                key: *key,
                number: output.persist.number,
            });
        }
        let role_changed = output.role.is_some();
        if role_changed || output.isr_changed || output.high_watermark.is_some() || output.durable_end.is_some() {
            partition
                .produce_waiters
                .settle(&partition.replica, &mut settled.produced);
        }
        if role_changed || output.high_watermark.is_some() {
            settled.fetches.append(&mut partition.fetch_waiters);
        }
    }

    fn next_durable<D: Disk>(&mut self, store: &Store<D>) -> Option<Persisting> {
        self.persisting.pop_if(|oldest| store.is_durable(oldest.ticket))
    }
}

/// Persists in the order of the journal.
#[derive(Default)]
pub(super) struct PersistQueue(VecDeque<Persisting>);

impl PersistQueue {
    fn push(&mut self, persisting: Persisting) {
        // Of one partition in one frame, the last number speaks for all.
        match self.0.back_mut() {
            Some(last) if last.key == persisting.key && last.ticket == persisting.ticket => {
                last.number = persisting.number;
            }
            _ => self.0.push_back(persisting),
        }
    }

    /// The partition is closed; one that is opened again counts anew.
    pub(super) fn forget(&mut self, key: &PartitionKey) {
        self.0.retain(|persisting| persisting.key != *key);
    }

    fn pop_if(&mut self, is_done: impl Fn(&Persisting) -> bool) -> Option<Persisting> {
        self.0.front().is_some_and(is_done).then(|| self.0.pop_front())?
    }
}

/// A partition's log, as its replica sees it.
struct OwnLog<'a, D: Disk> {
    store: &'a Store<D>,
    log: LogId,
}

impl<D: Disk> LogView for OwnLog<'_, D> {
    fn start(&self) -> i64 {
        self.store.start_offset(self.log).expect("a partition has its log")
    }

    fn append_end(&self, from: i64, upto: i64) -> i64 {
        let slices = self.store.read_tail(self.log, from, upto, REPLICA_APPEND_BYTES_MAX);
        let last = slices.as_ref().and_then(|slices| slices.last());
        let batches = last.into_iter().flat_map(|slice| records::batches(slice));
        batches
            .filter_map(Result::ok)
            .last()
            .map_or(from, |(header, _)| header.next_offset())
    }
}

/// Puts what a step says in the journal, but for records, which stand there already. Gives its place.
fn write_down<D: Disk>(store: &Store<D>, log: LogId, replica: &Replica, output: &Output) -> Option<Ticket> {
    let persist = &output.persist;
    let mut newest = None;
    if let Some(high_watermark) = persist.high_watermark {
        let value = Bytes::copy_from_slice(&high_watermark.to_le_bytes());
        newest = newest.max(Some(store.set_state(log, StateKind::HighWatermark, value)));
    }
    if let Some(epoch) = persist.adopt_epoch {
        let value = Bytes::copy_from_slice(&epoch.to_le_bytes());
        newest = newest.max(Some(store.set_state(log, StateKind::EpochAdopted, value)));
        if output.role == Some(Role::Leader) {
            newest = newest.max(Some(store.start_epoch(log, epoch, replica.end())));
        }
    }
    if let Some(to) = persist.truncate_to.or(persist.restart_at) {
        newest = newest.max(Some(store.truncate(log, to)));
    }
    if let Some(offset) = persist.log_start.max(persist.restart_at) {
        newest = newest.max(Some(store.advance_start(log, offset)));
    }
    newest
}

/// What the disk holds of a log. Without a written floor the log's last epoch is one.
fn recovered<D: Disk>(store: &Store<D>, log: LogId) -> Recovered {
    let open = "the log was just opened";
    let state = |kind| store.state(log, kind);
    let start = store.start_offset(log).expect(open);
    let end = store.durable_end(log).expect(open);
    let high_watermark =
        state(StateKind::HighWatermark).and_then(|value| Some(i64::from_le_bytes(value[..].try_into().ok()?)));
    let epoch_floor =
        state(StateKind::EpochAdopted).and_then(|value| Some(i32::from_le_bytes(value[..].try_into().ok()?)));
    Recovered {
        epochs: Epochs::recovered(store.epochs(log).expect(open), end),
        // Retention takes only what is committed.
        high_watermark: high_watermark.unwrap_or(start).max(start),
        epoch_floor: epoch_floor.unwrap_or(-1),
    }
}

fn since_start(now: Instant) -> Duration {
    now.since(Instant::default())
}
