//! What may be wished of the controller, and what it answers. Who may wish what is asked before, by the API.

use uuid::Uuid;

use super::{
    super::{
        image::QuotaEntity,
        records::{Acl, Endpoint, Replica, ScramRecord, SupportedFeature, TargetVoter, TokenRecord},
    },
    WishError,
};

#[derive(Clone, Debug, PartialEq)]
pub enum Wish {
    Format(FormatCluster),
    RegisterBroker(Registration),
    ChangeBroker(ChangeBroker),
    Heartbeat(Heartbeat),
    UnregisterBroker {
        node: i32,
    },
    CreateTopics(CreateTopics),
    DeleteTopics(Vec<TopicRef>),
    CreatePartitions(CreatePartitions),
    AlterConfigs(AlterConfigs),
    AllocateProducerIds(AllocateProducerIds),
    CreateAcls(Vec<Acl>),
    DeleteAcls(Vec<AclFilter>),
    AlterScram(AlterScram),
    AlterQuotas(AlterQuotas),
    CreateToken(NewToken),
    ChangeToken(ChangeToken),
    /// Forgets tokens that expired.
    SweepTokens {
        now_ms: i64,
    },
    AddVoter(AddVoter),
    RemoveVoter(Replica),
    UpdateFeatures(UpdateFeatures),
}

impl Wish {
    /// Whether it makes what exists more, for somebody who can be told to come again.
    pub fn adds(&self) -> bool {
        match self {
            Wish::CreateTopics(_)
            | Wish::CreatePartitions(_)
            | Wish::CreateAcls(_)
            | Wish::AlterScram(_)
            | Wish::AlterQuotas(_)
            | Wish::CreateToken(_)
            | Wish::ChangeToken(_) => true,
            Wish::AlterConfigs(wish) => !wish.is_about_retention(),
            Wish::Format(_)
            | Wish::RegisterBroker(_)
            | Wish::ChangeBroker(_)
            | Wish::Heartbeat(_)
            | Wish::UnregisterBroker { .. }
            | Wish::DeleteTopics(_)
            | Wish::AllocateProducerIds(_)
            | Wish::DeleteAcls(_)
            | Wish::SweepTokens { .. }
            | Wish::AddVoter(_)
            | Wish::RemoveVoter(_)
            | Wish::UpdateFeatures(_) => false,
        }
    }
}

/// Items of a request are answered each on its own, in the order of the request; items that occur twice are answered
/// once, with an error, after all others.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    Formatted,
    Registered {
        broker_epoch: u64,
    },
    BrokerChanged,
    BrokerUnregistered,
    Heartbeat {
        /// It knows its own registration, and what its shards had committed.
        is_caught_up: bool,
        is_fenced: bool,
        is_in_controlled_shutdown: bool,
    },
    TopicsCreated(Vec<(String, Result<CreatedTopic, WishError>)>),
    TopicsDeleted(Vec<DeletedTopic>),
    PartitionsCreated(Vec<(String, Result<(), WishError>)>),
    ConfigsAltered(Vec<(Resource, Result<(), WishError>)>),
    /// Ids `first .. first + count` are the asker's alone.
    ProducerIds {
        first: i64,
        count: i32,
    },
    AclsCreated(Vec<Result<(), WishError>>),
    /// What each filter matched.
    AclsDeleted(Vec<Result<Vec<Acl>, WishError>>),
    ScramAltered(Vec<(String, Result<(), WishError>)>),
    QuotasAltered(Vec<(QuotaEntity, Result<(), WishError>)>),
    /// As it is now.
    Token(TokenRecord),
    TokensSwept,
    VotersChanged,
    FeaturesUpdated,
}

#[derive(Clone, Debug, PartialEq)]
pub struct FormatCluster {
    pub cluster_id: Uuid,
    pub shards: u16,
    /// (name, level), for example ("metadata.version", 27).
    pub features: Vec<(String, i16)>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Registration {
    pub node: i32,
    pub incarnation: u64,
    pub storage_id: Uuid,
    pub endpoints: Vec<Endpoint>,
    pub rack: Option<String>,
    /// What this release can do.
    pub features: Vec<SupportedFeature>,
}

/// A broker's word that it lives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Heartbeat {
    pub node: i32,
    pub broker_epoch: u64,
    /// Of its root image.
    pub root_applied_end: u64,
    /// Each of its shard images reached what the shard's leader had committed after the broker's start, and its journals
    /// are recovered.
    pub shards_ready: bool,
    pub want_fence: bool,
    pub want_shutdown: bool,
}

