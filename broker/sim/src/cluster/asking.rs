//! Requests to controllers, and their answers.

use corelane_broker::metadata::{
    Answer, Wish, WishError,
    shard::{ShardAnswer, ShardWish},
};
use corelane_protocol::error_code::ErrorCode;

use super::{
    controllers::Step,
    event_loop::Cluster,
    packet::{Ask, Packet, Reply},
};

/// Where an answer goes.
#[derive(Clone, Copy, Debug)]
pub enum Asker {
    /// Nobody waits: the operator looks at the cluster himself.
    Operator,
    Broker {
        node: usize,
        life: u32,
    },
    Leader {
        node: usize,
        life: u32,
        partition: usize,
        leader_epoch: i32,
        partition_epoch: i32,
    },
}

/// What a wish is for.
pub enum Wished {
    Root(Wish),
    Shard(ShardWish),
}

impl Cluster {
    /// A request arrived at a node.
    pub(super) fn on_ask(&mut self, n: usize, from: usize, life: u32, ask: Ask) {
        let (log, asker, wished) = match ask {
            Ask::Root(wish) => (0, Asker::Broker { node: from, life }, Wished::Root(wish)),
            Ask::AlterPartition { partition, wish } => {
                let change = &wish.partitions[0];
                let asker = Asker::Leader {
                    node: from,
                    life,
                    partition,
                    leader_epoch: change.leader_epoch,
                    partition_epoch: change.partition_epoch,
                };
                let log = 1 + self.topics.partitions[partition].shard;
                (log, asker, Wished::Shard(ShardWish::AlterPartition(wish)))
            }
        };
        self.steps += 1;
        self.wish(n, log, asker, wished);
    }

    /// The operator's wish, at the controller itself.
    pub(super) fn operate(&mut self, log: usize, wished: Wished) {
        let node = self.controller_of(log).filter(|node| self.is_running(*node));
        if let Some(node) = node {
            self.steps += 1;
            self.wish(node, log, Asker::Operator, wished);
        }
    }

    fn wish(&mut self, n: usize, log: usize, asker: Asker, wished: Wished) {
        if self.nodes[n].controllers[log].is_none() {
            return self.answer(n, asker, Err(ErrorCode::NOT_CONTROLLER));
        }
        let id = self.fresh_id();
        if let Some(controller) = &mut self.nodes[n].controllers[log] {
            controller.asked.push((id, asker));
        }
        self.step_controller(n, log, Step::Asked(id, wished));
    }

    pub(super) fn answer_id(&mut self, n: usize, log: usize, id: u64, reply: Result<Reply, ErrorCode>) {
        let Some(controller) = &mut self.nodes[n].controllers[log] else {
            return;
        };
        if let Some(place) = controller.asked.iter().position(|(asked, _)| *asked == id) {
            let (_, asker) = controller.asked.swap_remove(place);
            self.answer(n, asker, reply);
        }
    }

    fn answer(&mut self, from: usize, asker: Asker, reply: Result<Reply, ErrorCode>) {
        match asker {
            Asker::Operator => {}
            Asker::Broker { node, life } => {
                let packet = Packet::Reply { life, reply };
                self.send(from, node, packet);
            }
            Asker::Leader {
                node,
                life,
                partition,
                leader_epoch,
                partition_epoch,
            } => {
                let altered = match reply {
                    Ok(Reply::Altered(state)) => Ok(state),
                    Ok(_) => return self.judge("a controller's answer", Err("it names no state".into())),
                    Err(code) => Err(code),
                };
                let packet = Packet::AlterPartitionReply {
                    life,
                    partition,
                    leader_epoch,
                    partition_epoch,
                    altered,
                };
                self.send(from, node, packet);
            }
        }
    }
}

pub fn root_reply(answer: Result<Answer, WishError>) -> Result<Reply, ErrorCode> {
    match answer {
        Ok(Answer::Registered { broker_epoch }) => Ok(Reply::Registered { broker_epoch }),
        Ok(Answer::Heartbeat { is_fenced, .. }) => Ok(Reply::Beat { is_fenced }),
        Ok(_) => Ok(Reply::Done),
        Err(error) => Err(error.code),
    }
}

/// One partition is asked for at a time.
pub fn shard_reply(answer: Result<ShardAnswer, WishError>) -> Result<Reply, ErrorCode> {
    match answer {
        Ok(ShardAnswer::PartitionsAltered(altered)) => match altered.into_iter().next() {
            Some((_, Err(error))) => Err(error.code),
            Some((_, Ok(state))) => Ok(Reply::Altered(state)),
            None => Ok(Reply::Done),
        },
        Ok(_) => Ok(Reply::Done),
        Err(error) => Err(error.code),
    }
}
