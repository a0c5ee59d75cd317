//! What is on the medium, and what is only in its cache.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    rc::Rc,
};

use bytes::Bytes;

use super::no_space;
use crate::disk::{BLOCK, Open};

const SECTOR: u64 = BLOCK as u64;

#[derive(Clone)]
pub(super) enum NameChange {
    Link(String, Entry),
    Unlink(String),
    Rename(String, String),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry {
    File(u64),
    Directory,
}

#[derive(Clone)]
pub(super) struct Pending {
    pub bytes: Bytes,
    pub write: u64,
    pub completed: bool,
}

#[derive(Clone, Default)]
pub(super) struct Inode {
    /// Absent sectors below the size are zero.
    pub durable: Rc<BTreeMap<u64, Bytes>>,
    pub durable_size: u64,
    pub pending: BTreeMap<u64, Pending>,
    pub size: u64,
    pub allocated: u64,
    pub unreadable: BTreeSet<u64>,
}

/// The state of a whole disk. Cloning shares the sectors.
#[derive(Clone)]
pub struct Image {
    pub(super) inodes: BTreeMap<u64, Inode>,
    pub(super) next_inode: u64,
    pub(super) names: BTreeMap<String, Entry>,
    pub(super) durable_names: BTreeMap<String, Entry>,
    /// Per directory, in order, not yet synced.
    pub(super) changes: BTreeMap<String, Vec<NameChange>>,
    pub(super) next_write: u64,
    pub capacity: u64,
}

impl Default for Image {
    fn default() -> Image {
        Image {
            inodes: BTreeMap::new(),
            next_inode: 1,
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            changes: BTreeMap::new(),
            next_write: 1,
            capacity: u64::MAX,
        }
    }
}

impl Image {
    pub fn inode(&self, path: &str) -> Option<u64> {
        match self.names.get(path) {
            Some(Entry::File(inode)) => Some(*inode),
            _ => None,
        }
    }

    pub fn open(&mut self, path: &str, open: Open) -> io::Result<u64> {
        match (open, self.names.get(path)) {
            (Open::Existing, Some(Entry::File(inode))) => Ok(*inode),
            (Open::Existing, _) => Err(io::ErrorKind::NotFound.into()),
            (Open::New, Some(_)) => Err(io::ErrorKind::AlreadyExists.into()),
            (Open::New, None) => {
                if !self.is_directory(parent(path)) {
                    return Err(io::ErrorKind::NotFound.into());
                }
                let inode = self.next_inode;
                self.next_inode += 1;
                self.inodes.insert(inode, Inode::default());
                self.change(parent(path), NameChange::Link(path.to_string(), Entry::File(inode)));
                Ok(inode)
            }
        }
    }

    fn is_directory(&self, path: &str) -> bool {
        path.is_empty() || self.names.get(path) == Some(&Entry::Directory)
    }

    pub fn create_dir(&mut self, path: &str) {
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        for end in ends {
            let path = &path[..end];
            if !self.is_directory(path) {
                self.change(parent(path), NameChange::Link(path.to_string(), Entry::Directory));
            }
        }
    }

    pub fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        if !self.is_directory(directory) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let names = self.names.keys().filter(|path| parent(path) == directory);
        Ok(names
            .map(|path| path.rsplit('/').next().unwrap_or(path).to_string())
            .collect())
    }

