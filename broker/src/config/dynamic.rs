//! Which broker keys may be altered while the broker runs, as Kafka's `DynamicBrokerConfig` has it, and the checks of such a
//! change.
//!
//! A key that may be altered and that nothing here reads is kept and shown, as it is in a file; what it would do in Kafka is in
//! the table of `broker.rs`.

use std::collections::BTreeMap;

use super::{broker, docs};

/// Kafka's update modes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// At start only.
    ReadOnly,
    /// Each broker for itself. All of these are of listeners and their security, which are read at start here.
    PerBroker,
    /// For one broker, or for all of them at once.
    ClusterWide,
}

pub fn mode(name: &str) -> Mode {
    if CLUSTER_WIDE.binary_search(&name).is_ok() {
        Mode::ClusterWide
    } else if PER_BROKER.binary_search(&name).is_ok() {
        Mode::PerBroker
    } else {
        Mode::ReadOnly
    }
}

/// Whether a broker, or with `for_all` the default of all, may be given these values; the error says what would be right.
///
/// # Errors
/// Names that may not be altered all together, as Kafka does; then the first wrong value.
pub fn check(for_all: bool, values: &BTreeMap<String, String>) -> Result<(), String> {
    for name in values.keys() {
        if broker::key(name).is_none() {
            return Err(docs::unknown(broker::KEYS, name));
        }
    }
    let of = |wanted: fn(Mode) -> bool| -> Vec<&str> {
        let names = values.keys().map(String::as_str);
        names.filter(|name| wanted(mode(name))).collect()
    };
    let per_broker = of(|mode| mode == Mode::PerBroker);
    if for_all && !per_broker.is_empty() {
        let names = per_broker.join(", ");
        return Err(format!(
            "Cannot update these configs at default cluster level, broker id must be specified: [{names}]"
        ));
    }
    let fixed = of(|mode| mode != Mode::ClusterWide);
    if !fixed.is_empty() {
        return Err(format!(
            "Cannot update these configs dynamically: [{}]",
            fixed.join(", ")
        ));
    }
    for (name, value) in values {
        broker::validate(name, value)?;
    }
    // A topic may ask for it, a broker may not.
    if values.get("log.retention.ms").is_some_and(|value| value.trim() == "0") {
        return Err("log.retention.ms must be unlimited (-1) or, greater than or equal to 1".to_owned());
    }
    Ok(())
}

/// In order.
const CLUSTER_WIDE: &[&str] = &[
    "background.threads",
    "compression.gzip.level",
    "compression.lz4.level",
    "compression.type",
    "compression.zstd.level",
    "config.providers",
    "follower.fetch.last.tiered.offset.enable",
    "group.consumer.assignment.interval.ms",
    "group.coordinator.cached.buffer.max.bytes",
    "group.share.assignment.interval.ms",
    "group.streams.assignment.interval.ms",
    "log.cleaner.backoff.ms",
    "log.cleaner.dedupe.buffer.size",
    "log.cleaner.delete.retention.ms",
    "log.cleaner.io.buffer.load.factor",
    "log.cleaner.io.buffer.size",
    "log.cleaner.io.max.bytes.per.second",
    "log.cleaner.max.compaction.lag.ms",
    "log.cleaner.min.cleanable.ratio",
    "log.cleaner.min.compaction.lag.ms",
    "log.cleaner.threads",
    "log.cleanup.policy",
    "log.flush.interval.messages",
    "log.flush.interval.ms",
    "log.index.interval.bytes",
    "log.index.size.max.bytes",
    "log.local.retention.bytes",
    "log.local.retention.ms",
    "log.message.timestamp.after.max.ms",
    "log.message.timestamp.before.max.ms",
    "log.message.timestamp.type",
    "log.preallocate",
    "log.retention.bytes",
    "log.retention.ms",
    "log.roll.jitter.ms",
    "log.roll.ms",
    "log.segment.bytes",
    "log.segment.delete.delay.ms",
    "max.connection.creation.rate",
    "max.connections",
    "max.connections.per.ip",
    "max.connections.per.ip.overrides",
    "message.max.bytes",
    "metric.reporters",
    "min.insync.replicas",
    "num.io.threads",
    "num.network.threads",
    "num.recovery.threads.per.data.dir",
    "num.replica.fetchers",
    "producer.id.expiration.ms",
    "remote.fetch.max.wait.ms",
    "remote.list.offsets.request.timeout.ms",
    "remote.log.index.file.cache.total.size.bytes",
    "remote.log.manager.copier.thread.pool.size",
    "remote.log.manager.copy.max.bytes.per.second",
    "remote.log.manager.expiration.thread.pool.size",
    "remote.log.manager.fetch.max.bytes.per.second",
    "remote.log.manager.follower.thread.pool.size",
    "remote.log.reader.threads",
    "share.coordinator.cached.buffer.max.bytes",
    "transaction.partition.verification.enable",
    "unclean.leader.election.enable",
];

