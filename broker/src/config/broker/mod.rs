//! What a broker can be told: its tables, one file an area as Kafka's own config classes group them, and the typed struct that
//! comes from them.
//!
//! Every key of Kafka 4.3's broker is here. A key either does something (it has a field), or does nothing and says why
//! (it is accepted, and noted once in the log), or is refused because ignoring it would break a promise.

pub mod alter;
pub mod connections;
pub mod groups;
pub mod log;
pub mod metrics;
pub mod node;
pub mod quorum;
pub mod quotas;
pub mod remote_log;
pub mod replication;
pub mod security;
pub mod share_groups;
pub mod streams_groups;
pub mod transactions;

use std::collections::BTreeMap;

use super::{
    dynamic::{self, Mode},
    key::{Entry, Key, Source, count, find, joined},
    layers::{ConfigError, Given, Inputs, Layers, Remarks},
    listeners::{ListenerConfig, listeners, metrics_listeners},
    unknown,
};

/// What whoever sets `cleanup.policy=compact` should know.
pub const NOT_COMPACTED: &str = "compact is kept, but nothing compacts yet: old records of a key stay";

/// The areas, in the order of the reference page: first what has a field, then the rest.
const AREAS: &[&[Key]] = &[
    node::FIELDS,
    log::FIELDS,
    connections::FIELDS,
    quotas::FIELDS,
    transactions::FIELDS,
    groups::FIELDS,
    replication::FIELDS,
    node::WITHOUT_FIELD,
    log::WITHOUT_FIELD,
    connections::WITHOUT_FIELD,
    quorum::WITHOUT_FIELD,
    replication::WITHOUT_FIELD,
    groups::WITHOUT_FIELD,
    transactions::WITHOUT_FIELD,
    share_groups::WITHOUT_FIELD,
    streams_groups::WITHOUT_FIELD,
    quotas::WITHOUT_FIELD,
    metrics::WITHOUT_FIELD,
    remote_log::WITHOUT_FIELD,
    security::WITHOUT_FIELD,
];

/// Every key of a broker.
pub const KEYS: &[Key] = &joined::<{ count(AREAS) }>(AREAS);

/// A broker's configuration, checked and typed. Values derived from several keys are methods.
#[derive(Clone, Debug, PartialEq)]
pub struct Broker {
    pub node: node::Node,
    pub log: log::LogDefaults,
    pub connections: connections::Connections,
    pub quotas: quotas::Quotas,
    pub transactions: transactions::Transactions,
    pub groups: groups::Groups,
    pub replication: replication::Replication,
    /// Everything that was set, and where; what is not in it has its default.
    pub layers: Layers,
}

/// A configuration that may be used, and what the operator should read in the log.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub broker: Broker,
    pub notes: Vec<String>,
    /// What was asked for and cannot be had yet.
    pub warnings: Vec<String>,
}

impl Default for Broker {
    fn default() -> Broker {
        Broker::from_layers(Layers::default()).expect("the defaults of the table are right")
    }
}

impl Broker {
    /// Joins all inputs; on error, every problem is told, each with its place and what would be right.
    pub fn load(inputs: &Inputs) -> Result<Loaded, ConfigError> {
        let (layers, remarks) = Layers::read(KEYS, inputs);
        let Remarks {
            notes,
            mut warnings,
            mut problems,
        } = remarks;
        let broker = match Broker::from_layers(layers) {
            Ok(broker) => broker,
            Err(problem) => {
                return Err(ConfigError {
                    problems: problems.into_iter().chain([problem]).collect(),
                });
            }
        };
        problems.extend(broker.conflicts());
        if let Err(problem) = broker.listeners(&inputs.hostname) {
            problems.push(problem);
        }
        if problems.is_empty() {
            warnings.extend(broker.unmet());
            Ok(Loaded {
                broker,
                notes,
                warnings,
            })
        } else {
            Err(ConfigError { problems })
        }
    }

