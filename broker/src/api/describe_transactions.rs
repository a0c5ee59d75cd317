//! DescribeTransactions (key 65), version 0: the state of transactional ids (KIP-664). There are none: they are refused (see
//! InitProducerId).

use corelane_protocol::{
    error_code::ErrorCode,
    messages::{DescribeTransactionsRequest, DescribeTransactionsResponse, describe_transactions::TransactionState},
};

use super::context::RequestContext;
use crate::{
    core::{Core, Message},
    runtime::world::World,
};

pub async fn handle<W: World<Message = Message>>(
    _core: Core<W>,
    _context: RequestContext,
    request: DescribeTransactionsRequest,
) -> DescribeTransactionsResponse {
    let unknown = |transactional_id: String| TransactionState {
        error_code: if transactional_id.is_empty() {
            ErrorCode::INVALID_REQUEST
        } else {
            ErrorCode::TRANSACTIONAL_ID_NOT_FOUND
        },
        transactional_id,
        ..Default::default()
    };
    DescribeTransactionsResponse {
        transaction_states: request.transactional_ids.into_iter().map(unknown).collect(),
        ..Default::default()
    }
}
