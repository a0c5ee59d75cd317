//! IncrementalAlterConfigs (key 44), versions 0 to 1: set, delete, append to or subtract from single configs (KIP-339).
//! Version 1 is flexible. Topics, brokers (this one, or the default of all), groups, subscriptions to clients' metrics; and this
//! broker's loggers, which are not the controller's.

use std::collections::BTreeMap;

use corelane_protocol::{
    error_code::ErrorCode,
    messages::{
        IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse,
        incremental_alter_configs::{AlterConfigsResource, AlterConfigsResourceResponse},
    },
};

use super::{broker_loggers, context::RequestContext, describe_configs::resource_type, pace::Pace, refusals::Refusals};
use crate::{
    config::{self, remark},
    core::{Core, Message},
    metadata::decide::{AlterConfigs, Answer, ConfigChange, ConfigOp, Resource, Wish, WishError},
    runtime::world::World,
};

pub async fn handle<W: World<Message = Message>>(
    core: Core<W>,
    context: RequestContext,
    request: IncrementalAlterConfigsRequest,
) -> IncrementalAlterConfigsResponse {
    alter_all(core, context, request, true).await
}

/// Loggers are not for the older AlterConfigs.
pub(super) async fn alter_all<W: World<Message = Message>>(
    core: Core<W>,
    context: RequestContext,
    request: IncrementalAlterConfigsRequest,
    takes_loggers: bool,
) -> IncrementalAlterConfigsResponse {
    let mut refusals = Refusals::of(&core, &context);
    let mut pace = Pace::new(&core.world);
    // In the order of the request; None is wished.
    let mut results = Vec::with_capacity(request.resources.len());
    let mut wished = Vec::new();
    for resource in &request.resources {
        pace.spend(1 + resource.configs.len()).await;
        if takes_loggers && resource.resource_type == resource_type::BROKER_LOGGER {
            results.push(Some(broker_loggers::alter(
                &core,
                &context,
                resource,
                request.validate_only,
            )));
            continue;
        }
        match named(&core, resource).and_then(|named| Ok((named, changes(resource)?))) {
            Ok(wish) => {
                wished.push(wish);
                results.push(None);
            }
            Err(error) => results.push(Some(Err(error))),
        }
    }
    let mut answers = Vec::new();
    if !wished.is_empty() {
        answers = alter(&core, &context, wished, request.validate_only).await;
    }
    let mut answers = answers.into_iter();
    let mut answer_of_wish = || answers.next().expect("one for each wish");
    let responses = request.resources.into_iter().zip(results).map(|(resource, result)| {
        let result = result.unwrap_or_else(&mut answer_of_wish);
        answer(&mut refusals, resource.resource_type, resource.resource_name, result)
    });
    IncrementalAlterConfigsResponse {
        responses: responses.collect(),
        ..Default::default()
    }
}

/// Asks the controller; its answers come in the order of the wish.
async fn alter<W: World<Message = Message>>(
    core: &Core<W>,
    context: &RequestContext,
    wished: Vec<(Resource, Vec<ConfigChange>)>,
    validate_only: bool,
) -> Vec<Result<(), WishError>> {
    let count = wished.len();
    let changes: BTreeMap<Resource, Vec<ConfigChange>> = match validate_only {
        true => BTreeMap::new(),
        false => wished.iter().cloned().collect(),
    };
    let wish = Wish::AlterConfigs(AlterConfigs {
        resources: wished,
        validate_only,
    });
    let results = match core.wish(wish).await {
        Ok(Answer::ConfigsAltered(results)) => results,
        Ok(other) => unreachable!("the answer of another wish: {other:?}"),
        Err(error) => return vec![Err(error); count],
    };
    for (resource, result) in &results {
        if let (Some(changes), Ok(())) = (changes.get(resource), result) {
            log_altered(context, resource, changes);
        }
    }
    results.into_iter().map(|(_, result)| result).collect()
}

fn log_altered(context: &RequestContext, resource: &Resource, changes: &[ConfigChange]) {
    let (kind, name) = match resource {
        Resource::Topic(name) => (resource_type::TOPIC, name),
        Resource::Broker(name) => (resource_type::BROKER, name),
        Resource::Group(name) => (resource_type::GROUP, name),
        Resource::ClientMetrics(name) => (resource_type::CLIENT_METRICS, name),
    };
    let keys = match resource {
        Resource::Topic(_) => config::topic::KEYS,
        Resource::Broker(_) => config::broker::KEYS,
        Resource::Group(_) => config::group::KEYS,
        Resource::ClientMetrics(_) => config::client_metrics::KEYS,
    };
    let kind = resource_type::name(kind);
    for ConfigChange { key, op, value } in changes {
        let client_id = context.client_id();
        tracing::info!(peer = %context.peer, client_id, kind, name, key, ?op, value, "config altered");
        let given = value.as_deref().filter(|_| *op != ConfigOp::Subtract);
        if let Some(remark) = given.and_then(|value| remark(keys, key, value)) {
            tracing::warn!(kind, name, "{remark}");
        }
    }
}

/// What the resource names, if that may be altered at all, and here.
fn named<W: World<Message = Message>>(core: &Core<W>, resource: &AlterConfigsResource) -> Result<Resource, WishError> {
    let refuse = |message: String| Err(WishError::new(ErrorCode::INVALID_REQUEST, message));
    let name = resource.resource_name.clone();
    match resource.resource_type {
        resource_type::TOPIC => Ok(Resource::Topic(name)),
        resource_type::GROUP => Ok(Resource::Group(name)),
        resource_type::CLIENT_METRICS => Ok(Resource::ClientMetrics(name)),
        resource_type::BROKER => match name.parse::<i32>() {
            _ if name.is_empty() => Ok(Resource::Broker(name)),
            Ok(node) if node == core.broker_id() => Ok(Resource::Broker(node.to_string())),
            // Only the broker itself knows what its values would mean.
            Ok(_) => refuse(format!(
                "Unexpected broker id, expected {}, but received {name}",
                core.broker_id()
            )),
            Err(_) => refuse(format!("Node id must be an integer, but it is: {name}")),
        },
        other => refuse(format!("Unknown resource type {other}")),
    }
}

fn changes(resource: &AlterConfigsResource) -> Result<Vec<ConfigChange>, WishError> {
    let change = |config: &corelane_protocol::messages::incremental_alter_configs::AlterableConfig| {
        let op = ConfigOp::from_wire(config.config_operation).ok_or_else(|| {
            let message = format!("Unknown operations type {}", config.config_operation);
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
