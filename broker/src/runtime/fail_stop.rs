//! The loud end of the process.
#![allow(unsafe_code)]

use super::stderr::say_last;

/// Exit code after a storage fault or a broken invariant (`EX_IOERR` of `sysexits.h`).
pub const EXIT_FAULT: i32 = 74;

/// Prints why and ends the process at once: no destructors, no further acknowledgement, nothing flushed.
pub fn fail_stop(reason: &str) -> ! {
    say_last(&format!("corelane: fatal: {reason}\n"));
    // SAFETY: never returns; that nothing is cleaned up is the point.
    unsafe { libc::_exit(EXIT_FAULT) }
}
