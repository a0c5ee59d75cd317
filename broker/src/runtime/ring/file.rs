//! Reads, writes and flushes of files. A write that must last is a write with a data flush linked behind it.
#![allow(unsafe_code)]

use std::{
    future::Future,
    io,
    os::fd::{AsRawFd, OwnedFd},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use corelane_storage::disk::{AlignedBuf, BLOCK};
use io_uring::{opcode, squeue, types};

use super::{
    Inner, Ring, replace_waker,
    slots::Key,
    tag::{Kind, Tag},
};

/// What the kernel reads or writes; owned here until it is done.
pub(super) enum Memory {
    None,
    Write(#[expect(dead_code, reason = "owned for the kernel")] Bytes),
    Read(AlignedBuf),
}

pub(super) struct FileSlot {
    memory: Memory,
    /// Keeps the descriptor open.
    _file: Rc<OwnedFd>,
    due: u8,
    /// Of the entry and of the flush linked behind it.
    results: [i32; 2],
    /// Nobody waits any more; the slot is freed with the last completion.
    abandoned: bool,
    waker: Option<Waker>,
}

/// Reads into `buffer[filled..]` from `position`. The number of bytes that came, 0 at the end of the file.
pub(in crate::runtime) async fn read(
    ring: &Rc<Ring>,
    file: &Rc<OwnedFd>,
    position: u64,
    mut buffer: AlignedBuf,
    filled: usize,
    priority: u16,
) -> (io::Result<usize>, AlignedBuf) {
    let target = &mut buffer[filled..];
    let entry = opcode::Read::new(
        types::Fd(file.as_raw_fd()),
        target.as_mut_ptr(),
        entry_len(target.len()),
    )
    .offset(position)
    .ioprio(priority)
    .build();
    // SAFETY: the entry names the heap memory of `buffer`, which moves into the slot together with the file.
    let operation = unsafe { FileOperation::start(ring, file, (entry, None), Memory::Read(buffer)) };
    let (results, memory) = operation.await;
    let Memory::Read(buffer) = memory else {
        unreachable!("the memory of a read is handed back")
    };
    (check(results[0]), buffer)
}

/// Writes `bytes`, and then flushes the file's data if `durable`. How many were written: if not all, nothing was flushed.
pub(in crate::runtime) async fn write(
    ring: &Rc<Ring>,
    file: &Rc<OwnedFd>,
    position: u64,
    bytes: Bytes,
    durable: bool,
    priority: u16,
) -> io::Result<usize> {
    let descriptor = types::Fd(file.as_raw_fd());
    assert_eq!(bytes.as_ptr() as usize % BLOCK, 0, "direct I/O wants aligned memory");
    let wanted = bytes.len();
    let entry = opcode::Write::new(descriptor, bytes.as_ptr(), entry_len(wanted))
        .offset(position)
        .ioprio(priority)
        .build();
    let chain = if durable {
        let flush = opcode::Fsync::new(descriptor)
            .flags(types::FsyncFlags::DATASYNC)
            .build();
        (entry.flags(squeue::Flags::IO_LINK), Some(flush))
    } else {
        (entry, None)
    };
    // SAFETY: the entries name the immutable memory of `bytes`, which moves into the slot together with the file.
    let operation = unsafe { FileOperation::start(ring, file, chain, Memory::Write(bytes)) };
    let (results, _memory) = operation.await;
    // First the write: a flush behind a failed or short write is cancelled and says nothing.
    let written = check(results[0])?;
    if written == wanted {
        check(results[1])?;
    }
    Ok(written)
}

/// Makes completed writes last, with the metadata that is needed to read them.
pub(in crate::runtime) async fn data_flush(ring: &Rc<Ring>, file: &Rc<OwnedFd>) -> io::Result<()> {
    let entry = opcode::Fsync::new(types::Fd(file.as_raw_fd()))
        .flags(types::FsyncFlags::DATASYNC)
        .build();
    // SAFETY: the entry names no memory, and the slot keeps the file open.
    let operation = unsafe { FileOperation::start(ring, file, (entry, None), Memory::None) };
    let (results, _memory) = operation.await;
    check(results[0]).map(drop)
}

struct FileOperation {
    ring: Rc<Ring>,
    /// `None` once the result was taken.
    key: Option<Key>,
}

impl FileOperation {
    /// # Safety
    /// The entries name no memory but that of `memory`, and no descriptor but that of `file`.
    unsafe fn start(
        ring: &Rc<Ring>,
        file: &Rc<OwnedFd>,
        (first, second): (squeue::Entry, Option<squeue::Entry>),
        memory: Memory,
    ) -> FileOperation {
        let slot = FileSlot {
            memory,
            _file: file.clone(),
            due: 1 + u8::from(second.is_some()),
            results: [0; 2],
            abandoned: false,
            waker: None,
        };
        let key = ring.with(|inner| {
            let key = inner.files.insert(slot);
            let first = first.user_data(Tag::new(Kind::File, key).pack());
            let second = second.map(|entry| entry.user_data(Tag::new(Kind::LinkedFlush, key).pack()));
            // SAFETY: memory and descriptor are owned by the slot, which is freed with the last completion.
            unsafe { inner.submit((first, second)) };
            key
        });
        FileOperation {
            ring: ring.clone(),
            key: Some(key),
        }
    }
}

impl Future for FileOperation {
    type Output = ([i32; 2], Memory);

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let key = self.key.expect("not polled after completion");
        let done = self.ring.with(|inner| {
            let slot = inner.files.get(key).expect("a wanted slot lives");
            if slot.due > 0 {
                replace_waker(&mut slot.waker, context, &mut inner.aftermath);
                return None;
            }
            inner.files.remove(key)
        });
        match done {
            None => Poll::Pending,
            Some(slot) => {
                self.key = None;
                Poll::Ready((slot.results, slot.memory))
            }
        }
    }
}

impl Drop for FileOperation {
    fn drop(&mut self) {
        let Some(key) = self.key else { return };
        self.ring.with(|inner| {
            let slot = inner.files.get(key).expect("a wanted slot lives");
            slot.abandoned = true;
            inner.free_file_if_over(key);
        });
    }
}

impl Inner {
    pub(super) fn on_file(&mut self, key: Key, part: usize, result: i32) {
        let slot = self.files.get(key).expect("a slot lives until its last completion");
        slot.results[part] = result;
        slot.due -= 1;
        if slot.due == 0 {
            let waker = slot.waker.take();
            self.aftermath.wake(waker);
            self.free_file_if_over(key);
        }
    }

    fn free_file_if_over(&mut self, key: Key) {
        if self.files.get(key).is_some_and(|slot| slot.abandoned && slot.due == 0) {
            let slot = self.files.remove(key);
            self.aftermath.drop(slot);
        }
    }
}

impl FileSlot {
    pub(super) fn take_waker(&mut self) -> Option<Waker> {
        self.waker.take()
    }
}

fn check(result: i32) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::from_raw_os_error(-result))
}

fn entry_len(len: usize) -> u32 {
    u32::try_from(len).expect("one operation is below 4 GiB")
}
