//! The two loops behind every acknowledgement: group commit, and the work that frees journal and memory.

use std::time::Duration;

use super::{Core, Message};
use crate::{
    limits::BACKGROUND_IDLE_MS,
    partition,
    runtime::world::{Instant, World},
};

/// Writes and flushes frame after frame, and tells the partitions what became durable. A fault ends the process:
/// nothing after a failed flush may be acknowledged, and a flush is never tried again.
pub(super) async fn run<W: World<Message = Message>>(core: Core<W>) {
    loop {
        match core.store().commit().await {
            Ok(_) => {
                core.metrics
                    .frame_is_durable(Instant(core.store().sealed_ns()), core.world.now());
                partition::host::on_commit(&core);
                partition::produce::append_waiting(&core);
            }
            Err(fault) => core
                .world
                .fail_stop(&format!("the journal of core {} failed: {fault}", core.world.core())),
        }
    }
}

/// Write-out, checkpoint, reclaim and retention, one bounded round after the other.
pub(super) async fn run_background<W: World<Message = Message>>(core: Core<W>) {
    while !core.is_stopping() {
        match core.store().background().await {
            Ok(true) => core.world.yield_now().await,
            Ok(false) => core.world.sleep(Duration::from_millis(BACKGROUND_IDLE_MS)).await,
            Err(fault) => core
                .world
                .fail_stop(&format!("write-out of core {} failed: {fault}", core.world.core())),
        }
        partition::produce::append_waiting(&core);
    }
}
