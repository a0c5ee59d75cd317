//! ListTransactions (key 66), versions 0 and 1: the transactional ids that this coordinator knows (KIP-664). It knows none: they
//! are refused (see InitProducerId).
//!
//! Version 1 filters by age (KIP-994).

use corelane_protocol::messages::{ListTransactionsRequest, ListTransactionsResponse};

use super::context::RequestContext;
use crate::{
    core::{Core, Message},
    runtime::world::World,
};

/// Kafka's `TransactionState`s.
const STATES: &[&str] = &[
    "Empty",
    "Ongoing",
    "PrepareCommit",
    "PrepareAbort",
    "CompleteCommit",
    "CompleteAbort",
    "PrepareEpochFence",
    "Dead",
];

pub async fn handle<W: World<Message = Message>>(
    _core: Core<W>,
    _context: RequestContext,
    request: ListTransactionsRequest,
) -> ListTransactionsResponse {
    let mut unknown_state_filters = request.state_filters;
    unknown_state_filters.retain(|state| !STATES.contains(&state.as_str()));
    ListTransactionsResponse {
        unknown_state_filters,
        ..Default::default()
    }
}
