//! The messages, one file per API with request and response side by side, named as in Kafka's schemas.
//!
//! The tables hold the facts of Kafka 4.3's own `clients/src/main/resources/common/message/*.json`.

macro_rules! messages {
    ($($module:ident: $request:ident, $response:ident;)*) => {
        $(
            pub mod $module;
            pub use $module::{$request, $response};
        )*

        /// The schema of every message, requests and responses.
        pub const SCHEMAS: &[&crate::schema::Schema] = &[$(
            <$request as crate::message::Message>::SCHEMA,
            <$response as crate::message::Message>::SCHEMA,
        )*];
    };
}

messages! {
    api_versions: ApiVersionsRequest, ApiVersionsResponse;
    metadata:     MetadataRequest, MetadataResponse;
}
