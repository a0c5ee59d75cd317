//! Goal: whatever an operator of Kafka writes is taken as Kafka takes it, and whatever is wrong is told with its place
//! and what would be right.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    broker::{self, Broker, Loaded},
    client_metrics, group,
    key::{Effect, Source},
    layers::{ConfigError, Inputs},
    listeners::Bind,
    nearest::nearest,
    properties::{self, Property},
    topic::{self, TopicConfig},
    value::{ClusterId, Kind, Value},
};

fn file(content: &str) -> Inputs {
    Inputs {
        file: Some(("server.properties".into(), content.into())),
        hostname: "broker-1.example.com".into(),
        ..Inputs::default()
    }
}

fn load(content: &str) -> Result<Loaded, ConfigError> {
    Broker::load(&file(content))
}

fn problem(content: &str) -> String {
    load(content).expect_err("must be refused").to_string()
}

fn overrides(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_string()))
        .collect()
}

#[test]
fn tables_are_sound() {
    for keys in [broker::KEYS, topic::KEYS, group::KEYS, client_metrics::KEYS] {
        let names: BTreeSet<&str> = keys.iter().map(|key| key.name).collect();
        assert_eq!(names.len(), keys.len(), "a name stands there twice");
        for key in keys {
            if let Some(default) = key.default {
                key.validate(default)
                    .unwrap_or_else(|wrong| panic!("default of {}: {wrong}", key.name));
            }
            assert!(key.doc.ends_with('.'), "{} wants a sentence", key.name);
            for synonym in key.synonyms {
                assert!(
                    broker::key(synonym.name).is_some(),
                    "{} names {}",
                    key.name,
                    synonym.name
                );
            }
        }
    }
    // A topic key and the broker key that gives its default agree on type and default.
    for key in topic::KEYS {
        let Some(first) = key.synonyms.iter().find_map(|synonym| {
            broker::key(synonym.name)?
                .default?
                .parse::<i64>()
                .ok()
                .map(|number| number.saturating_mul(synonym.times))
        }) else {
            continue;
        };
        assert_eq!(
            key.default.and_then(|text| text.parse().ok()),
            Some(first),
            "{}",
            key.name
        );
    }
}

#[test]
fn zero_configuration_starts() {
    let Loaded { broker, notes, .. } = Broker::load(&Inputs::default()).unwrap();
    assert_eq!(notes, Vec::<String>::new());
    assert_eq!(
        (
            broker.broker_id(),
            broker.log.num_partitions,
            broker.log.auto_create_topics_enable
        ),
        (1, 1, true)
    );
    assert_eq!(
        (
            broker.node.core_count,
            broker.node.journal_bytes_per_core,
            broker.node.core_spin_us
        ),
        (0, 256 << 20, 0)
    );
    assert_eq!(
        (
            broker.groups.offsets_topic_num_partitions,
            broker.groups.group_initial_rebalance_delay_ms
        ),
        (50, 3000)
    );
    let listeners = broker.listeners("").unwrap();
    assert_eq!(listeners.len(), 1);
    assert_eq!(
        (listeners[0].advertised_host.as_str(), listeners[0].advertised_port),
        ("localhost", 9092)
    );
    assert_eq!(
        listeners[0].binds(),
        [
            Bind::Ip {
                address: "127.0.0.1:9092".parse().unwrap(),
                required: true
            },
            Bind::Ip {
                address: "[::1]:9092".parse().unwrap(),
                required: false
            },
        ]
    );
}

#[test]
fn properties_are_read_as_java_reads_them() {
    let text = "# comment\n! comment too\n\n  a=1\nb : 2\r\nc 3\nd\ne=x\\\n   y\\\n z\nf\\=g=h\\:i\\\\\nk\\u0061 = \\u00e9\\t|\\ud83d\\ude00\n  # no = comment\n=v\nlast=a=b # c";
    let read = properties::parse(text).unwrap();
    let pairs: Vec<(usize, &str, &str)> = read
        .iter()
        .map(|Property { line, key, value }| (*line, key.as_str(), value.as_str()))
        .collect();
    assert_eq!(
        pairs,
        [
            (4, "a", "1"),
            (5, "b", "2"),
            (6, "c", "3"),
            (7, "d", ""),
            (8, "e", "xyz"),
            (11, "f=g", "h:i\\"),
            (12, "ka", "é\t|😀"),
            (14, "", "v"),
            (15, "last", "a=b # c"),
        ]
    );
    assert_eq!(properties::parse("ok=1\nbad=\\u12g4").unwrap_err().0, 2);
    assert_eq!(properties::parse("end=a\\").unwrap()[0].value, "a");
}

