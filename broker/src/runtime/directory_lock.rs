//! One broker on a data directory at a time, and what an operator reads who may not have it.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

/// In the data directory; holds the process id of its owner.
pub(super) const LOCK_FILE: &str = ".lock";

/// A broker that was killed keeps its lock while the kernel takes its memory back. Whoever starts us at once after a kill need not
/// know; whoever starts a second broker is told soon.
const LOCK_WAIT: Duration = Duration::from_secs(1);

/// Why a directory cannot be this broker's.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    #[error(
        "data directory {}: another broker has it (process {owner}).\n\
         Stop that one, or choose another directory: --set log.dirs=DIRECTORY",
        path.display()
    )]
    InUse { path: PathBuf, owner: String },
    #[error("data directory {}: {error}{found}.\n{}", path.display(), remedy(error))]
    Io {
        path: PathBuf,
        error: io::Error,
        /// Whose the place is, where that matters.
        found: String,
    },
}

fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "Give it to the user that the broker runs as, with all that is in it (chown -R), or choose another: --set \
             log.dirs=DIRECTORY"
        }
        io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => {
            "A part of this path is no directory: choose another, --set log.dirs=DIRECTORY"
        }
        io::ErrorKind::ReadOnlyFilesystem => "Mount it to be written, or choose another: --set log.dirs=DIRECTORY",
        _ => "Choose another directory: --set log.dirs=DIRECTORY",
    }
}

/// Keeps other processes out of a data directory while it lives.
#[derive(Debug)]
pub struct DirectoryLock {
    _file: fs::File,
}

impl DirectoryLock {
    /// Makes the directory if it does not exist.
    ///
    /// # Errors
    /// Another broker's, or a directory that cannot be made or written.
    pub fn take(directory: &Path) -> Result<DirectoryLock, DirectoryError> {
        let failed = |error| refused(directory, error);
        fs::create_dir_all(directory).map_err(failed)?;
        let file = fs::OpenOptions::new()
            .create(true)
            .read(true)
            .write(true)
            .truncate(false)
            .open(directory.join(LOCK_FILE))
            .map_err(failed)?;
        wait_for(directory, || file.try_lock())?;
        let content = format!("{}\n", std::process::id());
        file.set_len(0).map_err(failed)?;
        io::Write::write_all(&mut &file, content.as_bytes()).map_err(failed)?;
        Ok(DirectoryLock { _file: file })
    }

    /// Only looks whether somebody has it, and makes nothing: for whoever has to wait for something else first.
    ///
    /// # Errors
    /// Another broker's, or one that this user may not read. What else may be wrong is found when it is taken.
    pub fn look(directory: &Path) -> Result<(), DirectoryError> {
        match fs::File::open(directory.join(LOCK_FILE)) {
            // Shared, so that those who look are not in each other's way.
            Ok(file) => wait_for(directory, || file.try_lock_shared()),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(refused(directory, error)),
            Err(_) => Ok(()),
        }
    }
}

fn wait_for(directory: &Path, lock: impl Fn() -> Result<(), fs::TryLockError>) -> Result<(), DirectoryError> {
    let deadline = Instant::now() + LOCK_WAIT;
    loop {
        match lock() {
            Ok(()) => return Ok(()),
            Err(fs::TryLockError::WouldBlock) if Instant::now() < deadline => thread::sleep(Duration::from_millis(5)),
            Err(fs::TryLockError::WouldBlock) => {
                let owner = fs::read_to_string(directory.join(LOCK_FILE)).unwrap_or_default();
                return Err(DirectoryError::InUse {
                    path: whole(directory),
                    owner: owner.trim().to_owned(),
                });
            }
            Err(fs::TryLockError::Error(error)) => return Err(refused(directory, error)),
        }
    }
}

fn refused(directory: &Path, error: io::Error) -> DirectoryError {
    let path = whole(directory);
    let found = match error.kind() {
        io::ErrorKind::PermissionDenied => owners(&path),
        _ => String::new(),
    };
    DirectoryError::Io { path, error, found }
}

/// Whose the directory is, or what is there of its path, and who asks.
fn owners(path: &Path) -> String {
    let there = path.ancestors().find_map(|path| Some((path, fs::metadata(path).ok()?)));
    match (there, fs::metadata("/proc/self")) {
        (Some((place, of_place)), Ok(of_process)) => format!(
            "; {} is user {}'s (mode {:o}), this process is user {}'s",
            place.display(),
            of_place.uid(),
            of_place.mode() & 0o7777,
            of_process.uid()
        ),
        _ => String::new(),
    }
}

/// The whole path: where it lies depends on where the process was started.
fn whole(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}
