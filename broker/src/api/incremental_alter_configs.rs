//! IncrementalAlterConfigs (key 44), versions 0 to 1: set, delete, append to or subtract from single configs (KIP-339).
//! Version 1 is flexible. Topics only; other resources are refused.

use std::collections::BTreeMap;

use corelane_protocol::{
    error_code::ErrorCode,
    messages::{
        IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse,
        incremental_alter_configs::{AlterConfigsResource, AlterConfigsResourceResponse},
    },
};

use super::{context::RequestContext, describe_configs::resource_type, pace::Pace, refusals::Refusals};
use crate::{
    config::broker::NOT_COMPACTED,
    core::{Core, Message},
    metadata::decide::{AlterConfigs, Answer, ConfigChange, ConfigOp, Resource, Wish, WishError},
    runtime::world::World,
};

pub async fn handle<W: World<Message = Message>>(
    core: Core<W>,
    context: RequestContext,
    request: IncrementalAlterConfigsRequest,
) -> IncrementalAlterConfigsResponse {
    let mut responses = Vec::with_capacity(request.resources.len());
    let mut wished = Vec::new();
    let mut refusals = Refusals::of(&core, &context);
    let mut pace = Pace::new(&core.world);
    for resource in request.resources {
        pace.spend(1 + resource.configs.len()).await;
        match changes(&resource) {
            Ok(changes) => wished.push((Resource::Topic(resource.resource_name), changes)),
            Err(error) => {
                responses.push(answer(
                    &mut refusals,
                    resource.resource_type,
                    resource.resource_name,
                    Err(error),
                ));
            }
        }
    }
    if !wished.is_empty() {
        let names: Vec<Resource> = wished.iter().map(|(resource, _)| resource.clone()).collect();
        let mut changes: BTreeMap<Resource, Vec<ConfigChange>> = BTreeMap::new();
        if !request.validate_only {
            changes.extend(wished.iter().cloned());
        }
        let wish = Wish::AlterConfigs(AlterConfigs {
            resources: wished,
            validate_only: request.validate_only,
        });
        let results = match core.wish(wish).await {
            Ok(Answer::ConfigsAltered(results)) => results,
            Ok(other) => unreachable!("the answer of another wish: {other:?}"),
            Err(error) => names
                .into_iter()
                .map(|resource| (resource, Err(error.clone())))
                .collect(),
        };
        for (resource, result) in &results {
            if let (Some(changes), Ok(())) = (changes.get(resource), result) {
                log_altered(&context, resource, changes);
            }
        }
        responses.extend(results.into_iter().map(|(resource, result)| match resource {
            Resource::Topic(name) => answer(&mut refusals, resource_type::TOPIC, name, result),
            Resource::Broker(name) => answer(&mut refusals, resource_type::BROKER, name, result),
        }));
    }
    IncrementalAlterConfigsResponse {
        responses,
        ..Default::default()
    }
}

fn log_altered(context: &RequestContext, resource: &Resource, changes: &[ConfigChange]) {
    let (kind, name) = match resource {
        Resource::Topic(name) => (resource_type::TOPIC, name),
        Resource::Broker(name) => (resource_type::BROKER, name),
    };
    let kind = resource_type::name(kind);
    for ConfigChange { key, op, value } in changes {
        let client_id = context.client_id();
        tracing::info!(peer = %context.peer, client_id, kind, name, key, ?op, value, "config altered");
        let is_compacted = value.as_ref().is_some_and(|value| value.contains("compact"));
        if key == "cleanup.policy" && is_compacted && *op != ConfigOp::Subtract {
            tracing::warn!(name, "cleanup.policy: {NOT_COMPACTED}");
        }
    }
}

fn changes(resource: &AlterConfigsResource) -> Result<Vec<ConfigChange>, WishError> {
    if resource.resource_type != resource_type::TOPIC {
        let message = format!(
            "Configs of {} resources cannot be altered yet.",
            resource_type::name(resource.resource_type)
        );
        return Err(WishError::new(ErrorCode::INVALID_REQUEST, message));
    }
    let change = |config: &corelane_protocol::messages::incremental_alter_configs::AlterableConfig| {
        let op = ConfigOp::from_wire(config.config_operation).ok_or_else(|| {
            let message = format!("Unknown operation {} for {}.", config.config_operation, config.name);
            WishError::new(ErrorCode::INVALID_REQUEST, message)
        })?;
        Ok(ConfigChange {
            key: config.name.clone(),
            op,
            value: config.value.clone(),
        })
    };
    resource.configs.iter().map(change).collect()
}

fn answer(
    refusals: &mut Refusals<'_>,
    resource_type: i8,
    resource_name: String,
    result: Result<(), WishError>,
) -> AlterConfigsResourceResponse {
    let (error_code, error_message) = match result {
        Ok(()) => (ErrorCode::NONE, None),
        Err(error) => {
            refusals.add(&resource_name, &error);
            (error.code, Some(error.message))
        }
    };
    AlterConfigsResourceResponse {
        error_code,
        error_message,
        resource_type,
        resource_name,
    }
}
