//! What every handler is given beside its request, and the ways in which a request may end.

use std::{
    cell::{Cell, RefCell},
    fmt::Display,
    net::SocketAddr,
    ops::Deref,
    rc::Rc,
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use corelane_protocol::{api_key::ApiKey, frame, message::Message};
use smallvec::smallvec;

use crate::{
    metrics::Timeline,
    runtime::world::{Instant, Parts},
};

/// How a request ends.
pub enum Outcome {
    /// One whole response frame.
    Respond(Parts),
    /// Produce with acks=0.
    Silent,
    /// The reason, for the log.
    Close(String),
}

/// Who is at the other end of a connection.
#[derive(Debug)]
pub struct Client {
    pub peer: SocketAddr,
    /// As its last request said. Clients say the same each time.
    id: RefCell<Option<Rc<str>>>,
}

impl Client {
    pub fn new(peer: SocketAddr) -> Client {
        Client {
            peer,
            id: RefCell::default(),
        }
    }

    /// Its id, as it says it now.
    pub fn id(&self, said: Option<&str>) -> Option<Rc<str>> {
        let mut id = self.id.borrow_mut();
        if id.as_deref() != said {
            *id = said.map(Rc::from);
        }
        id.clone()
    }
}

/// Who asks, and how.
#[derive(Clone, Debug)]
pub struct RequestContext {
    pub api_key: ApiKey,
    pub api_version: i16,
    pub correlation_id: i32,
    pub client_id: Option<Rc<str>>,
    /// Of the whole request, without its length.
    pub request_bytes: usize,
    pub peer: SocketAddr,
    pub progress: Progress,
}

/// What a handler tells the connection while its request is under way: the moments of it, and of a produce request that its appends
/// are made: only then may the next one begin.
#[derive(Clone, Debug)]
pub struct Progress(Rc<Shared>);

#[derive(Debug)]
struct Shared {
    timeline: Timeline,
    appends_made: Cell<bool>,
    throttle: Cell<Throttle>,
    work: Cell<Work>,
    /// Where the answer is written; the memory is the next request's, too.
    answer: RefCell<BytesMut>,
}

/// For how long its client is to ask for nothing more.
#[derive(Clone, Copy, Debug, Default)]
struct Throttle {
    ms: i64,
    until: Option<Instant>,
}

/// What its core did for it.
#[derive(Clone, Copy, Debug, Default)]
struct Work {
    done: Duration,
    since: Option<Instant>,
}

impl Shared {
    fn new(timeline: Timeline, answer: BytesMut) -> Shared {
        Shared {
            timeline,
            appends_made: Cell::new(false),
            throttle: Cell::default(),
            work: Cell::default(),
            answer: RefCell::new(answer),
        }
    }
}

impl Progress {
    pub fn new(timeline: Timeline) -> Progress {
        Progress(Rc::new(Shared::new(timeline, BytesMut::new())))
    }

    /// That of the next request, in the same memory if that one is done with.
    pub fn renew(&mut self, timeline: Timeline) {
        match Rc::get_mut(&mut self.0) {
            Some(shared) => *shared = Shared::new(timeline, shared.answer.take()),
            None => *self = Progress::new(timeline),
        }
    }

    pub fn appends_are_made(&self) -> bool {
        self.0.appends_made.get()
    }

    pub fn set_appends_made(&self) {
        self.0.appends_made.set(true);
    }

    /// Its connection is not read until then; the longest wait counts.
    pub fn throttle(&self, until: Instant, ms: i64) {
        let held = self.0.throttle.get();
        self.0.throttle.set(Throttle {
            ms: held.ms.max(ms),
            until: held.until.max(Some(until)),
        });
    }

    pub fn throttled_until(&self) -> Option<Instant> {
        self.0.throttle.get().until
    }

    /// As its answer says it.
    pub fn throttle_time_ms(&self) -> i32 {
        i32::try_from(self.0.throttle.get().ms).unwrap_or(i32::MAX)
    }

    pub fn work_begins(&self, now: Instant) {
        let done = self.0.work.get().done;
        self.0.work.set(Work { done, since: Some(now) });
    }

    pub fn work_pauses(&self, now: Instant) {
        let done = self.busy(now);
        self.0.work.set(Work { done, since: None });
    }

    /// How long its core worked on it, if that is measured.
    pub fn busy(&self, now: Instant) -> Duration {
        let Work { done, since } = self.0.work.get();
        done + since.map_or(Duration::ZERO, |since| now.since(since))
    }
}

impl Deref for Progress {
    type Target = Timeline;

    fn deref(&self) -> &Timeline {
        &self.0.timeline
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
    let memory = &mut *context.progress.0.answer.borrow_mut();
    let (frame, errors) = frame::response_in(memory, context.api_version, context.correlation_id, response);
    context.progress.add_errors(errors);
    Outcome::Respond(smallvec![frame])
}

/// Frames a response that carries records, without copying large ones.
pub fn frame_parts(context: &RequestContext, response: &impl Message) -> Vec<Bytes> {
    let (parts, errors) = frame::response_parts_with_errors(context.api_version, context.correlation_id, response);
    context.progress.add_errors(errors);
    parts
}
