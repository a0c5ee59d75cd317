//! Goal: bytes go through connections whole and in order, whatever their number, size and speed.

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::LazyLock,
    thread,
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use corelane_broker::runtime::{
    GlommioWorld, RingStream,
    world::{Stream, World},
};

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
        let parts: Vec<Bytes> = (0..PARTS).map(|seed| Bytes::from(pattern(seed, PART))).collect();
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

#[test]
fn a_peer_that_is_not_read_is_held_back() {
    let serve = |world: GlommioWorld<()>, stream: RingStream| async move {
        // One small read, then none until the client says so on another connection.
        let (first, bytes) = stream.read(BytesMut::new()).await;
        first.unwrap();
        if &bytes[..4] == b"hold" {
            world.sleep(Duration::from_millis(700)).await;
            let mut received = bytes.len();
            loop {
                let (read, bytes) = stream.read(BytesMut::new()).await;
                // What waits unread is bounded: the limit, and what was on its way when it was reached.
                assert!(bytes.len() <= (256 << 10) + 256 * (16 << 10));
                match read.unwrap() {
                    0 => break,
                    read => received += read,
                }
            }
            stream.write(vec![Bytes::from(received.to_string())]).await.unwrap();
        }
    };
    with_server(1, serve, |address| {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(b"hold").unwrap();
        stream.set_nonblocking(true).unwrap();
        let piece = vec![1; 1 << 20];
        let mut sent = 4;
        let begin = std::time::Instant::now();
        // Everything that the server takes before it reads.
        while begin.elapsed() < Duration::from_millis(400) {
            match stream.write(&piece) {
                Ok(more) => sent += more,
                Err(_) => thread::sleep(Duration::from_millis(5)),
            }
        }
        assert!(sent < 64 << 20, "nothing holds the peer back: {sent} bytes");
        stream.set_nonblocking(false).unwrap();
        stream.write_all(&piece).unwrap();
        sent += piece.len();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert_eq!(answer, sent.to_string());
    });
}

/// More than fits into the buffers of a connection.
fn large() -> Bytes {
    static LARGE: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(vec![1; 32 << 20]));
    LARGE.clone()
}

#[test]
fn connections_may_go_away_at_any_time() {
    let serve = |world: GlommioWorld<()>, stream: RingStream| async move {
        let (read, bytes) = stream.read(BytesMut::new()).await;
        if !matches!(read, Ok(1..)) {
            return;
        }
        match bytes[0] % 5 {
            // Dropped while a receive is armed.
            0 => {}
            // Dropped while a send that nobody takes is in flight.
            1 => {
                let large = large();
                futures_lite::future::poll_once(stream.write(vec![large])).await;
            }
            // A reader and a writer on clones, ended by a shutdown in between.
            2 => {
                let (reader, writer) = (stream.clone(), stream.clone());
                world.spawn("reader", async move {
                    // The peer may be faster than the shutdown.
                    while let (Ok(1..), _) = reader.read(BytesMut::new()).await {}
                });
                world.spawn("writer", async move {
                    let large = large();
                    assert!(writer.write(vec![large]).await.is_err());
                });
                world.yield_now().await;
                stream.shutdown();
            }
            // A read that is dropped loses nothing.
            3 => {
                let first = stream.read(BytesMut::from(&b"own"[..]));
                if futures_lite::future::poll_once(first).await.is_some() {
                    return;
                }
                let (read, bytes) = stream.read(BytesMut::new()).await;
                assert!(!matches!(read, Ok(1..)) || bytes[..] == b"more"[..bytes.len()]);
            }
            // The peer is gone in the middle of a write.
            _ => {
                let large = large();
                let _ = stream.write(vec![large]).await;
            }
        }
    };
    with_server(2, serve, |address| {
        let clients: Vec<_> = (0..8)
            .map(|client| {
                thread::spawn(move || {
                    for round in 0..60u8 {
                        let mut stream = TcpStream::connect(address).unwrap();
                        // Some of them are waited for by the server too.
                        stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
                        let _ = stream.write_all(&[round + client]);
                        thread::sleep(Duration::from_micros(u64::from(round % 4) * 100));
                        let _ = stream.write_all(b"more");
                        if round % 2 == 0 {
                            let _ = stream.read(&mut [0; 100]);
                        }
                    }
                })
            })
            .collect();
        for client in clients {
            client.join().unwrap();
        }
        // And the cores still serve.
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(&[4]).unwrap();
        let mut received = Vec::new();
        stream.read_to_end(&mut received).unwrap();
        assert_eq!(received.len(), large().len());
    });
}

