//! A crash at one certain write of one node, and perhaps a second one at a write of its recovery: run after run, every
//! write gets its turn.

use super::{event_loop::Cluster, node::Kept, timeline::MILLISECOND};

/// How long the node stays away: long enough to be replaced, or not.
const DOWN: u64 = 20 * MILLISECOND;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrashPoint {
    pub node: usize,
    /// So many writes are durable, and told to the process. What was submitted behind them is on disk or it is not.
    pub after: u64,
    pub kept: Kept,
    /// So many writes after its restart the node crashes again.
    pub again: Option<u64>,
}

impl CrashPoint {
    /// Every crash has a number. `again` is how many ways there are to crash once more, not to do so among them.
    pub fn numbered(place: u64, nodes: u64, again: u64) -> CrashPoint {
        let (place, second) = (place / again, place % again);
        let (place, kept) = (place / 2, place % 2);
        CrashPoint {
            node: (place % nodes) as usize,
            after: place / nodes,
            kept: if kept == 0 { Kept::Nothing } else { Kept::Everything },
            again: second.checked_sub(1),
        }
    }
}

impl Cluster {
    /// A write of this node is about to be durable. True: it crashes instead.
    pub(super) fn crashes_at_write(&mut self, n: usize) -> bool {
        self.writes += 1;
        let healed = self.healed;
        let Some(crash) = self.plan.crash.as_mut().filter(|crash| crash.node == n && !healed) else {
            return false;
        };
        if crash.after > 0 {
            crash.after -= 1;
            return false;
        }
        let kept = crash.kept;
        self.plan.crash = crash.again.map(|after| CrashPoint {
            after,
            again: None,
            ..*crash
        });
        self.crashes += 1;
        self.crash(n, kept, DOWN);
        true
    }
}
