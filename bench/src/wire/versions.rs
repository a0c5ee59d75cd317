//! Which version of each API is spoken with a broker: the newest that both sides know and that still names topics
//! by name, since ids came with the versions after it.

use std::io;

use corelane_protocol::{
    api_key::ApiKey,
    error_code::ErrorCode,
    messages::api_versions::{ApiVersionsRequest, ApiVersionsResponse},
};

use super::Connection;

/// Oldest and newest of each API that the load speaks.
const SPOKEN: [(ApiKey, i16, i16); 7] = [
    (ApiKey::PRODUCE, 3, 12),
    (ApiKey::FETCH, 7, 12),
    (ApiKey::LIST_OFFSETS, 1, 9),
    (ApiKey::METADATA, 4, 12),
    (ApiKey::CREATE_TOPICS, 2, 7),
    (ApiKey::DELETE_TOPICS, 1, 5),
    (ApiKey::INIT_PRODUCER_ID, 0, 4),
];

#[derive(Clone, Debug)]
pub struct Versions(Vec<(ApiKey, i16)>);

impl Versions {
    /// Asks the broker.
    pub fn ask(connection: &mut Connection) -> io::Result<Versions> {
        // Version 0 is answered by every broker there ever was.
        let answer: ApiVersionsResponse = connection.ask(0, &ApiVersionsRequest::default())?;
        if answer.error_code != ErrorCode::NONE {
            return Err(io::Error::other(format!(
                "ApiVersions is answered {}",
                answer.error_code
            )));
        }
        let common = SPOKEN.into_iter().filter_map(|(key, oldest, newest)| {
            let theirs = answer.api_keys.iter().find(|version| version.api_key == key.0)?;
            let version = newest.min(theirs.max_version);
            (version >= oldest.max(theirs.min_version)).then_some((key, version))
        });
        Ok(Versions(common.collect()))
    }

    /// # Errors
    /// When the broker has no version that we speak.
    pub fn of(&self, key: ApiKey) -> io::Result<i16> {
        let found = self.0.iter().find(|(known, _)| *known == key);
        found
            .map(|(_, version)| *version)
            .ok_or_else(|| io::Error::other(format!("the broker has no version of {key} that this tool speaks")))
    }
}
