//! DescribeConfigs (key 32), versions 1 to 4: what a topic, broker, group or metrics subscription is told, from where, and what it means;
//! and the levels of this broker's loggers.
//!
//! Version 1 answers synonyms; 3 types and documentation; 4 is flexible.

use std::collections::{BTreeMap, BTreeSet};

use corelane_protocol::{
    error_code::ErrorCode,
    messages::{
        DescribeConfigsRequest, DescribeConfigsResponse,
        describe_configs::{
            DescribeConfigsResource, DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym,
        },
    },
};

use super::{broker_loggers, context::RequestContext, pace::Pace, refusals::Refusals};
use crate::{
    config::{Broker, Entry, client_metrics, group, topic},
    core::{Core, Message},
    metadata::{decide::validate_topic_name, records::NamedKind},
    runtime::world::World,
};

/// `ConfigResource.Type`.
pub mod resource_type {
    pub const TOPIC: i8 = 2;
    pub const BROKER: i8 = 4;
    pub const BROKER_LOGGER: i8 = 8;
    pub const CLIENT_METRICS: i8 = 16;
    pub const GROUP: i8 = 32;

    /// As Kafka's messages name it.
    pub fn name(number: i8) -> &'static str {
        match number {
            TOPIC => "TOPIC",
            BROKER => "BROKER",
            BROKER_LOGGER => "BROKER_LOGGER",
            CLIENT_METRICS => "CLIENT_METRICS",
            GROUP => "GROUP",
            _ => "UNKNOWN",
        }
    }
}

pub async fn handle<W: World<Message = Message>>(
    core: Core<W>,
    context: RequestContext,
    request: DescribeConfigsRequest,
) -> DescribeConfigsResponse {
    let mut refusals = Refusals::of(&core, &context);
    let mut pace = Pace::new(&core.world);
    let mut results = Vec::new();
    for ((resource_type, resource_name), wanted) in merged(request.resources) {
        let is_wanted = |name: &str| wanted.as_ref().is_none_or(|keys| keys.contains(name));
        let mut looked_at = 1;
        let described = match resource_type {
            resource_type::BROKER_LOGGER => broker_loggers::describe(&core, &resource_name, is_wanted),
            _ => entries(&core, resource_type, &resource_name).map(|entries| {
                looked_at += entries.len();
                let entries = entries.into_iter().filter(|entry| is_wanted(entry.name));
                let shown = entries.map(|entry| config(entry, request.include_synonyms, request.include_documentation));
                shown.collect()
            }),
        };
        let (error_code, error_message, configs) = match described {
            Ok(configs) => (ErrorCode::NONE, Some(String::new()), configs),
            Err((code, message)) => {
                refusals.add(&resource_name, &message);
                (code, Some(message), Vec::new())
            }
        };
        pace.spend(looked_at).await;
        results.push(DescribeConfigsResult {
            error_code,
            error_message,
            resource_type,
            resource_name,
            configs,
        });
    }
    DescribeConfigsResponse {
        results,
        ..Default::default()
    }
}

/// Type and name.
type Resource = (i8, String);

/// Each resource once, with all keys that are wanted of it; None is every key, and so is no key at all in a request. Clients keep the answers by resource, so a
/// second answer for the same one would be work for nobody.
fn merged(resources: Vec<DescribeConfigsResource>) -> BTreeMap<Resource, Option<BTreeSet<String>>> {
    let mut merged = BTreeMap::new();
    for resource in resources {
        let wanted = merged
            .entry((resource.resource_type, resource.resource_name))
            .or_insert_with(|| Some(BTreeSet::new()));
        match (wanted.as_mut(), resource.configuration_keys) {
            (Some(wanted), Some(keys)) if !keys.is_empty() => wanted.extend(keys),
            _ => *wanted = None,
        }
    }
    merged
}

fn entries<W: World<Message = Message>>(
    core: &Core<W>,
    resource_type: i8,
    resource_name: &str,
) -> Result<Vec<Entry>, (ErrorCode, String)> {
    match resource_type {
        resource_type::TOPIC => {
            validate_topic_name(resource_name).map_err(|message| (ErrorCode::INVALID_TOPIC_EXCEPTION, message))?;
            let image = core.image();
            let topic = image.topic_named(resource_name).ok_or_else(|| {
                (
                    ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
                    "The topic does not exist.".to_owned(),
                )
            })?;
            Ok(topic::entries(&core.live_config(), &topic.configs))
        }
        // The default of all brokers: what was given to it.
        resource_type::BROKER if resource_name.is_empty() => {
            let image = core.image();
            let given = image.broker_configs.get(&None);
            Ok(given.map(Broker::entries_of_all).unwrap_or_default())
        }
        resource_type::BROKER => {
            if resource_name.parse() != Ok(core.broker_id()) {
                let message = format!(
                    "Unexpected broker id, expected {} or empty string, but received {}",
                    core.broker_id(),
                    resource_name
                );
                return Err((ErrorCode::INVALID_REQUEST, message));
            }
            Ok(core.live_config().entries())
        }
        resource_type::GROUP if resource_name.is_empty() => Err(empty("Group name")),
        resource_type::GROUP => {
            let image = core.image();
            let own = image.named_config(NamedKind::Group, resource_name);
            Ok(group::entries(&core.live_config(), own.unwrap_or(&BTreeMap::new())))
        }
        resource_type::CLIENT_METRICS if resource_name.is_empty() => Err(empty("Client metrics subscription name")),
        resource_type::CLIENT_METRICS => {
            let image = core.image();
            let own = image.named_config(NamedKind::ClientMetrics, resource_name);
            Ok(client_metrics::entries(own.unwrap_or(&BTreeMap::new())))
        }
        other => Err((
            ErrorCode::INVALID_REQUEST,
            format!("Unsupported resource type: {}", resource_type::name(other)),
        )),
    }
}

fn empty(what: &str) -> (ErrorCode, String) {
    (ErrorCode::INVALID_REQUEST, format!("{what} must not be empty"))
}

fn config(entry: Entry, with_synonyms: bool, with_documentation: bool) -> DescribeConfigsResourceResult {
    let shown = |value: Option<String>| value.filter(|_| !entry.sensitive);
    let synonyms = if with_synonyms {
        entry
            .synonyms
            .iter()
            .map(|(name, value, source)| DescribeConfigsSynonym {
                name: (*name).to_owned(),
                value: shown(value.clone()),
                source: source.code(),
            })
            .collect()
    } else {
        Vec::new()
    };
    DescribeConfigsResourceResult {
        name: entry.name.to_owned(),
        value: shown(entry.value.clone()),
        read_only: entry.read_only,
        config_source: entry.source.code(),
        is_sensitive: entry.sensitive,
        synonyms,
        config_type: entry.kind.code(),
        documentation: with_documentation.then(|| entry.doc.to_owned()),
    }
}
