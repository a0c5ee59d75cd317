//! Who lives: brokers that were heard of lately, by the controller's own monotonic clock. No record holds a time, and no
//! other node's clock counts.

use std::{collections::BTreeMap, time::Duration};

use super::super::image::RootImage;

#[derive(Debug, Default)]
pub struct Sessions {
    timeout: Duration,
    /// By node: its broker epoch, and when the session ends.
    ends: BTreeMap<i32, (u64, Duration)>,
}

impl Sessions {
    pub fn new(timeout: Duration) -> Sessions {
        Sessions {
            timeout,
            ends: BTreeMap::new(),
        }
    }

    /// A new controller heard of nobody yet: whoever is not fenced gets a whole session.
    pub fn restart(&mut self, now: Duration, root: &RootImage) {
        self.ends.clear();
        for broker in root.brokers.values().filter(|broker| !broker.fenced) {
            self.touch(now, broker.node, broker.broker_epoch);
        }
    }

    pub fn clear(&mut self) {
        self.ends.clear();
    }

    pub fn touch(&mut self, now: Duration, node: i32, broker_epoch: u64) {
        self.ends.insert(node, (broker_epoch, now.saturating_add(self.timeout)));
    }

    pub fn lives(&self, now: Duration, node: i32, broker_epoch: u64) -> bool {
        self.ends
            .get(&node)
            .is_some_and(|(epoch, end)| *epoch == broker_epoch && now < *end)
    }

    /// Forgets sessions that ended and were acted upon, so that nobody is woken for them again.
    pub fn forget_ended(&mut self, now: Duration, root: &RootImage) {
        let is_unfenced = |node: i32| root.broker(node).is_some_and(|broker| !broker.fenced);
        self.ends.retain(|node, (_, end)| now < *end || is_unfenced(*node));
    }

    pub fn next_end(&self) -> Option<Duration> {
        self.ends.values().map(|(_, end)| *end).min()
    }
}
