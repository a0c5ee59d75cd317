//! The cores as a thread beside them sees them: whether they move, whether they are told to stop. Reads what the cores and the
//! supervisor share anyway, and writes nothing.

use std::sync::{Arc, atomic::Ordering};

use super::supervisor::Vitals;

/// For any thread; cheap to clone.
#[derive(Clone)]
pub struct Pulse(Arc<Vitals>);

impl Pulse {
    pub(super) fn new(vitals: Arc<Vitals>) -> Pulse {
        Pulse(vitals)
    }

    pub fn cores(&self) -> usize {
        self.0.cores.len()
    }

    /// Moves with every turn of the core.
    pub fn heartbeat(&self, core: usize) -> u64 {
        self.0.cores[core].heartbeat.load(Ordering::Relaxed)
    }

    /// The node was told to stop.
    pub fn is_stopping(&self) -> bool {
        self.0.is_stopping()
    }
}