    pub fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        if !self.names.contains_key(from) {
            return Err(io::ErrorKind::NotFound.into());
        }
        self.change(parent(to), NameChange::Rename(from.to_string(), to.to_string()));
        Ok(())
    }

    pub fn remove(&mut self, path: &str) -> io::Result<()> {
        if !self.names.contains_key(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        if self.names.keys().any(|other| parent(other) == path) {
            return Err(io::ErrorKind::DirectoryNotEmpty.into());
        }
        self.change(parent(path), NameChange::Unlink(path.to_string()));
        Ok(())
    }

    fn change(&mut self, directory: &str, change: NameChange) {
        apply(&mut self.names, &change);
        self.changes.entry(directory.to_string()).or_default().push(change);
    }

    pub fn sync_dir(&mut self, directory: &str) {
        for change in self.changes.remove(directory).unwrap_or_default() {
            apply(&mut self.durable_names, &change);
        }
    }

    /// A file replaced by rename; its content is durable before its name is.
    pub fn write_whole(&mut self, path: &str, content: &[u8]) {
        let inode = self.next_inode;
        self.next_inode += 1;
        self.inodes.insert(inode, Inode::default());
        self.change(parent(path), NameChange::Link(path.to_string(), Entry::File(inode)));
        self.overwrite(path, 0, content);
        let file = self.inodes.get_mut(&inode).expect("just made");
        (file.size, file.durable_size) = (content.len() as u64, content.len() as u64);
    }

    /// Puts the bytes in the cache; gives the number of the write.
    pub fn write(&mut self, inode: u64, position: u64, bytes: &Bytes) -> io::Result<u64> {
        let end = position + bytes.len() as u64;
        self.check_capacity(inode, end)?;
        let write = self.next_write;
        self.next_write += 1;
        let file = self.file(inode);
        for (sector, chunk) in (position / SECTOR..).zip(0..bytes.len() / BLOCK) {
            let bytes = bytes.slice(chunk * BLOCK..(chunk + 1) * BLOCK);
            file.unreadable.remove(&sector);
            file.pending.insert(
                sector,
                Pending {
                    bytes,
                    write,
                    completed: false,
                },
            );
        }
        file.size = file.size.max(end);
        Ok(write)
    }

    pub fn complete(&mut self, inode: u64, write: u64) {
        for pending in self
            .file(inode)
            .pending
            .values_mut()
            .filter(|pending| pending.write == write)
        {
            pending.completed = true;
        }
    }

    pub fn complete_all(&mut self) {
        for pending in self.inodes.values_mut().flat_map(|file| file.pending.values_mut()) {
            pending.completed = true;
        }
    }

    /// One write became durable by itself, with the size it needs.
    pub fn persist_write(&mut self, inode: u64, write: u64) {
        let file = self.file(inode);
        let sectors: Vec<u64> = file
            .pending
            .iter()
            .filter(|(_, p)| p.write == write)
            .map(|(s, _)| *s)
            .collect();
        for sector in sectors {
            let pending = file.pending.remove(&sector).expect("just listed");
            file.durable_size = file.durable_size.max((sector + 1) * SECTOR).min(file.size);
            persist(&mut file.durable, sector, &pending.bytes);
        }
    }

    /// Everything completed, and the size, is durable.
    pub fn flush(&mut self, inode: u64) {
        let file = self.file(inode);
        let sectors: Vec<u64> = file
            .pending
            .iter()
            .filter(|(_, p)| p.completed)
            .map(|(s, _)| *s)
            .collect();
        for sector in sectors {
            let pending = file.pending.remove(&sector).expect("just listed");
            persist(&mut file.durable, sector, &pending.bytes);
        }
        file.durable_size = file.size;
        cut(file);
    }

    pub fn read(&self, inode: u64, position: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let file = &self.inodes[&inode];
        let len = (file.size.saturating_sub(position) as usize).min(buffer.len());
        for (sector, chunk) in (position / SECTOR..).zip(buffer[..len].chunks_mut(BLOCK)) {
            if file.unreadable.contains(&sector) {
                return Err(io::Error::from_raw_os_error(5));
            }
            match sector_of(file, sector) {
                Some(bytes) => chunk.copy_from_slice(&bytes[..chunk.len()]),
                None => chunk.fill(0),
            }
        }
        Ok(len)
    }

    pub fn allocate(&mut self, inode: u64, end: u64) -> io::Result<()> {
        self.check_capacity(inode, end)?;
        let file = self.file(inode);
        file.allocated = file.allocated.max(end);
        Ok(())
    }

    pub fn truncate(&mut self, inode: u64, len: u64) {
        let file = self.file(inode);
        file.size = len;
        file.allocated = file.allocated.min(len);
        file.pending.retain(|sector, _| sector * SECTOR < len);
    }

    pub fn size(&self, inode: u64) -> u64 {
        self.inodes[&inode].size
    }

    /// What was removed takes no space.
    pub fn used(&self) -> u64 {
        let linked = self.names.values().filter_map(|entry| match entry {
            Entry::File(inode) => Some(&self.inodes[inode]),
            Entry::Directory => None,
        });
        linked.map(|file| file.size.max(file.allocated)).sum()
    }

    fn check_capacity(&self, inode: u64, end: u64) -> io::Result<()> {
        let file = &self.inodes[&inode];
        let more = end.saturating_sub(file.size.max(file.allocated));
        if more > 0 && self.used().saturating_add(more) > self.capacity {
            Err(no_space())
        } else {
            Ok(())
        }
    }

    fn file(&mut self, inode: u64) -> &mut Inode {
        self.inodes.get_mut(&inode).expect("an open file")
    }

    pub fn pending_sectors(&self) -> usize {
        self.inodes.values().map(|file| file.pending.len()).sum()
    }

    pub fn rot(&mut self, path: &str, sector: u64) -> bool {
        let Some(inode) = self.inode(path) else { return false };
        let file = self.file(inode);
        if sector * SECTOR >= file.size {
            return false;
        }
        let mut bytes = sector_of(file, sector).map_or_else(|| vec![0; BLOCK], |bytes| bytes.to_vec());
        // Where both a frame's header and its body would notice.
        for at in [70, 1000, 2000, 4000] {
            bytes[at] ^= 0x40;
        }
        self.overwrite(path, sector * SECTOR, &bytes);
        true
    }

    pub fn make_unreadable(&mut self, path: &str, sector: u64) {
        if let Some(inode) = self.inode(path) {
            self.file(inode).unreadable.insert(sector);
        }
    }

    pub fn overwrite(&mut self, path: &str, position: u64, bytes: &[u8]) {
        let Some(inode) = self.inode(path) else { return };
        let file = self.file(inode);
        let mut done = 0;
        while done < bytes.len() {
            let at = position + done as u64;
            let (sector, from) = (at / SECTOR, (at % SECTOR) as usize);
            let mut new = sector_of(file, sector).map_or_else(|| vec![0; BLOCK], |bytes| bytes.to_vec());
            let len = (bytes.len() - done).min(BLOCK - from);
            new[from..from + len].copy_from_slice(&bytes[done..done + len]);
            file.pending.remove(&sector);
            persist(&mut file.durable, sector, &Bytes::from(new));
            done += len;
        }
        file.size = file.size.max(position + bytes.len() as u64);
        file.durable_size = file.durable_size.max(position + bytes.len() as u64);
    }

    pub fn files(&self) -> Vec<(String, u64)> {
        let files = self.names.iter().filter_map(|(path, entry)| match entry {
            Entry::File(inode) => Some((path.clone(), self.inodes[inode].size)),
            Entry::Directory => None,
        });
        files.collect()
    }

    pub fn content(&self, path: &str) -> Option<Vec<u8>> {
        let inode = self.inode(path)?;
        let mut bytes = vec![0; self.inodes[&inode].size as usize];
        self.read(inode, 0, &mut bytes).ok()?;
        Some(bytes)
    }
}

