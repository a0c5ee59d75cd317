//! The APIs that this broker answers: one line each. ApiVersions, dispatch and the docs come from here.
//!
//! An API that is not here is not advertised, and a request for it closes the connection, as Kafka does.

use std::ops::RangeInclusive;

use corelane_protocol::api_key::ApiKey;

/// One API as this broker speaks it.
#[derive(Clone, Debug)]
pub struct Api {
    pub key: ApiKey,
    /// What is answered.
    pub versions: RangeInclusive<i16>,
    /// The lowest version that ApiVersions shows; see [`ApiKey::PRODUCE`].
    pub advertised_min: i16,
}

macro_rules! apis {
    ($( $key:ident $min:literal ..= $max:literal $(advertised from $advertised:literal)?; )*) => {
        /// In order of key.
        pub const APIS: &[Api] = &[ $( Api {
            key: ApiKey::$key,
            versions: $min..=$max,
            advertised_min: { let _min: i16 = $min; $( let _min: i16 = $advertised; )? _min },
        }, )* ];
    };
}

apis! {
    // librdkafka turns compression off unless version 0 is shown (KAFKA-18659); 0 to 2 are refused all the same.
    PRODUCE                     3..=13 advertised from 0;
    FETCH                       4..=18;
    LIST_OFFSETS                1..=11;
    METADATA                    0..=13;
    OFFSET_COMMIT               2..=10;
    OFFSET_FETCH                1..=10;
    FIND_COORDINATOR            0..=6;
    JOIN_GROUP                  0..=9;
    HEARTBEAT                   0..=4;
    LEAVE_GROUP                 0..=5;
    SYNC_GROUP                  0..=5;
    DESCRIBE_GROUPS             0..=6;
    LIST_GROUPS                 0..=5;
    API_VERSIONS                0..=4;
    CREATE_TOPICS               2..=7;
    DELETE_TOPICS               1..=6;
    // Version 6 (two-phase commit, KIP-939) is still unstable in Kafka 4.3.
    INIT_PRODUCER_ID            0..=5;
    OFFSET_FOR_LEADER_EPOCH     2..=4;
    DESCRIBE_CONFIGS            1..=4;
    ALTER_CONFIGS               0..=2;
    CREATE_PARTITIONS           0..=3;
    DELETE_GROUPS               0..=2;
    INCREMENTAL_ALTER_CONFIGS   0..=1;
    DESCRIBE_CLUSTER            0..=2;
}

/// The line of an API.
pub fn find(key: ApiKey) -> Option<&'static Api> {
    APIS.binary_search_by_key(&key.0, |api| api.key.0)
        .ok()
        .map(|index| &APIS[index])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Look-up is by binary search, so the lines must be in order.
    #[test]
    fn lines_are_in_order_of_key() {
        assert!(APIS.is_sorted_by_key(|api| api.key.0));
        assert_eq!(find(ApiKey::FETCH).map(|api| api.versions.clone()), Some(4..=18));
        assert!(find(ApiKey(4)).is_none());
    }
}
