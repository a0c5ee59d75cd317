//! What this machine lets us do, asked before anything starts, with a remedy in every refusal.
#![allow(unsafe_code)]

use std::{
    ffi::CString,
    io, mem,
    net::{SocketAddr, TcpListener},
    os::{
        fd::{AsRawFd, OwnedFd, RawFd},
        unix::ffi::OsStrExt,
    },
    path::Path,
};

use corelane_storage::disk::VolumeSpace;

use super::{
    directory_lock::DirectoryError,
    memlock,
    ring::{self, Sizes},
};

/// Locked memory that glommio wants before it starts.
const GLOMMIO_MEMLOCK_BYTES: u64 = 512 << 10;
/// What glommio's three rings of one core count as locked memory: rings and a 64 KiB slab registered thrice (with our
/// smallest ring, 28 cores start within 8 MiB and 32 do not).
const GLOMMIO_CORE_BYTES: u64 = 248 << 10;

/// One part in so many of all descriptors is kept for files.
const STORAGE_DESCRIPTORS_SHARE: libc::rlim_t = 4;

/// Why this host cannot run a broker.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    #[error(
        "io_uring is not permitted here ({0}).\n\
         In a container: run it with a seccomp profile that allows io_uring_setup, io_uring_enter and io_uring_register \
         (docker: --security-opt seccomp=FILE with our deploy/container/seccomp.json, or unconfined).\n\
         On a host: sysctl kernel.io_uring_disabled=0"
    )]
    RingRefused(io::Error),
    #[error("io_uring is too old ({0}): Linux 6.1 or newer is needed")]
    RingTooOld(io::Error),
    #[error("cannot make an io_uring: {0}")]
    Ring(io::Error),
    #[error(
        "only {have_kib} KiB of memory may be locked, {cores} cores need {need_kib} KiB.\n\
         Raise it (shell: ulimit -l {need_kib}; systemd: LimitMEMLOCK=; docker: --ulimit memlock=-1) or start fewer cores"
    )]
    Memlock { have_kib: u64, need_kib: u64, cores: usize },
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    #[error(
        "{address} is in use by another process.\n\
         Stop it, or choose another port: --set listeners=PLAINTEXT://HOST:PORT"
    )]
    PortInUse { address: SocketAddr },
    #[error("cannot listen on {address}: {error}")]
    Port { address: SocketAddr, error: io::Error },
}

/// Refuses a host without the io_uring that we need.
pub fn check_ring() -> Result<(), HostError> {
    memlock::patiently(ring::probe).map_err(|error| match (error.kind(), error.raw_os_error()) {
        (io::ErrorKind::OutOfMemory, _) => HostError::Ring(error),
        (_, Some(libc::EINVAL)) => HostError::RingTooOld(error),
        _ => HostError::RingRefused(error),
    })
}

/// Ring sizes for each of `cores` that fit the locked memory of this user; rings count as locked since Linux 6.14.
pub(super) fn ring_sizes(cores: usize) -> Result<Sizes, HostError> {
    fit_sizes(cores, raise_memlock())
}

pub(super) fn fit_sizes(cores: usize, have: u64) -> Result<Sizes, HostError> {
    let (need, _) = memlock_bytes(cores);
    if have < need {
        return Err(HostError::Memlock {
            have_kib: have >> 10,
            need_kib: need >> 10,
            cores,
        });
    }
    let share = have / cores as u64 - GLOMMIO_CORE_BYTES;
    let mut sizes = LARGEST;
    while ring_bytes(sizes) > share {
        sizes.submissions /= 2;
        sizes.completions /= 2;
    }
    Ok(sizes)
}

/// Locked memory of so many cores, in bytes: the least that they start with, and what lets all their rings have their full size.
pub fn memlock_bytes(cores: usize) -> (u64, u64) {
    let of_each = |sizes| cores as u64 * (GLOMMIO_CORE_BYTES + ring_bytes(sizes));
    (of_each(SMALLEST).max(GLOMMIO_MEMLOCK_BYTES), of_each(LARGEST))
}

const LARGEST: Sizes = Sizes {
    submissions: 1024,
    completions: 8192,
    receive_buffers: 256,
    receive_buffer_bytes: 16 << 10,
};

const SMALLEST: Sizes = Sizes {
    submissions: 128,
    completions: 1024,
    ..LARGEST
};

/// Memory of a ring that may count as locked: submissions of 64 bytes with an index, completions of 16, heads, and the
/// ring (not the memory) of the receive buffers.
fn ring_bytes(sizes: Sizes) -> u64 {
    u64::from(sizes.submissions) * 68 + u64::from(sizes.completions) * 16 + u64::from(sizes.receive_buffers) * 16 + 8192
}

