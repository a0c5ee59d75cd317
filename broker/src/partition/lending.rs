//! Memory that answers to readers hold until they are sent, and how much more of it there may be.
//!
//! A reader that asks and does not take its answer holds what it asked for; enough of them would hold everything. So what a core
//! has lent out is bounded, and each answer gets but a share of what is left: those who take theirs are still served while
//! others do not. When nothing is left a fetch gets no records, as if there were none, and asks again after its wait.
//!
//! ```text
//!  reserve ──> Reservation ──lend──> Loan, with the answer's last bytes ──sent or dropped──> room again
//!                   └────────────────── dropped: nothing came of it ────────────────────────────┘
//! ```
//!
//! Reads take time, and others begin meanwhile: room is set aside when a read begins. What must stay true: all that is set
//! aside or lent is together never more than [`LENT_BYTES_MAX`].

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;

use super::{FetchAnswer, FetchResult, fetch::FetchSpent};
use crate::limits::{LENT_BYTES_MAX, LENT_BYTES_MIN, LENT_SHARE};

/// What one core has set aside and lent. Room is taken on this core only, and comes back on whatever core an answer ends.
#[derive(Default)]
pub struct Lending(Arc<AtomicUsize>);

impl Lending {
    /// Bytes that are set aside or lent.
    pub fn taken(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// Sets aside what an answer may give of `wanted`.
    pub fn reserve(&self, wanted: usize) -> Reservation {
        let left = LENT_BYTES_MAX - self.0.load(Ordering::Relaxed);
        let mut reservation = Reservation {
            bytes: wanted.min(left.div_ceil(LENT_SHARE)),
            loan: Loan {
                taken: 0,
                all: self.0.clone(),
            },
        };
        if !reservation.loan.resize(reservation.bytes) {
            reservation.bytes = 0;
        }
        reservation
    }
}

/// Room for one answer, from before it is read until it has its records; given back when dropped.
pub struct Reservation {
    bytes: usize,
    loan: Loan,
}

impl Reservation {
    /// What the answer may give; 0: no record.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Counts the answer's records instead of what was set aside.
    ///
    /// An answer's first batch is read whole even if it is larger than what was set aside; is there no room for the rest of
    /// it, the answer loses its records.
    pub fn lend(mut self, mut results: Vec<FetchResult>) -> FetchAnswer {
        let bytes = results.iter().map(FetchResult::bytes).sum();
        if !self.loan.resize(bytes) {
            results.iter_mut().for_each(|result| result.records.clear());
            self.loan.resize(0);
        }
        FetchAnswer {
            results,
            loan: self.loan,
            spent: FetchSpent::default(),
        }
    }
}

/// A part of what there is; given back when dropped.
pub struct Loan {
    taken: usize,
    all: Arc<AtomicUsize>,
}

impl Loan {
    /// Takes more, or gives some back, until it is enough for so many bytes of records. False, and nothing changed: there is
    /// not so much.
    fn resize(&mut self, bytes: usize) -> bool {
        let wanted = if bytes == 0 { 0 } else { bytes.max(LENT_BYTES_MIN) };
        let others = self.all.load(Ordering::Relaxed) - self.taken;
        if wanted > LENT_BYTES_MAX - others {
            return false;
        }
        // Others may only have given back meanwhile.
        self.all.fetch_add(wanted, Ordering::Relaxed);
        self.all.fetch_sub(self.taken, Ordering::Relaxed);
        self.taken = wanted;
        true
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        self.all.fetch_sub(self.taken, Ordering::Relaxed);
    }
}

/// Keeps loans until the last part of a framed answer is dropped, whether its bytes are the log's or were copied. Parts are
/// sent in order, so that is the end of all.
pub fn keep_until_sent(loans: Vec<Loan>, parts: &mut [Bytes]) {
    if let Some(last) = parts.last_mut() {
        *last = Bytes::from_owner(Last {
            bytes: std::mem::take(last),
            _loans: loans,
        });
    }
}

struct Last {
    bytes: Bytes,
    _loans: Vec<Loan>,
}

impl AsRef<[u8]> for Last {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use corelane_protocol::error_code::ErrorCode;

    use super::*;

    const MIB: usize = 1 << 20;

    fn results(bytes: usize) -> Vec<FetchResult> {
        let mut result = FetchResult::failed(ErrorCode::NONE);
        result.records = vec![Bytes::from(vec![0; bytes - 1]), Bytes::from_static(b"x")];
        vec![result, FetchResult::failed(ErrorCode::NONE)]
    }

