//! Connections: accept, frames, order of answers, byte budgets. Bodies are decoded elsewhere.

mod activity;
mod connection;
mod in_flight;
mod lane;
mod large_frames;
mod other_protocol;
pub mod quota;
mod seldom;
mod slow;

use std::net::SocketAddr;

pub use lane::Lanes;
pub use large_frames::LargeFrames;
use quota::Verdict;

use crate::{
    core::{
        CONTROLLER_CORE, Core, Message, ReplyTo,
        message::{AdmitCall, ClosedCall, Reply},
    },
    log_limit,
    runtime::world::{Listener, Stream, World},
};

/// Accepts on one address until the core stops. One connection at a time waits for its admission; the next ones wait at the
/// listener, which takes a bounded number of them from the kernel.
pub async fn accept<W: World<Message = Message>>(core: Core<W>, listener: W::Listener) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => admit(&core, stream, peer).await,
            Err(error) if core.is_stopping() => {
                tracing::debug!(%error, "listener closed");
                return;
            }
            Err(error) => {
                // Out of descriptors, or the peer was gone before we looked: neither ends the listener.
                let limit = &core.log_limits.connection_refused;
                if let log_limit::Verdict::Say { held_back } = limit.judge(core.world.now()) {
                    tracing::warn!(%error, held_back, "could not accept a connection");
                }
                core.world.yield_now().await;
            }
        }
    }
}

async fn admit<W: World<Message = Message>>(core: &Core<W>, stream: W::Stream, peer: SocketAddr) {
    let address = peer.ip().to_canonical();
    match core.call(CONTROLLER_CORE, AdmitCall(address)).await {
        Verdict::Serve => {
            let core = core.clone();
            core.world.clone().spawn("connection", async move {
                if !core.is_stopping() {
                    core.metrics.connection_opened();
                    connection::serve(core.clone(), stream, peer).await;
                    core.metrics.connection_closed();
                }
                core.call(CONTROLLER_CORE, ClosedCall(address)).await;
            });
        }
        Verdict::SendAwayAfter(wait) => {
            let limit = &core.log_limits.connection_refused;
            if let log_limit::Verdict::Say { held_back } = limit.judge(core.world.now()) {
                tracing::info!(%peer, held_back, "sent away: its address made too many connections (connection_creation_rate)");
            }
            let world = core.world.clone();
            core.world.spawn("throttled connection", async move {
                world.sleep(wait).await;
                stream.shutdown();
            });
        }
        Verdict::SendAway => {
            let limit = &core.log_limits.connection_refused;
            if let log_limit::Verdict::Say { held_back } = limit.judge(core.world.now()) {
                tracing::info!(%peer, held_back, "sent away: its address has as many connections as it may (max.connections.per.ip)");
            }
            stream.shutdown();
        }
    }
}

/// On the controller's core: tells who asked what becomes of their connections.
pub(crate) fn tell<W: World<Message = Message>>(core: &Core<W>, verdicts: Vec<(ReplyTo, Verdict)>) {
    for (asker, verdict) in verdicts {
        core.reply(asker, Reply::Admit(verdict));
    }
}
