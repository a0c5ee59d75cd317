//! Which task a core runs, for whoever wonders why the core does not move.

use std::{
    cell::RefCell,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

/// Every name that was ever entered in this process; few, and all of them literals.
static NAMES: Mutex<Vec<&'static str>> = Mutex::new(Vec::new());

thread_local! {
    /// What this thread knows of [`NAMES`], by address: no lock and no comparison of text for a name seen before.
    static KNOWN: RefCell<Vec<(*const u8, usize)>> = const { RefCell::new(Vec::new()) };
}

/// Written by the core at each poll, read by the supervisor now and then.
pub(super) struct CurrentTask {
    /// Place in [`NAMES`] plus one; 0 is none.
    place: AtomicUsize,
}

impl CurrentTask {
    pub(super) fn new() -> CurrentTask {
        CurrentTask {
            place: AtomicUsize::new(0),
        }
    }

    /// The place of a name, to be asked once per task.
    pub(super) fn place_of(name: &'static str) -> usize {
        KNOWN.with_borrow_mut(|known| {
            if let Some((_, place)) = known.iter().find(|(address, _)| *address == name.as_ptr()) {
                return *place;
            }
            let mut names = NAMES.lock().expect("nothing panics while it holds the names");
            let found = names.iter().position(|entered| *entered == name);
            let place = 1 + found.unwrap_or_else(|| {
                names.push(name);
                names.len() - 1
            });
            known.push((name.as_ptr(), place));
            place
        })
    }

    pub(super) fn enter(&self, place: usize) {
        self.place.store(place, Ordering::Relaxed);
    }

    pub(super) fn leave(&self) {
        self.place.store(0, Ordering::Relaxed);
    }

    pub(super) fn name(&self) -> &'static str {
        let names = NAMES.lock().expect("nothing panics while it holds the names");
        match self.place.load(Ordering::Relaxed).checked_sub(1) {
            Some(place) => names[place],
            None => "none",
        }
    }
}
