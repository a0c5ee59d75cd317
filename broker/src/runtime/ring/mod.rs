//! The hot ring: the one io_uring of a core that carries sockets, file I/O, timers and wake-ups.
//!
//! It is turned by the [pump](super::pump) and by nobody else, and the core sleeps here and nowhere else. Everything here
//! runs on the core's thread.
//!
//! Three rules keep it sound:
//! * Memory named by a submission is owned by a slot until the last completion of that submission. Dropping the future
//!   that waits only marks the slot as unwanted.
//! * [`Ring::with`] is the only way in. Wakers are woken, and wakers and memory of others are dropped, after the borrow
//!   has ended ([`Aftermath`]), because both may run code that comes back here.
//! * The ring is freed only when nothing is in flight; otherwise it is leaked.
#![allow(unsafe_code)]

mod accept;
mod buffers;
mod close;
mod file;
mod hung_up;
mod receive;
mod send;
mod slots;
pub(super) mod socket;
mod stream;
mod tag;
#[cfg(test)]
mod tests;
mod timers;
mod turn;

use std::{
    any::Any,
    cell::RefCell,
    collections::VecDeque,
    io,
    mem::ManuallyDrop,
    os::fd::RawFd,
    rc::Rc,
    task::{Context, Waker},
};

use io_uring::{IoUring, opcode, squeue};

use self::{
    accept::ListenerSlot,
    buffers::ReceiveBuffers,
    file::FileSlot,
    slots::{Key, Slots},
    stream::StreamSlot,
    tag::{Kind, Tag},
    timers::Timers,
};
pub use accept::RingListener;
pub(super) use file::{data_flush, read, write};
pub use stream::RingStream;
pub(super) use timers::Sleep;
pub(super) use turn::Turn;

/// Sizes of one core's ring; all are powers of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sizes {
    pub(super) submissions: u32,
    pub(super) completions: u32,
    pub(super) receive_buffers: u16,
    pub(super) receive_buffer_bytes: usize,
}

pub(super) struct Ring {
    /// Dropped only when nothing is in flight.
    inner: ManuallyDrop<RefCell<Inner>>,
}

struct Inner {
    uring: IoUring,
    /// Submissions that found the queue full, in order.
    backlog: VecDeque<Chain>,
    /// Submissions whose last completion is still to come, without those nobody waits for.
    due: usize,
    closing: bool,
    buffers: ReceiveBuffers,
    listeners: Slots<ListenerSlot>,
    streams: Slots<StreamSlot>,
    /// Streams whose receive ended because no buffer was free.
    starved: Vec<Key>,
    files: Slots<FileSlot>,
    timers: Timers,
    yielded: Vec<Waker>,
    /// The eventfd by which others wake this core.
    doorbell: RawFd,
    aftermath: Aftermath,
}

/// One submission, or two of which the second starts only when the first succeeded.
type Chain = (squeue::Entry, Option<squeue::Entry>);

impl Ring {
    /// Makes the ring of the current thread. From [`watch_doorbell`](Self::watch_doorbell) on, a signal on `doorbell` ends
    /// its sleep.
    pub(super) fn new(sizes: Sizes, doorbell: RawFd) -> io::Result<Rc<Ring>> {
        let uring = builder().setup_cqsize(sizes.completions).build(sizes.submissions)?;
        let buffers = ReceiveBuffers::register(&uring, sizes.receive_buffers, sizes.receive_buffer_bytes)?;
        Ok(Rc::new(Ring {
            inner: ManuallyDrop::new(RefCell::new(Inner {
                uring,
                backlog: VecDeque::new(),
                due: 0,
                closing: false,
                buffers,
                listeners: Slots::new(),
                streams: Slots::new(),
                starved: Vec::new(),
                files: Slots::new(),
                timers: Timers::default(),
                yielded: Vec::new(),
                doorbell,
                aftermath: Aftermath::default(),
            })),
        }))
    }

    /// The only way to the ring's state.
    fn with<T>(&self, act: impl FnOnce(&mut Inner) -> T) -> T {
        let (value, mut aftermath) = {
            let mut inner = self.inner.borrow_mut();
            let value = act(&mut inner);
            if inner.aftermath.is_empty() {
                return value;
            }
            (value, std::mem::take(&mut inner.aftermath))
        };
        aftermath.run();
        self.inner.borrow_mut().aftermath.reuse(aftermath);
        value
    }