/// Raises the limit as far as this process may; what it is then, in bytes.
fn raise_memlock() -> u64 {
    // SAFETY: plain calls with a live local.
    unsafe {
        let mut limit: libc::rlimit = mem::zeroed();
        if libc::getrlimit(libc::RLIMIT_MEMLOCK, &mut limit) != 0 {
            return 0;
        }
        // Whoever may raise the hard limit is not counted against it either.
        let unlimited = libc::rlimit {
            rlim_cur: libc::RLIM_INFINITY,
            rlim_max: libc::RLIM_INFINITY,
        };
        if libc::setrlimit(libc::RLIMIT_MEMLOCK, &unlimited) == 0 {
            return u64::MAX;
        }
        limit.rlim_cur = limit.rlim_max;
        libc::setrlimit(libc::RLIMIT_MEMLOCK, &limit);
        limit.rlim_max
    }
}

/// Raises the number of descriptors as far as this process may; a broker holds one per connection and open segment.
pub(super) fn raise_descriptors() {
    // SAFETY: plain calls with a live local; a refusal changes nothing.
    unsafe {
        let mut limit: libc::rlimit = mem::zeroed();
        if libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) == 0 {
            limit.rlim_cur = limit.rlim_max;
            libc::setrlimit(libc::RLIMIT_NOFILE, &limit);
        }
    }
}

/// Descriptors from this number on are not for clients: files of logs and journal take them, and a broker that cannot open its
/// files must end. The kernel gives the lowest number that is free, so a socket's number tells how many descriptors are in use.
pub(super) fn client_descriptors_end() -> RawFd {
    let limit = descriptors_max();
    RawFd::try_from(limit - limit / STORAGE_DESCRIPTORS_SHARE).unwrap_or(RawFd::MAX)
}

/// Segment files that each core may keep open for the next read: half of what is for files, when each core has its journal and
/// what it opens for a moment.
pub(super) fn kept_files_max(cores: usize) -> usize {
    const KEPT_FILES_MAX: u64 = 64;
    const CORE_FILES: u64 = 32;
    let for_files = descriptors_max() / STORAGE_DESCRIPTORS_SHARE / cores as u64;
    (for_files.saturating_sub(CORE_FILES) / 2).min(KEPT_FILES_MAX) as usize
}

fn descriptors_max() -> libc::rlim_t {
    // SAFETY: a plain call with a live local.
    unsafe {
        let mut limit: libc::rlimit = mem::zeroed();
        match libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) {
            0 => limit.rlim_cur,
            _ => libc::rlim_t::MAX,
        }
    }
}

/// CPUs that this process may run on, in order.
pub fn cpus() -> Vec<usize> {
    // SAFETY: the set is zeroed before use and its true size is given.
    unsafe {
        let mut set: libc::cpu_set_t = mem::zeroed();
        if libc::sched_getaffinity(0, size_of_val(&set), &mut set) != 0 {
            return vec![0];
        }
        (0..libc::CPU_SETSIZE as usize)
            .filter(|&cpu| libc::CPU_ISSET(cpu, &set))
            .collect()
    }
}

/// Holds an address for the listeners of all cores, which bind it again with SO_REUSEPORT.
///
/// That option lets two brokers of one user share a port without an error; therefore the address is first bound without.
#[derive(Debug)]
pub struct PortClaim {
    _socket: OwnedFd,
    address: SocketAddr,
}

impl PortClaim {
    /// With port 0, takes any free one.
    pub fn take(address: SocketAddr) -> Result<PortClaim, HostError> {
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::AddrInUse => HostError::PortInUse { address },
            _ => HostError::Port { address, error },
        };
        if address.port() != 0 {
            let alone = ring::socket::bind(address, false).map_err(failed)?;
            ring::socket::listen_on(&alone).map_err(failed)?;
        }
        let socket = ring::socket::bind(address, true).map_err(failed)?;
        let address = ring::socket::local_address(&socket).map_err(failed)?;
        Ok(PortClaim {
            _socket: socket,
            address,
        })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Listens on an address for whoever is no core: shared with nobody, and `[::]` beside `0.0.0.0`.
pub fn listen_alone(address: SocketAddr) -> io::Result<TcpListener> {
    ring::socket::listen_alone(address).map(TcpListener::from)
}

/// Of the file system of `path`.
pub fn space(path: &Path) -> io::Result<VolumeSpace> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    // SAFETY: the path ends in a zero byte and the result is a live local.
    unsafe {
        let mut stat: libc::statvfs = mem::zeroed();
        if libc::statvfs(path.as_ptr(), &mut stat) != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(VolumeSpace {
            total_bytes: stat.f_blocks * stat.f_frsize,
            free_bytes: stat.f_bavail * stat.f_frsize,
        })
    }
}

/// Reserves space without changing the size of the file.
pub(super) fn reserve(file: &OwnedFd, position: u64, len: u64) -> io::Result<()> {
    let offset = |value: u64| libc::off_t::try_from(value).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput));
    let (position, len) = (offset(position)?, offset(len)?);
    // SAFETY: a plain call on a descriptor that is borrowed.
    match unsafe { libc::fallocate(file.as_raw_fd(), libc::FALLOC_FL_KEEP_SIZE, position, len) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

pub(super) fn file_bytes(descriptor: RawFd) -> io::Result<u64> {
    // SAFETY: a plain call with a live local; a bad descriptor is an error.
    unsafe {
        let mut stat: libc::stat = mem::zeroed();
        if libc::fstat(descriptor, &mut stat) != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(stat.st_size as u64)
    }
}
