//! The side thread: takes connections, one exchange on each, few at a time and none for long.

use std::{io, sync::Arc, thread};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};

use super::{desk::Desk, routes};
use crate::{
    limits::{HTTP_CONNECTIONS_MAX, HTTP_REQUEST_TIME_MAX, HTTP_TIME_MAX},
    node::BindAddress,
    runtime::host,
};

/// Requests have no bodies, and few headers.
const REQUEST_BYTES_MAX: usize = 16 * 1024;

/// Sockets that listen already, so that a port that is taken is known before anything starts.
pub struct Claimed(Vec<std::net::TcpListener>);

impl Claimed {
    /// # Errors
    /// What an operator must mend.
    pub fn take(addresses: &[BindAddress]) -> Result<Claimed, String> {
        let mut listeners = Vec::new();
        for BindAddress { address, required } in addresses {
            match host::listen_alone(*address) {
                Ok(listener) => listeners.push(listener),
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                    return Err(format!(
                        "metrics.listeners: {address} is taken by another process or by a listener of this broker; name a \
                         port that is free, or leave metrics.listeners empty to serve no metrics"
                    ));
                }
                Err(_) if !required => {}
                Err(error) => return Err(format!("metrics.listeners: cannot listen on {address}: {error}")),
            }
        }
        Ok(Claimed(listeners))
    }

    /// Serves until the process ends. `desk` is where the cores are asked.
    ///
    /// # Errors
    /// The system gives no thread or no poller.
    pub fn serve(self, desk: Arc<Desk>) -> io::Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut listeners = Vec::new();
        {
            let _inside = runtime.enter();
            for listener in self.0 {
                listener.set_nonblocking(true)?;
                tracing::info!(address = %listener.local_addr()?, "metrics over HTTP");
                listeners.push(TcpListener::from_std(listener)?);
            }
        }
        thread::Builder::new().name("corelane-http".to_owned()).spawn(move || {
            let router = routes::router(desk);
            let room = Arc::new(Semaphore::new(HTTP_CONNECTIONS_MAX));
            runtime.block_on(async {
                for listener in listeners {
                    tokio::spawn(accept(listener, router.clone(), room.clone()));
                }
                std::future::pending::<()>().await;
            });
        })?;
        Ok(())
    }
}

/// A connection is accepted when there is room for it; until then the kernel keeps it.
async fn accept(listener: TcpListener, router: Router, room: Arc<Semaphore>) {
    loop {
        let permit = room
            .clone()
            .acquire_owned()
            .await
            .expect("the semaphore is never closed");
        match listener.accept().await {
            Ok((stream, _)) => {
                let router = router.clone();
                tokio::spawn(async move {
                    exchange(stream, router).await;
                    drop(permit);
                });
            }
            Err(error) => {
                // Out of descriptors, or the peer was gone: clients of the broker have what there is.
                tracing::debug!(%error, "could not accept a connection over HTTP");
                tokio::time::sleep(HTTP_TIME_MAX / 100).await;
            }
        }
    }
}

/// One request and its answer. Whoever sends or takes too slowly loses the connection.
async fn exchange(stream: TcpStream, router: Router) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HTTP_REQUEST_TIME_MAX)
        .keep_alive(false)
        .max_buf_size(REQUEST_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    match tokio::time::timeout(HTTP_TIME_MAX, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "an exchange over HTTP failed"),
        Err(_) => tracing::debug!("an exchange over HTTP took too long"),
    }
}
