//! The primitive encodings at their edges.

use super::*;
use bytes::Bytes;

#[test]
fn varints_survive_the_round_trip_at_their_edges() {
    for value in [0, 1, -1, 63, 64, -64, -65, i32::MAX, i32::MIN] {
        let mut w = Writer::new();
        w.varint(value);
        w.varlong(i64::from(value));
        w.unsigned_varint(value as u32);
        let bytes = w.finish();
        let mut r = Reader::new(&bytes);
        assert_eq!(r.varint(), Ok(value));
        assert_eq!(r.varlong(), Ok(i64::from(value)));
        assert_eq!(r.unsigned_varint(), Ok(value as u32));
        assert_eq!(r.remaining(), 0);
    }
    let mut w = Writer::new();
    w.varlong(i64::MIN);
    w.varlong(i64::MAX);
    let bytes = w.finish();
    let mut r = Reader::new(&bytes);
    assert_eq!((r.varlong(), r.varlong()), (Ok(i64::MIN), Ok(i64::MAX)));
}

#[test]
fn a_varint_that_does_not_fit_is_refused() {
    let problem = |bytes: &[u8]| Reader::new(bytes).unsigned_varint().unwrap_err().problem;
    assert_eq!(problem(&[0xff, 0xff, 0xff, 0xff, 0x1f]), Problem::Varint);
    assert_eq!(problem(&[0x80, 0x80, 0x80, 0x80, 0x80, 0]), Problem::Varint);
    assert_eq!(
        problem(&[0x80]),
        Problem::Short {
            needed: 1,
            remaining: 0
        }
    );
    assert_eq!(Reader::new(&[0xff; 10]).varlong().unwrap_err().problem, Problem::Varint);
}

#[test]
fn a_length_beyond_the_input_is_refused_before_anything_is_allocated() {
    let array: Result<Vec<i64>, _> = Field::read(
        &mut Reader::new(&[0x7f, 0xff, 0xff, 0xff]),
        At {
            version: 0,
            flexible: false,
            nullable: false,
        },
    );
    assert_eq!(
        array.unwrap_err(),
        DecodeError {
            at: 0,
            problem: Problem::Length(i64::from(i32::MAX))
        }
    );
    assert_eq!(
        Reader::new(&[0xff, 0xfe]).nullable_str(false).unwrap_err().problem,
        Problem::Length(-2)
    );
    assert_eq!(
        Reader::new(&[5, b'a']).str(true).unwrap_err().problem,
        Problem::Length(4)
    );
}

#[test]
fn null_and_bad_text_are_told_apart() {
    assert_eq!(Reader::new(&[0xff, 0xff]).nullable_str(false), Ok(None));
    assert_eq!(Reader::new(&[0]).str(true).unwrap_err().problem, Problem::Null);
    assert_eq!(
        Reader::new(&[3, 0xc3, 0x28]).str(true).unwrap_err().problem,
        Problem::Utf8
    );
}

#[test]
fn tagged_fields_are_skipped_when_unknown_and_must_fill_their_size_when_known() {
    let bytes = [2, 7, 2, 0xaa, 0xbb, 9, 1, 5, 0x11];
    let mut r = Reader::new(&bytes);
    let mut seen = None;
    r.tagged_fields(|tag, r| {
        if tag == 9 {
            seen = Some(r.i8()?);
        }
        Ok(tag == 9)
    })
    .unwrap();
    assert_eq!((seen, r.rest()), (Some(5), &[0x11][..]));

    let oversized = Reader::new(&[1, 9, 2, 5, 6])
        .tagged_fields(|_, r| r.i8().map(|_| true))
        .unwrap_err();
    assert_eq!(oversized.problem, Problem::TaggedSize { tag: 9, left: 1 });
    let short = Reader::new(&[1, 9, 1, 5, 6])
        .tagged_fields(|_, r| r.i16().map(|_| true))
        .unwrap_err();
    assert_eq!(
        short.problem,
        Problem::Short {
            needed: 2,
            remaining: 1
        }
    );
}

#[test]
fn too_long_a_string_is_cut_at_a_character_so_that_clients_can_read_the_rest() {
    let text = "é".repeat(STRING_BYTES_MAX);
    for flexible in [false, true] {
        let mut w = Writer::new();
        w.nullable_str(Some(&text), flexible);
        w.i8(42);
        let bytes = w.finish();
        let mut r = Reader::new(&bytes);
        assert_eq!(r.str(flexible).unwrap().len(), STRING_BYTES_MAX - 1);
        assert_eq!(r.i8(), Ok(42));
    }
}

#[test]
fn record_bytes_pass_through_a_vectored_writer_uncopied() {
    let records = Bytes::from(vec![7u8; 4096]);
    let small = Bytes::from_static(b"small");
    let mut parts = PartsWriter::new();
    parts.writer().i16(3);
    parts.writer().nullable_bytes(Some(&records), true);
    parts.writer().nullable_bytes(Some(&small), true);
    let total = parts.len();
    let pieces = parts.finish_frame();
    assert_eq!(pieces[0], (total as i32).to_be_bytes().to_vec());
    assert_eq!(pieces[2].as_ptr(), records.as_ptr());
    assert_eq!(pieces.iter().skip(1).map(Bytes::len).sum::<usize>(), total);
    assert_eq!(pieces.len(), 4);
}

#[test]
fn a_sharing_reader_hands_out_slices_of_its_input() {
    let input = Bytes::from_static(&[0, 0, 0, 2, 8, 9]);
    let bytes = Reader::sharing(&input).nullable_bytes(false).unwrap().unwrap();
    assert_eq!(bytes.as_ptr(), input[4..].as_ptr());
}
