//! How long the allocator keeps freed memory before it gives it back to the kernel.
//!
//! Frames, requests and write-out buffers live for as long as a round of write-out takes, a tenth of a second under load. With
//! the allocator's own 10 ms their pages went back and were faulted in again, zeroed, for the next ones: 5 % of the CPU of
//! 16 KiB batches, 12 % of 1 MiB batches. What is kept is bounded by what was in use half a second ago.
#![allow(unsafe_code)]

use std::{ffi::c_long, time::Duration};

use libmimalloc_sys::{mi_option_eager_commit_delay, mi_option_set, mi_option_t};

const KEPT_FOR: Duration = Duration::from_millis(500);
/// It has no name in the bindings, but the one before it has.
const PURGE_DELAY: mi_option_t = mi_option_eager_commit_delay + 1;

/// To be called at the start of a broker, while there is one thread.
pub fn keep_freed_memory() {
    // SAFETY: options are atomic numbers that the allocator reads each time; any value is a valid delay in milliseconds.
    unsafe { mi_option_set(PURGE_DELAY, KEPT_FOR.as_millis() as c_long) };
}

#[cfg(test)]
mod tests {
    use libmimalloc_sys::mi_option_get;

    use super::*;

    /// Goal: the nameless option is the delay, which is 10 ms unless somebody sets it.
    #[test]
    fn the_delay_is_set_and_nothing_else() {
        let all = || -> Vec<c_long> {
            // SAFETY: reads a number; all of these options exist.
            (0..PURGE_DELAY + 10)
                .map(|option| unsafe { mi_option_get(option) })
                .collect()
        };
        let before = all();
        assert_eq!(before[PURGE_DELAY as usize], 10);
        keep_freed_memory();
        let mut expected = before;
        expected[PURGE_DELAY as usize] = 500;
        assert_eq!(all(), expected);
    }
}
