//! The hot ring: the one io_uring of a core that carries sockets, file I/O and timers.
//!
//! It is turned by the [pump](super::pump) and by nobody else. Everything here runs on the core's thread.
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
mod receive;
mod send;
mod slots;
pub(super) mod socket;
mod stream;
mod tag;
#[cfg(test)]
mod tests;
mod timers;

use std::{
    any::Any,
    cell::RefCell,
    collections::VecDeque,
    io,
    mem::ManuallyDrop,
    os::fd::RawFd,
    rc::Rc,
    sync::atomic::{Ordering, fence},
    task::{Context, Waker},
};

use io_uring::{IoUring, cqueue, opcode, squeue, types};

use self::{
    accept::ListenerSlot,
    buffers::ReceiveBuffers,
    file::FileSlot,
    slots::{Key, Slots},
    stream::StreamSlot,
    tag::{Kind, Tag},
    timers::Timers,
};
use super::{clock::monotonic_ns, fail_stop::fail_stop};

pub use accept::RingListener;
pub(super) use file::{data_flush, read, write};
pub use stream::RingStream;
pub(super) use timers::Sleep;

/// Sizes of one core's ring; all are powers of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sizes {
    pub(super) submissions: u32,
    pub(super) completions: u32,
    pub(super) receive_buffers: u16,
    pub(super) receive_buffer_bytes: usize,
}

/// What one turn found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    /// Completions seen, timers fired and yielded tasks woken.
    pub(super) events: usize,
    pub(super) now_ns: u64,
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
    /// At a fixed address while the ring lives: a timeout's submission is read by the kernel when it is submitted.
    timeout: Box<types::Timespec>,
    yielded: Vec<Waker>,
    /// Set while the pump is parked and wants to know of new submissions.
    pump: Option<Waker>,
    aftermath: Aftermath,
}

/// One submission, or two of which the second starts only when the first succeeded.
type Chain = (squeue::Entry, Option<squeue::Entry>);

