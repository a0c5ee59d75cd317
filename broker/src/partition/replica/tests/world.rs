//! Replicas with disks that lose what was not flushed, and a network that loses, doubles and reorders.
//!
//! What a node asks to persist is visible to it at once, and durable when it is flushed; what waits for that leaves then.

use std::collections::{BTreeMap, VecDeque};

use super::{
    disk::{Disk, Record, Records},
    *,
};

/// One write under way, and what may leave once it is durable.
struct Write {
    persist: Persist,
    records: Vec<Record>,
    then_send: Vec<Outgoing>,
}

pub struct Node {
    /// None: crashed.
    pub replica: Option<Replica>,
    pub log: Records,
    pub disk: Disk,
    pub broker_epoch: u64,
    /// Number of the newest state that was told.
    pub view: usize,
    writes: VecDeque<Write>,
}

impl Node {
    pub fn is_leader(&self) -> bool {
        self.replica.as_ref().is_some_and(Replica::is_leader)
    }

    pub fn writes(&self) -> usize {
        self.writes.len()
    }
}

#[derive(Clone, Debug)]
pub struct Packet {
    pub from: usize,
    pub to: usize,
    pub body: Body,
}

#[derive(Clone, Debug)]
pub enum Body {
    Replica(Message, Vec<Record>),
    /// To the controller.
    Alter(AlterPartition),
    /// From the controller: the epochs that were asked with, and the number of the state that came of it.
    AlterReply(i32, i32, Option<usize>),
}

struct Sight<'a> {
    records: &'a Records,
    window: i64,
}

impl LogView for Sight<'_> {
    fn start(&self) -> i64 {
        self.records.start
    }

    fn append_end(&self, from: i64, upto: i64) -> i64 {
        upto.min(from + self.window)
    }
}

pub struct World {
    pub now: Duration,
    pub config: Config,
    pub nodes: Vec<Node>,
    pub net: Vec<Packet>,
    /// All states that the controller ever committed, oldest first.
    pub states: Vec<PartitionState>,
    /// What a high watermark covered: this is what clients may have seen.
    pub committed: Vec<Record>,
    /// Records in one append; 0: none can be had.
    pub window: i64,
    /// Acks leave before they are durable: a host that breaks its second promise.
    pub acks_at_once: bool,
    /// An unclean election may lose what was committed.
    pub unclean: bool,
    pub marks: Marks,
    pub failure: Option<String>,
    /// What happened in the last command, for scripts.
    pub trace: Option<Vec<String>>,
    /// (node, broker epoch) of each epoch's leader.
    pub leaders: BTreeMap<i32, (usize, u64)>,
    next_value: u32,
    output: Output,
}

impl World {
    /// Nodes on first disks, in first incarnations; nobody was told anything.
    pub fn new(nodes: i32, config: Config, first: PartitionState) -> World {
        let nodes = (0..nodes).map(|node| {
            let disk = Disk {
                storage_id: disk(node),
                records: Records::default(),
                floor: -1,
                high_watermark: 0,
            };
            Node {
                replica: Some(Replica::new(config, identity(node), Recovered::nothing())),
                log: Records::default(),
                disk,
                broker_epoch: node as u64 + 1,
                view: 0,
                writes: VecDeque::new(),
            }
        });
        World {
            now: Duration::ZERO,
            config,
            nodes: nodes.collect(),
            net: Vec::new(),
            states: vec![first],
            committed: Vec::new(),
            window: 10,
            acks_at_once: false,
            unclean: false,
            marks: Marks::default(),
            failure: None,
            trace: None,
            leaders: BTreeMap::new(),
            next_value: 0,
            output: Output::default(),
        }
    }

    pub fn fail(&mut self, what: impl Into<String>) {
        let what = what.into();
        self.note(|| format!("FAILED: {what}"));
        if self.failure.is_none() {
            self.failure = Some(what);
        }
    }

