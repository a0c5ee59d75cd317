//! Who counts for the high watermark: the committed ISR and whoever was proposed for it.
//!
//! What must stay true: whoever the controller may elect holds everything below the high watermark. A proposal may have
//! been committed before its answer is here, so from the moment of proposing a new member counts (D6, KIP-497), and one
//! that is to leave counts until its removal was seen committed.
//!
//! A refusal proves nothing: a copy of the proposal may still be under way. A follower that was proposed and then fell
//! silent would so hold the high watermark for ever; the leader gets rid of it by proposing the ISR as it is, which costs
//! a partition epoch and with it makes every older proposal void.

use std::time::Duration;

use super::{
    Context, Mark,
    log::Log,
    message::{AlterPartition, Output},
    progress::Progress,
    view::{Slots, View},
};

#[derive(Clone, Debug)]
pub(super) struct InSync {
    /// The committed ISR.
    isr: Slots,
    /// With everybody who was proposed since.
    maximal: Slots,
    /// A proposal waits for its answer, or was refused, until then.
    propose_at: Option<Duration>,
}

impl InSync {
    pub fn new(view: &View) -> InSync {
        InSync {
            isr: view.isr,
            maximal: view.isr,
            propose_at: None,
        }
    }

    /// A newer partition epoch: no proposal made before can be committed any more.
    pub fn on_state(&mut self, view: &View) {
        *self = InSync::new(view);
    }

    /// D7: as far as every member of the maximal ISR is, if the committed one is large enough.
    pub fn advance_high_watermark(
        &self,
        context: &Context<'_>,
        peers: &[Progress],
        log: &mut Log,
        output: &mut Output,
    ) {
        let rules = &context.config.rules;
        if rules.adopt_before_use && !log.floor_is_durable() {
            return;
        }
        let own_end = if rules.own_counts_when_durable {
            log.durable_end
        } else {
            log.end()
        };
        if own_end <= log.high_watermark {
            return;
        }
        let min_isr = rules.min_isr_elsewhere.map_or(context.view.min_isr, usize::from);
        if self.isr.len() < min_isr && rules.min_isr_gate {
            return output.marks.set(Mark::HeldByMinIsr);
        }
        let end_of = |members: Slots| {
            let matched = context
                .peers()
                .filter(|slot| members.contains(*slot))
                .map(|slot| peers[slot].matched.unwrap_or(0));
            matched.min().map_or(own_end, |end| end.min(own_end))
        };
        let end = end_of(if rules.maximal_isr { self.maximal } else { self.isr });
        if self.maximal != self.isr && end < end_of(self.isr) {
            output.marks.set(Mark::HeldByMaximalIsr);
        }
        log.raise_high_watermark(end, output);
    }

    /// Proposes the ISR that should be, unless a proposal is under way.
    pub fn propose(
        &mut self,
        context: &Context<'_>,
        peers: &mut [Progress],
        log: &Log,
        epoch_start: i64,
        output: &mut Output,
    ) {
        if self.propose_at.is_some_and(|at| context.now < at) {
            return;
        }
        let Some((wish, recovered)) = self.wish(context, peers, log, epoch_start) else {
            return;
        };
        if recovered {
            output.mark(Mark::RecoveredProposed);
        } else if wish == self.isr {
            output.mark(Mark::ProposalWithdrawn);
        }
        if wish.without(self.isr) != Slots::default() {
            output.mark(Mark::ExpansionProposed);
        }
        if self.isr.without(wish) != Slots::default() {
            output.mark(Mark::ShrinkProposed);
        }
        self.maximal = self.maximal.union(wish);
        if !context.config.rules.shrink_waits_for_commit {
            self.isr = wish;
            self.maximal = wish;
        }
        self.propose_at = Some(context.now + context.config.propose_again_after);
        for (_, peer) in peers.iter_mut().enumerate().filter(|(slot, _)| wish.contains(*slot)) {
            peer.spoke = false;
            peer.resend_at = peer.resend_at.max(context.now + context.config.resend_after);
        }
        let members = context.view.slots.iter().enumerate();
        output.alter_partition = Some(AlterPartition {
            leader_epoch: context.view.leader_epoch,
            partition_epoch: context.view.partition_epoch,
            broker_epoch: context.me.broker_epoch.unwrap_or(0),
            new_isr: members
                .filter(|(slot, _)| wish.contains(*slot))
                .map(|(_, member)| (member.node, member.storage_id))
                .collect(),
            recovered,
        });
    }

    /// The ISR that should be, and whether recovery is done; None if all is as it should be.
    fn wish(&self, context: &Context<'_>, peers: &[Progress], log: &Log, epoch_start: i64) -> Option<(Slots, bool)> {
        let recovering = context.view.recovering && context.config.rules.recovering_alone;
        if recovering {
            // The unclean leader has nothing to repair in its log; it is done when a restart would not forget the epoch.
            return log.floor_is_durable().then_some((self.isr, true));
        }
        let lag_time_max = context.config.lag_time_max;
        let wish = context.peers().fold(self.isr, |wish, slot| {
            let peer = &peers[slot];
            if !self.isr.contains(slot) {
                let joins = may_join(context, peer, log, epoch_start);
                if joins { wish.union(Slots::one(slot)) } else { wish }
            } else if peer.lags(log.end(), context.now, lag_time_max) {
                wish.without(Slots::one(slot))
            } else {
                wish
            }
        });
        // The same ISR is a wish too, if somebody counts who will not join.
        (wish != self.isr || self.maximal != self.isr).then_some((wish, false))
    }

    pub fn on_reply(&mut self, context: &Context<'_>, partition_epoch: i32, refused: bool, output: &mut Output) {
        if partition_epoch != context.view.partition_epoch || self.propose_at.is_none() {
            return;
        }
        output.effective = true;
        if refused {
            output.mark(Mark::ProposalRefused);
            self.propose_at = Some(context.now + context.config.propose_again_after);
            if !context.config.rules.refusal_keeps_maximal {
                self.maximal = self.isr;
            }
        }
    }

    /// When something is to be proposed, if nothing happens before.
    pub fn next_wake(
        &self,
        context: &Context<'_>,
        peers: &[Progress],
        log: &Log,
        epoch_start: i64,
    ) -> Option<Duration> {
        let from = self.propose_at.unwrap_or_default().max(context.now);
        let context = Context { now: from, ..*context };
        if self.wish(&context, peers, log, epoch_start).is_some() {
            return Some(from);
        }
        let behind = context
            .peers()
            .filter(|slot| self.isr.contains(*slot) && peers[*slot].matched != Some(log.end()));
        behind
            .map(|slot| from.max(peers[slot].caught_up_at + context.config.lag_time_max))
            .min()
    }
}

/// D8. Whoever is silent does not join: the controller may just have removed it. Who would be proposed for removal at once
/// does not join either: a follower that reaches a high watermark which min ISR holds down would otherwise come and go
/// without end.
fn may_join(context: &Context<'_>, peer: &Progress, log: &Log, epoch_start: i64) -> bool {
    let rules = &context.config.rules;
    let lags = peer.lags(log.end(), context.now, context.config.lag_time_max);
    peer.spoke
        && !lags
        && peer.matched.is_some_and(|matched| {
            (matched >= log.high_watermark || !rules.expand_at_high_watermark)
                && (matched >= epoch_start || !rules.expand_at_epoch_start)
        })
}
