//! What is done to raft groups besides proposing: who votes, snapshots, reads, transfers.
//!
//! The wish (`VotersTarget` of the root log) is one set for all groups; each group's leader brings its own voters there
//! one change at a time, as the design's reconciliation does.

use corelane_broker::metadata::records::Replica;
use corelane_raft::{Input, Read, VoterId, VotersChange};

use super::{
    event_loop::Cluster, events::Event, group::PendingRead, group_log::encode_snapshot, marks::Mark,
    timeline::MILLISECOND,
};

impl Cluster {
    /// A leader looks at the wish now and then.
    pub(super) fn on_members(&mut self) {
        let next = self.now() + self.random.between(10, 100) * MILLISECOND;
        self.timeline.plan(next, Event::Members);
        for g in 0..self.plan.groups() {
            for n in 0..self.nodes.len() {
                if self.is_running(n) && self.nodes[n].groups[g].raft.is_leader() {
                    self.reconcile_voters(n, g);
                }
            }
        }
    }

    fn reconcile_voters(&mut self, n: usize, g: usize) {
        let raft = &self.nodes[n].groups[g].raft;
        let voters = raft.voters().clone();
        let everybody = self.nodes.iter().map(|node| node.voter());
        let learners = everybody.filter(|id| !voters.contains(*id)).collect();
        if self.nodes[n].groups[g].learners != learners {
            self.nodes[n].groups[g].learners = learners.clone();
            self.step_group(n, g, Input::Learners(learners));
        }
        let raft = &self.nodes[n].groups[g].raft;
        let caught_up = |id| raft.peers().any(|peer| peer.id == id && peer.caught_up);
        let joins = self.voters.iter().find(|id| !voters.contains(*id) && caught_up(*id));
        // Whoever was not heard of for longest leaves first, the leader last: the living may be needed for the majority.
        let heard_at = |id| raft.peers().find(|peer| peer.id == id).map(|peer| peer.heard_at);
        let leaves = voters.iter().filter(|id| !self.voters.contains(*id));
        let leaves = leaves.min_by_key(|id| (*id == self.nodes[n].voter(), heard_at(*id)));
        let change = match (joins, leaves) {
            (Some(id), _) => Some(VotersChange::Add(id)),
            (None, Some(id)) if self.rest_answers(n, g, id) => Some(VotersChange::Remove(id)),
            _ => None,
        };
        if let Some(change) = change {
            self.step_group(n, g, Input::ChangeVoters(change));
            if change == VotersChange::Remove(self.nodes[n].voter()) {
                self.marks.hit(Mark::LeaderRemoved);
            }
            if matches!(change, VotersChange::Add(_)) {
                self.marks.hit(Mark::VoterAdded);
            }
        }
    }

    /// May this voter leave? Only when a majority of the rest was heard since that is wanted: what is left must be able
    /// to decide (etcd's `StrictReconfigCheck`).
    fn rest_answers(&mut self, n: usize, g: usize, id: VoterId) -> bool {
        let node = &mut self.nodes[n];
        let now = node.clock.read(self.timeline.now());
        let me = node.voter();
        let group = &mut node.groups[g];
        let since = match group.leaves {
            Some((known, since)) if known == id => since,
            _ => now,
        };
        group.leaves = Some((id, since));
        let rest = group.raft.voters().without(id);
        let answers =
            |other: VoterId| other == me || group.raft.peers().any(|peer| peer.id == other && peer.heard_at > since);
        !rest.is_empty() && rest.iter().filter(|other| answers(*other)).count() >= rest.majority()
    }

    /// The wish to have this node vote, or not. One voter is always wished for, and nobody is let go while a lost disk
    /// still has a vote: it may be counted on by mistake.
    pub(super) fn wish_voter(&mut self, n: usize, votes: bool) {
        let id = self.nodes[n].voter();
        if !votes && !(0..self.plan.groups()).all(|g| self.voters_have_disks(g)) {
            return;
        }
        let voters = if votes {
            self.voters.with(id)
        } else {
            self.voters.without(id)
        };
        if !voters.is_empty() {
            self.voters = voters;
        }
    }

