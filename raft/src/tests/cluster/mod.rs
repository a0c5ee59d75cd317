//! A group of nodes with disks and a network, and nothing that happens by itself: scripts and walks say what happens next.

pub(crate) mod disk;
pub(crate) mod invariants;

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use bytes::Bytes;

use self::{disk::Disk, invariants::Truth};
use crate::{
    Chunk, Config, Entry, Input, LogView, Message, Outgoing, Output, Payload, Persist, Position, Raft, VoterId, Voters,
};

/// What the driver does wrong on purpose, besides [`crate::Rules`].
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Faults {
    /// Messages that must wait for the disk leave at once.
    pub send_before_persist: bool,
    /// Term and vote are two records, and a crash may come between (hashicorp/raft #661).
    pub vote_is_a_record_of_its_own: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Packet {
    pub from: VoterId,
    pub to: VoterId,
    pub message: Message,
}

pub(crate) struct Node {
    pub id: VoterId,
    /// Who votes as far as this node knows without a log; nobody for one that joins.
    pub founders: Voters,
    /// None: crashed.
    pub raft: Option<Raft>,
    pub disk: Disk,
    /// What the running node sees: the disk with all that is being written.
    pub view: Disk,
    /// Writes under way, each with what may leave once it is durable.
    pub pending: VecDeque<(Persist, Vec<Outgoing>)>,
    pub applied: u64,
    pub state: u64,
    pub now: Duration,
}

impl Node {
    pub fn running(&self) -> &Raft {
        self.raft.as_ref().expect("the node runs")
    }
}

/// Sees every step's effects.
pub(crate) type Watcher = Box<dyn FnMut(VoterId, &Output)>;

pub(crate) struct Cluster {
    pub nodes: Vec<Node>,
    pub net: Vec<Packet>,
    pub truth: Truth,
    pub faults: Faults,
    /// Made anew for each start.
    pub config: Config,
    /// What was committed when a read was asked for.
    reads: BTreeMap<u64, u64>,
    pub confirmed_reads: u64,
    pub installed: u64,
    /// Told to scripts.
    pub on_output: Option<Watcher>,
}

impl Cluster {
    /// `founders` vote from the start, `others` join.
    pub fn new(founders: i32, others: i32, config: Config, faults: Faults) -> Cluster {
        let voters: Voters = (0..founders).map(super::voter).collect();
        let node = |number| Node {
            id: super::voter(number),
            founders: match number < founders {
                true => voters.clone(),
                false => Voters::default(),
            },
            raft: None,
            disk: Disk::default(),
            view: Disk::default(),
            pending: VecDeque::new(),
            applied: 0,
            state: 0,
            now: Duration::ZERO,
        };
        Cluster {
            nodes: (0..founders + others).map(node).collect(),
            net: Vec::new(),
            truth: Truth::default(),
            faults,
            config,
            reads: BTreeMap::new(),
            confirmed_reads: 0,
            installed: 0,
            on_output: None,
        }
    }

    pub fn start(&mut self, index: usize, seed: u64) {
        let node = &mut self.nodes[index];
        node.view = node.disk.clone();
        let config = Config {
            me: node.id,
            voters: node.founders.clone(),
            ..self.config.clone()
        };
        (node.applied, node.state) = match &node.disk.snapshot {
            Some(snapshot) => (snapshot.id.end, node.disk.read_file(snapshot.id)),
            None => (0, 0),
        };
        node.raft = Some(Raft::new(config, node.disk.recovered(), node.now, seed));
    }

    /// Power loss: of the writes under way the first `survive` are on the disk, nothing that waited for them was sent.
    pub fn crash(&mut self, index: usize, survive: usize) {
        for _ in 0..survive {
            self.make_durable(index);
        }
        let node = &mut self.nodes[index];
        if self.faults.vote_is_a_record_of_its_own
            && let Some((persist, _)) = node.pending.front()
            && let Some(state) = persist.hard_state
            && state.term > node.disk.hard_state.term
        {
            // The vote was written, the term is still the older one.
            node.disk.hard_state.vote = state.vote;
        }
        node.pending.clear();
        node.raft = None;
    }

    /// The disk is gone. What comes back is another voter, which joins.
    pub fn wipe(&mut self, index: usize) {
        self.crash(index, 0);
        let node = &mut self.nodes[index];
        self.truth.lost.push(node.id);
        node.id.storage_id += 1000;
        node.founders = Voters::default();
        node.disk = Disk::default();
    }

    fn make_durable(&mut self, index: usize) -> Option<(Persist, Vec<Outgoing>)> {
        let node = &mut self.nodes[index];
        let (persist, sends) = node.pending.pop_front()?;
        node.disk.write(&persist);
        Some((persist, sends))
    }

    pub fn complete_write(&mut self, index: usize) {
        if let Some((persist, sends)) = self.make_durable(index) {
            self.send(index, sends);
            if !persist.is_empty() {
                self.input(index, Input::Persisted(persist.number));
            }
        }
    }

    fn send(&mut self, index: usize, sends: Vec<Outgoing>) {
        for Outgoing { to, message } in sends {
            let from = self.nodes[index].id;
            let packet = Packet { from, to, message };
            if !self.faults.send_before_persist {
                self.truth.on_sent(&self.nodes[index], &packet);
            }
            self.net.push(packet);
        }
    }

    /// A packet reaches the node that has the disk it is meant for, if that node runs.
    pub fn deliver(&mut self, packet: Packet) {
        let disk_matters = self.config.rules.voter_is_node_and_disk;
        let reached = |node: &Node| node.id == packet.to || (!disk_matters && node.id.node == packet.to.node);
        let index = self.nodes.iter().position(reached);
        if let Some(index) = index {
            let (from, message) = (packet.from, packet.message);
            self.input(index, Input::Received { from, message });
        }
    }

    pub fn read(&mut self, index: usize, number: u64) {
        self.reads.insert(number, self.truth.committed());
        self.input(index, Input::Read(number));
    }

    /// The node takes a snapshot of the state it is in, and keeps its log from `log_start` on.
    pub fn take_snapshot(&mut self, index: usize, log_start: u64) {
        let node = &mut self.nodes[index];
        let snapshot = node.raft.as_ref().and_then(|raft| raft.snapshot_at(node.applied));
        let Some(snapshot) = snapshot else { return };
        if node.disk.snapshot.as_ref().is_some_and(|held| held.id == snapshot.id) {
            return;
        }
        node.view.write_file(snapshot.id, node.state, node.id.node);
        // Complete and durable before raft hears of it.
        node.disk.put_file(snapshot.id, node.view.file(snapshot.id));
        self.input(index, Input::SnapshotTaken { snapshot, log_start });
    }

    pub fn input(&mut self, index: usize, input: Input) {
        self.input_where(index, input, false);
    }

    /// `away`: nothing of the log is in memory just now.
    pub fn input_where(&mut self, index: usize, input: Input, away: bool) {
        let node = &mut self.nodes[index];
        let Some(raft) = &mut node.raft else { return };
        let led = raft.is_leader();
        let voters = raft.voters().clone();
        let mut output = raft.step(node.now, input, &MaybeAway { disk: &node.view, away });
        if let Some(show) = &mut self.on_output {
            show(node.id, &output);
        }
        invariants::check_voters(raft, &voters, &output);
        let elected = !led && raft.is_leader();
        self.truth.check_truncation(&node.view, &output);
        node.view.write(&output.persist);
        if !output.persist.append.is_empty() {
            invariants::check_log_matching(&self.nodes, index);
        }
        self.send(index, std::mem::take(&mut output.send_now));
        let mut later = std::mem::take(&mut output.send_after_persist);
        if self.faults.send_before_persist {
            self.send(index, std::mem::take(&mut later));
        }
        if elected {
            self.truth.on_elected(&self.nodes[index]);
        }
        self.apply(index, &output);
        self.check_reads(&output);
        // An empty persist still queues behind the writes before it: its messages wait for them.
        if !output.persist.is_empty() || !later.is_empty() {
            self.nodes[index].pending.push_back((output.persist, later));
        }
    }

    fn apply(&mut self, index: usize, output: &Output) {
        let node = &mut self.nodes[index];
        if let Some(snapshot) = &output.installed {
            self.installed += 1;
            node.applied = snapshot.id.end;
            node.state = node.view.read_file(snapshot.id);
            self.truth.on_applied(node.applied, node.state, false);
        }
        let committed = self.truth.committed();
        while node.applied < output.commit {
            let entry = node.view.entry(node.applied).expect("committed entries are in the log");
            let names_voters = matches!(entry.payload, Payload::Voters(_));
            node.state = disk::apply(node.state, entry);
            node.applied += 1;
            self.truth.on_applied(node.applied, node.state, names_voters);
        }
        if self.truth.committed() > committed {
            let voters = self.nodes[index].running().voters().clone();
            self.truth.check_durable(&self.nodes, &voters);
        }
    }

    fn check_reads(&mut self, output: &Output) {
        for read in &output.reads {
            let committed = self.reads.remove(&read.number).expect("every read is answered once");
            if let Some(end) = read.end {
                self.confirmed_reads += 1;
                assert!(
                    end >= committed,
                    "READ: at {end}, though {committed} were committed before"
                );
            }
        }
    }
}

struct MaybeAway<'a> {
    disk: &'a Disk,
    away: bool,
}

impl LogView for MaybeAway<'_> {
    fn entries(&self, from: u64, to: u64, bytes_max: usize) -> Vec<Entry> {
        match self.away {
            true => Vec::new(),
            false => self.disk.entries(from, to, bytes_max),
        }
    }

    fn snapshot_chunk(&self, id: Position, offset: u64, bytes_max: usize) -> Option<Chunk> {
        match self.away {
            true => None,
            false => self.disk.snapshot_chunk(id, offset, bytes_max),
        }
    }
}

/// A value that was never proposed before.
pub(crate) fn value(number: u64) -> Bytes {
    Bytes::copy_from_slice(&number.to_le_bytes())
}
