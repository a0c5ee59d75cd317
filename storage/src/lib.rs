//! Durability. A journal per core takes every append and makes it last with one flush for all partitions; segments in
//! Kafka's own format are written later, in large blocks. Storage knows records and bytes; it does not know topics'
//! leaders, raft or the network.

pub mod disk;