    /// Wakes a task after the next turn.
    pub(super) fn wake_after_turn(&self, waker: Waker) {
        self.with(|inner| inner.yielded.push(waker));
    }
}

impl Inner {
    /// Queues a submission that has a completion somebody counts on.
    ///
    /// # Safety
    /// All memory and descriptors named by the entries stay valid until the last completion with their user data.
    unsafe fn submit(&mut self, chain: Chain) {
        self.due += 1 + usize::from(chain.1.is_some());
        // SAFETY: promised by the caller.
        unsafe { self.push(chain) };
    }

    /// Asks the kernel to end what has this tag. Its completion comes as ever.
    fn cancel(&mut self, tag: Tag) {
        let entry = opcode::AsyncCancel::new(tag.pack()).build();
        // SAFETY: the entry names no memory.
        unsafe { self.push((entry.user_data(Tag::bare(Kind::Ignored).pack()), None)) };
    }

    /// # Safety
    /// As for [`submit`](Self::submit).
    unsafe fn push(&mut self, chain: Chain) {
        // SAFETY: promised by the caller.
        if !self.backlog.is_empty() || !unsafe { self.push_now(&chain) } {
            self.backlog.push_back(chain);
        }
    }

    /// # Safety
    /// As for [`submit`](Self::submit).
    unsafe fn push_now(&mut self, chain: &Chain) -> bool {
        let mut queue = self.uring.submission();
        // A chain must not be cut by the end of the queue: the kernel ends a link at the end of what it is given.
        // SAFETY: promised by the caller.
        unsafe {
            match chain {
                (one, None) => queue.push(one).is_ok(),
                (first, Some(second)) => queue.push_multiple(&[first.clone(), second.clone()]).is_ok(),
            }
        }
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        if self.inner.borrow().due == 0 {
            // SAFETY: dropped once, here; and no submission is in flight that names memory of a slot.
            unsafe { ManuallyDrop::drop(&mut self.inner) };
        }
    }
}

/// What is done when the borrow of the ring has ended.
#[derive(Default)]
struct Aftermath {
    wake: Vec<Waker>,
    drop: Vec<Box<dyn Any>>,
    drop_wakers: Vec<Waker>,
}

impl Aftermath {
    fn wake(&mut self, waker: Option<Waker>) {
        self.wake.extend(waker);
    }

    fn drop_waker(&mut self, waker: Option<Waker>) {
        self.drop_wakers.extend(waker);
    }

    fn drop(&mut self, memory: impl Any) {
        self.drop.push(Box::new(memory));
    }

    fn is_empty(&self) -> bool {
        self.wake.is_empty() && self.drop.is_empty() && self.drop_wakers.is_empty()
    }

    fn run(&mut self) {
        for waker in self.wake.drain(..) {
            waker.wake();
        }
        self.drop.clear();
        self.drop_wakers.clear();
    }

    /// Takes over the memory of one that has run; what was woken or dropped may have used the ring meanwhile.
    fn reuse(&mut self, emptied: Aftermath) {
        if self.is_empty() {
            *self = emptied;
        }
    }
}

/// Keeps the waker of the task that polls now; the one before is dropped later.
fn replace_waker(place: &mut Option<Waker>, context: &mut Context<'_>, aftermath: &mut Aftermath) {
    match place {
        Some(waker) if waker.will_wake(context.waker()) => {}
        _ => {
            let before = place.replace(context.waker().clone());
            aftermath.drop_waker(before);
        }
    }
}

/// The set-up of a hot ring: one submitter, completions run when we ask for them and a flag that says so.
fn builder() -> io_uring::Builder {
    let mut builder = IoUring::builder();
    builder
        .setup_single_issuer()
        .setup_defer_taskrun()
        .setup_taskrun_flag()
        .setup_submit_all();
    builder
}

/// Makes and drops a small ring of our kind, to learn whether this host can.
pub(super) fn probe() -> io::Result<()> {
    let uring = builder().build(8)?;
    ReceiveBuffers::register(&uring, 1, 4096)?;
    Ok(())
}
