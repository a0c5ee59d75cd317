//! Which partition of `__consumer_offsets` a group belongs to. Every broker and every client tool must agree on it with
//! Apache Kafka, so that a data directory keeps its meaning: Java's `String.hashCode` of the group id, made non-negative.

/// The partition for `group_id` out of `partitions` (Kafka: `GroupCoordinatorService.partitionFor`).
pub fn partition_for(group_id: &str, partitions: i32) -> i32 {
    assert!(partitions > 0, "an internal topic has at least one partition");
    // Kafka's Utils.abs: the one value without a positive counterpart becomes 0.
    java_hash(group_id).checked_abs().unwrap_or(0) % partitions
}

/// Java's `String.hashCode`: over UTF-16 units, wrapping.
fn java_hash(text: &str) -> i32 {
    text.encode_utf16()
        .fold(0i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: the values Java gives, also for surrogate pairs and for the hash that has no absolute value.
    #[test]
    fn agrees_with_java() {
        assert_eq!(java_hash(""), 0);
        assert_eq!(java_hash("hello"), 99_162_322);
        assert_eq!(java_hash("polygenelubricants"), i32::MIN);
        assert_eq!(java_hash("\u{1F600}"), 0xD83D * 31 + 0xDE00);
        assert_eq!(partition_for("polygenelubricants", 50), 0);
        assert_eq!(partition_for("hello", 50), 22);
    }
}
