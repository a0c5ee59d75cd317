//! Calls that this core made and that wait for their reply.
//!
//! A call has a place from its beginning until its reply is taken, and places are used again: a call by itself allocates nothing.

use std::{
    cell::RefCell,
    future::Future,
    marker::PhantomData,
    mem,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use super::{
    Core,
    message::{Call, Message, Reply, Request},
};
use crate::runtime::world::World;

/// Where the reply to a request goes.
#[derive(Clone, Copy, Debug)]
pub struct ReplyTo {
    pub core: usize,
    pub id: u64,
}

#[derive(Default)]
pub(super) struct Calls(RefCell<Places>);

#[derive(Default)]
struct Places {
    all: Vec<Place>,
    free: Vec<u32>,
}

struct Place {
    /// How often it was used before; part of the call's id, so that no reply can come to another call than its own.
    turn: u32,
    state: State,
}

enum State {
    Free,
    /// For the reply; the task to wake, once it was there.
    Waiting(Option<Waker>),
    Replied(Reply),
    /// The reply was taken, or will be for nobody: the caller went away.
    Left,
}

impl Places {
    fn take(&mut self) -> u64 {
        let index = self.free.pop().unwrap_or_else(|| {
            let free = Place {
                turn: 0,
                state: State::Free,
            };
            self.all.push(free);
            (self.all.len() - 1) as u32
        });
        let place = &mut self.all[index as usize];
        place.state = State::Waiting(None);
        u64::from(place.turn) << 32 | u64::from(index)
    }

    /// The place of a call that is not over.
    fn of(&mut self, id: u64) -> Option<&mut Place> {
        let (turn, index) = ((id >> 32) as u32, id as u32 as usize);
        self.all.get_mut(index).filter(|place| place.turn == turn)
    }

    fn free(&mut self, id: u64) {
        if let Some(place) = self.of(id) {
            place.turn = place.turn.wrapping_add(1);
            place.state = State::Free;
            self.free.push(id as u32);
        }
    }
}

impl Calls {
    fn begin(&self) -> u64 {
        self.0.borrow_mut().take()
    }

    /// Gives who is to be woken. What is dropped or woken may call, so nothing is borrowed then.
    fn put(&self, id: u64, reply: Reply) -> Option<Waker> {
        let mut places = self.0.borrow_mut();
        let place = places.of(id)?;
        match mem::replace(&mut place.state, State::Free) {
            State::Waiting(waker) => {
                place.state = State::Replied(reply);
                waker
            }
            State::Left => {
                places.free(id);
                drop(places);
                drop(reply);
                None
            }
            State::Free | State::Replied(_) => unreachable!("every request is replied to exactly once"),
        }
    }

    fn poll(&self, id: u64, context: &mut Context<'_>) -> Poll<Reply> {
        let mut places = self.0.borrow_mut();
        let place = places.of(id).expect("a call has its place until it is over");
        match mem::replace(&mut place.state, State::Left) {
            State::Waiting(waker) => {
                let known = waker.as_ref().is_some_and(|waker| waker.will_wake(context.waker()));
                let (kept, stale) = match known {
                    true => (waker, None),
                    false => (Some(context.waker().clone()), waker),
                };
                place.state = State::Waiting(kept);
                drop(places);
                drop(stale);
                Poll::Pending
            }
            State::Replied(reply) => {
                places.free(id);
                Poll::Ready(reply)
            }
            State::Free | State::Left => unreachable!("nobody asks for a reply twice"),
        }
    }

    /// The caller wants no reply any more.
    fn leave(&self, id: u64) {
        let mut places = self.0.borrow_mut();
        let Some(place) = places.of(id) else { return };
        let before = mem::replace(&mut place.state, State::Left);
        if matches!(before, State::Replied(_)) {
            places.free(id);
        }
        drop(places);
        drop(before);
    }
}

/// Waits for the reply to one call.
struct Answer<C> {
    calls: Rc<Calls>,
    id: u64,
    call: PhantomData<fn() -> C>,
}

impl<C: Call> Future for Answer<C> {
    type Output = C::Answer;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<C::Answer> {
        self.calls.poll(self.id, context).map(C::from_reply)
    }
}

impl<C> Drop for Answer<C> {
    fn drop(&mut self) {
        self.calls.leave(self.id);
    }
}

impl<W: World<Message = Message>> Core<W> {
    /// Asks a core. The question is on its way (for the own core: taken) when this returns, so that calls made one
    /// after the other reach their core in that order; the future only waits for the answer.
    pub fn call<C: Call>(&self, core: usize, call: C) -> impl Future<Output = C::Answer> + use<C, W> {
        let answer = Answer {
            calls: self.calls.clone(),
            id: self.calls.begin(),
            call: PhantomData::<fn() -> C>,
        };
        let (id, request) = (answer.id, call.into_request());
        if core == self.world.core() {
            self.on_request(ReplyTo { core, id }, request);
        } else {
            self.world.send(core, Message::Request { id, request });
        }
        answer
    }

    /// Answers a request; a caller that went away is no error.
    pub fn reply(&self, to: ReplyTo, reply: Reply) {
        if to.core == self.world.core() {
            self.on_reply(to.id, reply);
        } else {
            self.world.send(to.core, Message::Reply { id: to.id, reply });
        }
    }

    pub(super) fn on_reply(&self, id: u64, reply: Reply) {
        if let Some(waker) = self.calls.put(id, reply) {
            waker.wake();
        }
    }

    pub(super) fn on_request(&self, to: ReplyTo, request: Request) {
        super::mailbox::take(self, to, request);
    }
}

#[cfg(test)]
mod tests {
    use futures_lite::future::{block_on, poll_once};

    use super::*;
    use crate::core::message::QuorumCall;

    fn begin(calls: &Rc<Calls>) -> Answer<QuorumCall> {
        Answer {
            calls: calls.clone(),
            id: calls.begin(),
            call: PhantomData,
        }
    }

    fn reply(calls: &Calls, id: u64) {
        if let Some(waker) = calls.put(id, Reply::Quorum(None)) {
            waker.wake();
        }
    }

    /// Goal: a reply reaches its own call, before or after the caller looked, and places are used again.
    #[test]
    fn replies_reach_their_calls() {
        let calls = Rc::new(Calls::default());
        for _ in 0..3 {
            let (mut first, mut second) = (begin(&calls), begin(&calls));
            assert!(block_on(poll_once(&mut first)).is_none());
            reply(&calls, second.id);
            assert!(block_on(poll_once(&mut second)).is_some());
            assert!(block_on(poll_once(&mut first)).is_none());
            reply(&calls, first.id);
            assert!(block_on(first).is_none(), "what was replied");
        }
        assert_eq!(calls.0.borrow().all.len(), 2);
    }

    /// Goal: whoever went away leaves a place that is used again, though not before the reply came; one that comes twice is
    /// nobody's.
    #[test]
    fn callers_may_go_away() {
        let calls = Rc::new(Calls::default());
        let early = begin(&calls).id;
        let mut other = begin(&calls);
        assert_ne!(early as u32, other.id as u32, "its place is taken until the reply came");
        reply(&calls, early);
        let late = begin(&calls);
        assert_eq!(early as u32, late.id as u32);
        reply(&calls, early);
        reply(&calls, late.id);
        drop(late);
        assert!(block_on(poll_once(&mut other)).is_none());
        assert_eq!(calls.0.borrow().free.len(), 1);
    }
}
