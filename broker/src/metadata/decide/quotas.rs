//! AlterClientQuotas: `ClientQuotaControlManager`. An entity is changed in full or not at all.

use std::{collections::BTreeMap, net::IpAddr};

use corelane_protocol::error_code::ErrorCode;

use super::{
    super::{
        image::{QuotaEntity, RootImage},
        records::{QuotaRecord, Record},
    },
    AlterQuotas, Answer, Decision, QuotaChange, RECORDS_PER_WISH_MAX, WishError, excessively_large,
};

const USER: &str = "user";
const CLIENT_ID: &str = "client-id";
const IP: &str = "ip";

/// Keys of users and client ids, and whether values are whole numbers.
const CLIENT_KEYS: &[(&str, bool)] = &[
    ("consumer_byte_rate", true),
    ("controller_mutation_rate", false),
    ("producer_byte_rate", true),
    ("request_percentage", false),
];
const IP_KEYS: &[(&str, bool)] = &[("connection_creation_rate", true)];

pub fn decide(image: &RootImage, wish: &AlterQuotas) -> Decision {
    // The last of several changes of one entity and key counts, as in Kafka.
    let mut by_entity: BTreeMap<QuotaEntity, BTreeMap<&str, Option<f64>>> = BTreeMap::new();
    let mut order = Vec::new();
    for QuotaChange { entity, key, value } in &wish.changes {
        let mut entity = entity.clone();
        entity.sort();
        if !by_entity.contains_key(&entity) {
            order.push(entity.clone());
        }
        by_entity.entry(entity).or_default().insert(key, *value);
    }
    let (mut records, mut answers) = (Vec::new(), Vec::new());
    for entity in order {
        let made = alter(image, &entity, &by_entity[&entity]);
        records.extend(made.as_ref().into_iter().flatten().cloned());
        answers.push((entity, made.map(|_| ())));
    }
    if records.len() > RECORDS_PER_WISH_MAX {
        return Err(excessively_large());
    }
    if wish.validate_only {
        records.clear();
    }
    Ok((records, Answer::QuotasAltered(answers)))
}

fn alter(
    image: &RootImage,
    entity: &QuotaEntity,
    changes: &BTreeMap<&str, Option<f64>>,
) -> Result<Vec<Record>, WishError> {
    let keys = check_entity(entity)?;
    let mut records = Vec::new();
    for (key, value) in changes {
        let (_, is_whole) = keys
            .iter()
            .find(|(known, _)| known == key)
            .ok_or_else(|| invalid(format!("Invalid configuration key {key}")))?;
        if let Some(value) = value {
            check_value(key, *value, *is_whole)?;
        }
        if image.quota(entity, key) != *value {
            records.push(Record::from(QuotaRecord {
                entity: entity.clone(),
                key: (*key).to_string(),
                value: *value,
            }));
        }
    }
    Ok(records)
}

/// The keys that such an entity may have.
fn check_entity(entity: &QuotaEntity) -> Result<&'static [(&'static str, bool)], WishError> {
    if entity.is_empty() {
        return Err(invalid("Invalid empty client quota entity"));
    }
    for (at, (kind, name)) in entity.iter().enumerate() {
        if ![USER, CLIENT_ID, IP].contains(&kind.as_str()) {
            return Err(invalid(format!("Unhandled client quota entity type: {kind}")));
        }
        if name.as_deref() == Some("") {
            return Err(invalid(format!("Empty {kind} not supported")));
        }
        if at > 0 && entity[at - 1].0 == *kind {
            return Err(invalid(format!("Duplicate client quota entity type: {kind}")));
        }
    }
    let ip = entity.iter().find(|(kind, _)| kind == IP);
    let Some((_, address)) = ip else {
        return Ok(CLIENT_KEYS);
    };
    if entity.len() > 1 {
        return Err(invalid(
            "Invalid quota entity combination, IP entity shouldnot be combined with User or ClientId",
        ));
    }
    match address {
        Some(address) if address.parse::<IpAddr>().is_err() => {
            Err(invalid(format!("{address} is not a valid IP or resolvable host.")))
        }
        _ => Ok(IP_KEYS),
    }
}

fn check_value(key: &str, value: f64, is_whole: bool) -> Result<(), WishError> {
    if !value.is_finite() || value <= 0.0 {
        return Err(invalid(format!("Quota {key} must be greater than 0")));
    }
    if is_whole && value >= i64::MAX as f64 {
        return Err(invalid(format!("Proposed value for {key} is too large for a LONG.")));
    }
    // A rate in bytes that is nearly whole is meant to be: clients compute it.
    if is_whole && (value - value.round()).abs() > 1e-6 {
        return Err(invalid(format!("{key} cannot be a fractional value.")));
    }
    Ok(())
}

fn invalid(message: impl Into<String>) -> WishError {
    WishError::new(ErrorCode::INVALID_REQUEST, message)
}
