//! Which role the newest state gives to this disk and this process (rule D1).
//!
//! What must stay true: no state and no leadership of an epoch below one that this disk took part in; an epoch is led by
//! one incarnation of one broker, on the disk that the slot names.

use std::time::Duration;

use super::{Broken, LogView, Mark, Output, Replica, Role, Standing, follower::Follower, leader::Leader};
use crate::metadata::records::PartitionState;

impl Replica {
    pub(super) fn on_state(&mut self, now: Duration, state: &PartitionState, log: &impl LogView, output: &mut Output) {
        if state.partition_epoch <= self.view.partition_epoch || state.leader_epoch < self.view.leader_epoch {
            return output.mark(Mark::OlderStateIgnored);
        }
        self.view.take(state);
        self.log.epochs.forget_before(log.start());
        output.effective = true;
        self.take_role(now, log, output);
        if output.role.is_none()
            && let (context, own, Standing::Leader(leader)) = self.parts(now)
        {
            leader.on_state(&context, own, log, output);
        }
    }

    /// Whether the log may go, as a state of this leader epoch has no slot for its disk. Not by a state that is older than
    /// what the disk took part in: a newer one may have the slot again, and count on what was acknowledged.
    pub fn may_drop_log(&self, leader_epoch: i32) -> bool {
        leader_epoch >= self.log.floor
    }

    /// Becomes what the view says, or stays it.
    pub(super) fn take_role(&mut self, now: Duration, log: &impl LogView, output: &mut Output) {
        let role = self.plan_role(output);
        let leader_epoch = self.view.leader_epoch;
        if role == self.role() && (role == Role::Idle || leader_epoch == self.standing_epoch) {
            return;
        }
        if role == Role::Leader && !self.may_begin(leader_epoch, output) {
            return;
        }
        self.standing_epoch = leader_epoch;
        self.standing = match role {
            Role::Idle => Standing::Idle,
            Role::Follower => Standing::Follower(Follower::new()),
            Role::Leader => {
                if self.context(now).starts_over(&self.log) {
                    // The unclean leader: what is on its disk is what is left.
                    let left = self.log.durable_end.max(log.start());
                    self.log.lower_high_watermark(left, output);
                }
                let alone = self.view.slots.len() == 1;
                self.log.adopt(leader_epoch, alone, output);
                let context = self.context(now);
                let leader = Leader::new(&context, &self.log, log, output);
                Standing::Leader(leader)
            }
        };
        output.role = Some(role);
        output.effective = true;
        if let (context, own, Standing::Leader(leader)) = self.parts(now) {
            leader.advance_high_watermark(&context, own, output);
        }
    }

    /// D1: which role the view gives to this disk and this incarnation.
    fn plan_role(&self, output: &mut Output) -> Role {
        let (view, me, rules) = (&self.view, &self.me, &self.config.rules);
        let refuse = |output: &mut Output, mark: Mark| {
            output.mark(mark);
            Role::Idle
        };
        if view.leader_epoch < self.log.floor && rules.epoch_floor {
            return refuse(output, Mark::BelowEpochFloor);
        }
        let (Some(slot), Some(leader)) = (view.slot_of(me.node), view.leader) else {
            return Role::Idle;
        };
        if view.slots[slot].storage_id != me.storage_id && rules.storage_checked {
            return refuse(output, Mark::ForeignStorage);
        }
        if leader.node != me.node {
            return Role::Follower;
        }
        let leads_already = self.is_leader() && self.standing_epoch == view.leader_epoch;
        let granted = Some(leader.broker_epoch) == me.broker_epoch;
        let may_lead = granted && (leads_already || view.leader_epoch > self.log.floor);
        if !may_lead && rules.leader_incarnation {
            return refuse(output, Mark::LeaderOfOtherIncarnation);
        }
        Role::Leader
    }

    fn may_begin(&self, leader_epoch: i32, output: &mut Output) -> bool {
        let last_epoch = self.log.epochs.last_epoch();
        let goes_on = last_epoch == leader_epoch && !self.config.rules.leader_incarnation;
        if last_epoch >= leader_epoch && !goes_on {
            output.broken = Some(Broken::LogAheadOfEpoch {
                leader_epoch,
                last_epoch,
            });
            return false;
        }
        true
    }
}
