//! A leader's half of replication: which records go to whom, and again if nothing is heard.
//!
//! Appends are pushed, several under way at a time; what the window holds back goes with a later one, so appends grow
//! with load by themselves. After a change of leaders the followers' logs are found by probing, whole epochs at a time.

use std::time::Duration;

use super::{
    Context, LogView, Mark,
    isr::InSync,
    log::Log,
    message::{Ack, Append, Message, Outcome, Outgoing, Output},
    progress::Progress,
};

#[derive(Clone, Debug)]
pub(super) struct Leader {
    /// End of the log when the epoch began.
    pub epoch_start: i64,
    /// By slot; the own one is unused.
    pub peers: Vec<Progress>,
    pub in_sync: InSync,
    /// When followers must hear of a high watermark that no append took along.
    tell_at: Option<Duration>,
}

impl Leader {
    /// Leads from the log's end on. Everybody is asked where they stand.
    pub fn new(context: &Context<'_>, log: &Log, view: &impl LogView, output: &mut Output) -> Leader {
        let peers = context.view.slots.iter();
        let mut leader = Leader {
            epoch_start: log.end(),
            peers: peers
                .map(|slot| Progress::new(slot.node, slot.storage_id, log.end(), context.now))
                .collect(),
            in_sync: InSync::new(context.view),
            tell_at: None,
        };
        for slot in context.peers() {
            leader.send(context, log, slot, log.end(), view.start(), output);
        }
        leader
    }

    /// A newer state of the same epoch: other members, perhaps other slots.
    pub fn on_state(&mut self, context: &Context<'_>, log: &mut Log, view: &impl LogView, output: &mut Output) {
        let held = std::mem::take(&mut self.peers);
        let rules = &context.config.rules;
        for slot in &context.view.slots {
            let known = held.iter().find(|peer| peer.node == slot.node);
            let progress = match known {
                Some(peer) if peer.storage_id == slot.storage_id || !rules.progress_reset => {
                    let mut kept = *peer;
                    kept.storage_id = slot.storage_id;
                    kept.spoke = false;
                    kept
                }
                _ => {
                    if known.is_some() {
                        output.mark(Mark::ProgressReset);
                    }
                    Progress::new(slot.node, slot.storage_id, log.end(), context.now)
                }
            };
            self.peers.push(progress);
        }
        self.in_sync.on_state(context.view);
        output.isr_changed = true;
        // A member that left may have been what everybody waited for (KAFKA-13091).
        self.advance_high_watermark(context, log, output);
        for slot in context.peers() {
            self.ask(context, log, view, slot, output);
        }
        self.propose(context, log, output);
    }

    /// An append without records for a follower that is no member and silent: it joins with its answer.
    fn ask(&mut self, context: &Context<'_>, log: &Log, view: &impl LogView, slot: usize, output: &mut Output) {
        if self.is_to_be_asked(context, slot) {
            self.send_empty(context, log, view, slot, output);
        }
    }

    fn is_to_be_asked(&self, context: &Context<'_>, slot: usize) -> bool {
        let peer = &self.peers[slot];
        !context.view.isr.contains(slot) && !peer.spoke && peer.in_flight.is_empty()
    }

    pub fn on_ack(
        &mut self,
        context: &Context<'_>,
        log: &mut Log,
        view: &impl LogView,
        from: i32,
        ack: &Ack,
        output: &mut Output,
    ) {
        let rules = &context.config.rules;
        if ack.leader_epoch != context.view.leader_epoch && rules.ack_of_own_epoch {
            return output.mark(Mark::AckOfOtherEpoch);
        }
        let Some(slot) = context.view.slot_of(from) else {
            return output.mark(Mark::AckOfOtherStorage);
        };
        let peer = &mut self.peers[slot];
        if ack.storage_id != peer.storage_id && rules.storage_checked {
            return output.mark(Mark::AckOfOtherStorage);
        }
        match ack.outcome {
            Outcome::Matched(end) if end > log.end() && rules.ack_only_matched && rules.ack_of_own_epoch => {
                return output.mark(Mark::AckBeyondEnd);
            }
            Outcome::Matched(end) => {
                output.effective = true;
                peer.on_matched(end.min(log.end()), log.end(), context.now);
                self.advance_high_watermark(context, log, output);
                self.propose(context, log, output);
            }
            Outcome::Conflict { prev_end, hint } => {
                let matched = peer.matched.unwrap_or(0);
                // Answers to older appends say nothing about the one under way.
                let current = if peer.probing {
                    prev_end == peer.next
                } else {
                    prev_end <= peer.next
                };
                if !current || prev_end <= matched {
                    return;
                }
                output.mark(Mark::ConflictHintUsed);
                let shared = log.epochs.may_share(hint).end.min(prev_end - 1);
                peer.probe(shared.max(matched));
            }
        }
        self.replicate(context, log, view, slot, output);
    }

    /// Sends to everybody what they do not have yet, as far as their windows allow.
    pub fn replicate_all(&mut self, context: &Context<'_>, log: &Log, view: &impl LogView, output: &mut Output) {
        for slot in context.peers() {
            self.replicate(context, log, view, slot, output);
        }
    }

