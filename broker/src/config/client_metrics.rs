//! What a subscription to clients' own metrics can be told (KIP-714): the one table.
//!
//! As Apache Kafka without a plugin that receives them: subscriptions are kept and shown, but clients are not told that they
//! could push, so none does.

use std::collections::BTreeMap;

use super::{
    key::{
        Check::*,
        Effect::{self, *},
        Entry, Key, Source, find, row,
    },
    value::{List, Value},
};

const NOT_PUSHED: Effect = Nothing("clients are not asked for their metrics yet");

/// The table, in the order of the reference page.
pub const KEYS: &[Key] = &[
    row::<List>(
        "metrics",
        "",
        Any,
        NOT_PUSHED,
        &[],
        "Prefixes of the metrics that are wanted.",
    ),
    row::<i32>(
        "interval.ms",
        "300000",
        Between(100, 3_600_000),
        NOT_PUSHED,
        &[],
        "Milliseconds between two pushes.",
    ),
    row::<List>(
        "match",
        "",
        Any,
        NOT_PUSHED,
        &[],
        "Whose metrics are wanted, as name=pattern.",
    ),
];

/// What `match` may name.
const MATCHED: &[&str] = &[
    "client_instance_id",
    "client_id",
    "client_software_name",
    "client_software_version",
    "client_source_address",
    "client_source_port",
];

/// Why a subscription's values are refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// INVALID_REQUEST in Kafka.
    Request(String),
    /// INVALID_CONFIG in Kafka.
    Config(String),
}

/// All of a subscription's own values, as they would stand after a change (`ClientMetricsConfigs.validate`).
///
/// # Errors
/// What is wrong.
pub fn validate_all(overrides: &BTreeMap<String, String>) -> Result<(), Refusal> {
    for (name, value) in overrides {
        let key = key(name).ok_or_else(|| Refusal::Request(format!("Unknown client metrics configuration: {name}")))?;
        key.kind
            .check(value)
            .map_err(|right| Refusal::Config(format!("{name} = '{value}': {right}")))?;
        if key.validate(value).is_err() {
            return Err(Refusal::Request(format!(
                "Invalid value {value} for {name}, interval must be between 100 and 3600000 (1 hour)"
            )));
        }
    }
    let patterns = overrides.get("match").and_then(|text| List::read(text).ok());
    for pattern in patterns.unwrap_or_default().0 {
        let is_right = matches!(pattern.split_once('='), Some((name, wanted))
            if MATCHED.contains(&name.trim()) && !wanted.is_empty() && !wanted.contains('='));
        if !is_right {
            return Err(Refusal::Config(format!("Illegal client matching pattern: {pattern}")));
        }
    }
    Ok(())
}

/// The row of a key.
pub fn key(name: &str) -> Option<&'static Key> {
    find(KEYS, name)
}

/// What DescribeConfigs says of a subscription, in the table's order.
pub fn entries(overrides: &BTreeMap<String, String>) -> Vec<Entry> {
    let entry = |row: &'static Key| {
        let own = overrides.get(row.name).cloned();
        let value = own.clone().or_else(|| row.default.map(str::to_owned));
        let told = own.map(|own| (row.name, Some(own), Source::ClientMetrics));
        Entry::alterable(row, value, told.into_iter().collect())
    };
    KEYS.iter().map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: names, intervals and patterns are checked as Kafka checks them.
    #[test]
    fn values_are_checked() {
        let check = |name: &str, value: &str| validate_all(&[(name.to_owned(), value.to_owned())].into());
        assert_eq!(check("interval.ms", "100"), Ok(()));
        assert_eq!(check("match", "client_id=a.*, client_source_port=90.*"), Ok(()));
        let request = |text: &str| Err(Refusal::Request(text.to_owned()));
        assert_eq!(
            check("interval.ms", "99"),
            request("Invalid value 99 for interval.ms, interval must be between 100 and 3600000 (1 hour)")
        );
        assert_eq!(
            check("nope", "1"),
            request("Unknown client metrics configuration: nope")
        );
        let config = |text: &str| Err(Refusal::Config(text.to_owned()));
        assert_eq!(
            check("match", "foo=x"),
            config("Illegal client matching pattern: foo=x")
        );
        assert!(matches!(check("interval.ms", "x"), Err(Refusal::Config(_))));
    }
}
