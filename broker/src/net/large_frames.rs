//! Room for large request frames on their way in.
//!
//! A frame is memory from its first byte on, and of use from its last. Many clients that each send half of a large one would
//! hold it for as long as they like. So a large frame is received when there is room for all of it, and who has begun can end,
//! whatever others do. Who finds no room is left unread, in the order in which they came: the socket fills, and the client
//! waits. Small frames need no room.
//!
//! Room that others wait for has to be used: a frame must have arrived, and its request begun, in [`FRAME_TIME_MAX`].

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
};

use futures_channel::oneshot;

use crate::{
    limits::{FRAME_TIME_MAX, LARGE_FRAMES_BYTES_MAX},
    runtime::world::{Instant, World},
};

/// Of one core.
#[derive(Default)]
pub struct LargeFrames(Rc<State>);

#[derive(Default)]
struct State {
    taken: Cell<usize>,
    waiting: RefCell<VecDeque<Waiting>>,
}

struct Waiting {
    bytes: usize,
    sender: oneshot::Sender<Room>,
}

impl LargeFrames {
    /// Waits for room for a frame of so many bytes.
    pub(super) async fn admit<W: World>(&self, world: &W, bytes: usize) -> Admitted {
        let room = self.queue(bytes).await.expect("room is given in the end");
        Admitted {
            room,
            began: world.now(),
        }
    }

    fn queue(&self, bytes: usize) -> oneshot::Receiver<Room> {
        let (sender, receiver) = oneshot::channel();
        self.0.waiting.borrow_mut().push_back(Waiting { bytes, sender });
        State::give(&self.0);
        receiver
    }
}

impl State {
    fn give(state: &Rc<State>) {
        while let Some(Waiting { bytes, sender }) = state.next() {
            state.taken.set(state.taken.get() + bytes);
            // Was its connection closed meanwhile, the room comes back at once.
            let _ = sender.send(Room {
                bytes,
                state: state.clone(),
            });
        }
    }

    /// Who came first, if there is room. A frame that is larger than all there is gets it when nobody else has any.
    fn next(&self) -> Option<Waiting> {
        let mut waiting = self.waiting.borrow_mut();
        while waiting.pop_front_if(|first| first.sender.is_canceled()).is_some() {}
        let taken = self.taken.get();
        waiting.pop_front_if(|first| taken == 0 || taken + first.bytes <= LARGE_FRAMES_BYTES_MAX)
    }

    fn is_wanted(&self) -> bool {
        self.waiting
            .borrow()
            .iter()
            .any(|waiting| !waiting.sender.is_canceled())
    }
}

/// Given back when dropped.
struct Room {
    bytes: usize,
    state: Rc<State>,
}

impl Drop for Room {
    fn drop(&mut self) {
        self.state.taken.set(self.state.taken.get() - self.bytes);
        State::give(&self.state);
    }
}

/// A frame that may be received.
pub(super) struct Admitted {
    room: Room,
    began: Instant,
}

impl Admitted {
    /// Waits until the frame has had its time, and others wait for its room.
    pub(super) async fn overdue<W: World>(&self, world: &W) {
        while !self.is_overdue(world.now()) {
            // Looks again now and then when its time is over but nobody waits.
            let rest = FRAME_TIME_MAX.saturating_sub(world.now().since(self.began));
            world.sleep(rest.max(FRAME_TIME_MAX / 10)).await;
        }
    }

    fn is_overdue(&self, now: Instant) -> bool {
        now.since(self.began) >= FRAME_TIME_MAX && self.room.state.is_wanted()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const THIRD: usize = LARGE_FRAMES_BYTES_MAX / 3;

    fn admitted(receiver: &mut oneshot::Receiver<Room>) -> Option<Room> {
        receiver.try_recv().expect("nobody is forgotten")
    }

    /// Who comes when there is no room gets it in order, also if a later one would need less.
    #[test]
    fn room_is_given_in_order() {
        let frames = LargeFrames::default();
        let [mut a, mut b, mut c, mut d] = [THIRD, THIRD, 2 * THIRD, 1].map(|bytes| frames.queue(bytes));
        let held = [admitted(&mut a), admitted(&mut b)].map(|room| room.expect("there is room"));
        assert!(admitted(&mut c).is_none() && admitted(&mut d).is_none());
        let [one, other] = held;
        drop(one);
        let large = admitted(&mut c).expect("its turn");
        assert!(admitted(&mut d).is_some(), "there is room beside it");
        assert_eq!(frames.0.taken.get(), 3 * THIRD);
        drop((large, other));
        assert_eq!(frames.0.taken.get(), 0);
    }

    /// A frame that is larger than all room is received alone.
    #[test]
    fn a_frame_larger_than_all_room_goes_on() {
        let frames = LargeFrames::default();
        let [mut small, mut huge, mut later] = [1, 2 * LARGE_FRAMES_BYTES_MAX, 1].map(|bytes| frames.queue(bytes));
        let room = admitted(&mut small).expect("there is room");
        assert!(admitted(&mut huge).is_none());
        drop(room);
        let room = admitted(&mut huge).expect("nobody else has any");
        assert!(admitted(&mut later).is_none());
        drop(room);
        assert!(admitted(&mut later).is_some());
    }

    /// Connections that end while they wait leave their turn to the next.
    #[test]
    fn who_is_gone_is_passed_over() {
        let frames = LargeFrames::default();
        let mut first = frames.queue(LARGE_FRAMES_BYTES_MAX);
        let gone = frames.queue(LARGE_FRAMES_BYTES_MAX);
        let mut last = frames.queue(1);
        drop(gone);
        drop(admitted(&mut first).expect("there is room"));
        let room = admitted(&mut last).expect("its turn");
        // Room that was given but not taken comes back too.
        drop(frames.queue(1));
        drop(room);
        assert_eq!(frames.0.taken.get(), 0);
    }

    /// A slow frame keeps its room until somebody wants it.
    #[test]
    fn room_that_is_wanted_must_be_used() {
        let frames = LargeFrames::default();
        let began = Instant::default();
        let room = admitted(&mut frames.queue(LARGE_FRAMES_BYTES_MAX)).expect("there is room");
        let slow = Admitted { room, began };
        assert!(!slow.is_overdue(began.after(10 * FRAME_TIME_MAX)));
        let mut wanted = frames.queue(1);
        assert!(!slow.is_overdue(began.after(FRAME_TIME_MAX / 2)));
        assert!(slow.is_overdue(began.after(FRAME_TIME_MAX)));
        drop(slow);
        assert!(admitted(&mut wanted).is_some());
    }
}
