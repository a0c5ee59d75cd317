//! Memory for reads that is used again and again: fresh memory is zeroed twice, by the kernel and by us, which costs as much
//! as checking what is read into it.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use super::CHUNK_BYTES;
use crate::disk::{AlignedBuf, aligned_zeroed};

/// Buffers that wait for their next use: 8 MiB.
const FREE_MAX: usize = 16;

/// Cheap to clone. Answers end on any core, so buffers come back from any.
#[derive(Clone, Default)]
pub struct Buffers(Arc<Mutex<Vec<AlignedBuf>>>);

impl Buffers {
    /// A buffer of `len` bytes, at most a chunk's, with anything in them.
    pub fn take(&self, len: usize) -> AlignedBuf {
        let free = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut buffer = free.unwrap_or_else(|| aligned_zeroed(CHUNK_BYTES));
        buffer.truncate(len);
        buffer
    }

    /// The buffer comes back when the last slice of these bytes is dropped.
    pub fn lend(&self, buffer: AlignedBuf) -> Bytes {
        Bytes::from_owner(Lent {
            buffer: Some(buffer),
            home: self.clone(),
        })
    }
}

struct Lent {
    /// Some until it is dropped.
    buffer: Option<AlignedBuf>,
    home: Buffers,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        self.buffer.as_deref().unwrap_or_default()
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let Some(mut buffer) = self.buffer.take() else { return };
        let mut free = self.home.0.lock().unwrap_or_else(PoisonError::into_inner);
        if free.len() < FREE_MAX {
            buffer.resize(CHUNK_BYTES, 0);
            free.push(buffer);
        }
    }
}
