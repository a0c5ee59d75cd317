//! Arrays read in place, for the requests that must not allocate.
//!
//! [`Items::read`] walks the whole array once and so finds every error; iterating afterwards reads the same bytes by
//! the same function and cannot fail any more.

use crate::wire::{DecodeError, Problem, Reader};
use std::fmt;

/// How one item is read: reader, version, whether flexible.
type ReadItem<'a, T> = fn(&mut Reader<'a>, i16, bool) -> Result<T, DecodeError>;

/// An array that was checked and stays in the input.
pub(super) struct Items<'a, T> {
    reader: Reader<'a>,
    version: i16,
    flexible: bool,
    left: usize,
    read: ReadItem<'a, T>,
}

impl<'a, T> Items<'a, T> {
    /// Checks the array that begins here and moves `r` past it. Null is an error.
    pub fn read(r: &mut Reader<'a>, version: i16, flexible: bool, read: ReadItem<'a, T>) -> Result<Self, DecodeError> {
        let start = r.position();
        let count = r.array_count(flexible)?.ok_or(DecodeError {
            at: start,
            problem: Problem::Null,
        })?;
        let items = Items {
            reader: r.clone(),
            version,
            flexible,
            left: count,
            read,
        };
        for _ in 0..count {
            read(r, version, flexible)?;
        }
        Ok(items)
    }

    /// An array that the version does not have.
    pub fn none(read: ReadItem<'a, T>) -> Self {
        Items {
            reader: Reader::new(&[]),
            version: 0,
            flexible: false,
            left: 0,
            read,
        }
    }
}

impl<T> Iterator for Items<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.left = self.left.checked_sub(1)?;
        let item = (self.read)(&mut self.reader, self.version, self.flexible);
        debug_assert!(item.is_ok(), "an array was checked and then read differently");
        item.ok()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<T> ExactSizeIterator for Items<'_, T> {}

impl<T> Clone for Items<'_, T> {
    fn clone(&self) -> Self {
        Items {
            reader: self.reader.clone(),
            ..*self
        }
    }
}

impl<T> fmt::Debug for Items<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} items]", self.left)
    }
}

/// Skips a tagged section, where the version has one.
pub(super) fn skip_tagged(r: &mut Reader<'_>, flexible: bool) -> Result<(), DecodeError> {
    if flexible {
        r.tagged_fields(|_, _| Ok(false))
    } else {
        Ok(())
    }
}
