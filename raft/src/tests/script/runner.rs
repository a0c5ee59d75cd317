//! Does what a script says.

use std::{cell::RefCell, collections::BTreeSet, rc::Rc, time::Duration};

use bytes::Bytes;

use super::{
    super::{
        cluster::{Cluster, Faults, Packet},
        config, voter,
    },
    show,
};
use crate::{Entry, HardState, Input, Payload, Rules, VoterId, Voters, VotersChange};

/// Commits of each node, and the lines since the last command.
type Seen = Rc<RefCell<(Vec<u64>, Vec<String>)>>;

pub(crate) struct Runner {
    cluster: Cluster,
    rules: Rules,
    faults: Faults,
    seen: Seen,
    cut: BTreeSet<(i32, i32)>,
    bytes_max: usize,
    priority: Option<u32>,
    aside: Vec<Packet>,
    delivered: Option<Packet>,
}

impl Runner {
    pub fn new(rules: Rules, faults: Faults) -> Runner {
        Runner {
            cluster: Cluster::new(0, 0, config(0, 0), faults),
            rules,
            faults,
            seen: Seen::default(),
            cut: BTreeSet::new(),
            bytes_max: 1000,
            priority: None,
            aside: Vec::new(),
            delivered: None,
        }
    }

    /// What happened.
    pub fn command(&mut self, line: &str) -> Vec<String> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (verb, rest) = words.split_first().expect("a command");
        let node = |place: usize| node(rest.get(place).unwrap_or_else(|| panic!("{line}: which node?")));
        let number = |place: usize| rest.get(place).map(|word| word.parse::<u64>().expect("a number"));
        match *verb {
            "cluster" => self.create(rest),
            "log" => self.write_log(node(0), &rest[1..]),
            "vote" => {
                self.cluster.nodes[node(0)].disk.hard_state = HardState {
                    term: number(1).expect("a term") as u32,
                    vote: rest.get(2).map(|_| self.id(node(2))),
                }
            }
            "start" => rest.iter().for_each(|word| self.start(self::node(word))),
            "crash" => {
                self.cluster.crash(node(0), number(1).unwrap_or(0) as usize);
                self.seen.borrow_mut().0[node(0)] = 0;
            }
            "wipe" => {
                self.cluster.wipe(node(0));
                self.seen.borrow_mut().0[node(0)] = 0;
            }
            "forget" => {
                self.cluster.crash(node(0), 0);
                let forgetful = &mut self.cluster.nodes[node(0)];
                forgetful.disk.forget_log();
                forgetful.founders = Voters::default();
                self.seen.borrow_mut().0[node(0)] = 0;
            }
            "timeout" => self.timeout(node(0)),
            "wait" => self.wait(number(0).expect("milliseconds")),
            "tick" => rest
                .iter()
                .for_each(|word| self.cluster.input(self::node(word), Input::Tick)),
            "persist" => self.persist(node(0), number(1)),
            "deliver" => {
                let packets = self.take(node(0), node(1));
                self.deliver(packets, number(2));
            }
            "arrive" => {
                let (from, to) = (node(0) as i32, node(1) as i32);
                let on_link = |packet: &mut Packet| packet.from.node == from && packet.to.node == to;
                let mut packets: Vec<Packet> = self.aside.extract_if(.., on_link).collect();
                let count = number(2).map_or(packets.len(), |count| count as usize);
                self.aside.splice(0..0, packets.split_off(count));
                self.deliver(packets, None);
            }
            "again" => {
                let packet = self.delivered.clone().expect("something was delivered");
                assert_eq!((packet.from.node, packet.to.node), (node(0) as i32, node(1) as i32));
                self.cluster.deliver(packet);
            }
            "lose" => {
                let mut packets = self.take(node(0), node(1));
                let lost = number(2).map_or(packets.len(), |count| count as usize);
                self.cluster.net.splice(0..0, packets.split_off(lost));
            }
            "late" => {
                let late = self.take(node(0), node(1));
                self.aside.extend(late);
            }
            "cut" => drop(self.cut.insert((node(0) as i32, node(1) as i32))),
            "join" => self.cut.clear(),
            "settle" => {
                self.quietly(Runner::settle);
                self.show_states(&[]);
            }
            "run" => {
                let end = number(0).expect("milliseconds");
                self.quietly(|runner| runner.run(end));
                self.show_states(&[]);
            }
            "propose" => {
                let value = Bytes::copy_from_slice(rest[1].as_bytes());
                self.cluster.input(node(0), Input::Propose(value));
            }
            "read" => self.cluster.read(node(0), number(1).expect("a number")),
            "learners" => {
                let learners = rest[1..].iter().map(|word| self.id(self::node(word))).collect();
                self.cluster.input(node(0), Input::Learners(learners));
            }
            "add" => {
                let change = VotersChange::Add(self.id(node(1)));
                self.cluster.input(node(0), Input::ChangeVoters(change));
            }
            "remove" => {
                // An id of a disk that is gone is written as it is shown.
                let id = self.past_id(rest[1]);
                self.cluster
                    .input(node(0), Input::ChangeVoters(VotersChange::Remove(id)));
            }
            "transfer" => {
                let to = rest.get(1).map(|_| self.id(node(1)));
                self.cluster.input(node(0), Input::Transfer(to));
            }
            "resign" => self.cluster.input(node(0), Input::Resign),
            "snapshot" => {
                let start = number(1).unwrap_or(u64::MAX);
                self.cluster.take_snapshot(node(0), start);
            }
            "state" => self.show_states(rest),
            "peers" => {
                let lines = show::peers(self.cluster.nodes[node(0)].running());
                self.seen.borrow_mut().1.extend(lines);
            }
            "priority" => self.priority = number(0).map(|priority| priority as u32),
            "bytes" => self.bytes_max = number(0).expect("bytes") as usize,
            _ => panic!("{line}: no such command"),
        }
        self.lose_cut();
        std::mem::take(&mut self.seen.borrow_mut().1)
    }

    fn id(&self, node: usize) -> VoterId {
        self.cluster.nodes[node].id
    }

    /// `a` is a's first disk, `a'` its second.
    fn past_id(&self, word: &str) -> VoterId {
        let disks = word.matches('\'').count() as u128;
        let first = voter(node(word.trim_end_matches('\'')) as i32);
        VoterId {
            storage_id: first.storage_id + 1000 * disks,
            ..first
        }
    }

    fn create(&mut self, words: &[&str]) {
        let founders = words.iter().position(|word| *word == "+").unwrap_or(words.len());
        let others = words.len().saturating_sub(founders + 1);
        let mut config = config(0, 0);
        config.rules = self.rules;
        config.append_bytes_max = self.bytes_max;
        config.priority = self.priority;
        let mut cluster = Cluster::new(founders as i32, others as i32, config, self.faults);
        self.seen = Rc::new(RefCell::new((vec![0; founders + others], Vec::new())));
        let seen = self.seen.clone();
        cluster.on_output = Some(Box::new(move |id, output| {
            let (commits, lines) = &mut *seen.borrow_mut();
            let commit = &mut commits[id.node as usize];
            lines.extend(show::output(id, output, *commit));
            *commit = output.commit;
        }));
        self.cluster = cluster;
    }

    /// The founders' entry and the terms of the others; a term may name its value: `2:x`.
    fn write_log(&mut self, index: usize, terms: &[&str]) {
        let node = &mut self.cluster.nodes[index];
        for word in terms {
            let (term, text) = word.split_once(':').unwrap_or((word, ""));
            let term = term.parse().expect("a term");
            let payload = match node.disk.end() {
                0 => Payload::Voters(node.founders.clone()),
                _ if text.is_empty() => Payload::Proposal(Bytes::from(format!("{term}.{}", node.disk.end()))),
                _ => Payload::Proposal(Bytes::copy_from_slice(text.as_bytes())),
            };
            node.disk.push(Entry { term, payload });
            node.disk.hard_state.term = node.disk.hard_state.term.max(term);
        }
    }

    fn start(&mut self, index: usize) {
        self.cluster.start(index, 7 + index as u64);
        let commit = self.cluster.nodes[index].running().commit();
        self.seen.borrow_mut().0[index] = commit;
    }

    fn wait(&mut self, ms: u64) {
        for node in &mut self.cluster.nodes {
            node.now += Duration::from_millis(ms);
        }
    }

    fn timeout(&mut self, index: usize) {
        let wake = self.cluster.nodes[index].running().next_wake();
        let wake = wake.expect("it waits for something");
        for node in &mut self.cluster.nodes {
            node.now = node.now.max(wake);
        }
        self.cluster.input(index, Input::Tick);
    }

    fn persist(&mut self, index: usize, count: Option<u64>) {
        let pending = self.cluster.nodes[index].pending.len() as u64;
        for _ in 0..count.unwrap_or(pending) {
            self.cluster.complete_write(index);
            self.lose_cut();
        }
    }

    /// Packets from one to the other that are on their way now.
    fn take(&mut self, from: usize, to: usize) -> Vec<Packet> {
        let on_link = |packet: &mut Packet| packet.from.node == from as i32 && packet.to.node == to as i32;
        self.cluster.net.extract_if(.., on_link).collect()
    }

    fn deliver(&mut self, mut packets: Vec<Packet>, count: Option<u64>) {
        let count = count.map_or(packets.len(), |count| count as usize);
        if packets.is_empty() {
            self.seen.borrow_mut().1.push("nothing is on its way".into());
        }
        let rest = packets.split_off(count.min(packets.len()));
        self.cluster.net.splice(0..0, rest);
        for packet in packets {
            self.delivered = Some(packet.clone());
            self.cluster.deliver(packet);
            self.lose_cut();
        }
    }

    fn lose_cut(&mut self) {
        let cut = &self.cut;
        self.cluster
            .net
            .retain(|packet| !cut.contains(&(packet.from.node, packet.to.node)));
    }

    fn settle(&mut self) {
        for _ in 0..1000 {
            self.lose_cut();
            let writes: Vec<usize> = (0..self.cluster.nodes.len())
                .filter(|index| !self.cluster.nodes[*index].pending.is_empty())
                .collect();
            for index in &writes {
                self.cluster.complete_write(*index);
            }
            self.lose_cut();
            let packets = std::mem::take(&mut self.cluster.net);
            if packets.is_empty() && writes.is_empty() {
                return;
            }
            packets.into_iter().for_each(|packet| self.cluster.deliver(packet));
        }
        panic!("they never stop talking");
    }

    fn run(&mut self, ms: u64) {
        for _ in 0..ms / 10 {
            self.wait(10);
            for index in 0..self.cluster.nodes.len() {
                self.cluster.input(index, Input::Tick);
            }
            self.settle();
        }
    }

    /// The lines would be too many.
    fn quietly(&mut self, act: impl FnOnce(&mut Runner)) {
        act(self);
        self.seen.borrow_mut().1.clear();
    }

    fn show_states(&mut self, words: &[&str]) {
        let shown: Vec<usize> = match words.is_empty() {
            true => (0..self.cluster.nodes.len()).collect(),
            false => words.iter().map(|word| node(word)).collect(),
        };
        let lines = shown.into_iter().map(|index| show::node(&self.cluster.nodes[index]));
        self.seen.borrow_mut().1.extend(lines);
    }
}

fn node(word: &str) -> usize {
    let letter = word.bytes().next().expect("a letter");
    assert!(letter.is_ascii_lowercase(), "{word} is no node");
    usize::from(letter - b'a')
}
