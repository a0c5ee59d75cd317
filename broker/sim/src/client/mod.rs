//! Kafka clients in the simulated world: they speak the wire protocol over virtual connections.

mod connection;
mod consumer;
mod member;
mod producer;
mod topic;

pub use connection::{CallError, Connection};
pub use consumer::{Consumer, read_to_the_end};
pub use member::{Member, look_up_all};
pub use producer::{Producer, ProducerOptions};
pub use topic::{Topic, create_topic};
