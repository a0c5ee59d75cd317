//! Log levels of this broker while it runs: the resource BROKER_LOGGER of DescribeConfigs and IncrementalAlterConfigs (KIP-412).
//!
//! Nothing of it is in the metadata log: levels are the process's, in Kafka too.

use corelane_protocol::{
    error_code::ErrorCode,
    messages::{
        describe_configs::DescribeConfigsResourceResult,
        incremental_alter_configs::{AlterConfigsResource, AlterableConfig},
    },
};

use super::{context::RequestContext, describe_configs::resource_type};
use crate::{
    core::{Core, Message},
    loggers::{self, Level, NAMES, ROOT},
    metadata::decide::{ConfigOp, WishError},
    runtime::world::World,
};

/// `ConfigSource.DYNAMIC_BROKER_LOGGER_CONFIG`
const SOURCE: i8 = 6;
/// Kafka gives levels no type, and empty words.
const UNKNOWN_TYPE: i8 = 0;

/// Every logger that is wanted, and its level.
pub(super) fn describe<W: World<Message = Message>>(
    core: &Core<W>,
    resource_name: &str,
    is_wanted: impl Fn(&str) -> bool,
) -> Result<Vec<DescribeConfigsResourceResult>, (ErrorCode, String)> {
    let refuse = |message: String| Err((ErrorCode::INVALID_REQUEST, message));
    if resource_name.is_empty() {
        return refuse("Broker id must not be empty".to_owned());
    }
    if resource_name.parse() != Ok(core.broker_id()) {
        let own = core.broker_id();
        return refuse(format!(
            "Unexpected broker id, expected {own} but received {resource_name}"
        ));
    }
    let levels = loggers::levels();
    let shown = levels.iter().flat_map(|levels| levels.in_force());
    let shown = shown.filter(|(name, _)| is_wanted(name));
    let config = |(name, level): (&str, Level)| DescribeConfigsResourceResult {
        name: name.to_owned(),
        value: Some(level.word().to_owned()),
        read_only: false,
        config_source: SOURCE,
        is_sensitive: false,
        synonyms: Vec::new(),
        config_type: UNKNOWN_TYPE,
        documentation: Some(String::new()),
    };
    Ok(shown.map(config).collect())
}

/// All changes of a request, or none.
pub(super) fn alter<W: World<Message = Message>>(
    core: &Core<W>,
    context: &RequestContext,
    resource: &AlterConfigsResource,
    validate_only: bool,
) -> Result<(), WishError> {
    let (own, name) = (core.broker_id(), resource.resource_name.as_str());
    match name.parse::<i32>() {
        Ok(node) if node == own => {}
        Ok(_) => {
            return Err(request(format!(
                "Unexpected node id. Expected {own}, but received {name}"
            )));
        }
        Err(_) => return Err(request(format!("Node id must be an integer, but it is: {name}"))),
    }
    let changes: Vec<_> = resource.configs.iter().map(change).collect::<Result<_, _>>()?;
    if !validate_only {
        loggers::alter(&changes);
        for (logger, level) in changes {
            let level = level.map(Level::word);
            tracing::warn!(peer = %context.peer, client_id = context.client_id(), logger, level, "log level altered");
        }
    }
    Ok(())
}

/// A logger and its new level, None to have root's.
fn change(config: &AlterableConfig) -> Result<(&'static str, Option<Level>), WishError> {
    let wrong = |message| WishError::new(ErrorCode::INVALID_CONFIG, message);
    let logger = || {
        let known = NAMES.iter().find(|name| **name == config.name);
        known.ok_or_else(|| wrong(format!("Logger {} does not exist!", config.name)))
    };
    let kind = resource_type::name(resource_type::BROKER_LOGGER);
    match ConfigOp::from_wire(config.config_operation) {
        Some(ConfigOp::Set) => {
            let (name, word) = (logger()?, config.value.as_deref().unwrap_or_default());
            let level = Level::read(word).ok_or_else(|| {
                wrong(format!(
                    "Cannot set the log level of {name} to {word}: it must be TRACE, DEBUG, INFO, WARN, ERROR or FATAL."
                ))
            })?;
            Ok((name, Some(level)))
        }
        Some(ConfigOp::Delete) => match *logger()? {
            ROOT => Err(request(format!(
                "Removing the log level of the {ROOT} logger is not allowed"
            ))),
            name => Ok((name, None)),
        },
        Some(ConfigOp::Append) => Err(request(format!(
            "APPEND operation is not allowed for the {kind} resource"
        ))),
        Some(ConfigOp::Subtract) => Err(request(format!(
            "SUBTRACT operation is not allowed for the {kind} resource"
        ))),
        None => {
            let operation = config.config_operation;
            Err(request(format!(
                "Unknown operation type {operation} is not allowed for the {kind} resource"
            )))
        }
    }
}

fn request(message: String) -> WishError {
    WishError::new(ErrorCode::INVALID_REQUEST, message)
}
