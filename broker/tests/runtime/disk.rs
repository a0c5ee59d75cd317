//! Goal: the disk of a core does what the trait says, on a real file system.

use std::{fs, io::ErrorKind, time::Duration};

use bytes::Bytes;
use corelane_broker::runtime::{GlommioWorld, RingDisk, start, world::World};
use corelane_storage::disk::{BLOCK, Class, Disk, DiskFile, Open, Sync, aligned_zeroed};

use crate::server::{Scratch, options};

/// Runs `test` on one core whose disk is an empty directory.
fn on_disk<Running: Future<Output = ()> + 'static>(
    test: impl Fn(GlommioWorld<()>, RingDisk) -> Running + Clone + Send + 'static,
) {
    let scratch = Scratch::new();
    let node = move |world: GlommioWorld<()>| {
        let disk = world.disk();
        test(world, disk)
    };
    start(options(&scratch, 1), node).unwrap();
}

fn blocks(count: usize, fill: u8) -> Bytes {
    let mut buffer = aligned_zeroed(count * BLOCK);
    buffer.fill(fill);
    Bytes::from_owner(buffer)
}

#[test]
fn written_blocks_are_read_back() {
    on_disk(|_, disk| async move {
        let file = disk.open("journal", Open::New, Class::Journal).await.unwrap();
        file.write_at(0, blocks(1, 1), Sync::Data).await.unwrap();
        file.write_at(BLOCK as u64, blocks(256, 2), Sync::Later).await.unwrap();
        file.flush().await.unwrap();
        assert_eq!(file.size().await.unwrap(), 257 * BLOCK as u64);

        let (read, buffer) = file.read_at(0, aligned_zeroed(2 * BLOCK)).await;
        assert_eq!(read.unwrap(), 2 * BLOCK);
        assert!(buffer[..BLOCK].iter().all(|&byte| byte == 1));
        assert!(buffer[BLOCK..].iter().all(|&byte| byte == 2));

        // Past the end: what is there.
        let (read, _) = file.read_at(256 * BLOCK as u64, aligned_zeroed(8 * BLOCK)).await;
        assert_eq!(read.unwrap(), BLOCK);
        let (read, _) = file.read_at(1000 * BLOCK as u64, aligned_zeroed(BLOCK)).await;
        assert_eq!(read.unwrap(), 0);
    });
}

#[test]
fn many_durable_writes_are_in_flight_at_once() {
    on_disk(|world, disk| async move {
        let file = disk.open("journal", Open::New, Class::Journal).await.unwrap();
        let left = std::rc::Rc::new(std::cell::Cell::new(400));
        for at in 0..400u64 {
            let (file, left) = (file.clone(), left.clone());
            world.spawn("write", async move {
                file.write_at(at * BLOCK as u64, blocks(1, at as u8), Sync::Data)
                    .await
                    .unwrap();
                left.set(left.get() - 1);
            });
        }
        while left.get() > 0 {
            world.sleep(Duration::from_millis(1)).await;
        }
        for at in 0..400u64 {
            let (read, buffer) = file.read_at(at * BLOCK as u64, aligned_zeroed(BLOCK)).await;
            assert_eq!(read.unwrap(), BLOCK);
            assert!(buffer.iter().all(|&byte| byte == at as u8));
        }
    });
}

#[test]
fn allocation_keeps_the_size_and_truncation_sets_it() {
    on_disk(|_, disk| async move {
        let file = disk.open("segment", Open::New, Class::Background).await.unwrap();
        file.allocate(0, 1 << 20).await.unwrap();
        assert_eq!(file.size().await.unwrap(), 0);
        file.write_at(0, blocks(2, 7), Sync::Later).await.unwrap();
        file.truncate(5000).await.unwrap();
        assert_eq!(file.size().await.unwrap(), 5000);
        let (read, buffer) = file.read_at(0, aligned_zeroed(4 * BLOCK)).await;
        assert_eq!(read.unwrap(), 5000);
        assert!(buffer[..5000].iter().all(|&byte| byte == 7));
        file.truncate(1 << 20).await.unwrap();
        assert_eq!(file.size().await.unwrap(), 1 << 20);
    });
}

#[test]
fn names_change_as_told() {
    on_disk(|_, disk| async move {
        assert!(disk.list("").await.unwrap().is_empty(), "the lock file is not data");
        assert_eq!(disk.list("none").await.unwrap_err().kind(), ErrorKind::NotFound);
        disk.create_dir("a/b").await.unwrap();
        disk.create_dir("a/b").await.unwrap();
        disk.open("a/b/two", Open::New, Class::Background).await.unwrap();
        disk.open("a/b/one", Open::New, Class::Background).await.unwrap();
        let again = disk.open("a/b/one", Open::New, Class::Background).await;
        assert_eq!(again.err().unwrap().kind(), ErrorKind::AlreadyExists);
        let absent = disk.open("a/none", Open::Existing, Class::Background).await;
        assert_eq!(absent.err().unwrap().kind(), ErrorKind::NotFound);
        assert_eq!(disk.list("a/b").await.unwrap(), ["one", "two"]);
        disk.rename("a/b/one", "a/three").await.unwrap();
        disk.sync_dir("a").await.unwrap();
        disk.sync_dir("a/b").await.unwrap();
        disk.remove("a/b/two").await.unwrap();
        disk.remove("a/b").await.unwrap();
        assert_eq!(disk.list("a").await.unwrap(), ["three"]);
        disk.write_whole("a/whole", b"text").await.unwrap();
        disk.write_whole("a/whole", b"other text").await.unwrap();
        assert_eq!(disk.list("a").await.unwrap(), ["three", "whole"]);
        assert!(disk.space().await.unwrap().free_bytes > 0);
        for outside in ["../x", "/etc/passwd", "a/../../x"] {
            let refused = disk.open(outside, Open::Existing, Class::Background).await;
            assert_eq!(refused.err().unwrap().kind(), ErrorKind::InvalidInput);
        }
    });
}

#[test]
fn a_dropped_operation_keeps_its_memory_until_the_kernel_is_done() {
    let scratch = Scratch::new();
    let path = scratch.path().join("file");
    start(options(&scratch, 1), |world: GlommioWorld<()>| async move {
        let disk = world.disk();
        let file = disk.open("file", Open::New, Class::Background).await.unwrap();
        file.write_at(0, blocks(64, 9), Sync::Data).await.unwrap();
        for round in 0..200u64 {
            // Polled once, so that it is submitted, and dropped: the write happens all the same, the read is forgotten.
            let write = file.write_at((64 + round) * BLOCK as u64, blocks(1, 9), Sync::Data);
            let read = file.read_at(0, aligned_zeroed(64 * BLOCK));
            futures_lite::future::poll_once(write).await;
            futures_lite::future::poll_once(read).await;
        }
        // No flush waits for writes that nobody waits for, and the end of the core cancels what has not begun.
        loop {
            let (read, content) = file.read_at(0, aligned_zeroed(264 * BLOCK)).await;
            if read.unwrap() == 264 * BLOCK && content.iter().all(|&byte| byte == 9) {
                break;
            }
        }
        // And some that are in flight at the end of the core.
        futures_lite::future::poll_once(file.read_at(0, aligned_zeroed(64 * BLOCK))).await;
    })
    .unwrap();
    let content = fs::read(path).unwrap();
    assert_eq!(content.len(), 264 * BLOCK);
    assert!(content.iter().all(|&byte| byte == 9));
}
