//! Runs the clients of a load, one thread each CPU, and watches the server's process from outside meanwhile.

use std::{
    io,
    sync::atomic::Ordering::{Acquire, Relaxed, Release},
    thread,
    time::Duration,
};

use super::progress::Progress;
use crate::{
    clock::{self, Nanos},
    cpu::{self, Usage},
    load::{Clients, Engine, Shared, Tally, Times},
    wire::Wait,
};

/// How often the display is renewed.
const SHOW_EVERY: Nanos = 500_000_000;

pub struct Measured {
    pub tally: Tally,
    /// By process asked for: what it used in the window, and its memory at the end.
    pub usages: Vec<Option<Usage>>,
}

/// Runs to the end of the load.
///
/// # Errors
/// When any connection breaks: half a load is no measurement.
pub fn measure(
    clients: Vec<Clients>,
    times: &Times,
    wait: Wait,
    cpus: &[usize],
    pids: &[Option<u32>],
    progress: &mut Progress,
) -> io::Result<Measured> {
    let shared = Shared::default();
    shared.producing.store(clients.len() as u64, Relaxed);
    let usages = |pids: &[Option<u32>]| -> Vec<Option<Usage>> {
        pids.iter().map(|pid| pid.and_then(|pid| Usage::of(pid).ok())).collect()
    };
    // It sleeps until there is something to show; threads that finish wake it.
    let watcher = thread::current();
    thread::scope(|scope| {
        let threads: Vec<_> = clients
            .into_iter()
            .enumerate()
            .map(|(index, clients)| {
                let shared = &shared;
                let watcher = watcher.clone();
                scope.spawn(move || -> io::Result<Tally> {
                    let result = cpus
                        .get(index)
                        .map_or(Ok(()), |cpu| cpu::pin(&[*cpu]))
                        .and_then(|()| Engine::new(clients, times.clone(), wait, shared)?.run());
                    if result.is_err() {
                        shared.stop.store(true, Relaxed);
                    }
                    shared.finished.fetch_add(1, Release);
                    watcher.unpark();
                    result
                })
            })
            .collect();
        let mut watch = |phase: &str, until: Nanos| {
            while clock::now() < until && shared.finished.load(Acquire) < threads.len() as u64 {
                thread::park_timeout(Duration::from_nanos(until.saturating_sub(clock::now()).min(SHOW_EVERY)));
                progress.show(phase, &shared);
            }
        };
        watch("warming up", times.window.start);
        let before = usages(pids);
        watch("measuring", times.window.end);
        let after = usages(pids);
        watch("waiting for answers", times.patience_end + SHOW_EVERY);
        let mut tally = Tally::new(times.window.clone());
        for thread in threads {
            tally.add(
                thread
                    .join()
                    .map_err(|_| io::Error::other("a thread of the load panicked"))??,
            );
        }
        let used = |(before, after): (Option<Usage>, Option<Usage>)| {
            let (before, after) = before.zip(after)?;
            Some(Usage {
                cpu_seconds: after.cpu_seconds - before.cpu_seconds,
                rss_bytes: after.rss_bytes,
            })
        };
        Ok(Measured {
            tally,
            usages: before.into_iter().zip(after).map(used).collect(),
        })
    })
}
