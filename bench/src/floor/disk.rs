//! The file that the disk's floors are measured on.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::Path,
    time::{Duration, Instant},
};

use crate::{
    latency::Latencies,
    ring::{BLOCK, Disk, zeroed},
};

pub const SCRATCH_BYTES: u64 = 256 << 20;
const LARGE_BYTES: usize = 1 << 20;
const IN_FLIGHT: usize = 4;

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

    /// A ring belongs to the thread that made it, so every measurement makes its own.
    pub fn disk(&self) -> io::Result<Disk> {
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

    /// One durable write of 4 KiB after the other, onto what was written before.
    pub fn commit(&self, time: Duration, latencies: &mut Latencies) -> io::Result<()> {
        let mut disk = self.disk()?;
        let buffer = zeroed(BLOCK);
        let begin = Instant::now();
        let mut position = 0;
        while begin.elapsed() < time {
            let before = Instant::now();
            disk.write_durably(position, &buffer)?;
            latencies.record(before.elapsed());
            position = (position + BLOCK as u64) % SCRATCH_BYTES;
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
