//! What hostile clients do to sound requests, each way by name.

use corelane_protocol::api_key::ApiKey;
use corelane_protocol::crc32c;
use corelane_protocol::header::RequestHeader;
use corelane_protocol::wire::Writer;

use crate::random::Random;

/// One way to be hostile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hostile {
    /// Random values, but a sound request.
    Nonsense,
    /// The body ends early; the frame's length knows.
    Cut,
    /// The frame promises more than ever comes.
    HalfOpen,
    /// A length of the frame that nobody may have.
    FrameLength,
    /// Bits turned here and there.
    Bits,
    /// Four or eight bytes that as a length or count are absurd.
    Absurd,
    /// Bytes that are no UTF-8 where text may be.
    Text,
    /// Tagged fields that nobody knows, and one that is longer than the rest.
    Tags,
    /// Another API's header before the body.
    OtherType,
    /// More behind the body.
    Trailing,
    /// A header that is none.
    Header,
}

impl Hostile {
    pub const ALL: [Hostile; 11] = [
        Hostile::Nonsense,
        Hostile::Cut,
        Hostile::HalfOpen,
        Hostile::FrameLength,
        Hostile::Bits,
        Hostile::Absurd,
        Hostile::Text,
        Hostile::Tags,
        Hostile::OtherType,
        Hostile::Trailing,
        Hostile::Header,
    ];

    /// The bytes on the wire.
    pub fn request(self, api_key: ApiKey, version: i16, mut body: Vec<u8>, random: &mut Random) -> Vec<u8> {
        let mut at = |body: &[u8]| random.below(body.len() as u64 + 1) as usize;
        match self {
            Hostile::Nonsense => {}
            Hostile::Cut => body.truncate(at(&body)),
            Hostile::HalfOpen => {
                let mut frame = frame_of(api_key, version, 1, &body);
                frame.truncate(at(&frame).max(1));
                return frame;
            }
            Hostile::FrameLength => {
                let lengths = [0, 1, 7, -1, i32::MIN, i32::MAX, 104_857_601, 100 << 20];
                let mut frame = frame_of(api_key, version, 1, &body);
                let length = lengths[random.below(lengths.len() as u64) as usize];
                frame[..4].copy_from_slice(&i32::to_be_bytes(length));
                return frame;
            }
            Hostile::Bits => {
                for _ in 0..1 + random.below(8) {
                    let at = random.below(body.len().max(1) as u64) as usize;
                    body.get_mut(at)
                        .into_iter()
                        .for_each(|byte| *byte ^= 1 << random.below(8));
                }
            }
            Hostile::Absurd => {
                let numbers: [&[u8]; 5] = [
                    &[0xff; 4],
                    &[0x7f, 0xff, 0xff, 0xff],
                    &[0x80, 0, 0, 0],
                    &[0xff; 10],
                    &[0x7f, 0xff],
                ];
                let number = numbers[random.below(numbers.len() as u64) as usize];
                let at = random.below(body.len() as u64 + 1) as usize;
                let end = (at + number.len()).min(body.len());
                body.splice(at..end, number.iter().copied());
            }
            Hostile::Text => body
                .iter_mut()
                .filter(|byte| byte.is_ascii_alphanumeric())
                .for_each(|byte| *byte = 0xc0),
            Hostile::Tags => {
                // The last byte of a flexible request counts its tagged fields.
                body.pop();
                body.extend([2, 0xff, 0x7f, 3, 1, 2, 3, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff, 0x7f]);
            }
            Hostile::OtherType => {
                return frame_of(ApiKey(random.below(70) as i16), random.below(8) as i16, 1, &body);
            }
            Hostile::Trailing => body.extend((0..random.below(2000)).map(|byte| byte as u8)),
            Hostile::Header => {
                let mut frame = frame_of(api_key, version, 1, &body);
                // A client id longer than everything, or of negative length.
                frame[12..14].copy_from_slice(&[[0x7f, 0xff], [0x80, 0]][random.below(2) as usize]);
                return frame;
            }
        }
        frame_of(api_key, version, random.next() as i32, &body)
    }
}

/// A frame with a sound header.
pub fn frame_of(api_key: ApiKey, api_version: i16, correlation_id: i32, body: &[u8]) -> Vec<u8> {
    let header = RequestHeader {
        api_key,
        api_version,
        correlation_id,
        client_id: Some("hostile".to_owned()),
    };
    let mut writer = Writer::new();
    header.encode(&mut writer);
    let header = writer.finish();
    let length = (header.len() + body.len()) as i32;
    [&length.to_be_bytes()[..], &header, body].concat()
}

/// Damages a batch where it hurts: lengths, counts, attributes, what is packed; the checksum is made right again half of the time.
pub fn batch(batch: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..1 + random.below(3) {
        let places: [(usize, usize); 8] = [
            (8, 4),
            (16, 1),
            (21, 2),
            (23, 4),
            (27, 8),
            (43, 14),
            (57, 4),
            (61, batch.len().saturating_sub(61)),
        ];
        let (from, len) = places[random.below(places.len() as u64) as usize];
        let at = from + random.below(len.max(1) as u64) as usize;
        match random.below(4) {
            0 => batch.truncate(at.max(1)),
            1 => batch
                .splice(at.min(batch.len())..at.min(batch.len()), [0xff; 5])
                .for_each(drop),
            _ => batch
                .get_mut(at)
                .into_iter()
                .for_each(|byte| *byte ^= 1 << random.below(8)),
        }
    }
    if random.one_in(2) && batch.len() > 21 {
        let crc = crc32c::crc32c(&batch[21..]);
        batch[17..21].copy_from_slice(&crc.to_be_bytes());
    }
}
