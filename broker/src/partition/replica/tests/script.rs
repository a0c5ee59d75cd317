//! Scripts: a text file of commands with the effects that they must have. A block is lines of commands, `----`, and what
//! came of them; `UPDATE=1` writes the latter anew, and the difference is what a reviewer reads.
//!
//! | command | |
//! |---|---|
//! | `replicas 3 min=2 isr=0,1` | a new partition; nobody was told yet |
//! | `state leader=1 isr=0,1 elr=2 min=1 wiped=2 recovering same-epoch` | the controller commits another state; what is not named stays |
//! | `tell 0 1 state=0` / `tell all` | nodes apply the state of that number, by default the newest |
//! | `produce 0 2` | two records at the leader |
//! | `flush 0`, `flush 0 1` | everything, or the one oldest write, is durable |
//! | `elect 1` | the same with that leader, if it is in the ISR, or in the ELR of an empty ISR |
//! | `deliver 0->1`, `deliver 0->1 newest keep`, `drop 0->1`, `drop all` | the oldest or newest message of a link |
//! | `settle` | flush and deliver until all is quiet; proposals stay |
//! | `accept`, `refuse`, `lose` | the controller's answer to the oldest proposal |
//! | `commit` | it is committed, without an answer; the proposal may arrive once more |
//! | `tick 0 500` | time passes, the node is told |
//! | `crash 0 1`, `restart 0 view=2`, `wipe 0` | one write under way gets through; the new incarnation's view |
//! | `trim 0 3` | the node's log starts later |
//! | `show`, `net` | all nodes; all messages |
//! | `admit 0`, `latest 0`, `acked 0 3 epoch=1` | what clients are told |
//!
//! A first line `kills: rule …` names the rules without which the same commands must break a promise.

use std::fmt::Write as _;

use super::{
    controller::describe,
    trace::{show_log, show_message},
    words::Words,
    world::{Body, Packet, World},
    *,
};

pub struct Script {
    world: World,
    next_id: u64,
}

impl Script {
    pub fn new(rules: Rules) -> Script {
        let mut config = Config::production();
        config.rules = rules;
        Script {
            world: World::new(0, config, state(0, 0, &[], 0)),
            next_id: 100,
        }
    }

    /// What broke, if anything.
    pub fn failure(&self) -> Option<&str> {
        self.world.failure.as_deref()
    }

    /// All ways that were gone.
    pub fn marks(&self) -> Marks {
        self.world.marks
    }

    /// Runs one line, and gives what came of it.
    pub fn run(&mut self, line: &str) -> String {
        self.world.trace = Some(Vec::new());
        let words: Vec<&str> = line.split_whitespace().collect();
        self.command(&Words(&words));
        let lines = self.world.trace.take().unwrap_or_default();
        lines.iter().fold(String::new(), |mut text, line| {
            let _ = writeln!(text, "{line}");
            text
        })
    }

    fn command(&mut self, words: &Words<'_>) {
        let name = words.0[0];
        match name {
            "replicas" => self.begin(words),
            "state" => self.state(words),
            "elect" => self.elect(words),
            "tell" => {
                let newest = self.world.states.len() - 1;
                let number = words.value("state").map_or(newest, |number| number as usize);
                for node in self.nodes(words) {
                    self.world.tell(node, number);
                }
            }
            "produce" => self.world.produce(words.node(), words.number(2).unwrap_or(1)),
            "flush" => {
                for node in self.nodes(&Words(&words.0[..2])) {
                    let all = self.world.nodes[node].writes() as i64;
                    for _ in 0..words.number(2).unwrap_or(all) {
                        self.world.flush(node);
                    }
                }
            }
            "deliver" => self.deliver(words),
            "drop" if words.0[1] == "all" => self.world.net.clear(),
            "drop" => {
                if let Some(index) = self.find(words) {
                    self.world.net.remove(index);
                }
            }
            "settle" => self.settle(),
            "accept" | "commit" | "refuse" | "lose" => self.answer(name),
            "tick" => {
                self.world.now += ms(words.number(2).unwrap_or(0) as u64);
                self.world.input(words.node(), Input::Tick, &[]);
            }
            "crash" => self.world.crash(words.node(), words.number(2).unwrap_or(0) as usize),
            "restart" => {
                self.next_id += 1;
                let newest = self.world.states.len() - 1;
                let view = words.value("view").map_or(newest, |view| view as usize);
                self.world.restart(words.node(), self.next_id, view);
            }
            "wipe" => {
                self.next_id += 1;
                self.world.wipe(words.node(), Uuid::from_u128(u128::from(self.next_id)));
            }
            "trim" => self.world.raise_start(words.node(), words.number(2).unwrap_or(0)),
            "show" => self.show(),
            "net" => self.show_net(),
            "admit" | "latest" | "acked" => self.ask(name, words),
            other => panic!("unknown command {other}"),
        }
    }