/// None: leave as it is.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangeBroker {
    pub node: i32,
    pub broker_epoch: u64,
    pub fenced: Option<bool>,
    pub in_controlled_shutdown: Option<bool>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreateTopics {
    pub topics: Vec<NewTopic>,
    pub validate_only: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct NewTopic {
    pub name: String,
    /// -1: the broker's default.
    pub num_partitions: i32,
    /// -1: the broker's default.
    pub replication_factor: i16,
    /// (partition, brokers), preferred leader first; empty to have them placed.
    pub assignments: Vec<(i32, Vec<i32>)>,
    pub configs: Vec<(String, Option<String>)>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreatedTopic {
    pub topic_id: Uuid,
    pub num_partitions: i32,
    pub replication_factor: i16,
    /// The topic's own values.
    pub configs: Vec<(String, String)>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TopicRef {
    Name(String),
    Id(Uuid),
}

impl TopicRef {
    pub fn id(&self) -> Option<Uuid> {
        match self {
            TopicRef::Id(topic_id) => Some(*topic_id),
            TopicRef::Name(_) => None,
        }
    }

    pub fn name(&self) -> Option<&str> {
        match self {
            TopicRef::Id(_) => None,
            TopicRef::Name(name) => Some(name),
        }
    }
}

/// As DeleteTopics answers: what was not given and is not known stays empty.
#[derive(Clone, Debug, PartialEq)]
pub struct DeletedTopic {
    pub name: Option<String>,
    /// Nil if unknown.
    pub topic_id: Uuid,
    pub result: Result<(), WishError>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreatePartitions {
    pub topics: Vec<MorePartitions>,
    pub validate_only: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct MorePartitions {
    pub name: String,
    /// How many there shall be in all.
    pub count: i32,
    /// Brokers of each new partition; None to have them placed.
    pub assignments: Option<Vec<Vec<i32>>>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AlterConfigs {
    pub resources: Vec<(Resource, Vec<ConfigChange>)>,
    pub validate_only: bool,
}

impl AlterConfigs {
    /// On a full disk records are made to go by it.
    fn is_about_retention(&self) -> bool {
        let mut changes = self.resources.iter().flat_map(|(_, changes)| changes);
        changes.all(|change| change.key.contains("retention") || change.key == "cleanup.policy")
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resource {
    Topic(String),
    /// A broker's id in digits, or empty for the default of all brokers.
    Broker(String),
    Group(String),
    /// A subscription to clients' metrics.
    ClientMetrics(String),
}

#[derive(Clone, Debug, PartialEq)]
pub struct ConfigChange {
    pub key: String,
    pub op: ConfigOp,
    pub value: Option<String>,
}

/// Kafka's `AlterConfigOp.OpType`; the numbers are the wire's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i8)]
pub enum ConfigOp {
    Set = 0,
    Delete = 1,
    Append = 2,
    Subtract = 3,
}

impl ConfigOp {
    pub fn from_wire(op: i8) -> Option<ConfigOp> {
        match op {
            0 => Some(ConfigOp::Set),
            1 => Some(ConfigOp::Delete),
            2 => Some(ConfigOp::Append),
            3 => Some(ConfigOp::Subtract),
            _ => None,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            ConfigOp::Set => "SET",
            ConfigOp::Delete => "DELETE",
            ConfigOp::Append => "APPEND",
            ConfigOp::Subtract => "SUBTRACT",
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct AllocateProducerIds {
    pub node: i32,
    pub broker_epoch: u64,
}

/// Kafka's numbers; 1 (ANY) and None match everything, pattern type 2 (MATCH) what applies to the name.
#[derive(Clone, Debug, PartialEq)]
pub struct AclFilter {
    pub resource_type: i8,
    pub resource_name: Option<String>,
    pub pattern_type: i8,
    pub principal: Option<String>,
    pub host: Option<String>,
    pub operation: i8,
    pub permission: i8,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AlterScram {
    /// (user, mechanism)
    pub removals: Vec<(String, i8)>,
    pub upserts: Vec<ScramRecord>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AlterQuotas {
    pub changes: Vec<QuotaChange>,
    pub validate_only: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct QuotaChange {
    pub entity: QuotaEntity,
    pub key: String,
    pub value: Option<f64>,
}

/// Principals are as in `User:alice`.
#[derive(Clone, Debug, PartialEq)]
pub struct NewToken {
    pub token_id: String,
    pub owner: String,
    pub requester: String,
    pub renewers: Vec<String>,
    pub now_ms: i64,
    /// Negative: as long as may be.
    pub lifetime_ms: i64,
    /// `delegation.token.max.lifetime.ms`
    pub lifetime_ms_max: i64,
    /// `delegation.token.expiry.time.ms`
    pub expiry_ms: i64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ChangeToken {
    pub token_id: String,
    /// Who asks.
    pub principal: String,
    pub now_ms: i64,
    pub change: TokenChange,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TokenChange {
    Renew {
        period_ms: i64,
    },
    /// Negative: at once.
    Expire {
        after_ms: i64,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub struct AddVoter {
    pub voter: TargetVoter,
    /// Not an operator's wish but the node's own.
    pub joins_by_itself: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct UpdateFeatures {
    pub updates: Vec<(String, i16, UpgradeType)>,
    pub validate_only: bool,
}

/// Kafka's `FeatureUpdate.UpgradeType`; the numbers are the wire's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i8)]
pub enum UpgradeType {
    Upgrade = 1,
    SafeDowngrade = 2,
    UnsafeDowngrade = 3,
}

impl UpgradeType {
    pub fn from_wire(upgrade: i8) -> Option<UpgradeType> {
        match upgrade {
            1 => Some(UpgradeType::Upgrade),
            2 => Some(UpgradeType::SafeDowngrade),
            3 => Some(UpgradeType::UnsafeDowngrade),
            _ => None,
        }
    }
}
