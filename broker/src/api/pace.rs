//! Gives way in the middle of long loops: a client chooses how much it asks for, but not for how long a core does nothing
//! else.

use crate::{limits::WORK_PER_TURN, runtime::world::World};

/// Counts the work of one request, in items or in what a loop finds comparable, and gives way every [`WORK_PER_TURN`].
/// Nothing may be borrowed across a step.
pub struct Pace<W> {
    world: W,
    left: usize,
}

impl<W: World> Pace<W> {
    pub fn new(world: &W) -> Pace<W> {
        Pace {
            world: world.clone(),
            left: WORK_PER_TURN,
        }
    }

    /// One more item was dealt with.
    pub async fn step(&mut self) {
        self.spend(1).await;
    }

    /// So much was done in one go.
    pub async fn spend(&mut self, work: usize) {
        match self.left.checked_sub(work) {
            Some(left) if left > 0 => self.left = left,
            _ => {
                self.left = WORK_PER_TURN;
                self.world.yield_now().await;
            }
        }
    }
}
