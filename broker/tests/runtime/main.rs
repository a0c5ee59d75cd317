//! The runtime on a real machine: rings, threads, files, sockets and processes.

mod cores;
mod disk;
mod process;
mod refusals;
mod server;
#[path = "../harness/signal.rs"]
mod signal;
mod streams;
