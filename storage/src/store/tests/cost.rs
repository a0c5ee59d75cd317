//! What an append costs the core, without the disk. Run by hand:
//! `cargo test --release -p corelane-storage append_cost -- --ignored --nocapture`

use std::time::Instant;

use super::harness::{options, run, wish};
use crate::{LogConfig, LogSpec, Rules, Store, open_data_dir, sim_disk::SimDisk};

#[test]
#[ignore = "a measurement"]
fn append_cost() {
    let disk = SimDisk::new();
    let mut options = options(&Rules::production(), 1);
    (options.journal_file_bytes, options.journal_files) = (16 << 20, 16);
    (options.frame_bytes_max, options.tail_bytes_max) = (1 << 20, 1 << 30);
    let store = run(async {
        let identity = open_data_dir(&disk, wish()).await.expect("opens");
        Store::open(disk.clone(), &identity, 0, options).await.expect("opens")
    });
    let spec = |partition| LogSpec {
        topic_id: uuid::Uuid::from_u128(1),
        topic: "orders".into(),
        partition,
    };
    let logs: Vec<_> = (0..1000)
        .map(|partition| store.create(spec(partition), LogConfig::default()))
        .collect();
    run(store.commit()).expect("commits");
    let batch = {
        let mut builder = corelane_protocol::records::Builder::new();
        builder.push(1, None, Some(&[7; 960]));
        builder.build()
    };
    let (mut append_ns, mut appends, mut commit_ns, mut commits) = (0, 0u64, 0, 0u64);
    for round in 0..400 {
        let began = Instant::now();
        for id in logs.iter().cycle().skip(round * 256 % 1000).take(256) {
            let end = store.end_offset(*id).expect("exists");
            store.append(*id, &batch, end, 1, None).expect("takes it");
            appends += 1;
        }
        append_ns += began.elapsed().as_nanos();
        let began = Instant::now();
        run(store.commit()).expect("commits");
        commit_ns += began.elapsed().as_nanos();
        commits += 1;
    }
    println!(
        "{} bytes: {} ns an append, {} ns a commit of 256 (simulated disk included)",
        batch.len(),
        append_ns / u128::from(appends),
        commit_ns / u128::from(commits)
    );
}
