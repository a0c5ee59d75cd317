//! Goal: DescribeConfigs shows values and where they come from as Apache Kafka does, and no secret.

use std::collections::BTreeMap;

use super::{load, overrides};
use crate::config::{
    broker::{self, Broker},
    key::Source,
    topic,
    value::Kind,
};

#[test]
fn describe_shows_where_a_value_comes_from() {
    let broker = load("log.retention.minutes=3\nssl.key.password=secret").unwrap().broker;
    let entries = topic::entries(&broker, &overrides(&[("max.message.bytes", "5")]));
    let entry = |name: &str| entries.iter().find(|entry| entry.name == name).unwrap();
    let retention = entry("retention.ms");
    // As Kafka shows it: the other units are synonyms only where the finest has a word.
    assert_eq!(
        (retention.value.as_deref(), retention.source),
        (Some("180000"), Source::Default)
    );
    assert_eq!(retention.synonyms, []);
    let largest = entry("max.message.bytes");
    assert_eq!(
        (largest.value.as_deref(), largest.source, largest.is_default),
        (Some("5"), Source::Topic, false)
    );
    assert_eq!(largest.synonyms.len(), 2);
    assert!(entry("segment.bytes").is_default);
    assert_eq!(entry("cleanup.policy").kind, Kind::List);

    let entries = broker.entries();
    assert_eq!(entries.len(), broker::KEYS.len());
    let secret = entries.iter().find(|entry| entry.name == "ssl.key.password").unwrap();
    assert!(secret.sensitive && secret.value.is_none() && secret.synonyms[0].1.is_none());
    let live = |name: &str| !entries.iter().find(|entry| entry.name == name).unwrap().read_only;
    assert!(live("message.max.bytes") && live("num.io.threads") && !live("node.id") && !live("listeners"));
    assert!(!format!("{broker:?}").contains("secret"));
}

/// Goal: synonyms in other units are those that Apache Kafka 4.3.1 showed of the same settings.
#[test]
fn synonyms_in_other_units_are_those_of_kafka() {
    let said = "log.retention.minutes=3\nlog.retention.hours=5\nlog.roll.hours=2\nlog.roll.jitter.hours=1\n\
        log.flush.scheduler.interval.ms=777000";
    let broker = load(said).unwrap().broker;
    let of_all = overrides(&[
        ("log.retention.ms", "400000"),
        ("log.roll.ms", "500000"),
        ("log.roll.jitter.ms", "60000"),
        ("log.flush.interval.ms", "5000"),
    ]);
    let (altered, _) = broker.with_dynamic(&of_all, &overrides(&[("log.retention.ms", "410000")]));
    let own = overrides(&[("segment.ms", "600000")]);
    let shown = |broker: &Broker, own: &BTreeMap<String, String>, name: &str| -> String {
        let entries = [topic::entries(broker, own), broker.entries()].concat();
        let entry = entries.iter().find(|entry| entry.name == name).unwrap();
        let of = |(name, value, source): &(&str, Option<String>, Source)| {
            format!("{source:?}:{name}={}", value.as_deref().unwrap_or("null"))
        };
        entry.synonyms.iter().map(of).collect::<Vec<_>>().join(", ")
    };
    for (name, at_start, after) in [
        (
            "retention.ms",
            "",
            "DynamicBroker:log.retention.ms=410000, DynamicDefaultBroker:log.retention.ms=400000, \
             StaticBroker:log.retention.minutes=3, StaticBroker:log.retention.hours=5, Default:log.retention.hours=168",
        ),
        (
            "segment.ms",
            "",
            "Topic:segment.ms=600000, DynamicDefaultBroker:log.roll.ms=500000, StaticBroker:log.roll.hours=2, \
             Default:log.roll.hours=168",
        ),
        (
            "segment.jitter.ms",
            "",
            "DynamicDefaultBroker:log.roll.jitter.ms=60000, StaticBroker:log.roll.jitter.hours=1, \
             Default:log.roll.jitter.hours=0",
        ),
        (
            "flush.ms",
            "",
            "DynamicDefaultBroker:log.flush.interval.ms=5000, StaticBroker:log.flush.scheduler.interval.ms=777000, \
             Default:log.flush.scheduler.interval.ms=9223372036854775807",
        ),
        (
            "log.retention.minutes",
            "StaticBroker:log.retention.minutes=3, StaticBroker:log.retention.hours=5, Default:log.retention.hours=168",
            "StaticBroker:log.retention.minutes=3, StaticBroker:log.retention.hours=5, Default:log.retention.hours=168",
        ),
        (
            "log.retention.hours",
            "StaticBroker:log.retention.hours=5, Default:log.retention.hours=168",
            "StaticBroker:log.retention.hours=5, Default:log.retention.hours=168",
        ),
        (
            "log.roll.ms",
            "",
            "DynamicDefaultBroker:log.roll.ms=500000, StaticBroker:log.roll.hours=2, Default:log.roll.hours=168",
        ),
    ] {
        assert_eq!(shown(&broker, &BTreeMap::new(), name), at_start, "{name}");
        assert_eq!(shown(&altered, &own, name), after, "{name}");
    }
}