    fn replicate(&mut self, context: &Context<'_>, log: &Log, view: &impl LogView, slot: usize, output: &mut Output) {
        while self.peers[slot].may_send() {
            let peer = &mut self.peers[slot];
            let start = view.start();
            // What retention took is gone; the follower begins anew there.
            peer.next = peer.next.max(start);
            let next = peer.next;
            // A probe that answers a conflict goes out even if it has nothing to bring.
            if next >= log.end() && !peer.probing {
                return;
            }
            // Records that this very step appends are not in the log's view yet; they go along with what is before.
            let appended_at = output.persist.append.map_or(log.end(), |(from, _)| from);
            let end = match next {
                next if next >= appended_at => log.end(),
                next => match view.append_end(next, appended_at) {
                    end if end == appended_at => log.end(),
                    end => end,
                },
            };
            if end == next && !peer.probing {
                peer.resend_at = context.now + context.config.resend_after;
                return;
            }
            self.send(context, log, slot, end, start, output);
        }
    }

    fn send_empty(&mut self, context: &Context<'_>, log: &Log, view: &impl LogView, slot: usize, output: &mut Output) {
        let peer = &mut self.peers[slot];
        peer.next = peer.next.max(view.start());
        let end = peer.next;
        self.send(context, log, slot, end, view.start(), output);
    }

    fn send(&mut self, context: &Context<'_>, log: &Log, slot: usize, end: i64, log_start: i64, output: &mut Output) {
        let peer = &mut self.peers[slot];
        let append = Append {
            leader_epoch: context.view.leader_epoch,
            prev: log.epochs.position(peer.next),
            end,
            high_watermark: log.high_watermark,
            log_start,
        };
        peer.on_sent(end, log.high_watermark, context.now, context.config.resend_after);
        output.effective = true;
        // Followers give up for this epoch what they acknowledged in older ones, so the leader must not forget it.
        let may_leave = log.floor_is_durable() || !context.config.rules.adopt_before_use;
        let queue = if may_leave {
            &mut output.send_now
        } else {
            &mut output.send_after_persist
        };
        queue.push(Outgoing {
            to: peer.node,
            message: Message::Append(append),
        });
    }

    pub fn on_tick(&mut self, context: &Context<'_>, log: &mut Log, view: &impl LogView, output: &mut Output) {
        for slot in context.peers() {
            let peer = &mut self.peers[slot];
            if context.now < peer.resend_at {
                continue;
            }
            if !peer.in_flight.is_empty() {
                // Lost, or the follower is away: ask where it stands, without records.
                output.mark(Mark::Resent);
                peer.resends = peer.resends.saturating_add(1);
                peer.probe(peer.matched.unwrap_or(peer.next));
                self.send_empty(context, log, view, slot, output);
            } else {
                self.replicate(context, log, view, slot, output);
                self.ask(context, log, view, slot, output);
            }
        }
        if self.tell_at.is_some_and(|tell_at| context.now >= tell_at) {
            self.tell_at = None;
            self.tell_high_watermark(context, log, view, output);
        }
        self.propose(context, log, output);
    }

    /// An append without records for whoever is quiet and does not know the high watermark.
    fn tell_high_watermark(&mut self, context: &Context<'_>, log: &Log, view: &impl LogView, output: &mut Output) {
        for slot in context.peers() {
            let peer = &self.peers[slot];
            if peer.told_high_watermark < log.high_watermark && peer.in_flight.is_empty() {
                output.mark(Mark::HighWatermarkTold);
                self.send_empty(context, log, view, slot, output);
            }
        }
    }

    /// More of the own log is durable, or the adopted epoch is.
    pub fn on_persisted(&mut self, context: &Context<'_>, log: &mut Log, output: &mut Output) {
        self.advance_high_watermark(context, log, output);
        if context.view.recovering {
            self.propose(context, log, output);
        }
    }

    pub fn advance_high_watermark(&mut self, context: &Context<'_>, log: &mut Log, output: &mut Output) {
        let before = log.high_watermark;
        self.in_sync.advance_high_watermark(context, &self.peers, log, output);
        if log.high_watermark > before && self.peers.len() > 1 && self.tell_at.is_none() {
            self.tell_at = Some(context.now + context.config.high_watermark_delay);
        }
    }

    fn propose(&mut self, context: &Context<'_>, log: &Log, output: &mut Output) {
        self.in_sync
            .propose(context, &mut self.peers, log, self.epoch_start, output);
    }

    pub fn on_reply(&mut self, context: &Context<'_>, partition_epoch: i32, refused: bool, output: &mut Output) {
        self.in_sync.on_reply(context, partition_epoch, refused, output);
    }

    /// When the next tick is due, if anything waits for time.
    pub fn next_wake(&self, context: &Context<'_>, log: &Log) -> Option<Duration> {
        let resends = context.peers().filter_map(|slot| {
            let peer = &self.peers[slot];
            let waits = !peer.in_flight.is_empty() || peer.next < log.end() || self.is_to_be_asked(context, slot);
            waits.then_some(peer.resend_at)
        });
        let proposals = self.in_sync.next_wake(context, &self.peers, log, self.epoch_start);
        resends.chain(proposals).chain(self.tell_at).min()
    }
}
