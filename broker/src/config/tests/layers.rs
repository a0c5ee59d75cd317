//! Goal: of several places that say something the right one wins, and a mistake is told with its place and what would be right.

use std::collections::BTreeMap;

use super::{file, load, overrides, problem};
use crate::config::{
    broker::{Broker, Loaded},
    key::Source,
    layers::Inputs,
    nearest::nearest,
    properties::{self, Property},
};

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
    let platforms = [
        "HEADLESS_SERVICE_PORT",
        "PORT",
        "PORT_9092_TCP",
        "SERVICE_PORT_KAFKA",
        "X_PORT_1_TCP_ADDR",
    ];
    inputs.environment = platforms
        .map(|name| (format!("CORELANE_{name}"), "x".to_owned()))
        .into();
    let Loaded { notes, warnings, .. } = Broker::load(&inputs).unwrap();
    assert_eq!((notes.len(), warnings), (platforms.len(), vec![]), "{notes:?}");

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

/// Goal: a key that was misspelt in the environment is warned of, with the right one.
#[test]
fn a_misspelt_variable_is_a_warning() {
    let inputs = Inputs {
        environment: vec![
            ("CORELANE_LOG_RETENTON_MS".into(), "5".into()),
            ("CORELANE_NO_SUCH_THING".into(), "5".into()),
        ],
        ..Inputs::default()
    };
    let Loaded {
        broker,
        notes,
        warnings,
    } = Broker::load(&inputs).unwrap();
    assert_eq!(broker.log.log_retention_ms, None);
    assert_eq!(notes, [""; 0]);
    assert_eq!(
        warnings,
        [
            "CORELANE_LOG_RETENTON_MS is left out: there is no key 'log.retenton.ms'; did you mean 'log.retention.ms'?",
            "CORELANE_NO_SUCH_THING is left out: there is no key 'no.such.thing'",
        ]
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
