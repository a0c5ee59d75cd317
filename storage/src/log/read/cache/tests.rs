//! Scripts against the plan, and the cache on a simulated disk.

use std::fmt::Write;

use bytes::Bytes;
use futures_lite::future::block_on;

use super::{
    super::super::{FileId, Segment, SegmentFile},
    CHUNK_BYTES, ChunkKey, FileKey, ReadCache,
    ahead::Plan,
};
use crate::{
    disk::{Class, Disk, DiskFile, Open, Sync, aligned_zeroed},
    sim_disk::{Fault, Operation, SimDisk, SimFile},
    store::LogId,
};

fn key(file: u64) -> FileKey {
    FileKey {
        log: LogId(1),
        file: FileId(file),
    }
}

/// One command a line: `read FILE FIRST LAST` says what is read ahead, `keep FILE NUMBER` what made room for it, `used FILE
/// NUMBER` nothing; `forget FILE`.
fn script(chunks_max: usize, lines: &str) -> String {
    let mut plan = Plan::new(chunks_max);
    let mut out = String::new();
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let number = |at: usize| words[at].parse::<u64>().expect("a number");
        let chunk = || ChunkKey {
            file: key(number(1)),
            number: number(2),
        };
        let said = match words[0] {
            "read" => format!("ahead {}", plan.on_read(key(number(1)), number(2), number(3))),
            "keep" => match plan.keep(chunk()) {
                None => "no room".to_string(),
                Some(None) => "kept".to_string(),
                Some(Some(gone)) => format!("instead of {} {}", gone.file.file.0, gone.number),
            },
            "used" => {
                plan.used(chunk());
                continue;
            }
            "forget" => {
                plan.forget(key(number(1)));
                continue;
            }
            _ => panic!("no such command: {line}"),
        };
        writeln!(out, "{line}: {said}").expect("to memory");
    }
    out
}

/// Goal: who goes on gets more and more, who jumps gets nothing, and several share.
#[test]
fn readers_that_go_on_are_read_ahead() {
    let said = script(
        64,
        "read 1 7 8
         read 1 9 9
         read 1 9 10
         read 1 11 12
         read 1 13 14
         read 1 30 30
         read 2 0 1
         read 2 2 3
         read 1 15 16",
    );
    assert_eq!(
        said,
        "read 1 7 8: ahead 0\n\
         read 1 9 9: ahead 2\n\
         read 1 9 10: ahead 4\n\
         read 1 11 12: ahead 4\n\
         read 1 13 14: ahead 4\n\
         read 1 30 30: ahead 0\n\
         read 2 0 1: ahead 2\n\
         read 2 2 3: ahead 4\n\
         read 1 15 16: ahead 4\n"
    );
    // More readers than there is room for: each gets its share, which may be nothing.
    let mut plan = Plan::new(16);
    let shares: Vec<u64> = (0..10).map(|file| plan.on_read(key(file), 0, 0)).collect();
    assert_eq!(shares, [2, 2, 2, 2, 1, 1, 1, 1, 0, 0]);
}

/// Goal: what waits for its reader stays, what was used goes first, the oldest before others; a reader that is gone holds
/// nothing for ever.
#[test]
fn what_was_used_makes_room() {
    let said = script(
        3,
        "keep 1 0
         keep 1 1
         keep 1 2
         keep 1 3
         used 1 1
         used 1 0
         keep 1 3
         keep 1 4
         keep 1 5
         forget 1
         keep 2 0",
    );
    assert_eq!(
        said,
        "keep 1 0: kept\n\
         keep 1 1: kept\n\
         keep 1 2: kept\n\
         keep 1 3: no room\n\
         keep 1 3: instead of 1 1\n\
         keep 1 4: instead of 1 0\n\
         keep 1 5: no room\n\
         keep 2 0: kept\n"
    );
    let used = "used 9 9\n".repeat(13);
    let said = script(3, &format!("keep 1 0\nkeep 1 1\nkeep 1 2\nkeep 2 0\n{used}keep 2 0"));
    assert!(
        said.ends_with("keep 2 0: no room\nkeep 2 0: instead of 1 0\n"),
        "{said}"
    );
}

