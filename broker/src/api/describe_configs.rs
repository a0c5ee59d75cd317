//! DescribeConfigs (key 32), versions 1 to 4: what a topic or this broker is told, from where, and what it means.
//!
//! Version 1 answers synonyms; 3 types and documentation; 4 is flexible.

use corelane_protocol::{
    error_code::ErrorCode,
    messages::{
        DescribeConfigsRequest, DescribeConfigsResponse,
        describe_configs::{
            DescribeConfigsResource, DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym,
        },
    },
};

use super::context::RequestContext;
use crate::{
    config::{Entry, topic},
    core::{Core, Message},
    metadata::decide::validate_topic_name,
    runtime::world::World,
};

/// `ConfigResource.Type`.
pub mod resource_type {
    pub const TOPIC: i8 = 2;
    pub const BROKER: i8 = 4;
}

pub async fn handle<W: World<Message = Message>>(
    core: Core<W>,
    context: RequestContext,
    request: DescribeConfigsRequest,
) -> DescribeConfigsResponse {
    let results = request
        .resources
        .into_iter()
        .map(|resource| {
            let (error_code, error_message, entries) = match entries(&core, &resource) {
                Ok(entries) => (ErrorCode::NONE, None, entries),
                Err((code, message)) => {
                    tracing::warn!(peer = %context.peer, resource = resource.resource_name, error = %code, message, "configs not described");
                    (code, Some(message), Vec::new())
                }
            };
            let wanted = |entry: &Entry| match &resource.configuration_keys {
                Some(keys) => keys.iter().any(|key| key == entry.name),
                None => true,
            };
            let configs = entries
                .into_iter()
                .filter(wanted)
                .map(|entry| config(entry, request.include_synonyms, request.include_documentation))
                .collect();
            DescribeConfigsResult {
                error_code,
                error_message,
                resource_type: resource.resource_type,
                resource_name: resource.resource_name,
                configs,
            }
        })
        .collect();
    DescribeConfigsResponse {
        results,
        ..Default::default()
    }
}

fn entries<W: World<Message = Message>>(
    core: &Core<W>,
    resource: &DescribeConfigsResource,
) -> Result<Vec<Entry>, (ErrorCode, String)> {
    match resource.resource_type {
        resource_type::TOPIC => {
            validate_topic_name(&resource.resource_name)
                .map_err(|message| (ErrorCode::INVALID_TOPIC_EXCEPTION, message))?;
            let image = core.image();
            let topic = image.topic_named(&resource.resource_name).ok_or_else(|| {
                (
                    ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
                    "The topic does not exist.".to_owned(),
                )
            })?;
            Ok(topic::entries(&core.config, &topic.configs))
        }
        // The default of all brokers: nothing was given to it.
        resource_type::BROKER if resource.resource_name.is_empty() => Ok(Vec::new()),
        resource_type::BROKER => {
            if resource.resource_name.parse() != Ok(core.broker_id()) {
                let message = format!(
                    "Unexpected broker id, expected {} or empty string, but received {}",
                    core.broker_id(),
                    resource.resource_name
                );
                return Err((ErrorCode::INVALID_REQUEST, message));
            }
            Ok(core.config.entries())
        }
        other => Err((
            ErrorCode::INVALID_REQUEST,
            format!("Unsupported resource type: {other}"),
        )),
    }
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
