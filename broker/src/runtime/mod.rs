//! Threads, rings, and the [`World`](world::World) they make. All `unsafe` of the broker lives below this folder.

pub mod world;
