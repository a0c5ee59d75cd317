//! ApiVersions (key 18), versions 0 to 4: what this broker speaks.
//!
//! Version 3 made it flexible and asks for the client's name and version; 4 allows features from version 0 on. The
//! answer to an unknown version is a version 0 body with UNSUPPORTED_VERSION and the versions of this API alone, which
//! dispatch gives (KIP-511).

use corelane_protocol::{
    error_code::ErrorCode,
    messages::{
        ApiVersionsRequest, ApiVersionsResponse,
        api_versions::{ApiVersion, FinalizedFeatureKey, SupportedFeatureKey},
    },
};

use super::{
    context::RequestContext,
    table::{APIS, Api},
};
use crate::{
    core::{Core, Message},
    log_limit::Verdict,
    metadata::{features, records::SupportedFeature},
    runtime::world::World,
};

pub async fn handle<W: World<Message = Message>>(
    core: Core<W>,
    context: RequestContext,
    request: ApiVersionsRequest,
) -> ApiVersionsResponse {
    if context.api_version >= 3
        && !(is_software_word(&request.client_software_name) && is_software_word(&request.client_software_version))
    {
        if let Verdict::Say { held_back } = core.log_limits.request_refused.judge(core.world.now()) {
            tracing::warn!(
                peer = %context.peer,
                name = request.client_software_name,
                version = request.client_software_version,
                held_back,
                "ApiVersions with a client software name or version that Kafka does not allow"
            );
        }
        return ApiVersionsResponse {
            error_code: ErrorCode::INVALID_REQUEST,
            ..Default::default()
        };
    }
    let image = core.image();
    ApiVersionsResponse {
        supported_features: features::supported().map(supported_feature).collect(),
        finalized_features_epoch: image.applied_end as i64,
        finalized_features: image.features.iter().map(finalized_feature).collect(),
        api_keys: APIS.iter().map(advertised).collect(),
        ..Default::default()
    }
}

/// What a client is told that asked in a version which nobody knows here; it asks again.
pub fn version_unknown(api: &Api) -> ApiVersionsResponse {
    ApiVersionsResponse {
        error_code: ErrorCode::UNSUPPORTED_VERSION,
        api_keys: vec![advertised(api)],
        ..Default::default()
    }
}

fn advertised(api: &Api) -> ApiVersion {
    ApiVersion {
        api_key: api.key.0,
        min_version: api.advertised_min,
        max_version: *api.versions.end(),
    }
}

fn supported_feature(feature: SupportedFeature) -> SupportedFeatureKey {
    SupportedFeatureKey {
        name: feature.name,
        min_version: feature.min,
        max_version: feature.max,
    }
}

fn finalized_feature((name, level): (&String, &i16)) -> FinalizedFeatureKey {
    FinalizedFeatureKey {
        name: name.clone(),
        max_version_level: *level,
        min_version_level: *level,
    }
}

/// Kafka's rule for software names and versions (`ApiVersionsRequest.SOFTWARE_NAME_VERSION_PATTERN`).
fn is_software_word(word: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    word.chars().all(inner)
        && word.starts_with(|c: char| c.is_ascii_alphanumeric())
        && word.ends_with(|c: char| c.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn software_words_are_checked_as_kafka_does() {
        for good in ["apache-kafka-java", "1.2.3", "a"] {
            assert!(is_software_word(good), "{good}");
        }
        for bad in ["", "-a", "a-", "a b", "ä"] {
            assert!(!is_software_word(bad), "{bad}");
        }
    }
}