#[test]
fn a_read_keeps_what_the_reader_has() {
    let serve = |_, stream: RingStream| async move {
        let mut have = BytesMut::from(&b">"[..]);
        loop {
            let before = have.len();
            let (read, bytes) = stream.read(have).await;
            have = bytes;
            let read = read.unwrap();
            assert_eq!(have.len(), before + read);
            if read == 0 {
                break;
            }
        }
        stream
            .write(vec![have.freeze(), Bytes::new(), Bytes::from_static(b"<")])
            .await
            .unwrap();
    };
    with_server(1, serve, |address| {
        let mut stream = TcpStream::connect(address).unwrap();
        for piece in pattern(3, 3000).chunks(1000) {
            stream.write_all(piece).unwrap();
            thread::sleep(Duration::from_millis(10));
        }
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut received = Vec::new();
        stream.read_to_end(&mut received).unwrap();
        assert_eq!(received, [b">", &pattern(3, 3000)[..], b"<"].concat());
    });
}

/// A length, and that many bytes.
fn frame(seed: usize, len: usize) -> Vec<u8> {
    [&(len as u32).to_be_bytes()[..], &pattern(seed, len)].concat()
}

/// Gives every frame back. Of a large one it knows what is to come, and now and then it gives up waiting for that.
async fn echo_frames(_: GlommioWorld<()>, stream: RingStream) {
    let mut have = BytesMut::new();
    for turn in 0.. {
        loop {
            let whole = have
                .first_chunk()
                .map(|prefix| 4 + u32::from_be_bytes(*prefix) as usize);
            let rest = whole.map_or(0, |whole| whole.saturating_sub(have.len()));
            if whole.is_some() && rest == 0 {
                break;
            }
            if rest > 1000 && turn % 3 == 1 {
                let given_up = stream.fill(BytesMut::from(&b"own"[..]), rest);
                if let Some((read, bytes)) = futures_lite::future::poll_once(given_up).await {
                    assert_eq!(read.unwrap(), bytes.len() - 3);
                    have.extend_from_slice(&bytes[3..]);
                    continue;
                }
            }
            let before = have.len();
            let (read, bytes) = match rest {
                1001.. => stream.fill(have, rest.min(100_000)).await,
                _ => stream.read(have).await,
            };
            have = bytes;
            match read {
                Ok(0) | Err(_) => return,
                Ok(read) => assert_eq!(have.len(), before + read),
            }
        }
        let whole = 4 + u32::from_be_bytes(*have.first_chunk().unwrap()) as usize;
        if stream.write(vec![have.split_to(whole).freeze()]).await.is_err() {
            return;
        }
    }
}

/// Goal: what is received straight into a reader's memory is whole and in order, between small frames that land first, with readers
/// that give up and peers that go away.
#[test]
fn frames_of_known_length_arrive_whole() {
    const LENGTHS: [usize; 9] = [10, 700_000, 300_000, 0, 5000, 1 << 20, 1001, 70, 200_000];
    with_server(2, echo_frames, |address| {
        let clients: Vec<_> = (0..16)
            .map(|client| {
                thread::spawn(move || {
                    let frames = LENGTHS.iter().cycle().skip(client).take(20).enumerate();
                    let sent = frames
                        .flat_map(|(seed, len)| frame(client + seed, *len))
                        .collect::<Vec<_>>();
                    let mut stream = TcpStream::connect(address).unwrap();
                    let mut writer = stream.try_clone().unwrap();
                    let copy = sent.clone();
                    let writing = thread::spawn(move || {
                        for piece in copy.chunks(50_000 + 7001 * client) {
                            writer.write_all(piece).unwrap();
                            thread::yield_now();
                        }
                        // And a frame of which the end never comes.
                        let _ = writer.write_all(&frame(client, 400_000)[..100_000 * (client % 4)]);
                    });
                    let mut received = vec![0; sent.len()];
                    stream.read_exact(&mut received).unwrap();
                    writing.join().unwrap();
                    assert!(received == sent, "connection {client} got other bytes");
                })
            })
            .collect();
        for client in clients {
            client.join().unwrap();
        }
    });
}
