//! DescribeClientQuotas (key 48), versions 0 to 1: the limits of users, client ids and addresses that match (KIP-546).
//!
//! Version 1 is flexible. Checked in Kafka's order (`ClientQuotasImage.describe`).

use std::collections::BTreeMap;

use corelane_protocol::{
    error_code::ErrorCode,
    messages::{
        DescribeClientQuotasRequest, DescribeClientQuotasResponse,
        describe_client_quotas::{ComponentData, EntityData, EntryData, ValueData},
    },
};

use super::{context::RequestContext, pace::Pace};
use crate::{
    core::{Core, Message},
    metadata::QuotaEntity,
    runtime::world::World,
};

/// What the name of one type of an entity must be.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Wanted {
    Name(String),
    Default,
    Any,
}

pub async fn handle<W: World<Message = Message>>(
    core: Core<W>,
    _context: RequestContext,
    request: DescribeClientQuotasRequest,
) -> DescribeClientQuotasResponse {
    let wanted = match wanted(request.components) {
        Ok(wanted) => wanted,
        Err((error_code, message)) => {
            return DescribeClientQuotasResponse {
                error_code,
                error_message: Some(message),
                entries: None,
                ..Default::default()
            };
        }
    };
    let image = core.image();
    let mut pace = Pace::new(&core.world);
    let mut entries = Vec::new();
    for (entity, values) in image.quotas.iter() {
        pace.step().await;
        if matches(entity, &wanted, request.strict) {
            entries.push(entry(entity, values));
        }
    }
    DescribeClientQuotasResponse {
        error_message: None,
        entries: Some(entries),
        ..Default::default()
    }
}

fn wanted(components: Vec<ComponentData>) -> Result<BTreeMap<String, Wanted>, (ErrorCode, String)> {
    let invalid = |message: String| (ErrorCode::INVALID_REQUEST, message);
    let mut wanted = BTreeMap::new();
    for ComponentData {
        entity_type,
        match_type,
        match_name,
    } in components
    {
        if entity_type.is_empty() {
            return Err(invalid("Invalid empty entity type.".to_owned()));
        }
        if wanted.contains_key(&entity_type) {
            return Err(invalid(format!(
                "Entity type {entity_type} cannot appear more than once in the filter."
            )));
        }
        if !["user", "client-id", "ip"].contains(&entity_type.as_str()) {
            let message = format!("Unsupported entity type {entity_type}");
            return Err((ErrorCode::UNSUPPORTED_VERSION, message));
        }
        let one = match (match_type, match_name) {
            (0, Some(name)) => Wanted::Name(name),
            (0, None) => {
                let message = "Request specified MATCH_TYPE_EXACT, but set match string to null.";
                return Err(invalid(message.to_owned()));
            }
            (1, None) => Wanted::Default,
            (1, Some(_)) => {
                let message = "Request specified MATCH_TYPE_DEFAULT, but also specified a match string.";
                return Err(invalid(message.to_owned()));
            }
            (2, None) => Wanted::Any,
            (2, Some(_)) => {
                let message = "Request specified MATCH_TYPE_SPECIFIED, but also specified a match string.";
                return Err(invalid(message.to_owned()));
            }
            (other, _) => return Err(invalid(format!("Unknown match type {other}"))),
        };
        wanted.insert(entity_type, one);
    }
    if wanted.contains_key("ip") && wanted.len() > 1 {
        return Err(invalid(
            "Invalid entity filter component combination. IP filter component should not be used with user or clientId \
             filter component."
                .to_owned(),
        ));
    }
    Ok(wanted)
}

fn matches(entity: &QuotaEntity, wanted: &BTreeMap<String, Wanted>, strict: bool) -> bool {
    let is_right = |(kind, wanted): (&String, &Wanted)| {
        let part = entity.iter().find(|(own, _)| own == kind);
        part.is_some_and(|(_, name)| match wanted {
            Wanted::Name(wanted) => name.as_ref() == Some(wanted),
            Wanted::Default => name.is_none(),
            Wanted::Any => true,
        })
    };
    wanted.iter().all(is_right) && (!strict || entity.len() == wanted.len())
}

fn entry(entity: &QuotaEntity, values: &BTreeMap<String, f64>) -> EntryData {
    EntryData {
        entity: entity
            .iter()
            .map(|(entity_type, entity_name)| EntityData {
                entity_type: entity_type.clone(),
                entity_name: entity_name.clone(),
            })
            .collect(),
        values: values
            .iter()
            .map(|(key, value)| ValueData {
                key: key.clone(),
                value: *value,
            })
            .collect(),
    }
}
