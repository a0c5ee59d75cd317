//! Runs scripts against a store on a simulated disk, and keeps the log of what was acknowledged.
//!
//! A script is one command a line: `create 0`, `append 0 3`, `truncate 0 5`, `start 0 2`, `state 0`, `delete 0`,
//! `commit` (until nothing is on its way), `poll` (one look at a commit), `idle` (the watermark), `background`,
//! `checkpoint`, `full` (nothing is free on the disk from now on).

use std::{
    cell::RefCell,
    future::Future,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use corelane_protocol::records::{BatchHeader, Builder, records};
use uuid::Uuid;

use super::model::{Logs, ModelLog, Op, apply};
use crate::{
    AppendError, FormatWish, LogConfig, LogId, LogSpec, OpenError, Rules, StateKind, Store, StoreOptions, Ticket,
    disk::Disk,
    open_data_dir,
    sim_disk::{Operation, SimDisk},
};

pub const TOPIC: &str = "orders";

/// Tells what the broker was promised.
#[derive(Clone, Debug, Default)]
pub struct History {
    pub ops: Vec<Op>,
    pub tickets: Vec<u64>,
    /// The longest prefix of `ops` that was acknowledged.
    pub acked: usize,
    pub next_payload: u64,
}

pub fn options(rules: &Rules, depth: usize) -> StoreOptions {
    let now = || -> Pin<Box<dyn Future<Output = ()>>> { Box::pin(async {}) };
    StoreOptions {
        rules: rules.clone(),
        journal_files: 6,
        journal_file_bytes: 8 * 4096,
        journal_files_ahead: 6,
        frames_in_flight: depth,
        frame_bytes_max: 8 << 10,
        ..StoreOptions::new(move |_| now(), now, || 1_000_000)
    }
}

pub fn wish() -> FormatWish {
    FormatWish {
        cluster_id: None,
        new_cluster_id: Uuid::from_u128(8),
        disk_uuid: Uuid::from_u128(7),
        broker_id: 1,
        cores: 1,
        wall_ms: 0,
    }
}

pub fn run<T>(future: impl Future<Output = T>) -> T {
    let mut future = Box::pin(future);
    let mut polls = 0;
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return value;
        }
        polls += 1;
        assert!(polls < 100_000, "nothing moves any more");
    }
}

/// Each operation takes a few polls, by a seed; so writes in flight end in any order.
pub fn slow(disk: &SimDisk, seed: u64) {
    let random = Rc::new(RefCell::new(Random::new(seed)));
    disk.set_latency(move |operation| {
        let polls = match operation {
            Operation::Write | Operation::Flush => random.borrow_mut().below(4),
            _ => 0,
        };
        Box::pin(Yields(polls))
    });
}

struct Yields(u64);

impl Future for Yields {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.0 == 0 {
            return Poll::Ready(());
        }
        self.0 -= 1;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

type Commit = Pin<Box<dyn Future<Output = Result<Vec<(LogId, i64)>, crate::StorageError>>>>;

pub struct Session {
    pub store: Store<SimDisk>,
    commit: Option<Commit>,
}

pub fn open(disk: &SimDisk, rules: &Rules, depth: usize) -> Result<Session, OpenError> {
    open_with(disk, options(rules, depth))
}

/// A young journal has so many files ahead of need.
pub fn open_young(disk: &SimDisk, rules: &Rules, depth: usize, files_ahead: u32) -> Result<Session, OpenError> {
    let options = StoreOptions {
        journal_files_ahead: files_ahead,
        ..options(rules, depth)
    };
    open_with(disk, options)
}

pub fn open_with(disk: &SimDisk, options: StoreOptions) -> Result<Session, OpenError> {
    run(async {
        let identity = open_data_dir(disk, wish()).await?;
        let store = Store::open(disk.clone(), &identity, 0, options).await?;
        Ok(Session { store, commit: None })
    })
}

impl Session {
    fn id(&self, log: u32) -> Option<LogId> {
        self.store.find(Uuid::from_u128(1), log as i32)
    }

    /// False: the power is gone.
    pub fn command(&mut self, line: &str, history: &mut History) -> bool {
        let words: Vec<&str> = line.split_whitespace().collect();
        let number = |at: usize| words[at].parse::<i64>().expect("a number");
        let mut op = None;
        match words[0] {
            "create" => op = Some(Op::Create(number(1) as u32)),
            "append" => {
                history.next_payload += 1;
                op = Some(Op::Append(number(1) as u32, number(2), history.next_payload));
            }
            "truncate" => {
                let log = number(1) as u32;
                op = batch_start(&history.ops, log, number(2)).map(|to| Op::Truncate(log, to));
            }
            "start" => op = Some(Op::Start(number(1) as u32, number(2))),
            "state" => {
                history.next_payload += 1;
                op = Some(Op::State(number(1) as u32, history.next_payload));
            }
            "delete" => op = Some(Op::Delete(number(1) as u32)),
            "commit" => {
                while self.commits_pending() {
                    if !self.poll_until_commit(history) {
                        return false;
                    }
                }
            }
            "poll" => return self.poll(history),
            "idle" => {
                if self.store.inner.state.borrow().committer.wants_watermark() && !self.poll_until_commit(history) {
                    return false;
                }
            }
            "background" => {
                if run(self.store.background()).is_err() {
                    return false;
                }
            }
            "full" => full(&self.store.inner.disk),
            "checkpoint" => {
                if run(self.store.checkpoint()).is_err() {
                    return false;
                }
            }
            _ => panic!("no such command: {line}"),
        }
        if let Some(op) = op
            && let Some(ticket) = self.perform(&op)
        {
            history.ops.push(op);
            history.tickets.push(ticket);
        }
        self.note_acks(history);
        true
    }

