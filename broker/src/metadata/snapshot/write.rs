//! Snapshots are written frame by frame, from an image that nobody waits for: it is shared, and stays as it is.

use bytes::{BufMut, Bytes, BytesMut};
use corelane_protocol::crc32c;

use super::{
    super::{
        image::{RootImage, ShardImage},
        placement::{ROOT_GROUP, shard_group},
        records::{self, Record},
    },
    FRAME_BYTES, HEADER_BYTES, MAGIC, VERSION, root, shard,
};

/// A record, and the index of the entry that it is to be applied at.
pub type Entry = (u64, Record);

pub fn root_frames(image: &RootImage) -> impl Iterator<Item = Bytes> {
    let header = header(ROOT_GROUP, image.applied_end, image.applied_term);
    Frames::new(header, root::entries(image))
}

/// Without what root says is gone for good, if the shard's log has seen that much of root. Otherwise whoever starts from
/// the snapshot, with a root image in which the topic still is, would take the partition for one that was just made.
pub fn shard_frames<'a>(number: u16, image: &'a ShardImage, root: &'a RootImage) -> impl Iterator<Item = Bytes> + 'a {
    frames_without(number, image, image.has_seen(root).then_some(root))
}

pub(super) fn frames_without<'a>(
    number: u16,
    image: &'a ShardImage,
    garbage_of: Option<&'a RootImage>,
) -> impl Iterator<Item = Bytes> + 'a {
    let header = header(shard_group(number), image.applied_end, image.applied_term);
    Frames::new(header, shard::entries(image, garbage_of))
}

fn header(group: u32, applied_end: u64, applied_term: u32) -> Bytes {
    let mut header = BytesMut::with_capacity(HEADER_BYTES);
    header.put_slice(&MAGIC);
    header.put_u16_le(VERSION);
    header.put_u32_le(group);
    header.put_u64_le(applied_end);
    header.put_u32_le(applied_term);
    let crc = crc32c::crc32c(&header);
    header.put_u32_le(crc);
    header.freeze()
}

struct Frames<I> {
    header: Option<Bytes>,
    entries: Option<I>,
    written: u64,
    crc: u32,
}

impl<I: Iterator<Item = Entry>> Frames<I> {
    fn new(header: Bytes, entries: I) -> Frames<I> {
        Frames {
            header: Some(header),
            entries: Some(entries),
            written: 0,
            crc: 0,
        }
    }

    fn frame(&mut self) -> Option<Bytes> {
        let mut body = BytesMut::new();
        while body.len() < FRAME_BYTES
            && let Some((index, record)) = self.entries.as_mut()?.next()
        {
            let value = records::encode(std::slice::from_ref(&record));
            body.put_u64_le(index);
            body.put_u32_le(value.len() as u32);
            body.put_slice(&value);
            self.written += 1;
        }
        if body.is_empty() {
            self.entries = None;
            return Some(self.footer());
        }
        let mut frame = BytesMut::with_capacity(8 + body.len());
        frame.put_u32_le(body.len() as u32);
        frame.put_u32_le(crc32c::crc32c(&body));
        frame.put_slice(&body);
        Some(self.summed(frame.freeze()))
    }

    fn footer(&self) -> Bytes {
        let mut footer = BytesMut::new();
        footer.put_u32_le(0);
        footer.put_u64_le(self.written);
        footer.put_u32_le(self.crc);
        footer.freeze()
    }

    fn summed(&mut self, frame: Bytes) -> Bytes {
        self.crc = crc32c::crc32c_append(self.crc, &frame);
        frame
    }
}

impl<I: Iterator<Item = Entry>> Iterator for Frames<I> {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        match self.header.take() {
            Some(header) => Some(self.summed(header)),
            None => self.frame(),
        }
    }
}
