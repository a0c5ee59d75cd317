//! Linearizable reads without an entry in the log (ReadIndex, Raft thesis §6.4).
//!
//! The commit of the moment is right to read at if this node was still the leader then. So it must have committed an
//! entry of its own term, and a majority must answer heartbeats that left after the read was asked for. One round is
//! under way at a time; reads that come meanwhile share the next one.

use crate::{Raft, Read};

#[derive(Clone, Copy, Debug)]
pub(crate) struct PendingRead {
    number: u64,
    end: u64,
    /// Answers of this round or a later one confirm it.
    round: u64,
}

impl Raft {
    pub(crate) fn on_read(&mut self, number: u64) {
        let rules = self.config.rules;
        let ready = self.is_ready_leader() || (self.is_leader() && !rules.read_after_own_commit);
        if !ready {
            self.output.reads.push(Read { number, end: None });
            return;
        }
        let end = self.commit;
        if !rules.read_confirmed_by_round {
            self.output.reads.push(Read { number, end: Some(end) });
            return;
        }
        let under_way = self.lead.reads.iter().any(|read| read.round == self.lead.round);
        self.lead.reads.push_back(PendingRead {
            number,
            end,
            round: self.lead.round + 1,
        });
        if !under_way {
            self.send_round();
            self.confirm_reads();
        }
    }

    /// Reads that wait for the next round get it.
    pub(crate) fn number_round(&mut self) {
        if self.lead.reads.back().is_some_and(|read| read.round > self.lead.round) {
            self.lead.round += 1;
        }
    }

    pub(crate) fn confirm_reads(&mut self) {
        if self.lead.reads.is_empty() {
            return;
        }
        let confirmed = self.reached_by_majority(self.lead.round, |peer| peer.round);
        while let Some(read) = self.lead.reads.pop_front_if(|read| read.round <= confirmed) {
            let (number, end) = (read.number, Some(read.end));
            self.output.reads.push(Read { number, end });
        }
        let waiting = self.lead.reads.front().is_some_and(|read| read.round > self.lead.round);
        if waiting {
            self.send_round();
        }
    }

    /// This node leads no more.
    pub(crate) fn refuse_reads(&mut self) {
        let refused = self.lead.reads.drain(..);
        self.output.reads.extend(refused.map(|read| Read {
            number: read.number,
            end: None,
        }));
    }
}
