//! The receiving half of a connection: what arrived before somebody asked, and memory that a reader lends.
//!
//! Usually one multishot receive is armed, which lands in the [buffers] of the core. A waiting reader lends its memory to the
//! slot, so that bytes are copied once, from the landing buffer to where the reader wants them. Back-pressure: when more than
//! [`UNREAD_BYTES_MAX`] wait unread, the receive is cancelled; the socket's own buffer then fills and the peer is held back.
//! What the kernel delivers until it has seen the cancellation comes on top, at most the receive buffers of the core.
//!
//! A reader that knows of more to come ([`Read::fill`]) has it put straight into its memory, by one receive that ends when all
//! is there; so does the read after it, since large frames follow each other. A second such read goes back to the multishot one.
#![allow(unsafe_code)]

use std::{
    future::Future,
    io,
    os::fd::AsRawFd,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use bytes::{Buf, BufMut, BytesMut};
use io_uring::{opcode, types};

use super::{
    Inner, buffers, replace_waker,
    slots::Key,
    stream::Handle,
    tag::{Kind, Tag},
};

/// Bytes that may wait unread on one connection before the peer is held back.
const UNREAD_BYTES_MAX: usize = 256 << 10;
/// Room of a read that goes straight into the reader's memory and does not know how much will come.
const STRAIGHT_READ_BYTES: usize = 64 << 10;

#[derive(Default)]
pub(super) struct Receiving {
    /// Some receive is under way.
    pub(super) armed: bool,
    cancelling: bool,
    /// The peer's end (0) or an error (positive errno).
    ended: Option<i32>,
    /// What arrived; behind what a waiting reader already had.
    bytes: BytesMut,
    /// Length of the reader's own bytes at the start of `bytes`, while a reader waits.
    lent: Option<usize>,
    manner: Manner,
    /// The last reader knew how much would come.
    filled: bool,
    /// While the kernel writes to it. `bytes` is empty then, and nobody lends.
    straight: Option<Straight>,
    pub(super) waker: Option<Waker>,
    /// Of who waits for the peer's end and does not read.
    pub(super) end_waker: Option<Waker>,
}

/// How the reader wants its bytes.
#[derive(Clone, Copy, Debug, Default)]
enum Manner {
    /// As they come, by the core's buffers.
    #[default]
    Landing,
    /// In its own memory: so many, all of them or what there is.
    Straight { bytes: usize, all: bool },
}

/// A reader's memory of which the kernel writes the spare part.
struct Straight {
    memory: BytesMut,
    /// Length of the reader's own bytes.
    own: usize,
    /// The reader still waits.
    wanted: bool,
}

impl Receiving {
    fn unread(&self) -> usize {
        self.bytes.len() - self.lent.unwrap_or(0)
    }

    pub(super) fn is_over(&self) -> bool {
        self.ended.is_some()
    }

    /// What comes while nobody reads lands in the core's buffers, also after a reader that wanted it straight.
    pub(super) fn land(&mut self) {
        if self.lent.is_none() {
            self.manner = Manner::Landing;
        }
    }

    fn lend(&mut self, mut into: BytesMut, wish: Wish) {
        assert!(self.lent.is_none(), "one task reads a connection at a time");
        let own = into.len();
        if self.bytes.is_empty() {
            self.bytes = into;
        } else if own > 0 {
            into.extend_from_slice(&self.bytes);
            self.bytes = into;
        }
        self.lent = Some(own);
        self.manner = match wish {
            Wish::Fill(bytes) => Manner::Straight { bytes, all: true },
            Wish::Any if self.filled => Manner::Straight {
                bytes: STRAIGHT_READ_BYTES,
                all: false,
            },
            Wish::Any => Manner::Landing,
        };
        self.filled = matches!(wish, Wish::Fill(_));
    }
}

/// What a reader knows of what is to come.
#[derive(Clone, Copy, Debug)]
enum Wish {
    Any,
    Fill(usize),
}

pub(super) struct Read {
    handle: Rc<Handle>,
    wish: Wish,
    state: ReadState,
}

enum ReadState {
    Start(BytesMut),
    /// The reader's memory is in the slot.
    Waiting,
    Done,
}

impl Read {
    pub(super) fn any(handle: Rc<Handle>, into: BytesMut) -> Read {
        Read {
            handle,
            wish: Wish::Any,
            state: ReadState::Start(into),
        }
    }

    pub(super) fn fill(handle: Rc<Handle>, into: BytesMut, bytes: usize) -> Read {
        assert!(bytes > 0, "a receive of nothing looks like the end");
        Read {
            handle,
            wish: Wish::Fill(bytes),
            state: ReadState::Start(into),
        }
    }
}

impl Future for Read {
    type Output = (io::Result<usize>, BytesMut);

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let key = this.handle.key;
        let (state, wish) = (std::mem::replace(&mut this.state, ReadState::Done), this.wish);
        let (state, answer) = this.handle.ring.with(|inner| {
            let slot = inner.streams.get(key).expect("an open stream has a slot");
            let receiving = &mut slot.receiving;
            if let ReadState::Start(into) = state {
                if slot.stopped {
                    return (ReadState::Done, Some((Err(io::ErrorKind::NotConnected.into()), into)));
                }
                if receiving.straight.is_some() {
                    // A reader before went away; what its memory gets comes first.
                    replace_waker(&mut receiving.waker, context, &mut inner.aftermath);
                    return (ReadState::Start(into), None);
                }
                receiving.lend(into, wish);
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
                    receiving.forget_straight();
                    let into = std::mem::take(&mut receiving.bytes);
                    inner.arm_receive(key);
                    (ReadState::Done, Some((answer, into)))
                }
                None => {
                    replace_waker(&mut receiving.waker, context, &mut inner.aftermath);
                    inner.arm_receive(key);
                    (ReadState::Waiting, None)
                }
            }
        });
        this.state = state;
        match answer {
            Some(answer) => Poll::Ready(answer),
            None => Poll::Pending,
        }
    }
}

