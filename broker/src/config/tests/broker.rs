//! Goal: a broker starts with nothing said, and with what Kafka ships; what cannot be had yet is told.

use super::load;
use crate::config::{
    broker::{Broker, Loaded},
    layers::Inputs,
    listeners::Bind,
};

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
