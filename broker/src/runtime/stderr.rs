//! The way of the log out of the process. Nobody waits for whoever reads it: a pipe that is full, or a terminal that was
//! stopped, holds up neither a core nor the end of the process.
//!
//! Lines go through a bounded queue to a thread of their own. A line that finds no room is dropped and counted, and the count
//! is told with the next line that is written. That nobody reads any more (`EPIPE`) is no error.
#![allow(unsafe_code)]

use std::{
    backtrace::Backtrace,
    io::{self, Write},
    mem, panic, ptr,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
    time::Duration,
};

/// Lines that wait to be written.
const LINES_MAX: usize = 2048;
/// How long the process waits for its last words to be written.
const LAST_WORDS_WAIT: Duration = Duration::from_secs(1);

static QUEUE: OnceLock<SyncSender<Item>> = OnceLock::new();
static DROPPED: AtomicU64 = AtomicU64::new(0);

enum Item {
    Line(Vec<u8>),
    /// All before it is written.
    Flush(SyncSender<()>),
}

/// Writes whole lines, without ever waiting.
#[derive(Clone, Copy, Debug)]
pub struct Stderr;

impl Write for Stderr {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if queue().try_send(Item::Line(line.to_vec())).is_err() {
            DROPPED.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Says something before the process ends, after all that was said before; waits for it, but not for long.
pub fn say_last(line: &str) {
    let (written, heard) = sync_channel(1);
    let _ = queue().try_send(Item::Line(line.as_bytes().to_vec()));
    let _ = queue().try_send(Item::Flush(written));
    // Also over at once if there was no room: then nobody reads.
    let _ = heard.recv_timeout(LAST_WORDS_WAIT);
}

/// What a panic says goes the same way; the standard library would wait for its reader.
pub fn say_panics() {
    panic::set_hook(Box::new(|panicked| {
        let line = format!("{panicked}\n{}\n", Backtrace::capture());
        let _ = Stderr.write_all(line.as_bytes());
    }));
}

fn queue() -> &'static SyncSender<Item> {
    QUEUE.get_or_init(|| {
        let (sender, receiver) = sync_channel(LINES_MAX);
        // Without a thread the lines are dropped; whoever cannot start one will hear of it elsewhere.
        let _ = thread::Builder::new()
            .name("corelane-log".to_owned())
            .spawn(move || write_all(&receiver));
        sender
    })
}

fn write_all(items: &Receiver<Item>) {
    block_signals();
    for item in items {
        match item {
            Item::Line(line) => {
                let _ = io::stderr().write_all(&line);
                match DROPPED.swap(0, Ordering::Relaxed) {
                    0 => {}
                    dropped => {
                        let _ = writeln!(
                            io::stderr(),
                            "corelane: {dropped} lines of the log were not read in time and are lost"
                        );
                    }
                }
            }
            Item::Flush(written) => {
                let _ = written.try_send(());
            }
        }
    }
}

/// This thread may start before signals are blocked for all, and must not be the one that takes them.
fn block_signals() {
    // SAFETY: the set is initialised by sigfillset before use; the pointer is to a live local.
    unsafe {
        let mut set = mem::zeroed();
        libc::sigfillset(&mut set);
        libc::pthread_sigmask(libc::SIG_BLOCK, &set, ptr::null_mut());
    }
}
