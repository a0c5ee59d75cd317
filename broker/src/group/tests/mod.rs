//! Stories as text (`*.txt` beside this file; `UPDATE=1 cargo test` rewrites what is expected, the diff is the review), and
//! a random walk with invariants.

mod random;
mod render;
mod script;

use std::{collections::BTreeMap, path::Path, time::Duration};

use corelane_protocol::error_code::ErrorCode;

use super::{AppendToken, Client, Coordinator, Effect, Event, GroupConfig, GroupRecord, Now, Request, RequestToken};
use crate::runtime::world::Instant;

/// Wall clock at the start of every test.
const START_WALL_MS: i64 = 1_000_000;

/// A coordinator with its log and its clock.
struct Host {
    coordinator: Coordinator,
    config: GroupConfig,
    now: Now,
    log: Vec<GroupRecord>,
    /// Asked for and not settled, in log order.
    in_flight: BTreeMap<AppendToken, Vec<GroupRecord>>,
    /// Makes member ids: counts the JoinGroups without one.
    random: u128,
}

impl Host {
    fn new(config: GroupConfig) -> Host {
        let now = Now {
            instant: Instant(0),
            wall_ms: START_WALL_MS,
        };
        let mut coordinator = Coordinator::new(config, now);
        coordinator.step(now, Event::Loaded);
        Host {
            coordinator,
            config,
            now,
            log: Vec::new(),
            in_flight: BTreeMap::new(),
            random: 0,
        }
    }

    fn step(&mut self, event: Event) -> Vec<Effect> {
        let effects = self.coordinator.step(self.now, event);
        for effect in &effects {
            if let Effect::Append { token, records } = effect {
                let newest = self.in_flight.last_key_value().map(|(token, _)| *token);
                assert!(newest < Some(*token), "append tokens rise");
                self.in_flight.insert(*token, records.clone());
            }
        }
        effects
    }

    fn request(&mut self, token: u64, api_version: i16, client_id: &str, request: Request) -> Vec<Effect> {
        if matches!(&request, Request::JoinGroup(join) if join.member_id.is_empty()) {
            self.random += 1;
        }
        let client = Client {
            id: client_id.to_string(),
            host: "/127.0.0.1".to_string(),
            api_version,
            random: self.random,
        };
        self.step(Event::Request {
            token: RequestToken(token),
            client,
            request,
        })
    }

    /// Settles the oldest append.
    fn settle(&mut self, result: Result<(), ErrorCode>) -> Vec<Effect> {
        self.settle_and_tell(result).1
    }

    /// Settles the oldest append; also gives the records that became durable.
    fn settle_and_tell(&mut self, result: Result<(), ErrorCode>) -> (Vec<GroupRecord>, Vec<Effect>) {
        let Some((token, mut records)) = self.in_flight.pop_first() else {
            return Default::default();
        };
        if result.is_err() {
            records.clear();
        }
        self.log.extend(records.iter().cloned());
        (records, self.step(Event::Appended { token, result }))
    }

    /// Ticks at the next deadline if that comes within `ms`; says how much time went by and what came of it.
    fn tick_within(&mut self, ms: u64) -> (u64, Vec<Effect>) {
        let end = self.now.instant.after(Duration::from_millis(ms));
        let target = self
            .coordinator
            .next_deadline()
            .map_or(end, |deadline| deadline.max(self.now.instant).min(end));
        let passed_ms = target.since(self.now.instant).as_millis() as u64;
        self.now.instant = target;
        self.now.wall_ms += passed_ms as i64;
        (passed_ms, self.step(Event::Tick))
    }

    /// What happens when the broker dies and comes back: only the log is left.
    fn restart(&mut self) -> Vec<Effect> {
        self.in_flight.clear();
        self.coordinator = Coordinator::new(self.config, self.now);
        let mut effects = self.step(Event::Load(self.log.clone()));
        effects.extend(self.step(Event::Loaded));
        effects
    }
}

/// Goal: the group protocol's stories, as they were and as they shall stay.
#[test]
fn stories() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/group/tests");
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .expect("the folder of this file")
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    files.sort();
    assert!(files.len() >= 9, "the stories are here");
    for file in files {
        let before = std::fs::read_to_string(&file).expect("a readable story");
        let after = script::run(&before);
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&file, after).expect("a writable story");
        } else {
            assert_eq!(before, after, "{} (UPDATE=1 rewrites it)", file.display());
        }
    }
}
