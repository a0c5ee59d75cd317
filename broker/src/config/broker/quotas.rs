//! Over what time the limits of clients are counted (Kafka's `QuotaConfig`). The limits themselves are in the metadata log.

use crate::config::{
    key::{Check::*, Effect::*, table},
    value::Class,
};

table! {
    /// See the module.
    pub struct Quotas {
        fields {
            // Limits of clients.
            quota_window_num: i32 = "quota.window.num", "11", AtLeast(1), Restart, [], "Samples over which a client's bytes, requests and connections are added up.";
            quota_window_size_seconds: i32 = "quota.window.size.seconds", "1", AtLeast(1), Restart, [], "Seconds of each of those samples.";
            controller_quota_window_num: i32 = "controller.quota.window.num", "11", AtLeast(1), Restart, [], "The same for partitions that a client makes and deletes.";
            controller_quota_window_size_seconds: i32 = "controller.quota.window.size.seconds", "1", AtLeast(1), Restart, [], "Seconds of each of those samples.";
        }
        without_field {
            Option<Class> = "client.quota.callback.class", "", Any, Nothing("Java classes cannot be loaded"), [], "Decides quotas.";
        }
    }
}
