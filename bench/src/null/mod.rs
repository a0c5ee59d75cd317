//! `corelane-bench null`: a server that does as little as a Kafka server can. Against it the harness measures itself;
//! and with a delay or a stall on purpose, whether it reports what really happened.
//!
//! It keeps the newest records in memory, so that consumers get something, and stores nothing. With `--flush` it
//! writes what it is sent to a file and flushes it first: a simple server that is durable.

mod answers;
mod journal;
mod logs;
mod process;
mod server;

use std::{io, net::SocketAddr, path::PathBuf, thread, time::Duration};

use clap::Args;

pub use process::NullProcess;
pub use server::{Faults, Server};

use crate::{clock::nanos, cpu, wire::Wait, words::ByteCount};

#[derive(Args)]
pub struct Null {
    /// Where to listen; port 0 is a free one
    #[arg(long, default_value = "127.0.0.1:9092")]
    listen: SocketAddr,
    /// CPUs to run on
    #[arg(long, value_delimiter = ',', value_name = "CPU,..")]
    cpus: Vec<usize>,
    /// Look for requests without ever sleeping
    #[arg(long, value_enum, default_value = "sleep")]
    wait: Wait,
    /// Records that are kept for consumers
    #[arg(long, default_value = "256MiB")]
    retain: ByteCount,
    /// Write what Produce requests bring to a file in this directory, and flush it, before they are answered
    #[arg(long, value_name = "DIR")]
    flush: Option<PathBuf>,
    /// Hold Produce answers back for so long, in microseconds
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=60_000_000))]
    delay_us: u64,
    /// Only every so many
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    delay_every: u64,
    /// Do nothing at all for so long, once, in milliseconds
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=60_000))]
    stall_ms: u64,
    /// … beginning so long after the third Produce request: two only touch the partitions
    #[arg(long, default_value_t = 1000, requires = "stall_ms")]
    stall_after_ms: u64,
    /// End when standard input does, as a child of somebody who may be killed
    #[arg(long)]
    until_stdin_ends: bool,
}

impl Null {
    pub fn run(&self) -> io::Result<()> {
        if !self.cpus.is_empty() {
            cpu::pin(&self.cpus)?;
        }
        let faults = Faults {
            delay: nanos(Duration::from_micros(self.delay_us)),
            delay_every: self.delay_every,
            stall: nanos(Duration::from_millis(self.stall_ms)),
            stall_after: nanos(Duration::from_millis(self.stall_after_ms)),
        };
        let server = Server::bind(self.listen, self.retain.bytes(), faults)?.durable(self.flush.clone());
        println!("listening on {}", server.address());
        if self.until_stdin_ends {
            thread::spawn(|| {
                // Nobody writes there; an error is an end as well.
                let _ = io::copy(&mut io::stdin(), &mut io::sink());
                std::process::exit(0);
            });
        }
        server.run(self.wait, &Default::default())
    }
}

#[cfg(test)]
mod tests;
