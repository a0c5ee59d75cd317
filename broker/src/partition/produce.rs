//! Appends of one core, and the clients that wait for them to be durable.
//!
//! What must stay true: batches of one caller are appended in the order in which their calls arrived, also when some
//! have to wait for room; nothing is answered for acks other than 0 before the high watermark passed it.

use std::{cell::RefCell, rc::Rc};

use bytes::Bytes;
use corelane_protocol::{error_code::ErrorCode, records::BatchHeader};
use corelane_storage::{AppendError, ProducerCheck};
use smallvec::SmallVec;

use super::{
    PartitionKey, Partitions, host,
    replica::{Acks, Input},
    waiters::Waiter,
};
use crate::{
    core::{Core, Message, ReplyTo, message::Reply},
    log_limit::Verdict,
    metrics::Marks,
    runtime::world::{Instant, World},
};

/// Batches for partitions of one core, verified already.
pub struct ProduceCall {
    /// 0, 1 or −1, as on the wire.
    pub required_acks: i16,
    pub parts: SmallVec<[ProducePart; 1]>,
}

pub struct ProducePart {
    pub key: PartitionKey,
    pub header: BatchHeader,
    /// Exactly one batch.
    pub batch: Bytes,
}

/// One result per part, in order, and when it came about.
pub struct ProduceAnswer {
    pub results: ProduceResults,
    pub marks: Marks,
}

/// Most calls have one part.
pub type ProduceResults = SmallVec<[ProduceResult; 1]>;

#[derive(Clone, Debug)]
pub struct ProduceResult {
    pub error_code: ErrorCode,
    pub error_message: Option<String>,
    pub base_offset: i64,
    /// Milliseconds; −1 unless the topic stamps records itself.
    pub log_append_time_ms: i64,
    pub log_start_offset: i64,
}

impl ProduceResult {
    pub fn refused(error_code: ErrorCode, error_message: Option<String>) -> ProduceResult {
        ProduceResult {
            error_code,
            error_message,
            base_offset: -1,
            log_append_time_ms: -1,
            log_start_offset: -1,
        }
    }
}

/// A call whose parts become durable at different times.
pub(super) struct Pending {
    to: ReplyTo,
    taken: Instant,
    state: RefCell<PendingState>,
}

struct PendingState {
    waiting: usize,
    results: ProduceResults,
}

impl Pending {
    /// Part `index` is acknowledged, or will never be.
    pub(super) fn settle_part<W: World<Message = Message>>(&self, core: &Core<W>, index: usize, error_code: ErrorCode) {
        self.settle(core, |results| {
            if error_code != ErrorCode::NONE {
                results[index] = ProduceResult::refused(error_code, None);
            }
        });
    }

    fn settle<W: World<Message = Message>>(&self, core: &Core<W>, change: impl FnOnce(&mut ProduceResults)) {
        let results = {
            let mut state = self.state.borrow_mut();
            change(&mut state.results);
            state.waiting -= 1;
            if state.waiting > 0 {
                return;
            }
            std::mem::take(&mut state.results)
        };
        let marks = core.metrics.marks_of(self.taken);
        core.reply(self.to, Reply::Produce(ProduceAnswer { results, marks }));
    }
}

/// A call of which some parts are appended, and the others wait for room: one call may bring more than there ever is.
pub(super) struct Appending {
    pending: Rc<Pending>,
    acks: Acks,
    parts: SmallVec<[ProducePart; 1]>,
    /// The first part that is not appended.
    next: usize,
}

/// Takes a call: appends at once as far as there is room and nobody waits before it.
pub fn take<W: World<Message = Message>>(core: &Core<W>, to: ReplyTo, call: ProduceCall) {
    // One more than the parts, so that no part can complete the call before all were appended.
    let state = PendingState {
        waiting: 1,
        results: SmallVec::with_capacity(call.parts.len()),
    };
    let appending = Appending {
        pending: Rc::new(Pending {
            to,
            taken: core.world.now(),
            state: RefCell::new(state),
        }),
        acks: Acks::from_wire(call.required_acks).expect("the handler let nothing else in"),
        parts: call.parts,
        next: 0,
    };
    core.partitions.borrow_mut().produce_queue.push_back(appending);
    append_waiting(core);
}

/// Appends what waited for room, as far as there is room now.
pub fn append_waiting<W: World<Message = Message>>(core: &Core<W>) {
    while core.store().has_room() {
        let Some(mut appending) = core.partitions.borrow_mut().produce_queue.pop_front() else {
            return;
        };
        append(core, &mut appending);
        if appending.next < appending.parts.len() {
            core.partitions.borrow_mut().produce_queue.push_front(appending);
        } else {
            appending.pending.settle(core, |_| {});
        }
    }
}

