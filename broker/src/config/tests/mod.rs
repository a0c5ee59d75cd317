//! Goal: whatever an operator of Kafka writes is taken as Kafka takes it, and whatever is wrong is told with its place
//! and what would be right.

mod broker;
mod described;
mod layers;
mod listeners;
mod tables;
mod topic;

use std::collections::BTreeMap;

use super::{
    broker::{Broker, Loaded},
    layers::{ConfigError, Inputs},
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
