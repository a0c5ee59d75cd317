//! Memory of large request frames on their way in.
//!
//! A frame is memory from its first byte on (and counts for all that it has taken), and of use from its last. Many clients that each send half of a large one would
//! hold it for as long as they like. As long as all that they hold is little, nobody is held up. Beyond that a frame goes on only
//! when there is room for the rest of it, so that who goes on can end, whatever others do. Who finds no room is left unread:
//! the socket fills, and the client waits. Small frames need no room.
//!
//! Whose rest is smallest gets room first, so that what a client announces and does not send is in the way of larger frames
//! only. And room that others wait for has to be used: a frame must have arrived, and its request begun, in [`FRAME_TIME_MAX`].

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
};

use futures_channel::oneshot;

use crate::{
    limits::{FRAME_TIME_MAX, LARGE_FRAMES_BYTES_FREE, LARGE_FRAMES_BYTES_MAX},
    runtime::world::{Instant, World},
};

/// Of one core.
#[derive(Default)]
pub struct LargeFrames(Rc<State>);

#[derive(Default)]
struct State {
    /// Bytes of memory of frames whose requests have not begun.
    held: Cell<usize>,
    /// Bytes that are to come of those that have room.
    expected: Cell<usize>,
    /// By bytes that are to come, then by arrival.
    waiting: RefCell<BTreeMap<(usize, u64), oneshot::Sender<Room>>>,
    next_number: Cell<u64>,
}

impl LargeFrames {
    /// Bytes that are there of frames whose requests have not begun.
    pub fn arrived_bytes(&self) -> usize {
        self.0.held.get()
    }

    /// A frame of so many bytes has begun to arrive.
    pub(super) fn begin(&self, bytes: usize) -> LargeFrame {
        LargeFrame {
            bytes,
            held: 0,
            room: None,
            state: self.0.clone(),
        }
    }
}

impl State {
    fn ask(self: &Rc<State>, rest: usize) -> oneshot::Receiver<Room> {
        let (sender, receiver) = oneshot::channel();
        let number = self.next_number.get();
        self.next_number.set(number + 1);
        self.waiting.borrow_mut().insert((rest, number), sender);
        self.give();
        receiver
    }

    fn give(self: &Rc<State>) {
        while let Some((expected, sender)) = self.next() {
            self.expected.set(self.expected.get() + expected);
            // Was its connection closed meanwhile, the room comes back at once.
            let _ = sender.send(Room {
                expected,
                state: self.clone(),
            });
        }
    }

    /// Whose rest is smallest, if there is room for it. If nobody else has any, there is, however large it is.
    fn next(&self) -> Option<(usize, oneshot::Sender<Room>)> {
        let mut waiting = self.waiting.borrow_mut();
        while let Some(first) = waiting.first_entry() {
            if first.get().is_canceled() {
                first.remove();
                continue;
            }
            let (rest, _) = *first.key();
            let expected = self.expected.get();
            let has_room = expected == 0 || self.held.get() + expected + rest <= LARGE_FRAMES_BYTES_MAX;
            return has_room.then(|| (rest, first.remove()));
        }
        None
    }

    fn is_wanted(&self) -> bool {
        self.waiting.borrow().values().any(|sender| !sender.is_canceled())
    }
}

/// For the rest of a frame; given back when dropped.
struct Room {
    expected: usize,
    state: Rc<State>,
}

impl Drop for Room {
    fn drop(&mut self) {
        self.state.expected.set(self.state.expected.get() - self.expected);
        self.state.give();
    }
}

/// A frame on its way in, until its request begins or its connection ends.
pub(super) struct LargeFrame {
    bytes: usize,
    held: usize,
    /// And since when.
    room: Option<(Room, Instant)>,
    state: Rc<State>,
}

impl LargeFrame {
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// For so many of its bytes there is memory now.
    pub(super) fn takes(&mut self, bytes: usize) {
        // There may be some for the beginning of the next frame, too.
        let more = bytes.min(self.bytes).saturating_sub(self.held);
        self.held += more;
        self.state.held.set(self.state.held.get() + more);
        if let Some((room, _)) = &mut self.room {
            room.expected -= more;
            self.state.expected.set(self.state.expected.get() - more);
        }
    }

    /// Waits until it may take more.
    pub(super) async fn go_on<W: World>(&mut self, world: &W) {
        if let Some(room) = self.ask() {
            self.room = Some((room.await.expect("room is given in the end"), world.now()));
        }
    }

    fn ask(&self) -> Option<oneshot::Receiver<Room>> {
        let must_ask = self.room.is_none() && self.state.held.get() >= LARGE_FRAMES_BYTES_FREE;
        must_ask.then(|| self.state.ask(self.bytes - self.held))
    }

    /// Waits until it has had its time, and others wait for room.
    pub(super) async fn overdue<W: World>(&self, world: &W) {
        let Some((_, since)) = self.room else {
            return std::future::pending().await;
        };
        while !self.is_overdue(world.now()) {
            // Looks again now and then when its time is over but nobody waits.
            let rest = FRAME_TIME_MAX.saturating_sub(world.now().since(since));
            world.sleep(rest.max(FRAME_TIME_MAX / 10)).await;
        }
    }

