//! A small blocking Kafka client for the commands that talk to a running cluster.
//!
//! It runs in a process of its own, never in a broker, so plain sockets and threads are fine here. One request is under
//! way per connection. Leaders and coordinators are found through Metadata and FindCoordinator and looked up again when
//! a broker says that it is not the one any more.

mod call;
mod connection;
mod error;
mod member;
mod offsets;
mod partitioner;
mod producer;
mod reader;

pub use call::Call;
pub use error::ClientError;
pub use member::Member;
pub use offsets::{Position, TopicPartition};
pub use partitioner::partition_of_key;
pub use producer::{Acknowledged, Producer};
pub use reader::{Batch, Reader};

use super::options::Cluster;
use connection::Connection;
use corelane_protocol::error_code::ErrorCode;
use corelane_protocol::messages::find_coordinator::{FindCoordinatorRequest, FindCoordinatorResponse};
use corelane_protocol::messages::metadata::{
    MetadataRequest, MetadataRequestTopic, MetadataResponse, MetadataResponseTopic,
};
use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

/// How long to wait before asking again after a retriable error.
const RETRY_WAIT: Duration = Duration::from_millis(100);

/// A cluster, with one connection for each broker that was needed so far.
#[derive(Debug)]
pub struct Client {
    bootstrap: Vec<String>,
    /// For a whole operation, retries included.
    timeout: Duration,
    addresses: BTreeMap<i32, String>,
    connections: BTreeMap<i32, Connection>,
    /// To whichever bootstrap server answered.
    first: Connection,
}

