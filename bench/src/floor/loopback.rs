//! The way over TCP and back that every request has before anything is done for it.

use std::{
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use crate::{cpu, latency::Latencies};

const MESSAGE_BYTES: usize = 128;

/// Round trips from a thread on the clients' CPUs to one on the servers', as requests go; both block in the kernel.
pub fn round_trips(
    client_cpus: &[usize],
    server_cpus: &[usize],
    time: Duration,
    latencies: &mut Latencies,
) -> io::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let client = TcpStream::connect(listener.local_addr()?)?;
    let (mut server, _) = listener.accept()?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    thread::scope(|scope| {
        let echo = scope.spawn(move || -> io::Result<()> {
            pin(server_cpus)?;
            let mut message = [0; MESSAGE_BYTES];
            // Ends when the client closes.
            while server.read_exact(&mut message).is_ok() {
                server.write_all(&message)?;
            }
            Ok(())
        });
        let ask = scope.spawn(move || {
            pin(client_cpus)?;
            ask_for(time, client, latencies)
        });
        let panicked = || io::Error::other("the loopback probe panicked");
        let asked = ask.join().map_err(|_| panicked())?;
        echo.join().map_err(|_| panicked())??;
        asked
    })
}

fn ask_for(time: Duration, mut client: TcpStream, latencies: &mut Latencies) -> io::Result<()> {
    let mut message = [0; MESSAGE_BYTES];
    let begin = Instant::now();
    while begin.elapsed() < time {
        let before = Instant::now();
        client.write_all(&message)?;
        client.read_exact(&mut message)?;
        latencies.record(before.elapsed());
    }
    Ok(())
}

/// Anywhere, if nobody says where.
fn pin(cpus: &[usize]) -> io::Result<()> {
    if cpus.is_empty() { Ok(()) } else { cpu::pin(cpus) }
}
