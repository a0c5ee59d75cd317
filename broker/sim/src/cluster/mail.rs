//! Messages between nodes: where they go when they arrive, and when they may leave.

use corelane_broker::partition::replica;
use corelane_protocol::error_code::ErrorCode;
use corelane_raft::{Input, VoterId};

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
                if self.takes_messages_for(to, voter) {
                    self.step_group(to, group, Input::Received { from, message });
                }
            }
            Packet::Heartbeats { from, to: voter, batch } => {
                if self.takes_messages_for(to, voter) {
                    for (group, message) in batch {
                        self.step_group(to, group as usize, Input::Received { from, message });
                    }
                }
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

    /// What is for a disk that is not there any more is for nobody.
    fn takes_messages_for(&mut self, n: usize, voter: VoterId) -> bool {
        let is_meant = voter == self.nodes[n].voter();
        if !is_meant {
            self.marks.hit(Mark::MessageForWipedDisk);
        }
        is_meant || !self.plan.rules.raft.voter_is_node_and_disk
    }

    /// A message leaves the process.
    pub(super) fn send(&mut self, from: usize, to: usize, packet: Packet) {
        match packet {
            Packet::Raft {
                group,
                from: voter,
                to: peer,
                message,
            } => {
                self.observe_raft_message(from, group, &message);
                if let Some(message) = self.gather(from, group, peer, message) {
                    let packet = Packet::Raft {
                        group,
                        from: voter,
                        to: peer,
                        message,
                    };
                    self.transmit(from, to, packet);
                }
            }
            packet => self.transmit(from, to, packet),
        }
    }

    pub(super) fn transmit(&mut self, from: usize, to: usize, packet: Packet) {
        if let Packet::Replica {
            partition,
            message: replica::Message::Ack(ack),
            ..
        } = &packet
        {
            self.observe_ack(from, *partition, ack);
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
