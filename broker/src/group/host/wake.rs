//! One sleeping task per core wakes for the earliest deadline of all its coordinators.

use super::{Event, step};
use crate::{
    core::{Core, Message},
    partition::PartitionKey,
    runtime::world::{Instant, World},
};

/// Makes sure that somebody wakes in time.
pub(super) fn arm<W: World<Message = Message>>(core: &Core<W>) {
    let first = {
        let mut groups = core.groups.borrow_mut();
        let deadlines = groups
            .hosted
            .values()
            .filter_map(|hosted| hosted.coordinator.next_deadline());
        let Some(first) = deadlines.min() else { return };
        if groups.wake_at.is_some_and(|wake_at| wake_at <= first) {
            return;
        }
        groups.wake_at = Some(first);
        first
    };
    let sleeping = core.clone();
    core.world.spawn("group deadline", async move {
        let core = sleeping;
        core.world.sleep(first.since(core.world.now())).await;
        // An earlier deadline may have come meanwhile, with a sleeper of its own.
        let is_mine = core.groups.borrow().wake_at == Some(first);
        if is_mine {
            while tick_due(&core) {
                core.world.yield_now().await;
            }
            core.groups.borrow_mut().wake_at = None;
            arm(&core);
        }
    });
}

/// One tick for every coordinator that has something due; false if none had.
fn tick_due<W: World<Message = Message>>(core: &Core<W>) -> bool {
    let now: Instant = core.world.now();
    let due: Vec<(PartitionKey, u64)> = core
        .groups
        .borrow()
        .hosted
        .iter()
        .filter(|(_, hosted)| {
            hosted
                .coordinator
                .next_deadline()
                .is_some_and(|deadline| deadline <= now)
        })
        .map(|(key, hosted)| (*key, hosted.life))
        .collect();
    for (key, life) in &due {
        step(core, key, *life, Event::Tick);
    }
    !due.is_empty()
}
