//! Memory that answers to readers hold until they are sent, and how much more of it there may be.
//!
//! A reader that asks and does not take its answer holds what it asked for; enough of them would hold everything. So what a core
//! has lent out is bounded, and each answer gets but a share of what is left: those who take theirs are still served while
//! others do not. When nothing is left a fetch gets no records, as if there were none, and asks again after its wait.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;

use super::FetchAnswer;
use crate::limits::{LENT_BYTES_MAX, LENT_SHARE};

/// What one core has lent out. Answers come back on whatever core they were sent from.
#[derive(Default)]
pub struct Lending(Arc<AtomicUsize>);

impl Lending {
    /// How much of `wanted` an answer may give; 0 if it may give no record.
    pub fn room(&self, wanted: usize) -> usize {
        let left = LENT_BYTES_MAX.saturating_sub(self.0.load(Ordering::Relaxed));
        wanted.min(left.div_ceil(LENT_SHARE))
    }

    /// Counts an answer's records until the last of them is dropped. They are sent in order, so that is the end of all.
    pub fn lend(&self, answer: &mut FetchAnswer) {
        let bytes = answer.bytes();
        let mut records = answer.0.iter_mut().flat_map(|result| &mut result.records);
        if let Some(last) = records.next_back() {
            self.0.fetch_add(bytes, Ordering::Relaxed);
            *last = Bytes::from_owner(Lent {
                records: std::mem::take(last),
                bytes,
                lent: self.0.clone(),
            });
        }
    }
}

struct Lent {
    records: Bytes,
    bytes: usize,
    lent: Arc<AtomicUsize>,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.records
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.lent.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use corelane_protocol::error_code::ErrorCode;

    use super::{super::FetchResult, *};

    fn answer(bytes: usize) -> FetchAnswer {
        let mut result = FetchResult::failed(ErrorCode::NONE);
        result.records = vec![Bytes::from(vec![7; bytes - 1]), Bytes::from_static(b"x")];
        FetchAnswer(vec![result, FetchResult::failed(ErrorCode::NONE)])
    }

    /// Readers that take nothing get less and less, together never more than there is; what they held comes back.
    #[test]
    fn shares_shrink_and_come_back() {
        let lending = Lending::default();
        let mut held = Vec::new();
        let first = lending.room(usize::MAX);
        assert_eq!(first, LENT_BYTES_MAX / LENT_SHARE);
        let mut before = usize::MAX;
        loop {
            let room = lending.room(usize::MAX);
            assert!(room <= before);
            if room < 2 {
                break;
            }
            before = room;
            let mut answer = answer(room);
            lending.lend(&mut answer);
            assert_eq!(answer.bytes(), room);
            held.push(answer);
        }
        let together: usize = held.iter().map(FetchAnswer::bytes).sum();
        assert!(together <= LENT_BYTES_MAX);
        // The last bytes are what counts: answers are sent in order.
        let mut sent = held.pop().expect("there are some").0.remove(0).records;
        let last = sent.pop().expect("the last part");
        drop(sent);
        let room = lending.room(usize::MAX);
        drop(last);
        assert!(lending.room(usize::MAX) >= room);
        held.clear();
        assert_eq!(lending.room(usize::MAX), first);
        assert_eq!(lending.room(5), 5);
    }

    /// An answer without records lends nothing.
    #[test]
    fn nothing_is_lent_without_records() {
        let lending = Lending::default();
        lending.lend(&mut FetchAnswer(vec![FetchResult::failed(ErrorCode::NONE)]));
        assert_eq!(lending.0.load(Ordering::Relaxed), 0);
    }
}
