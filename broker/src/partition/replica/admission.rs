//! What clients are told: may a batch be appended, when is it acknowledged and how, which offset is the latest.
//!
//! Sources: Kafka's `Partition.appendRecordsToLeader`, `checkEnoughReplicasReachOffset`, `fetchOffsetForTimestamp`;
//! KIP-207 (latest offset after an election), KIP-320 (leader epochs of clients), KIP-98 (last stable offset).

use corelane_protocol::error_code::ErrorCode;

use super::{Replica, Standing};

/// What a producer waits for, as on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acks {
    None,
    /// Durable on the leader.
    Leader,
    /// Below the high watermark, with min ISR members.
    All,
}

impl Acks {
    /// None for a number that the protocol does not know.
    pub fn from_wire(required_acks: i16) -> Option<Acks> {
        match required_acks {
            0 => Some(Acks::None),
            1 => Some(Acks::Leader),
            -1 => Some(Acks::All),
            _ => None,
        }
    }
}

impl Replica {
    /// D9: may a batch be appended?
    ///
    /// # Errors
    /// `NOT_LEADER_OR_FOLLOWER`; `NOT_ENOUGH_REPLICAS` for acks=all with too few members in the ISR.
    pub fn admit(&self, acks: Acks) -> Result<(), ErrorCode> {
        if !self.is_leader() {
            return Err(ErrorCode::NOT_LEADER_OR_FOLLOWER);
        }
        let enough = self.has_min_isr() || !self.config.rules.produce_needs_min_isr;
        if acks == Acks::All && !enough {
            return Err(ErrorCode::NOT_ENOUGH_REPLICAS);
        }
        Ok(())
    }

    /// D9: what to tell the producer of a batch that ends before `end` and was appended in `leader_epoch`. None: not yet.
    pub fn acknowledgement(&self, acks: Acks, end: i64, leader_epoch: i32) -> Option<ErrorCode> {
        if !self.is_leader() || leader_epoch != self.leader_epoch() {
            // Whether a later leader kept it, nobody knows here.
            return Some(ErrorCode::NOT_LEADER_OR_FOLLOWER);
        }
        match acks {
            Acks::None => Some(ErrorCode::NONE),
            Acks::Leader => (self.durable_end() >= end && self.log.floor_is_durable()).then_some(ErrorCode::NONE),
            Acks::All if self.high_watermark() < end => None,
            Acks::All if self.has_min_isr() || !self.config.rules.produce_needs_min_isr => Some(ErrorCode::NONE),
            // Only for a host that does not answer in the step that moved the high watermark: by D7 that step had min ISR.
            Acks::All => Some(ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND),
        }
    }

    /// D10: the offset that a reader from the end starts at.
    ///
    /// # Errors
    /// `OFFSET_NOT_AVAILABLE` until the high watermark reached the start of this leader's epoch: before, it may be lower
    /// than what the leader before told.
    pub fn latest_offset(&self) -> Result<i64, ErrorCode> {
        match &self.standing {
            Standing::Leader(leader)
                if self.high_watermark() >= leader.epoch_start || !self.config.rules.latest_after_epoch_start =>
            {
                Ok(self.high_watermark())
            }
            Standing::Leader(_) => Err(ErrorCode::OFFSET_NOT_AVAILABLE),
            _ => Err(ErrorCode::NOT_LEADER_OR_FOLLOWER),
        }
    }

    /// What readers of committed transactions may see, given where the oldest open transaction begins.
    pub fn last_stable_offset(&self, first_unstable: Option<i64>) -> i64 {
        first_unstable.map_or(self.high_watermark(), |first| first.min(self.high_watermark()))
    }

    /// Compares the epoch that a client believes in (KIP-320); −1 means that it does not say.
    ///
    /// # Errors
    /// `FENCED_LEADER_EPOCH` for an older epoch, `UNKNOWN_LEADER_EPOCH` for one that we have not heard of.
    pub fn check_epoch(&self, current_leader_epoch: i32) -> Result<(), ErrorCode> {
        match current_leader_epoch {
            -1 => Ok(()),
            epoch if epoch < self.leader_epoch() => Err(ErrorCode::FENCED_LEADER_EPOCH),
            epoch if epoch > self.leader_epoch() => Err(ErrorCode::UNKNOWN_LEADER_EPOCH),
            _ => Ok(()),
        }
    }

    /// Has the committed ISR as many members as the partition's own min ISR asks for (KAFKA-16540)?
    pub fn has_min_isr(&self) -> bool {
        self.view.isr.len() >= self.view.min_isr
    }
}