#[test]
fn later_layers_win() {
    let mut inputs = file("num.partitions=2\nlog.retention.ms=5\nmessage.max.bytes=100");
    inputs.environment = vec![
        ("CORELANE_NUM_PARTITIONS".into(), "3".into()),
        ("CORELANE_MESSAGE_MAX_BYTES".into(), "200".into()),
        ("CORELANE_SERVICE_HOST".into(), "10.0.0.1".into()),
        ("PATH".into(), "/bin".into()),
    ];
    inputs.set = vec!["num.partitions=4".into()];
    let Loaded { broker, notes, .. } = Broker::load(&inputs).unwrap();
    assert_eq!(
        (
            broker.log.num_partitions,
            broker.log.message_max_bytes,
            broker.log.log_retention_ms
        ),
        (4, 200, Some(5))
    );
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(notes[0].starts_with("CORELANE_SERVICE_HOST is left out"), "{notes:?}");

    let (altered, unusable) = broker.with_dynamic(
        &overrides(&[("message.max.bytes", "300"), ("log.retention.ms", "7")]),
        &overrides(&[("message.max.bytes", "400")]),
    );
    assert_eq!(unusable, [""; 0]);
    assert_eq!(
        (altered.log.message_max_bytes, altered.log.log_retention_ms),
        (400, Some(7))
    );
    let words: Vec<_> = altered.synonyms("message.max.bytes");
    assert_eq!(
        words,
        [
            ("message.max.bytes", Some("400".to_string()), Source::DynamicBroker),
            (
                "message.max.bytes",
                Some("300".to_string()),
                Source::DynamicDefaultBroker
            ),
            ("message.max.bytes", Some("200".to_string()), Source::StaticBroker),
            ("message.max.bytes", Some("1048588".to_string()), Source::Default),
        ]
    );
    let stored = overrides(&[
        ("num.partitions", "9"),
        ("log.retention.ms", "x"),
        ("message.max.bytes", "5"),
    ]);
    let (altered, unusable) = broker.with_dynamic(&stored, &BTreeMap::new());
    assert_eq!((altered.log.num_partitions, altered.log.message_max_bytes), (4, 5));
    assert_eq!(
        unusable,
        [
            "log.retention.ms = 'x': must be a whole number from -9223372036854775808 to 9223372036854775807",
            "num.partitions cannot be altered while the broker runs"
        ]
    );
}

#[test]
fn problems_name_place_value_and_what_is_right() {
    assert_eq!(
        problem("\nlog.retention.mss=1\nnum.partitions=many\nmin.insync.replicas=0"),
        "server.properties:2: there is no key 'log.retention.mss'; did you mean 'log.retention.ms'?\n\
         server.properties:3: num.partitions = 'many': must be a whole number from -2147483648 to 2147483647\n\
         server.properties:4: min.insync.replicas = '0': must be at least 1"
    );
    assert_eq!(problem("zzz=1"), "server.properties:1: there is no key 'zzz'");
    assert_eq!(
        problem("a=\\u1"),
        "server.properties:1: '\\u1' is no \\u escape with four hexadecimal digits"
    );
    assert!(problem("log.dirs=/a,/b").contains("names 2 directories"));
    assert!(problem("node.id=1\nbroker.id=2").contains("leave one out"));
    assert_eq!(load("broker.id=7").unwrap().broker.broker_id(), 7);
    assert!(problem("group.min.session.timeout.ms=9\ngroup.max.session.timeout.ms=8").contains("must not be above"));
    assert!(
        problem("authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer")
            .contains("let everybody in")
    );
    assert!(problem("log.message.timestamp.type=createtime").contains("one of CreateTime, LogAppendTime"));
    let inputs = Inputs {
        set: vec!["oops".into()],
        ..Inputs::default()
    };
    assert_eq!(
        Broker::load(&inputs).unwrap_err().to_string(),
        "--set oops: must be key=value"
    );
    assert!(!problem("ssl.key.password=secret\nlog.dirs=/a,/b").contains("secret"));
}

