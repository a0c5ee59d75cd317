//! Reads of one core, and the clients that wait for data (long polling).
//!
//! What must stay true: nothing at or above the high watermark is given to a reader; a waiting fetch is answered exactly
//! once — by data, by its deadline, or because its caller has enough — and with the state at that moment.

use std::{collections::BTreeSet, time::Duration};

use bytes::Bytes;
use corelane_protocol::error_code::ErrorCode;
use corelane_storage::ReadError;

use super::{
    PartitionKey, Partitions,
    lending::{Loan, Reservation},
};
use crate::{
    core::{Core, Message, ReplyTo, message::Reply},
    log_limit::Verdict,
    runtime::world::{Instant, World},
};

/// Partitions of one core to read, and how long to wait for data.
#[derive(Clone)]
pub struct FetchCall {
    pub parts: Vec<FetchPart>,
    /// Bytes that all parts together may give, at least 1; the first batch found is given whole even if larger.
    pub max_bytes: usize,
    /// Bytes that are worth an answer before the deadline.
    pub min_bytes: usize,
    /// None: answer at once.
    pub deadline: Option<Instant>,
    /// The caller's name for this wait, for [`finish`]; unique among its waits.
    pub waiter: u64,
    /// So far.
    pub spent: FetchSpent,
}

/// Where the time of a fetch went on the core that it asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FetchSpent {
    /// Records were read from the disk.
    pub read: Duration,
    /// It waited for records.
    pub waited: Duration,
}

#[derive(Clone, Debug)]
pub struct FetchPart {
    pub key: PartitionKey,
    pub fetch_offset: i64,
    pub max_bytes: usize,
    /// −1: not said.
    pub current_leader_epoch: i32,
    /// −1: not said.
    pub last_fetched_epoch: i32,
}

/// One result per part, in order.
pub struct FetchAnswer {
    pub results: Vec<FetchResult>,
    /// Of all records; to be kept until they are sent.
    pub loan: Loan,
    pub spent: FetchSpent,
}

impl FetchAnswer {
    pub fn bytes(&self) -> usize {
        self.results.iter().map(FetchResult::bytes).sum()
    }

    /// Is there something that the client should hear of without delay?
    pub fn is_urgent(&self) -> bool {
        self.results
            .iter()
            .any(|result| result.error_code != ErrorCode::NONE || result.diverging_epoch.is_some())
    }
}

#[derive(Clone, Debug)]
pub struct FetchResult {
    pub error_code: ErrorCode,
    pub high_watermark: i64,
    pub log_start_offset: i64,
    /// (epoch, its end offset): the reader followed another history (KIP-595).
    pub diverging_epoch: Option<(i32, i64)>,
    pub records: Vec<Bytes>,
}

impl FetchResult {
    pub fn failed(error_code: ErrorCode) -> FetchResult {
        FetchResult {
            error_code,
            high_watermark: -1,
            log_start_offset: -1,
            diverging_epoch: None,
            records: Vec::new(),
        }
    }

    pub fn bytes(&self) -> usize {
        self.records.iter().map(Bytes::len).sum()
    }
}

/// (calling core, its waiter id).
pub type WaiterKey = (usize, u64);

/// A fetch that waits for data.
pub(super) struct Waiter {
    to: ReplyTo,
    call: FetchCall,
    since: Instant,
}

/// Takes a fetch: answers at once if memory has what it needs, reads the disk in a task of its own otherwise.
pub fn take<W: World<Message = Message>>(core: &Core<W>, to: ReplyTo, mut call: FetchCall) {
    match read_memory(core, &call) {
        Some(answer) => answer_or_wait(core, to, call, answer),
        None => {
            let task_core = core.clone();
            core.world.spawn("fetch from segments", async move {
                let began = task_core.world.now();
                let answer = read(&task_core, &call).await;
                call.spent.read += task_core.world.now().since(began);
                answer_or_wait(&task_core, to, call, answer);
            });
        }
    }
}

/// Tries waiting fetches again after something they wait for changed.
pub(super) fn retry<W: World<Message = Message>>(core: &Core<W>, woken: BTreeSet<WaiterKey>) {
    for key in woken {
        if let Some(waiter) = remove(core, key) {
            take(core, waiter.to, waiter.call);
        }
    }
}

/// Answers a waiting fetch now with what there is: its deadline passed, or its caller needs no more of it.
pub fn finish<W: World<Message = Message>>(core: &Core<W>, key: WaiterKey) {
    if let Some(mut waiter) = remove(core, key) {
        waiter.call.deadline = None;
        take(core, waiter.to, waiter.call);
    }
}