    fn begin(&mut self, words: &Words<'_>) {
        let replicas = words.number(1).expect("a number of replicas") as i32;
        let everybody: Vec<i32> = (0..replicas).collect();
        let mut first = state(0, 0, &words.list("isr").unwrap_or(everybody), replicas);
        first.min_isr = words.value("min").unwrap_or(1) as u16;
        let trace = self.world.trace.take();
        self.world = World::new(replicas, self.world.config, first);
        self.world.trace = trace;
    }

    fn state(&mut self, words: &Words<'_>) {
        let held = self.world.states.last().expect("there is a first");
        let mut next = held.clone();
        next.partition_epoch += 1;
        if let Some(leader) = words.word("leader") {
            next.leader = leader.parse().ok().map(|node: i32| Led {
                node,
                broker_epoch: self.world.nodes[node as usize].broker_epoch,
            });
        }
        next.isr = words.list("isr").map_or(next.isr, NodeList::from);
        next.elr = words.list("elr").map_or(next.elr, NodeList::from);
        next.min_isr = words.value("min").map_or(next.min_isr, |min_isr| min_isr as u16);
        next.recovering = words.has("recovering");
        for node in words.list("wiped").unwrap_or_default() {
            let storage_id = self.world.nodes[node as usize].disk.storage_id;
            let slot = next.replicas.iter_mut().find(|slot| slot.node == node);
            slot.expect("a replica").storage_id = storage_id;
        }
        self.world.unclean |= next.recovering;
        let new_epoch = next.leader != held.leader || next.replicas != held.replicas || words.has("new-epoch");
        if new_epoch && !words.has("same-epoch") {
            next.leader_epoch += 1;
        }
        if next.recovering && !held.recovering {
            next.unclean_epoch = next.leader_epoch;
        }
        self.world.note(|| describe(&next));
        self.world.states.push(next);
    }

    fn elect(&mut self, words: &Words<'_>) {
        let mut next = self.world.states.last().expect("there is a first").clone();
        let node = words.node() as i32;
        if next.isr.is_empty() && next.elr.contains(&node) {
            next.isr = NodeList::from_slice(&[node]);
            next.elr.retain(|member| *member != node);
        }
        if !next.isr.contains(&node) {
            return self.world.note(|| "not in sync".into());
        }
        next.leader = Some(Led {
            node,
            broker_epoch: self.world.nodes[node as usize].broker_epoch,
        });
        next.partition_epoch += 1;
        next.leader_epoch += 1;
        self.world.note(|| describe(&next));
        self.world.states.push(next);
    }

    fn nodes(&self, words: &Words<'_>) -> Vec<usize> {
        if words.0[1] == "all" {
            return (0..self.world.nodes.len()).collect();
        }
        words.0[1..].iter().filter_map(|word| word.parse().ok()).collect()
    }

    /// The oldest message of the link that is named as `0->1`.
    fn find(&mut self, words: &Words<'_>) -> Option<usize> {
        let (from, to) = words.0[1].split_once("->").expect("a link");
        let link = (
            from.parse::<usize>().expect("a node"),
            to.parse::<usize>().expect("a node"),
        );
        let mut packets = self.world.net.iter();
        let is_on_link = |packet: &Packet| (packet.from, packet.to) == link;
        let found = match words.has("newest") {
            true => packets.rposition(is_on_link),
            false => packets.position(is_on_link),
        };
        if found.is_none() {
            self.world.note(|| "nothing on that link".into());
        }
        found
    }

    fn deliver(&mut self, words: &Words<'_>) {
        if let Some(index) = self.find(words) {
            let packet = match words.has("keep") {
                true => self.world.net[index].clone(),
                false => self.world.net.remove(index),
            };
            self.world.receive(packet);
        }
    }

