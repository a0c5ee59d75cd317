//! What logs remember of producers, and for how long (`producer.id.expiration.ms`).
//!
//! That something was forgotten is in no journal: what a log knows of a producer follows from its records, and whether that is
//! too old from the clock. A start finds all that the records tell, and forgets again what is too old before anybody is served;
//! so whoever was unknown before, and may go on with any sequence, is no less unknown after a crash.

use corelane_protocol::records::BatchHeader;

use super::{LogId, Store};
use crate::{
    disk::Disk,
    log::{Producer, ProducerCheck},
};

impl<D: Disk> Store<D> {
    /// What to do with a producer's batch, by its sequence numbers. None: no such log.
    pub fn check_producer(&self, id: LogId, header: &BatchHeader) -> Option<ProducerCheck> {
        self.with_log(id, |slot| slot.log.check_producer(header))
    }

    /// (producer id, what is remembered of it) of each producer that the log knows.
    pub fn producers(&self, id: LogId) -> Option<Vec<(i64, Producer)>> {
        self.with_log(id, |slot| {
            let known = slot.log.producers().iter();
            known.map(|(id, producer)| (id, producer.clone())).collect()
        })
    }

    /// From now on a producer that wrote nothing for so long is forgotten, and at once who is over it already.
    pub fn expire_producers_after(&self, expiration_ms: i64) {
        if self.inner.producer_expiration_ms.replace(Some(expiration_ms)) != Some(expiration_ms) {
            self.expire_producers((self.inner.options.wall_ms)());
        }
    }

    pub(super) fn expire_producers(&self, wall_ms: i64) {
        let Some(expiration_ms) = self.inner.producer_expiration_ms.get() else {
            return;
        };
        for slot in self.inner.state.borrow_mut().logs.values_mut() {
            slot.log.expire_producers(wall_ms, expiration_ms);
        }
    }
}
