//! Goal: bytes go through connections whole and in order, whatever their number, size and speed.

use std::{
    io::{Read, Write},
    net::TcpStream,
    thread,
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use corelane_broker::runtime::{GlommioWorld, RingStream, world::Stream};

use crate::server::with_server;

async fn echo(_: GlommioWorld<()>, stream: RingStream) {
    loop {
        let (result, bytes) = stream.read(BytesMut::new()).await;
        match result {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        if stream.write(vec![bytes.freeze()]).await.is_err() {
            return;
        }
    }
}

/// Bytes that differ for each connection and position.
fn pattern(seed: usize, len: usize) -> Vec<u8> {
    (0..len)
        .map(|at| (at.wrapping_mul(31) ^ (at >> 8) ^ seed.wrapping_mul(131)) as u8)
        .collect()
}

#[test]
fn many_connections_get_their_own_bytes_back() {
    with_server(2, echo, |address| {
        let clients: Vec<_> = (0..128)
            .map(|seed| {
                thread::spawn(move || {
                    let sent = pattern(seed, 200_000);
                    let mut stream = TcpStream::connect(address).unwrap();
                    let mut writer = stream.try_clone().unwrap();
                    let copy = sent.clone();
                    let writing = thread::spawn(move || writer.write_all(&copy).unwrap());
                    let mut received = vec![0; sent.len()];
                    stream.read_exact(&mut received).unwrap();
                    writing.join().unwrap();
                    assert!(received == sent, "connection {seed} got other bytes");
                })
            })
            .collect();
        for client in clients {
            client.join().unwrap();
        }
    });
}

#[test]
fn a_slow_reader_gets_a_large_vectored_write_whole() {
    const PARTS: usize = 3000;
    const PART: usize = 5000;
    let serve = |_, stream: RingStream| async move {
        let parts = (0..PARTS).map(|seed| Bytes::from(pattern(seed, PART))).collect();
        stream.write(parts).await.unwrap();
    };
    with_server(1, serve, |address| {
        let mut stream = TcpStream::connect(address).unwrap();
        let mut received = Vec::new();
        let mut piece = vec![0; 100_000];
        loop {
            let read = stream.read(&mut piece).unwrap();
            if read == 0 {
                break;
            }
            received.extend_from_slice(&piece[..read]);
            // Slower than the server, so that its socket fills and sends are short.
            thread::sleep(Duration::from_micros(200));
        }
        let sent: Vec<u8> = (0..PARTS).flat_map(|seed| pattern(seed, PART)).collect();
        assert!(received == sent);
    });
}
