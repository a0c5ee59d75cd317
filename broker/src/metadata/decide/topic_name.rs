//! Which names a topic may have (Kafka's `Topic` class).

/// Kafka's limit, in characters: a directory is the name, a dash and the partition number.
const TOPIC_NAME_LEN_MAX: usize = 249;

/// The log that this very cluster is made of; nobody may create it.
pub const CLUSTER_METADATA: &str = "__cluster_metadata";

/// Topics that clients may not write to (`Topic.INTERNAL_TOPICS`).
pub fn is_internal(name: &str) -> bool {
    matches!(
        name,
        "__consumer_offsets" | "__transaction_state" | "__share_group_state"
    )
}

/// The error is Kafka's text.
pub fn validate_topic_name(name: &str) -> Result<(), String> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    // Java counts UTF-16 units; only ASCII is legal, so any name that is short enough in one is in the other.
    let length = name.encode_utf16().count();
    let reason = match name {
        "" => "the empty string is not allowed".into(),
        "." => "'.' is not allowed".into(),
        ".." => "'..' is not allowed".into(),
        _ if length > TOPIC_NAME_LEN_MAX => {
            format!("the length of '{name}' is longer than the max allowed length {TOPIC_NAME_LEN_MAX}")
        }
        _ if !name.chars().all(legal) => {
            format!("'{name}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'")
        }
        _ => return Ok(()),
    };
    Err(format!("Topic name is invalid: {reason}"))
}
