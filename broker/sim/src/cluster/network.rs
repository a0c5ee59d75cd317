//! Directed links between nodes: delay, loss, duplicates, order, and all the ways of being cut off.
//!
//! A link is one connection after another: within one, order holds; what a seed calls `reorder` is many short ones. A
//! duplicate is what a sender repeats after a reconnect because it cannot know what arrived.

use super::{plan::NetworkPlan, spread, timeline::Micros};
use crate::Random;

#[derive(Clone, Copy, Debug, Default)]
struct Link {
    /// Everything is lost until then.
    cut_until: Micros,
    /// Nothing is lost, but nothing arrives before.
    clogged_until: Micros,
    /// The last delivery of this connection.
    last_at: Micros,
}

#[derive(Debug)]
pub struct Network {
    plan: NetworkPlan,
    nodes: usize,
    links: Vec<Link>,
    random: Random,
}

/// When a message arrives: once, twice, or never.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrivals {
    pub first: Option<Micros>,
    pub again: Option<Micros>,
}

impl Network {
    pub fn new(plan: NetworkPlan, nodes: usize, random: Random) -> Network {
        Network {
            plan,
            nodes,
            links: vec![Link::default(); nodes * nodes],
            random,
        }
    }

    /// Decides the fate of one message.
    pub fn send(&mut self, now: Micros, from: usize, to: usize) -> Arrivals {
        let link = &mut self.links[from * self.nodes + to];
        let lost = now < link.cut_until || (self.plan.loss > 0 && self.random.chance(self.plan.loss, 1000));
        if lost {
            return Arrivals {
                first: None,
                again: None,
            };
        }
        let mut delay = spread(&mut self.random, self.plan.delay_min, self.plan.delay_max);
        if self.plan.straggler > 0 && self.random.chance(self.plan.straggler, 1000) {
            delay += spread(&mut self.random, self.plan.delay_max, self.plan.straggler_delay_max);
        }
        let mut at = (now + delay).max(link.clogged_until);
        if !self.plan.reorder {
            at = at.max(link.last_at);
            link.last_at = at;
        }
        let again = (self.plan.duplicate > 0 && self.random.chance(self.plan.duplicate, 1000))
            .then(|| at + spread(&mut self.random, self.plan.delay_min, self.plan.straggler_delay_max));
        Arrivals { first: Some(at), again }
    }

    pub fn cut(&mut self, from: usize, to: usize, until: Micros) {
        let link = &mut self.links[from * self.nodes + to];
        link.cut_until = link.cut_until.max(until);
    }

    pub fn clog(&mut self, from: usize, to: usize, until: Micros) {
        let link = &mut self.links[from * self.nodes + to];
        link.clogged_until = link.clogged_until.max(until);
    }

    /// No faults from now on, and no delay far beyond `delay_max`; what is under way still arrives when it does.
    pub fn heal(&mut self, now: Micros, delay_max: Micros) {
        for link in &mut self.links {
            link.cut_until = now;
            link.clogged_until = now;
        }
        self.plan.loss = 0;
        self.plan.duplicate = 0;
        self.plan.straggler = 0;
        self.plan.reorder = false;
        self.plan.delay_max = self.plan.delay_max.min(delay_max);
        self.plan.delay_min = self.plan.delay_min.min(self.plan.delay_max);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> NetworkPlan {
        NetworkPlan {
            delay_min: 100,
            delay_max: 1000,
            loss: 0,
            duplicate: 0,
            straggler: 0,
            straggler_delay_max: 10_000,
            reorder: false,
        }
    }

    /// A cut is of one direction; a connection keeps its order; healing takes back what was planned.
    #[test]
    fn links_are_directed_and_ordered() {
        let mut network = Network::new(plan(), 2, Random::new(1));
        network.cut(0, 1, 5_000);
        assert_eq!(network.send(10, 0, 1).first, None);
        let mut last = 0;
        for now in 0..100 {
            let at = network.send(now, 1, 0).first.expect("this direction is whole");
            assert!(at >= last && at >= now + 100 && at <= now + 2_000);
            last = at;
        }
        network.clog(1, 0, 9_000);
        assert!(network.send(200, 1, 0).first >= Some(9_000));
        network.heal(300, 1000);
        assert!(network.send(300, 0, 1).first.is_some());
    }
}