/// Appends the parts that are left, until there is no room.
fn append<W: World<Message = Message>>(core: &Core<W>, appending: &mut Appending) {
    let mut settled = host::Settled::default();
    let acks = appending.acks;
    {
        let mut partitions = core.partitions.borrow_mut();
        let mut state = appending.pending.state.borrow_mut();
        while let Some(part) = appending.parts.get(appending.next)
            && core.store().has_room()
        {
            match append_part(core, &mut partitions, acks, part, &mut settled) {
                Ok((result, end)) => {
                    state.results.push(result);
                    let partition = partitions.get_mut(&part.key).expect("it was just appended to");
                    let leader_epoch = partition.replica.leader_epoch();
                    if partition.replica.acknowledgement(acks, end, leader_epoch).is_none() {
                        state.waiting += 1;
                        partition.produce_waiters.push(Waiter {
                            acks,
                            end,
                            leader_epoch,
                            pending: appending.pending.clone(),
                            index: appending.next,
                        });
                    }
                }
                Err(result) => state.results.push(result),
            }
            appending.next += 1;
        }
    }
    settled.answer(core);
}

/// Appends one batch; gives what to answer once everything before the second value, the batch's end, is acknowledged.
fn append_part<W: World<Message = Message>>(
    core: &Core<W>,
    partitions: &mut Partitions,
    acks: Acks,
    part: &ProducePart,
    settled: &mut host::Settled,
) -> Result<(ProduceResult, i64), ProduceResult> {
    let refuse = |code| ProduceResult::refused(code, None);
    let partition = partitions.leader(&part.key).map_err(refuse)?;
    partition.replica.admit(acks).map_err(refuse)?;
    let (store, log) = (core.store(), partition.log);
    let open = "a partition has its log";
    let result = |base_offset, log_append_time_ms| ProduceResult {
        error_code: ErrorCode::NONE,
        error_message: None,
        base_offset,
        log_append_time_ms,
        log_start_offset: store.start_offset(log).expect(open),
    };
    let out_of_turn = match store.check_producer(log, &part.header).expect(open) {
        ProducerCheck::Append => None,
        ProducerCheck::Duplicate {
            base_offset,
            last_offset,
            append_time: timestamp,
        } => {
            // Kafka tells the batch's time here, whoever stamped it.
            return Ok((result(base_offset, timestamp), last_offset + 1));
        }
        ProducerCheck::OutOfOrderSequence => Some(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER),
        ProducerCheck::InvalidEpoch => Some(ErrorCode::INVALID_PRODUCER_EPOCH),
        ProducerCheck::InvalidTransactionState => Some(ErrorCode::INVALID_TXN_STATE),
    };
    if let Some(code) = out_of_turn {
        if let Verdict::Say { held_back } = core.log_limits.batch_out_of_turn.judge(core.world.now()) {
            tracing::warn!(
                partition = part.key.partition,
                topic_id = %part.key.topic_id,
                producer_id = part.header.producer_id,
                producer_epoch = part.header.producer_epoch,
                base_sequence = part.header.base_sequence,
                error = %code,
                held_back,
                "refused a batch of an idempotent producer"
            );
        }
        return Err(refuse(code));
    }
    let append_time_ms = partition.config.log_append_time().then(|| core.world.wall_ms());
    let base_offset = partition.replica.end();
    match store.append(
        log,
        &part.batch,
        base_offset,
        partition.replica.leader_epoch(),
        append_time_ms,
    ) {
        Ok(ticket) => {
            let answer = result(base_offset, append_time_ms.unwrap_or(-1));
            let records = i64::from(part.header.last_offset_delta) + 1;
            partitions.step(core, &part.key, Input::Produce { records }, Some(ticket), settled);
            Ok((answer, base_offset + records))
        }
        Err(error) => {
            if let Verdict::Say { held_back } = core.log_limits.log_refused.judge(core.world.now()) {
                let PartitionKey { topic_id, partition } = part.key;
                tracing::error!(%topic_id, partition, %error, held_back, "append refused");
            }
            let code = match error {
                // Not Kafka's RECORD_LIST_TOO_LARGE (more than a segment): the Java client splits a batch of several records
                // on this code alone, and all clients go on with a new epoch.
                AppendError::TooLarge { .. } => ErrorCode::MESSAGE_TOO_LARGE,
                AppendError::Damaged(_) | AppendError::Failed => ErrorCode::KAFKA_STORAGE_ERROR,
                AppendError::UnknownLog => ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
            };
            Err(ProduceResult::refused(code, Some(error.to_string())))
        }
    }
}
