//! DeleteTopics (20): topics to delete, by name, from v6 also by id.
//!
//! v3 may say TOPIC_DELETION_DISABLED, v4 flexible, v5 error messages and throttling (KIP-599), v6 `topics` replaces
//! `topic_names`.

use crate::error_code::ErrorCode;
use crate::message::message;
use uuid::Uuid;

message! {
    /// Topics to delete.
    DeleteTopicsRequest = DELETE_TOPICS, 1-6, flexible 4+ {
        /// By name or, where that is None, by id.
        topics:      Vec<DeleteTopicState>, 6+;
        topic_names: Vec<String>,           0-5;
        timeout_ms:  i32,                   0+;
    }

    DeleteTopicState {
        name:     Option<String>, 6+, nullable 6+, default None;
        topic_id: Uuid,           6+;
    }

    /// What became of each topic.
    DeleteTopicsResponse = DELETE_TOPICS, 1-6, flexible 4+ {
        throttle_time_ms: i32,                       1+;
        responses:        Vec<DeletableTopicResult>, 0+;
    }

    DeletableTopicResult {
        name:          Option<String>, 0+, nullable 6+;
        topic_id:      Uuid,           6+;
        error_code:    ErrorCode,      0+;
        error_message: Option<String>, 5+, nullable 5+, default None;
    }
}
