//! UpdateFeatures (key 57), versions 0 to 2: changes what all brokers may use (KIP-584). All updates are made, or none.
//!
//! Version 1 brought kinds of upgrades and a dry run (KIP-778), 2 leaves out the results of each feature.

use corelane_protocol::{
    error_code::ErrorCode,
    messages::{
        UpdateFeaturesRequest, UpdateFeaturesResponse,
        update_features::{FeatureUpdateKey, UpdatableFeatureResult},
    },
};

use super::context::RequestContext;
use crate::{
    core::{Core, Message},
    metadata::{
        Wish, WishError,
        decide::{UpdateFeatures, UpgradeType},
    },
    runtime::world::World,
};

pub async fn handle<W: World<Message = Message>>(
    core: Core<W>,
    context: RequestContext,
    request: UpdateFeaturesRequest,
) -> UpdateFeaturesResponse {
    let updates = request
        .feature_updates
        .iter()
        .map(update)
        .collect::<Result<Vec<_>, _>>();
    let updated = match updates {
        Ok(updates) => {
            let validate_only = request.validate_only;
            core.wish(Wish::UpdateFeatures(UpdateFeatures { updates, validate_only }))
                .await
        }
        Err(error) => Err(error),
    };
    match updated {
        Ok(_) => {
            let features = request.feature_updates.into_iter().map(|update| update.feature);
            let done = |feature| UpdatableFeatureResult {
                feature,
                error_code: ErrorCode::NONE,
                // Kafka's text of no error.
                error_message: Some("NONE".to_owned()),
            };
            let results = if context.api_version <= 1 {
                features.map(done).collect()
            } else {
                Vec::new()
            };
            UpdateFeaturesResponse {
                error_message: None,
                results,
                ..Default::default()
            }
        }
        Err(error) => UpdateFeaturesResponse {
            error_code: error.code,
            error_message: Some(format!(
                "The update failed for all features since the following feature had an error: {}",
                error.message
            )),
            ..Default::default()
        },
    }
}

fn update(update: &FeatureUpdateKey) -> Result<(String, i16, UpgradeType), WishError> {
    let (feature, level) = (&update.feature, update.max_version_level);
    match UpgradeType::from_wire(update.upgrade_type) {
        Some(upgrade) => Ok((feature.clone(), level, upgrade)),
        None => Err(WishError::new(
            ErrorCode::INVALID_UPDATE_VERSION,
            format!(
                "Invalid update version {level} for feature {feature}. The controller does not support the given upgrade type."
            ),
        )),
    }
}
