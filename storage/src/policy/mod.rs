//! When a segment is full and when it may go: plain functions of a log's configuration and of what it holds.

pub mod retention;
pub mod roll;

#[cfg(test)]
mod tests;
