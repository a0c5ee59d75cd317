//! A replica of a partition as a function: `Replica::step(now, input, log, &mut output)`.
//!
//! Nothing in here reads a clock, a socket or a file, and nothing depends on storage or on the core it runs on: a state of
//! the partition, time and events are handed in, effects are handed out. The host keeps the bytes; here a record is an
//! offset and an epoch.
//!
//! ```text
//!   State, Registered ─┐                  ┌─ persist: floor, truncate, append, log start ──> disk ──> Persisted
//!   Produce ───────────┤                  ├─ send_now             (appends, conflicts)
//!   Received ──────────┼─> step(now, ..) ─┼─ send_after_persist   (acks, a new leader's appends)
//!   Persisted ─────────┤                  ├─ alter_partition      ──> controller ──> AlterPartitionReply, State
//!   Tick ──────────────┘                  └─ high_watermark, durable_end, role  ──> answer who waits
//! ```
//!
//! The host keeps four promises, on which every safety argument rests:
//!
//! 1. What [`Output::persist`] says is done in order, before the next step sees the log through [`LogView`]. (A host
//!    whose log may refuse a batch appends it at [`Replica::end`] first, and then hands in [`Input::Produce`].)
//! 2. A message of [`Output::send_after_persist`] leaves only when everything that this step *and all before it* asked to
//!    persist is durable. `send_now` may leave at once.
//! 3. [`Input::Persisted`] is handed in only for what no power loss can take away any more.
//! 4. With [`Output::broken`] it stops, and carries out nothing else of that step.
//!
//! What must survive a restart (rule D12), all of it in one journal: the records with their epochs, truncations, the epoch
//! floor, the high watermark where it was lowered, and, by the host, what is derived from records (producer states, open
//! transactions). Everything else is learnt again: roles from the partition's state, progress from the followers.
//!
//! Offsets are Kafka's, ends are exclusive. Epochs below are leader epochs. The rules D1 to D12 are listed with their
//! sources in [`Rules`].

mod admission;
mod epochs;
mod follower;
mod isr;
mod leader;
mod log;
mod marks;
mod message;
mod progress;
mod roles;
mod rules;
mod view;

#[cfg(test)]
mod tests;

use std::time::Duration;

use corelane_protocol::error_code::ErrorCode;

use self::{
    follower::{Follower, Received},
    leader::Leader,
    log::Log,
    view::View,
};

pub use admission::Acks;
pub use epochs::{Epochs, NO_EPOCH, Position};
pub use marks::{Mark, Marks};
pub use message::{
    ALL_DURABLE, Ack, AlterPartition, Append, Broken, Config, Identity, Input, Message, Outcome, Outgoing, Output,
    Persist, Recovered, Role, Span,
};
pub use rules::Rules;
pub use view::REPLICAS_MAX;

/// What a step may ask of the log: its records as earlier steps asked to persist them, durable or not.
pub trait LogView {
    /// The log start offset.
    fn start(&self) -> i64;

    /// Where an append that begins at `from` should end: after a whole batch, at most at `upto`, and no further than one
    /// message may carry, though at least one batch. `from` itself if the records cannot be had now: they are asked for
    /// again later.
    fn append_end(&self, from: i64, upto: i64) -> i64;
}

/// What a part of the replica may look at besides its own state.
struct Context<'a> {
    now: Duration,
    config: &'a Config,
    me: &'a Identity,
    view: &'a View,
}

impl Context<'_> {
    /// The slots of the other replicas.
    fn peers(&self) -> impl Iterator<Item = usize> + use<> {
        let me = self.view.slot_of(self.me.node);
        (0..self.view.slots.len()).filter(move |slot| Some(*slot) != me)
    }

    /// Does an unclean election lie between what this log took part in and the epoch that it enters now? What it believes
    /// to be committed may have been given up then. Whoever is in the ISR or ELR since entered an epoch since.
    fn starts_over(&self, log: &Log) -> bool {
        self.view.unclean_epoch > log.floor && self.config.rules.unclean_starts_over
    }
}

#[derive(Clone, Debug)]
enum Standing {
    Idle,
    Follower(Follower),
    Leader(Leader),
}

/// One replica of one partition. See the module's page for what the host owes.
#[derive(Clone, Debug)]
pub struct Replica {
    config: Config,
    me: Identity,
    view: View,
    log: Log,
    standing: Standing,
    /// The epoch that `standing` belongs to.
    standing_epoch: i32,
    /// When the high watermark is to be written down.
    checkpoint_at: Option<Duration>,
    /// Of the last step.
    now: Duration,
}

impl Replica {
    pub fn new(config: Config, me: Identity, recovered: Recovered) -> Replica {
        Replica {
            config,
            me,
            view: View::none(),
            log: Log::new(recovered),
            standing: Standing::Idle,
            standing_epoch: NO_EPOCH,
            checkpoint_at: None,
            now: Duration::ZERO,
        }
    }

