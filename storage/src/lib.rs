//! Durability. A journal per core takes every append and makes it last with one flush for all partitions; segments in
//! Kafka's own format are written later, in large blocks. Storage knows records and bytes; it does not know topics'
//! leaders, raft or the network.

pub mod disk;
mod failure;
pub mod fuzz;
mod identity;
pub mod inspect;
pub mod journal;
pub mod log;
pub mod policy;
pub mod sim_disk;
pub mod store;
pub mod writeout;

pub use failure::{Failed, OpenError, StorageError};
pub use identity::{FormatWish, Identity, open_data_dir};
pub use log::{Producer, ProducerCheck};
pub use store::{
    AppendError, Damage, JournalEnd, LogConfig, LogId, LogInfo, LogSpec, ReadError, Rules, SnapshotId, StateKind,
    Store, StoreOptions, StoreStats, Ticket, rehome,
};
