//! What a group can be told (KIP-848, 932, 1071): the one table. A group that does not say otherwise has its broker's value, and
//! may only move between the broker's bounds.
//!
//! None of these keys concerns a classic group, here or in Kafka: they are kept for the protocols that are not built yet.

use std::collections::BTreeMap;

use super::{
    broker::Broker,
    key::{
        Check::*,
        Effect::{self, *},
        Entry, Key, Source, Synonym, find, row,
    },
    unknown,
};

const NO_CONSUMER_GROUPS_YET: Effect = Nothing("the group protocol of KIP-848 is not built yet");
const NO_SHARE_GROUPS_YET: Effect = Nothing("share groups are not built yet");
const NO_STREAMS_GROUPS_YET: Effect = Nothing("streams groups are not built yet");

macro_rules! keys {
    ($( $type:ty = $name:literal, $default:literal, $check:expr, $effect:expr, [$($synonym:literal)?], $doc:literal; )*) => {
        /// The table, in the order of the reference page.
        pub const KEYS: &[Key] = &[$(
            row::<$type>($name, $default, $check, $effect, &[$(Synonym { name: $synonym, times: 1 })?], $doc),
        )*];
    };
}

keys! {
    i32 = "consumer.session.timeout.ms", "45000", AtLeast(1), NO_CONSUMER_GROUPS_YET, ["group.consumer.session.timeout.ms"], "Milliseconds after which a silent member is out.";
    i32 = "consumer.heartbeat.interval.ms", "5000", AtLeast(1), NO_CONSUMER_GROUPS_YET, ["group.consumer.heartbeat.interval.ms"], "Milliseconds between heartbeats that members are told to keep.";
    i32 = "consumer.assignment.interval.ms", "1000", AtLeast(0), NO_CONSUMER_GROUPS_YET, ["group.consumer.assignment.interval.ms"], "Milliseconds between two assignments.";
    i32 = "share.session.timeout.ms", "45000", AtLeast(1), NO_SHARE_GROUPS_YET, ["group.share.session.timeout.ms"], "Milliseconds after which a silent member is out.";
    i32 = "share.heartbeat.interval.ms", "5000", AtLeast(1), NO_SHARE_GROUPS_YET, ["group.share.heartbeat.interval.ms"], "Milliseconds between heartbeats that members are told to keep.";
    i32 = "share.assignment.interval.ms", "1000", AtLeast(0), NO_SHARE_GROUPS_YET, ["group.share.assignment.interval.ms"], "Milliseconds between two assignments.";
    i32 = "share.record.lock.duration.ms", "30000", Between(1000, 3_600_000), NO_SHARE_GROUPS_YET, ["group.share.record.lock.duration.ms"], "Milliseconds for which a member holds a record.";
    i32 = "share.delivery.count.limit", "5", AtLeast(1), NO_SHARE_GROUPS_YET, ["group.share.delivery.count.limit"], "Tries to deliver a record.";
    i32 = "share.partition.max.record.locks", "2000", AtLeast(1), NO_SHARE_GROUPS_YET, ["group.share.partition.max.record.locks"], "Records of a partition that members hold at once.";
    String = "share.auto.offset.reset", "latest", OffsetReset, NO_SHARE_GROUPS_YET, [], "Where a group begins: earliest, latest, or by_duration: and an ISO 8601 duration.";
    String = "share.isolation.level", "read_uncommitted", OneOf(&["read_committed", "read_uncommitted"]), NO_SHARE_GROUPS_YET, [], "Whether records of open transactions are delivered.";
    bool = "share.renew.acknowledge.enable", "true", Any, NO_SHARE_GROUPS_YET, [], "Whether members may hold a record for longer.";
    i32 = "streams.session.timeout.ms", "45000", AtLeast(1), NO_STREAMS_GROUPS_YET, ["group.streams.session.timeout.ms"], "Milliseconds after which a silent member is out.";
    i32 = "streams.heartbeat.interval.ms", "5000", AtLeast(1), NO_STREAMS_GROUPS_YET, ["group.streams.heartbeat.interval.ms"], "Milliseconds between heartbeats that members are told to keep.";
    i32 = "streams.assignment.interval.ms", "1000", AtLeast(0), NO_STREAMS_GROUPS_YET, ["group.streams.assignment.interval.ms"], "Milliseconds between two assignments.";
    i32 = "streams.num.standby.replicas", "0", AtLeast(0), NO_STREAMS_GROUPS_YET, ["group.streams.num.standby.replicas"], "Standby replicas of each task.";
    i32 = "streams.initial.rebalance.delay.ms", "3000", AtLeast(0), NO_STREAMS_GROUPS_YET, ["group.streams.initial.rebalance.delay.ms"], "Milliseconds that a new group waits for more members.";
}

