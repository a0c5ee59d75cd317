//! Segment files for Kafka's own tool to judge. By hand: `CORELANE_DUMP_DIR=/some/dir cargo test -p corelane-storage
//! kafka_tools -- --ignored`, then `kafka-dump-log.sh --files` with each of the files.

use corelane_protocol::records::{Builder, Compression, ControlRecord, EndTransactionMarker};

use super::{super::*, harness::Harness};

#[test]
#[ignore = "writes files for kafka-dump-log.sh"]
fn segments_for_kafka_dump_log() {
    let directory = std::env::var("CORELANE_DUMP_DIR").expect("CORELANE_DUMP_DIR");
    let mut harness = Harness::new(LogConfig {
        segment_bytes: 300_000,
        ..LogConfig::default()
    });
    let mut sequence = 0;
    for number in 0..400i64 {
        let base_offset = harness.log.end_offset();
        let epoch = (number / 100) as i32;
        let builder = Builder::new()
            .base_offset(base_offset)
            .leader_epoch(epoch)
            .compression(Compression::ALL[number as usize % 5]);
        let mut builder = builder.producer(9, 1, sequence).transactional(true);
        for record in 0..5 {
            let time = 1_700_000_000_000 + number * 10 + record;
            let value: Vec<u8> = (0..2000).map(|at| (at * number % 251) as u8).collect();
            builder.push_with_headers(time, Some(b"key"), Some(&value), &[(b"h", Some(b"v"))]);
        }
        sequence += 5;
        harness.append(&builder.build());
        if number % 10 == 9 {
            let marker = ControlRecord::Commit(EndTransactionMarker { coordinator_epoch: 2 });
            let base_offset = harness.log.end_offset();
            let mut builder = Builder::new()
                .base_offset(base_offset)
                .leader_epoch(epoch)
                .producer(9, 1, -1);
            builder.push_control(1_700_000_000_000 + number * 10 + 5, marker);
            harness.append(&builder.transactional(true).build());
        }
        harness.commit();
        while harness.write_out(256 << 10) {}
    }
    for (path, _) in harness.disk.files() {
        let target = std::path::Path::new(&directory).join(&path);
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::write(target, harness.disk.content(&path).unwrap()).unwrap();
    }
}
