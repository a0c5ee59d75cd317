//! Who has which limit: what was set, sorted for the question of one request.
//!
//! The most particular entity wins (`ClientQuotaManager.DefaultQuotaCallback`): user and client id, user and any client id, user,
//! any user and client id, any user and any client id, any user, client id, any client id. It also says whose use is added up:
//! the limit of any user is each user's own.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
};

use crate::metadata::QuotaEntity;

/// What is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Bytes of produce requests in a second.
    Produce,
    /// Bytes of answers to fetches in a second.
    Fetch,
    /// Hundredths of a core's time.
    Request,
    /// Partitions made or deleted in a second.
    Mutation,
    /// Connections made in a second.
    Connection,
}

impl Kind {
    const CLIENTS: [(Kind, &'static str); 4] = [
        (Kind::Produce, "producer_byte_rate"),
        (Kind::Fetch, "consumer_byte_rate"),
        (Kind::Request, "request_percentage"),
        (Kind::Mutation, "controller_mutation_rate"),
    ];
}

/// A limit that applies, and to what of (user, client id) it does: the empty name is not looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limit<'a> {
    pub per_second: f64,
    pub user: &'a str,
    pub client_id: &'a str,
}

#[derive(Clone, Debug, Default)]
pub struct Table {
    clients: BTreeMap<Kind, ByUser>,
    addresses: ByName,
}

#[derive(Clone, Debug, Default)]
struct ByUser {
    users: BTreeMap<String, OfUser>,
    any_user: OfUser,
    no_user: ByName,
}

#[derive(Clone, Debug, Default)]
struct OfUser {
    own: Option<f64>,
    clients: ByName,
}

#[derive(Clone, Debug, Default)]
struct ByName {
    named: BTreeMap<String, f64>,
    any: Option<f64>,
}

impl ByName {
    fn set(&mut self, name: Option<&str>, value: f64) {
        match name {
            Some(name) => drop(self.named.insert(name.to_owned(), value)),
            None => self.any = Some(value),
        }
    }

    fn get(&self, name: &str) -> Option<f64> {
        self.named.get(name).copied().or(self.any)
    }
}

impl Table {
    pub fn new(quotas: &BTreeMap<QuotaEntity, BTreeMap<String, f64>>) -> Table {
        let mut table = Table::default();
        for (entity, values) in quotas {
            let name = |kind: &str| {
                let part = entity.iter().find(|(own, _)| own == kind);
                part.map(|(_, name)| name.as_deref())
            };
            if let Some(address) = name("ip") {
                if let Some(value) = values.get("connection_creation_rate") {
                    table.addresses.set(address.map(canonical).as_deref(), *value);
                }
                continue;
            }
            for (kind, key) in Kind::CLIENTS {
                if let Some(value) = values.get(key) {
                    let by_user = table.clients.entry(kind).or_default();
                    by_user.set(name("user"), name("client-id"), *value);
                }
            }
        }
        table
    }

    /// Whether anybody has such a limit.
    pub fn has(&self, kind: Kind) -> bool {
        self.clients.contains_key(&kind)
    }

    pub fn limit<'a>(&self, kind: Kind, user: &'a str, client_id: &'a str) -> Option<Limit<'a>> {
        self.clients.get(&kind)?.limit(user, client_id)
    }

    /// Connections in a second from an address.
    pub fn of_address(&self, address: IpAddr) -> Option<f64> {
        if self.addresses.any.is_none() && self.addresses.named.is_empty() {
            return None;
        }
        self.addresses.get(&address.to_string())
    }
}

impl ByUser {
    fn set(&mut self, user: Option<Option<&str>>, client_id: Option<Option<&str>>, value: f64) {
        let of_user = match user {
            None => {
                self.no_user.set(client_id.flatten(), value);
                return;
            }
            Some(None) => &mut self.any_user,
            Some(Some(user)) => self.users.entry(user.to_owned()).or_default(),
        };
        match client_id {
            None => of_user.own = Some(value),
            Some(client_id) => of_user.clients.set(client_id, value),
        }
    }

    fn limit<'a>(&self, user: &'a str, client_id: &'a str) -> Option<Limit<'a>> {
        // A client without a name has no limits of client ids.
        let is_named = !client_id.is_empty();
        let users = [self.users.get(user), Some(&self.any_user)];
        for of_user in users.into_iter().flatten() {
            if let Some(per_second) = of_user.clients.get(client_id).filter(|_| is_named) {
                return Some(Limit {
                    per_second,
                    user,
                    client_id,
                });
            }
            if let Some(per_second) = of_user.own {
                return Some(Limit {
                    per_second,
                    user,
                    client_id: "",
                });
            }
        }
        let per_second = self.no_user.get(client_id).filter(|_| is_named)?;
        Some(Limit {
            per_second,
            user: "",
            client_id,
        })
    }
}

/// An address as connections show it: the same one can be written in several ways.
fn canonical(address: &str) -> String {
    let parsed = address.parse::<IpAddr>().map(|address| address.to_canonical());
    parsed.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)).to_string()
}
