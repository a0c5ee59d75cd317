//! Connections: what is shared by their two directions, and their end.
//!
//! A slot lives until its last handle is gone **and** the last completion of both directions came; only then is the
//! descriptor closed, so that its number can never mean another connection to the kernel.

use std::{future::Future, io, os::fd::OwnedFd, rc::Rc, task::Waker};

use bytes::BytesMut;

use super::{
    Inner, Ring,
    hung_up::hung_up,
    receive::{Read, Receiving},
    send::{Sending, Write},
    slots::Key,
    socket,
    tag::{Kind, Tag},
};
use crate::runtime::world::{Parts, Stream};

pub(super) struct StreamSlot {
    pub(super) socket: Rc<OwnedFd>,
    /// A handle exists.
    pub(super) open: bool,
    /// Shut down by us: both directions answer with an error.
    pub(super) stopped: bool,
    pub(super) receiving: Receiving,
    pub(super) sending: Sending,
}

/// A connection on one core. Clones share it; it is closed with the last of them.
#[derive(Clone)]
pub struct RingStream {
    handle: Rc<Handle>,
}

pub(super) struct Handle {
    pub(super) ring: Rc<Ring>,
    pub(super) key: Key,
    socket: Rc<OwnedFd>,
}

impl RingStream {
    /// Takes over a connected socket and starts to receive.
    pub(super) fn adopt(ring: &Rc<Ring>, socket: OwnedFd) -> RingStream {
        let socket = Rc::new(socket);
        let slot = StreamSlot {
            socket: socket.clone(),
            open: true,
            stopped: false,
            receiving: Receiving::default(),
            sending: Sending::default(),
        };
        let key = ring.with(|inner| {
            let key = inner.streams.insert(slot);
            inner.arm_receive(key);
            key
        });
        RingStream {
            handle: Rc::new(Handle {
                ring: ring.clone(),
                key,
                socket,
            }),
        }
    }
}

impl Stream for RingStream {
    fn read(&self, into: BytesMut) -> impl Future<Output = (io::Result<usize>, BytesMut)> {
        Read::any(self.handle.clone(), into)
    }

    fn fill(&self, into: BytesMut, bytes: usize) -> impl Future<Output = (io::Result<usize>, BytesMut)> {
        Read::fill(self.handle.clone(), into, bytes)
    }

    fn write(&self, parts: impl Into<Parts>) -> impl Future<Output = io::Result<()>> {
        Write::new(self.handle.clone(), parts.into())
    }

    fn hung_up(&self) -> impl Future<Output = ()> {
        hung_up(self.handle.clone())
    }

    fn shutdown(&self) {
        socket::shutdown(&self.handle.socket);
        self.handle.ring.with(|inner| {
            let slot = inner.streams.get(self.handle.key).expect("an open stream has a slot");
            slot.stopped = true;
            for waker in slot.take_wakers() {
                inner.aftermath.wake(waker);
            }
        });
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.ring.with(|inner| {
            let slot = inner.streams.get(self.key).expect("an open stream has a slot");
            slot.open = false;
            for waker in slot.take_wakers() {
                inner.aftermath.drop_waker(waker);
            }
            let (receiving, sending) = (slot.receiving.armed, slot.sending.in_flight);
            if receiving {
                inner.cancel(Tag::new(Kind::Receive, self.key));
            }
            if sending {
                inner.cancel(Tag::new(Kind::Send, self.key));
            }
            inner.free_stream_if_over(self.key);
        });
    }
}

impl Inner {
    pub(super) fn free_stream_if_over(&mut self, key: Key) {
        let over = |slot: &mut StreamSlot| !slot.open && !slot.receiving.armed && !slot.sending.in_flight;
        if self.streams.get(key).is_some_and(over) {
            let slot = self.streams.remove(key);
            self.aftermath.drop(slot);
        }
    }
}

impl StreamSlot {
    pub(super) fn take_wakers(&mut self) -> [Option<Waker>; 3] {
        let Receiving { waker, end_waker, .. } = &mut self.receiving;
        [waker.take(), end_waker.take(), self.sending.waker.take()]
    }
}