/// The broker's bounds, where it has some: (key, at least, at most).
const BOUNDS: &[(&str, Option<&str>, Option<&str>)] = &[
    (
        "consumer.session.timeout.ms",
        Some("group.consumer.min.session.timeout.ms"),
        Some("group.consumer.max.session.timeout.ms"),
    ),
    (
        "consumer.heartbeat.interval.ms",
        Some("group.consumer.min.heartbeat.interval.ms"),
        Some("group.consumer.max.heartbeat.interval.ms"),
    ),
    (
        "consumer.assignment.interval.ms",
        Some("group.consumer.min.assignment.interval.ms"),
        Some("group.consumer.max.assignment.interval.ms"),
    ),
    (
        "share.session.timeout.ms",
        Some("group.share.min.session.timeout.ms"),
        Some("group.share.max.session.timeout.ms"),
    ),
    (
        "share.heartbeat.interval.ms",
        Some("group.share.min.heartbeat.interval.ms"),
        Some("group.share.max.heartbeat.interval.ms"),
    ),
    (
        "share.assignment.interval.ms",
        Some("group.share.min.assignment.interval.ms"),
        Some("group.share.max.assignment.interval.ms"),
    ),
    (
        "share.record.lock.duration.ms",
        Some("group.share.min.record.lock.duration.ms"),
        Some("group.share.max.record.lock.duration.ms"),
    ),
    (
        "share.delivery.count.limit",
        Some("group.share.min.delivery.count.limit"),
        Some("group.share.max.delivery.count.limit"),
    ),
    (
        "share.partition.max.record.locks",
        Some("group.share.min.partition.max.record.locks"),
        Some("group.share.max.partition.max.record.locks"),
    ),
    (
        "streams.session.timeout.ms",
        Some("group.streams.min.session.timeout.ms"),
        Some("group.streams.max.session.timeout.ms"),
    ),
    (
        "streams.heartbeat.interval.ms",
        Some("group.streams.min.heartbeat.interval.ms"),
        Some("group.streams.max.heartbeat.interval.ms"),
    ),
    (
        "streams.assignment.interval.ms",
        Some("group.streams.min.assignment.interval.ms"),
        Some("group.streams.max.assignment.interval.ms"),
    ),
    (
        "streams.num.standby.replicas",
        None,
        Some("group.streams.max.standby.replicas"),
    ),
];

/// A member must be able to miss a heartbeat.
const LONGER_THAN: &[(&str, &str)] = &[
    ("consumer.session.timeout.ms", "consumer.heartbeat.interval.ms"),
    ("share.session.timeout.ms", "share.heartbeat.interval.ms"),
    ("streams.session.timeout.ms", "streams.heartbeat.interval.ms"),
];