impl Client {
    /// Connects to the first bootstrap server that answers.
    pub fn connect(cluster: &Cluster) -> Result<Client, ClientError> {
        let timeout = Duration::from_millis(cluster.request_timeout_ms);
        let bootstrap = cluster.servers()?;
        let mut failure = None;
        for address in &bootstrap {
            match Connection::open(address, timeout) {
                Ok(first) => {
                    let (addresses, connections) = (BTreeMap::new(), BTreeMap::new());
                    return Ok(Client {
                        bootstrap,
                        timeout,
                        addresses,
                        connections,
                        first,
                    });
                }
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        Err(failure.unwrap_or(ClientError::NoServer))
    }

    /// The bootstrap servers, for messages to people.
    pub fn name(&self) -> String {
        self.bootstrap.join(",")
    }

    /// When an operation that begins now must be over.
    pub fn deadline(&self) -> Instant {
        Instant::now() + self.timeout
    }

    pub fn timeout_ms(&self) -> i32 {
        self.timeout.as_millis().min(i32::MAX as u128) as i32
    }

    /// Asks any broker.
    pub fn ask<Q: Call>(&mut self, request: &Q) -> Result<Q::Answer, ClientError> {
        self.first.ask(request)
    }

    /// Asks any broker something that does no harm when asked twice; dials again if the connection went away.
    fn ask_again<Q: Call>(&mut self, request: &Q) -> Result<Q::Answer, ClientError> {
        match self.first.ask(request) {
            Err(ClientError::Broken { .. }) => {
                let known = self.addresses.values().chain(&self.bootstrap);
                let again = known
                    .map(|address| Connection::open(address, self.timeout))
                    .find_map(Result::ok);
                if let Some(again) = again {
                    self.first = again;
                }
                self.first.ask(request)
            }
            answer => answer,
        }
    }

    /// Asks one broker. A connection that failed is forgotten, so that the next try opens another.
    pub fn ask_broker<Q: Call>(&mut self, broker: i32, request: &Q) -> Result<Q::Answer, ClientError> {
        let answer = self.connection(broker)?.ask(request);
        if answer.as_ref().is_err_and(ClientError::is_connection_lost) {
            self.connections.remove(&broker);
        }
        answer
    }

    /// Asks the broker that coordinates a group, also says which; again while `code` says that another try may help.
    pub fn ask_coordinator<Q: Call>(
        &mut self,
        group: &str,
        request: &Q,
        code: impl Fn(&Q::Answer) -> ErrorCode,
    ) -> Result<(i32, Q::Answer), ClientError> {
        let deadline = self.deadline();
        loop {
            let coordinator = self.coordinator(group)?;
            let answer = self.ask_broker(coordinator, request);
            let may_help = match &answer {
                Ok(answer) => code(answer).is_retriable(),
                Err(error) => may_retry(error),
            };
            if !may_help || Instant::now() >= deadline {
                return answer.map(|answer| (coordinator, answer));
            }
            thread::sleep(RETRY_WAIT);
        }
    }

    /// Asks one broker something that it may take longer to answer than others.
    pub fn ask_broker_within<Q: Call>(
        &mut self,
        broker: i32,
        request: &Q,
        wait: Duration,
    ) -> Result<Q::Answer, ClientError> {
        let answer = self.connection(broker)?.ask_within(request, wait);
        if answer.as_ref().is_err_and(ClientError::is_connection_lost) {
            self.connections.remove(&broker);
        }
        answer
    }

    /// Sends what is never answered: Produce with acks=0.
    pub fn tell_broker<Q: Call>(&mut self, broker: i32, request: &Q) -> Result<(), ClientError> {
        let told = self.connection(broker)?.tell(request);
        if told.is_err() {
            self.connections.remove(&broker);
        }
        told
    }

    fn connection(&mut self, broker: i32) -> Result<&mut Connection, ClientError> {
        if !self.connections.contains_key(&broker) {
            if !self.addresses.contains_key(&broker) {
                self.metadata(Some(&[]))?;
            }
            let address = self.addresses.get(&broker).ok_or(ClientError::NoSuchBroker(broker))?;
            self.connections
                .insert(broker, Connection::open(address, self.timeout)?);
        }
        self.connections
            .get_mut(&broker)
            .ok_or(ClientError::NoSuchBroker(broker))
    }

    /// Metadata of the named topics, or of all; remembers where the brokers are.
    pub fn metadata(&mut self, topics: Option<&[String]>) -> Result<MetadataResponse, ClientError> {
        let named = |name: &String| MetadataRequestTopic {
            name: Some(name.clone()),
            ..Default::default()
        };
        let request = MetadataRequest {
            topics: topics.map(|names| names.iter().map(named).collect()),
            allow_auto_topic_creation: false,
            ..Default::default()
        };
        let answer = self.ask_again(&request)?;
        answer
            .error_code
            .ok()
            .map_err(|code| ClientError::refused("Metadata", code, None))?;
        self.addresses = answer
            .brokers
            .iter()
            .map(|broker| (broker.node_id, address(&broker.host, broker.port)))
            .collect();
        Ok(answer)
    }

    /// Topics that must exist, each partition with a leader. Waits for that as long as it may.
    pub fn topics(&mut self, names: &[String]) -> Result<Vec<MetadataResponseTopic>, ClientError> {
        let deadline = self.deadline();
        loop {
            let topics = self.metadata(Some(names))?.topics;
            let code = topics
                .iter()
                .flat_map(|topic| {
                    let partitions = topic.partitions.iter().map(|partition| partition.error_code);
                    std::iter::once(topic.error_code).chain(partitions)
                })
                .find(|code| !code.is_none() && *code != ErrorCode::REPLICA_NOT_AVAILABLE);
            match code {
                None => return Ok(topics),
                Some(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION) => return Err(self.unknown_topic(&topics)),
                Some(code) if code.is_retriable() && Instant::now() < deadline => thread::sleep(RETRY_WAIT),
                Some(code) => return Err(ClientError::refused("Metadata", code, None)),
            }
        }
    }

    fn unknown_topic(&mut self, asked: &[MetadataResponseTopic]) -> ClientError {
        let unknown = asked
            .iter()
            .find(|topic| topic.error_code == ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
        let name = unknown.and_then(|topic| topic.name.clone()).unwrap_or_default();
        let all = self.metadata(None).map(|answer| answer.topics).unwrap_or_default();
        let known = all.iter().filter_map(|topic| topic.name.as_deref());
        let nearest = crate::config::nearest::nearest(&name, known).map(str::to_owned);
        ClientError::UnknownTopic {
            name,
            server: self.name(),
            nearest,
        }
    }

    /// The broker that coordinates a group.
    pub fn coordinator(&mut self, group: &str) -> Result<i32, ClientError> {
        let deadline = self.deadline();
        let request = FindCoordinatorRequest {
            key: group.to_owned(),
            ..Default::default()
        };
        loop {
            let FindCoordinatorResponse {
                error_code,
                error_message,
                node_id,
                host,
                port,
                ..
            } = self.ask_again(&request)?;
            match error_code {
                ErrorCode::NONE => {
                    self.addresses.insert(node_id, address(&host, port));
                    return Ok(node_id);
                }
                code if code.is_retriable() && Instant::now() < deadline => thread::sleep(RETRY_WAIT),
                code => return Err(ClientError::refused("FindCoordinator", code, error_message)),
            }
        }
    }
}

fn address(host: &str, port: i32) -> String {
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

/// Whether another try, after asking who is in charge, may help.
fn may_retry(error: &ClientError) -> bool {
    match error {
        ClientError::Refused { code, .. } => code.is_retriable(),
        ClientError::Broken { .. } | ClientError::NoAnswer { .. } | ClientError::Unreachable { .. } => true,
        _ => false,
    }
}
