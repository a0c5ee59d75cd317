//! The receiving half of a connection: one multishot receive, and what arrived before somebody asked.
//!
//! A waiting reader lends its memory to the slot, so that bytes are copied once, from the landing buffer to where the
//! reader wants them. Back-pressure: when more than [`UNREAD_BYTES_MAX`] wait unread, the receive is cancelled; the
//! socket's own buffer then fills and the peer is held back. What the kernel delivers until it has seen the cancellation
//! comes on top, at most the receive buffers of the core.
#![allow(unsafe_code)]

use std::{
    future::Future,
    io,
    os::fd::AsRawFd,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use bytes::{Buf, BytesMut};
use io_uring::{opcode, types};

use super::{
    Inner, buffers, replace_waker,
    slots::Key,
    stream::Handle,
    tag::{Kind, Tag},
};

/// Bytes that may wait unread on one connection before the peer is held back.
const UNREAD_BYTES_MAX: usize = 256 << 10;

#[derive(Default)]
pub(super) struct Receiving {
    pub(super) armed: bool,
    cancelling: bool,
    /// The peer's end (0) or an error (positive errno).
    ended: Option<i32>,
    /// What arrived; behind what a waiting reader already had.
    bytes: BytesMut,
    /// Length of the reader's own bytes at the start of `bytes`, while a reader waits.
    lent: Option<usize>,
    pub(super) waker: Option<Waker>,
}

impl Receiving {
    fn unread(&self) -> usize {
        self.bytes.len() - self.lent.unwrap_or(0)
    }
}

pub(super) struct Read {
    handle: Rc<Handle>,
    state: ReadState,
}

enum ReadState {
    Start(BytesMut),
    /// The reader's memory is in the slot.
    Waiting,
    Done,
}

impl Read {
    pub(super) fn new(handle: Rc<Handle>, into: BytesMut) -> Read {
        Read {
            handle,
            state: ReadState::Start(into),
        }
    }
}

impl Future for Read {
    type Output = (io::Result<usize>, BytesMut);

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let key = self.handle.key;
        let handle = self.handle.clone();
        let state = std::mem::replace(&mut self.state, ReadState::Done);
        let answer = handle.ring.with(|inner| {
            let slot = inner.streams.get(key).expect("an open stream has a slot");
            let receiving = &mut slot.receiving;
            if let ReadState::Start(into) = state {
                assert!(receiving.lent.is_none(), "one task reads a connection at a time");
                receiving.lend(into);
            }
            let unread = receiving.unread();
            let answer = if slot.stopped {
                Some(Err(io::ErrorKind::NotConnected.into()))
            } else if unread > 0 {
                Some(Ok(unread))
            } else {
                receiving.ended.map(|end| match end {
                    0 => Ok(0),
                    error => Err(io::Error::from_raw_os_error(error)),
                })
            };
            match answer {
                Some(answer) => {
                    receiving.lent = None;
                    let into = std::mem::take(&mut receiving.bytes);
                    inner.arm_receive(key);
                    Some((answer, into))
                }
                None => {
                    replace_waker(&mut receiving.waker, context, &mut inner.aftermath);
                    inner.arm_receive(key);
                    None
                }
            }
        });
        match answer {
            Some(answer) => Poll::Ready(answer),
            None => {
                self.state = ReadState::Waiting;
                Poll::Pending
            }
        }
    }
}

impl Drop for Read {
    fn drop(&mut self) {
        if matches!(self.state, ReadState::Waiting) {
            self.handle.ring.with(|inner| {
                let slot = inner.streams.get(self.handle.key).expect("an open stream has a slot");
                // What arrived meanwhile is for the next reader; the reader's own bytes go with it.
                let own = slot.receiving.lent.take().expect("a waiting reader has lent");
                slot.receiving.bytes.advance(own);
                let waker = slot.receiving.waker.take();
                inner.aftermath.drop_waker(waker);
            });
        }
    }
}

impl Receiving {
    fn lend(&mut self, mut into: BytesMut) {
        let own = into.len();
        if self.bytes.is_empty() {
            self.bytes = into;
        } else if own > 0 {
            into.extend_from_slice(&self.bytes);
            self.bytes = into;
        }
        self.lent = Some(own);
    }
}

impl Inner {
    /// Starts or restarts the receive unless it runs, is over, or the reader is too far behind.
    pub(super) fn arm_receive(&mut self, key: Key) {
        let slot = self.streams.get(key).expect("an open stream has a slot");
        let receiving = &mut slot.receiving;
        let wanted = slot.open && !slot.stopped && receiving.ended.is_none() && receiving.unread() < UNREAD_BYTES_MAX;
        if receiving.armed || !wanted || self.closing {
            return;
        }
        receiving.armed = true;
        let entry = opcode::RecvMulti::new(types::Fd(slot.socket.as_raw_fd()), buffers::GROUP)
            .build()
            .user_data(Tag::new(Kind::Receive, key).pack());
        // SAFETY: the entry names the ring's receive buffers, which live as long as the ring, and the slot keeps the
        // descriptor until the last completion.
        unsafe { self.submit((entry, None)) };
    }

    pub(super) fn on_receive(&mut self, key: Key, result: i32, buffer: Option<u16>, last: bool) {
        let slot = self.streams.get(key).expect("a slot lives until its last completion");
        let receiving = &mut slot.receiving;
        if let Some(id) = buffer {
            if result > 0 && slot.open {
                receiving
                    .bytes
                    .extend_from_slice(self.buffers.filled(id, result as usize));
            }
            self.buffers.give_back(id);
        }
        let mut starved = false;
        match -result {
            _ if result > 0 => {}
            libc::ENOBUFS => starved = true,
            // Ours, for back-pressure or because the connection is closed.
            libc::ECANCELED => {}
            end => receiving.ended = Some(end),
        }
        if last {
            receiving.armed = false;
            receiving.cancelling = false;
        }
        let cancel = receiving.armed && !receiving.cancelling && receiving.unread() >= UNREAD_BYTES_MAX;
        receiving.cancelling |= cancel;
        if receiving.unread() > 0 || receiving.ended.is_some() {
            let waker = receiving.waker.take();
            self.aftermath.wake(waker);
        }
        if cancel {
            self.cancel(Tag::new(Kind::Receive, key));
        }
        if !slot_is_open(self, key) {
            self.free_stream_if_over(key);
        } else if starved {
            self.starved.push(key);
        } else if last {
            self.arm_receive(key);
        }
    }

    /// After buffers were given back and published.
    pub(super) fn rearm_starved(&mut self) {
        for key in std::mem::take(&mut self.starved) {
            if slot_is_open(self, key) {
                self.arm_receive(key);
            }
        }
    }
}

fn slot_is_open(inner: &mut Inner, key: Key) -> bool {
    inner.streams.get(key).is_some_and(|slot| slot.open)
}
