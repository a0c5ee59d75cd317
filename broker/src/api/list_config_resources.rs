//! ListConfigResources (key 74), versions 0 to 1: names of what has configs, or could have.
//!
//! Version 0 knows subscriptions to clients' metrics only, and was named after them. Groups and subscriptions are those that
//! were told something (KIP-1142), as in Kafka.

use std::collections::BTreeSet;

use corelane_protocol::{
    error_code::ErrorCode,
    messages::{ListConfigResourcesRequest, ListConfigResourcesResponse, list_config_resources::ConfigResource},
};

use super::{
    context::RequestContext,
    describe_configs::resource_type::{BROKER, BROKER_LOGGER, CLIENT_METRICS, GROUP, TOPIC},
    pace::Pace,
};
use crate::{
    core::{Core, Message},
    metadata::{Image, records::NamedKind},
    runtime::world::World,
};

pub async fn handle<W: World<Message = Message>>(
    core: Core<W>,
    context: RequestContext,
    request: ListConfigResourcesRequest,
) -> ListConfigResourcesResponse {
    let known: &[i8] = match context.api_version {
        0 => &[CLIENT_METRICS],
        _ => &[TOPIC, BROKER, BROKER_LOGGER, CLIENT_METRICS, GROUP],
    };
    let mut wanted: BTreeSet<i8> = request.resource_types.into_iter().collect();
    if wanted.is_empty() {
        wanted.extend(known);
    }
    if wanted.iter().any(|wanted| !known.contains(wanted)) {
        return ListConfigResourcesResponse {
            error_code: ErrorCode::UNSUPPORTED_VERSION,
            ..Default::default()
        };
    }
    let image = core.image();
    let mut pace = Pace::new(&core.world);
    let mut config_resources = Vec::new();
    for resource_type in wanted {
        for resource_name in names(&image, resource_type) {
            pace.step().await;
            config_resources.push(ConfigResource {
                resource_name,
                resource_type,
            });
        }
    }
    ListConfigResourcesResponse {
        config_resources,
        ..Default::default()
    }
}

fn names(image: &Image, resource_type: i8) -> Box<dyn Iterator<Item = String> + '_> {
    let named = |wanted: NamedKind| {
        let owners = image.named_configs.keys().filter(move |(kind, _)| *kind == wanted);
        owners.map(|(_, name)| name.clone())
    };
    match resource_type {
        TOPIC => Box::new(image.topics_by_name().map(|topic| topic.name.to_string())),
        GROUP => Box::new(named(NamedKind::Group)),
        CLIENT_METRICS => Box::new(named(NamedKind::ClientMetrics)),
        BROKER => Box::new(image.brokers.keys().map(i32::to_string)),
        // Log levels are read at start.
        _ => Box::new(std::iter::empty()),
    }
}
