//! Another number of cores than at the last start: every log moves to the journal of the core that runs it now.
//!
//! All old journals are recovered and written out, so that of each log only less than a block is left outside of its
//! segments; then new journals are made beside the old ones, and the superblock, in one write, says that they count.
//! A crash before that write starts over from the old journals, a crash after it only leaves files to be removed.

use super::{LogSpec, Store, StoreOptions, recover, state::Slot};
use crate::{
    Identity, OpenError,
    disk::Disk,
    identity::set_journal_cores,
    journal::{checkpoint::COPIES, directory, frames::FrameRef},
    log::{Fold, PartitionLog},
    store::LogId,
    writeout,
};

const WRITE_OUT_BYTES: usize = 1 << 20;

/// A log on its way: its state as in a checkpoint, and what of it is in no segment.
struct Moving {
    id: LogId,
    spec: LogSpec,
    encoded: Vec<u8>,
    residue: Option<crate::log::ResidueCopy>,
}

/// Moves all logs to the journals of `identity.cores` cores; `core_of` says whose each log is. Does nothing if they are
/// there already. Must end before any [`Store`] is opened, and runs on one core.
pub async fn rehome<D: Disk>(
    disk: &D,
    identity: &Identity,
    core_of: impl Fn(&LogSpec) -> u32,
    options: &StoreOptions,
) -> Result<Identity, OpenError> {
    // Left behind by a start that was cut short, or by one before the last change.
    for cores in directory::layouts(disk).await? {
        if cores != identity.journal_cores {
            directory::remove_layout(disk, cores).await?;
        }
    }
    if identity.journal_cores == identity.cores {
        return Ok(identity.clone());
    }
    let mut moving = Vec::new();
    let mut doomed_directories = Vec::new();
    let old_cores = identity.journal_cores;
    for core in 0..old_cores {
        let store = recover::open(disk.clone(), identity, core, options.clone()).await?;
        tracing::info!(core, end = %store.recovered_end(), "journal of the old cores recovered");
        moving.extend(empty(&store, core).await?);
        doomed_directories.append(&mut store.inner.state.borrow_mut().doomed_directories);
    }
    let new = Identity {
        journal_cores: identity.cores,
        ..identity.clone()
    };
    // What moves is written without waiting for room.
    let options = StoreOptions {
        journal_files_ahead: u32::MAX,
        ..options.clone()
    };
    for core in 0..new.cores {
        let store = recover::open(disk.clone(), &new, core, options.clone()).await?;
        for log in moving.iter().filter(|log| core_of(&log.spec) == core) {
            adopt(&store, log)?;
        }
        store
            .inner
            .state
            .borrow_mut()
            .doomed_directories
            .append(&mut doomed_directories);
        // What moved is in no frame of the new journal: it must be in both copies, since one may rot.
        for _copy in COPIES {
            failed(store.checkpoint().await)?;
        }
    }
    let identity = set_journal_cores(disk, identity).await?;
    directory::remove_layout(disk, old_cores).await?;
    Ok(identity)
}

/// Everything that fills a block goes to segments.
async fn empty<D: Disk>(store: &Store<D>, core: u32) -> Result<Vec<Moving>, OpenError> {
    let inner = &*store.inner;
    let ids: Vec<LogId> = store.logs().into_iter().map(|log| log.id).collect();
    let damaged = ids.iter().find_map(|id| store.damage_of(*id));
    // Also without any log: then all of them may be what is missing.
    if let Some(damage) = damaged.or_else(|| store.damage()) {
        return Err(OpenError::Corrupt {
            path: format!("journal of core {core}"),
            what: format!(
                "a damaged log cannot move to another core, repair it first: {}",
                damage.reason
            ),
        });
    }
    let mut moving = Vec::new();
    for id in ids {
        loop {
            let plan = {
                let mut state = inner.state.borrow_mut();
                let durable_seq = state.committer.durable_seq();
                let wall_ms = (inner.options.wall_ms)();
                let log = &state.logs[&id].log;
                let plan = log.plan_write_out(&state.frames, durable_seq, WRITE_OUT_BYTES, wall_ms);
                for record in plan.iter().flat_map(|plan| &plan.records) {
                    state.change(id, record);
                }
                plan
            };
            let Some(plan) = plan else { break };
            let done = writeout::run(&inner.disk, plan)
                .await
                .map_err(|error| OpenError::io("log", error))?;
            let ticket = {
                let mut state = inner.state.borrow_mut();
                let records = state.logs[&id].log.written_out(&done);
                for record in &records {
                    state.change(id, record);
                }
                state.newest_ticket()
            };
            failed(store.drive_to(ticket.frame_seq).await)?;
        }
        let mut state = inner.state.borrow_mut();
        let residue = state.logs[&id].log.residue(&state.frames, u64::MAX);
        if let Some(copy) = &residue {
            // The state then says where in the segment these bytes go.
            state.change(id, &copy.record());
        }
        let log = &state.logs[&id].log;
        let mut encoded = Vec::new();
        log.encode(&mut encoded);
        moving.push(Moving {
            id,
            spec: log.spec().clone(),
            encoded,
            residue,
        });
    }
    Ok(moving)
}

/// As a recovery would: state from the checkpoint, tail from the journal.
fn adopt<D: Disk>(store: &Store<D>, moving: &Moving) -> Result<(), OpenError> {
    let state = &mut *store.inner.state.borrow_mut();
    let corrupt = |what: String| OpenError::Corrupt {
        path: "wal".to_string(),
        what,
    };
    let mut log =
        PartitionLog::decode(moving.id, &mut &moving.encoded[..]).map_err(|error| corrupt(error.to_string()))?;
    if let Some(copy) = &moving.residue {
        let record = copy.record();
        let at: FrameRef = state.push(moving.id, &record);
        log.apply(&record, at, Fold::TailOnly, &mut state.frames);
    }
    log.finish_recovery(&mut state.frames);
    if let Some(damage) = log.damaged() {
        return Err(corrupt(format!(
            "{:?} did not survive its move: {}",
            moving.spec, damage.reason
        )));
    }
    let durable_end = log.end_offset();
    state.logs.insert(
        moving.id,
        Slot {
            durable_end,
            ..Slot::new(log)
        },
    );
    Ok(())
}

fn failed<T>(result: Result<T, crate::StorageError>) -> Result<T, OpenError> {
    result.map_err(|error| OpenError::Refused(error.to_string()))
}
