//! Raft groups of a running node: inputs in, outputs carried out, every change observed.

use std::time::Duration;

use bytes::Bytes;
use corelane_raft::{Config, Input, Message, Outgoing, Persist, Term, VoterId, Voters};

use super::{
    event_loop::Cluster, events::Event, group::Group, group_log::decode_snapshot, marks::Mark, node::Write,
    packet::Packet,
};

/// A follower that lacks this many entries gets them in several appends.
const LAGS: u64 = 10;

impl Cluster {
    pub(super) fn start_groups(&mut self, n: usize) {
        let now = self.now();
        for g in 0..self.plan.groups() {
            let config = self.raft_config(n, g);
            let node = &mut self.nodes[n];
            let local = node.clock.read(now);
            let disk = &node.disk.groups[g];
            if disk.snapshot.is_some() {
                self.marks.hit(Mark::StartedFromSnapshot);
            }
            let group = Group::start(config, disk, local, &mut self.random);
            let (term, end) = (group.raft.term(), group.log.end());
            self.trace.note(now, self.steps, || {
                format!("n{n} g{g} starts in term {term}, log ends at {end}")
            });
            self.nodes[n].groups.push(group);
            self.plan_wake(n, g);
        }
    }

    fn raft_config(&self, n: usize, g: usize) -> Config {
        let raft = &self.plan.raft;
        let me = self.nodes[n].voter();
        // A disk that was not there when the cluster was founded joins later.
        let founder = self.founders.contains(me);
        let voters = if founder {
            self.founders.clone()
        } else {
            Voters::default()
        };
        Config {
            election_timeout_min: Duration::from_micros(raft.election_min),
            election_timeout_max: Duration::from_micros(raft.election_max),
            heartbeat_interval: Duration::from_micros(raft.heartbeat),
            append_bytes_max: raft.append_bytes_max,
            priority: raft.priorities.then_some(g as u32),
            rules: self.plan.rules.raft,
            ..Config::new(me, voters)
        }
    }

    /// All groups that are due have their turn now, so that their heartbeats travel together.
    pub(super) fn on_wake(&mut self, n: usize, g: usize) {
        let now = self.now();
        let local = self.nodes[n].clock.read(now);
        self.nodes[n].groups[g].alarm.ring(now);
        for due in 0..self.plan.groups() {
            let raft = &self.nodes[n].groups[due].raft;
            if raft.next_wake().is_some_and(|wake| wake <= local) {
                self.step_group(n, due, Input::Tick);
            }
        }
        self.plan_wake(n, g);
    }

    pub(super) fn on_group_persisted(&mut self, n: usize, g: usize, number: u64) {
        if self.plan.rules.host.persisted_means_durable {
            self.step_group(n, g, Input::Persisted(number));
        }
    }

    /// Opaque entries, to whichever node believes that it leads.
    pub(super) fn propose_to_groups(&mut self) {
        if self.healed || self.idle {
            return;
        }
        let next = self.now() + self.random.between(1, 2 * self.plan.propose_every);
        self.timeline.plan(next, Event::Propose);
        let g = self.random.below(self.plan.groups() as u64) as usize;
        for n in 0..self.nodes.len() {
            if self.is_running(n) && self.nodes[n].groups[g].raft.is_leader() {
                let value = self.fresh_id();
                self.step_group(n, g, Input::Propose(Bytes::copy_from_slice(&value.to_le_bytes())));
            }
        }
    }

