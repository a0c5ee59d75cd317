//! AlterConfigs (key 33), versions 0 to 2: the configs given are all that a topic has afterwards. Version 2 is flexible.
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
    metadata::decide::ConfigOp,
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
    let answer = super::incremental_alter_configs::handle(core, context, incremental).await;
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
    let mut changes = Vec::new();
    if resource.resource_type == resource_type::TOPIC
        && let Some(topic) = core.image().topic_named(&resource.resource_name)
    {
        let is_named = |key: &String| resource.configs.iter().any(|config| config.name == *key);
        let unnamed = topic.configs.keys().filter(|key| !is_named(key));
        changes.extend(unnamed.map(|key| change(key.clone(), ConfigOp::Delete, None)));
    }
    let named = resource.configs.into_iter();
    changes.extend(named.map(|config| change(config.name, ConfigOp::Set, config.value)));
    incremental_alter_configs::AlterConfigsResource {
        resource_type: resource.resource_type,
        resource_name: resource.resource_name,
        configs: changes,
    }
}
