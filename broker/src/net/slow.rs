//! A line in the log for a request that was slow: where its time went is what an operator wants to know first.

use std::{net::SocketAddr, time::Duration};

use corelane_protocol::api_key::ApiKey;

use crate::{
    core::{Core, Message},
    log_limit::Verdict,
    metrics::{Spent, Timeline},
    runtime::world::{Instant, World},
};

/// Their answers come when the other members of a group are there, however long that takes them.
const WAIT_FOR_OTHERS: [ApiKey; 2] = [ApiKey::JOIN_GROUP, ApiKey::SYNC_GROUP];

/// Says so of a request that took longer than `slow.request.log.ms`, without the wait that its client asked for.
pub(super) fn tell<W: World<Message = Message>>(
    core: &Core<W>,
    peer: SocketAddr,
    timeline: &Timeline,
    spent: &Spent,
    now: Instant,
) {
    let Ok(slow_ms) = u64::try_from(core.config.node.slow_request_log_ms) else {
        return;
    };
    let Some(api) = timeline.api() else { return };
    if spent.unasked() < Duration::from_millis(slow_ms) || WAIT_FOR_OTHERS.contains(&api) {
        return;
    }
    core.metrics.request_was_slow();
    if let Verdict::Say { held_back } = core.log_limits.slow_request.judge(now) {
        let (stage, longest) = spent.longest();
        let stages: Vec<String> = spent
            .stages()
            .map(|(stage, took)| format!("{} {:.1}", stage.name(), took.as_secs_f64() * 1000.0))
            .collect();
        tracing::warn!(
            %peer,
            %api,
            ms = spent.total.as_millis(),
            stage = stage.name(),
            stage_ms = longest.as_millis(),
            stages_ms = stages.join(", "),
            held_back,
            "slow request"
        );
    }
}
