//! Who said what: the layers of a broker's configuration, weakest first, and which of them wins.

use std::collections::BTreeMap;

use super::{
    dynamic::{self, Mode},
    key::{Effect, Key, Source, find},
    properties,
    unknown::unknown,
};

/// Everything that can tell a broker something, as text. Reading files and the environment is the caller's work.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// Name (for messages) and content of `server.properties`.
    pub file: Option<(String, String)>,
    /// The process environment; only names that start with `CORELANE_` count.
    pub environment: Vec<(String, String)>,
    /// `key=value` of each `--set`.
    pub set: Vec<String>,
    /// This host's name, advertised for a listener that names no host.
    pub hostname: String,
}

/// All that was wrong, one line each; never only the first.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", problems.join("\n"))]
pub struct ConfigError {
    pub problems: Vec<String>,
}

/// A value that somebody gave.
#[derive(Clone, PartialEq, Eq)]
pub struct Given {
    pub value: String,
    pub source: Source,
    /// For messages: `server.properties:12`, `CORELANE_NODE_ID`, `--set`.
    pub place: String,
}

impl std::fmt::Debug for Given {
    /// Without the value, which may be a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} at {}", self.source, self.place)
    }
}

/// The values that were given; what is absent has its default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layers {
    given: BTreeMap<&'static str, Vec<Given>>,
}

/// What the log should say of the inputs, and why they may not be used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remarks {
    pub notes: Vec<String>,
    /// What was asked for and does not happen.
    pub warnings: Vec<String>,
    /// With any of these the broker must not start.
    pub problems: Vec<String>,
}

/// Environment variables of the command line itself; never config keys.
const RESERVED_ENVIRONMENT: &[&str] = &["CORELANE_BOOTSTRAP_SERVER", "CORELANE_CONFIG", "CORELANE_LOG"];

/// What container platforms set for each service, be it of our name: CORELANE_SERVICE_HOST, CORELANE_PORT_9092_TCP_ADDR.
fn is_of_a_platform(variable: &str) -> bool {
    let has_port = variable
        .split("_PORT_")
        .skip(1)
        .any(|rest| rest.starts_with(|first: char| first.is_ascii_digit()));
    has_port || variable.ends_with("_PORT") || variable.contains("_SERVICE_HOST") || variable.contains("_SERVICE_PORT")
}

impl Layers {
    /// Reads all inputs.
    pub fn read(keys: &'static [Key], inputs: &Inputs) -> (Layers, Remarks) {
        let mut layers = Layers::default();
        let mut remarks = Remarks::default();
        if let Some((name, content)) = &inputs.file {
            match properties::parse(content) {
                Ok(properties) => {
                    let mut seen = BTreeMap::new();
                    for property in properties {
                        let place = format!("{name}:{}", property.line);
                        if let Some(before) = seen.insert(property.key.clone(), property.line) {
                            remarks.notes.push(format!(
                                "{place}: {} stands in line {before} too; this one wins",
                                property.key
                            ));
                        }
                        layers.take(keys, &property.key, property.value, place, &mut remarks);
                    }
                }
                Err((line, wrong)) => remarks.problems.push(format!("{name}:{line}: {wrong}")),
            }
        }
        let mut environment = inputs.environment.clone();
        environment.sort();
        for (variable, value) in environment {
            let Some(rest) = variable.strip_prefix("CORELANE_") else {
                continue;
            };
            if RESERVED_ENVIRONMENT.contains(&variable.as_str()) {
                continue;
            }
            let name = rest.to_ascii_lowercase().replace('_', ".");
            // No error, other than an unknown key elsewhere: who starts a container does not choose all of its environment.
            if find(keys, &name).is_some() {
                layers.take(keys, &name, value, variable, &mut remarks);
            } else if is_of_a_platform(&variable) {
                remarks
                    .notes
                    .push(format!("{variable} is left out: a container platform's"));
            } else {
                let problem = unknown(keys, &name);
                remarks.warnings.push(format!("{variable} is left out: {problem}"));
            }
        }
        for set in &inputs.set {
            match set.split_once('=') {
                Some((name, value)) => {
                    layers.take(keys, name.trim(), value.to_string(), "--set".into(), &mut remarks);
                }
                None => remarks.problems.push(format!("--set {set}: must be key=value")),
            }
        }
        (layers, remarks)
    }

    fn take(&mut self, keys: &'static [Key], name: &str, value: String, place: String, remarks: &mut Remarks) {
        if name.starts_with("listener.name.") {
            remarks.notes.push(format!(
                "{place}: {name} changes nothing: listeners have no settings of their own yet"
            ));
            return;
        }
        let Some(key) = find(keys, name) else {
            remarks.problems.push(format!("{place}: {}", unknown(keys, name)));
            return;
        };
        if let Err(right) = key.validate(&value) {
            let shown = if key.sensitive() { "[hidden]" } else { value.trim() };
            remarks.problems.push(format!("{place}: {name} = '{shown}': {right}"));
            return;
        }
        if let Effect::Nothing(reason) = key.effect {
            remarks
                .notes
                .push(format!("{place}: {name} changes nothing here: {reason}"));
        }
        self.put(
            key,
            Given {
                value: value.trim().to_string(),
                source: Source::StaticBroker,
                place,
            },
        );
    }

    /// Adds what the cluster was told, which is stronger than all static layers.
    pub fn take_dynamic(
        &mut self,
        keys: &'static [Key],
        source: Source,
        values: &BTreeMap<String, String>,
        problems: &mut Vec<String>,
    ) {
        for (name, value) in values {
            let Some(key) = find(keys, name) else {
                problems.push(unknown(keys, name));
                continue;
            };
            if dynamic::mode(name) != Mode::ClusterWide {
                problems.push(format!("{name} cannot be altered while the broker runs"));
                continue;
            }
            match key.validate(value) {
                Ok(()) => self.put(
                    key,
                    Given {
                        value: value.trim().to_string(),
                        source,
                        place: "cluster".into(),
                    },
                ),
                Err(right) => problems.push(format!("{name} = '{value}': {right}")),
            }
        }
    }

    fn put(&mut self, key: &'static Key, given: Given) {
        let all = self.given.entry(key.name).or_default();
        // Of one layer only the last word counts; DescribeConfigs shows one static value.
        all.retain(|before| before.source != given.source);
        all.push(given);
        all.sort_by_key(|given| given.source.code());
    }

    /// The strongest word on a key, if anybody gave one.
    pub fn given(&self, name: &str) -> Option<&Given> {
        self.given.get(name).and_then(|all| all.first())
    }

    /// All words on a key, strongest first.
    pub fn all(&self, name: &str) -> &[Given] {
        self.given.get(name).map_or(&[], Vec::as_slice)
    }
}
