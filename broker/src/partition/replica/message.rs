//! The words that a step takes and gives.

use std::time::Duration;

use corelane_protocol::error_code::ErrorCode;
use uuid::Uuid;

use super::{Epochs, Mark, Marks, Position, Rules};
use crate::metadata::records::PartitionState;

/// Which replica this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    pub node: i32,
    pub storage_id: Uuid,
    /// Of this process's own registration; None until it registered.
    pub broker_epoch: Option<u64>,
}

/// Written in place of a high watermark by a leader without other replicas: what is durable is committed, also after a
/// restart. An epoch that is shared with others replaces it by a number.
pub const ALL_DURABLE: i64 = i64::MAX;

/// What the disk held at start. All of it counts as durable.
#[derive(Clone, Debug)]
pub struct Recovered {
    pub epochs: Epochs,
    /// The one that was written last; the true one may be higher.
    pub high_watermark: i64,
    /// The newest leader epoch that this disk adopted; −1 for none.
    pub epoch_floor: i32,
}

impl Recovered {
    /// An empty disk.
    pub fn nothing() -> Recovered {
        Recovered {
            epochs: Epochs::default(),
            high_watermark: 0,
            epoch_floor: -1,
        }
    }
}

/// Times and rules; the same for all replicas of a node.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// `replica.lag.time.max.ms`: a member that did not reach the log's end for so long is proposed for removal.
    pub lag_time_max: Duration,
    /// An append without an answer is sent again after this, then after ever longer times up to four times this.
    pub resend_after: Duration,
    /// A proposal of an ISR without an answer, or refused, is made again after this.
    pub propose_again_after: Duration,
    /// How long a new high watermark may wait for an append that takes it along to a follower.
    pub high_watermark_delay: Duration,
    /// How often the high watermark is written down (Kafka's `replica.high.watermark.checkpoint.interval.ms`).
    pub checkpoint_interval: Duration,
    pub rules: Rules,
}

impl Config {
    pub const fn production() -> Config {
        Config {
            lag_time_max: Duration::from_secs(30),
            resend_after: Duration::from_millis(500),
            propose_again_after: Duration::from_millis(500),
            high_watermark_delay: Duration::from_millis(100),
            checkpoint_interval: Duration::from_secs(5),
            rules: Rules::production(),
        }
    }
}

/// One batch, or several of one epoch: `records` offsets from `base_offset` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub base_offset: i64,
    pub records: i64,
    pub leader_epoch: i32,
}

impl Span {
    pub fn end(&self) -> i64 {
        self.base_offset + self.records
    }
}

/// The head of an append; its records are `prev.end..end`, possibly none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Append {
    pub leader_epoch: i32,
    pub prev: Position,
    pub end: i64,
    pub high_watermark: i64,
    /// The leader's log start offset.
    pub log_start: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ack {
    pub leader_epoch: i32,
    /// The follower's disk.
    pub storage_id: Uuid,
    pub outcome: Outcome,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Everything before this end is the leader's and is durable here.
    Matched(i64),
    /// The append after `prev_end` did not fit; `hint` is a prefix that may.
    Conflict { prev_end: i64, hint: Position },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    Append(Append),
    Ack(Ack),
}

/// For an append, the host adds the batches of `prev.end..end` from its log as it stands after this step; it drops the
/// message if it cannot give them any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outgoing {
    pub to: i32,
    pub message: Message,
}

#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// A state of the partition that was applied here; an older one than the last changes nothing.
    State(&'a PartitionState),
    /// This process registered.
    Registered { broker_epoch: u64 },
    /// Records for the end of the leader's log; answered by [`Output::appended`].
    Produce { records: i64 },
    /// Everything up to and including the [`Persist`] of this number is durable.
    Persisted(u64),
    /// `spans` are those of an append, in order; empty for an ack.
    Received {
        from: i32,
        message: Message,
        spans: &'a [Span],
    },
    /// The controller's answer to an [`AlterPartition`]; what it committed comes as a state.
    AlterPartitionReply {
        leader_epoch: i32,
        partition_epoch: i32,
        error_code: ErrorCode,
    },
    /// Time passed. Due at [`super::Replica::next_wake`].
    Tick,
}

