//! The checks of what a broker is told while it runs (Kafka's `DynamicBrokerConfig.validate`).

use std::collections::BTreeMap;

use super::{KEYS, key, validate};
use crate::config::{
    dynamic::{Mode, mode},
    unknown::unknown,
};

/// Whether a broker, or with `for_all` the default of all, may be given these values; the error says what would be right.
///
/// # Errors
/// Names that may not be altered all together, as Kafka does; then the first wrong value.
pub fn check(for_all: bool, values: &BTreeMap<String, String>) -> Result<(), String> {
    for name in values.keys() {
        if key(name).is_none() {
            return Err(unknown(KEYS, name));
        }
    }
    let of = |wanted: fn(Mode) -> bool| -> Vec<&str> {
        let names = values.keys().map(String::as_str);
        names.filter(|name| wanted(mode(name))).collect()
    };
    let per_broker = of(|mode| mode == Mode::PerBroker);
    if for_all && !per_broker.is_empty() {
        let names = per_broker.join(", ");
        return Err(format!(
            "Cannot update these configs at default cluster level, broker id must be specified: [{names}]"
        ));
    }
    let fixed = of(|mode| mode != Mode::ClusterWide);
    if !fixed.is_empty() {
        return Err(format!(
            "Cannot update these configs dynamically: [{}]",
            fixed.join(", ")
        ));
    }
    for (name, value) in values {
        validate(name, value)?;
    }
    // A topic may ask for it, a broker may not.
    if values.get("log.retention.ms").is_some_and(|value| value.trim() == "0") {
        return Err("log.retention.ms must be unlimited (-1) or, greater than or equal to 1".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: each refusal says all that is wrong of its kind.
    #[test]
    fn changes_are_checked() {
        let values = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            let owned = pairs.iter().map(|(name, value)| (name.to_string(), value.to_string()));
            owned.collect()
        };
        assert_eq!(check(true, &values(&[("message.max.bytes", "5")])), Ok(()));
        assert_eq!(check(false, &values(&[("num.io.threads", "5")])), Ok(()));
        let refused = |for_all, pairs| check(for_all, &values(pairs)).unwrap_err();
        assert_eq!(
            refused(
                false,
                &[("num.partitions", "2"), ("node.id", "2"), ("message.max.bytes", "5")]
            ),
            "Cannot update these configs dynamically: [node.id, num.partitions]"
        );
        assert_eq!(
            refused(true, &[("listeners", "PLAINTEXT://:1")]),
            "Cannot update these configs at default cluster level, broker id must be specified: [listeners]"
        );
        assert_eq!(
            refused(false, &[("listeners", "PLAINTEXT://:1")]),
            "Cannot update these configs dynamically: [listeners]"
        );
        assert_eq!(
            refused(true, &[("message.max.bytes", "-1")]),
            "message.max.bytes = '-1': must be at least 0"
        );
        assert!(refused(true, &[("mesage.max.bytes", "1")]).contains("did you mean 'message.max.bytes'?"));
        assert!(refused(true, &[("log.retention.ms", "0")]).contains("must be unlimited"));
    }
}
