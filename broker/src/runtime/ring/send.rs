//! The sending half of a connection: one send in flight, so that order is kept; what a send left over is sent next. Small answers
//! leave at once if the socket has room.
//!
//! A write whose future is dropped goes on to its end, so that a connection never carries half a response; the next
//! write waits for it. Closing the connection cancels it.
#![allow(unsafe_code)]

use std::{
    future::Future,
    io,
    os::fd::{AsRawFd, OwnedFd},
    pin::Pin,
    ptr,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use bytes::Buf;
use io_uring::{opcode, types};

use super::{
    Inner, replace_waker,
    slots::Key,
    stream::Handle,
    tag::{Kind, Tag},
};
use crate::runtime::world::Parts;

/// An answer of one part up to this size is sent by a system call of its own: that costs less than a submission, its completion and
/// waking the task once more for it.
const SEND_NOW_BYTES_MAX: usize = 16 << 10;
/// Parts that go into one system call; the kernel takes at most 1024 (`UIO_MAXIOV`).
const PARTS_MAX: usize = 256;

#[derive(Default)]
pub(super) struct Sending {
    /// The kernel may read `batch`.
    pub(super) in_flight: bool,
    batch: Batch,
    /// Positive errno; every later write fails with it.
    error: Option<i32>,
    pub(super) waker: Option<Waker>,
}

/// What is being sent. Not touched while in flight.
#[derive(Default)]
struct Batch {
    parts: Parts,
    /// Parts that are sent.
    sent: usize,
    vectors: Vec<libc::iovec>,
    /// Boxed, so that the slot may move while the kernel reads it.
    message: Option<Box<libc::msghdr>>,
}

impl Batch {
    fn is_sent(&self) -> bool {
        self.sent == self.parts.len()
    }

    /// Forgets the first `bytes` of what is left.
    fn advance(&mut self, mut bytes: usize) {
        while let Some(part) = self.parts.get_mut(self.sent) {
            let taken = bytes.min(part.len());
            part.advance(taken);
            bytes -= taken;
            if !part.is_empty() {
                break;
            }
            self.sent += 1;
        }
        assert_eq!(bytes, 0, "the kernel sends no more than it was given");
    }
}

pub(super) struct Write {
    handle: Rc<Handle>,
    state: WriteState,
}

enum WriteState {
    Start(Parts),
    Sending,
    Done,
}

impl Write {
    pub(super) fn new(handle: Rc<Handle>, mut parts: Parts) -> Write {
        parts.retain(|part| !part.is_empty());
        Write {
            handle,
            state: WriteState::Start(parts),
        }
    }
}

impl Future for Write {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let key = self.handle.key;
        let handle = self.handle.clone();
        let this = &mut *self;
        // The parts that were sent are dropped out here, after the ring's borrow.
        let (answer, _sent) = handle.ring.with(|inner| {
            let slot = inner.streams.get(key).expect("an open stream has a slot");
            if slot.stopped {
                return (Poll::Ready(Err(io::ErrorKind::NotConnected.into())), None);
            }
            if let Some(error) = slot.sending.error {
                return (Poll::Ready(Err(io::Error::from_raw_os_error(error))), None);
            }
            if slot.sending.in_flight {
                replace_waker(&mut slot.sending.waker, context, &mut inner.aftermath);
                return (Poll::Pending, None);
            }
            let before = std::mem::take(&mut slot.sending.batch.parts);
            slot.sending.batch.sent = 0;
            if let WriteState::Start(parts) = &mut this.state
                && let Err(error) = send_now(&slot.socket, parts)
            {
                slot.sending.error = error.raw_os_error().or(Some(libc::EIO));
                return (Poll::Ready(Err(error)), Some(before));
            }
            match &mut this.state {
                WriteState::Start(parts) if !parts.is_empty() => {
                    slot.sending.batch.parts = std::mem::take(parts);
                    replace_waker(&mut slot.sending.waker, context, &mut inner.aftermath);
                    inner.submit_send(key);
                    this.state = WriteState::Sending;
                    (Poll::Pending, Some(before))
                }
                _ => (Poll::Ready(Ok(())), Some(before)),
            }
        });
        if answer.is_ready() {
            self.state = WriteState::Done;
        }
        answer
    }
}