#[test]
fn the_server_properties_that_kafka_ships_is_accepted() {
    let shipped = "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.bootstrap.servers=localhost:9093\n\
        listeners=PLAINTEXT://:9092,CONTROLLER://:9093\ninter.broker.listener.name=PLAINTEXT\n\
        advertised.listeners=PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093\n\
        controller.listener.names=CONTROLLER\n\
        listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL\n\
        num.network.threads=3\nnum.io.threads=8\nsocket.send.buffer.bytes=102400\nsocket.receive.buffer.bytes=102400\n\
        socket.request.max.bytes=104857600\nlog.dirs=/var/lib/kraft-combined-logs\nnum.partitions=1\n\
        num.recovery.threads.per.data.dir=1\noffsets.topic.replication.factor=1\n\
        share.coordinator.state.topic.replication.factor=1\nshare.coordinator.state.topic.min.isr=1\n\
        transaction.state.log.replication.factor=1\ntransaction.state.log.min.isr=1\n\
        #log.flush.interval.messages=10000\nlog.retention.hours=168\nlog.segment.bytes=1073741824\n\
        log.retention.check.interval.ms=300000\n";
    let Loaded { broker, notes, .. } = load(shipped).unwrap();
    let listeners = broker.listeners("h").unwrap();
    assert_eq!(listeners.len(), 1);
    assert_eq!(
        (listeners[0].host.as_str(), listeners[0].advertised_host.as_str()),
        ("", "localhost")
    );
    assert_eq!(broker.data_dir(), "/var/lib/kraft-combined-logs");
    let threads: Vec<_> = notes.iter().filter(|note| note.contains("num.io.threads")).collect();
    assert_eq!(threads.len(), 1, "told once");
    assert!(threads[0].contains("each core does everything on its own thread"));
}

#[test]
fn wildcards_are_bound_but_never_advertised() {
    let refused = problem("listeners=PLAINTEXT://0.0.0.0:9092");
    assert!(
        refused.contains("advertised.listeners=PLAINTEXT://broker-1.example.com:9092"),
        "{refused}"
    );
    assert!(problem("listeners=PLAINTEXT://[::]:9092").contains("clients cannot connect to '::'"));
    assert!(problem("listeners=PLAINTEXT://:9092\nadvertised.listeners=PLAINTEXT://0.0.0.0:9092").contains("0.0.0.0"));
    let bound =
        load("listeners=PLAINTEXT://0.0.0.0:9092\nadvertised.listeners=PLAINTEXT://b.example.com:19092").unwrap();
    let listener = &bound.broker.listeners("").unwrap()[0];
    assert_eq!(
        (listener.advertised_host.as_str(), listener.advertised_port),
        ("b.example.com", 19092)
    );
    assert_eq!(
        listener.binds(),
        [Bind::Ip {
            address: "0.0.0.0:9092".parse().unwrap(),
            required: true
        }]
    );
    // No host: this host's name is advertised.
    let named = load("listeners=PLAINTEXT://:0")
        .unwrap()
        .broker
        .listeners("h.example.com")
        .unwrap();
    assert_eq!(
        (named[0].advertised_host.as_str(), named[0].advertised_port),
        ("h.example.com", 0)
    );
    let v6 = load("listeners=PLAINTEXT://[fe80::1]:1")
        .unwrap()
        .broker
        .listeners("")
        .unwrap();
    assert_eq!(v6[0].advertised_host, "fe80::1");
    let name = load("listeners=PLAINTEXT://some.host:1")
        .unwrap()
        .broker
        .listeners("")
        .unwrap();
    assert_eq!(
        name[0].binds(),
        [Bind::Name {
            host: "some.host".into(),
            port: 1
        }]
    );
}

