//! One line in the log for all that was refused of a request: a client chooses how much it asks for, but not how much of the
//! log that fills.

use std::fmt::Display;

use super::context::RequestContext;

/// Counts what is refused of one request; says so when the request is done with.
pub struct Refusals<'a> {
    context: &'a RequestContext,
    first: Option<String>,
    count: usize,
}

impl<'a> Refusals<'a> {
    pub fn of(context: &'a RequestContext) -> Refusals<'a> {
        Refusals {
            context,
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
            tracing::warn!(%peer, client_id, api = %api_key, refused = self.count, first, "refused");
        }
    }
}
