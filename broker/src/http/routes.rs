//! The three pages. A wrong path or method is answered by axum.

use std::sync::Arc;

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};

use tokio::{sync::Mutex, time::Instant};

use super::{desk::Desk, process};
use crate::metrics::{self, Readiness};

/// What Prometheus asks for if it is not told otherwise.
const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

pub fn router(desk: Arc<Desk>) -> Router {
    let pages = Arc::new(Pages {
        desk,
        newest: Mutex::default(),
    });
    Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .with_state(pages)
}

struct Pages {
    desk: Arc<Desk>,
    /// The newest text, and since when it was made. Locked while one is made: cores are asked once, however many scrape.
    newest: Mutex<Option<(Instant, Bytes)>>,
}

/// Who comes while a text is made shares the next one with all that came meanwhile.
async fn metrics(State(pages): State<Arc<Pages>>) -> Response {
    let came = Instant::now();
    let mut newest = pages.newest.lock().await;
    let text = match &*newest {
        Some((begun, text)) if *begun >= came => text.clone(),
        _ => {
            let begun = Instant::now();
            let text = Bytes::from(scrape(&pages.desk).await);
            *newest = Some((begun, text.clone()));
            text
        }
    };
    drop(newest);
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response()
}

async fn scrape(desk: &Desk) -> String {
    let mut node = desk.observe().await;
    node.process = process::process();
    node.times = process::core_times(node.cores.len());
    if let Some(pulse) = desk.pulse() {
        for (core, times) in node.times.iter_mut().enumerate() {
            if let Some(times) = times {
                times.turns = pulse.heartbeat(core);
            }
        }
    }
    metrics::text(&node)
}

/// The process lives, and its cores move.
async fn healthz(State(pages): State<Arc<Pages>>) -> Response {
    let still = pages.desk.still_cores().await;
    if still.is_empty() {
        return "ok\n".into_response();
    }
    let cores: Vec<String> = still.iter().map(usize::to_string).collect();
    unavailable(format!("these cores do not move: {}\n", cores.join(", ")))
}

/// Clients may be sent here.
async fn readyz(State(pages): State<Arc<Pages>>) -> Response {
    let (readiness, cores) = pages.desk.readiness().await;
    match readiness {
        Readiness::Ready => "ready\n".into_response(),
        Readiness::Stopping => unavailable("stopping\n".to_owned()),
        Readiness::Starting => unavailable(why_not(&cores)),
    }
}

fn why_not(cores: &[Option<Readiness>]) -> String {
    if cores.is_empty() {
        return "starting: no core runs yet\n".to_owned();
    }
    let mut why = String::new();
    for (core, readiness) in cores.iter().enumerate() {
        match readiness {
            Some(Readiness::Ready) => {}
            Some(_) => why.push_str(&format!("core {core} recovers its logs or waits for its leadership\n")),
            None => why.push_str(&format!("core {core} did not answer in time\n")),
        }
    }
    why
}

fn unavailable(why: String) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, why).into_response()
}
