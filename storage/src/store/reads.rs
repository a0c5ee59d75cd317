//! Reads of a log's batches: from memory, or from its files without holding anything of the store meanwhile.

use bytes::Bytes;

use super::{Inner, LogId, ReadError, Store};
use crate::{
    disk::Disk,
    log::read::{self, FoundRecord, LearnedIndex},
};

impl<D: Disk> Store<D> {
    /// Whole batches from the one that holds `from`, with base offsets below `upto`, if all of them are in memory; the
    /// first one also if it alone is more than `bytes_max`.
    pub fn read_tail(&self, id: LogId, from: i64, upto: i64, bytes_max: usize) -> Option<Vec<Bytes>> {
        let state = self.inner.state.borrow();
        state.logs.get(&id)?.log.read_tail(from, upto, bytes_max, &state.frames)
    }

    /// As [`Store::read_tail`], from memory or else from segments, where every batch's CRC is checked.
    pub async fn read(&self, id: LogId, from: i64, upto: i64, bytes_max: usize) -> Result<Vec<Bytes>, ReadError> {
        let plan = |from: i64, bytes_max: usize| {
            let state = self.inner.state.borrow();
            let slot = state.logs.get(&id).ok_or(ReadError::UnknownLog)?;
            slot.log.plan_read(from, upto, bytes_max, &state.frames)
        };
        read::read(
            &self.inner.disk,
            &self.inner.read_cache,
            plan,
            |index| self.learn(id, index),
            from,
            upto,
            bytes_max,
        )
        .await
    }

    /// The first record with a timestamp not below `timestamp`, below offset `upto`: (offset, timestamp, leader epoch).
    pub async fn offset_for_timestamp(
        &self,
        id: LogId,
        timestamp: i64,
        upto: i64,
    ) -> Result<Option<FoundRecord>, ReadError> {
        let (plans, start_offset) = {
            let state = self.inner.state.borrow();
            let slot = state.logs.get(&id).ok_or(ReadError::UnknownLog)?;
            (
                slot.log.plan_time_lookup(timestamp, &state.frames),
                slot.log.start_offset(),
            )
        };
        let learn = |index| self.learn(id, index);
        let Inner { disk, read_cache, .. } = &*self.inner;
        read::offset_for_timestamp(disk, read_cache, plans, learn, timestamp, start_offset, upto).await
    }

    /// The record with the largest timestamp: (offset, timestamp, leader epoch).
    pub async fn max_timestamp(&self, id: LogId) -> Result<Option<FoundRecord>, ReadError> {
        let largest = self
            .with_log(id, |slot| slot.log.largest_timestamp())
            .ok_or(ReadError::UnknownLog)?;
        match largest {
            Some(timestamp) => self.offset_for_timestamp(id, timestamp, i64::MAX).await,
            None => Ok(None),
        }
    }

    fn learn(&self, id: LogId, index: LearnedIndex) {
        if let Some(slot) = self.inner.state.borrow_mut().logs.get_mut(&id) {
            slot.log.learn_index(index);
        }
    }
}
