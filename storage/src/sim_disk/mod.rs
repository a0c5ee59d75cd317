//! A disk in memory that fails in every way a real one may, repeatably.
//!
//! Writes land in a volatile cache; only a write with [`Sync::Data`] and [`DiskFile::flush`] make sectors last, only
//! [`Disk::sync_dir`] makes names last, and each covers no more than it promises (a flush of one file says nothing of
//! another). Every step of every operation is a numbered boundary: a test runs a workload once to count them, then
//! once per boundary, and looks at what [`SimDisk::after_crash`] leaves for each choice of sectors that made it.

mod crash;
mod image;
#[cfg(test)]
mod tests;

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    future::Future,
    io,
    pin::Pin,
    rc::Rc,
};

use bytes::Bytes;

use crate::disk::{AlignedBuf, BLOCK, Class, Disk, DiskFile, Open, Sync, VolumeSpace};
pub use crash::Persist;
use image::{Image, parent};

/// What an operation is, for faults and for the latency hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    Open,
    Read,
    Write,
    Flush,
    Allocate,
    Truncate,
    /// Names: create, rename, remove, list.
    Directory,
    SyncDirectory,
}

/// How a chosen operation goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// EIO; nothing happened.
    Error,
    NoSpace,
    /// The first half of the sectors is written, then EIO.
    ShortWrite,
    /// Lands at this place instead, and reports success.
    Misdirected {
        path: String,
        position: u64,
    },
    /// Reports success; nothing is durable that was not.
    Lie,
}

struct Plan {
    /// Counted from 1 among operations of the kind since the plan was made.
    nth: u64,
    operation: Operation,
    fault: Fault,
    forever: bool,
    seen: u64,
}

type Latency = Rc<dyn Fn(Operation) -> Pin<Box<dyn Future<Output = ()>>>>;

struct Inner {
    image: RefCell<Image>,
    boundaries: Cell<u64>,
    crash_at: Cell<Option<u64>>,
    crashed: Cell<bool>,
    plans: RefCell<Vec<Plan>>,
    counts: RefCell<BTreeMap<Operation, u64>>,
    lying: Cell<bool>,
    latency: RefCell<Option<Latency>>,
}

/// Cheap to clone; clones are the same disk.
#[derive(Clone)]
pub struct SimDisk {
    inner: Rc<Inner>,
}

/// An open file of a [`SimDisk`].
#[derive(Clone)]
pub struct SimFile {
    disk: SimDisk,
    inode: u64,
}

impl Default for SimDisk {
    fn default() -> SimDisk {
        SimDisk::new()
    }
}

impl SimDisk {
    pub fn new() -> SimDisk {
        SimDisk::of(Image::default())
    }

    fn of(image: Image) -> SimDisk {
        SimDisk {
            inner: Rc::new(Inner {
                image: RefCell::new(image),
                boundaries: Cell::new(0),
                crash_at: Cell::new(None),
                crashed: Cell::new(false),
                plans: RefCell::default(),
                counts: RefCell::default(),
                lying: Cell::new(false),
                latency: RefCell::new(None),
            }),
        }
    }

    /// Boundaries passed so far.
    pub fn boundaries(&self) -> u64 {
        self.inner.boundaries.get()
    }

    /// The power goes at this boundary (counted from 1): from then on every operation is an error without effect.
    pub fn crash_at(&self, boundary: u64) {
        self.inner.crash_at.set(Some(boundary));
    }

    pub fn crash_now(&self) {
        self.inner.crashed.set(true);
    }

    pub fn crashed(&self) -> bool {
        self.inner.crashed.get()
    }

    /// Sectors whose fate a crash now would leave open.
    pub fn pending_sectors(&self) -> usize {
        self.inner.image.borrow().pending_sectors()
    }

    /// The disk as the next start finds it. Faults and hooks are not taken along.
    pub fn after_crash(&self, persist: Persist) -> SimDisk {
        SimDisk::of(self.inner.image.borrow().after_crash(persist))
    }

    /// The disk as the next process finds it if this one is killed and the power stays: the kernel completes every
    /// write that it has, but nobody has flushed them.
    pub fn after_kill(&self) -> SimDisk {
        let mut image = self.inner.image.borrow().clone();
        image.complete_all();
        SimDisk::of(image)
    }

    /// A second disk in exactly this state, cache included.
    pub fn fork(&self) -> SimDisk {
        SimDisk::of(self.inner.image.borrow().clone())
    }

