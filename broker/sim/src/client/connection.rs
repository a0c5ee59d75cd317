//! One connection: requests go out in order, responses come back in the same order.

use std::{collections::VecDeque, io, time::Duration};

use bytes::{Buf, BytesMut};
use corelane_broker::runtime::world::{Stream, World};
use corelane_protocol::{
    frame,
    header::{RequestHeader, decode_response_header},
    message::Message,
    messages::{ApiVersionsRequest, ApiVersionsResponse},
    wire::Reader,
};
use futures_lite::future::or;

use crate::{network::SimStream, world::SimWorld};

/// Longest that a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(10);
const RESPONSE_BYTES_MAX: usize = 64 << 20;

/// Why a call has no answer.
#[derive(Debug)]
pub enum CallError {
    /// The connection is gone; what was asked may or may not have been done.
    Closed(io::ErrorKind),
    /// No answer in time; the same.
    Timeout,
    /// The broker says that its disk lost something (KAFKA_STORAGE_ERROR).
    Storage,
    /// The answer is not what the protocol allows: always a fault of the broker.
    Malformed(String),
}

impl From<io::Error> for CallError {
    fn from(error: io::Error) -> CallError {
        CallError::Closed(error.kind())
    }
}

/// A connection to a node.
pub struct Connection {
    world: SimWorld<()>,
    stream: SimStream,
    received: BytesMut,
    next_correlation_id: i32,
    /// What was sent and is not answered yet.
    in_flight: VecDeque<RequestHeader>,
}

impl Connection {
    /// Tries until the node listens, and asks for its API versions as every client does first.
    pub async fn open(world: &SimWorld<()>, node: u32, port: u16) -> Connection {
        loop {
            if let Ok(connection) = Connection::try_open(world, node, port).await {
                return connection;
            }
            world.sleep(Duration::from_millis(5)).await;
        }
    }

    async fn try_open(world: &SimWorld<()>, node: u32, port: u16) -> Result<Connection, CallError> {
        let stream = world
            .simulation
            .connect((world.machine.id, world.core()), node, port)
            .await?;
        let mut connection = Connection {
            world: world.clone(),
            stream,
            received: BytesMut::new(),
            next_correlation_id: 1,
            in_flight: VecDeque::new(),
        };
        let who = ApiVersionsRequest {
            client_software_name: "sim".into(),
            client_software_version: "1".into(),
        };
        let versions: ApiVersionsResponse = connection.call(3, &who).await?;
        if versions.error_code.is_none() && !versions.api_keys.is_empty() {
            Ok(connection)
        } else {
            Err(CallError::Malformed(format!("ApiVersions: {versions:?}")))
        }
    }

    /// Sends a request and waits for its answer; nothing else may be in flight.
    pub async fn call<Q: Message, A: Message>(&mut self, version: i16, request: &Q) -> Result<A, CallError> {
        assert!(self.in_flight.is_empty(), "answers come in order");
        self.send(version, request).await?;
        self.receive().await
    }

    pub async fn send<Q: Message>(&mut self, version: i16, request: &Q) -> Result<(), CallError> {
        let header = RequestHeader {
            api_key: Q::API_KEY,
            api_version: version,
            correlation_id: self.next_correlation_id,
            client_id: Some("sim".into()),
        };
        self.next_correlation_id += 1;
        let bytes = frame::request(&header, request).freeze();
        self.in_flight.push_back(header);
        let write = async { Ok(self.stream.write(vec![bytes]).await?) };
        let late = async {
            self.world.sleep(PATIENCE).await;
            Err(CallError::Timeout)
        };
        or(write, late).await
    }

    /// The answer to the oldest request in flight.
    pub async fn receive<A: Message>(&mut self) -> Result<A, CallError> {
        let header = self.in_flight.pop_front().expect("something was asked");
        assert_eq!(header.api_key, A::API_KEY, "the answer that is waited for");
        let late = self.world.sleep(PATIENCE);
        let read = async {
            loop {
                let malformed = |error: frame::FrameError| CallError::Malformed(error.to_string());
                if let Some(len) = frame::body_bytes(&self.received, RESPONSE_BYTES_MAX).map_err(malformed)?
                    && self.received.len() >= frame::PREFIX_BYTES + len
                {
                    self.received.advance(frame::PREFIX_BYTES);
                    return Ok(self.received.split_to(len).freeze());
                }
                let buffer = std::mem::take(&mut self.received);
                let (read, buffer) = self.stream.read(buffer).await;
                self.received = buffer;
                if read? == 0 {
                    return Err(CallError::Closed(io::ErrorKind::UnexpectedEof));
                }
            }
        };
        let late = async {
            late.await;
            Err(CallError::Timeout)
        };
        let body = or(read, late).await?;
        decode(&header, &body).map_err(|wrong| CallError::Malformed(format!("{header:?}: {wrong}")))
    }

    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }
}

fn decode<A: Message>(header: &RequestHeader, body: &[u8]) -> Result<A, String> {
    let mut reader = Reader::new(body);
    let correlation_id =
        decode_response_header(&mut reader, header.api_key, header.api_version).map_err(|error| error.to_string())?;
    if correlation_id != header.correlation_id {
        return Err(format!("answers {correlation_id}: out of order"));
    }
    A::decode(&mut reader, header.api_version).map_err(|error| error.to_string())
}
