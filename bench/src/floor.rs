//! What this machine can do at best: the physical floor that every other number is a ratio to.
//!
//! * `commit`: one 4 KiB direct write to prewritten space and one data flush behind it, one at a time. An acknowledged
//!   record cannot cost less.
//! * `write` and `read`: 1 MiB direct operations in sequence, four in flight.
//! * `loopback`: 128 bytes to a thread of this process and back over TCP, both blocking in the kernel.

use std::{
    fs::{self, OpenOptions},
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use clap::Args;
use serde::{Deserialize, Serialize};

use crate::{
    latency::{Latencies, Summary},
    ring::{BLOCK, Disk, zeroed},
};

const FILE_BYTES: u64 = 256 << 20;
const LARGE_BYTES: usize = 1 << 20;
const IN_FLIGHT: usize = 4;
const MESSAGE_BYTES: usize = 128;

#[derive(Args)]
pub struct Floor {
    /// Directory on the disk to measure; a file of 256 MiB is made there and goes at the end
    #[arg(long, default_value = ".")]
    dir: PathBuf,
    /// How long to measure each of the latencies
    #[arg(long, default_value_t = 3, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    seconds: u64,
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

impl Floor {
    pub fn run(&self) -> io::Result<()> {
        let floors = Floors::probe(Some(&self.dir), Duration::from_secs(self.seconds), !self.latencies_only)?;
        if self.json {
            println!("{}", serde_json::to_string_pretty(&floors)?);
        } else {
            floors.print();
        }
        Ok(())
    }
}

impl Floors {
    /// Measures each of the latencies for `time`; the disk's only where a directory says which.
    pub fn probe(directory: Option<&Path>, time: Duration, with_bandwidth: bool) -> io::Result<Floors> {
        let mut floors = Floors::default();
        if let Some(directory) = directory {
            let mut disk = Scratch::new(directory)?;
            eprintln!("disk: writing {} MiB …", FILE_BYTES >> 20);
            let allocating = disk.write_sequentially()?;
            if with_bandwidth {
                floors.bandwidth = Some(Bandwidth {
                    // The first pass allocates; only the second is the disk's speed.
                    write_1m_mb_per_second: disk.write_sequentially()?.max(allocating),
                    read_1m_mb_per_second: disk.read_sequentially()?,
                });
            }
            eprintln!("disk: commits for {} s …", time.as_secs());
            floors.commit_4k = Some(disk.commit(time)?.summary());
        }
        eprintln!("loopback: round trips for {} s …", time.as_secs());
        floors.loopback_round_trip = Some(loopback(time)?.summary());
        Ok(floors)
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

/// The file that is measured. It has no name, so that it goes with the process whatever its end is.
struct Scratch {
    disk: Disk,
}

impl Scratch {
    fn new(directory: &Path) -> io::Result<Scratch> {
        let path = directory.join(format!(".corelane-bench-floor-{}", std::process::id()));
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .custom_flags(libc::O_DIRECT)
            .open(&path)
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
        fs::remove_file(&path)?;
        Ok(Scratch { disk: Disk::new(file)? })
    }

    fn write_sequentially(&mut self) -> io::Result<f64> {
        let buffer = zeroed(LARGE_BYTES);
        let begin = Instant::now();
        for positions in sequence() {
            self.disk.write_all(&positions, &buffer)?;
        }
        self.disk.flush()?;
        Ok(megabytes_per_second(begin))
    }

    fn read_sequentially(&mut self) -> io::Result<f64> {
        let mut buffers = vec![zeroed(LARGE_BYTES); IN_FLIGHT];
        let begin = Instant::now();
        for positions in sequence() {
            self.disk.read_all(&positions, &mut buffers)?;
        }
        Ok(megabytes_per_second(begin))
    }

    fn commit(&mut self, time: Duration) -> io::Result<Latencies> {
        let buffer = zeroed(BLOCK);
        let mut latencies = Latencies::default();
        let begin = Instant::now();
        let mut position = 0;
        while begin.elapsed() < time {
            let before = Instant::now();
            self.disk.write_durably(position, &buffer)?;
            latencies.record(before.elapsed());
            position = (position + BLOCK as u64) % FILE_BYTES;
        }
        Ok(latencies)
    }
}

/// Positions of the large operations, as many at once as are in flight.
fn sequence() -> impl Iterator<Item = Vec<u64>> {
    let step = (LARGE_BYTES * IN_FLIGHT) as u64;
    (0..FILE_BYTES / step).map(move |round| {
        (0..IN_FLIGHT as u64)
            .map(|index| round * step + index * LARGE_BYTES as u64)
            .collect()
    })
}

fn megabytes_per_second(begin: Instant) -> f64 {
    FILE_BYTES as f64 / 1e6 / begin.elapsed().as_secs_f64()
}

fn loopback(time: Duration) -> io::Result<Latencies> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let mut client = TcpStream::connect(listener.local_addr()?)?;
    let (mut server, _) = listener.accept()?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let echo = thread::spawn(move || {
        let mut message = [0; MESSAGE_BYTES];
        // Ends when the client closes.
        while server.read_exact(&mut message).is_ok() && server.write_all(&message).is_ok() {}
    });
    let mut latencies = Latencies::default();
    let mut message = [0; MESSAGE_BYTES];
    let begin = Instant::now();
    while begin.elapsed() < time {
        let before = Instant::now();
        client.write_all(&message)?;
        client.read_exact(&mut message)?;
        latencies.record(before.elapsed());
    }
    drop(client);
    echo.join().map_err(|_| io::Error::other("the echo thread panicked"))?;
    Ok(latencies)
}
