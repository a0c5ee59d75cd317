//! FindCoordinator (key 10), versions 0 to 6: which broker coordinates a group.
//!
//! Version 1 brought key types, 3 is flexible, 4 asks for several keys, 5 may answer TRANSACTION_ABORTABLE, 6 share groups.
//! `__consumer_offsets` is made when somebody first asks. There are no transaction and share coordinators yet: the former
//! are refused for good, as InitProducerId refuses them, the latter as by a Kafka without share groups.

use corelane_protocol::{
    error_code::ErrorCode,
    messages::{FindCoordinatorRequest, FindCoordinatorResponse, find_coordinator::Coordinator},
};

use super::{
    context::RequestContext,
    coordinator::{coordinator_of, offsets_topic},
    pace::Pace,
};
use crate::{
    core::{CONSUMER_OFFSETS, Core, Message},
    runtime::world::World,
};

const GROUP: i8 = 0;
const TRANSACTION: i8 = 1;

pub async fn handle<W: World<Message = Message>>(
    core: Core<W>,
    context: RequestContext,
    request: FindCoordinatorRequest,
) -> FindCoordinatorResponse {
    let several = context.api_version >= 4;
    let keys = if several {
        request.coordinator_keys
    } else {
        vec![request.key]
    };
    if request.key_type == GROUP && !keys.is_empty() && offsets_topic(&core).is_none() {
        let topic = core.new_topic(CONSUMER_OFFSETS);
        core.create_topics(vec![topic]).await;
    }
    let mut coordinators = Vec::with_capacity(keys.len());
    let mut pace = Pace::new(&core.world);
    for key in keys {
        coordinators.push(find(&core, request.key_type, key));
        pace.step().await;
    }
    if several {
        return FindCoordinatorResponse {
            coordinators,
            ..Default::default()
        };
    }
    let it = coordinators.remove(0);
    FindCoordinatorResponse {
        error_code: it.error_code,
        // Kafka spells out that there was none.
        error_message: it
            .error_message
            .filter(|message| !message.is_empty())
            .or_else(|| Some(it.error_code.to_string())),
        node_id: it.node_id,
        host: it.host,
        port: it.port,
        ..Default::default()
    }
}

fn find<W: World<Message = Message>>(core: &Core<W>, key_type: i8, key: String) -> Coordinator {
    let refused = |key, error_code, message: &str| Coordinator {
        key,
        node_id: -1,
        host: String::new(),
        port: -1,
        error_code,
        error_message: Some(message.to_owned()),
    };
    match key_type {
        GROUP => {}
        TRANSACTION => {
            return refused(
                key,
                ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
                "There are no transactions yet.",
            );
        }
        _ => return refused(key, ErrorCode::INVALID_REQUEST, "There is no coordinator of this type."),
    }
    let image = core.image();
    let leader = coordinator_of(core, &key).and_then(|place| image.partition(place.topic_id, place.partition)?.leader);
    if leader.is_none_or(|leader| leader.node != core.broker_id()) {
        return refused(
            key,
            ErrorCode::COORDINATOR_NOT_AVAILABLE,
            "The coordinator is not available.",
        );
    }
    let endpoint = core.advertised();
    Coordinator {
        key,
        node_id: core.broker_id(),
        host: endpoint.host.clone(),
        port: i32::from(endpoint.port),
        error_code: ErrorCode::NONE,
        error_message: Some(String::new()),
    }
}
