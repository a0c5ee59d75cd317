//! One socket to a broker: one request, one answer.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream, ToSocketAddrs},
    time::Duration,
};

use bytes::Bytes;
use corelane_protocol::{
    frame,
    header::{RequestHeader, decode_response_header},
    message::Message,
    wire::Reader,
};

use super::{ANSWER_BYTES_MAX, CLIENT_ID};

/// The kernel alone would try for two minutes.
const CONNECT_WAIT: Duration = Duration::from_secs(10);

pub struct Connection {
    stream: TcpStream,
    correlation_id: i32,
}

impl Connection {
    pub fn open(address: &str) -> io::Result<Connection> {
        let stream = connect(address)
            .map_err(|error| io::Error::new(error.kind(), format!("cannot connect to {address}: {error}")))?;
        stream.set_nodelay(true)?;
        Ok(Connection {
            stream,
            correlation_id: 0,
        })
    }

    pub fn ask<Q: Message, A: Message>(&mut self, version: i16, request: &Q) -> io::Result<A> {
        self.correlation_id = self.correlation_id.wrapping_add(1);
        let header = RequestHeader {
            api_key: Q::API_KEY,
            api_version: version,
            correlation_id: self.correlation_id,
            client_id: Some(CLIENT_ID.to_owned()),
        };
        self.stream.write_all(&frame::request(&header, request))?;
        let mut prefix = [0; frame::PREFIX_BYTES];
        self.stream.read_exact(&mut prefix)?;
        let length = frame::body_bytes(&prefix, ANSWER_BYTES_MAX).map_err(io::Error::other)?;
        let mut body = vec![0; length.unwrap_or_default()];
        self.stream.read_exact(&mut body)?;
        let body = Bytes::from(body);
        let mut reader = Reader::sharing(&body);
        let correlation_id = decode_response_header(&mut reader, Q::API_KEY, version).map_err(io::Error::other)?;
        if correlation_id != self.correlation_id {
            return Err(io::Error::other("an answer to another request"));
        }
        A::decode(&mut reader, version).map_err(io::Error::other)
    }
}

/// The first of a name's addresses that takes it.
fn connect(address: &str) -> io::Result<TcpStream> {
    let mut refused = io::Error::from(io::ErrorKind::AddrNotAvailable);
    let found: Vec<SocketAddr> = address.to_socket_addrs()?.collect();
    for address in found {
        match TcpStream::connect_timeout(&address, CONNECT_WAIT) {
            Ok(stream) => return Ok(stream),
            Err(error) => refused = error,
        }
    }
    Err(refused)
}
