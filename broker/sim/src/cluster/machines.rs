//! What committed entries of raft groups mean, where controllers and replicas run on top of them: each node applies what
//! its own groups commit to images of its own, starts from the snapshots on its own disk, and its controllers are told how
//! it stands in each group.

use std::sync::Arc;

use corelane_broker::metadata::{
    RootImage, ShardImage,
    controller::Standing,
    records::{self, Record},
    snapshot::{Reader, Snapshot, root_frames, shard_frames},
};
use corelane_raft::{Entry, Payload};

use super::{
    controllers::{Controller, Step},
    event_loop::Cluster,
    group_log::decode_snapshot,
    marks::Mark,
    views::Views,
};

impl Cluster {
    /// Images begin where the snapshots on disk are; commits are learnt anew.
    pub(super) fn start_machines(&mut self, n: usize) {
        self.nodes[n].views = Views::new(self.plan.shards);
        for log in 0..self.plan.logs() {
            self.nodes[n].controllers[log] = Some(Controller::new(n, log, &self.plan));
            let snapshot = self.nodes[n].groups[log].log.snapshot.clone();
            if let Some((_, bytes)) = snapshot {
                self.take_over_state(n, log, &bytes);
            }
        }
    }

    /// The state that a snapshot now is of.
    pub(super) fn state_bytes(&self, n: usize, log: usize) -> Vec<u8> {
        let views = &self.nodes[n].views;
        let frames: Vec<_> = match log.checked_sub(1) {
            None => root_frames(&views.root).collect(),
            Some(shard) => shard_frames(shard as u16, &views.shards[shard], &views.root).collect(),
        };
        frames.concat()
    }

    /// A snapshot came from another node.
    pub(super) fn install_state(&mut self, n: usize, log: usize, bytes: &[u8]) {
        self.take_over_state(n, log, bytes);
        self.tell_all(n);
        self.tell_controllers(n, log);
    }

    /// The node's image becomes what a snapshot holds.
    fn take_over_state(&mut self, n: usize, log: usize, bytes: &[u8]) {
        let Some((_, state)) = decode_snapshot(bytes) else {
            return self.judge(
                "I4",
                Err(format!(
                    "group {log}: node {n} took over a snapshot that is mixed or torn"
                )),
            );
        };
        let mut reader = Reader::new();
        let read = reader.feed(state).and_then(|()| reader.finish());
        let views = &mut self.nodes[n].views;
        match (log.checked_sub(1), read) {
            (None, Ok(Snapshot::Root(image))) => views.root = Arc::new(image),
            (Some(shard), Ok(Snapshot::Shard(number, image))) if usize::from(number) == shard => {
                views.shards[shard] = Arc::new(image);
            }
            (_, read) => return self.judge("snapshots", Err(format!("group {log}: {read:?}"))),
        }
        self.marks.hit(Mark::MetadataRestored);
        self.compare_images(n, log);
    }

    /// The node's state machine takes the entries `from..to` of its log.
    pub(super) fn apply_entries(&mut self, n: usize, log: usize, from: u64, to: u64) {
        for index in from..to {
            let Some(entry) = self.nodes[n].groups[log].log.entry(index).cloned() else {
                return self.judge(
                    "I4",
                    Err(format!("group {log}: node {n} commits {index} without having it")),
                );
            };
            if let Err(what) = self.apply_entry(n, log, index, &entry) {
                return self.judge("I8/I9", Err(format!("group {log}, node {n}, entry {index}: {what}")));
            }
            let term = entry.term;
            self.step_controller(n, log, Step::Applied { index, term });
        }
    }

    fn apply_entry(&mut self, n: usize, log: usize, index: u64, entry: &Entry) -> Result<(), String> {
        let made = match &entry.payload {
            Payload::LeaderStart | Payload::Voters(_) => Vec::new(),
            Payload::Proposal(value) => records::decode(value).map_err(|error| error.to_string())?,
        };
        if index == self.history.end(log) as u64 {
            let now = self.now();
            self.trace.note(now, self.steps, || {
                format!("log {log} entry {index} of term {}: {made:?}", entry.term)
            });
            self.commit(log, index, entry.term, &made)?;
        }
        self.nodes[n].views.apply(log, index, entry.term, &made)?;
        if made.is_empty() {
            return Ok(());
        }
        self.compare_images(n, log);
        self.tell_changes(n, log, index as usize, index as usize + 1);
        self.tell_controllers(n, log);
        Ok(())
    }

    /// Controllers of shards look at every new root image.
    fn tell_controllers(&mut self, n: usize, log: usize) {
        if log == 0 {
            for shard in 0..self.plan.shards {
                self.step_controller(n, 1 + shard, Step::Tick);
            }
        }
    }

    /// I4: whoever applied as much has the same image.
    fn compare_images(&mut self, n: usize, log: usize) {
        let views = &self.nodes[n].views;
        let end = views.applied(log);
        let machine = &self.invariants.state_machine;
        let verdict = match log.checked_sub(1) {
            None => machine.on_root(n, &views.root, &self.history.roots[end]),
            Some(shard) => {
                let (own, others) = (&views.shards[shard], &self.history.shards[shard].images[end]);
                machine.on_shard(n, shard, own, others, self.history.root())
            }
        };
        self.judge("I4", verdict);
    }

    /// Tells the controller how its node stands, if that is new.
    pub(super) fn stand(&mut self, n: usize, log: usize) {
        let raft = &self.nodes[n].groups[log].raft;
        let standing = Standing {
            term: raft.term(),
            leader: raft.leader().map(|leader| leader.node),
            is_leader: raft.is_leader(),
            is_ready: raft.is_ready_leader(),
        };
        let Some(controller) = &mut self.nodes[n].controllers[log] else {
            return;
        };
        let before = std::mem::replace(&mut controller.standing, standing);
        if before == standing {
            return;
        }
        if standing.is_ready && !before.is_ready {
            self.marks.hit(Mark::ControllerMoved);
        }
        let lost = !standing.is_leader || standing.term != before.term;
        if controller.proposed.take_if(|_| lost).is_some() {
            self.marks.hit(Mark::RoundLost);
        }
        self.step_controller(n, log, Step::Stand(standing));
    }
}

impl Views {
    /// The entry at `index` of a log, which is the next one.
    fn apply(&mut self, log: usize, index: u64, term: u32, made: &[Record]) -> Result<(), String> {
        match log.checked_sub(1) {
            None => {
                let root: RootImage = Arc::unwrap_or_clone(std::mem::take(&mut self.root));
                let root = root.after_entry(index, term, made).map_err(|error| error.to_string())?;
                self.root = Arc::new(root);
            }
            Some(shard) => {
                let image: ShardImage = Arc::unwrap_or_clone(std::mem::take(&mut self.shards[shard]));
                let image = image
                    .after_entry(index, term, made)
                    .map_err(|error| error.to_string())?;
                self.shards[shard] = Arc::new(image);
            }
        }
        Ok(())
    }
}
