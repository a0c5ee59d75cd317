//! An eventfd: the doorbell that wakes a sleeping core.
#![allow(unsafe_code)]

use std::{
    io,
    os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd},
};

use super::fail_stop::fail_stop;

pub(super) struct EventFd(OwnedFd);

impl EventFd {
    pub(super) fn new() -> io::Result<EventFd> {
        // SAFETY: a plain call; a result that is not negative is a descriptor that is ours.
        unsafe {
            let descriptor = libc::eventfd(0, libc::EFD_CLOEXEC);
            if descriptor < 0 {
                return Err(io::Error::last_os_error());
            }
            Ok(EventFd(OwnedFd::from_raw_fd(descriptor)))
        }
    }

    pub(super) fn raw(&self) -> RawFd {
        self.0.as_raw_fd()
    }

    /// Wakes the core that watches it. From any thread.
    pub(super) fn signal(&self) {
        let one = 1u64.to_ne_bytes();
        // SAFETY: writes eight live bytes.
        let written = unsafe { libc::write(self.raw(), one.as_ptr().cast(), one.len()) };
        if written < 0 {
            let error = io::Error::last_os_error();
            // A lost wake is a lost core. Nobody reads the counter, and 2^64 signals never come.
            if error.kind() != io::ErrorKind::Interrupted {
                fail_stop(&format!("cannot wake a core: {error}"));
            }
            self.signal();
        }
    }
}
