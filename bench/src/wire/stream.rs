//! One socket that never blocks: frames out, frames in.

use std::{
    collections::VecDeque,
    io::{self, ErrorKind, IoSlice, Read, Write},
    net::TcpStream,
    os::fd::{AsFd, BorrowedFd},
};

use bytes::{Buf, Bytes};
use corelane_protocol::frame;

use super::ANSWER_BYTES_MAX;

/// Room to read into at first, in bytes; it grows to the largest frame.
const ROOM_BYTES: usize = 64 << 10;
/// Pieces that one system call sends.
const PIECES_MAX: usize = 64;

pub struct Stream {
    socket: TcpStream,
    unsent: VecDeque<Bytes>,
    /// Bytes from outside lie in `room[begin..end]`; at most one frame of them is incomplete.
    room: Vec<u8>,
    begin: usize,
    end: usize,
}

impl Stream {
    /// # Errors
    /// When nobody listens there.
    pub fn open(address: &str) -> io::Result<Stream> {
        let socket = TcpStream::connect(address)
            .map_err(|error| io::Error::new(error.kind(), format!("cannot connect to {address}: {error}")))?;
        Stream::new(socket)
    }

    pub fn new(socket: TcpStream) -> io::Result<Stream> {
        socket.set_nodelay(true)?;
        socket.set_nonblocking(true)?;
        Ok(Stream {
            socket,
            unsent: VecDeque::new(),
            room: vec![0; ROOM_BYTES],
            begin: 0,
            end: 0,
        })
    }

    /// Queues a frame; [`Stream::flush`] sends it.
    pub fn push(&mut self, pieces: impl IntoIterator<Item = Bytes>) {
        self.unsent.extend(pieces);
    }

    pub fn has_unsent(&self) -> bool {
        !self.unsent.is_empty()
    }

    /// Sends as much as the socket takes.
    pub fn flush(&mut self) -> io::Result<()> {
        while !self.unsent.is_empty() {
            let mut slices = [IoSlice::new(&[]); PIECES_MAX];
            let count = self.unsent.len().min(PIECES_MAX);
            for (slice, piece) in slices.iter_mut().zip(&self.unsent) {
                *slice = IoSlice::new(piece);
            }
            let sent = match self.socket.write_vectored(&slices[..count]) {
                Ok(sent) => sent,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            self.forget(sent);
        }
        Ok(())
    }

    fn forget(&mut self, mut sent: usize) {
        while let Some(piece) = self.unsent.front_mut() {
            if sent < piece.len() {
                piece.advance(sent);
                return;
            }
            sent -= piece.len();
            self.unsent.pop_front();
        }
    }

    /// Reads once and hands each whole frame, without its length, to `take`.
    ///
    /// # Errors
    /// When the other side has closed, sends what is no frame, or `take` says so.
    pub fn receive(&mut self, mut take: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        let got = match self.socket.read(&mut self.room[self.end..]) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(got) => got,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => return Ok(()),
            Err(error) => return Err(error),
        };
        self.end += got;
        loop {
            let received = &self.room[self.begin..self.end];
            let Some(body) = frame::body_bytes(received, ANSWER_BYTES_MAX).map_err(io::Error::other)? else {
                self.make_room(frame::PREFIX_BYTES);
                return Ok(());
            };
            let whole = frame::PREFIX_BYTES + body;
            let Some(whole_frame) = received.get(..whole) else {
                self.make_room(whole);
                return Ok(());
            };
            take(&whole_frame[frame::PREFIX_BYTES..])?;
            self.begin += whole;
        }
    }

    /// So that the frame that has begun fits, and something is read next time.
    fn make_room(&mut self, whole: usize) {
        if self.begin == self.end {
            (self.begin, self.end) = (0, 0);
        } else if self.begin + whole > self.room.len() {
            self.room.copy_within(self.begin..self.end, 0);
            (self.begin, self.end) = (0, self.end - self.begin);
        }
        if whole > self.room.len() {
            self.room.resize(whole.next_multiple_of(ROOM_BYTES), 0);
        }
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, thread};

    use super::*;

    /// Goal: frames arrive whole and in order, however they are cut on the way, and one larger than the room as well.
    #[test]
    fn frames_survive_cuts() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let lengths = [1, 70_000, 0, 65_532, 3, 200_000, 65_536];
        let writer = thread::spawn(move || {
            let (mut socket, _) = listener.accept().unwrap();
            let mut bytes = Vec::new();
            for (index, length) in lengths.into_iter().enumerate() {
                bytes.extend_from_slice(&(length as i32).to_be_bytes());
                bytes.resize(bytes.len() + length, index as u8);
            }
            for piece in bytes.chunks(30_001) {
                socket.write_all(piece).unwrap();
            }
        });
        let mut stream = Stream::open(&address).unwrap();
        let mut seen = Vec::new();
        while seen.len() < lengths.len() {
            let took = stream.receive(|frame| {
                assert!(frame.iter().all(|byte| usize::from(*byte) == seen.len()));
                seen.push(frame.len());
                Ok(())
            });
            assert!(took.is_ok() || seen.len() == lengths.len(), "{took:?}");
        }
        assert_eq!(seen, lengths);
        writer.join().unwrap();
    }
}
