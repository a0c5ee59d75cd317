//! The parts of the ring that need no kernel.

use super::{
    slots::{GENERATION_MASK, Key, Slots},
    tag::{Kind, Tag},
};

#[test]
fn a_completion_of_a_former_owner_finds_nothing() {
    let mut slots = Slots::new();
    let first = slots.insert("first");
    let other = slots.insert("other");
    assert_eq!(slots.remove(first), Some("first"));
    assert_eq!(slots.remove(first), None);
    let second = slots.insert("second");
    assert_eq!(second.index, first.index, "places are used again");
    assert_eq!(slots.get(first), None);
    assert_eq!(slots.get(second), Some(&mut "second"));
    assert_eq!(slots.get(other), Some(&mut "other"));
    assert_eq!(slots.iter_mut().count(), 2);
}

#[test]
fn tags_survive_the_kernel() {
    let kinds = [
        Kind::Ignored,
        Kind::Accept,
        Kind::Receive,
        Kind::Send,
        Kind::File,
        Kind::LinkedFlush,
        Kind::Doorbell,
    ];
    for kind in kinds {
        for (index, generation) in [(0, 0), (1, 2), (u32::MAX, GENERATION_MASK)] {
            let tag = Tag::new(kind, Key { index, generation });
            assert_eq!(Tag::unpack(tag.pack()), tag);
        }
    }
}