/// A file of `chunks` chunks and a bit, each filled with its number.
fn file_of(disk: &SimDisk, segment: &Segment, chunks: u64) -> (SegmentFile, u64) {
    let name = SegmentFile::new("log".to_string(), segment);
    block_on(async {
        disk.create_dir("log").await.expect("made");
        let file = disk
            .open(&name.log_path(), Open::New, Class::Background)
            .await
            .expect("new");
        for number in 0..=chunks {
            let len = if number == chunks { 4096 } else { CHUNK_BYTES };
            let mut bytes = aligned_zeroed(len);
            bytes.fill(number as u8 + 1);
            let position = number * CHUNK_BYTES as u64;
            file.write_at(position, Bytes::from_owner(bytes), Sync::Later)
                .await
                .expect("written");
        }
    });
    (name, chunks * CHUNK_BYTES as u64 + 100)
}

fn chunk(cache: &ReadCache<SimFile>, file: &SimFile, number: u64, end: u64) -> Bytes {
    block_on(cache.chunk(file, key(1), number, end)).expect("readable")
}

/// Goal: each byte is read from the disk once, ahead of who goes on; a file that grew is read again where it grew.
#[test]
fn a_file_is_read_once() {
    let disk = SimDisk::new();
    let (name, end) = file_of(&disk, &Segment::new(FileId(1), 0, 0), 5);
    let cache = ReadCache::new(2);
    let file = block_on(cache.open(&disk, key(1), &name)).expect("opens");
    let before = disk.count(Operation::Read);
    let reads = || disk.count(Operation::Read) - before;
    cache.begin(&file, key(1), 0, 1, end);
    assert_eq!(reads(), 3, "the first and two ahead");
    for number in 0..5 {
        let bytes = chunk(&cache, &file, number, end);
        assert_eq!(
            (bytes.len(), bytes[0], bytes[CHUNK_BYTES - 1]),
            (CHUNK_BYTES, number as u8 + 1, number as u8 + 1)
        );
        let next = (number + 1) * CHUNK_BYTES as u64;
        cache.begin(&file, key(1), next, next + 1, end);
    }
    assert_eq!(chunk(&cache, &file, 5, end).len(), 100);
    assert_eq!(reads(), 6);
    assert_eq!(chunk(&cache, &file, 5, end + 50).len(), 150);
    assert_eq!(chunk(&cache, &file, 5, end).len(), 150, "more than was asked for");
    assert_eq!(reads(), 7);
    let open = || disk.count(Operation::Open);
    let opened = open();
    block_on(cache.open(&disk, key(1), &name)).expect("open");
    assert_eq!(open(), opened);
}

/// Goal: what was removed is forgotten, file and chunks; what could not be read is read again.
#[test]
fn what_is_gone_or_failed_is_not_kept() {
    let disk = SimDisk::new();
    let (name, end) = file_of(&disk, &Segment::new(FileId(1), 0, 0), 1);
    let cache = ReadCache::new(2);
    let file = block_on(cache.open(&disk, key(1), &name)).expect("opens");
    disk.fail(Operation::Read, 1, false, Fault::Error);
    assert!(block_on(cache.chunk(&file, key(1), 0, end)).is_err());
    assert_eq!(chunk(&cache, &file, 0, end)[0], 1);
    cache.forget_chunks(key(1));
    disk.fail(Operation::Read, 2, false, Fault::Error);
    cache.begin(&file, key(1), 0, 1, end);
    assert_eq!(
        chunk(&cache, &file, 1, end)[0],
        2,
        "nobody had asked for it when it failed"
    );
    let beyond = block_on(cache.chunk(&file, key(1), 1, end + 8192));
    assert_eq!(
        beyond.err().map(|error| error.kind()),
        Some(std::io::ErrorKind::UnexpectedEof)
    );
    block_on(disk.remove(&name.log_path())).expect("removed");
    cache.removed(&[name.log_path()]);
    let opened = block_on(cache.open(&disk, key(1), &name));
    assert_eq!(
        opened.err().map(|error| error.kind()),
        Some(std::io::ErrorKind::NotFound)
    );
    assert!(cache.chunks.borrow().is_empty());
}
