//! The data directory on a core's ring: [`Disk`] for real.
//!
//! Bytes go through the ring with direct I/O. Whatever may block in the kernel without going through it (opening,
//! renaming, allocating …) runs on the core's blocking pool, never on the core.

use std::{
    fs, io,
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::fs::OpenOptionsExt,
    },
    path::{Component, Path, PathBuf},
    rc::Rc,
};

use bytes::Bytes;
use corelane_storage::disk::{AlignedBuf, BLOCK, Class, Disk, DiskFile, Open, Sync, VolumeSpace};

use super::{
    blocking::BlockingPool,
    directory_lock::LOCK_FILE,
    host,
    ring::{self, Ring},
};

/// One core's view of the data directory.
#[derive(Clone)]
pub struct RingDisk {
    ring: Rc<Ring>,
    blocking: Rc<BlockingPool>,
    root: Rc<Path>,
    kept_files_max: usize,
}

impl RingDisk {
    pub(super) fn new(ring: Rc<Ring>, blocking: Rc<BlockingPool>, root: &Path, kept_files_max: usize) -> RingDisk {
        RingDisk {
            ring,
            blocking,
            root: root.into(),
            kept_files_max,
        }
    }

    pub(super) fn blocking(&self) -> &BlockingPool {
        &self.blocking
    }

    fn path(&self, relative: &str) -> io::Result<PathBuf> {
        let inside = |component| matches!(component, Component::Normal(_) | Component::CurDir);
        if Path::new(relative).components().all(inside) {
            Ok(self.root.join(relative))
        } else {
            let reason = format!("{relative:?} is not a path inside the data directory");
            Err(io::Error::new(io::ErrorKind::InvalidInput, reason))
        }
    }
}

impl Disk for RingDisk {
    type File = RingFile;

    async fn open(&self, path: &str, open: Open, class: Class) -> io::Result<RingFile> {
        let path = self.path(path)?;
        let file = self
            .blocking
            .run(move || {
                let mut options = fs::OpenOptions::new();
                options
                    .read(true)
                    .write(true)
                    .create_new(open == Open::New)
                    .custom_flags(libc::O_DIRECT);
                options.open(&path).map_err(|error| match error.raw_os_error() {
                    Some(libc::EINVAL) => io::Error::new(
                        io::ErrorKind::Unsupported,
                        format!("the file system of {} does not support direct I/O", path.display()),
                    ),
                    _ => error,
                })
            })
            .await?;
        Ok(RingFile {
            ring: self.ring.clone(),
            blocking: self.blocking.clone(),
            file: Rc::new(OwnedFd::from(file)),
            priority: priority(class),
        })
    }

    async fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        let path = self.path(directory)?;
        let is_root = path == self.root.join("");
        self.blocking
            .run(move || {
                let mut names = Vec::new();
                for entry in fs::read_dir(path)? {
                    let name = entry?.file_name().into_string().map_err(|name| {
                        io::Error::new(io::ErrorKind::InvalidData, format!("{name:?} is not valid UTF-8"))
                    })?;
                    // The runtime's own file is not part of the data.
                    if !(is_root && name == LOCK_FILE) {
                        names.push(name);
                    }
                }
                names.sort_unstable();
                Ok(names)
            })
            .await
    }

    async fn create_dir(&self, directory: &str) -> io::Result<()> {
        let path = self.path(directory)?;
        self.blocking.run(move || fs::create_dir_all(path)).await
    }

    async fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let (from, to) = (self.path(from)?, self.path(to)?);
        self.blocking.run(move || fs::rename(from, to)).await
    }

    async fn remove(&self, path: &str) -> io::Result<()> {
        let path = self.path(path)?;
        self.blocking
            .run(move || {
                if fs::symlink_metadata(&path)?.is_dir() {
                    fs::remove_dir(path)
                } else {
                    fs::remove_file(path)
                }
            })
            .await
    }

    async fn sync_dir(&self, directory: &str) -> io::Result<()> {
        let path = self.path(directory)?;
        self.blocking.run(move || fs::File::open(path)?.sync_all()).await
    }

    async fn space(&self) -> io::Result<VolumeSpace> {
        let root = self.root.to_path_buf();
        self.blocking.run(move || host::space(&root)).await
    }

    fn kept_files_max(&self) -> usize {
        self.kept_files_max
    }

    fn location(&self) -> String {
        std::path::absolute(&*self.root)
            .map_or_else(|_| self.root.display().to_string(), |root| root.display().to_string())
    }

    async fn write_whole(&self, path: &str, content: &[u8]) -> io::Result<()> {
        let path = self.path(path)?;
        let content = content.to_vec();
        self.blocking
            .run(move || {
                let mut temporary = path.clone().into_os_string();
                temporary.push(".tmp");
                fs::write(&temporary, content)?;
                fs::File::open(&temporary)?.sync_all()?;
                fs::rename(&temporary, &path)?;
                fs::File::open(path.parent().expect("a path inside the root has a parent"))?.sync_all()
            })
            .await
    }
}

