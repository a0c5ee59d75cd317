//! One line in the log for all that was refused of a request: a client chooses how much it asks for, but not how much of the
//! log that fills.

use std::fmt::Display;

use super::context::RequestContext;
use crate::{
    core::{Core, Message},
    log_limit::{LogLimit, Verdict},
    runtime::world::{Instant, World},
};

/// Counts what is refused of one request; says so when the request is done with.
pub struct Refusals<'a> {
    context: &'a RequestContext,
    limit: &'a LogLimit,
    began: Instant,
    first: Option<String>,
    count: usize,
}

impl<'a> Refusals<'a> {
    pub fn of<W: World<Message = Message>>(core: &'a Core<W>, context: &'a RequestContext) -> Refusals<'a> {
        Refusals {
            context,
            limit: &core.log_limits.request_refused,
            began: context.progress.began(),
            first: None,
            count: 0,
        }
    }

    /// `what` was refused for this reason. Only the first is remembered.
    pub fn add(&mut self, what: impl Display, reason: impl Display) {
        self.first.get_or_insert_with(|| format!("{what}: {reason}"));
        self.count += 1;
    }
}

impl Drop for Refusals<'_> {
    fn drop(&mut self) {
        if let Some(first) = self.first.take() {
            let RequestContext { api_key, peer, .. } = self.context;
            let client_id = self.context.client_id();
            let refused = self.count;
            match self.limit.judge(self.began) {
                Verdict::Say { held_back } => {
                    tracing::warn!(%peer, client_id, api = %api_key, refused, first, held_back, "refused");
                }
                Verdict::HoldBack => tracing::debug!(%peer, client_id, api = %api_key, refused, first, "refused"),
            }
        }
    }
}
