//! Listening sockets: one multishot accept each.
#![allow(unsafe_code)]

use std::{
    cell::Cell,
    collections::VecDeque,
    future::poll_fn,
    io,
    net::SocketAddr,
    os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd},
    rc::Rc,
    task::{Poll, Waker},
    time::Duration,
};

use io_uring::{opcode, types};

use super::{
    Inner, Ring, RingStream, Sleep, replace_waker,
    slots::Key,
    socket,
    tag::{Kind, Tag},
};
use crate::runtime::{clock::monotonic_ns, host::client_descriptors_end, world::Listener};

/// Connections that were accepted and that nobody took; at this many no more are accepted.
const WAITING_MAX: usize = 256;

/// How long no connection is accepted when descriptors or memory are used up.
const SHORTAGE_WAIT: Duration = Duration::from_millis(100);

pub(super) struct ListenerSlot {
    socket: OwnedFd,
    open: bool,
    armed: bool,
    cancelling: bool,
    accepted: VecDeque<OwnedFd>,
    /// Sockets of this number and above are closed at once.
    descriptors_end: RawFd,
    /// Positive errno.
    error: Option<i32>,
    waker: Option<Waker>,
}

/// A listening socket of one core; closed when dropped.
pub struct RingListener {
    ring: Rc<Ring>,
    key: Key,
    address: SocketAddr,
    /// Said once, until a connection was accepted again.
    in_shortage: Cell<bool>,
}

impl RingListener {
    pub(in crate::runtime) fn bind(ring: &Rc<Ring>, address: SocketAddr) -> io::Result<RingListener> {
        let socket = socket::listen(address)?;
        let address = socket::local_address(&socket)?;
        let slot = ListenerSlot {
            socket,
            open: true,
            armed: false,
            cancelling: false,
            accepted: VecDeque::new(),
            descriptors_end: client_descriptors_end(),
            error: None,
            waker: None,
        };
        let key = ring.with(|inner| {
            let key = inner.listeners.insert(slot);
            inner.arm_accept(key);
            key
        });
        Ok(RingListener {
            ring: ring.clone(),
            key,
            address,
            in_shortage: Cell::new(false),
        })
    }
}

impl Listener for RingListener {
    type Stream = RingStream;

    async fn accept(&self) -> io::Result<(RingStream, SocketAddr)> {
        loop {
            let socket = poll_fn(|context| {
                self.ring.with(|inner| {
                    let slot = inner.listeners.get(self.key).expect("an open listener has a slot");
                    if let Some(socket) = slot.accepted.pop_front() {
                        return Poll::Ready(Ok(socket));
                    }
                    if let Some(error) = slot.error.take() {
                        return Poll::Ready(Err(error));
                    }
                    replace_waker(&mut slot.waker, context, &mut inner.aftermath);
                    inner.arm_accept(self.key);
                    Poll::Pending
                })
            })
            .await;
            let socket = match socket {
                Ok(socket) => socket,
                Err(errno) if is_of_a_peer(errno) => continue,
                Err(errno) if is_shortage(errno) => {
                    if !self.in_shortage.replace(true) {
                        let error = io::Error::from_raw_os_error(errno);
                        tracing::warn!(address = %self.address, %error, "some connections cannot be accepted for now");
                    }
                    Sleep::until(self.ring.clone(), monotonic_ns() + SHORTAGE_WAIT.as_nanos() as u64).await;
                    continue;
                }
                Err(errno) => return Err(io::Error::from_raw_os_error(errno)),
            };
            self.in_shortage.set(false);
            // A peer that is gone already has no address; nobody misses it.
            if let (Ok(peer), Ok(())) = (socket::peer_address(&socket), socket::set_up(&socket)) {
                return Ok((RingStream::adopt(&self.ring, socket), peer));
            }
        }
    }

    fn local_address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for RingListener {
    fn drop(&mut self) {
        self.ring.with(|inner| {
            let slot = inner.listeners.get(self.key).expect("an open listener has a slot");
            slot.open = false;
            if slot.armed {
                inner.cancel(Tag::new(Kind::Accept, self.key));
            }
            inner.free_listener_if_over(self.key);
        });
    }
}

impl Inner {
    fn arm_accept(&mut self, key: Key) {
        let slot = self.listeners.get(key).expect("an open listener has a slot");
        if slot.armed || !slot.open || self.closing {
            return;
        }
        slot.armed = true;
        let entry = opcode::AcceptMulti::new(types::Fd(slot.socket.as_raw_fd()))
            .flags(libc::SOCK_CLOEXEC)
            .build()
            .user_data(Tag::new(Kind::Accept, key).pack());
        // SAFETY: the entry names no memory, and the slot keeps the descriptor until the last completion.
        unsafe { self.submit((entry, None)) };
    }

    pub(super) fn on_accept(&mut self, key: Key, result: i32, last: bool) {
        // SAFETY: a result that is not negative is a descriptor that the kernel has just made for us.
        let socket = (result >= 0).then(|| unsafe { OwnedFd::from_raw_fd(result) });
        let slot = self.listeners.get(key).expect("a slot lives until its last completion");
        let mut error = (result < 0 && result != -libc::ECANCELED).then_some(-result);
        match socket {
            Some(socket) if socket.as_raw_fd() >= slot.descriptors_end => error = Some(libc::EMFILE),
            socket => slot.accepted.extend(socket),
        }
        slot.error = error.or(slot.error);
        let full = slot.accepted.len() >= WAITING_MAX;
        let cancel = full && !last && !slot.cancelling;
        slot.cancelling = !last && (slot.cancelling || cancel);
        if last {
            slot.armed = false;
        }
        let waker = slot.waker.take();
        self.aftermath.wake(waker);
        if cancel {
            self.cancel(Tag::new(Kind::Accept, key));
        }
        self.free_listener_if_over(key);
    }

    fn free_listener_if_over(&mut self, key: Key) {
        if self.listeners.get(key).is_some_and(|slot| !slot.open && !slot.armed) {
            let slot = self.listeners.remove(key);
            self.aftermath.drop(slot);
        }
    }
}

impl ListenerSlot {
    pub(super) fn take_waker(&mut self) -> Option<Waker> {
        self.waker.take()
    }
}

/// Errors of one connection that never came to be (`accept(2)`), not of the listener.
fn is_of_a_peer(errno: i32) -> bool {
    matches!(
        errno,
        libc::ECONNABORTED
            | libc::EINTR
            | libc::EAGAIN
            | libc::EPERM
            | libc::EPROTO
            | libc::ENOPROTOOPT
            | libc::EOPNOTSUPP
            | libc::ENETDOWN
            | libc::ENETUNREACH
            | libc::EHOSTDOWN
            | libc::EHOSTUNREACH
            | libc::ENONET
    )
}

fn is_shortage(errno: i32) -> bool {
    matches!(errno, libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM)
}