    fn taken(lending: &Lending) -> usize {
        lending.0.load(Ordering::Relaxed)
    }

    /// An answer that gives all it may.
    fn lent(lending: &Lending) -> FetchAnswer {
        let reservation = lending.reserve(usize::MAX);
        let results = results(reservation.bytes());
        reservation.lend(results)
    }

    /// Readers that take nothing get less and less, together never more than there is; what they held comes back.
    #[test]
    fn shares_shrink_and_come_back() {
        let lending = Lending::default();
        let first = lending.reserve(usize::MAX).bytes();
        assert_eq!(first, LENT_BYTES_MAX / LENT_SHARE);
        let mut held = Vec::new();
        let mut before = first;
        loop {
            let room = lending.reserve(usize::MAX).bytes();
            assert!(room <= before);
            if room == 0 {
                break;
            }
            before = room;
            held.push(lent(&lending));
            assert_eq!(held.last().map(FetchAnswer::bytes), Some(room));
            assert!(taken(&lending) <= LENT_BYTES_MAX);
        }
        assert!(taken(&lending) > LENT_BYTES_MAX - LENT_BYTES_MIN);
        // The last bytes are what counts: answers are sent in order.
        let full = taken(&lending);
        let smallest = held.pop().expect("there are some");
        let mut parts = [Bytes::from_static(b"records"), Bytes::from_static(b"and their end")];
        keep_until_sent(vec![smallest.loan], &mut parts);
        let [records, mut end] = parts;
        drop(records);
        drop(end.split_to(4));
        assert_eq!((&end[..], taken(&lending)), (&b"their end"[..], full));
        drop(end);
        assert_eq!(taken(&lending), full - LENT_BYTES_MIN);
        held.clear();
        assert_eq!(lending.reserve(usize::MAX).bytes(), first);
        assert_eq!(lending.reserve(5).bytes(), 5);
    }

    /// Reads under way count with all that they may give, and with nothing when they are cancelled.
    #[test]
    fn reads_under_way_do_not_share_room() {
        let lending = Lending::default();
        let mut under_way = Vec::new();
        for _ in 0..100 {
            under_way.push(lending.reserve(usize::MAX));
            assert!(taken(&lending) <= LENT_BYTES_MAX);
        }
        let together: usize = under_way.iter().map(Reservation::bytes).sum();
        assert!(together <= LENT_BYTES_MAX);
        assert_eq!(under_way[99].bytes(), 0, "nothing was left");
        // All of them are read to the end, now that nothing is left.
        let mut answers = Vec::new();
        for reservation in under_way.drain(..20) {
            let results = results(reservation.bytes());
            let answer = reservation.lend(results);
            assert!(answer.bytes() > 0, "what was set aside is there");
            answers.push(answer);
        }
        drop(under_way);
        let lent: usize = answers.iter().map(FetchAnswer::bytes).sum();
        assert_eq!(taken(&lending), lent);
        drop(answers);
        assert_eq!(taken(&lending), 0);
    }

    /// What a short answer does not need is room at once, and an answer without records lends nothing.
    #[test]
    fn short_answers_give_the_rest_back() {
        let lending = Lending::default();
        let reservation = lending.reserve(40 * MIB);
        assert_eq!(taken(&lending), 40 * MIB);
        let short = reservation.lend(results(MIB));
        assert_eq!(taken(&lending), MIB);
        let _empty = lending.reserve(5).lend(vec![FetchResult::failed(ErrorCode::NONE)]);
        assert_eq!(taken(&lending), MIB);
        // A few bytes hold the whole piece that was read for them.
        let few = lending.reserve(5);
        assert_eq!((few.bytes(), taken(&lending)), (5, MIB + LENT_BYTES_MIN));
        drop((short, few));
        assert_eq!(taken(&lending), 0);
    }

    /// A first batch that is larger than what was set aside is given if there is room for it, and not counted otherwise.
    #[test]
    fn a_large_first_batch_needs_room() {
        let lending = Lending::default();
        let (one, other) = (lending.reserve(1), lending.reserve(1));
        let given = one.lend(results(200 * MIB));
        assert_eq!(given.bytes(), 200 * MIB);
        let refused = other.lend(results(57 * MIB));
        assert_eq!(refused.bytes(), 0);
        assert_eq!(taken(&lending), 200 * MIB);
    }
}
