//! The file that the disk's floors are measured on.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::Path,
    time::{Duration, Instant},
};

use crate::{
    latency::{Latencies, Summary},
    ring::{BLOCK, Disk, zeroed},
};

pub const SCRATCH_BYTES: u64 = 256 << 20;
const LARGE_BYTES: usize = 1 << 20;
const IN_FLIGHT: usize = 4;

/// Two ways to a durable write: a write and a flush linked on io_uring, and the system calls `pwrite` and `fdatasync`.
#[derive(Default)]
pub struct Ways {
    linked: Latencies,
    called: Latencies,
}

impl Ways {
    pub fn add(&mut self, other: &Ways) {
        self.linked.add(&other.linked);
        self.called.add(&other.called);
    }

    /// Of the faster one, by its median; None: nothing was measured.
    pub fn faster(&self) -> Option<Summary> {
        let ways = [&self.linked, &self.called].into_iter().filter(|way| !way.is_empty());
        ways.map(Latencies::summary)
            .min_by(|one, other| one.p50_us.total_cmp(&other.p50_us))
    }
}

/// It has no name, so that it goes with the process whatever its end is.
pub struct Scratch {
    file: File,
}

impl Scratch {
    pub fn new(directory: &Path) -> io::Result<Scratch> {
        let path = directory.join(format!(".corelane-bench-floor-{}", std::process::id()));
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .custom_flags(libc::O_DIRECT)
            .open(&path)
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
        fs::remove_file(&path)?;
        Ok(Scratch { file })
    }

    pub fn into_file(self) -> File {
        self.file
    }

    /// A ring belongs to the thread that made it, so every measurement makes its own.
    fn disk(&self) -> io::Result<Disk> {
        Disk::new(self.file.try_clone()?)
    }

    /// MB/s; the first time allocates.
    pub fn write_sequentially(&self) -> io::Result<f64> {
        let mut disk = self.disk()?;
        let buffer = zeroed(LARGE_BYTES);
        let begin = Instant::now();
        for positions in sequence() {
            disk.write_all(&positions, &buffer)?;
        }
        disk.flush()?;
        Ok(megabytes_per_second(begin))
    }

    pub fn read_sequentially(&self) -> io::Result<f64> {
        let mut disk = self.disk()?;
        let mut buffers = vec![zeroed(LARGE_BYTES); IN_FLIGHT];
        let begin = Instant::now();
        for positions in sequence() {
            disk.read_all(&positions, &mut buffers)?;
        }
        Ok(megabytes_per_second(begin))
    }

    /// One durable write of 4 KiB after the other, onto what was written before, in both ways by turns: which one is faster
    /// differs from machine to machine.
    pub fn commit(&self, time: Duration, ways: &mut Ways) -> io::Result<()> {
        let mut disk = self.disk()?;
        let buffer = zeroed(BLOCK);
        let begin = Instant::now();
        let mut position = 0;
        let mut next = || {
            position = (position + BLOCK as u64) % SCRATCH_BYTES;
            position
        };
        while begin.elapsed() < time {
            let before = Instant::now();
            disk.write_durably(next(), &buffer)?;
            ways.linked.record(before.elapsed());
            let before = Instant::now();
            self.file.write_all_at(&buffer, next())?;
            self.file.sync_data()?;
            ways.called.record(before.elapsed());
        }
        Ok(())
    }
}

/// Positions of the large operations, as many at once as are in flight.
fn sequence() -> impl Iterator<Item = Vec<u64>> {
    let step = (LARGE_BYTES * IN_FLIGHT) as u64;
    (0..SCRATCH_BYTES / step).map(move |round| {
        (0..IN_FLIGHT as u64)
            .map(|index| round * step + index * LARGE_BYTES as u64)
            .collect()
    })
}

fn megabytes_per_second(begin: Instant) -> f64 {
    SCRATCH_BYTES as f64 / 1e6 / begin.elapsed().as_secs_f64()
}
