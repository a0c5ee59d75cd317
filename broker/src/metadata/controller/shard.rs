//! A shard group's controller: it follows root's changes, balances leaders, and grants what leaders and operators wish.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use super::{
    super::{
        chunk_map::Difference,
        decide::ConfigRules,
        image::{ApplyError, Partition, RootImage, ShardImage},
        placement::PartitionKey,
        records::{PartitionRecord, Record, RootSeen},
        rules::Rules,
        shard::{self, ShardAnswer, ShardView, ShardWish},
    },
    Input, Output, Timing,
    rounds::{Added, Draft, Rounds},
};

pub struct ShardController {
    number: u16,
    rounds: Rounds<ShardWish, ShardAnswer>,
    rules: Rules,
    balance_interval: Option<Duration>,
    /// The root image that all partitions fit, but for the pending ones. None: none of them was looked at yet.
    seen: Option<Arc<RootImage>>,
    /// Partitions to be looked at, since something they depend on changed.
    pending: BTreeSet<PartitionKey>,
    balance_at: Option<Duration>,
    is_balance_due: bool,
}

impl ShardController {
    pub fn new(me: i32, number: u16, timing: &Timing, rules: Rules) -> ShardController {
        ShardController {
            number,
            rounds: Rounds::new(me, timing.proposal_bytes_max, rules),
            rules,
            balance_interval: timing.balance_interval,
            seen: None,
            pending: BTreeSet::new(),
            balance_at: None,
            is_balance_due: false,
        }
    }

    /// `root` and `shard` are the committed images; root's may be of any age.
    ///
    /// # Errors
    /// A decision contradicts what it was made on: the process must end.
    pub fn step(
        &mut self,
        now: Duration,
        input: Input<ShardWish>,
        root: &Arc<RootImage>,
        shard: &ShardImage,
        config_rules: &dyn ConfigRules,
        output: &mut Output<ShardAnswer>,
    ) -> Result<(), ApplyError> {
        let mut proposes_at = None;
        match input {
            Input::Stand(standing) => {
                let is_new = standing.is_ready && self.rounds.standing() != standing;
                self.rounds.stand(standing, output);
                if is_new {
                    // Whoever led before may have left anything undone.
                    self.look_again();
                    self.balance_at = self.balance_interval.map(|interval| now + interval);
                    self.is_balance_due = false;
                }
            }
            Input::Asked { id, wish } => self.rounds.ask(id, wish, output),
            Input::Applied { index, term } => self.rounds.applied(index, term, output),
            Input::Propose { index } => proposes_at = Some(index),
            Input::Tick => {}
        }
        if !self.rounds.standing().is_ready {
            self.pending.clear();
            return Ok(());
        }
        self.look_at(root, shard);
        if self.balance_at.is_some_and(|at| at <= now) {
            self.balance_at = self.balance_interval.map(|interval| now + interval);
            self.is_balance_due = true;
        }
        match proposes_at {
            Some(index) if self.wants_round() => self.propose(index, root, shard, config_rules, output),
            _ => Ok(()),
        }
    }

    /// Whether [`Input::Propose`] would decide anything.
    pub fn wants_round(&self) -> bool {
        self.rounds.is_free() && (self.rounds.has_asked() || !self.pending.is_empty() || self.is_balance_due)
    }

    /// When time alone gives something to decide.
    pub fn next_wake(&self) -> Option<Duration> {
        self.balance_at.filter(|_| self.rounds.standing().is_ready)
    }

    /// All partitions are looked at anew: this node just began to lead, or defaults of configs changed.
    pub fn look_again(&mut self) {
        self.seen = None;
    }

    /// What root changed may be a reason to change partitions. All those of the shard are looked at if a broker changed:
    /// that is rare, and they are few.
    /// So are they while root is older than what the shard's states were made from, since then not all can be decided on.
    fn look_at(&mut self, root: &Arc<RootImage>, shard: &ShardImage) {
        if self.seen.as_ref().is_some_and(|seen| Arc::ptr_eq(seen, root)) {
            return;
        }
        let same_brokers =
            |seen: &Arc<RootImage>| Arc::ptr_eq(&seen.brokers, &root.brokers) || seen.brokers == root.brokers;
        let seen = self.seen.replace(root.clone());
        let Some(seen) = seen.filter(|seen| same_brokers(seen) && seen.applied_end >= shard.root_end) else {
            self.pending.extend(shard::keys_of_shard(root, self.number));
            return;
        };
        for difference in seen.topic_map().differences(root.topic_map(), Arc::ptr_eq) {
            if let Difference::Added(_, topic) | Difference::Changed(_, _, topic) = difference {
                self.pending.extend(shard::keys_of(root, self.number, topic));
            }
        }
    }

    fn propose(
        &mut self,
        index: u64,
        root: &Arc<RootImage>,
        shard: &ShardImage,
        config_rules: &dyn ConfigRules,
        output: &mut Output<ShardAnswer>,
    ) -> Result<(), ApplyError> {
        let view = ShardView {
            root,
            shard,
            number: self.number,
            rules: &self.rules,
        };
        let (pending, is_balance_due) = (&mut self.pending, &mut self.is_balance_due);
        let duties = |draft: &mut Draft<ShardImage>| {
            while let Some(key) = pending.first().copied() {
                let next = shard::reconcile(&view.on(draft.image()), &key, config_rules);
                if let Some(state) = next
                    && !add(draft, record(&key, state))?
                {
                    return Ok(());
                }
                pending.remove(&key);
            }
            if *is_balance_due {
                for key in shard::keys_of_shard(root, view.number) {
                    let balanced = shard::balance(&view.on(draft.image()), &key);
                    if let Some(record) = balanced
                        && !add(draft, record)?
                    {
                        return Ok(());
                    }
                }
                *is_balance_due = false;
            }
            Ok(())
        };
        let decide = |shard: &ShardImage, index: u64, wish: &ShardWish| {
            shard::decide(&view.on(shard), wish, index, config_rules)
        };
        let seen = (root.applied_end > shard.root_end).then(|| Record::from(RootSeen { end: root.applied_end }));
        self.rounds
            .propose(index, (shard.clone(), seen), duties, decide, output)
    }
}

/// False: the entry is full, the next one goes on.
fn add(draft: &mut Draft<ShardImage>, record: Record) -> Result<bool, ApplyError> {
    Ok(draft.has_room() && draft.add(&[record])? == Added::Yes)
}

fn record(key: &PartitionKey, state: Partition) -> Record {
    Record::from(PartitionRecord {
        topic_id: key.topic_id,
        partition: key.partition,
        state,
    })
}
