//! Features of Kafka that clients may conclude something from, and the levels that this release follows.
//!
//! Only what is all there is named: a client that reads `group.version` 1 uses the protocol of KIP-848, one that reads
//! `transaction.version` 2 that of KIP-890. `metadata.version` says which Kafka this is like; tools print it, and some offer by it
//! what can be done.

use super::records::SupportedFeature;

/// (name, lowest level, highest level)
const SUPPORTED: &[(&str, i16, i16)] = &[
    // Of Kafka 4.3 (`MetadataVersion.IBP_4_3_IV0`).
    ("metadata.version", 30, 30),
];

/// What a broker says that it can follow.
pub fn supported() -> impl Iterator<Item = SupportedFeature> {
    SUPPORTED.iter().map(|(name, min, max)| SupportedFeature {
        name: (*name).to_owned(),
        min: *min,
        max: *max,
    })
}

/// The levels that a new cluster begins with: all there is.
pub fn of_new_cluster() -> Vec<(String, i16)> {
    supported().map(|feature| (feature.name, feature.max)).collect()
}
