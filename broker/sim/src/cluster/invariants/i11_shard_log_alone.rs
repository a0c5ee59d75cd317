//! I11 and I12: a shard's images follow from its own log alone, and none of them has a partition that root never made.

use super::{
    super::{history::History, topics::Topics},
    Verdict,
};

/// At the end of a run: what a node that knows nothing of root would make of the shard logs.
pub fn check(history: &History, topics: &Topics) -> Verdict {
    for (number, shard) in history.shards.iter().enumerate() {
        let newest = shard.images.last().expect("there is the empty image");
        for (key, state) in newest.iter() {
            let Some(p) = topics.number(key) else {
                return Err(format!("shard {number} has {key:?}, which was never created"));
            };
            let info = &topics.partitions[p];
            if info.shard != number || info.create_index != state.create_index {
                return Err(format!("shard {number} has {key:?} of shard {}", info.shard));
            }
        }
    }
    Ok(())
}
