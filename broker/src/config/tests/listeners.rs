//! Goal: clients are told addresses that they can use, and whatever is no listener is refused.

use super::{load, problem};
use crate::config::listeners::Bind;

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