/// The broker stops: who waits is answered with what there is, and nobody waits from now on.
pub fn finish_all<W: World<Message = Message>>(core: &Core<W>) {
    let waiting: Vec<WaiterKey> = core.partitions.borrow().fetch_waiters.keys().copied().collect();
    waiting.into_iter().for_each(|key| finish(core, key));
}

fn answer_or_wait<W: World<Message = Message>>(core: &Core<W>, to: ReplyTo, call: FetchCall, mut answer: FetchAnswer) {
    answer.spent = call.spent;
    let now = core.world.now();
    let deadline = call.deadline.filter(|deadline| *deadline > now && !core.is_stopping());
    let Some(deadline) = deadline else {
        return core.reply(to, Reply::Fetch(answer));
    };
    if answer.bytes() >= call.min_bytes || answer.is_urgent() {
        return core.reply(to, Reply::Fetch(answer));
    }
    let key = (to.core, call.waiter);
    {
        let mut partitions = core.partitions.borrow_mut();
        // Data may have become readable between the read and here (the read may have waited for a disk).
        let moved = call.parts.iter().zip(&answer.results).any(|(part, result)| {
            partitions
                .get(&part.key)
                .is_none_or(|p| p.replica.high_watermark() != result.high_watermark)
        });
        if !moved {
            for part in &call.parts {
                if let Some(partition) = partitions.by_key.get_mut(&part.key) {
                    partition.fetch_waiters.insert(key);
                }
            }
            partitions.fetch_waiters.insert(key, Waiter { to, call, since: now });
            drop(partitions);
            return core.expire_fetch_at(deadline, key);
        }
    }
    drop(answer);
    take(core, to, call);
}

fn remove<W: World<Message = Message>>(core: &Core<W>, key: WaiterKey) -> Option<Waiter> {
    let mut partitions = core.partitions.borrow_mut();
    let mut waiter = partitions.fetch_waiters.remove(&key)?;
    waiter.call.spent.waited += core.world.now().since(waiter.since);
    for part in &waiter.call.parts {
        if let Some(partition) = partitions.by_key.get_mut(&part.key) {
            partition.fetch_waiters.remove(&key);
        }
    }
    drop(partitions);
    if let Some(deadline) = waiter.call.deadline {
        core.timers.remove(deadline, key);
    }
    Some(waiter)
}

/// Everything from memory, or None if some part needs the disk.
fn read_memory<W: World<Message = Message>>(core: &Core<W>, call: &FetchCall) -> Option<FetchAnswer> {
    let mut filling = Filling::new(core, call);
    while let Some(wanted) = filling.next_wanted() {
        let records = core
            .store()
            .read_tail(wanted.log, wanted.from, wanted.upto, wanted.max_bytes)?;
        filling.add(Ok(records));
    }
    Some(filling.finish())
}

async fn read<W: World<Message = Message>>(core: &Core<W>, call: &FetchCall) -> FetchAnswer {
    let mut filling = Filling::new(core, call);
    while let Some(wanted) = filling.next_wanted() {
        let records = core
            .store()
            .read(wanted.log, wanted.from, wanted.upto, wanted.max_bytes)
            .await;
        filling.add(records);
    }
    filling.finish()
}

/// An answer part by part: says what to read next, and takes what was read.
struct Filling<'a, W: World> {
    core: &'a Core<W>,
    call: &'a FetchCall,
    /// Set aside for this answer, from the first read to the last.
    reservation: Reservation,
    /// What is left of it.
    budget: usize,
    results: Vec<FetchResult>,
    /// The next part's result, as it is without records.
    empty: Option<FetchResult>,
}

/// Records of one log that an answer has room for.
struct Wanted {
    log: corelane_storage::LogId,
    from: i64,
    upto: i64,
    max_bytes: usize,
}

