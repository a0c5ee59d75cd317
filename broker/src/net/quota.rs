//! How many connections the node holds, and who may have another (`max.connections`, `max.connections.per.ip`).
//!
//! Every core accepts, one core counts: the controller's. As in Kafka (`ConnectionQuotas`), whoever comes when the broker
//! is full waits until somebody leaves; an address that has its share is sent away at once. Pure.

use std::{
    collections::{BTreeMap, VecDeque},
    net::IpAddr,
    time::Duration,
};

use crate::config;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Serve,
    /// The address has as many connections as it may.
    SendAway,
    /// The address made too many connections of late: it is held for so long, and then sent away.
    SendAwayAfter(Duration),
}

/// How many connections there may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    pub total: usize,
    pub per_address: usize,
    /// Of some addresses.
    pub overrides: BTreeMap<IpAddr, usize>,
}

impl Limits {
    pub fn of(config: &config::Broker) -> Limits {
        Limits {
            total: config.connections.max_connections as usize,
            per_address: config.connections.max_connections_per_ip as usize,
            overrides: config.connections.max_connections_per_ip_overrides.0.clone(),
        }
    }

    fn of_address(&self, address: &IpAddr) -> usize {
        self.overrides.get(address).copied().unwrap_or(self.per_address)
    }
}

/// `Asker` is whoever is told the verdict.
#[derive(Debug)]
pub struct Connections<Asker> {
    limits: Limits,
    total: usize,
    by_address: BTreeMap<IpAddr, usize>,
    waiting: VecDeque<(IpAddr, Asker)>,
}

impl<Asker> Connections<Asker> {
    pub fn new(limits: Limits) -> Connections<Asker> {
        Connections {
            limits,
            total: 0,
            by_address: BTreeMap::new(),
            waiting: VecDeque::new(),
        }
    }

    /// Other limits from now on; who is served stays. Gives the verdicts that can be told by them.
    pub fn set_limits(&mut self, limits: Limits) -> Vec<(Asker, Verdict)> {
        self.limits = limits;
        self.judge()
    }

    /// A connection was accepted. Gives the verdicts that can be told now, in order; its own comes later if the broker is
    /// full.
    pub fn on_accept(&mut self, address: IpAddr, asker: Asker) -> Vec<(Asker, Verdict)> {
        self.waiting.push_back((address, asker));
        self.judge()
    }

    /// A connection that was served is closed.
    pub fn on_close(&mut self, address: IpAddr) -> Vec<(Asker, Verdict)> {
        self.total -= 1;
        if let Some(count) = self.by_address.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                self.by_address.remove(&address);
            }
        }
        self.judge()
    }

    fn judge(&mut self) -> Vec<(Asker, Verdict)> {
        let mut verdicts = Vec::new();
        while self.total < self.limits.total {
            let Some((address, asker)) = self.waiting.pop_front() else {
                break;
            };
            let held = self.by_address.get(&address).copied().unwrap_or(0);
            if held >= self.limits.of_address(&address) {
                verdicts.push((asker, Verdict::SendAway));
                continue;
            }
            self.by_address.insert(address, held + 1);
            self.total += 1;
            verdicts.push((asker, Verdict::Serve));
        }
        verdicts
    }
}

#[cfg(test)]
mod tests {
    use super::{Verdict::*, *};

    const A: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
    const B: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));

    fn limits(total: usize, per_address: usize) -> Limits {
        Limits {
            total,
            per_address,
            overrides: BTreeMap::new(),
        }
    }

    fn limited(total: usize, per_address: usize) -> Connections<i32> {
        Connections::new(limits(total, per_address))
    }

    /// Goal: an address of which something else was said has that.
    #[test]
    fn an_address_may_have_a_share_of_its_own() {
        let mut connections = Connections::new(Limits {
            overrides: [(B, 2)].into(),
            ..limits(9, 0)
        });
        assert_eq!(connections.on_accept(A, 1), [(1, SendAway)]);
        assert_eq!(connections.on_accept(B, 2), [(2, Serve)]);
        assert_eq!(connections.on_accept(B, 3), [(3, Serve)]);
        assert_eq!(connections.on_accept(B, 4), [(4, SendAway)]);
    }

    /// A full broker lets people wait in their order; a close lets the next in.
    #[test]
    fn the_full_broker_makes_wait() {
        let mut connections = limited(2, 9);
        assert_eq!(connections.on_accept(A, 1), [(1, Serve)]);
        assert_eq!(connections.on_accept(A, 2), [(2, Serve)]);
        assert_eq!(connections.on_accept(B, 3), []);
        assert_eq!(connections.on_accept(A, 4), []);
        assert_eq!(connections.on_close(A), [(3, Serve)]);
        assert_eq!(connections.on_close(B), [(4, Serve)]);
        assert_eq!(connections.on_close(A), []);
        assert_eq!(connections.on_accept(B, 5), [(5, Serve)]);
    }

    /// An address over its share is sent away, holds nothing, and keeps nobody else out.
    #[test]
    fn an_address_has_its_share() {
        let mut connections = limited(3, 1);
        assert_eq!(connections.on_accept(A, 1), [(1, Serve)]);
        assert_eq!(connections.on_accept(A, 2), [(2, SendAway)]);
        assert_eq!(connections.on_accept(B, 3), [(3, Serve)]);
        assert_eq!(connections.on_close(A), []);
        assert_eq!(connections.on_accept(A, 4), [(4, Serve)]);
    }

    /// Who waited may be over its share when its turn comes; then the one behind it has the turn.
    #[test]
    fn the_share_is_judged_when_there_is_room() {
        let mut connections = limited(2, 1);
        assert_eq!(connections.on_accept(A, 1), [(1, Serve)]);
        assert_eq!(connections.on_accept(B, 2), [(2, Serve)]);
        assert_eq!(connections.on_accept(A, 3), []);
        assert_eq!(connections.on_accept(B, 4), []);
        assert_eq!(connections.on_close(B), [(3, SendAway), (4, Serve)]);
    }

    /// Goal: a raised limit lets in who waits; a lowered one sends nobody away who is served.
    #[test]
    fn limits_change_while_it_runs() {
        let mut connections = limited(1, 9);
        assert_eq!(connections.on_accept(A, 1), [(1, Serve)]);
        assert_eq!(connections.on_accept(A, 2), []);
        assert_eq!(connections.set_limits(limits(2, 9)), [(2, Serve)]);
        assert_eq!(connections.set_limits(limits(1, 1)), []);
        assert_eq!(connections.on_close(A), []);
        assert_eq!(connections.on_accept(B, 3), []);
        assert_eq!(connections.on_close(A), [(3, Serve)]);
    }

    /// Kafka allows both to be 0: nobody is let in by the one, everybody is sent away by the other.
    #[test]
    fn limits_of_zero_let_nobody_in() {
        assert_eq!(limited(0, 1).on_accept(A, 1), []);
        assert_eq!(limited(1, 0).on_accept(A, 1), [(1, SendAway)]);
    }
}
