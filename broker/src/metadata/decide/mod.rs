//! A wish becomes records, or an error with Kafka's code: pure, so a wish that was decided before a crash and one that
//! is decided after it are decided alike.
//!
//! Records say effects ("this partition is now so"), never wishes. Nothing is applied here; whoever decides several
//! wishes in one round applies each one's records to an overlay before the next (KAFKA-13173).

mod acls;
mod alter_configs;
mod assignment;
mod brokers;
mod config_rules;
mod create_partitions;
mod create_topics;
mod delete_topics;
mod features;
mod format;
mod producer_ids;
mod quotas;
mod scram;
mod tokens;
mod topic_name;
mod voters;
mod wish;

use corelane_protocol::error_code::ErrorCode;
use uuid::Uuid;

use super::{image::RootImage, records::Record, rules::Rules};

pub use assignment::check_manual as check_manual_assignment;
pub use brokers::fence;
pub use config_rules::{ConfigRules, ResourceKind, TableRules};
pub use producer_ids::PRODUCER_ID_BLOCK_SIZE;
pub use topic_name::{CLUSTER_METADATA, is_internal, validate_topic_name};
pub use voters::VOTERS_MAX;
pub use wish::*;

/// Kafka's `QuorumController.MAX_RECORDS_PER_USER_OP`: what one wish may make at most, counted as Kafka counts (a record
/// for each topic, partition and config value).
pub const RECORDS_PER_WISH_MAX: usize = 10_000;

/// What a decision may depend on besides the image and the wish.
pub struct Context<'a> {
    /// Index that the entry with these records will have.
    pub next_index: u64,
    pub config_rules: &'a dyn ConfigRules,
    /// Fresh random uuids, for topics.
    pub uuids: &'a mut dyn FnMut() -> Uuid,
    /// Brokers whose session has not expired, as the leader's clock says.
    pub live_sessions: &'a [i32],
    pub rules: &'a Rules,
}

/// Why a wish, or one item of it, was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code:?}: {message}")]
pub struct WishError {
    pub code: ErrorCode,
    pub message: String,
}

impl WishError {
    pub fn new(code: ErrorCode, message: impl Into<String>) -> WishError {
        WishError {
            code,
            message: message.into(),
        }
    }
}

impl WishError {
    /// More than the asker's limit allows (KIP-599).
    pub fn throttled() -> WishError {
        WishError::new(
            ErrorCode::THROTTLING_QUOTA_EXCEEDED,
            "The throttling quota has been exceeded.",
        )
    }
}

/// Records to commit, and what to answer once they are.
pub type Decision = Result<(Vec<Record>, Answer), WishError>;

/// A wish of root.
pub fn decide(image: &RootImage, wish: &Wish, context: &mut Context<'_>) -> Decision {
    let (records, answer) = match wish {
        Wish::Format(wish) => format::decide(image, wish)?,
        Wish::RegisterBroker(wish) => brokers::register(image, wish, context)?,
        Wish::ChangeBroker(wish) => brokers::change(image, wish)?,
        Wish::Heartbeat(wish) => brokers::heartbeat(image, wish, context)?,
        Wish::UnregisterBroker { node } => brokers::unregister(image, *node)?,
        Wish::CreateTopics(wish) => create_topics::decide(image, wish, context)?,
        Wish::DeleteTopics(topics) => delete_topics::decide(image, topics),
        Wish::CreatePartitions(wish) => create_partitions::decide(image, wish, context)?,
        Wish::AlterConfigs(wish) => alter_configs::decide(image, wish, context),
        Wish::AllocateProducerIds(wish) => producer_ids::decide(image, wish)?,
        Wish::CreateAcls(acls) => acls::create(image, acls, context)?,
        Wish::DeleteAcls(filters) => acls::delete(image, filters)?,
        Wish::AlterScram(wish) => scram::decide(image, wish)?,
        Wish::AlterQuotas(wish) => quotas::decide(image, wish)?,
        Wish::CreateToken(wish) => tokens::create(image, wish)?,
        Wish::ChangeToken(wish) => tokens::change(image, wish)?,
        Wish::SweepTokens { now_ms } => tokens::sweep(image, *now_ms)?,
        Wish::AddVoter(wish) => voters::add(image, wish)?,
        Wish::RemoveVoter(voter) => voters::remove(image, voter)?,
        Wish::UpdateFeatures(wish) => features::decide(image, wish)?,
    };
    Ok((records, answer))
}

/// To a wish that adds something, where there is no room for it.
pub fn disk_is_full() -> WishError {
    WishError::new(
        ErrorCode::KAFKA_STORAGE_ERROR,
        "The controller's disk is full: nothing can be added before something is deleted.",
    )
}

/// Kafka's answer to a wish that would make too much at once (`EventHandlerExceptionInfo`).
pub fn excessively_large() -> WishError {
    WishError::new(
        ErrorCode::POLICY_VIOLATION,
        "Unable to perform excessively large batch operation.",
    )
}
