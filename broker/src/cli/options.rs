//! Words that many commands share.

use super::client::ClientError;
use clap::Args;

/// Where the cluster is and how to answer. May stand before a command's name or after it.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "To ask a cluster")]
pub struct Cluster {
    /// Brokers to ask first; one that answers is enough.
    #[arg(
        long,
        short = 'b',
        global = true,
        value_name = "HOST:PORT,…",
        env = "CORELANE_BOOTSTRAP_SERVER",
        default_value = "localhost:9092"
    )]
    pub bootstrap_server: String,

    /// Answer as JSON, for programs.
    #[arg(long, global = true)]
    pub json: bool,

    /// Give up when the cluster needs longer than this, in milliseconds.
    #[arg(
        long,
        global = true,
        value_name = "MS",
        default_value_t = 30_000,
        value_parser = clap::value_parser!(u64).range(100..=600_000)
    )]
    pub request_timeout_ms: u64,
}

impl Cluster {
    /// The bootstrap servers, each checked to be `host:port`.
    pub fn servers(&self) -> Result<Vec<String>, ClientError> {
        let check = |server: &str| {
            let port = server.rsplit_once(':').filter(|(host, _)| !host.is_empty());
            match port.and_then(|(_, port)| port.parse::<u16>().ok()) {
                Some(1..) => Ok(server.to_owned()),
                _ => Err(ClientError::BadServer(server.to_owned())),
            }
        };
        self.bootstrap_server
            .split(',')
            .map(str::trim)
            .filter(|server| !server.is_empty())
            .map(check)
            .collect()
    }
}

/// `KEY=VALUE` from the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyValue {
    pub key: String,
    pub value: String,
}

impl std::str::FromStr for KeyValue {
    type Err = String;

    fn from_str(text: &str) -> Result<KeyValue, String> {
        match text.split_once('=') {
            Some((key, value)) if !key.trim().is_empty() => Ok(KeyValue {
                key: key.trim().to_owned(),
                value: value.to_owned(),
            }),
            _ => Err("say KEY=VALUE, for example retention.ms=86400000".to_owned()),
        }
    }
}