    /// The same with what the cluster was told: for all brokers, and for this one, which wins. What this release cannot use
    /// is left out and told: a newer one may have accepted it, and that must not keep a broker from starting.
    pub fn with_dynamic(
        &self,
        all_brokers: &BTreeMap<String, String>,
        this_broker: &BTreeMap<String, String>,
    ) -> (Broker, Vec<String>) {
        let mut layers = self.layers.clone();
        let mut problems = Vec::new();
        layers.take_dynamic(KEYS, Source::DynamicDefaultBroker, all_brokers, &mut problems);
        layers.take_dynamic(KEYS, Source::DynamicBroker, this_broker, &mut problems);
        let broker = Broker::from_layers(layers).expect("checked values can be read");
        (broker, problems)
    }

    /// What DescribeConfigs says of the default of all brokers: only what it was given.
    pub fn entries_of_all(given: &BTreeMap<String, String>) -> Vec<Entry> {
        let rows = given.iter().filter_map(|(name, value)| Some((key(name)?, value)));
        let entry = |(key, value): (&'static Key, &String)| {
            let value = (!key.sensitive()).then(|| value.clone());
            Entry {
                name: key.name,
                value: value.clone(),
                source: Source::DynamicDefaultBroker,
                synonyms: vec![(key.name, value, Source::DynamicDefaultBroker)],
                kind: key.kind,
                doc: key.doc,
                is_default: false,
                read_only: dynamic::mode(key.name) != Mode::ClusterWide,
                sensitive: key.sensitive(),
            }
        };
        rows.map(entry).collect()
    }

    /// What is legal, but will surprise whoever set it.
    fn unmet(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.log.log_cleanup_policy.0.iter().any(|policy| policy == "compact") {
            warnings.push(format!("log.cleanup.policy: {NOT_COMPACTED}"));
        }
        let factor = self.log.default_replication_factor;
        if factor > 1 {
            warnings.push(format!(
                "default.replication.factor = {factor}: this broker is alone until replication is built, so topics that \
                 do not ask for one replica are refused"
            ));
        }
        warnings
    }

