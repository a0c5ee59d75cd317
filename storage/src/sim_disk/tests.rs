use bytes::Bytes;
use futures_lite::future::block_on;

use super::{Fault, Operation, Persist, SimDisk};
use crate::disk::{BLOCK, Class, Disk, DiskFile, Open, Sync, aligned_zeroed};

fn block(fill: u8) -> Bytes {
    let mut buffer = aligned_zeroed(BLOCK);
    buffer.fill(fill);
    Bytes::from_owner(buffer)
}

async fn new_file(disk: &SimDisk) -> super::SimFile {
    disk.create_dir("a").await.unwrap();
    disk.sync_dir("").await.unwrap();
    let file = disk.open("a/f", Open::New, Class::Journal).await.unwrap();
    file.write_at(0, block(1), Sync::Data).await.unwrap();
    disk.sync_dir("a").await.unwrap();
    file
}

/// Goal: a write lasts only by a flush, a name only by a directory sync.
#[test]
fn nothing_lasts_by_itself() {
    block_on(async {
        let disk = SimDisk::new();
        let file = new_file(&disk).await;
        file.write_at(0, block(2), Sync::Later).await.unwrap();
        file.write_at(4096, block(3), Sync::Later).await.unwrap();
        assert_eq!(disk.pending_sectors(), 2);
        assert_eq!(disk.after_crash(Persist::None).content("a/f").unwrap(), vec![1; 4096]);
        assert_eq!(disk.after_crash(Persist::All).content("a/f").unwrap()[4096], 3);
        assert_eq!(disk.after_crash(Persist::AllBut(0)).content("a/f").unwrap()[0], 1);
        file.flush().await.unwrap();
        assert_eq!(disk.after_crash(Persist::None).content("a/f").unwrap()[4096], 3);

        disk.rename("a/f", "a/g").await.unwrap();
        assert!(disk.after_crash(Persist::None).content("a/f").is_some());
        assert!(disk.after_crash(Persist::All).content("a/g").is_some());
        disk.sync_dir("a").await.unwrap();
        assert!(disk.after_crash(Persist::None).content("a/f").is_none());
    });
}

/// Goal: seeded crashes are repeatable, and tear.
#[test]
fn seeded_crashes_repeat() {
    block_on(async {
        let disk = SimDisk::new();
        let file = new_file(&disk).await;
        for sector in 0..8 {
            file.write_at(sector * 4096, block(7), Sync::Later).await.unwrap();
        }
        let mut torn = 0;
        for seed in 0..20 {
            let first = disk.after_crash(Persist::Seeded(seed)).content("a/f");
            assert_eq!(first, disk.after_crash(Persist::Seeded(seed)).content("a/f"));
            torn += first
                .unwrap()
                .chunks(4096)
                .filter(|c| c.contains(&7) && !c.iter().all(|b| *b == 7))
                .count();
        }
        assert!(torn > 0);
    });
}

/// Goal: each fault does what its name says.
#[test]
fn faults() {
    block_on(async {
        let disk = SimDisk::new();
        let file = new_file(&disk).await;
        disk.fail(Operation::Write, 2, false, Fault::Error);
        file.write_at(0, block(2), Sync::Later).await.unwrap();
        assert_eq!(
            file.write_at(0, block(3), Sync::Later)
                .await
                .unwrap_err()
                .raw_os_error(),
            Some(5)
        );
        file.write_at(0, block(4), Sync::Later).await.unwrap();
        disk.lie_about_flushes(true);
        file.flush().await.unwrap();
        assert_eq!(disk.after_crash(Persist::None).content("a/f").unwrap()[0], 1);
        disk.heal();
        file.flush().await.unwrap();
        disk.fail(
            Operation::Write,
            1,
            false,
            Fault::Misdirected {
                path: "a/f".into(),
                position: 8192,
            },
        );
        file.write_at(0, block(9), Sync::Data).await.unwrap();
        let content = disk.after_crash(Persist::None).content("a/f").unwrap();
        assert_eq!((content[0], content[8192]), (4, 9));
        disk.set_capacity(12288);
        assert_eq!(
            file.write_at(12288, block(1), Sync::Later)
                .await
                .unwrap_err()
                .raw_os_error(),
            Some(28)
        );
        disk.make_unreadable("a/f", 0);
        assert!(file.read_at(0, aligned_zeroed(4096)).await.0.is_err());
        file.write_at(0, block(5), Sync::Later).await.unwrap();
        assert_eq!(file.read_at(0, aligned_zeroed(4096)).await.0.unwrap(), 4096);
    });
}

/// Goal: after the boundary of the crash nothing has an effect.
#[test]
fn power_loss_stops_everything() {
    block_on(async {
        let disk = SimDisk::new();
        let file = new_file(&disk).await;
        disk.crash_at(disk.boundaries() + 2);
        assert!(file.write_at(0, block(6), Sync::Data).await.is_err());
        assert!(file.flush().await.is_err());
        assert_eq!(disk.after_crash(Persist::None).content("a/f").unwrap()[0], 1);
        assert_eq!(disk.after_crash(Persist::All).content("a/f").unwrap()[0], 6);
    });
}
