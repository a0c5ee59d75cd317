//! The least that measures a disk honestly: direct reads and writes on an io_uring, with a data flush linked behind
//! a write. All `unsafe` of the bench is here.
//!
//! What must stay true: each call waits for all it has submitted, so that memory is only borrowed while a call runs.
#![allow(unsafe_code)]

use std::{
    fs::File,
    io,
    os::fd::{AsRawFd, RawFd},
};

use aligned_vec::{AVec, ConstAlign};
use io_uring::{IoUring, opcode, squeue, types};

/// Alignment of positions, lengths and addresses, in bytes.
pub const BLOCK: usize = 4096;

pub type Buffer = AVec<u8, ConstAlign<BLOCK>>;

pub fn zeroed(len: usize) -> Buffer {
    let mut buffer = Buffer::with_capacity(BLOCK, len);
    buffer.resize(len, 0);
    buffer
}

pub struct Disk {
    uring: IoUring,
    file: File,
}

impl Disk {
    pub fn new(file: File) -> io::Result<Disk> {
        let uring = IoUring::builder()
            .setup_single_issuer()
            .setup_defer_taskrun()
            .build(64)?;
        Ok(Disk { uring, file })
    }

    /// One write and one data flush behind it, as one link.
    pub fn write_durably(&mut self, position: u64, buffer: &Buffer) -> io::Result<()> {
        let write = write(self.file.as_raw_fd(), position, buffer).flags(squeue::Flags::IO_LINK);
        let flush = opcode::Fsync::new(types::Fd(self.file.as_raw_fd()))
            .flags(types::FsyncFlags::DATASYNC)
            .build();
        self.run(&[(write, buffer.len()), (flush, 0)])
    }

    /// Writes the buffer at each of the positions, all in flight at once.
    pub fn write_all(&mut self, positions: &[u64], buffer: &Buffer) -> io::Result<()> {
        let descriptor = self.file.as_raw_fd();
        let entry = |&position: &u64| (write(descriptor, position, buffer), buffer.len());
        let entries: Vec<_> = positions.iter().map(entry).collect();
        self.run(&entries)
    }

    /// Reads at each of the positions into a buffer of its own, all in flight at once.
    pub fn read_all(&mut self, positions: &[u64], buffers: &mut [Buffer]) -> io::Result<()> {
        assert_eq!(positions.len(), buffers.len());
        let descriptor = types::Fd(self.file.as_raw_fd());
        let entry = |(&position, buffer): (&u64, &mut Buffer)| {
            let entry = opcode::Read::new(descriptor, buffer.as_mut_ptr(), buffer.len() as u32);
            (entry.offset(position).build(), buffer.len())
        };
        let entries: Vec<_> = positions.iter().zip(buffers).map(entry).collect();
        self.run(&entries)
    }

    pub fn flush(&mut self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Submits the entries and waits for all of them; each must have the result that stands beside it.
    ///
    /// Private, because the entries name memory that its callers borrow until this returns.
    fn run(&mut self, entries: &[(squeue::Entry, usize)]) -> io::Result<()> {
        for (index, (entry, _)) in entries.iter().enumerate() {
            let entry = entry.clone().user_data(index as u64);
            // SAFETY: the callers borrow the memory that the entry names until this returns, and this returns (or ends
            // the process) only when every entry has completed.
            unsafe { self.uring.submission().push(&entry) }.map_err(|_| io::Error::other("too many entries"))?;
        }
        let mut done = 0;
        let mut failed = None;
        while done < entries.len() {
            if let Err(error) = self.uring.submit_and_wait(1)
                && error.kind() != io::ErrorKind::Interrupted
            {
                eprintln!("io_uring_enter: {error}");
                std::process::abort();
            }
            for completion in self.uring.completion() {
                done += 1;
                let wanted = entries[completion.user_data() as usize].1;
                match usize::try_from(completion.result()) {
                    Ok(got) if got == wanted => {}
                    Ok(got) => failed = Some(io::Error::other(format!("short: {got} of {wanted} bytes"))),
                    Err(_) => failed = Some(io::Error::from_raw_os_error(-completion.result())),
                }
            }
        }
        failed.map_or(Ok(()), Err)
    }
}

fn write(descriptor: RawFd, position: u64, buffer: &Buffer) -> squeue::Entry {
    opcode::Write::new(types::Fd(descriptor), buffer.as_ptr(), buffer.len() as u32)
        .offset(position)
        .build()
}
