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
use hdrhistogram::Histogram;
use serde::Serialize;

use crate::ring::{BLOCK, Disk, zeroed};

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
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    commit_4k: Latency,
    write_1m_mb_per_second: f64,
    read_1m_mb_per_second: f64,
    loopback_round_trip: Latency,
}

#[derive(Serialize)]
struct Latency {
    count: u64,
    p50_us: f64,
    p99_us: f64,
    max_us: f64,
}

impl Floor {
    pub fn run(&self) -> io::Result<()> {
        let time = Duration::from_secs(self.seconds);
        let mut disk = Scratch::new(&self.dir)?;
        eprintln!("disk: writing {} MiB …", FILE_BYTES >> 20);
        let write = disk.write_sequentially()?;
        // The first pass allocates; only the second is the disk's speed.
        let write = disk.write_sequentially().map(|second| write.max(second))?;
        let read = disk.read_sequentially()?;
        eprintln!("disk: commits for {} s …", self.seconds);
        let commit = disk.commit(time)?;
        drop(disk);
        eprintln!("loopback: round trips for {} s …", self.seconds);
        let loopback = loopback(time)?;
        let report = Report {
            commit_4k: summary(&commit),
            write_1m_mb_per_second: write,
            read_1m_mb_per_second: read,
            loopback_round_trip: summary(&loopback),
        };
        if self.json {
            println!("{}", serde_json::to_string_pretty(&report)?);
        } else {
            report.print();
        }
        Ok(())
    }
}

impl Report {
    fn print(&self) {
        let latency = |name, latency: &Latency| {
            println!(
                "{name:<42} {:>9.1} {:>9.1} {:>9.1}   {} times",
                latency.p50_us, latency.p99_us, latency.max_us, latency.count
            );
        };
        println!("{:<42} {:>9} {:>9} {:>9}", "latency in µs", "p50", "p99", "max");
        latency("F: 4 KiB write + data flush, one at a time", &self.commit_4k);
        latency("TCP loopback round trip, 128 B", &self.loopback_round_trip);
        println!("{:<42} {:>9}", "bandwidth in MB/s", "");
        println!(
            "{:<42} {:>9.0}",
            "1 MiB sequential writes, 4 in flight", self.write_1m_mb_per_second
        );
        println!(
            "{:<42} {:>9.0}",
            "1 MiB sequential reads, 4 in flight", self.read_1m_mb_per_second
        );
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

    fn commit(&mut self, time: Duration) -> io::Result<Histogram<u64>> {
        let buffer = zeroed(BLOCK);
        let mut latencies = histogram();
        let begin = Instant::now();
        let mut position = 0;
        while begin.elapsed() < time {
            let before = Instant::now();
            self.disk.write_durably(position, &buffer)?;
            record(&mut latencies, before.elapsed());
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

fn loopback(time: Duration) -> io::Result<Histogram<u64>> {
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
    let mut latencies = histogram();
    let mut message = [0; MESSAGE_BYTES];
    let begin = Instant::now();
    while begin.elapsed() < time {
        let before = Instant::now();
        client.write_all(&message)?;
        client.read_exact(&mut message)?;
        record(&mut latencies, before.elapsed());
    }
    drop(client);
    echo.join().map_err(|_| io::Error::other("the echo thread panicked"))?;
    Ok(latencies)
}

/// Nanoseconds, up to a minute, three digits.
fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000_000, 3).expect("valid bounds")
}

fn record(latencies: &mut Histogram<u64>, latency: Duration) {
    latencies.saturating_record(latency.as_nanos() as u64);
}

fn summary(latencies: &Histogram<u64>) -> Latency {
    let us = |nanoseconds: u64| nanoseconds as f64 / 1000.0;
    Latency {
        count: latencies.len(),
        p50_us: us(latencies.value_at_quantile(0.5)),
        p99_us: us(latencies.value_at_quantile(0.99)),
        max_us: us(latencies.max()),
    }
}
