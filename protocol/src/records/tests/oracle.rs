//! An independent codec reads what we write and the reverse, with all of the codecs.

use bytes::BytesMut;
use kafka_protocol::protocol::StrBytes;
use kafka_protocol::records as theirs;

use super::*;

fn their_codec(codec: Compression) -> theirs::Compression {
    match codec {
        Compression::None => theirs::Compression::None,
        Compression::Gzip => theirs::Compression::Gzip,
        Compression::Snappy => theirs::Compression::Snappy,
        Compression::Lz4 => theirs::Compression::Lz4,
        Compression::Zstd => theirs::Compression::Zstd,
    }
}

fn to_theirs(record: &Record, base_offset: i64) -> theirs::Record {
    let header = |h: &Header| (StrBytes::try_from(h.key.clone()).unwrap(), h.value.clone());
    theirs::Record {
        transactional: true,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: 3,
        producer_id: 9,
        producer_epoch: 2,
        timestamp_type: theirs::TimestampType::Creation,
        offset: record.offset,
        sequence: 1000 + (record.offset - base_offset) as i32,
        timestamp: record.timestamp,
        key: record.key.clone(),
        value: record.value.clone(),
        headers: record.headers.iter().map(header).collect(),
    }
}

#[test]
fn both_directions() {
    let mut random = Random(5);
    for case in 0..200 {
        let codec = Compression::ALL[case % 5];
        let base_offset = random.below(1 << 40) as i64;
        let count = 1 + random.below(10);
        let records = random_records(&mut random, base_offset, count);
        let expected: Vec<_> = records.iter().map(|record| to_theirs(record, base_offset)).collect();

        let ours = Builder::new()
            .base_offset(base_offset)
            .leader_epoch(3)
            .producer(9, 2, 1000)
            .transactional(true);
        let mut batch = build(ours.compression(codec), &records);
        let set = theirs::RecordBatchDecoder::decode(&mut batch).unwrap();
        assert_eq!(set.records, expected, "they read what we wrote, {}", codec.name());

        let mut batch = BytesMut::new();
        let options = theirs::RecordEncodeOptions {
            version: 2,
            compression: their_codec(codec),
        };
        theirs::RecordBatchEncoder::encode(&mut batch, &expected, &options).unwrap();
        let header = verify(&batch, &Limits::replication()).unwrap().header;
        assert_eq!(collect(&batch), records, "we read what they wrote, {}", codec.name());
        assert_eq!(
            (header.producer_id, header.producer_epoch, header.base_sequence),
            (9, 2, 1000)
        );
        assert!(header.is_transactional());
    }
}
