//! The three pages. A wrong path or method is answered by axum.

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};

use super::{desk::Desk, process};
use crate::metrics::{self, Readiness};

/// What Prometheus asks for if it is not told otherwise.
const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

pub fn router(desk: Arc<Desk>) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .with_state(desk)
}

async fn metrics(State(desk): State<Arc<Desk>>) -> Response {
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
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], metrics::text(&node)).into_response()
}

/// The process lives, and its cores move.
async fn healthz(State(desk): State<Arc<Desk>>) -> Response {
    let still = desk.still_cores().await;
    if still.is_empty() {
        return "ok\n".into_response();
    }
    let cores: Vec<String> = still.iter().map(usize::to_string).collect();
    unavailable(format!("these cores do not move: {}\n", cores.join(", ")))
}

/// Clients may be sent here.
async fn readyz(State(desk): State<Arc<Desk>>) -> Response {
    let (readiness, cores) = desk.readiness().await;
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
