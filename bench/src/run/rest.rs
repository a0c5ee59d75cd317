//! Quiet between rounds: what the last one left behind is no part of the next. A broker goes on after its load: it
//! writes back what it has only promised, deletes what was its topic, compiles what it has seen run.

use std::{io, process::Command, thread, time::Duration};

use crate::cpu::Usage;

/// How long processes are looked at, and how much of a CPU they may use in that time and be at rest.
const LOOK: Duration = Duration::from_millis(250);
const SHARE_AT_REST: f64 = 0.1;
/// Who does not come to rest by then never does.
const LOOKS_MAX: u32 = 40;

/// Writes back all that is in the page cache, and waits until these processes have nothing to do any more.
pub fn rest(pids: &[u32]) -> io::Result<()> {
    sync()?;
    let used = || -> f64 {
        let usages = pids.iter().filter_map(|pid| Usage::of(*pid).ok());
        usages.map(|usage| usage.cpu_seconds).sum()
    };
    let mut before = used();
    for _ in 0..if pids.is_empty() { 0 } else { LOOKS_MAX } {
        thread::sleep(LOOK);
        let now = used();
        if now - before <= SHARE_AT_REST * LOOK.as_secs_f64() {
            break;
        }
        before = now;
    }
    Ok(())
}

/// Writes back what all the machine's file systems have in memory only.
pub fn sync() -> io::Result<()> {
    let synced = Command::new("sync").status()?;
    match synced.success() {
        true => Ok(()),
        false => Err(io::Error::other(format!("sync: {synced}"))),
    }
}