impl<'a, W: World<Message = Message>> Filling<'a, W> {
    fn new(core: &'a Core<W>, call: &'a FetchCall) -> Filling<'a, W> {
        let reservation = core.partitions.borrow().reserve(call);
        Filling {
            core,
            call,
            budget: reservation.bytes(),
            reservation,
            results: Vec::with_capacity(call.parts.len()),
            empty: None,
        }
    }

    /// Answers the parts that need no read, up to one that does; None if that was the last.
    fn next_wanted(&mut self) -> Option<Wanted> {
        while let Some(part) = self.call.parts.get(self.results.len()) {
            let result = match plan(self.core, part) {
                Ok(Plan { log, empty, from, upto }) => {
                    let has_room = self.budget > 0;
                    if from < upto && has_room {
                        self.empty = Some(empty);
                        let max_bytes = part.max_bytes.min(self.budget);
                        return Some(Wanted {
                            log,
                            from,
                            upto,
                            max_bytes,
                        });
                    }
                    empty
                }
                Err(result) => *result,
            };
            self.results.push(result);
        }
        None
    }

    /// Takes what was read for the part that was wanted.
    fn add(&mut self, records: Result<Vec<Bytes>, ReadError>) {
        let empty = self.empty.take().expect("records are read for a part that wants them");
        let part = &self.call.parts[self.results.len()];
        let result = match records {
            Ok(records) => with_records(empty, records, self.budget, self.reservation.bytes()),
            Err(error) => {
                if let Verdict::Say { held_back } = self.core.log_limits.log_refused.judge(self.core.world.now()) {
                    let PartitionKey { topic_id, partition } = part.key;
                    tracing::error!(%topic_id, partition, offset = part.fetch_offset, %error, held_back, "read refused");
                }
                FetchResult::failed(ErrorCode::KAFKA_STORAGE_ERROR)
            }
        };
        self.budget = self.budget.saturating_sub(result.bytes());
        self.results.push(result);
    }

    fn finish(self) -> FetchAnswer {
        self.reservation.lend(self.results)
    }
}

impl Partitions {
    /// Sets aside what a call may give: not all that its reader would take, if its partitions are few. Each gives what it may,
    /// or one batch that is larger.
    fn reserve(&self, call: &FetchCall) -> Reservation {
        let mut wanted: usize = 0;
        for part in &call.parts {
            let Some(partition) = self.get(&part.key) else { continue };
            let batch_bytes_max = partition.config.max_message_bytes as usize;
            wanted = wanted.saturating_add(part.max_bytes).saturating_add(batch_bytes_max);
            if wanted >= call.max_bytes {
                break;
            }
        }
        self.lending.reserve(wanted.min(call.max_bytes))
    }
}

/// Adds what was read, unless it is a batch larger than what is left and not the first of the whole answer (KIP-74).
fn with_records(mut result: FetchResult, records: Vec<Bytes>, budget: usize, max_bytes: usize) -> FetchResult {
    let bytes: usize = records.iter().map(Bytes::len).sum();
    if bytes <= budget || budget == max_bytes {
        result.records = records;
    }
    result
}

/// What may be read for a part.
struct Plan {
    log: corelane_storage::LogId,
    empty: FetchResult,
    from: i64,
    upto: i64,
}

fn plan<W: World<Message = Message>>(core: &Core<W>, part: &FetchPart) -> Result<Plan, Box<FetchResult>> {
    let failed = |code| Box::new(FetchResult::failed(code));
    let partitions = core.partitions.borrow();
    let partition = partitions.leader(&part.key).map_err(failed)?;
    partition
        .replica
        .check_epoch(part.current_leader_epoch)
        .map_err(failed)?;
    let (store, log) = (core.store(), partition.log);
    let open = "a partition has its log";
    let empty = FetchResult {
        error_code: ErrorCode::NONE,
        high_watermark: partition.replica.high_watermark(),
        log_start_offset: store.start_offset(log).expect(open),
        diverging_epoch: None,
        records: Vec::new(),
    };
    let end_offset = store.end_offset(log).expect(open);
    // The end of a damaged log is not the end of what was acknowledged: who were sent elsewhere, or told to wait, would
    // never know.
    if part.fetch_offset >= end_offset && store.damage_of(log).is_some() {
        return Err(failed(ErrorCode::KAFKA_STORAGE_ERROR));
    }
    if part.last_fetched_epoch >= 0 {
        // An epoch that is yet to come, or older than all that the log knows: nobody can tell where such a reader is.
        let (epoch, end_offset) = store
            .epoch_end(log, part.last_fetched_epoch)
            .ok_or_else(|| failed(ErrorCode::OFFSET_OUT_OF_RANGE))?;
        if epoch < part.last_fetched_epoch || end_offset < part.fetch_offset {
            return Err(Box::new(FetchResult {
                diverging_epoch: Some((epoch, end_offset)),
                ..empty
            }));
        }
    }
    // Between high watermark and log end there is nothing yet, but the position is a legal one (KIP-207).
    if part.fetch_offset < empty.log_start_offset || part.fetch_offset > end_offset {
        return Err(failed(ErrorCode::OFFSET_OUT_OF_RANGE));
    }
    let upto = empty.high_watermark;
    Ok(Plan {
        log,
        empty,
        from: part.fetch_offset,
        upto,
    })
}
