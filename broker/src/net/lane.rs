//! Where requests are carried out: the memory of a request that is under way, used by one request after the other.
//!
//! A request's future is large, and it comes and goes a hundred thousand times a second. So it is never made anew, moved or
//! given back to the allocator: a lane holds one future for ever, which carries out whatever request is put on its desk.

use std::{
    cell::{Cell, RefCell},
    convert::Infallible,
    future::poll_fn,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use bytes::Bytes;

use crate::{
    api::{
        context::{Client, Outcome, Progress},
        dispatch::dispatch,
    },
    core::{Core, Message},
    limits::IDLE_LANES_MAX,
    metrics::Timeline,
    runtime::world::World,
};

/// One request at a time.
pub struct Lane<W: World> {
    work: Pin<Box<dyn Future<Output = Infallible>>>,
    desk: Rc<Desk<W>>,
    progress: Progress,
}

/// What goes in and comes out.
struct Desk<W: World> {
    request: Cell<Option<Request<W>>>,
    outcome: Cell<Option<Outcome>>,
}

struct Request<W: World> {
    core: Core<W>,
    client: Rc<Client>,
    frame: Bytes,
    progress: Progress,
}

impl<W: World<Message = Message>> Lane<W> {
    fn new() -> Lane<W> {
        let desk = Rc::new(Desk {
            request: Cell::default(),
            outcome: Cell::default(),
        });
        Lane {
            work: Box::pin(work(desk.clone())),
            desk,
            progress: Progress::new(Timeline::default()),
        }
    }

    /// Of the request that is under way, or was last.
    pub(super) fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Goes on with the request, and gives its outcome once.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Outcome> {
        let Poll::Pending = self.work.as_mut().poll(context);
        match self.desk.outcome.take() {
            Some(outcome) => Poll::Ready(outcome),
            None => Poll::Pending,
        }
    }
}

/// Holds nothing of a node or a client between two requests.
async fn work<W: World<Message = Message>>(desk: Rc<Desk<W>>) -> Infallible {
    loop {
        let Request {
            core,
            client,
            frame,
            progress,
        } = poll_fn(|_| desk.request.take().map_or(Poll::Pending, Poll::Ready)).await;
        let outcome = dispatch(core, client, frame, progress).await;
        desk.outcome.set(Some(outcome));
    }
}

/// The lanes of one core that have no request. A connection that ends in the middle of one takes its lane with it.
pub struct Lanes<W: World>(RefCell<Vec<Lane<W>>>);

impl<W: World> Default for Lanes<W> {
    fn default() -> Self {
        Lanes(RefCell::default())
    }
}

impl<W: World<Message = Message>> Lanes<W> {
    /// A lane with this request, which has not begun.
    pub(super) fn take(&self, core: &Core<W>, client: &Rc<Client>, frame: Bytes, timeline: Timeline) -> Lane<W> {
        let idle = self.0.borrow_mut().pop();
        let mut lane = idle.unwrap_or_else(Lane::new);
        lane.progress.renew(timeline);
        lane.desk.request.set(Some(Request {
            core: core.clone(),
            client: client.clone(),
            frame,
            progress: lane.progress.clone(),
        }));
        lane
    }

    /// Its request is done with.
    pub(super) fn give_back(&self, lane: Lane<W>) {
        let mut idle = self.0.borrow_mut();
        if idle.len() < IDLE_LANES_MAX {
            idle.push(lane);
        }
    }
}
