//! What one core counts of its requests and connections. Owned by that core; others get a copy.

use std::cell::{Cell, RefCell};

use corelane_protocol::{api_key::ApiKey, error_code::ErrorCode};

use super::{ApiSnapshot, Latency, Marks, Spent, Stage, Timeline};
use crate::runtime::world::Instant;

/// One core's.
#[derive(Default)]
pub struct CoreMetrics {
    /// By key; an API that nobody asked for has none.
    apis: RefCell<Vec<Option<Box<ApiMetrics>>>>,
    connections: Cell<u64>,
    connections_opened: Cell<u64>,
    /// Requests that ended their connection: malformed, of an unknown API, or failed with acks=0.
    requests_refused: Cell<u64>,
    slow_requests: Cell<u64>,
    /// When the newest durable frame was sealed, and when it was durable.
    newest_frame: Cell<(Instant, Instant)>,
}

#[derive(Default)]
struct ApiMetrics {
    requests: u64,
    request_bytes: u64,
    response_bytes: u64,
    /// In order of code.
    errors: Vec<(ErrorCode, u64)>,
    total: Latency,
    stages: [Option<Box<Latency>>; Stage::COUNT],
}

impl ApiMetrics {
    fn error(&mut self, code: ErrorCode) {
        match self.errors.binary_search_by_key(&code, |(code, _)| *code) {
            Ok(at) => self.errors[at].1 += 1,
            Err(at) => self.errors.insert(at, (code, 1)),
        }
    }
}

impl CoreMetrics {
    pub fn connection_opened(&self) {
        self.connections.set(self.connections.get() + 1);
        self.connections_opened.set(self.connections_opened.get() + 1);
    }

    pub fn connection_closed(&self) {
        self.connections.set(self.connections.get().saturating_sub(1));
    }

    /// Connections now, and ever since the start.
    pub fn connections(&self) -> (u64, u64) {
        (self.connections.get(), self.connections_opened.get())
    }

    pub fn request_refused(&self) {
        self.requests_refused.set(self.requests_refused.get() + 1);
    }

    pub fn requests_refused(&self) -> u64 {
        self.requests_refused.get()
    }

    pub fn request_was_slow(&self) {
        self.slow_requests.set(self.slow_requests.get() + 1);
    }

    pub fn slow_requests(&self) -> u64 {
        self.slow_requests.get()
    }

    /// Another frame of the journal is durable.
    pub fn frame_is_durable(&self, sealed: Instant, durable: Instant) {
        self.newest_frame.set((sealed, durable));
    }

    /// Of a call that was taken then and is answered now.
    pub fn marks_of(&self, taken: Instant) -> Marks {
        let (sealed, durable) = self.newest_frame.get();
        Marks::new(taken, sealed, durable)
    }

    /// A request is done with: its answer left, or it has none. Gives where its time went.
    pub fn request_ends(&self, timeline: &Timeline, bytes: Bytes, sent: Instant) -> Spent {
        let spent = timeline.end(sent);
        if let Some(api) = timeline.api() {
            self.with_api(api, |metrics| {
                metrics.requests += 1;
                metrics.request_bytes += bytes.request as u64;
                metrics.response_bytes += bytes.response as u64;
                metrics.total.record(spent.total);
                timeline.take_errors().into_iter().for_each(|code| metrics.error(code));
                for (stage, took) in spent.stages() {
                    metrics.stages[stage as usize].get_or_insert_default().record(took);
                }
            });
        }
        spent
    }

    fn with_api(&self, api: ApiKey, count: impl FnOnce(&mut ApiMetrics)) {
        let Ok(key) = usize::try_from(api.0) else { return };
        let mut apis = self.apis.borrow_mut();
        if apis.len() <= key {
            apis.resize_with(key + 1, || None);
        }
        count(apis[key].get_or_insert_default());
    }

    /// APIs that were asked for so far.
    pub fn apis(&self) -> Vec<ApiKey> {
        let apis = self.apis.borrow();
        let asked = apis.iter().enumerate().filter(|(_, api)| api.is_some());
        asked.map(|(key, _)| ApiKey(key as i16)).collect()
    }

    /// A copy of what is counted of one API: some 100 KiB.
    pub fn api(&self, api: ApiKey) -> Option<ApiSnapshot> {
        let apis = self.apis.borrow();
        let metrics = apis.get(usize::try_from(api.0).ok()?)?.as_ref()?;
        let stages = Stage::ALL.into_iter().zip(&metrics.stages);
        Some(ApiSnapshot {
            api,
            requests: metrics.requests,
            request_bytes: metrics.request_bytes,
            response_bytes: metrics.response_bytes,
            errors: metrics.errors.clone(),
            total: metrics.total.clone(),
            stages: stages
                .filter_map(|(stage, latency)| Some((stage, (**latency.as_ref()?).clone())))
                .collect(),
        })
    }
}

/// Of one request, as they stand on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bytes {
    pub request: usize,
    pub response: usize,
}
