//! Calls that may block in the kernel, off the core: a queue, threads that serve it, and answers that come back through
//! the core's doorbell.
//!
//! The threads wake nobody: a waker of a core may only be woken on the core, which looks for answers at each turn. The
//! queue has no limit of its own: each call in it is one that a task of this core waits for, or has given up.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, VecDeque},
    future::Future,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{
        Arc, Condvar, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
    thread::{self, JoinHandle},
};

use super::{fail_stop::fail_stop, mesh::Doorbell};

/// Threads of one core: a long call (an allocation) does not hold up the next.
const THREADS: usize = 2;

/// One core's pool. Made before the core is pinned, so that its threads may run on any CPU.
pub(super) struct BlockingPool {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    /// Who waits for which call.
    waiting: RefCell<BTreeMap<u64, Waker>>,
    next_call: Cell<u64>,
}

struct Shared {
    jobs: Mutex<Jobs>,
    work: Condvar,
    /// Calls that are over.
    answered: Mutex<Vec<u64>>,
    /// `answered` has some: what the core looks at before it sleeps.
    has_answered: AtomicBool,
    doorbell: Arc<Doorbell>,
}

#[derive(Default)]
struct Jobs {
    queue: VecDeque<Job>,
    closed: bool,
}

struct Job {
    call: u64,
    /// Keeps its result for who waits.
    run: Box<dyn FnOnce() + Send>,
}

impl BlockingPool {
    pub(super) fn start(core: usize, doorbell: &Arc<Doorbell>) -> io::Result<BlockingPool> {
        let shared = Arc::new(Shared {
            jobs: Mutex::default(),
            work: Condvar::new(),
            answered: Mutex::default(),
            has_answered: AtomicBool::new(false),
            doorbell: doorbell.clone(),
        });
        let mut pool = BlockingPool {
            shared,
            threads: Vec::new(),
            waiting: RefCell::default(),
            next_call: Cell::new(0),
        };
        for _ in 0..THREADS {
            let shared = pool.shared.clone();
            let thread = thread::Builder::new().name(format!("blocking-{core}"));
            pool.threads.push(thread.spawn(move || shared.serve())?);
        }
        Ok(pool)
    }

    /// Runs `work` on one of the threads. It runs to its end also when nobody waits any more.
    pub(super) fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Call<'_, T> {
        let call = self.next_call.get();
        self.next_call.set(call + 1);
        let result = Arc::new(Mutex::new(None));
        let place = result.clone();
        let job = Job {
            call,
            run: Box::new(move || {
                let value = work();
                *locked(&place) = Some(value);
            }),
        };
        locked(&self.shared.jobs).queue.push_back(job);
        self.shared.work.notify_one();
        Call {
            pool: self,
            call,
            result,
        }
    }

    /// The pump's part in each turn: wakes who was answered; `true` if there was somebody.
    pub(super) fn turn(&self) -> bool {
        if !self.shared.has_answered.load(Ordering::Relaxed) {
            return false;
        }
        // Before the answers are taken: who adds one afterwards says so again.
        self.shared.has_answered.store(false, Ordering::SeqCst);
        let answered = std::mem::take(&mut *locked(&self.shared.answered));
        let mut woke = false;
        for call in answered {
            let waker = self.waiting.borrow_mut().remove(&call);
            woke |= waker.map(Waker::wake).is_some();
        }
        woke
    }

    /// Lets go of every task that waits here.
    pub(super) fn release_tasks(&self) {
        let _wakers = self.waiting.take();
    }
}

impl Drop for BlockingPool {
    /// Waits for the calls that run; those that wait are not made any more.
    fn drop(&mut self) {
        let _not_made = {
            let mut jobs = locked(&self.shared.jobs);
            jobs.closed = true;
            std::mem::take(&mut jobs.queue)
        };
        self.shared.work.notify_all();
        for thread in self.threads.drain(..) {
            // A panic has ended the process before.
            let _ = thread.join();
        }
    }
}

/// The result of a call, when it comes.
pub(super) struct Call<'a, T> {
    pool: &'a BlockingPool,
    call: u64,
    result: Arc<Mutex<Option<T>>>,
}

impl<T> Future for Call<'_, T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        if let Some(value) = locked(&self.result).take() {
            return Poll::Ready(value);
        }
        // It is woken by a later turn of this same thread, so not before it is here.
        let _before = self
            .pool
            .waiting
            .borrow_mut()
            .insert(self.call, context.waker().clone());
        Poll::Pending
    }
}

impl<T> Drop for Call<'_, T> {
    fn drop(&mut self) {
        let _waker = self.pool.waiting.borrow_mut().remove(&self.call);
    }
}

impl Shared {
    fn serve(&self) {
        while let Some(job) = self.next() {
            if catch_unwind(AssertUnwindSafe(job.run)).is_err() {
                fail_stop("a call of the blocking pool panicked");
            }
            locked(&self.answered).push(job.call);
            self.has_answered.store(true, Ordering::SeqCst);
            self.doorbell.ring();
        }
    }

    /// The next call, or `None` at the end.
    fn next(&self) -> Option<Job> {
        let mut jobs = locked(&self.jobs);
        loop {
            if jobs.closed {
                return None;
            }
            if let Some(job) = jobs.queue.pop_front() {
                return Some(job);
            }
            jobs = self.work.wait(jobs).expect("nothing panics while it holds the jobs");
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("nothing panics while it holds a lock of the pool")
}