impl Drop for Read {
    fn drop(&mut self) {
        if matches!(self.state, ReadState::Done) {
            return;
        }
        self.handle.ring.with(|inner| {
            let key = self.handle.key;
            let slot = inner.streams.get(key).expect("an open stream has a slot");
            let receiving = &mut slot.receiving;
            let waker = receiving.waker.take();
            if matches!(self.state, ReadState::Waiting) {
                // What arrived meanwhile is for the next reader; the reader's own bytes go with it.
                match receiving.lent.take() {
                    Some(own) => receiving.bytes.advance(own),
                    None => receiving.forget_straight(),
                }
                if receiving.straight.is_some() && !std::mem::replace(&mut receiving.cancelling, true) {
                    inner.cancel(Tag::new(Kind::Receive, key));
                }
            }
            inner.aftermath.drop_waker(waker);
        });
    }
}

impl Receiving {
    /// Whoever lent the memory that the kernel writes to waits no more.
    fn forget_straight(&mut self) {
        if let Some(straight) = &mut self.straight {
            straight.wanted = false;
        }
    }

    /// The kernel wrote so much to the reader's memory, and will write no more.
    fn end_straight(&mut self, Straight { memory, own, wanted }: Straight) {
        assert!(
            self.bytes.is_empty() && self.lent.is_none(),
            "nothing else arrives meanwhile"
        );
        self.bytes = memory;
        if wanted {
            self.lent = Some(own);
        } else {
            self.bytes.advance(own);
        }
    }
}

impl Inner {
    /// Starts the receive that is wanted, unless one runs, all is over, or the reader is too far behind.
    pub(super) fn arm_receive(&mut self, key: Key) {
        let slot = self.streams.get(key).expect("an open stream has a slot");
        let receiving = &mut slot.receiving;
        if !slot.open || slot.stopped || receiving.ended.is_some() || self.closing {
            return;
        }
        if receiving.armed {
            let lands = receiving.straight.is_none();
            if lands && matches!(receiving.manner, Manner::Straight { .. }) && !receiving.cancelling {
                receiving.cancelling = true;
                self.cancel(Tag::new(Kind::Receive, key));
            }
            return;
        }
        let descriptor = types::Fd(slot.socket.as_raw_fd());
        let entry = match receiving.manner {
            Manner::Landing if receiving.unread() < UNREAD_BYTES_MAX => {
                opcode::RecvMulti::new(descriptor, buffers::GROUP).build()
            }
            Manner::Straight { bytes, all } if receiving.unread() == 0 => {
                // Only into memory of a reader that waits.
                let Some(own) = receiving.lent.take() else { return };
                let mut memory = std::mem::take(&mut receiving.bytes);
                memory.reserve(bytes);
                let straight = receiving.straight.insert(Straight {
                    memory,
                    own,
                    wanted: true,
                });
                let spare = straight.memory.spare_capacity_mut();
                let len = u32::try_from(bytes.min(spare.len())).unwrap_or(u32::MAX);
                opcode::Recv::new(descriptor, spare.as_mut_ptr().cast(), len)
                    .flags(if all { libc::MSG_WAITALL } else { 0 })
                    .build()
            }
            _ => return,
        };
        receiving.armed = true;
        let entry = entry.user_data(Tag::new(Kind::Receive, key).pack());
        // SAFETY: the entry names the ring's receive buffers, which live as long as the ring, or the spare part of heap memory
        // that the slot owns in `straight` and nobody touches until the completion. The slot keeps the descriptor until the
        // last completion.
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
        let left_behind = if let Some(mut straight) = receiving.straight.take() {
            if let Ok(received) = usize::try_from(result) {
                // SAFETY: the kernel wrote so many bytes from the start of the spare part, and no more than there is.
                unsafe { straight.memory.advance_mut(received) };
            }
            let left_behind = !straight.wanted;
            receiving.end_straight(straight);
            left_behind
        } else {
            false
        };
        let mut starved = false;
        match -result {
            _ if result > 0 => {}
            libc::ENOBUFS => starved = true,
            // Ours, for back-pressure, for another manner or because the connection is closed.
            libc::ECANCELED => {}
            end => receiving.ended = Some(end),
        }
        if last {
            receiving.armed = false;
            receiving.cancelling = false;
        }
        let cancel = receiving.armed && !receiving.cancelling && receiving.unread() >= UNREAD_BYTES_MAX;
        receiving.cancelling |= cancel;
        if receiving.unread() > 0 || receiving.ended.is_some() || left_behind {
            let waker = receiving.waker.take();
            self.aftermath.wake(waker);
        }
        if receiving.ended.is_some() {
            let waker = receiving.end_waker.take();
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
