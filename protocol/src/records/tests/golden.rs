//! Bytes derived by hand from the format's description. If one of these changes, every log on every disk does.

use super::*;

const TIME: i64 = 1_700_000_000_000;

/// One record "key" => "value", as a producer without idempotence sends it.
const PLAIN: &str = "000000000000000000000040ffffffff02db5e9cdd0000000000000000018bcfe568000000018bcfe56800\
                     ffffffffffffffffffffffffffff000000011c000000066b65790a76616c756500";

/// Three records at offsets 42 to 44 of producer 4711, epoch 3, sequence 9, in a transaction: null keys and values,
/// empty ones, headers with and without value, a time before the first.
const TRANSACTIONAL: &str = "000000000000002a000000500000000702faa4f3630010000000020000018bcfe568000000018bcfe5692c\
                             0000000000001267000300000009000000031c0000000102610402680278026e011000d80402026b01000c\
                             000904000000";

/// A commit marker of coordinator epoch 5 at offset 100.
const COMMIT: &str = "00000000000000640000004200000001027b4425550030000000000000018bcfe568000000018bcfe56800\
                      00000000000012670003ffffffff000000012000000008000000010c00000000000500";

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

#[test]
fn plain() {
    let mut builder = Builder::new();
    builder.push(TIME, Some(b"key"), Some(b"value"));
    assert_eq!(builder.build(), bytes(PLAIN));
    let verified = verify(&bytes(PLAIN), &Limits::client(76)).unwrap();
    assert_eq!(
        verified.header,
        BatchHeader {
            base_offset: 0,
            batch_length: 64,
            partition_leader_epoch: -1,
            magic: 2,
            crc: 0xdb5e_9cdd,
            attributes: 0,
            last_offset_delta: 0,
            base_timestamp: TIME,
            max_timestamp: TIME,
            producer_id: -1,
            producer_epoch: -1,
            base_sequence: -1,
            records_count: 1,
        }
    );
}

#[test]
fn transactional() {
    let mut builder = Builder::new()
        .base_offset(42)
        .leader_epoch(7)
        .producer(4711, 3, 9)
        .transactional(true);
    builder.push_with_headers(TIME, None, Some(b"a"), &[(b"h", Some(b"x")), (b"n", None)]);
    builder.push(TIME + 300, Some(b"k"), None);
    builder.push(TIME - 5, Some(b""), Some(b""));
    assert_eq!(builder.build(), bytes(TRANSACTIONAL));
    let header = verify(&bytes(TRANSACTIONAL), &Limits::replication()).unwrap().header;
    assert!(header.is_transactional() && !header.is_control() && header.has_producer_id());
    assert_eq!(header.last_sequence(), 11);
    let records = collect(&bytes(TRANSACTIONAL));
    assert_eq!(
        records
            .iter()
            .map(|r| (r.offset, r.timestamp - TIME))
            .collect::<Vec<_>>(),
        [(42, 0), (43, 300), (44, -5)]
    );
    assert_eq!(
        records[0].headers[0],
        Header {
            key: "h".into(),
            value: Some("x".into())
        }
    );
    assert_eq!(
        records[0].headers[1],
        Header {
            key: "n".into(),
            value: None
        }
    );
    assert_eq!(
        (records[1].value.clone(), records[2].value.clone()),
        (None, Some(Bytes::new()))
    );
}

#[test]
fn commit_marker() {
    let commit = ControlRecord::Commit(EndTransactionMarker { coordinator_epoch: 5 });
    let mut builder = Builder::new()
        .base_offset(100)
        .leader_epoch(1)
        .producer(4711, 3, -1)
        .transactional(true);
    builder.push_control(TIME, commit);
    assert_eq!(builder.build(), bytes(COMMIT));
    assert!(BatchHeader::parse(&bytes(COMMIT)).unwrap().is_control());
    assert_eq!(ControlRecord::parse(&collect(&bytes(COMMIT))[0]), Ok(commit));
}
