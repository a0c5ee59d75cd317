//! A write and its flush before an answer, in the plainest way there is: `pwrite` and `fdatasync`, and the server's own thread
//! waits for them, while all that arrives is put off until the next.
//!
//! So it is an example of what durable answers cost on a disk, not a bound: who serves sockets meanwhile answers more.

use std::{fs::File, io, os::unix::fs::FileExt, path::Path};

use crate::{
    floor::{SCRATCH_BYTES, Scratch},
    ring::{BLOCK, Buffer, zeroed},
};

/// One write's bytes at most, so that the file goes round many times.
const WRITE_BYTES_MAX: usize = 4 << 20;

pub struct Journal {
    file: File,
    pending: Buffer,
    position: u64,
}

impl Journal {
    /// On a file that is written already, as the floor's is.
    pub fn new(directory: &Path) -> io::Result<Journal> {
        let scratch = Scratch::new(directory)?;
        scratch.write_sequentially()?;
        let mut pending = zeroed(WRITE_BYTES_MAX);
        pending.clear();
        Ok(Journal {
            file: scratch.into_file(),
            pending,
            position: 0,
        })
    }

    /// # Errors
    /// When the disk did not take what had to make room for it.
    pub fn append(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let room = WRITE_BYTES_MAX - self.pending.len();
            let (now, later) = bytes.split_at(bytes.len().min(room));
            self.pending.extend_from_slice(now);
            bytes = later;
            if self.pending.len() == WRITE_BYTES_MAX {
                self.commit()?;
            }
        }
        Ok(())
    }

    /// Returns when the disk has all that was appended.
    pub fn commit(&mut self) -> io::Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        self.pending.resize(self.pending.len().next_multiple_of(BLOCK), 0);
        if self.position + self.pending.len() as u64 > SCRATCH_BYTES {
            self.position = 0;
        }
        self.file.write_all_at(&self.pending, self.position)?;
        self.file.sync_data()?;
        self.position += self.pending.len() as u64;
        self.pending.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(journal: &Journal, position: u64, len: usize) -> Vec<u8> {
        let mut buffer = zeroed(len.next_multiple_of(BLOCK));
        journal.file.read_exact_at(&mut buffer, position).unwrap();
        buffer[..len].to_vec()
    }

    #[test]
    fn what_was_committed_is_in_the_file() {
        let mut journal = Journal::new(&std::env::temp_dir()).unwrap();
        journal.append(&[1; 5000]).unwrap();
        journal.append(&[2; 100]).unwrap();
        journal.commit().unwrap();
        journal.append(&[3; 10]).unwrap();
        journal.commit().unwrap();
        assert_eq!(read(&journal, 0, 5100), [&[1; 5000][..], &[2; 100]].concat());
        assert_eq!(read(&journal, 8192, 10), [3; 10]);

        // More than one write takes, and over the file's end.
        journal.position = SCRATCH_BYTES - WRITE_BYTES_MAX as u64;
        journal.append(&vec![4; WRITE_BYTES_MAX + 5]).unwrap();
        journal.commit().unwrap();
        assert_eq!(read(&journal, SCRATCH_BYTES - BLOCK as u64, BLOCK), [4; BLOCK]);
        assert_eq!(read(&journal, 0, 5), [4; 5]);
    }
}
