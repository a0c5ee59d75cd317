//! Coordinators in the world: each lives on the core that owns its partition of `__consumer_offsets`, for as long as this
//! broker leads that partition.
//!
//! ```text
//!   GroupCall ──> Coordinator ──Append──> partition::produce (acks=all) ──durable──> Coordinator ──> reply
//!                     ^   ^
//!      load: the log ─┘   └─ one sleeping task: the earliest deadline of all
//! ```
//!
//! Decides nothing. Must stay true: a coordinator hears only of appends and loads of its own life (`life`), so that one
//! opened again on the same partition is not told the end of its predecessor's.

mod append;
mod load;
mod wake;

use std::collections::BTreeMap;

use corelane_protocol::error_code::ErrorCode;

use super::{Client, Coordinator, Effect, Event, GroupConfig, Now, Request, RequestToken, Response};
use crate::{
    config,
    core::{Core, Message, ReplyTo, message::Reply},
    partition::PartitionKey,
    runtime::world::{Instant, World},
};

/// A question to the coordinator of a partition of `__consumer_offsets`.
pub struct GroupCall {
    pub coordinator: PartitionKey,
    /// `random` is filled in by the coordinator's core.
    pub client: Client,
    pub request: Request,
}

/// The coordinators of one core.
#[derive(Default)]
pub struct Groups {
    hosted: BTreeMap<PartitionKey, Hosted>,
    /// When the sleeping task that comes first will wake.
    wake_at: Option<Instant>,
}

impl Groups {
    pub(super) fn coordinators(&self) -> impl Iterator<Item = &Coordinator> {
        self.hosted.values().map(|hosted| &hosted.coordinator)
    }
}

struct Hosted {
    coordinator: Coordinator,
    leader_epoch: i32,
    life: u64,
    waiting: BTreeMap<RequestToken, ReplyTo>,
    next_token: u64,
}

/// Takes a question; the answer comes when the coordinator has it.
pub fn take<W: World<Message = Message>>(core: &Core<W>, to: ReplyTo, call: GroupCall) {
    let random = u128::from(core.world.random()) << 64 | u128::from(core.world.random());
    let client = Client { random, ..call.client };
    let opened = {
        let mut groups = core.groups.borrow_mut();
        groups.hosted.get_mut(&call.coordinator).map(|hosted| {
            let token = RequestToken(hosted.next_token);
            hosted.next_token += 1;
            hosted.waiting.insert(token, to);
            (token, hosted.life)
        })
    };
    match opened {
        Some((token, life)) => {
            step(
                core,
                &call.coordinator,
                life,
                Event::Request {
                    token,
                    client,
                    request: call.request,
                },
            );
        }
        None => core.reply(to, Reply::Group(call.request.failed(ErrorCode::NOT_COORDINATOR))),
    }
}

/// This broker leads the partition: begins to load its groups. Being told again in the same epoch changes nothing.
pub fn open<W: World<Message = Message>>(core: &Core<W>, key: PartitionKey, leader_epoch: i32) {
    let is_open = core
        .groups
        .borrow()
        .hosted
        .get(&key)
        .is_some_and(|hosted| hosted.leader_epoch == leader_epoch);
    if is_open {
        return;
    }
    close(core, &key);
    let life = core.next_waiter();
    let hosted = Hosted {
        coordinator: Coordinator::new(group_config(&core.config), now(core)),
        leader_epoch,
        life,
        waiting: BTreeMap::new(),
        next_token: 0,
    };
    core.groups.borrow_mut().hosted.insert(key, hosted);
    core.world.spawn("load groups", load::run(core.clone(), key, life));
}

/// This broker does not lead the partition any more: whoever waits is sent on.
pub fn close<W: World<Message = Message>>(core: &Core<W>, key: &PartitionKey) {
    let removed = core.groups.borrow_mut().hosted.remove(key);
    if let Some(mut hosted) = removed {
        let effects = hosted.coordinator.step(now(core), Event::Unload);
        for reply in hosted.replies(effects) {
            core.reply(reply.0, Reply::Group(reply.1));
        }
    }
}

/// The broker stops.
pub fn close_all<W: World<Message = Message>>(core: &Core<W>) {
    let keys: Vec<PartitionKey> = core.groups.borrow().hosted.keys().copied().collect();
    for key in keys {
        close(core, &key);
    }
}

/// Offsets of these topics mean nothing any more.
pub fn on_topics_deleted<W: World<Message = Message>>(core: &Core<W>, topics: &[String]) {
    let lives: Vec<(PartitionKey, u64)> = core
        .groups
        .borrow()
        .hosted
        .iter()
        .map(|(key, hosted)| (*key, hosted.life))
        .collect();
    for (key, life) in lives {
        step(core, &key, life, Event::TopicsDeleted(topics.to_vec()));
    }
}

/// One event for one coordinator, and what comes of it.
fn step<W: World<Message = Message>>(core: &Core<W>, key: &PartitionKey, life: u64, event: Event) {
    let (replies, appends) = {
        let mut groups = core.groups.borrow_mut();
        let Some(hosted) = groups.hosted.get_mut(key).filter(|hosted| hosted.life == life) else {
            return;
        };
        let mut effects = hosted.coordinator.step(now(core), event);
        let appends: Vec<Effect> = effects
            .extract_if(.., |effect| matches!(effect, Effect::Append { .. }))
            .collect();
        (hosted.replies(effects), appends)
    };
    for effect in appends {
        if let Effect::Append { token, records } = effect {
            append::run(core, *key, life, token, records);
        }
    }
    for (to, response) in replies {
        core.reply(to, Reply::Group(response));
    }
    wake::arm(core);
}

impl Hosted {
    /// Who is answered what. Records that were not understood end here, in the log of the process.
    fn replies(&mut self, effects: Vec<Effect>) -> Vec<(ReplyTo, Response)> {
        let mut replies = Vec::new();
        for effect in effects {
            match effect {
                Effect::Respond { token, response } => {
                    let to = self.waiting.remove(&token).expect("a request is answered once");
                    replies.push((to, response));
                }
                Effect::Skipped(error) => tracing::warn!(%error, "a record of __consumer_offsets was passed over"),
                Effect::Append { .. } => {}
            }
        }
        replies
    }
}

fn now<W: World>(core: &Core<W>) -> Now {
    Now {
        instant: core.world.now(),
        wall_ms: core.world.wall_ms(),
    }
}

fn group_config(config: &config::Broker) -> GroupConfig {
    GroupConfig {
        session_timeout_ms_min: config.groups.group_min_session_timeout_ms,
        session_timeout_ms_max: config.groups.group_max_session_timeout_ms,
        initial_rebalance_delay_ms: config.groups.group_initial_rebalance_delay_ms,
        group_size_max: usize::try_from(config.groups.group_max_size).unwrap_or(usize::MAX),
        offset_metadata_max: usize::try_from(config.groups.offset_metadata_max_bytes).unwrap_or(0),
        commit_timeout_ms: config.groups.offsets_commit_timeout_ms,
        offsets_retention_ms: i64::from(config.groups.offsets_retention_minutes) * 60_000,
        offsets_retention_check_interval_ms: config.groups.offsets_retention_check_interval_ms,
        ..GroupConfig::default()
    }
}
