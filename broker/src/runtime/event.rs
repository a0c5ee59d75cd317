//! An eventfd: the doorbell that wakes a sleeping core.
#![allow(unsafe_code)]

use std::{
    io,
    os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd, RawFd},
    rc::Rc,
};

use glommio::io::BufferedFile;

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

    /// Wakes who reads it. From any thread.
    pub(super) fn signal(&self) {
        let one = 1u64.to_ne_bytes();
        // SAFETY: writes eight live bytes.
        let written = unsafe { libc::write(self.raw(), one.as_ptr().cast(), one.len()) };
        if written < 0 {
            let error = io::Error::last_os_error();
            // A lost wake is a lost core. The counter cannot be full: each read takes all of it.
            if error.kind() != io::ErrorKind::Interrupted {
                fail_stop(&format!("cannot wake a core: {error}"));
            }
            self.signal();
        }
    }

    /// A second descriptor of it that glommio reads.
    pub(super) fn for_glommio(&self) -> io::Result<Rc<BufferedFile>> {
        let descriptor = self.0.try_clone()?.into_raw_fd();
        // SAFETY: the descriptor is ours and is given away.
        Ok(Rc::new(unsafe { BufferedFile::from_raw_fd(descriptor) }))
    }

    /// Until it was signalled; takes all signals.
    pub(super) async fn consume(event: Rc<BufferedFile>) {
        if let Err(error) = event.read_at(0, 8).await {
            fail_stop(&format!("cannot wait for a wake: {error}"));
        }
    }
}
