//! What can go wrong between a command and a cluster, said so that the reader knows what to do.

use corelane_protocol::api_key::ApiKey;
use corelane_protocol::error_code::ErrorCode;
use corelane_protocol::records::BatchError;
use corelane_protocol::wire::DecodeError;
use std::io;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error("--bootstrap-server names no server; say host:port")]
    NoServer,
    #[error("--bootstrap-server: '{0}' is not host:port; say for example localhost:9092")]
    BadServer(String),
    #[error(
        "cannot reach {address}: {source}\nIs a broker running there? 'corelane start' starts one; --bootstrap-server names another."
    )]
    Unreachable { address: String, source: io::Error },
    #[error("{address} broke off during {api}: {source}")]
    Broken {
        address: String,
        api: ApiKey,
        source: io::Error,
    },
    #[error(
        "{address} did not answer {api} within {waited_ms} ms; whether it was carried out is not known.\n\
         Its log may say what it waits for, such as a full disk. --request-timeout-ms waits longer."
    )]
    NoAnswer {
        address: String,
        api: ApiKey,
        waited_ms: u128,
    },
    #[error(
        "{address} sent what is not Kafka's protocol: {problem}\nIs that port really a broker's, and a plaintext one?"
    )]
    Garbled { address: String, problem: DecodeError },
    #[error("{address} speaks {api} in versions {oldest} to {newest}, which this command does not")]
    NoCommonVersion {
        api: ApiKey,
        address: String,
        oldest: i16,
        newest: i16,
    },
    #[error("broker {0} is not in the cluster's metadata")]
    NoSuchBroker(i32),
    #[error("topic '{name}' does not exist on {server}{}", hint(nearest))]
    UnknownTopic {
        name: String,
        server: String,
        nearest: Option<String>,
    },
    #[error("topic '{topic}' has no partition {partition}; it has 0 to {last}")]
    UnknownPartition { topic: String, partition: i32, last: i32 },
    #[error("{what}: {}", say(*code, message))]
    Refused {
        what: String,
        code: ErrorCode,
        message: Option<String>,
    },
    #[error("partition {topic}-{partition}, offset {offset}: {problem}")]
    BadBatch {
        topic: String,
        partition: i32,
        offset: i64,
        problem: BatchError,
    },
    #[error("{0}")]
    Usage(String),
    /// Not for people: whoever read our output went away.
    #[error("output: {0}")]
    Output(#[from] io::Error),
}

impl ClientError {
    /// A broker's error code about `what`, with its own words if it sent any.
    pub fn refused(what: impl Into<String>, code: ErrorCode, message: Option<String>) -> ClientError {
        ClientError::Refused {
            what: what.into(),
            code,
            message,
        }
    }

    /// For programs: what people read, and Kafka's name of the error if a broker sent one.
    pub fn json(&self) -> serde_json::Value {
        let text = self.to_string();
        match self {
            ClientError::Refused { code, .. } => serde_json::json!({"error": text, "code": code.to_string()}),
            _ => serde_json::json!({"error": text}),
        }
    }

    /// The connection cannot be used any more: an answer to something else may still come on it.
    pub fn is_connection_lost(&self) -> bool {
        matches!(self, ClientError::Broken { .. } | ClientError::NoAnswer { .. })
    }

    /// `Ok` if the code says so.
    pub fn check(what: impl Into<String>, code: ErrorCode, message: Option<String>) -> Result<(), ClientError> {
        code.ok().map_err(|code| ClientError::refused(what, code, message))
    }
}

fn hint(nearest: &Option<String>) -> String {
    match nearest {
        Some(name) => format!("; did you mean '{name}'?"),
        None => "; 'corelane topic list' shows those that do".to_owned(),
    }
}

fn say(code: ErrorCode, message: &Option<String>) -> String {
    match message {
        Some(message) if !message.is_empty() => format!("{message} ({code})"),
        _ => code.to_string(),
    }
}
