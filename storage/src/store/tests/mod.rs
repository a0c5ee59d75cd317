//! The store against a simple model, on a disk that loses power at every boundary.

mod crash;
mod harness;
mod model;
mod random;