/// An open file; clones share the descriptor.
#[derive(Clone)]
pub struct RingFile {
    ring: Rc<Ring>,
    blocking: Rc<BlockingPool>,
    file: Rc<OwnedFd>,
    priority: u16,
}

impl DiskFile for RingFile {
    async fn read_at(&self, position: u64, mut buffer: AlignedBuf) -> (io::Result<usize>, AlignedBuf) {
        assert_aligned(position, buffer.len());
        let mut filled = 0;
        while filled < buffer.len() {
            let at = position + filled as u64;
            let (result, back) = ring::read(&self.ring, &self.file, at, buffer, filled, self.priority).await;
            buffer = back;
            match result {
                Ok(read) => filled += read,
                Err(error) => return (Err(error), buffer),
            }
            // Direct reads end short of a block only at the end of the file.
            if matches!(result, Ok(0)) || !filled.is_multiple_of(BLOCK) {
                break;
            }
        }
        (Ok(filled), buffer)
    }

    async fn write_at(&self, position: u64, bytes: Bytes, sync: Sync) -> io::Result<()> {
        assert_aligned(position, bytes.len());
        let durable = sync == Sync::Data;
        let mut done = 0;
        loop {
            let at = position + done as u64;
            let rest = bytes.slice(done..);
            let wanted = rest.len();
            let written = ring::write(&self.ring, &self.file, at, rest, durable, self.priority).await?;
            done += written;
            if written == wanted {
                return Ok(());
            }
            // A disk that is getting full takes a part first; only the next write says why it takes no more.
            if written == 0 || !written.is_multiple_of(BLOCK) {
                return Err(io::Error::new(
                    io::ErrorKind::WriteZero,
                    format!("short write: {done} of {} bytes at {position}", bytes.len()),
                ));
            }
        }
    }

    async fn flush(&self) -> io::Result<()> {
        ring::data_flush(&self.ring, &self.file).await
    }

    async fn allocate(&self, position: u64, len: u64) -> io::Result<()> {
        let file = self.file.try_clone()?;
        self.blocking.run(move || host::reserve(&file, position, len)).await
    }

    async fn truncate(&self, len: u64) -> io::Result<()> {
        let file = fs::File::from(self.file.try_clone()?);
        self.blocking.run(move || file.set_len(len)).await
    }

    async fn size(&self) -> io::Result<u64> {
        host::file_bytes(self.file.as_raw_fd())
    }
}

fn assert_aligned(position: u64, len: usize) {
    assert!(
        position.is_multiple_of(BLOCK as u64) && len.is_multiple_of(BLOCK),
        "direct I/O wants whole blocks: {len} bytes at {position}"
    );
}

/// Best-effort I/O priorities (`ioprio_set(2)`), for the schedulers that heed them.
fn priority(class: Class) -> u16 {
    const BEST_EFFORT: u16 = 2 << 13;
    BEST_EFFORT
        | match class {
            Class::Journal => 0,
            Class::CatchUp => 4,
            Class::Background => 7,
        }
}
