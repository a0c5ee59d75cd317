//! Wishes on their way to a machine, and whom to answer.

use std::collections::BTreeMap;

use futures_channel::{
    mpsc::{UnboundedReceiver, UnboundedSender, unbounded},
    oneshot,
};

use super::{groups::Bell, machine};
use crate::metadata::{WishError, controller::not_controller};

type Reply<A> = oneshot::Sender<Result<A, WishError>>;

pub(super) struct Asked<W, A> {
    pub wish: W,
    reply: Reply<A>,
}

/// The asker's side. Cheap to clone.
pub(super) struct Asking<W, A> {
    wishes: UnboundedSender<Asked<W, A>>,
    bell: Bell,
}

impl<W, A> Clone for Asking<W, A> {
    fn clone(&self) -> Asking<W, A> {
        Asking {
            wishes: self.wishes.clone(),
            bell: self.bell.clone(),
        }
    }
}

impl<W, A> Asking<W, A> {
    /// NOT_CONTROLLER where another node leads the group, or nobody knows what became of the wish.
    pub async fn wish(&self, wish: W) -> Result<A, WishError> {
        let (reply, answer) = oneshot::channel();
        let is_sent = self.wishes.unbounded_send(Asked { wish, reply }).is_ok() && self.bell.ring();
        if !is_sent {
            return Err(not_controller());
        }
        answer.await.unwrap_or_else(|_| Err(not_controller()))
    }

    /// Makes the machine look, for another reason than a wish.
    pub fn look(&self) {
        self.bell.ring();
    }
}

/// The machine's side. Whoever still waits when it goes is told NOT_CONTROLLER.
pub(super) struct Askers<W, A> {
    wishes: UnboundedReceiver<Asked<W, A>>,
    waiting: BTreeMap<u64, Reply<A>>,
    next_id: u64,
}

impl<W, A: 'static> Askers<W, A> {
    /// The next wish, under an id of its own.
    pub fn next(&mut self) -> Option<(u64, W)> {
        let Asked { wish, reply } = self.wishes.try_recv().ok()?;
        self.next_id += 1;
        self.waiting.insert(self.next_id, reply);
        Some((self.next_id, wish))
    }

    /// How to answer what was asked under this id; once.
    pub fn answer(&mut self, id: u64, answer: Result<A, WishError>) -> machine::Answer {
        let reply = self.waiting.remove(&id).expect("every wish is answered once");
        Box::new(move || {
            // Whoever asked may have gone.
            let _ = reply.send(answer);
        })
    }
}

/// Both sides; the bell is known when the machine has its place among the groups.
pub(super) fn asking<W, A>() -> (impl FnOnce(Bell) -> Asking<W, A>, Askers<W, A>) {
    let (wishes, queue) = unbounded();
    let askers = Askers {
        wishes: queue,
        waiting: BTreeMap::new(),
        next_id: 0,
    };
    (move |bell| Asking { wishes, bell }, askers)
}
