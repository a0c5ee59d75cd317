//! Tests of the partition log.

mod harness;
mod kafka_tools;
mod model;
mod parts;
