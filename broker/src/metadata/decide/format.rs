//! The first records of a cluster. Wishing it again with the same id changes nothing, so every start may.

use corelane_protocol::error_code::ErrorCode;

use super::{
    super::{
        image::RootImage,
        records::{FeatureLevel, Format, Record},
    },
    Answer, Decision, FormatCluster, WishError,
};

pub fn decide(image: &RootImage, wish: &FormatCluster) -> Decision {
    if let Some(cluster_id) = image.cluster_id {
        if cluster_id == wish.cluster_id {
            return Ok((Vec::new(), Answer::Formatted));
        }
        return Err(WishError::new(
            ErrorCode::INCONSISTENT_CLUSTER_ID,
            format!(
                "Expected cluster ID {cluster_id}, but got cluster ID {}",
                wish.cluster_id
            ),
        ));
    }
    let mut records = vec![Record::from(Format {
        cluster_id: wish.cluster_id,
        shards: wish.shards,
    })];
    let features = wish.features.iter().map(|(name, level)| FeatureLevel {
        name: name.clone(),
        level: *level,
    });
    records.extend(features.map(Record::from));
    Ok((records, Answer::Formatted))
}
