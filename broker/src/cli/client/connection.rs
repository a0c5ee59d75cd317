//! One connection: dials, asks what the other side speaks, then sends a request and waits for its answer.

use super::{Call, ClientError};
use bytes::Bytes;
use corelane_protocol::api_key::ApiKey;
use corelane_protocol::error_code::ErrorCode;
use corelane_protocol::frame;
use corelane_protocol::header::{RequestHeader, decode_response_header};
use corelane_protocol::message::Message;
use corelane_protocol::messages::{ApiVersionsRequest, ApiVersionsResponse};
use corelane_protocol::wire::Reader;
use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

/// Largest answer that is accepted, in bytes.
const ANSWER_BYTES_MAX: usize = 256 << 20;

/// A socket to one broker, and the versions it speaks.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    address: String,
    /// By api key: oldest and newest version.
    versions: BTreeMap<i16, (i16, i16)>,
    correlation_id: i32,
}

impl Connection {
    /// Dials `host:port` and asks for versions.
    pub fn open(address: &str, timeout: Duration) -> Result<Connection, ClientError> {
        let unreachable = |source| ClientError::Unreachable {
            address: address.to_owned(),
            source,
        };
        let stream = dial(address, timeout).map_err(unreachable)?;
        let settings = [
            stream.set_nodelay(true),
            stream.set_read_timeout(Some(timeout)),
            stream.set_write_timeout(Some(timeout)),
        ];
        settings.into_iter().collect::<io::Result<()>>().map_err(unreachable)?;
        let mut connection = Connection {
            stream,
            address: address.to_owned(),
            versions: BTreeMap::new(),
            correlation_id: 0,
        };
        connection.versions = connection.ask_versions()?;
        Ok(connection)
    }

    /// Sends a request in the newest version that both sides know, and reads its answer.
    pub fn ask<Q: Call>(&mut self, request: &Q) -> Result<Q::Answer, ClientError> {
        let version = self.version::<Q>()?;
        let body = self.exchange(version, request)?;
        self.decode(&body, version)
    }

    /// As [`Connection::ask`], but waits for so long.
    pub fn ask_within<Q: Call>(&mut self, request: &Q, wait: Duration) -> Result<Q::Answer, ClientError> {
        let usual = self
            .stream
            .read_timeout()
            .map_err(|source| self.broken(Q::API_KEY, source))?;
        self.stream
            .set_read_timeout(Some(wait))
            .map_err(|source| self.broken(Q::API_KEY, source))?;
        let answer = self.ask(request);
        self.stream
            .set_read_timeout(usual)
            .map_err(|source| self.broken(Q::API_KEY, source))?;
        answer
    }

    /// Sends a request that has no answer.
    pub fn tell<Q: Call>(&mut self, request: &Q) -> Result<(), ClientError> {
        let version = self.version::<Q>()?;
        self.send(version, request)
    }

    fn version<Q: Call>(&self) -> Result<i16, ClientError> {
        let (oldest, newest) = self.versions.get(&Q::API_KEY.0).copied().unwrap_or((0, -1));
        let version = newest.min(Q::NEWEST);
        if version < oldest.max(*Q::VERSIONS.start()) {
            let address = self.address.clone();
            return Err(ClientError::NoCommonVersion {
                api: Q::API_KEY,
                address,
                oldest,
                newest,
            });
        }
        Ok(version)
    }

    /// An answer to a version that the broker does not know comes in version 0 (KIP-511); then we ask in that.
    fn ask_versions(&mut self) -> Result<BTreeMap<i16, (i16, i16)>, ClientError> {
        let request = ApiVersionsRequest {
            client_software_name: "corelane-cli".to_owned(),
            client_software_version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let body = self.exchange(ApiVersionsRequest::NEWEST, &request)?;
        let too_new = body.first_chunk::<2>().map(|code| ErrorCode(i16::from_be_bytes(*code)));
        let answer: ApiVersionsResponse = if too_new == Some(ErrorCode::UNSUPPORTED_VERSION) {
            let body = self.exchange(0, &request)?;
            self.decode(&body, 0)?
        } else {
            self.decode(&body, ApiVersionsRequest::NEWEST)?
        };
        answer
            .error_code
            .ok()
            .map_err(|code| ClientError::refused("ApiVersions", code, None))?;
        Ok(answer
            .api_keys
            .iter()
            .map(|api| (api.api_key, (api.min_version, api.max_version)))
            .collect())
    }

    fn send<M: Message>(&mut self, version: i16, request: &M) -> Result<(), ClientError> {
        self.correlation_id = self.correlation_id.wrapping_add(1);
        let header = RequestHeader {
            api_key: M::API_KEY,
            api_version: version,
            correlation_id: self.correlation_id,
            client_id: Some("corelane-cli".to_owned()),
        };
        let frame = frame::request(&header, request);
        self.stream
            .write_all(&frame)
            .map_err(|source| self.broken(M::API_KEY, source))
    }

    /// Sends a frame and reads the answer's body.
    fn exchange<M: Message>(&mut self, version: i16, request: &M) -> Result<Bytes, ClientError> {
        self.send(version, request)?;
        let answer = self.receive().map_err(|source| self.broken(M::API_KEY, source))?;
        let mut reader = Reader::sharing(&answer);
        let correlation_id =
            decode_response_header(&mut reader, M::API_KEY, version).map_err(|problem| ClientError::Garbled {
                address: self.address.clone(),
                problem,
            })?;
        if correlation_id != self.correlation_id {
            let mismatch = format!("answer {correlation_id} to request {}", self.correlation_id);
            return Err(self.broken(M::API_KEY, io::Error::new(io::ErrorKind::InvalidData, mismatch)));
        }
        Ok(answer.slice(reader.position()..))
    }

    fn receive(&mut self) -> io::Result<Bytes> {
        let mut prefix = [0; frame::PREFIX_BYTES];
        self.stream.read_exact(&mut prefix)?;
        let bytes = frame::body_bytes(&prefix, ANSWER_BYTES_MAX)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?
            .unwrap_or_default();
        // Grows with what arrives, not with what was announced.
        let mut body = Vec::new();
        (&mut self.stream).take(bytes as u64).read_to_end(&mut body)?;
        if body.len() < bytes {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(body.into())
    }

    fn decode<M: Message>(&self, body: &Bytes, version: i16) -> Result<M, ClientError> {
        M::decode(&mut Reader::sharing(body), version).map_err(|problem| ClientError::Garbled {
            address: self.address.clone(),
            problem,
        })
    }

    fn broken(&self, api: ApiKey, source: io::Error) -> ClientError {
        // What a socket's timeout looks like (`SO_RCVTIMEO`).
        if matches!(source.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) {
            let waited = self.stream.read_timeout().ok().flatten().unwrap_or_default();
            return ClientError::NoAnswer {
                address: self.address.clone(),
                api,
                waited_ms: waited.as_millis(),
            };
        }
        ClientError::Broken {
            address: self.address.clone(),
            api,
            source,
        }
    }
}

/// Tries every address that the name stands for.
fn dial(address: &str, timeout: Duration) -> io::Result<TcpStream> {
    let mut failure = None;
    for candidate in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&candidate, timeout) {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = Some(error),
        }
    }
    Err(failure.unwrap_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the name has no address")))
}