    /// The nth operation of this kind from now on, and with `forever` all after it, goes wrong.
    pub fn fail(&self, operation: Operation, nth: u64, forever: bool, fault: Fault) {
        self.inner.plans.borrow_mut().push(Plan {
            nth,
            operation,
            fault,
            forever,
            seen: 0,
        });
    }

    pub fn heal(&self) {
        self.inner.plans.borrow_mut().clear();
        self.inner.lying.set(false);
    }

    /// From now on flushes report success and do nothing.
    pub fn lie_about_flushes(&self, lying: bool) {
        self.inner.lying.set(lying);
    }

    /// Called before each operation takes effect and before it completes; a simulator delays it there.
    pub fn set_latency(&self, latency: impl Fn(Operation) -> Pin<Box<dyn Future<Output = ()>>> + 'static) {
        *self.inner.latency.borrow_mut() = Some(Rc::new(latency));
    }

    /// Bytes that all files together may take; beyond it there is ENOSPC.
    pub fn set_capacity(&self, bytes: u64) {
        self.inner.image.borrow_mut().capacity = bytes;
    }

    /// Operations of this kind so far.
    pub fn count(&self, operation: Operation) -> u64 {
        self.inner.counts.borrow().get(&operation).copied().unwrap_or(0)
    }

    /// Flips bits of one sector of a file, in the cache and on the medium. False: there is no such sector.
    pub fn rot(&self, path: &str, sector: u64) -> bool {
        self.inner.image.borrow_mut().rot(path, sector)
    }

    /// Reads of this sector fail from now on, until it is written.
    pub fn make_unreadable(&self, path: &str, sector: u64) {
        self.inner.image.borrow_mut().make_unreadable(path, sector);
    }

    /// All files with their sizes, sorted by path.
    pub fn files(&self) -> Vec<(String, u64)> {
        self.inner.image.borrow().files()
    }

    /// A file's bytes as a reader would see them now.
    pub fn content(&self, path: &str) -> Option<Vec<u8>> {
        self.inner.image.borrow().content(path)
    }

    /// Puts bytes on the medium past all rules, for tests that damage or forge files.
    pub fn overwrite(&self, path: &str, position: u64, bytes: &[u8]) {
        self.inner.image.borrow_mut().overwrite(path, position, bytes);
    }

    /// One step of an operation: the power may go here.
    fn boundary(&self) -> io::Result<()> {
        if self.inner.crashed.get() {
            return Err(power_lost());
        }
        let boundary = self.inner.boundaries.get() + 1;
        self.inner.boundaries.set(boundary);
        if self.inner.crash_at.get() == Some(boundary) {
            self.inner.crashed.set(true);
            return Err(power_lost());
        }
        Ok(())
    }

    async fn delay(&self, operation: Operation) {
        let latency = self.inner.latency.borrow().clone();
        if let Some(latency) = latency {
            latency(operation).await;
        }
    }

    /// Begins an operation; a fault that is an error ends it here.
    async fn begin(&self, operation: Operation) -> io::Result<Option<Fault>> {
        *self.inner.counts.borrow_mut().entry(operation).or_default() += 1;
        let mut fault = None;
        for plan in self
            .inner
            .plans
            .borrow_mut()
            .iter_mut()
            .filter(|plan| plan.operation == operation)
        {
            plan.seen += 1;
            if plan.seen == plan.nth || (plan.forever && plan.seen > plan.nth) {
                fault = Some(plan.fault.clone());
            }
        }
        self.delay(operation).await;
        self.boundary()?;
        match fault {
            Some(Fault::Error) => Err(io::Error::from_raw_os_error(5)),
            Some(Fault::NoSpace) => Err(no_space()),
            other => Ok(other),
        }
    }
}

impl Disk for SimDisk {
    type File = SimFile;

    async fn open(&self, path: &str, open: Open, _class: Class) -> io::Result<SimFile> {
        self.begin(Operation::Open).await?;
        let inode = self.inner.image.borrow_mut().open(path, open)?;
        Ok(SimFile {
            disk: self.clone(),
            inode,
        })
    }

