//! What this machine can do at best: the physical floor that every other number is a ratio to.
//!
//! * `commit`: one 4 KiB direct write to prewritten space and one data flush behind it, one at a time, by io_uring and by system
//!   calls; the faster of the two. A record that is acknowledged from the disk this way cannot cost less.
//! * `write` and `read`: 1 MiB direct operations in sequence, four in flight.
//! * `loopback`: 128 bytes to another thread and back over TCP, both blocking in the kernel.
//!
//! A machine's floors drift, on shared disks by a factor of two within minutes. So a run looks at them again before
//! each of its rounds, and a round is compared with the floors of its own time.

mod disk;
mod loopback;

use std::{
    io,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use clap::Args;
use serde::{Deserialize, Serialize};

use crate::{
    cpu,
    latency::{Latencies, Summary},
};
use disk::Ways;
pub use disk::{SCRATCH_BYTES, Scratch};

#[derive(Args)]
pub struct Floor {
    /// Directory on the disk to measure; a file of 256 MiB is made there and goes at the end
    #[arg(long, default_value = ".")]
    dir: PathBuf,
    /// How long to measure each of the latencies
    #[arg(long, default_value_t = 3, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    seconds: u64,
    /// CPUs of the commits, and of the side of the loopback that answers
    #[arg(long, value_delimiter = ',', value_name = "CPU,..")]
    server_cpus: Vec<usize>,
    /// CPUs of the side of the loopback that asks
    #[arg(long, value_delimiter = ',', value_name = "CPU,..")]
    client_cpus: Vec<usize>,
    /// Leave the bandwidth out, which takes longest
    #[arg(long)]
    latencies_only: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What was measured; a value that is missing was not.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Floors {
    pub commit_4k: Option<Summary>,
    pub loopback_round_trip: Option<Summary>,
    #[serde(flatten)]
    pub bandwidth: Option<Bandwidth>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bandwidth {
    pub write_1m_mb_per_second: f64,
    pub read_1m_mb_per_second: f64,
}

/// Looks at the floors as often as it is asked to, and keeps all that it saw.
pub struct Prober {
    /// Without one, nobody has said which disk.
    disk: Option<Scratch>,
    server_cpus: Vec<usize>,
    client_cpus: Vec<usize>,
    seen: Seen,
    bandwidth: Option<Bandwidth>,
}

#[derive(Default)]
struct Seen {
    commit: Ways,
    loopback: Latencies,
}

impl Floor {
    pub fn run(&self) -> io::Result<()> {
        let mut prober = Prober::new(
            Some(&self.dir),
            &self.server_cpus,
            &self.client_cpus,
            !self.latencies_only,
        )?;
        let floors = Floors {
            bandwidth: prober.bandwidth.clone(),
            ..prober.look(Duration::from_secs(self.seconds))?
        };
        if self.json {
            println!("{}", serde_json::to_string_pretty(&floors)?);
        } else {
            floors.print();
        }
        Ok(())
    }
}

impl Prober {
    /// Writes the file that commits go to.
    pub fn new(
        directory: Option<&Path>,
        server_cpus: &[usize],
        client_cpus: &[usize],
        with_bandwidth: bool,
    ) -> io::Result<Prober> {
        let mut prober = Prober {
            disk: directory.map(Scratch::new).transpose()?,
            server_cpus: server_cpus.to_vec(),
            client_cpus: client_cpus.to_vec(),
            seen: Seen::default(),
            bandwidth: None,
        };
        if let Some(disk) = &prober.disk {
            eprintln!("disk: writing {} MiB …", SCRATCH_BYTES >> 20);
            let allocating = disk.write_sequentially()?;
            if with_bandwidth {
                prober.bandwidth = Some(Bandwidth {
                    // The first pass allocates; only the second is the disk's speed.
                    write_1m_mb_per_second: disk.write_sequentially()?.max(allocating),
                    read_1m_mb_per_second: disk.read_sequentially()?,
                });
            }
        }
        Ok(prober)
    }

    /// Measures each of the latencies for so long.
    pub fn look(&mut self, time: Duration) -> io::Result<Floors> {
        let mut seen = Seen::default();
        if let Some(disk) = &self.disk {
            let (commit, cpus) = (&mut seen.commit, &self.server_cpus);
            // In a thread of its own, so that the rest of the process stays where it is.
            let committed = thread::scope(|scope| {
                let probe = scope.spawn(|| {
                    if !cpus.is_empty() {
                        cpu::pin(cpus)?;
                    }
                    disk.commit(time, commit)
                });
                probe.join()
            });
            committed.map_err(|_| io::Error::other("the floor probe panicked"))??;
        }
        loopback::round_trips(&self.client_cpus, &self.server_cpus, time, &mut seen.loopback)?;
        self.seen.commit.add(&seen.commit);
        self.seen.loopback.add(&seen.loopback);
        Ok(seen.floors(None))
    }

    /// All looks together.
    pub fn all(&self) -> Floors {
        self.seen.floors(self.bandwidth.clone())
    }
}

impl Seen {
    fn floors(&self, bandwidth: Option<Bandwidth>) -> Floors {
        let summary = |latencies: &Latencies| (!latencies.is_empty()).then(|| latencies.summary());
        Floors {
            commit_4k: self.commit.faster(),
            loopback_round_trip: summary(&self.loopback),
            bandwidth,
        }
    }
}

impl Floors {
    /// A commit and a round trip, in milliseconds: what an answer takes that waits for both and for nothing else.
    pub fn durable_ms(&self) -> Option<f64> {
        let (commit, loopback) = (self.commit_4k.as_ref()?, self.loopback_round_trip.as_ref()?);
        Some((commit.p50_us + loopback.p50_us) / 1e3)
    }

    fn print(&self) {
        Summary::print_header();
        if let Some(commit) = &self.commit_4k {
            commit.print("F: 4 KiB write + data flush, one at a time");
        }
        if let Some(loopback) = &self.loopback_round_trip {
            loopback.print("TCP loopback round trip, 128 B");
        }
        if let Some(bandwidth) = &self.bandwidth {
            bandwidth.print();
        }
    }
}

impl Bandwidth {
    fn print(&self) {
        println!("bandwidth in MB/s");
        let line = |name, value: f64| println!("{name:<42} {value:>9.0}");
        line("1 MiB sequential writes, 4 in flight", self.write_1m_mb_per_second);
        line("1 MiB sequential reads, 4 in flight", self.read_1m_mb_per_second);
    }
}
