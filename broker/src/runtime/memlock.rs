//! Waiting for locked memory.
//!
//! Since Linux 6.14 the memory of rings counts as locked by its user. The kernel takes the rings of a process apart in the
//! background, some time after the process has ended: who starts again at once after a kill finds the limit still used up.

use std::{io, thread, time::Duration};

/// Waits between the attempts; 5 seconds in all. Few, because glommio leaks descriptors in an attempt that fails.
const WAITS_MS: [u64; 10] = [5, 15, 40, 100, 240, 500, 800, 1000, 1100, 1200];

/// Makes something again and again as long as it fails for want of memory.
///
/// # Errors
/// What the last attempt failed with; [`io::ErrorKind::OutOfMemory`] says what to do.
pub(super) fn patiently<T>(mut make: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let is_short = |error: &io::Error| error.raw_os_error() == Some(libc::ENOMEM);
    let mut waits = WAITS_MS.into_iter();
    loop {
        let error = match make() {
            Err(error) if is_short(&error) => error,
            made => return made,
        };
        let Some(wait) = waits.next() else {
            return Err(io::Error::new(
                io::ErrorKind::OutOfMemory,
                format!(
                    "{error}. Other processes of this user hold too much of the memory that it may lock: stop them, or \
                     raise the limit (shell: ulimit -l; systemd: LimitMEMLOCK=; docker: --ulimit memlock=-1)"
                ),
            ));
        };
        tracing::info!("waiting for lockable memory: a process of this user that has ended may still hold some");
        thread::sleep(Duration::from_millis(wait));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_process_gives_back_is_waited_for() {
        let mut attempts = 0;
        let made = patiently(|| {
            attempts += 1;
            match attempts {
                1..4 => Err(io::Error::from_raw_os_error(libc::ENOMEM)),
                _ => Ok("a ring"),
            }
        });
        assert_eq!(made.unwrap(), "a ring");
    }

    #[test]
    fn other_refusals_are_final() {
        let mut attempts = 0;
        let refused = patiently(|| {
            attempts += 1;
            Err::<(), _>(io::Error::from_raw_os_error(libc::EPERM))
        });
        assert_eq!(refused.unwrap_err().raw_os_error(), Some(libc::EPERM));
        assert_eq!(attempts, 1);
    }
}
