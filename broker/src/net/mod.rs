//! Connections: accept, frames, order of answers, byte budgets. Bodies are decoded elsewhere.

mod connection;
mod in_flight;

use std::net::SocketAddr;

use crate::{
    core::{Core, Message},
    runtime::world::{Listener, World},
};

/// Accepts on one address until the core stops.
pub async fn accept<W: World<Message = Message>>(core: Core<W>, listener: W::Listener) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => open(&core, stream, peer),
            Err(error) if core.is_stopping() => {
                tracing::debug!(%error, "listener closed");
                return;
            }
            Err(error) => {
                // Out of descriptors, or the peer was gone before we looked: neither ends the listener.
                tracing::warn!(%error, "could not accept a connection");
                core.world.yield_now().await;
            }
        }
    }
}

fn open<W: World<Message = Message>>(core: &Core<W>, stream: W::Stream, peer: SocketAddr) {
    if core.is_stopping() {
        return;
    }
    let task_core = core.clone();
    core.world.spawn("connection", async move {
        connection::serve(task_core, stream, peer).await;
    });
}