    fn voters_have_disks(&self, g: usize) -> bool {
        let exists = |id| self.nodes.iter().any(|node| node.voter() == id);
        let leader = self.group_leader(g).map(|leader| &self.nodes[leader].groups[g].raft);
        leader.is_some_and(|raft| !raft.is_changing_voters() && raft.voters().iter().all(exists))
    }

    /// Would every group keep a majority of voters with their disks, and is that sure?
    pub(super) fn may_lose_disk(&self, n: usize) -> bool {
        let lost = self.nodes[n].voter();
        let exists = |id| id != lost && self.nodes.iter().any(|node| node.voter() == id);
        (0..self.plan.groups()).all(|g| {
            let Some(leader) = self.group_leader(g) else {
                return false;
            };
            let raft = &self.nodes[leader].groups[g].raft;
            let kept = raft.voters().iter().filter(|id| exists(*id)).count();
            // While somebody else leaves, the majority may become another one.
            let leaves = raft.voters().iter().any(|id| !self.voters.contains(id));
            raft.is_ready_leader() && !raft.is_changing_voters() && !leaves && kept >= raft.voters().majority()
        })
    }

    /// Would every partition keep a member of ISR or ELR that has all committed records on its disk?
    pub(super) fn may_lose_replicas(&self, n: usize) -> bool {
        (0..self.topics.len()).all(|p| {
            let Some(state) = self.history.state(&self.topics.partitions[p]) else {
                return true;
            };
            let holds = |slot: &Replica| {
                let node = &self.nodes[slot.node as usize];
                let is_complete = state.isr.contains(&slot.node) || state.elr.contains(&slot.node);
                let disk = node.disk.replicas[p].as_ref();
                let same_disk = slot.storage_id.as_u128() == node.storage_id;
                node.id != n
                    && is_complete
                    && same_disk
                    && disk.is_some_and(|disk| self.truths[p].is_held_by(disk).is_ok())
            };
            state.replica(n as i32).is_none() || state.replicas.iter().any(holds)
        })
    }

    pub(super) fn take_snapshot_if_due(&mut self, n: usize, g: usize) {
        let Some(every) = self.plan.raft.snapshot_every else {
            return;
        };
        let group = &mut self.nodes[n].groups[g];
        let covered = group.raft.snapshot().map_or(0, |snapshot| snapshot.id.end);
        if group.applied < covered + every || group.raft.is_sending_snapshot() {
            return;
        }
        let Some(snapshot) = group.raft.snapshot_at(group.applied) else {
            return;
        };
        let hash = group
            .log
            .hash_at(group.applied)
            .expect("applied entries are in the log");
        let spare = self.random.below(every + 1);
        let image = if self.plan.replicates() {
            self.state_bytes(n, g)
        } else {
            Vec::new()
        };
        let salt = self.fresh_id();
        self.nodes[n].groups[g].taken = Some(encode_snapshot(hash, salt, &image));
        let log_start = snapshot.id.end.saturating_sub(spare);
        self.step_group(n, g, Input::SnapshotTaken { snapshot, log_start });
    }

    /// Asks whoever believes to lead.
    pub(super) fn on_read(&mut self) {
        if self.idle {
            return;
        }
        let next = self.now() + self.random.between(1, 20 * self.plan.propose_every);
        self.timeline.plan(next, Event::Read);
        let g = self.random.below(self.plan.groups() as u64) as usize;
        let committed = self.invariants.leader_completeness.committed(g);
        for n in 0..self.nodes.len() {
            if self.is_running(n) && self.nodes[n].groups[g].raft.is_leader() {
                let number = self.fresh_id();
                self.nodes[n].groups[g].reads.push(PendingRead { number, committed });
                self.step_group(n, g, Input::Read(number));
            }
        }
    }

    /// A read that is answered shows at least what anybody knew to be committed when it was asked for.
    pub(super) fn on_read_confirmed(&mut self, n: usize, g: usize, read: Read) {
        let reads = &mut self.nodes[n].groups[g].reads;
        let Some(place) = reads.iter().position(|pending| pending.number == read.number) else {
            return;
        };
        let pending = reads.swap_remove(place);
        if let Some(end) = read.end {
            self.marks.hit(Mark::ReadConfirmed);
            let verdict = self.invariants.reads.on_answer(g, pending.committed, end);
            self.judge("linearizable reads", verdict);
        }
    }
}