    fn from_layers(layers: Layers) -> Result<Broker, String> {
        let value = |name: &'static str| match layers.given(name) {
            Some(given) => given.value.clone(),
            None => key(name).and_then(|key| key.default).unwrap_or("").to_string(),
        };
        Ok(Broker {
            node: node::Node::read(value)?,
            log: log::LogDefaults::read(value)?,
            connections: connections::Connections::read(value)?,
            quotas: quotas::Quotas::read(value)?,
            transactions: transactions::Transactions::read(value)?,
            groups: groups::Groups::read(value)?,
            replication: replication::Replication::read(value)?,
            layers: layers.clone(),
        })
    }

    /// What no key can see alone.
    fn conflicts(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut refuse = |wrong: bool, problem: String| {
            if wrong {
                problems.push(problem);
            }
        };
        let both_ids =
            self.layers.given("node.id").is_some() && self.node.broker_id.is_some_and(|id| id != self.node.node_id);
        refuse(
            both_ids,
            format!(
                "node.id = {} but broker.id = {}: leave one out",
                self.node.node_id,
                self.broker_id()
            ),
        );
        refuse(
            self.node.log_dirs.0.len() > 1,
            format!(
                "log.dirs names {} directories: one is served yet; name one",
                self.node.log_dirs.0.len()
            ),
        );
        for (least, most) in [
            ("group.min.session.timeout.ms", "group.max.session.timeout.ms"),
            (
                "group.consumer.min.session.timeout.ms",
                "group.consumer.session.timeout.ms",
            ),
            (
                "group.consumer.session.timeout.ms",
                "group.consumer.max.session.timeout.ms",
            ),
            (
                "group.consumer.min.heartbeat.interval.ms",
                "group.consumer.heartbeat.interval.ms",
            ),
            (
                "group.consumer.heartbeat.interval.ms",
                "group.consumer.max.heartbeat.interval.ms",
            ),
            ("broker.heartbeat.interval.ms", "broker.session.timeout.ms"),
        ] {
            let (low, high) = (self.number(least), self.number(most));
            refuse(low > high, format!("{least} = {low} must not be above {most} = {high}"));
        }
        problems
    }

    fn number(&self, name: &'static str) -> i64 {
        self.text(name).and_then(|text| text.parse().ok()).unwrap_or(0)
    }

    /// The text in force of a key; `None` if it has none.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.layers.given(name) {
            Some(given) => Some(given.value.as_str()),
            None => key(name)?.default,
        }
    }

    pub fn broker_id(&self) -> i32 {
        self.node.broker_id.unwrap_or(self.node.node_id)
    }

    /// The data directory.
    pub fn data_dir(&self) -> &str {
        self.node.log_dirs.0.first().unwrap_or(&self.node.log_dir)
    }

    /// `hostname` is advertised for a listener that names no host.
    pub fn listeners(&self, hostname: &str) -> Result<Vec<ListenerConfig>, String> {
        listeners(
            &self.node.listeners_text,
            self.node.advertised_listeners_text.as_deref(),
            self.node.listener_security_protocol_map.as_deref(),
            &self.node.controller_listener_names.0,
            hostname,
        )
    }

    /// Where metrics are served; empty: nowhere.
    pub fn metrics_listeners(&self) -> Result<Vec<ListenerConfig>, String> {
        metrics_listeners(self.node.metrics_listeners_text.as_deref().unwrap_or(""))
    }

    /// What DescribeConfigs says of this broker, in the table's order. Listeners' synonyms are their own family.
    pub fn entries(&self) -> Vec<Entry> {
        KEYS.iter().map(|key| self.entry(key)).collect()
    }

    fn entry(&self, key: &'static Key) -> Entry {
        let synonyms = self.synonyms(key.name);
        let source = synonyms.first().map_or(Source::Default, |(_, _, source)| *source);
        Entry {
            name: key.name,
            value: self.text(key.name).filter(|_| !key.sensitive()).map(str::to_string),
            source,
            synonyms,
            kind: key.kind,
            doc: key.doc,
            is_default: source == Source::Default,
            read_only: dynamic::mode(key.name) != Mode::ClusterWide,
            sensitive: key.sensitive(),
        }
    }

    /// Everything that has a say on a key, strongest first: its own words and those of its family (log.retention.ms
    /// before .minutes before .hours), first all that were given, then the defaults. As Kafka shows it, nothing that is stronger
    /// than the first word on the key itself; so nothing at all if that has none.
    pub(super) fn synonyms(&self, name: &str) -> Vec<(&'static str, Option<String>, Source)> {
        let Some(key) = key(name) else { return Vec::new() };
        let others = key.synonyms.iter().filter_map(|synonym| self::key(synonym.name));
        let family: Vec<&'static Key> = std::iter::once(key).chain(others).collect();
        let shown = |key: &Key, text: &str| (!key.sensitive()).then(|| text.to_string());
        let mut synonyms = Vec::new();
        for source in [
            Source::DynamicBroker,
            Source::DynamicDefaultBroker,
            Source::StaticBroker,
        ] {
            for key in &family {
                let given = self
                    .layers
                    .all(key.name)
                    .iter()
                    .filter(|given: &&Given| given.source == source);
                synonyms.extend(given.map(|given| (key.name, shown(key, &given.value), source)));
            }
        }
        let defaults = family
            .iter()
            .filter_map(|key| Some((key.name, shown(key, key.default?), Source::Default)));
        synonyms.extend(defaults);
        let own = synonyms.iter().position(|(name, ..)| *name == key.name);
        synonyms.split_off(own.unwrap_or(synonyms.len()))
    }
}

/// The row of a key.
pub fn key(name: &str) -> Option<&'static Key> {
    find(KEYS, name)
}

/// Whether `value` may be given to a broker key; the error says what would be right, and where the key is unknown, the
/// nearest that is not.
pub fn validate(name: &str, value: &str) -> Result<(), String> {
    unknown::validate(KEYS, name, value)
}