/// What to make durable, in this order. The host keeps the order of all persists of a replica.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Persist {
    /// Grows by one with every persist that is not empty; hand it back in [`Input::Persisted`].
    pub number: u64,
    /// Write the high watermark down, or [`ALL_DURABLE`]; binding if lower than what was written before, a hint otherwise.
    /// Before the epoch is adopted: after that nobody doubts the old number any more.
    pub high_watermark: Option<i64>,
    /// The epoch floor (rule D1). With [`Output::role`] a leader: the epoch begins at the log's end.
    pub adopt_epoch: Option<i32>,
    /// Drop the whole log and begin anew at this offset: the leader does not hold what would come next any more. After an
    /// unclean election that may be before the log's start.
    pub restart_at: Option<i64>,
    /// Remove everything from this offset on, with all that was derived from it (producer states, transactions).
    pub truncate_to: Option<i64>,
    /// (from, to) of the records to append: the produced ones, or those of the received append from this offset on.
    pub append: Option<(i64, i64)>,
    /// Raise the log start offset.
    pub log_start: Option<i64>,
}

impl Persist {
    pub fn is_empty(&self) -> bool {
        *self
            == Persist {
                number: self.number,
                ..Persist::default()
            }
    }
}

/// The wish for another ISR. The controller refuses it unless both epochs are the partition's own.
///
/// A wish for the ISR as it is must be committed as well, with the next partition epoch: it makes every proposal that was
/// made before void, of which a copy may still be under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlterPartition {
    pub leader_epoch: i32,
    pub partition_epoch: i32,
    pub broker_epoch: u64,
    /// Members with the disk that their progress was learnt from (KIP-903, KAFKA-15221).
    pub new_isr: Vec<(i32, Uuid)>,
    /// The unclean leader is done (KIP-704): the controller may clear `recovering`.
    pub recovered: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Neither: no state yet, nobody leads, this disk is no replica, or the state is older than what it took part in.
    Idle,
    Follower,
    Leader,
}

/// An invariant is broken: another replica, or this one, has lost what must not be lost. The process must stop before
/// anything else of this step is carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    #[error("the leader's log would remove records below the high watermark {high_watermark}, from {to} on")]
    TruncationBelowHighWatermark { to: i64, high_watermark: i64 },
    #[error("asked to lead epoch {leader_epoch}, but the log ends with epoch {last_epoch}")]
    LogAheadOfEpoch { leader_epoch: i32, last_epoch: i32 },
    #[error("node {other} leads epoch {leader_epoch}, as this node does")]
    TwoLeaders { leader_epoch: i32, other: i32 },
    #[error("records of epoch {epoch} would follow those of epoch {last_epoch}")]
    EpochsDecrease { epoch: i32, last_epoch: i32 },
    #[error("the high watermark {high_watermark} is beyond the log's end {end}")]
    HighWatermarkBeyondEnd { high_watermark: i64, end: i64 },
}

/// The effects of one step. Owned by the caller and cleared by the step, so that a step need not allocate.
#[derive(Clone, Debug, Default)]
pub struct Output {
    /// If set, nothing else of this output may be carried out.
    pub broken: Option<Broken>,
    pub persist: Persist,
    pub send_now: Vec<Outgoing>,
    /// Leave when everything that this step and all before it asked to persist is durable.
    pub send_after_persist: Vec<Outgoing>,
    pub alter_partition: Option<AlterPartition>,
    /// After [`Input::Produce`]: the first record's offset, or None where this replica does not lead.
    pub appended: Option<i64>,
    /// The high watermark, if it moved.
    pub high_watermark: Option<i64>,
    /// The end of what is durable here, if it moved.
    pub durable_end: Option<i64>,
    /// The role, if it or its leader epoch changed. Whoever waits in the old one is told.
    pub role: Option<Role>,
    /// The ISR or min ISR changed under the same leader: producers may be waiting for no reason any more.
    pub isr_changed: bool,
    /// The input changed the replica's state, or a rule refused it.
    pub effective: bool,
    pub marks: Marks,
}

impl Output {
    pub(super) fn clear(&mut self) {
        self.broken = None;
        self.persist = Persist::default();
        self.send_now.clear();
        self.send_after_persist.clear();
        self.alter_partition = None;
        self.appended = None;
        self.high_watermark = None;
        self.durable_end = None;
        self.role = None;
        self.isr_changed = false;
        self.effective = false;
        self.marks = Marks::default();
    }

    pub(super) fn mark(&mut self, mark: Mark) {
        self.marks.set(mark);
        self.effective = true;
    }
}
