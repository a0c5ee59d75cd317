//! The store against a simple model, on a disk that loses power at every boundary.

mod cores;
mod cost;
mod crash;
mod deleted;
mod faults;
mod full;
mod gives_way;
mod harness;
mod memory;
mod model;
mod notes;
mod producers;
mod random;
mod snapshots;
mod stays_full;