#[test]
fn wrong_listeners_are_refused() {
    for (content, expected) in [
        ("listeners=localhost:9092", "must be NAME://host:port"),
        ("listeners=PLAINTEXT://::1:9092", "must be NAME://host:port"),
        ("listeners=PLAINTEXT://a:99999", "must be NAME://host:port"),
        ("listeners=SSL://a:1", "speaks SSL; only PLAINTEXT"),
        ("listeners=IN://a:1", "speaks IN; only PLAINTEXT"),
        ("listeners=PLAINTEXT://a:1,PLAINTEXT://a:2", "stands there twice"),
        (
            "listeners=PLAINTEXT://a:1,IN://a:1\nlistener.security.protocol.map=IN:PLAINTEXT,PLAINTEXT:PLAINTEXT",
            "port 1",
        ),
        ("advertised.listeners=OTHER://a:1", "'OTHER' is not among listeners"),
        ("listener.security.protocol.map=IN:TLS", "there is no protocol 'TLS'"),
        (
            "listeners=C://a:1\ncontroller.listener.names=C",
            "names no listener for clients",
        ),
    ] {
        let told = problem(content);
        assert!(told.contains(expected), "{content}: {told}");
    }
    let two = "listeners=IN://a:1,OUT://a:2\nlistener.security.protocol.map=IN:PLAINTEXT,OUT:PLAINTEXT";
    assert_eq!(load(two).unwrap().broker.listeners("").unwrap().len(), 2);
}

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

#[test]
fn cluster_ids_are_read_in_both_forms() {
    let hyphenated = ClusterId::read("4f7e1dd5-1c4a-4b7e-9a8e-1f2e3d4c5b6a").unwrap();
    assert_eq!(ClusterId::read("T34d1RxKS36ajh8uPUxbag").unwrap(), hyphenated);
    assert!(ClusterId::read("short").is_err());
}

/// Goal: the reference page is the tables'. `UPDATE=1` rewrites it.
#[test]
fn the_page_has_every_key_once() {
    let page = super::docs::markdown();
    for key in broker::KEYS.iter().chain(topic::KEYS) {
        assert!(page.contains(&format!("| `{}` |", key.name)), "{}", key.name);
    }
    let columns: BTreeSet<usize> = page
        .lines()
        .filter(|line| line.starts_with('|'))
        .map(|line| line.matches(" | ").count())
        .collect();
    assert!(columns.len() <= 4, "{columns:?}");
    assert!(topic::KEYS.iter().any(|key| matches!(key.effect, Effect::Nothing(_))));
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/CONFIG.md");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(written, page, "run this test with UPDATE=1");
}

#[test]
fn nearest_is_near() {
    let known = ["retention.ms", "retention.bytes", "segment.ms"];
    assert_eq!(nearest("retention.mss", known), Some("retention.ms"));
    assert_eq!(nearest("segmnt.ms", known), Some("segment.ms"));
    assert_eq!(nearest("x", known), None);
    assert_eq!(
        nearest("orders", ["readers", "letters"]),
        None,
        "another word, not a typo"
    );
}

/// Goal: what is accepted and cannot be had yet is said, each with its place; the command line's own variables are not keys.
#[test]
fn what_does_nothing_yet_is_said() {
    let inputs = Inputs {
        environment: vec![("CORELANE_BOOTSTRAP_SERVER".into(), "elsewhere:9092".into())],
        set: [
            "transaction.state.log.min.isr=1",
            "metric.reporters=a.b.C",
            "log.cleanup.policy=compact",
            "default.replication.factor=3",
        ]
        .map(str::to_string)
        .into(),
        ..Inputs::default()
    };
    let loaded = Broker::load(&inputs).unwrap();
    assert_eq!(
        loaded.notes,
        [
            "--set: transaction.state.log.min.isr changes nothing here: transactions are not built yet",
            "--set: metric.reporters changes nothing here: metrics are read by Prometheus from metrics.listeners",
        ]
    );
    assert_eq!(loaded.warnings.len(), 2, "{:?}", loaded.warnings);
    assert!(
        loaded.warnings[0].contains("nothing compacts yet"),
        "{:?}",
        loaded.warnings
    );
    assert!(
        loaded.warnings[1].contains("default.replication.factor = 3"),
        "{:?}",
        loaded.warnings
    );
}

#[test]
fn a_former_key_is_answered_with_its_successor() {
    let inputs = Inputs {
        set: vec!["port=9093".into()],
        ..Inputs::default()
    };
    let refused = Broker::load(&inputs).unwrap_err().to_string();
    assert!(
        refused.contains("say listeners=PLAINTEXT://localhost:PORT"),
        "{refused}"
    );
}
