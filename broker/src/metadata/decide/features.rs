//! UpdateFeatures: `FeatureControlManager`. A level is what all may use, so every broker must be able to follow it. All
//! updates of a request are made, or none.

use corelane_protocol::error_code::ErrorCode;

use super::{
    super::{
        image::RootImage,
        records::{FeatureLevel, Record, SupportedFeature},
    },
    Answer, Decision, UpdateFeatures, UpgradeType, WishError,
};

pub fn decide(image: &RootImage, wish: &UpdateFeatures) -> Decision {
    let mut records = Vec::new();
    for (name, level, upgrade) in &wish.updates {
        if let Some(record) = update(image, name, *level, *upgrade)? {
            records.push(record);
        }
    }
    if wish.validate_only {
        records.clear();
    }
    Ok((records, Answer::FeaturesUpdated))
}

fn update(image: &RootImage, name: &str, level: i16, upgrade: UpgradeType) -> Result<Option<Record>, WishError> {
    let held = image.features.get(name).copied().unwrap_or(0);
    let invalid = |why: String| {
        WishError::new(
            ErrorCode::INVALID_UPDATE_VERSION,
            format!("Invalid update version {level} for feature {name}. {why}"),
        )
    };
    if level < 0 {
        return Err(invalid("A feature version cannot be less than 0.".into()));
    }
    let mut is_known = false;
    for broker in image.brokers.values() {
        let supported = broker.features.iter().find(|feature| feature.name == name);
        if let Some(reason) = reason_not_supported(supported, level) {
            return Err(invalid(format!("Broker {} {reason}", broker.node)));
        }
        is_known |= supported.is_some();
    }
    if !is_known {
        return Err(invalid(format!("Feature {name} not found.")));
    }
    if level < held {
        let what = match upgrade {
            UpgradeType::Upgrade => {
                "Can't downgrade the version of this feature without setting the upgrade type to \
                                     either safe or unsafe downgrade."
            }
            // Records of the newer level may be in any log.
            UpgradeType::SafeDowngrade | UpgradeType::UnsafeDowngrade => "Downgrades are not supported.",
        };
        return Err(invalid(what.into()));
    }
    if level > held && upgrade != UpgradeType::Upgrade {
        return Err(invalid("Can't downgrade to a newer version.".into()));
    }
    let record = FeatureLevel {
        name: name.to_string(),
        level,
    };
    Ok((level > held).then(|| Record::from(record)))
}

/// Kafka's words (`QuorumFeatures.reasonNotSupported`); level 0 is that of a feature that is off.
fn reason_not_supported(supported: Option<&SupportedFeature>, level: i16) -> Option<String> {
    match supported {
        None if level == 0 => None,
        None => Some("does not support this feature.".to_owned()),
        Some(feature) if (feature.min..=feature.max).contains(&level) => None,
        Some(feature) if feature.min == feature.max => Some(format!("only supports versions {}", feature.min)),
        Some(feature) => Some(format!("only supports versions {}-{}", feature.min, feature.max)),
    }
}
