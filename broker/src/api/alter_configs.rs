//! AlterConfigs (key 33), versions 0 to 2: the configs given are all that a resource has afterwards. Version 2 is flexible.
//!
//! Java's clients gave it up for IncrementalAlterConfigs; kafkajs and aiokafka have nothing else. It is answered as an
//! incremental change that also deletes what is not named, as Kafka's `ConfigurationControlManager.legacyAlterConfigs` does.

use corelane_protocol::messages::{
    AlterConfigsRequest, AlterConfigsResponse, IncrementalAlterConfigsRequest,
    alter_configs::{AlterConfigsResource, AlterConfigsResourceResponse},
    incremental_alter_configs::{self, AlterableConfig},
};

use super::{context::RequestContext, describe_configs::resource_type};
use crate::{
    core::{Core, Message},
    metadata::{Image, decide::ConfigOp, records::NamedKind},
    runtime::world::World,
};

pub async fn handle<W: World<Message = Message>>(
    core: Core<W>,
    context: RequestContext,
    request: AlterConfigsRequest,
) -> AlterConfigsResponse {
    let resources = request
        .resources
        .into_iter()
        .map(|resource| as_changes(&core, resource))
        .collect();
    let incremental = IncrementalAlterConfigsRequest {
        resources,
        validate_only: request.validate_only,
    };
    let answer = super::incremental_alter_configs::alter_all(core, context, incremental, false).await;
    let responses = answer
        .responses
        .into_iter()
        .map(|response| AlterConfigsResourceResponse {
            error_code: response.error_code,
            error_message: response.error_message,
            resource_type: response.resource_type,
            resource_name: response.resource_name,
        })
        .collect();
    AlterConfigsResponse {
        throttle_time_ms: answer.throttle_time_ms,
        responses,
    }
}

fn as_changes<W: World<Message = Message>>(
    core: &Core<W>,
    resource: AlterConfigsResource,
) -> incremental_alter_configs::AlterConfigsResource {
    let change = |name: String, op: ConfigOp, value: Option<String>| AlterableConfig {
        name,
        config_operation: op as i8,
        value,
    };
    let is_named = |key: &String| resource.configs.iter().any(|config| config.name == *key);
    let held = held(&core.image(), resource.resource_type, &resource.resource_name);
    let unnamed = held.into_iter().filter(|key| !is_named(key));
    let mut changes: Vec<_> = unnamed.map(|key| change(key, ConfigOp::Delete, None)).collect();
    let named = resource.configs.into_iter();
    changes.extend(named.map(|config| change(config.name, ConfigOp::Set, config.value)));
    incremental_alter_configs::AlterConfigsResource {
        resource_type: resource.resource_type,
        resource_name: resource.resource_name,
        configs: changes,
    }
}

/// The keys that the resource has values of its own for.
fn held(image: &Image, resource_type: i8, name: &str) -> Vec<String> {
    let values = match resource_type {
        resource_type::TOPIC => image.topic_named(name).map(|topic| &topic.configs),
        resource_type::BROKER if name.is_empty() => image.broker_configs.get(&None),
        resource_type::BROKER => name.parse().ok().and_then(|node| image.broker_configs.get(&Some(node))),
        resource_type::GROUP => image.named_config(NamedKind::Group, name),
        resource_type::CLIENT_METRICS => image.named_config(NamedKind::ClientMetrics, name),
        _ => None,
    };
    values.into_iter().flat_map(|values| values.keys().cloned()).collect()
}
