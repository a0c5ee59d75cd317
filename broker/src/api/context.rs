//! What every handler is given beside its request, and the ways in which a request may end.

use std::{cell::Cell, fmt::Display, net::SocketAddr, rc::Rc};

use bytes::Bytes;
use corelane_protocol::{api_key::ApiKey, frame, message::Message};

/// How a request ends.
pub enum Outcome {
    /// One whole response frame.
    Respond(Vec<Bytes>),
    /// Produce with acks=0.
    Silent,
    /// The reason, for the log.
    Close(String),
}

/// Who asks, and how.
#[derive(Clone, Debug)]
pub struct RequestContext {
    pub api_key: ApiKey,
    pub api_version: i16,
    pub correlation_id: i32,
    pub client_id: Option<String>,
    pub peer: SocketAddr,
    pub appends: Appends,
}

/// Tells the connection of a produce request that its appends are made: only then may the next one begin.
#[derive(Clone, Debug, Default)]
pub struct Appends(Rc<Cell<bool>>);

impl Appends {
    pub fn are_made(&self) -> bool {
        self.0.get()
    }

    pub fn set_made(&self) {
        self.0.set(true);
    }
}

impl RequestContext {
    /// As Kafka shows clients without a name.
    pub fn client_id(&self) -> &str {
        self.client_id.as_deref().unwrap_or("")
    }

    /// The end of a connection whose request makes no sense.
    pub fn malformed(&self, error: &dyn Display) -> Outcome {
        Outcome::Close(format!(
            "{} version {} cannot be decoded: {error}",
            self.api_key, self.api_version
        ))
    }
}

/// Frames a response.
pub fn respond(context: &RequestContext, response: &impl Message) -> Outcome {
    Outcome::Respond(vec![
        frame::response(context.api_version, context.correlation_id, response).freeze(),
    ])
}

/// Frames a response that carries records, without copying large ones.
pub fn frame_parts(context: &RequestContext, response: &impl Message) -> Vec<Bytes> {
    frame::response_parts(context.api_version, context.correlation_id, response)
}