/// In order.
const PER_BROKER: &[&str] = &[
    "cordoned.log.dirs",
    "listener.security.protocol.map",
    "listeners",
    "principal.builder.class",
    "sasl.enabled.mechanisms",
    "sasl.jaas.config",
    "sasl.kerberos.kinit.cmd",
    "sasl.kerberos.min.time.before.relogin",
    "sasl.kerberos.principal.to.local.rules",
    "sasl.kerberos.service.name",
    "sasl.kerberos.ticket.renew.jitter",
    "sasl.kerberos.ticket.renew.window.factor",
    "sasl.login.refresh.buffer.seconds",
    "sasl.login.refresh.min.period.seconds",
    "sasl.login.refresh.window.factor",
    "sasl.login.refresh.window.jitter",
    "sasl.mechanism.inter.broker.protocol",
    "ssl.cipher.suites",
    "ssl.client.auth",
    "ssl.enabled.protocols",
    "ssl.endpoint.identification.algorithm",
    "ssl.engine.factory.class",
    "ssl.key.password",
    "ssl.keymanager.algorithm",
    "ssl.keystore.certificate.chain",
    "ssl.keystore.key",
    "ssl.keystore.location",
    "ssl.keystore.password",
    "ssl.keystore.type",
    "ssl.protocol",
    "ssl.provider",
    "ssl.secure.random.implementation",
    "ssl.trustmanager.algorithm",
    "ssl.truststore.certificates",
    "ssl.truststore.location",
    "ssl.truststore.password",
    "ssl.truststore.type",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Effect;

    /// Goal: the lists are in order, name keys that there are, and have every key that this broker takes over while it runs.
    #[test]
    fn lists_fit_the_table() {
        for list in [CLUSTER_WIDE, PER_BROKER] {
            assert!(list.is_sorted());
            for name in list {
                assert!(broker::key(name).is_some(), "{name}");
            }
        }
        for key in broker::KEYS.iter().filter(|key| key.effect == Effect::Live) {
            assert_eq!(mode(key.name), Mode::ClusterWide, "{}", key.name);
        }
    }

    /// Goal: each refusal says all that is wrong of its kind.
    #[test]
    fn changes_are_checked() {
        let values = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            let owned = pairs.iter().map(|(name, value)| (name.to_string(), value.to_string()));
            owned.collect()
        };
        assert_eq!(check(true, &values(&[("message.max.bytes", "5")])), Ok(()));
        assert_eq!(check(false, &values(&[("num.io.threads", "5")])), Ok(()));
        let refused = |for_all, pairs| check(for_all, &values(pairs)).unwrap_err();
        assert_eq!(
            refused(
                false,
                &[("num.partitions", "2"), ("node.id", "2"), ("message.max.bytes", "5")]
            ),
            "Cannot update these configs dynamically: [node.id, num.partitions]"
        );
        assert_eq!(
            refused(true, &[("listeners", "PLAINTEXT://:1")]),
            "Cannot update these configs at default cluster level, broker id must be specified: [listeners]"
        );
        assert_eq!(
            refused(false, &[("listeners", "PLAINTEXT://:1")]),
            "Cannot update these configs dynamically: [listeners]"
        );
        assert_eq!(
            refused(true, &[("message.max.bytes", "-1")]),
            "message.max.bytes = '-1': must be at least 0"
        );
        assert!(refused(true, &[("mesage.max.bytes", "1")]).contains("did you mean 'message.max.bytes'?"));
        assert!(refused(true, &[("log.retention.ms", "0")]).contains("must be unlimited"));
    }
}
