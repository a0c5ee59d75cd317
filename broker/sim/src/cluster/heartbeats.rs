//! Heartbeats of all groups of a node travel as one message a peer, as a process with many groups sends them: whatever
//! leaves in one moment is gathered, and delayed, doubled or lost as a whole.

use corelane_raft::{Heartbeats, Message, Outgoing, VoterId};

use super::{event_loop::Cluster, packet::Packet};

/// What leaves a node in this moment.
#[derive(Debug, Default)]
pub struct Gathered {
    batches: Heartbeats<VoterId>,
    /// Memory that is used again.
    outgoing: Vec<Outgoing>,
}

impl Gathered {
    /// Gives the message back if it travels alone.
    fn take(&mut self, group: usize, to: VoterId, message: Message) -> Option<Message> {
        self.outgoing.push(Outgoing { to, message });
        self.batches.gather(group as u32, &mut self.outgoing, |to| to);
        self.outgoing.pop().map(|alone| alone.message)
    }
}

impl Cluster {
    pub(super) fn gather(&mut self, n: usize, group: usize, to: VoterId, message: Message) -> Option<Message> {
        let alone = self.nodes[n].gathered.take(group, to, message);
        if alone.is_none() {
            self.gathering.push(n);
        }
        alone
    }

    /// The moment is over.
    pub(super) fn send_gathered(&mut self) {
        while let Some(n) = self.gathering.pop() {
            let from = self.nodes[n].voter();
            let mut gathered = std::mem::take(&mut self.nodes[n].gathered);
            gathered.batches.flush(|to, batch| {
                let packet = Packet::Heartbeats { from, to: *to, batch };
                self.transmit(n, to.node as usize, packet);
            });
            self.nodes[n].gathered = gathered;
        }
    }
}