impl Ring {
    /// Makes the ring of the current thread. While the core sleeps, completions are announced on `doorbell`.
    pub(super) fn new(sizes: Sizes, doorbell: RawFd) -> io::Result<Rc<Ring>> {
        let mut uring = builder().setup_cqsize(sizes.completions).build(sizes.submissions)?;
        let buffers = ReceiveBuffers::register(&uring, sizes.receive_buffers, sizes.receive_buffer_bytes)?;
        uring.submitter().register_eventfd(doorbell)?;
        uring.completion().disable_eventfd();
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
                timeout: Box::default(),
                yielded: Vec::new(),
                pump: None,
                aftermath: Aftermath::default(),
            })),
        }))
    }

    /// The only way to the ring's state.
    fn with<T>(&self, act: impl FnOnce(&mut Inner) -> T) -> T {
        let (value, aftermath) = {
            let mut inner = self.inner.borrow_mut();
            let value = act(&mut inner);
            (value, std::mem::take(&mut inner.aftermath))
        };
        aftermath.run();
        value
    }

    /// Submits what is queued and handles what has completed. Never waits.
    pub(super) fn turn(&self) -> Turn {
        self.with(|inner| {
            let mut events = 0;
            for waker in std::mem::take(&mut inner.yielded) {
                inner.aftermath.wake(Some(waker));
                events += 1;
            }
            loop {
                inner.enter(0);
                events += inner.drain();
                if inner.backlog.is_empty() {
                    break;
                }
            }
            let now_ns = monotonic_ns();
            events += inner.timers.fire(now_ns, &mut inner.aftermath);
            Turn { events, now_ns }
        })
    }

    /// Prepares the sleep of the core: completions ring the doorbell from now on, and the earliest timer is armed.
    /// `false` if there is something to do already; then nothing has changed.
    pub(super) fn prepare_sleep(&self) -> bool {
        self.with(|inner| {
            if !inner.yielded.is_empty() {
                return false;
            }
            if inner.arm_timer() {
                inner.enter(0);
            }
            inner.uring.completion().enable_eventfd();
            // Orders the flag before the look at the queues; the kernel does the same in the other order, so that one of
            // us sees the other.
            fence(Ordering::SeqCst);
            if inner.needs_enter() || !inner.uring.completion().is_empty() {
                inner.uring.completion().disable_eventfd();
                return false;
            }
            true
        })
    }

    /// The core sleeps no more.
    pub(super) fn end_sleep(&self) {
        self.with(|inner| {
            inner.uring.completion().disable_eventfd();
            let waker = inner.pump.take();
            inner.aftermath.drop_waker(waker);
        });
    }

    /// Wakes the parked pump at the next submission. `false` if one is waiting already.
    pub(super) fn kick_on_submission(&self, context: &mut Context<'_>) -> bool {
        self.with(|inner| {
            if !inner.yielded.is_empty() || inner.needs_enter() {
                return false;
            }
            replace_waker(&mut inner.pump, context, &mut inner.aftermath);
            true
        })
    }

    /// Wakes a task after the next turn.
    pub(super) fn wake_after_turn(&self, waker: Waker) {
        self.with(|inner| {
            inner.yielded.push(waker);
            inner.kick();
        });
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
        self.kick();
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

    fn kick(&mut self) {
        let waker = self.pump.take();
        self.aftermath.wake(waker);
    }

    /// Whether the kernel must be entered: to submit, to run deferred completions, or to get overflown ones.
    fn needs_enter(&mut self) -> bool {
        let queue = self.uring.submission();
        !self.backlog.is_empty() || !queue.is_empty() || queue.taskrun() || queue.cq_overflow()
    }

    /// Moves the backlog to the queue as far as it goes and submits, waiting for `want` completions.
    fn enter(&mut self, want: usize) {
        while let Some(chain) = self.backlog.pop_front() {
            // SAFETY: who queued it promised it until completion.
            if !unsafe { self.push_now(&chain) } {
                self.backlog.push_front(chain);
                break;
            }
        }
        if want == 0 && !self.needs_enter() {
            return;
        }
        let queued = self.uring.submission().len();
        match self.uring.submit_and_wait(want) {
            Ok(taken) if taken < queued => {
                // The kernel was out of memory in the middle of the queue. If that cut a write from its flush, the flush
                // would run on its own and vouch for a write that it did not wait for.
                fail_stop(&format!("the kernel took {taken} of {queued} submissions"));
            }
            Ok(_) => {}
            Err(error) => match error.raw_os_error() {
                Some(libc::EINTR | libc::EAGAIN | libc::EBUSY) => {}
                _ => fail_stop(&format!("io_uring_enter: {error}")),
            },
        }
    }

    /// Handles all completions in the queue; how many.
    fn drain(&mut self) -> usize {
        const BATCH: usize = 64;
        let mut batch = [(0u64, 0i32, 0u32); BATCH];
        let mut events = 0;
        loop {
            let mut count = 0;
            for entry in self.uring.completion().take(BATCH) {
                batch[count] = (entry.user_data(), entry.result(), entry.flags());
                count += 1;
            }
            for &(user_data, result, flags) in &batch[..count] {
                self.complete(Tag::unpack(user_data), result, flags);
            }
            events += count;
            if count < BATCH {
                break;
            }
        }
        if events > 0 {
            // Before rearming: a receive that finds no buffer ends at once.
            self.buffers.publish();
            self.rearm_starved();
        }
        events
    }

    fn complete(&mut self, tag: Tag, result: i32, flags: u32) {
        let last = !cqueue::more(flags);
        if last && tag.kind != Kind::Ignored && tag.kind != Kind::Timer {
            self.due -= 1;
        }
        match tag.kind {
            Kind::Ignored => {}
            Kind::Accept => self.on_accept(tag.key, result, last),
            Kind::Receive => self.on_receive(tag.key, result, cqueue::buffer_select(flags), last),
            Kind::Send => self.on_send(tag.key, result),
            Kind::File => self.on_file(tag.key, 0, result),
            Kind::LinkedFlush => self.on_file(tag.key, 1, result),
            Kind::Timer => self.timers.armed_ns = None,
        }
    }

    /// Tells the kernel of the earliest timer if it does not know one as early; whether there is something to submit.
    fn arm_timer(&mut self) -> bool {
        let Some(earliest_ns) = self.timers.earliest_ns() else {
            return false;
        };
        if self.timers.armed_ns.is_some_and(|armed| armed <= earliest_ns) {
            return false;
        }
        *self.timeout = types::Timespec::new()
            .sec(earliest_ns / 1_000_000_000)
            .nsec((earliest_ns % 1_000_000_000) as u32);
        let timer = Tag::bare(Kind::Timer).pack();
        let flags = types::TimeoutFlags::ABS;
        let entry = match self.timers.armed_ns.replace(earliest_ns) {
            None => opcode::Timeout::new(&*self.timeout)
                .flags(flags)
                .build()
                .user_data(timer),
            // If it has just fired, the update fails, and the completion that is on its way makes us come here again.
            Some(_) => opcode::TimeoutUpdate::new(timer, &*self.timeout)
                .flags(flags)
                .build()
                .user_data(Tag::bare(Kind::Ignored).pack()),
        };
        // SAFETY: the kernel copies the time when it takes the submission, and the box lives as long as the ring.
        unsafe { self.push((entry, None)) };
        true
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

    fn run(self) {
        for waker in self.wake {
            waker.wake();
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
