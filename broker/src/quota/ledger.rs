//! What was used on the accounts whose home is this core.
//!
//! Names come from clients, so there may be many accounts; one that says nothing any more, since all it used is out of its
//! window, is forgotten.

use std::collections::BTreeMap;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::{
    rate::{Rate, Window},
    table::{Kind, Limit},
    token_bucket::TokenBucket,
};

/// Whose use of what is added up.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Account {
    pub kind: Kind,
    /// Empty: of all users.
    pub user: String,
    /// Empty: of all client ids.
    pub client_id: String,
}

impl Account {
    pub fn of(kind: Kind, limit: &Limit<'_>) -> Account {
        Account {
            kind,
            user: limit.user.to_owned(),
            client_id: limit.client_id.to_owned(),
        }
    }

    /// The core where it is kept.
    pub fn home(&self, cores: usize) -> usize {
        let user = xxh3_64_with_seed(self.user.as_bytes(), self.kind as u64);
        (xxh3_64_with_seed(self.client_id.as_bytes(), user) % cores as u64) as usize
    }
}

/// One use of an account.
pub struct ChargeCall {
    pub account: Account,
    pub per_second: f64,
    pub charge: Charge,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Charge {
    /// It was used, whatever the limit.
    Used(f64),
    /// It will be, unless more than the limit was used before.
    IfAllowed(f64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChargeAnswer {
    /// How long to wait.
    pub wait_ms: i64,
    /// Nothing was used.
    pub is_refused: bool,
}

#[derive(Debug)]
pub struct Ledger {
    /// Of bytes, requests and connections.
    window: Window,
    /// Of mutations.
    mutation_window: Window,
    accounts: BTreeMap<Account, Entry>,
    sweep_at_ms: i64,
}

#[derive(Debug)]
struct Entry {
    per_second: f64,
    used: Used,
}

#[derive(Debug)]
enum Used {
    Rate(Rate),
    Tokens(TokenBucket),
}

impl Ledger {
    pub fn new(window: Window, mutation_window: Window) -> Ledger {
        Ledger {
            window,
            mutation_window,
            accounts: BTreeMap::new(),
            sweep_at_ms: 0,
        }
    }

    pub fn charge(&mut self, call: ChargeCall, now_ms: i64) -> ChargeAnswer {
        self.sweep(now_ms);
        let ChargeCall {
            account,
            per_second,
            charge,
        } = call;
        let (kind, window, mutation_window) = (account.kind, self.window, self.mutation_window);
        let entry = self.accounts.entry(account).or_insert_with(|| Entry {
            per_second,
            used: match kind {
                Kind::Mutation => Used::Tokens(TokenBucket::default()),
                _ => Used::Rate(Rate::default()),
            },
        });
        entry.per_second = per_second;
        let wait_ms = |entry: &mut Entry| match &mut entry.used {
            Used::Rate(rate) => rate.wait_ms(window, per_second, now_ms),
            Used::Tokens(bucket) => bucket.wait_ms(mutation_window, per_second, now_ms),
        };
        let (Charge::Used(amount) | Charge::IfAllowed(amount)) = charge;
        if matches!(charge, Charge::IfAllowed(_)) {
            let wait_ms = wait_ms(entry);
            if wait_ms > 0 {
                return ChargeAnswer {
                    wait_ms,
                    is_refused: true,
                };
            }
        }
        match &mut entry.used {
            Used::Rate(rate) => rate.record(window, amount, now_ms),
            Used::Tokens(bucket) => bucket.record(per_second, amount, now_ms),
        }
        let wait_ms = match (kind, charge) {
            // Who was let in is not made to wait for it.
            (_, Charge::IfAllowed(_)) => 0,
            // No longer than a sample, as in Kafka: what it measures is coarse.
            (Kind::Request, _) => wait_ms(entry).min(window.sample_ms),
            _ => wait_ms(entry),
        };
        ChargeAnswer {
            wait_ms,
            is_refused: false,
        }
    }

    /// A connection from `address`: for how long it must wait and is then closed; 0 lets it in. One that is not let in does not
    /// count.
    pub fn connect(&mut self, address: String, per_second: f64, now_ms: i64) -> i64 {
        let account = Account {
            kind: Kind::Connection,
            user: String::new(),
            client_id: address,
        };
        let call = |amount| ChargeCall {
            account: account.clone(),
            per_second,
            charge: Charge::Used(amount),
        };
        let wait_ms = self.charge(call(1.0), now_ms).wait_ms.min(self.window.sample_ms);
        if wait_ms > 0 {
            self.charge(call(-1.0), now_ms);
        }
        wait_ms
    }

    pub fn accounts(&self) -> usize {
        self.accounts.len()
    }

    fn sweep(&mut self, now_ms: i64) {
        if now_ms < self.sweep_at_ms {
            return;
        }
        let window = self.window;
        self.accounts.retain(|_, entry| match &mut entry.used {
            Used::Rate(rate) => !rate.is_idle(window, now_ms),
            Used::Tokens(bucket) => !bucket.is_idle(entry.per_second, now_ms),
        });
        self.sweep_at_ms = now_ms + window.ms();
    }
}
