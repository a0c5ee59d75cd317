//! Calls that this core made and that wait for their reply.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    future::Future,
};

use futures_channel::oneshot;

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
pub(super) struct Calls {
    next: Cell<u64>,
    waiting: RefCell<BTreeMap<u64, oneshot::Sender<Reply>>>,
}

impl<W: World<Message = Message>> Core<W> {
    /// Asks a core. The question is on its way (for the own core: taken) when this returns, so that calls made one
    /// after the other reach their core in that order; the future only waits for the answer.
    pub fn call<C: Call>(&self, core: usize, call: C) -> impl Future<Output = C::Answer> + use<C, W> {
        let id = self.calls.next.get();
        self.calls.next.set(id + 1);
        let (sender, receiver) = oneshot::channel();
        self.calls.waiting.borrow_mut().insert(id, sender);
        let request = call.into_request();
        if core == self.world.core() {
            self.on_request(ReplyTo { core, id }, request);
        } else {
            self.world.send(core, Message::Request { id, request });
        }
        async move {
            let reply = receiver.await.expect("every request is replied to exactly once");
            C::from_reply(reply)
        }
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
        let sender = self.calls.waiting.borrow_mut().remove(&id);
        if let Some(sender) = sender {
            let _ = sender.send(reply);
        }
    }

    pub(super) fn on_request(&self, to: ReplyTo, request: Request) {
        super::mailbox::take(self, to, request);
    }
}
