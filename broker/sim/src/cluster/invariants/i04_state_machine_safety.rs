//! I4, State Machine Safety (Raft figure 3): no two nodes apply different entries at one index, and none skips one.

use corelane_broker::metadata::{RootImage, ShardImage};

use super::{super::group_log::GroupLog, Verdict};

#[derive(Debug)]
pub struct StateMachineSafety {
    /// By group and index: the hash of all that was applied up to there.
    applied: Vec<Vec<u64>>,
}

impl StateMachineSafety {
    pub fn new(groups: usize) -> StateMachineSafety {
        StateMachineSafety {
            applied: vec![Vec::new(); groups],
        }
    }

    /// A node applies the entries `from..to` of its log.
    pub fn on_apply(&mut self, group: usize, from: u64, to: u64, log: &GroupLog) -> Verdict {
        let applied = &mut self.applied[group];
        for end in from + 1..=to {
            let Some(hash) = log.hash_at(end) else {
                return Err(format!("group {group}: {end} is applied, but is not in the log"));
            };
            match applied.get(end as usize - 1) {
                Some(other) if *other != hash => {
                    return Err(format!("group {group}: two entries were applied before {end}"));
                }
                Some(_) => {}
                None => applied.push(hash),
            }
        }
        Ok(())
    }

    /// A node's state becomes that of a snapshot of the first `end` entries. None: its bytes are no snapshot.
    pub fn on_install(&self, group: usize, end: u64, hash: Option<u64>) -> Verdict {
        match hash {
            None => Err(format!("group {group}: the snapshot up to {end} is mixed or torn")),
            Some(hash) if end > 0 && self.applied[group].get(end as usize - 1) != Some(&hash) => Err(format!(
                "group {group}: the snapshot up to {end} is not the state there"
            )),
            Some(_) => Ok(()),
        }
    }

    /// A node's image of root, and what the committed entries up to there make.
    pub fn on_root(&self, node: usize, own: &RootImage, committed: &RootImage) -> Verdict {
        if own != committed {
            return Err(format!(
                "node {node} has the root image {own:?} instead of {committed:?}"
            ));
        }
        Ok(())
    }

    /// The same for a shard, but for what root knows to be gone: whoever started from a snapshot has dropped it.
    pub fn on_shard(
        &self,
        node: usize,
        shard: usize,
        own: &ShardImage,
        committed: &ShardImage,
        root: &RootImage,
    ) -> Verdict {
        if own != committed && own.without_garbage(root) != committed.without_garbage(root) {
            return Err(format!(
                "node {node} has the image {own:?} of shard {shard} instead of {committed:?}"
            ));
        }
        Ok(())
    }
}
