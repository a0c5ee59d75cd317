//! Stories as text (`*.txt` beside this file; `UPDATE=1 cargo test` rewrites what is expected, the diff is the review).
//!
//! ```text
//! > set user=alice client-id=* producer_byte_rate=1000     a limit; * is the default of the type
//! > who produce alice app                                  which limit applies
//! > use produce alice app 5000                             so much is used
//! > ask mutation alice app 5                               so much is used if it may be
//! > connect 10.0.0.1
//! > wait 250                                               milliseconds pass
//! > accounts                                               how many are remembered
//! ```

use std::{collections::BTreeMap, fs, path::Path};

use super::{Account, Charge, ChargeCall, Kind, Ledger, Table, Window};
use crate::metadata::QuotaEntity;

struct World {
    quotas: BTreeMap<QuotaEntity, BTreeMap<String, f64>>,
    ledger: Ledger,
    now_ms: i64,
}

fn kind(word: &str) -> Kind {
    match word {
        "produce" => Kind::Produce,
        "fetch" => Kind::Fetch,
        "request" => Kind::Request,
        "mutation" => Kind::Mutation,
        other => panic!("no kind {other}"),
    }
}

/// `-` is a client without a name.
fn name(word: &str) -> &str {
    if word == "-" { "" } else { word }
}

impl World {
    fn new() -> World {
        let window = Window {
            samples: 11,
            sample_ms: 1000,
        };
        World {
            quotas: BTreeMap::new(),
            ledger: Ledger::new(window, window),
            now_ms: 1_000_000,
        }
    }

    fn command(&mut self, command: &str) -> String {
        let words: Vec<&str> = command.split_whitespace().collect();
        match words[..] {
            ["set", ref pairs @ ..] => {
                let mut pairs: Vec<(&str, &str)> = pairs.iter().map(|pair| pair.split_once('=').unwrap()).collect();
                let (key, value) = pairs.pop().unwrap();
                let part = |(kind, name): (&str, &str)| (kind.to_owned(), (name != "*").then(|| name.to_owned()));
                let mut entity: QuotaEntity = pairs.into_iter().map(part).collect();
                entity.sort();
                let values = self.quotas.entry(entity).or_default();
                values.insert(key.to_owned(), value.parse().unwrap());
                String::new()
            }
            ["who", kind_word, user, client_id] => {
                let table = Table::new(&self.quotas);
                match table.limit(kind(kind_word), name(user), name(client_id)) {
                    None => "no limit\n".into(),
                    Some(limit) => format!("{} of ({:?}, {:?})\n", limit.per_second, limit.user, limit.client_id),
                }
            }
            ["use", kind_word, user, client_id, amount] => self.charge(
                kind(kind_word),
                (user, client_id),
                Charge::Used(amount.parse().unwrap()),
            ),
            ["ask", kind_word, user, client_id, amount] => {
                let charge = Charge::IfAllowed(amount.parse().unwrap());
                self.charge(kind(kind_word), (user, client_id), charge)
            }
            ["connect", address] => {
                let table = Table::new(&self.quotas);
                let Some(per_second) = table.of_address(address.parse().unwrap()) else {
                    return "no limit\n".into();
                };
                match self.ledger.connect(address.to_owned(), per_second, self.now_ms) {
                    0 => "let in\n".into(),
                    wait_ms => format!("closed after {wait_ms} ms\n"),
                }
            }
            ["wait", ms] => {
                self.now_ms += ms.parse::<i64>().unwrap();
                String::new()
            }
            ["accounts"] => format!("{}\n", self.ledger.accounts()),
            _ => panic!("no command {command}"),
        }
    }

    fn charge(&mut self, kind: Kind, (user, client_id): (&str, &str), charge: Charge) -> String {
        let table = Table::new(&self.quotas);
        let Some(limit) = table.limit(kind, name(user), name(client_id)) else {
            return "no limit\n".into();
        };
        let call = ChargeCall {
            account: Account::of(kind, &limit),
            per_second: limit.per_second,
            charge,
        };
        let answer = self.ledger.charge(call, self.now_ms);
        let refused = if answer.is_refused { "refused, " } else { "" };
        format!("{refused}wait {} ms\n", answer.wait_ms)
    }
}

#[test]
fn stories() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/quota/tests");
    let mut paths: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "txt"));
    paths.sort();
    assert!(paths.len() >= 3, "{paths:?}");
    for path in paths {
        let expected = fs::read_to_string(&path).unwrap();
        let mut world = World::new();
        let mut happened = String::new();
        for line in expected.lines() {
            if let Some(command) = line.strip_prefix("> ") {
                happened += &format!("{line}\n{}", world.command(command));
            } else if line.starts_with('#') || line.is_empty() {
                happened += &format!("{line}\n");
            }
        }
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&path, &happened).unwrap();
        } else {
            assert_eq!(happened, expected, "{path:?} (UPDATE=1 rewrites)");
        }
    }
}

/// Goal: accounts spread over the cores, and each has one home whoever asks.
#[test]
fn accounts_spread() {
    let account = |number: usize| Account {
        kind: Kind::Produce,
        user: String::new(),
        client_id: format!("client-{number}"),
    };
    let mut homes = [0; 4];
    for number in 0..400 {
        homes[account(number).home(4)] += 1;
        assert_eq!(account(number).home(4), account(number).home(4));
    }
    assert!(homes.iter().all(|count| (60..140).contains(count)), "{homes:?}");
}