/// The directory of a path; empty for the root.
pub fn parent(path: &str) -> &str {
    path.rfind('/').map_or("", |at| &path[..at])
}

pub(super) fn apply(names: &mut BTreeMap<String, Entry>, change: &NameChange) {
    match change {
        NameChange::Link(path, entry) => {
            names.insert(path.clone(), *entry);
        }
        NameChange::Unlink(path) => {
            names.remove(path);
        }
        NameChange::Rename(from, to) => {
            if let Some(entry) = names.remove(from) {
                names.insert(to.clone(), entry);
            }
        }
    }
}

fn sector_of(file: &Inode, sector: u64) -> Option<&Bytes> {
    file.pending
        .get(&sector)
        .map(|pending| &pending.bytes)
        .or_else(|| file.durable.get(&sector))
}

/// Zero sectors are not stored: a prewritten ring costs nothing.
pub(super) fn persist(durable: &mut Rc<BTreeMap<u64, Bytes>>, sector: u64, bytes: &Bytes) {
    let durable = Rc::make_mut(durable);
    if bytes.iter().all(|byte| *byte == 0) {
        durable.remove(&sector);
    } else {
        durable.insert(sector, bytes.clone());
    }
}

/// What is beyond the durable size reads as zero when the file grows again.
pub(super) fn cut(file: &mut Inode) {
    let end = file.durable_size.div_ceil(SECTOR);
    if file.durable.range(end..).next().is_some() {
        Rc::make_mut(&mut file.durable).split_off(&end);
    }
}
