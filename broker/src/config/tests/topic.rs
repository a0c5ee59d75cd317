//! Goal: a topic has its broker's values in its own units, and its own values are checked.

use std::collections::BTreeMap;

use super::{load, overrides};
use crate::config::{
    broker::Broker,
    topic::{self, TopicConfig},
};

#[test]
fn topics_inherit_in_kafkas_order_and_units() {
    let config = |content: &str| TopicConfig::effective(&load(content).unwrap().broker, &BTreeMap::new());
    assert_eq!(config("").retention_ms, 7 * 24 * 3_600_000);
    assert_eq!(config("log.retention.hours=2").retention_ms, 2 * 3_600_000);
    assert_eq!(
        config("log.retention.hours=2\nlog.retention.minutes=3").retention_ms,
        3 * 60_000
    );
    assert_eq!(config("log.retention.hours=2\nlog.retention.ms=4").retention_ms, 4);
    assert_eq!(config("log.retention.hours=-1").retention_ms, -1);
    assert_eq!(config("log.roll.hours=1").segment_ms, 3_600_000);
    assert_eq!(config("message.max.bytes=77").max_message_bytes, 77);
    let broker = load("log.retention.hours=2").unwrap().broker;
    let own = TopicConfig::effective(
        &broker,
        &overrides(&[("retention.ms", "9"), ("cleanup.policy", "compact, delete")]),
    );
    assert_eq!((own.retention_ms, own.compacts(), own.deletes()), (9, true, true));
    assert!(!TopicConfig::effective(&broker, &overrides(&[("cleanup.policy", "")])).deletes());
    // What an older or newer version stored must not stop a broker.
    assert_eq!(
        TopicConfig::effective(&broker, &overrides(&[("retention.ms", "soon")])).retention_ms,
        7_200_000
    );
}

#[test]
fn topic_values_are_checked() {
    topic::validate("cleanup.policy", "compact").unwrap();
    topic::validate("leader.replication.throttled.replicas", "0:1, 1:2").unwrap();
    topic::validate("leader.replication.throttled.replicas", "*").unwrap();
    topic::validate("compression.gzip.level", "-1").unwrap();
    for (name, value, expected) in [
        (
            "cleanup.policy",
            "shrink",
            "cleanup.policy = 'shrink': must be a list of compact, delete",
        ),
        (
            "segment.bytes",
            "1000",
            "segment.bytes = '1000': must be at least 1048576",
        ),
        ("retention.ms", "-2", "retention.ms = '-2': must be at least -1"),
        (
            "min.cleanable.dirty.ratio",
            "1.5",
            "min.cleanable.dirty.ratio = '1.5': must be from 0 to 1",
        ),
        (
            "retention.msx",
            "1",
            "there is no key 'retention.msx'; did you mean 'retention.ms'?",
        ),
        (
            "remote.storage.enable",
            "true",
            "remote.storage.enable = 'true': must stay 'false': tiered storage is not built yet",
        ),
        (
            "leader.replication.throttled.replicas",
            "0-1",
            "leader.replication.throttled.replicas = '0-1': must be * or partition:broker pairs",
        ),
        (
            "compression.gzip.level",
            "0",
            "compression.gzip.level = '0': must be -1 or from 1 to 9",
        ),
    ] {
        assert_eq!(topic::validate(name, value).unwrap_err(), expected);
    }
    let lag = overrides(&[("min.compaction.lag.ms", "9"), ("max.compaction.lag.ms", "8")]);
    assert!(
        topic::validate_all(&Broker::default(), &lag)
            .unwrap_err()
            .contains("must not be above")
    );
    topic::validate_all(&Broker::default(), &overrides(&[("retention.ms", "9")])).unwrap();
}
