//! Watches beside a conversation: what is seldom ready is polled when it was woken itself, not at each byte that comes or goes.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use futures_util::task::AtomicWaker;

/// A future with a waker of its own.
pub(super) struct Seldom<F> {
    watch: F,
    bell: Arc<Bell>,
    waker: Waker,
}

struct Bell {
    rung: AtomicBool,
    task: AtomicWaker,
}

impl<F: Future + Unpin> Seldom<F> {
    pub(super) fn new(watch: F) -> Seldom<F> {
        let bell = Arc::new(Bell {
            rung: AtomicBool::new(true),
            task: AtomicWaker::new(),
        });
        Seldom {
            watch,
            waker: Waker::from(bell.clone()),
            bell,
        }
    }
}

impl<F: Future + Unpin> Future for Seldom<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        // Before the look at the bell, so that one that rings now wakes the task again.
        this.bell.task.register(context.waker());
        if this.bell.rung.swap(false, Ordering::AcqRel) {
            return Pin::new(&mut this.watch).poll(&mut Context::from_waker(&this.waker));
        }
        Poll::Pending
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        self.task.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::{
        cell::{Cell, RefCell},
        future::poll_fn,
        pin::pin,
    };

    use futures_lite::future::{block_on, poll_once};

    use super::*;

    /// Goal: others of the task do not poll it; its own waker does, and wakes the task.
    #[test]
    fn it_is_polled_when_it_was_woken() {
        let (polls, inner) = (Cell::new(0), RefCell::new(None::<Waker>));
        let watch = poll_fn(|context| {
            polls.set(polls.get() + 1);
            *inner.borrow_mut() = Some(context.waker().clone());
            if polls.get() == 3 {
                Poll::Ready("over")
            } else {
                Poll::Pending
            }
        });
        let mut seldom = pin!(Seldom::new(watch));
        for _ in 0..5 {
            assert_eq!(block_on(poll_once(seldom.as_mut())), None);
        }
        assert_eq!(polls.get(), 1);
        let woken = Arc::new(CountWakes::default());
        let task = Waker::from(woken.clone());
        assert!(seldom.as_mut().poll(&mut Context::from_waker(&task)).is_pending());
        inner.borrow().as_ref().expect("it was polled").wake_by_ref();
        assert!(woken.0.load(Ordering::Relaxed), "the task is woken");
        assert_eq!(block_on(poll_once(seldom.as_mut())), None);
        assert_eq!(polls.get(), 2);
        inner.borrow().as_ref().expect("it was polled").wake_by_ref();
        assert_eq!(block_on(seldom), "over");
    }

    #[derive(Default)]
    struct CountWakes(AtomicBool);

    impl Wake for CountWakes {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}