    pub fn note(&mut self, line: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.push(line());
        }
    }

    /// Tells a node the state of this number and all that it had not been told before.
    pub fn tell(&mut self, node: usize, state: usize) {
        self.nodes[node].view = state;
        let state = self.states[state].clone();
        self.input(node, Input::State(&state), &[]);
    }

    pub fn produce(&mut self, node: usize, records: i64) {
        let epoch = match &self.nodes[node].replica {
            Some(replica) => replica.leader_epoch(),
            None => return,
        };
        let values: Vec<Record> = (0..records as u32).map(|n| (epoch, self.next_value + n)).collect();
        self.next_value += records as u32;
        self.input(node, Input::Produce { records }, &values);
    }

    /// The oldest write is durable.
    pub fn flush(&mut self, node: usize) {
        let Some(write) = self.nodes[node].writes.pop_front() else {
            return;
        };
        let number = write.persist.number;
        let then_send = self.write_down(node, write);
        self.send(node, &then_send);
        if number > 0 {
            self.input(node, Input::Persisted(number), &[]);
        }
    }

    fn write_down(&mut self, node: usize, write: Write) -> Vec<Outgoing> {
        let disk = &mut self.nodes[node].disk;
        disk.records.apply(&write.persist, &write.records);
        disk.floor = write.persist.adopt_epoch.unwrap_or(disk.floor);
        disk.high_watermark = write.persist.high_watermark.unwrap_or(disk.high_watermark);
        write.then_send
    }

    /// Delivers a packet; with `keep` it stays in the network and may come again.
    pub fn deliver(&mut self, index: usize, keep: bool) {
        let packet = if keep {
            self.net[index].clone()
        } else {
            self.net.swap_remove(index)
        };
        self.receive(packet);
    }

    pub fn receive(&mut self, packet: Packet) {
        let Packet { from, to, body } = packet;
        match body {
            Body::Replica(message, records) => {
                let base = match message {
                    Message::Append(append) => append.prev.end,
                    Message::Ack(_) => 0,
                };
                let spans: Vec<Span> = records
                    .iter()
                    .zip(base..)
                    .map(|((leader_epoch, _), base_offset)| Span {
                        base_offset,
                        records: 1,
                        leader_epoch: *leader_epoch,
                    })
                    .collect();
                let input = Input::Received {
                    from: from as i32,
                    message,
                    spans: &spans,
                };
                self.input(to, input, &records);
            }
            Body::AlterReply(leader_epoch, partition_epoch, state) => {
                let error_code = match state {
                    Some(_) => ErrorCode::NONE,
                    None => ErrorCode::INVALID_UPDATE_VERSION,
                };
                let reply = Input::AlterPartitionReply {
                    leader_epoch,
                    partition_epoch,
                    error_code,
                };
                self.input(to, reply, &[]);
                if let Some(state) = state
                    && self.nodes[to].replica.is_some()
                    && self.nodes[to].view < state
                {
                    self.tell(to, state);
                }
            }
            Body::Alter(_) => unreachable!("the controller takes these"),
        }
    }

    /// The process ends; of the writes under way the first `kept` reach the disk.
    pub fn crash(&mut self, node: usize, kept: usize) {
        for _ in 0..kept {
            if let Some(write) = self.nodes[node].writes.pop_front() {
                self.write_down(node, write);
            }
        }
        self.nodes[node].replica = None;
        self.nodes[node].writes.clear();
    }

    /// A new incarnation, which knows the shard's log up to the state of number `view`.
    pub fn restart(&mut self, node: usize, broker_epoch: u64, view: usize) {
        let held = &mut self.nodes[node];
        held.broker_epoch = broker_epoch;
        held.log = held.disk.records.clone();
        let identity = Identity {
            node: node as i32,
            storage_id: held.disk.storage_id,
            broker_epoch: None,
        };
        let recovered = Recovered {
            epochs: held.log.epochs(),
            high_watermark: held.disk.high_watermark,
            epoch_floor: held.disk.floor,
        };
        held.replica = Some(Replica::new(self.config, identity, recovered));
        self.tell(node, view);
        self.input(node, Input::Registered { broker_epoch }, &[]);
    }

    pub fn wipe(&mut self, node: usize, storage_id: Uuid) {
        self.nodes[node].disk = Disk {
            storage_id,
            records: Records::default(),
            floor: -1,
            high_watermark: 0,
        };
    }

    /// Retention, or DeleteRecords: the log starts later, on this node only.
    pub fn raise_start(&mut self, node: usize, to: i64) {
        let held = &mut self.nodes[node];
        held.log.raise_start(to);
        held.writes.push_back(Write {
            persist: Persist {
                log_start: Some(to),
                ..Persist::default()
            },
            records: Vec::new(),
            then_send: Vec::new(),
        });
    }

    /// One step of a replica, and its effects. `records` are those that the input brings.
    pub fn input(&mut self, node: usize, input: Input<'_>, records: &[Record]) {
        let mut output = std::mem::take(&mut self.output);
        let held = &mut self.nodes[node];
        if let Some(replica) = &mut held.replica {
            let high_watermark = replica.high_watermark();
            let sight = Sight {
                records: &held.log,
                window: self.window,
            };
            replica.step(self.now, input, &sight, &mut output);
            self.marks.join(output.marks);
            self.carry_out(node, high_watermark, records, &output);
        }
        self.output = output;
    }

    fn carry_out(&mut self, node: usize, high_watermark: i64, records: &[Record], output: &Output) {
        if let Some(broken) = output.broken {
            return self.fail(format!("node {node}: {broken}"));
        }
        self.note_effects(node, output);
        let appended = output.persist.append.map_or(Vec::new(), |(from, to)| {
            // The end of the input's records is the end of what is appended.
            let skip = records.len() - (to - from) as usize;
            records[skip..].to_vec()
        });
        self.nodes[node].log.apply(&output.persist, &appended);
        self.check(node, high_watermark, output);
        let sendings = output.send_now.clone();
        self.send(node, &sendings);
        let waits = !output.persist.is_empty() || !self.nodes[node].writes.is_empty();
        if self.acks_at_once {
            self.send_unchecked(node, &output.send_after_persist);
        }
        let then_send = match self.acks_at_once {
            true => Vec::new(),
            false => output.send_after_persist.clone(),
        };
        if !waits {
            self.send(node, &then_send);
        } else if !output.persist.is_empty() || !then_send.is_empty() {
            self.nodes[node].writes.push_back(Write {
                persist: output.persist,
                records: appended,
                then_send,
            });
        }
        if let Some(alter) = &output.alter_partition {
            self.net.push(Packet {
                from: node,
                to: usize::MAX,
                body: Body::Alter(alter.clone()),
            });
        }
    }

    fn send(&mut self, node: usize, sendings: &[Outgoing]) {
        for outgoing in sendings {
            if let Message::Ack(Ack {
                leader_epoch,
                outcome: Outcome::Matched(end),
                ..
            }) = outgoing.message
            {
                let disk = &self.nodes[node].disk;
                let (floor, durable) = (disk.floor, disk.records.end());
                if floor < leader_epoch {
                    self.fail(format!(
                        "node {node} acked in epoch {leader_epoch}, its disk knows {floor}"
                    ));
                }
                if durable < end {
                    self.fail(format!("node {node} acked {end}, its disk ends at {durable}"));
                }
            }
        }
        self.send_unchecked(node, sendings);
    }

    fn send_unchecked(&mut self, node: usize, sendings: &[Outgoing]) {
        for outgoing in sendings {
            let records = match outgoing.message {
                Message::Append(append) => self.nodes[node].log.slice(append.prev.end, append.end),
                Message::Ack(_) => Vec::new(),
            };
            self.net.push(Packet {
                from: node,
                to: outgoing.to as usize,
                body: Body::Replica(outgoing.message, records),
            });
        }
    }
}
