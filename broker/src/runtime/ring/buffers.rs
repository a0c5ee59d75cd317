//! The memory in which the kernel puts what arrives on any socket of this core.
//!
//! A buffer is only a landing place: its bytes are copied to the connection as soon as the completion is seen and the
//! buffer goes back, so that no slow connection can keep buffers from the others. The kernel takes buffers between its
//! own head and the tail we publish; therefore a buffer is never read by us and offered to it at the same time.
#![allow(unsafe_code)]

use std::{
    io,
    ptr::{self, NonNull},
    sync::atomic::{AtomicU16, Ordering},
};

use io_uring::{IoUring, types::BufRingEntry};

/// The only group of buffers on a ring.
pub(super) const GROUP: u16 = 0;

pub(super) struct ReceiveBuffers {
    entries: Mapping,
    memory: Mapping,
    count: u16,
    buffer_bytes: usize,
    tail: u16,
}

impl ReceiveBuffers {
    /// Registers `count` (a power of two) buffers of `buffer_bytes` each with the ring.
    ///
    /// The mappings outlive every receive on the ring, because [`Ring`](super::Ring) is only dropped when nothing is in
    /// flight and is leaked otherwise.
    pub(super) fn register(uring: &IoUring, count: u16, buffer_bytes: usize) -> io::Result<ReceiveBuffers> {
        assert!(count.is_power_of_two());
        let entries = Mapping::new(usize::from(count) * size_of::<BufRingEntry>())?;
        let memory = Mapping::new(usize::from(count) * buffer_bytes)?;
        // SAFETY: the mapping is page-aligned, holds exactly `count` entries, and lives as long as the ring (see above).
        unsafe {
            uring
                .submitter()
                .register_buf_ring_with_flags(entries.start.as_ptr() as u64, count, GROUP, 0)?;
        }
        let mut buffers = ReceiveBuffers {
            entries,
            memory,
            count,
            buffer_bytes,
            tail: 0,
        };
        for id in 0..count {
            buffers.give_back(id);
        }
        buffers.publish();
        Ok(buffers)
    }

    /// The first `len` bytes of a buffer that a completion named and that was not given back since.
    pub(super) fn filled(&self, id: u16, len: usize) -> &[u8] {
        assert!(
            id < self.count && len <= self.buffer_bytes,
            "the kernel names its own buffers"
        );
        // SAFETY: in bounds by the assertion; the kernel does not write to a buffer between its completion and the
        // next time we give it back, and giving back needs `&mut self`.
        unsafe { std::slice::from_raw_parts(self.memory.start.as_ptr().add(usize::from(id) * self.buffer_bytes), len) }
    }

    /// Puts a buffer behind the tail; the kernel sees it after [`publish`](Self::publish).
    pub(super) fn give_back(&mut self, id: u16) {
        assert!(id < self.count);
        // SAFETY: the index is masked to the mapping, and the kernel reads entries only below the published tail, which
        // is at most `count` behind this one since each buffer is in the ring once.
        unsafe {
            let entry = self
                .entries
                .start
                .as_ptr()
                .cast::<BufRingEntry>()
                .add(usize::from(self.tail & (self.count - 1)));
            (*entry).set_addr(self.memory.start.as_ptr().add(usize::from(id) * self.buffer_bytes) as u64);
            (*entry).set_len(self.buffer_bytes as u32);
            (*entry).set_bid(id);
        }
        self.tail = self.tail.wrapping_add(1);
    }

    pub(super) fn publish(&mut self) {
        // SAFETY: the tail lies in the first entry of the mapping and is only ever written here; the kernel reads it.
        unsafe {
            let tail = BufRingEntry::tail(self.entries.start.as_ptr().cast()).cast_mut();
            AtomicU16::from_ptr(tail).store(self.tail, Ordering::Release);
        }
    }
}

/// Zeroed private memory, page-aligned.
struct Mapping {
    start: NonNull<u8>,
    len: usize,
}

impl Mapping {
    fn new(len: usize) -> io::Result<Mapping> {
        // SAFETY: a fresh anonymous mapping aliases nothing.
        let start = unsafe {
            libc::mmap(
                ptr::null_mut(),
                len,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).expect("a mapping is never at address zero");
        Ok(Mapping { start, len })
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: exactly the mapping made in `new`; nothing borrows from it any more.
        unsafe {
            libc::munmap(self.start.as_ptr().cast(), self.len);
        }
    }
}
