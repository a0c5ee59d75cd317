//! Which CPU a thread runs on, and how much of one was used: by a thread of ours, or by a server's process.

use std::{fs, io};

use rustix::{
    thread::{CpuSet, sched_getaffinity, sched_setaffinity},
    time::{ClockId, clock_gettime},
};
use serde::{Deserialize, Serialize};

use crate::clock::Nanos;

/// `/proc` counts in these, whatever the kernel's own tick is (`USER_HZ`).
const TICKS_PER_SECOND: u64 = 100;

/// Keeps the calling thread, and threads that it makes, on these CPUs.
pub fn pin(cpus: &[usize]) -> io::Result<()> {
    let mut set = CpuSet::new();
    for cpu in cpus {
        if *cpu >= CpuSet::MAX_CPU {
            return Err(io::Error::other(format!("there is no CPU {cpu}")));
        }
        set.set(*cpu);
    }
    sched_setaffinity(None, &set).map_err(|error| {
        let may: Vec<String> = allowed().iter().map(usize::to_string).collect();
        io::Error::other(format!(
            "cannot run on CPU {cpus:?}: {error}; this process may use {}",
            may.join(", ")
        ))
    })
}

/// The CPUs that the calling thread may use.
pub fn allowed() -> Vec<usize> {
    let set = sched_getaffinity(None).unwrap_or_else(|_| CpuSet::new());
    (0..CpuSet::MAX_CPU).filter(|cpu| set.is_set(*cpu)).collect()
}

/// CPU time that the calling thread has used.
pub fn of_this_thread() -> Nanos {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as Nanos * 1_000_000_000 + time.tv_nsec as Nanos
}

/// What a process has used so far, kernel threads working for it (io_uring's) included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    pub cpu_seconds: f64,
    pub rss_bytes: u64,
}

impl Usage {
    pub fn of(pid: u32) -> io::Result<Usage> {
        let read = |file| {
            fs::read_to_string(format!("/proc/{pid}/{file}"))
                .map_err(|error| io::Error::new(error.kind(), format!("process {pid}: {error}")))
        };
        let stat = read("stat")?;
        let status = read("status")?;
        parse(&stat, &status)
            .ok_or_else(|| io::Error::other(format!("process {pid}: /proc says nothing that is known")))
    }
}

fn parse(stat: &str, status: &str) -> Option<Usage> {
    // The name may have spaces and parentheses; what follows the last one has not.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    let ticks: u64 = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    let rss = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = rss.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(Usage {
        cpu_seconds: ticks as f64 / TICKS_PER_SECOND as f64,
        rss_bytes: kib << 10,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proc_is_read_whatever_a_process_is_called() {
        let stat = "7 (a) b (c)) S 1 7 7 0 -1 4194560 10 0 0 0 250 150 9 9 20 0 3 0 100 1000 200";
        let usage = parse(stat, "Name:\tx\nVmRSS:\t    2048 kB\n").unwrap();
        assert_eq!((usage.cpu_seconds, usage.rss_bytes), (4.0, 2 << 20));
        assert!(Usage::of(std::process::id()).unwrap().rss_bytes > 0);
    }

    #[test]
    fn a_cpu_that_is_not_there_is_refused_with_those_that_are() {
        let error = std::thread::spawn(|| pin(&[1023]).unwrap_err()).join().unwrap();
        assert!(error.to_string().contains("may use"), "{error}");
        let first = allowed()[0];
        std::thread::spawn(move || {
            pin(&[first]).unwrap();
            assert_eq!(allowed(), [first]);
        })
        .join()
        .unwrap();
    }
}