    fn settle(&mut self) {
        for _ in 0..1_000 {
            for node in 0..self.world.nodes.len() {
                while self.world.nodes[node].writes() > 0 {
                    self.world.flush(node);
                }
            }
            let is_proposal = |packet: &Packet| matches!(packet.body, Body::Alter(_));
            let Some(next) = self.world.net.iter().position(|packet| !is_proposal(packet)) else {
                return;
            };
            let packet = self.world.net.remove(next);
            self.world.receive(packet);
        }
        self.world.fail("messages go on for ever");
    }

    fn answer(&mut self, name: &str) {
        let found = self
            .world
            .net
            .iter()
            .position(|packet| matches!(packet.body, Body::Alter(_)));
        let Some(index) = found else {
            return self.world.note(|| "no proposal".into());
        };
        let Packet {
            from,
            body: Body::Alter(alter),
            ..
        } = self.world.net.remove(index)
        else {
            return;
        };
        if name == "lose" {
            return;
        }
        let committed = name == "accept" || name == "commit";
        let accepted = committed.then(|| {
            let mut next = self.world.states.last().expect("there is a first").clone();
            next.isr = alter.new_isr.iter().map(|(node, _)| *node).collect();
            if next.isr.len() >= usize::from(next.min_isr) {
                next.elr.clear();
            }
            next.recovering &= !alter.recovered;
            next.partition_epoch += 1;
            self.world.note(|| describe(&next));
            self.world.states.push(next);
            self.world.states.len() - 1
        });
        if name == "commit" {
            return self.world.net.push(Packet {
                from,
                to: usize::MAX,
                body: Body::Alter(alter),
            });
        }
        // What was committed is applied on the leader when its view comes to it.
        let error_code = match accepted {
            Some(_) => ErrorCode::NONE,
            None => ErrorCode::INVALID_UPDATE_VERSION,
        };
        let reply = Input::AlterPartitionReply {
            leader_epoch: alter.leader_epoch,
            partition_epoch: alter.partition_epoch,
            error_code,
        };
        self.world.input(from, reply, &[]);
    }

    fn show(&mut self) {
        for node in 0..self.world.nodes.len() {
            let held = &self.world.nodes[node];
            let line = match &held.replica {
                None => format!(
                    "{node}: down, disk {} floor {}",
                    show_log(&held.disk.records),
                    held.disk.floor
                ),
                Some(replica) => format!(
                    "{node}: {:?} epoch {} floor {} log {} durable {} high watermark {}",
                    replica.role(),
                    replica.leader_epoch(),
                    replica.epoch_floor(),
                    show_log(&held.log),
                    replica.durable_end(),
                    replica.high_watermark()
                ),
            };
            self.world.note(|| line);
        }
    }

    fn show_net(&mut self) {
        for packet in self.world.net.clone() {
            let line = match &packet.body {
                Body::Replica(message, _) => format!("{}->{}: {}", packet.from, packet.to, show_message(message)),
                Body::Alter(alter) => format!("{}: proposes {:?}", packet.from, alter.new_isr),
                Body::AlterReply(..) => continue,
            };
            self.world.note(|| line);
        }
    }

    fn ask(&mut self, name: &str, words: &Words<'_>) {
        let Some(replica) = &self.world.nodes[words.node()].replica else {
            return;
        };
        let code = |result: Result<(), ErrorCode>| result.err().unwrap_or(ErrorCode::NONE);
        let answer = match name {
            "admit" => format!(
                "acks=1 {}, acks=all {}",
                code(replica.admit(Acks::Leader)),
                code(replica.admit(Acks::All))
            ),
            "latest" => match replica.latest_offset() {
                Ok(offset) => offset.to_string(),
                Err(code) => code.to_string(),
            },
            _ => {
                let epoch = words
                    .value("epoch")
                    .map_or(replica.leader_epoch(), |epoch| epoch as i32);
                let end = words.number(2).expect("an end");
                let show = |acks| match replica.acknowledgement(acks, end, epoch) {
                    Some(code) => code.to_string(),
                    None => "waits".into(),
                };
                format!("acks=1 {}, acks=all {}", show(Acks::Leader), show(Acks::All))
            }
        };
        self.world.note(|| answer);
    }
}