    /// Takes one event and gives its effects. `now` is monotonic time since any fixed moment.
    pub fn step(&mut self, now: Duration, input: Input<'_>, log: &impl LogView, output: &mut Output) {
        output.clear();
        self.now = now;
        match input {
            Input::State(state) => self.on_state(now, state, log, output),
            Input::Registered { broker_epoch } => {
                self.me.broker_epoch = Some(broker_epoch);
                output.effective = true;
                self.take_role(now, log, output);
            }
            Input::Produce { records } => self.on_produce(now, records, log, output),
            Input::Persisted(number) => self.on_persisted(now, number, output),
            Input::Received { from, message, spans } => match message {
                Message::Append(append) => self.on_append(now, from, &append, spans, log, output),
                Message::Ack(ack) => {
                    if let (context, own, Standing::Leader(leader)) = self.parts(now) {
                        leader.on_ack(&context, own, log, from, &ack, output);
                    }
                }
            },
            Input::AlterPartitionReply {
                leader_epoch,
                partition_epoch,
                error_code,
            } => {
                if let (context, _, Standing::Leader(leader)) = self.parts(now)
                    && leader_epoch == context.view.leader_epoch
                {
                    leader.on_reply(&context, partition_epoch, error_code != ErrorCode::NONE, output);
                }
            }
            Input::Tick => self.on_tick(now, log, output),
        }
        self.schedule_checkpoint(now, output);
        self.log.seal(output);
        if self.log.high_watermark > self.log.end() {
            output.broken = Some(Broken::HighWatermarkBeyondEnd {
                high_watermark: self.log.high_watermark,
                end: self.log.end(),
            });
        }
    }

    /// When the next [`Input::Tick`] is due; None while only events can change anything.
    pub fn next_wake(&self) -> Option<Duration> {
        let leader = match &self.standing {
            Standing::Leader(leader) => leader.next_wake(&self.context(self.now), &self.log),
            _ => None,
        };
        leader.into_iter().chain(self.checkpoint_at).min()
    }

    pub fn role(&self) -> Role {
        match self.standing {
            Standing::Idle => Role::Idle,
            Standing::Follower(_) => Role::Follower,
            Standing::Leader(_) => Role::Leader,
        }
    }

    pub fn is_leader(&self) -> bool {
        matches!(self.standing, Standing::Leader(_))
    }

    /// Of the newest state that was told; −1 before the first.
    pub fn leader_epoch(&self) -> i32 {
        self.view.leader_epoch
    }

    pub fn partition_epoch(&self) -> i32 {
        self.view.partition_epoch
    }

    /// The newest epoch that this replica took part in.
    pub fn epoch_floor(&self) -> i32 {
        self.log.floor
    }

    /// The end of the log, durable or not.
    pub fn end(&self) -> i64 {
        self.log.end()
    }

    pub fn durable_end(&self) -> i64 {
        self.log.durable_end
    }

    pub fn epochs(&self) -> &Epochs {
        &self.log.epochs
    }

    /// The first offset that readers must not see.
    pub fn high_watermark(&self) -> i64 {
        self.log.high_watermark
    }

    fn context(&self, now: Duration) -> Context<'_> {
        Context {
            now,
            config: &self.config,
            me: &self.me,
            view: &self.view,
        }
    }

    /// What a role may look at, the log's facts, and the role.
    fn parts(&mut self, now: Duration) -> (Context<'_>, &mut Log, &mut Standing) {
        let context = Context {
            now,
            config: &self.config,
            me: &self.me,
            view: &self.view,
        };
        (context, &mut self.log, &mut self.standing)
    }

    fn on_produce(&mut self, now: Duration, records: i64, log: &impl LogView, output: &mut Output) {
        if let (context, own, Standing::Leader(leader)) = self.parts(now) {
            assert!(records > 0, "nothing to append");
            let base_offset = own.end();
            let appended = own.append(context.view.leader_epoch, base_offset + records, output);
            assert!(appended, "a leader's epoch is its log's newest");
            output.appended = Some(base_offset);
            leader.replicate_all(&context, own, log, output);
            if !context.config.rules.own_counts_when_durable {
                leader.advance_high_watermark(&context, own, output);
            }
        }
    }

    fn on_persisted(&mut self, now: Duration, number: u64, output: &mut Output) {
        self.log.on_persisted(number, output);
        if let (context, own, Standing::Leader(leader)) = self.parts(now) {
            leader.on_persisted(&context, own, output);
        }
    }

    fn on_append(
        &mut self,
        now: Duration,
        from: i32,
        append: &Append,
        spans: &[Span],
        log: &impl LogView,
        output: &mut Output,
    ) {
        let (leader_epoch, rules) = (self.view.leader_epoch, self.config.rules);
        if self.is_leader() && append.leader_epoch == leader_epoch && from != self.me.node {
            output.broken = Some(Broken::TwoLeaders {
                leader_epoch,
                other: from,
            });
            return;
        }
        let own_leader = self.view.leader.is_some_and(|leader| leader.node == from);
        let own_epoch = append.leader_epoch == leader_epoch && own_leader;
        if !own_epoch && rules.append_of_own_epoch {
            return output.mark(Mark::AppendOfOtherEpoch);
        }
        if let (context, own, Standing::Follower(follower)) = self.parts(now) {
            follower.on_append(&context, own, log, &Received { from, append, spans }, output);
        }
    }

    fn on_tick(&mut self, now: Duration, log: &impl LogView, output: &mut Output) {
        if let (context, own, Standing::Leader(leader)) = self.parts(now) {
            leader.on_tick(&context, own, log, output);
        }
        if self.checkpoint_at.is_some_and(|at| now >= at) {
            self.checkpoint_at = None;
            output.persist.high_watermark = Some(self.log.high_watermark);
        }
    }

    /// A sole replica needs no checkpoint: what is durable is committed.
    fn schedule_checkpoint(&mut self, now: Duration, output: &Output) {
        if output.high_watermark.is_some() && self.checkpoint_at.is_none() && self.view.slots.len() > 1 {
            self.checkpoint_at = Some(now + self.config.checkpoint_interval);
        }
    }
}