    fn is_overdue(&self, now: Instant) -> bool {
        let had_its_time = |(_, since): &(Room, Instant)| now.since(*since) >= FRAME_TIME_MAX;
        self.room.as_ref().is_some_and(had_its_time) && self.state.is_wanted()
    }
}

impl Drop for LargeFrame {
    fn drop(&mut self) {
        self.state.held.set(self.state.held.get() - self.held);
        // Then there is more room, also if this one had asked for none.
        self.room = None;
        self.state.give();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALF: usize = LARGE_FRAMES_BYTES_FREE;

    /// A frame of which so much is there.
    fn half(frames: &LargeFrames, arrived: usize, bytes: usize) -> LargeFrame {
        let mut frame = frames.begin(bytes);
        frame.takes(arrived);
        frame
    }

    /// True: it has room, and may go on.
    fn took(frame: &mut LargeFrame, asked: &mut Option<oneshot::Receiver<Room>>) -> bool {
        let room = asked.as_mut().expect("it asked").try_recv();
        frame.room = room
            .expect("nobody is forgotten")
            .map(|room| (room, Instant::default()));
        frame.room.is_some()
    }

    fn held(frames: &LargeFrames) -> usize {
        frames.0.held.get() + frames.0.expected.get()
    }

    /// What is announced and not sent holds nobody up.
    #[test]
    fn few_bytes_need_no_room() {
        let frames = LargeFrames::default();
        let many: Vec<LargeFrame> = (0..100).map(|_| half(&frames, HALF / 100 - 1, 1 << 30)).collect();
        assert!(many.iter().all(|frame| frame.ask().is_none()));
        drop(many);
        assert_eq!(held(&frames), 0);
    }

    /// Beyond that there is room for the smallest rests, and all together never hold more than there is.
    #[test]
    fn the_smallest_rest_goes_on() {
        let frames = LargeFrames::default();
        let full = half(&frames, HALF, 2 * HALF);
        let mut large = half(&frames, 0, HALF);
        let mut larger = half(&frames, 0, HALF + 1);
        let mut small = half(&frames, 0, 1000);
        let mut asked = [large.ask(), larger.ask(), small.ask()];
        assert!(took(&mut large, &mut asked[0]) && !took(&mut larger, &mut asked[1]));
        assert!(!took(&mut small, &mut asked[2]), "there is no room at all");
        assert_eq!(held(&frames), LARGE_FRAMES_BYTES_MAX);
        large.takes(HALF / 2);
        assert_eq!(held(&frames), LARGE_FRAMES_BYTES_MAX, "what arrives was expected");
        drop(large);
        assert!(took(&mut small, &mut asked[2]), "the smallest first");
        assert!(!took(&mut larger, &mut asked[1]));
        drop(small);
        assert!(took(&mut larger, &mut asked[1]), "it is alone");
        drop((full, larger));
        assert_eq!(held(&frames), 0);
    }

    /// A frame that is larger than all room goes on when no other does.
    #[test]
    fn a_frame_larger_than_all_room_goes_on() {
        let frames = LargeFrames::default();
        let mut huge = half(&frames, HALF, 4 * LARGE_FRAMES_BYTES_MAX);
        let mut asked = huge.ask();
        assert!(took(&mut huge, &mut asked));
        let mut other = half(&frames, 1, 2);
        let mut asked = other.ask();
        assert!(!took(&mut other, &mut asked));
        drop(huge);
        assert!(took(&mut other, &mut asked));
    }

    /// Connections that end while they wait leave their turn to the next; room that was given but not taken comes back.
    #[test]
    fn who_is_gone_is_passed_over() {
        let frames = LargeFrames::default();
        let mut first = half(&frames, HALF, 3 * HALF);
        let mut asked = first.ask();
        assert!(took(&mut first, &mut asked));
        let gone = half(&frames, 0, 10);
        drop((gone.ask(), gone));
        let mut last = half(&frames, 0, 20);
        let mut asked = last.ask();
        drop(first);
        assert!(took(&mut last, &mut asked));
        let _full = half(&frames, HALF, HALF);
        drop(half(&frames, 0, 30).ask());
        drop(last);
        assert_eq!(held(&frames), HALF);
    }

    /// A slow frame keeps its room until somebody wants it.
    #[test]
    fn room_that_is_wanted_must_be_used() {
        let frames = LargeFrames::default();
        let began = Instant::default();
        let mut slow = half(&frames, HALF, 2 * LARGE_FRAMES_BYTES_MAX);
        let mut asked = slow.ask();
        assert!(took(&mut slow, &mut asked));
        assert!(!slow.is_overdue(began.after(10 * FRAME_TIME_MAX)));
        let mut wanting = half(&frames, 0, 1);
        let mut asked = wanting.ask();
        assert!(!slow.is_overdue(began.after(FRAME_TIME_MAX / 2)));
        assert!(slow.is_overdue(began.after(FRAME_TIME_MAX)));
        drop(slow);
        assert!(took(&mut wanting, &mut asked));
    }
}
