//! Messages between nodes: where they go when they arrive, and when they may leave.

use corelane_broker::partition::replica;
use corelane_protocol::error_code::ErrorCode;
use corelane_raft::Input;

use super::{event_loop::Cluster, events::Event, marks::Mark, node::Held, packet::Packet, replica_log::Batch};

impl Cluster {
    pub(super) fn on_packet(&mut self, to: usize, packet: Packet) {
        if !self.nodes[to].up {
            return;
        }
        match packet {
            Packet::Raft {
                group,
                from,
                to: voter,
                message,
            } => {
                if voter != self.nodes[to].voter() {
                    self.marks.hit(Mark::MessageForWipedDisk);
                    if self.plan.rules.raft.voter_is_node_and_disk {
                        return;
                    }
                }
                self.step_group(to, group, Input::Received { from, message });
            }
            Packet::Replica {
                partition,
                from,
                message,
                batch,
            } => self.on_replica_message(to, partition, from, message, &batch),
            Packet::Ask { from, life, ask } => self.on_ask(to, from, life, *ask),
            Packet::Reply { life, reply } if self.nodes[to].life == life => self.on_reply(to, reply),
            Packet::AlterPartitionReply {
                life,
                partition,
                leader_epoch,
                partition_epoch,
                altered,
            } if self.nodes[to].life == life => {
                let input = replica::Input::AlterPartitionReply {
                    leader_epoch,
                    partition_epoch,
                    error_code: altered.as_ref().err().copied().unwrap_or(ErrorCode::NONE),
                };
                self.step_replica(to, partition, input, &Batch::default());
                // A host may take the state from the answer, or wait until it applied the shard's entry.
                if let Some(state) = altered.ok().filter(|_| self.plan.broker.answers_tell) {
                    self.step_replica(to, partition, replica::Input::State(&state), &Batch::default());
                }
            }
            Packet::Reply { .. } | Packet::AlterPartitionReply { .. } => {}
        }
    }

    pub(super) fn send(&mut self, from: usize, to: usize, packet: Packet) {
        match &packet {
            Packet::Raft { group, message, .. } => self.observe_raft_message(from, *group, message),
            Packet::Replica {
                partition,
                message: replica::Message::Ack(ack),
                ..
            } => self.observe_ack(from, *partition, ack),
            _ => {}
        }
        let arrivals = self.network.send(self.now(), from, to);
        if let Some(at) = arrivals.again {
            let packet = packet.clone();
            self.timeline.plan(at, Event::Deliver { to, packet });
        }
        if let Some(at) = arrivals.first {
            self.timeline.plan(at, Event::Deliver { to, packet });
        }
    }

    /// Sends when everything that was submitted to the journal before is durable.
    pub(super) fn send_after_writes(&mut self, from: usize, journal: usize, to: usize, packet: Packet) {
        let held = Held { to, packet };
        let held = if self.plan.rules.host.replies_wait_for_the_disk {
            self.nodes[from].journals[journal].hold(held)
        } else {
            Some(held)
        };
        if let Some(Held { to, packet }) = held {
            self.send(from, to, packet);
        }
    }
}