    async fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        self.begin(Operation::Directory).await?;
        self.inner.image.borrow().list(directory)
    }

    async fn create_dir(&self, directory: &str) -> io::Result<()> {
        self.begin(Operation::Directory).await?;
        self.inner.image.borrow_mut().create_dir(directory);
        Ok(())
    }

    async fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.begin(Operation::Directory).await?;
        self.inner.image.borrow_mut().rename(from, to)
    }

    async fn remove(&self, path: &str) -> io::Result<()> {
        self.begin(Operation::Directory).await?;
        self.inner.image.borrow_mut().remove(path)
    }

    async fn sync_dir(&self, directory: &str) -> io::Result<()> {
        let fault = self.begin(Operation::SyncDirectory).await?;
        if fault.is_none() && !self.inner.lying.get() {
            self.inner.image.borrow_mut().sync_dir(directory);
        }
        self.delay(Operation::SyncDirectory).await;
        self.boundary()
    }

    async fn space(&self) -> io::Result<VolumeSpace> {
        let image = self.inner.image.borrow();
        Ok(VolumeSpace {
            total_bytes: image.capacity,
            free_bytes: image.capacity.saturating_sub(image.used()),
        })
    }

    /// Few, so that they take turns.
    fn kept_files_max(&self) -> usize {
        2
    }

    fn location(&self) -> String {
        "a simulated disk".to_string()
    }

    async fn write_whole(&self, path: &str, content: &[u8]) -> io::Result<()> {
        self.begin(Operation::Directory).await?;
        self.inner.image.borrow_mut().write_whole(path, content);
        self.boundary()?;
        self.inner.image.borrow_mut().sync_dir(parent(path));
        Ok(())
    }
}

impl DiskFile for SimFile {
    async fn read_at(&self, position: u64, mut buffer: AlignedBuf) -> (io::Result<usize>, AlignedBuf) {
        assert!(
            position.is_multiple_of(BLOCK as u64) && buffer.len().is_multiple_of(BLOCK),
            "direct I/O is aligned"
        );
        if let Err(error) = self.disk.begin(Operation::Read).await {
            return (Err(error), buffer);
        }
        let read = self.disk.inner.image.borrow().read(self.inode, position, &mut buffer);
        (read, buffer)
    }

    async fn write_at(&self, position: u64, bytes: Bytes, sync: Sync) -> io::Result<()> {
        assert!(
            position.is_multiple_of(BLOCK as u64) && bytes.len().is_multiple_of(BLOCK),
            "direct I/O is aligned"
        );
        assert!(
            (bytes.as_ptr() as usize).is_multiple_of(BLOCK),
            "direct I/O is from aligned memory"
        );
        let fault = self.disk.begin(Operation::Write).await?;
        let image = &self.disk.inner.image;
        let (inode, position, bytes, short) = match fault {
            Some(Fault::Misdirected { path, position }) => {
                let inode = image.borrow().inode(&path).unwrap_or(self.inode);
                (inode, position, bytes, false)
            }
            Some(Fault::ShortWrite) => {
                let half = bytes.len() / BLOCK / 2 * BLOCK;
                (self.inode, position, bytes.slice(..half), true)
            }
            _ => (self.inode, position, bytes, false),
        };
        let write = image.borrow_mut().write(inode, position, &bytes)?;
        self.disk.boundary()?;
        self.disk.delay(Operation::Write).await;
        // The power may have gone while this write was on its way.
        if self.disk.crashed() {
            return Err(power_lost());
        }
        if short {
            return Err(io::Error::from_raw_os_error(5));
        }
        image.borrow_mut().complete(inode, write);
        if sync == Sync::Data {
            self.disk.boundary()?;
            let lie = self.disk.begin(Operation::Flush).await? == Some(Fault::Lie);
            if !lie && !self.disk.inner.lying.get() {
                image.borrow_mut().persist_write(inode, write);
            }
            self.disk.boundary()?;
        }
        Ok(())
    }

    async fn flush(&self) -> io::Result<()> {
        let lie = self.disk.begin(Operation::Flush).await? == Some(Fault::Lie);
        if !lie && !self.disk.inner.lying.get() {
            self.disk.inner.image.borrow_mut().flush(self.inode);
        }
        self.disk.delay(Operation::Flush).await;
        self.disk.boundary()
    }

    async fn allocate(&self, position: u64, len: u64) -> io::Result<()> {
        self.disk.begin(Operation::Allocate).await?;
        self.disk.inner.image.borrow_mut().allocate(self.inode, position + len)
    }

    async fn truncate(&self, len: u64) -> io::Result<()> {
        self.disk.begin(Operation::Truncate).await?;
        self.disk.inner.image.borrow_mut().truncate(self.inode, len);
        Ok(())
    }

    async fn size(&self) -> io::Result<u64> {
        Ok(self.disk.inner.image.borrow().size(self.inode))
    }
}

fn power_lost() -> io::Error {
    io::Error::other("the power is gone")
}

fn no_space() -> io::Error {
    io::Error::from_raw_os_error(28)
}
