//! The runtime on a real machine: rings, threads, files, sockets and processes.

mod server;
mod streams;