    fn commits_pending(&self) -> bool {
        let state = self.store.inner.state.borrow();
        !state.is_clean() || !state.committer.idle() || state.committed
    }

    fn poll_until_commit(&mut self, history: &mut History) -> bool {
        let mut commit = self.commit.take().unwrap_or_else(|| self.new_commit());
        let ended = run(commit.as_mut());
        if ended.is_ok() {
            self.note_acks(history);
        }
        ended.is_ok()
    }

    fn poll(&mut self, history: &mut History) -> bool {
        if !self.commits_pending() {
            return true;
        }
        let mut commit = self.commit.take().unwrap_or_else(|| self.new_commit());
        match commit.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Pending => self.commit = Some(commit),
            Poll::Ready(Err(_)) => return false,
            Poll::Ready(Ok(_)) => self.note_acks(history),
        }
        true
    }

    fn new_commit(&self) -> Commit {
        let store = self.store.clone();
        Box::pin(async move { store.commit().await })
    }

    fn note_acks(&self, history: &mut History) {
        let durable = |seq: &u64| self.store.is_durable(Ticket { frame_seq: *seq });
        let acked = history.tickets.iter().take_while(|seq| durable(seq)).count();
        history.acked = history.acked.max(acked);
    }

    /// None: there is no such log, so nothing is asked.
    fn perform(&self, op: &Op) -> Option<u64> {
        let store = &self.store;
        let ticket = match op {
            Op::Create(log) => {
                if self.id(*log).is_some() {
                    return None;
                }
                let spec = LogSpec {
                    topic_id: Uuid::from_u128(1),
                    topic: TOPIC.into(),
                    partition: *log as i32,
                };
                store.create(
                    spec,
                    LogConfig {
                        segment_bytes: 12 << 10,
                        ..LogConfig::default()
                    },
                );
                store.inner.state.borrow().newest_ticket()
            }
            Op::Append(log, records, payload) => {
                let id = self.id(*log)?;
                let end = store.end_offset(id).expect("just found");
                match store.append(id, &batch(*records, *payload), end, 1, None) {
                    Ok(ticket) => ticket,
                    Err(AppendError::Failed) => return None,
                    Err(error) => panic!("append: {error}"),
                }
            }
            Op::Truncate(log, to) => store.truncate(self.id(*log)?, *to),
            Op::Start(log, offset) => store.advance_start(self.id(*log)?, *offset),
            Op::State(log, value) => store.set_state(
                self.id(*log)?,
                StateKind::HardState,
                Bytes::copy_from_slice(&value.to_le_bytes()),
            ),
            Op::Delete(log) => store.delete(self.id(*log)?),
        };
        Some(ticket.frame_seq)
    }

    /// Everything that the store holds, read back.
    pub fn contents(&self) -> Logs {
        let mut logs = Logs::new();
        for info in self.store.logs() {
            assert_eq!(info.damaged, None, "damage without rot");
            logs.insert(info.spec.partition as u32, self.content(info.id));
        }
        logs
    }

    pub fn content(&self, id: LogId) -> ModelLog {
        let store = &self.store;
        let mut log = ModelLog {
            start_offset: store.start_offset(id).expect("exists"),
            end_offset: store.end_offset(id).expect("exists"),
            batches: Vec::new(),
            state: store
                .state(id, StateKind::HardState)
                .map(|b| u64::from_le_bytes(b[..].try_into().expect("eight"))),
        };
        let mut at = log.start_offset;
        while at < log.end_offset {
            let parts = run(store.read(id, at, i64::MAX, 1 << 20)).expect("readable");
            let Some(last) = parts.last() else { break };
            at = BatchHeader::parse(last).expect("a batch").next_offset();
            log.batches.extend(parts.iter().map(describe));
        }
        log
    }
}

/// Nothing is free from now on.
pub fn full(disk: &SimDisk) {
    disk.set_capacity(u64::MAX);
    let free = run(disk.space()).expect("known").free_bytes;
    disk.set_capacity(u64::MAX - free);
}

/// The last start of a batch up to `to`: where logs diverge, a batch starts.
fn batch_start(ops: &[Op], log: u32, to: i64) -> Option<i64> {
    let mut logs = Logs::new();
    ops.iter().for_each(|op| apply(&mut logs, op));
    let log = logs.get(&log)?;
    let starts = log
        .batches
        .iter()
        .map(|(base, ..)| *base)
        .filter(|base| *base >= log.start_offset);
    starts.chain([log.end_offset]).filter(|start| *start <= to).max()
}

/// Sized by payload, so that frames end at different places.
pub fn batch(count: i64, payload: u64) -> Bytes {
    let mut builder = Builder::new();
    let filler = vec![payload as u8; (payload % 5 * 700) as usize];
    for _ in 0..count {
        builder.push(payload as i64, Some(&payload.to_le_bytes()), Some(&filler));
    }
    builder.build()
}

pub fn describe(batch: &Bytes) -> (i64, i64, u64) {
    let header = BatchHeader::parse(batch).expect("a batch");
    let first = records(batch).expect("records").next().expect("one").expect("sound");
    let key = first.key.expect("a key");
    (
        header.base_offset,
        header.last_offset(),
        u64::from_le_bytes(key[..].try_into().expect("eight bytes")),
    )
}

pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0xd1b5_4a32_d192_ed03)
    }

    pub fn next(&mut self) -> u64 {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}