/// All of a group's own values, as they would stand after a change (`GroupConfig.validate`).
///
/// # Errors
/// What would be right.
pub fn validate_all(broker: &Broker, overrides: &BTreeMap<String, String>) -> Result<(), String> {
    for (name, value) in overrides {
        unknown::validate(KEYS, name, value)?;
    }
    let number = |name: &str| value(broker, overrides, key(name)?)?.trim().parse::<i64>().ok();
    let bound = |name: &str| broker.text(name)?.trim().parse::<i64>().ok();
    for (name, least, most) in BOUNDS {
        let own = overrides.get(*name).and_then(|own| own.trim().parse::<i64>().ok());
        let Some(own) = own else { continue };
        if let Some(least) = least.filter(|least| bound(least).is_some_and(|bound| own < bound)) {
            return Err(format!("{name} must be greater than or equal to {least}"));
        }
        if let Some(most) = most.filter(|most| bound(most).is_some_and(|bound| own > bound)) {
            return Err(format!("{name} must be less than or equal to {most}"));
        }
    }
    for (longer, shorter) in LONGER_THAN {
        if number(longer) <= number(shorter) {
            return Err(format!("{longer} must be greater than {shorter}"));
        }
    }
    Ok(())
}

/// The row of a key.
pub fn key(name: &str) -> Option<&'static Key> {
    find(KEYS, name)
}

fn value(broker: &Broker, overrides: &BTreeMap<String, String>, row: &Key) -> Option<String> {
    let inherited = || {
        let of_broker = row.synonyms.first().and_then(|synonym| broker.text(synonym.name));
        of_broker.or(row.default).map(str::to_owned)
    };
    overrides.get(row.name).cloned().or_else(inherited)
}

/// What DescribeConfigs says of a group, in the table's order.
pub fn entries(broker: &Broker, overrides: &BTreeMap<String, String>) -> Vec<Entry> {
    let entry = |row: &'static Key| {
        let own = overrides.get(row.name);
        let mut synonyms: Vec<_> = own
            .map(|own| (row.name, Some(own.clone()), Source::Group))
            .into_iter()
            .collect();
        match row.synonyms.first() {
            Some(of_broker) => synonyms.extend(broker.synonyms(of_broker.name)),
            None => synonyms.push((row.name, row.default.map(str::to_owned), Source::Default)),
        }
        Entry::alterable(row, value(broker, overrides, row), synonyms)
    };
    KEYS.iter().map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let owned = pairs.iter().map(|(name, value)| (name.to_string(), value.to_string()));
        owned.collect()
    }

    /// Goal: a group moves between the broker's bounds only, and its names and values are checked.
    #[test]
    fn values_are_checked() {
        let broker = Broker::default();
        let check = |pairs: &[(&str, &str)]| validate_all(&broker, &own(pairs));
        assert_eq!(check(&[("consumer.session.timeout.ms", "50000")]), Ok(()));
        assert_eq!(check(&[("share.auto.offset.reset", "by_duration:P1D")]), Ok(()));
        for (name, value, expected) in [
            (
                "consumer.session.timeout.ms",
                "1",
                "consumer.session.timeout.ms must be greater than or equal to group.consumer.min.session.timeout.ms",
            ),
            (
                "consumer.heartbeat.interval.ms",
                "60000",
                "consumer.heartbeat.interval.ms must be less than or equal to group.consumer.max.heartbeat.interval.ms",
            ),
            (
                "streams.num.standby.replicas",
                "5",
                "streams.num.standby.replicas must be less than or equal to group.streams.max.standby.replicas",
            ),
            (
                "share.auto.offset.reset",
                "soon",
                "share.auto.offset.reset = 'soon': must be earliest, latest or by_duration:PnDTnHnMn.nS",
            ),
            ("session.timeout", "1", "there is no key 'session.timeout'"),
        ] {
            assert_eq!(check(&[(name, value)]).unwrap_err(), expected);
        }
    }

    /// Goal: a group's own value stands before its broker's.
    #[test]
    fn entries_say_where_a_value_comes_from() {
        let broker = Broker::default();
        let entries = entries(&broker, &own(&[("consumer.session.timeout.ms", "50000")]));
        let timeout = &entries[0];
        assert_eq!(
            (timeout.value.as_deref(), timeout.source),
            (Some("50000"), Source::Group)
        );
        assert_eq!(
            timeout.synonyms[1],
            (
                "group.consumer.session.timeout.ms",
                Some("45000".to_owned()),
                Source::Default
            )
        );
        assert!(entries[1].is_default);
    }
}