    pub(super) fn step_group(&mut self, n: usize, g: usize, input: Input) {
        let now = self.now();
        let node = &mut self.nodes[n];
        let local = node.clock.read(now);
        let group = &mut node.groups[g];
        let (term, led, commit) = (group.raft.term(), group.raft.is_leader(), group.raft.commit());
        let line = self.trace.is_verbose().then(|| format!("g{g} {input:?}"));
        let kind = kind_of(&input);
        let mut output = std::mem::take(&mut group.output);
        group.raft.step_into(local, input, &group.log, &mut output);
        self.steps += 1;
        let end = group.raft.last().end;
        let number = kind | (g as u64) << 4 | output.commit << 8 | end << 24 | u64::from(group.raft.term()) << 40;
        self.trace.event(now, self.steps, n, number, || {
            let (role, term) = (group.raft.role(), group.raft.term());
            format!("{} -> {role:?}, term {term}, {output:?}", line.unwrap_or_default())
        });

        if !output.persist.is_empty() {
            let persist = std::mem::take(&mut output.persist);
            self.persist_group(n, g, persist);
        }
        for Outgoing { to, message } in output.send_now.drain(..) {
            self.send_raft(n, g, to, message, false);
        }
        for Outgoing { to, message } in output.send_after_persist.drain(..) {
            self.send_raft(n, g, to, message, true);
        }
        for read in output.reads.drain(..) {
            self.on_read_confirmed(n, g, read);
        }
        if output.installed.is_some() {
            self.on_snapshot_installed(n, g);
        }
        let stands_anew = output.role_changed;
        self.nodes[n].groups[g].output = output;
        self.observe_group(n, g, term, led, commit);
        if stands_anew {
            self.stand(n, g);
        }
        self.plan_wake(n, g);
    }

    fn persist_group(&mut self, n: usize, g: usize, persist: Persist) {
        let group = &mut self.nodes[n].groups[g];
        let end_before = group.log.end();
        let own_snapshot = persist.snapshot.is_some() && persist.chunk.is_none();
        let taken = group.taken.take().filter(|_| own_snapshot);
        group.log.apply(&persist, taken.as_ref());
        if let Some(end) = persist.truncate_to.filter(|end| *end < end_before) {
            self.marks.hit(Mark::GroupEntriesReplaced);
            // What this step commits may be new.
            let verdict = self.invariants.committed_stays.on_truncate(g, n, end, group.applied);
            self.judge("I7", verdict);
        }
        let group = &self.nodes[n].groups[g];
        if !persist.append.is_empty() {
            let verdict = self.invariants.log_matching.on_append(g, persist.append_at, &group.log);
            self.judge("I2", verdict);
        }
        let (journal, number) = (self.nodes[n].journal_of(g), persist.number);
        self.submit(
            n,
            journal,
            Write::Group {
                group: g,
                persist: Box::new(persist),
                taken,
            },
        );
        if !self.plan.rules.host.persisted_means_durable {
            self.step_group(n, g, Input::Persisted(number));
        }
    }

    fn send_raft(&mut self, n: usize, group: usize, to: VoterId, message: Message, after_persist: bool) {
        let from = self.nodes[n].voter();
        let packet = Packet::Raft {
            group,
            from,
            to,
            message,
        };
        let peer = to.node as usize;
        if after_persist {
            let journal = self.nodes[n].journal_of(group);
            self.send_after_writes(n, journal, peer, packet);
        } else {
            self.send(n, peer, packet);
        }
    }

    /// A message left the process.
    pub(super) fn observe_raft_message(&mut self, n: usize, g: usize, message: &Message) {
        if let Message::Snapshot { .. } = message {
            self.marks.hit(Mark::SnapshotSent);
        }
        let verdict = self
            .invariants
            .monotone
            .on_reply(g, n, message, &self.nodes[n].disk.groups[g]);
        self.judge("I5", verdict);
    }

    fn observe_group(&mut self, n: usize, g: usize, term_before: Term, led_before: bool, commit_before: u64) {
        let group = &self.nodes[n].groups[g];
        let (term, leads, commit) = (group.raft.term(), group.raft.is_leader(), group.raft.commit());
        let verdict = self
            .invariants
            .monotone
            .on_group(g, n, (term_before, commit_before), (term, commit));
        self.judge("I5", verdict);
        if leads && (!led_before || term != term_before) {
            self.on_group_elected(n, g, term);
        }
        if commit > commit_before {
            self.on_group_committed(n, g, term, commit);
        }
    }