impl Drop for Write {
    fn drop(&mut self) {
        if matches!(self.state, WriteState::Done) {
            return;
        }
        self.handle.ring.with(|inner| {
            let slot = inner.streams.get(self.handle.key).expect("an open stream has a slot");
            let waker = slot.sending.waker.take();
            inner.aftermath.drop_waker(waker);
        });
    }
}

/// Sends a small answer as far as the socket takes it at once; what is left stays in `parts`.
fn send_now(socket: &OwnedFd, parts: &mut Parts) -> io::Result<()> {
    let [part] = &mut parts[..] else { return Ok(()) };
    if part.len() > SEND_NOW_BYTES_MAX {
        return Ok(());
    }
    let flags = libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT;
    // SAFETY: the pointer and length are those of a live slice, and the kernel is done with it when the call returns.
    let sent = unsafe { libc::send(socket.as_raw_fd(), part.as_ptr().cast(), part.len(), flags) };
    match usize::try_from(sent) {
        Ok(sent) if sent == part.len() => parts.clear(),
        Ok(sent) => part.advance(sent),
        Err(_) => {
            let error = io::Error::last_os_error();
            if !matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) {
                return Err(error);
            }
        }
    }
    Ok(())
}

impl Inner {
    fn submit_send(&mut self, key: Key) {
        let slot = self.streams.get(key).expect("a slot lives until its last completion");
        let sending = &mut slot.sending;
        let batch = &mut sending.batch;
        let descriptor = types::Fd(slot.socket.as_raw_fd());
        let left = &batch.parts[batch.sent..];
        assert!(
            !sending.in_flight && !left.is_empty(),
            "one send at a time, of something"
        );
        sending.in_flight = true;
        let flags = libc::MSG_NOSIGNAL | libc::MSG_WAITALL;
        let entry = if let [part] = left
            && let Ok(len) = u32::try_from(part.len())
        {
            opcode::Send::new(descriptor, part.as_ptr(), len).flags(flags).build()
        } else {
            batch.vectors.clear();
            batch
                .vectors
                .extend(left.iter().take(PARTS_MAX).map(|part| libc::iovec {
                    iov_base: part.as_ptr().cast_mut().cast(),
                    iov_len: part.len(),
                }));
            // SAFETY: all zeroes is a valid msghdr: no name, no parts, no control data.
            let message = batch
                .message
                .get_or_insert_with(|| Box::new(unsafe { std::mem::zeroed() }));
            message.msg_iov = batch.vectors.as_mut_ptr();
            message.msg_iovlen = batch.vectors.len() as _;
            opcode::SendMsg::new(descriptor, ptr::from_ref(&**message))
                .flags(flags as u32)
                .build()
        };
        let entry = entry.user_data(Tag::new(Kind::Send, key).pack());
        // SAFETY: the bytes of the parts, vectors and message are on the heap, are owned by the slot and not touched while `in_flight`;
        // the kernel only reads them. The slot and its descriptor live until the last completion.
        unsafe { self.submit((entry, None)) };
    }

    pub(super) fn on_send(&mut self, key: Key, result: i32) {
        let slot = self.streams.get(key).expect("a slot lives until its last completion");
        let sending = &mut slot.sending;
        sending.in_flight = false;
        match usize::try_from(result) {
            Ok(0) => sending.error = Some(libc::EPIPE),
            Ok(sent) => {
                // A part that ends here is only dropped with the whole batch, by the writer.
                sending.batch.advance(sent);
            }
            Err(_) => sending.error = Some(-result),
        }
        if sending.error.is_none() && !sending.batch.is_sent() && slot.open && !slot.stopped {
            self.submit_send(key);
            return;
        }
        let waker = sending.waker.take();
        self.aftermath.wake(waker);
        self.free_stream_if_over(key);
    }
}