    fn on_group_elected(&mut self, n: usize, g: usize, term: Term) {
        self.marks.hit(Mark::GroupElected);
        let voter = self.nodes[n].voter();
        let others = self.nodes.iter().filter(|node| node.id != n && node.up);
        let mut others = others.map(|node| &node.groups[g].raft);
        if others.any(|raft| raft.is_leader()) {
            self.marks.hit(Mark::GroupLedInTwoTerms);
        }
        let verdict = self.invariants.one_leader.on_elected(g, term, voter);
        self.judge("I1", verdict);
        let log = &self.nodes[n].groups[g].log;
        let end = log.end();
        let verdict = self.invariants.leader_completeness.on_elected(g, term, log);
        self.judge("I3", verdict);
        let lags = |raft: &corelane_raft::Raft| raft.last().end + LAGS <= end;
        if self.nodes.iter().any(|node| node.up && lags(&node.groups[g].raft)) {
            self.marks.hit(Mark::GroupFollowerLagged);
        }
    }

    fn on_group_committed(&mut self, n: usize, g: usize, term: Term, commit: u64) {
        let group = &mut self.nodes[n].groups[g];
        let verdict = self
            .invariants
            .leader_completeness
            .on_commit(g, term, commit, &group.log);
        let applied = self
            .invariants
            .state_machine
            .on_apply(g, group.applied, commit, &group.log);
        let voters = self
            .invariants
            .voters_differ_by_one
            .on_commit(g, group.applied, commit, &group.log);
        let from = group.applied;
        group.applied = group.applied.max(commit);
        self.judge("I3", verdict);
        self.judge("I4", applied);
        self.judge("I6", voters);
        if self.plan.replicates() {
            self.apply_entries(n, g, from, commit);
        }
        self.take_snapshot_if_due(n, g);
    }

    /// The state machine became what another node's snapshot says.
    fn on_snapshot_installed(&mut self, n: usize, g: usize) {
        self.marks.hit(Mark::SnapshotInstalled);
        let group = &mut self.nodes[n].groups[g];
        let (snapshot, bytes) = group.log.snapshot.clone().expect("just switched to");
        let end = snapshot.id.end;
        let hash = decode_snapshot(&bytes).map(|(hash, _)| hash);
        let verdict = self.invariants.state_machine.on_install(g, end, hash);
        group.applied = group.applied.max(end);
        self.judge("I4", verdict);
        if self.plan.replicates() {
            self.install_state(n, g, &bytes);
        }
    }

    fn plan_wake(&mut self, n: usize, g: usize) {
        let now = self.now();
        let node = &mut self.nodes[n];
        let group = &mut node.groups[g];
        if let Some(at) = group.alarm.set(now, group.raft.next_wake(), &node.clock) {
            let life = node.life;
            let wake = Event::Wake {
                node: n,
                life,
                group: g,
            };
            self.timeline.plan(at, wake);
        }
    }

    /// What a crash took from the groups.
    pub(super) fn observe_lost_writes(&mut self, lost: &[Write]) {
        for write in lost {
            let Write::Group { persist, .. } = write else {
                continue;
            };
            if !persist.append.is_empty() {
                self.marks.hit(Mark::GroupTailLost);
            }
            if persist.hard_state.is_some_and(|state| state.vote.is_some()) {
                self.marks.hit(Mark::GroupVoteLost);
            }
            if persist.chunk.is_some() || persist.snapshot.is_some() {
                self.marks.hit(Mark::CrashWithinInstall);
            }
        }
    }

    /// The newest of those that believe to lead.
    pub(super) fn group_leader(&self, g: usize) -> Option<usize> {
        let leads = |node: &&super::node::Node| node.up && node.groups[g].raft.is_leader();
        let newest = self.nodes.iter().filter(leads);
        newest.max_by_key(|node| node.groups[g].raft.term()).map(|node| node.id)
    }
}

fn kind_of(input: &Input) -> u64 {
    match input {
        Input::Tick => 0,
        Input::Received { .. } => 1,
        Input::Propose(_) => 2,
        Input::Persisted(_) => 3,
        Input::Learners(_) => 4,
        Input::ChangeVoters(_) => 5,
        Input::Read(_) => 6,
        Input::Transfer(_) => 7,
        Input::Resign => 8,
        Input::SnapshotTaken { .. } => 9,
    }
}
