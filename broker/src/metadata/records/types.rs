//! The bodies. A field is never added, removed or moved in place: that is a new version (see the table beside).

use rkyv::{Archive, Deserialize, Serialize};
use smallvec::SmallVec;
use uuid::Uuid;

/// Nodes of one partition, in place: states are copied and compared often, and hardly ever have more.
pub type NodeList = SmallVec<[i32; 6]>;
pub type ReplicaList = SmallVec<[Replica; 5]>;

/// The first record of a cluster.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct Format {
    pub cluster_id: Uuid,
    /// Fixed for the cluster's life: partitions are spread over this many shards.
    pub shards: u16,
}

/// A feature's finalized level, as ApiVersions shows it; 0 removes it.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct FeatureLevel {
    pub name: String,
    pub level: i16,
}

/// A broker's incarnation, or what a known one has changed.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct RegisterBroker {
    pub node: i32,
    /// Grows with every start of this disk.
    pub incarnation: u64,
    pub storage_id: Uuid,
    pub endpoints: Vec<Endpoint>,
    pub rack: Option<String>,
    pub features: Vec<SupportedFeature>,
    /// None: the index of the entry that holds this. The same incarnation keeps its own (KAFKA-16952).
    pub broker_epoch: Option<u64>,
    /// A new incarnation is.
    pub fenced: bool,
}

/// Levels of a feature that a broker's release can follow.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
pub struct SupportedFeature {
    pub name: String,
    pub min: i16,
    pub max: i16,
}

/// Version 0 of [`RegisterBroker`]: always a new incarnation, always fenced, of a release that names no features.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct RegisterBrokerV0 {
    pub node: i32,
    pub incarnation: u64,
    pub storage_id: Uuid,
    pub endpoints: Vec<Endpoint>,
    pub rack: Option<String>,
}

impl From<RegisterBrokerV0> for RegisterBroker {
    fn from(older: RegisterBrokerV0) -> RegisterBroker {
        RegisterBroker {
            node: older.node,
            incarnation: older.incarnation,
            storage_id: older.storage_id,
            endpoints: older.endpoints,
            rack: older.rack,
            features: Vec::new(),
            broker_epoch: None,
            fenced: true,
        }
    }
}

/// The broker is forgotten.
#[derive(Archive, Serialize, Deserialize, Clone, Copy, Debug, PartialEq)]
pub struct UnregisterBroker {
    pub node: i32,
    pub broker_epoch: u64,
}

/// Where clients reach a broker.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct Endpoint {
    /// The listener's name, for example `PLAINTEXT`.
    pub listener: String,
    pub host: String,
    pub port: u16,
    /// Kafka's number of the security protocol: 0 PLAINTEXT, 1 SSL, 2 SASL_PLAINTEXT, 3 SASL_SSL.
    pub security_protocol: i16,
}

#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct BrokerChange {
    pub node: i32,
    pub broker_epoch: u64,
    /// None: as it was.
    pub fenced: Option<bool>,
    pub in_controlled_shutdown: Option<bool>,
}

/// A topic with all of its partitions, at their first state: atomic, however many they are.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct TopicRecord {
    pub topic_id: Uuid,
    pub name: String,
    /// Effective when created, not above the replication factor.
    pub min_isr: u16,
    pub configs: Vec<(String, String)>,
    /// Of each partition the replicas, preferred leader first.
    pub partitions: Vec<Vec<ReplicaSlot>>,
}

#[derive(Archive, Serialize, Deserialize, Clone, Copy, Debug, PartialEq)]
pub struct ReplicaSlot {
    pub node: i32,
    pub storage_id: Uuid,
    /// The broker's epoch at creation: an incarnation that came later does not lead by this record.
    pub broker_epoch: u64,
    pub in_isr: bool,
}

#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct PartitionsAdded {
    pub topic_id: Uuid,
    /// Number of the first new partition: as many as there were.
    pub first: i32,
    pub min_isr: u16,
    pub partitions: Vec<Vec<ReplicaSlot>>,
}

#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct RemoveTopic {
    pub topic_id: Uuid,
}

/// Whose config a value is.
#[derive(Archive, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConfigOwner {
    Topic(Uuid),
    /// One broker, or with None the default of all.
    Broker(Option<i32>),
}

#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct ConfigRecord {
    pub owner: ConfigOwner,
    pub key: String,
    /// None: back to the default.
    pub value: Option<String>,
}

/// What the value of a config is of, other than topics and brokers: Kafka's resource types that have names only.
#[derive(Archive, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NamedKind {
    ClientMetrics,
    Group,
}

#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct NamedConfig {
    pub kind: NamedKind,
    pub name: String,
    pub key: String,
    /// None: back to the default.
    pub value: Option<String>,
}

#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct ProducerIds {
    /// Producer ids below this were handed out.
    pub next: i64,
}

/// All of a partition's state; the last one wins. `partition_epoch` is one more than before.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct PartitionRecord {
    pub topic_id: Uuid,
    pub partition: i32,
    pub state: PartitionState,
}

/// Says of a shard's log: what follows was decided with root known up to `end`. A leader of the shard that knows less of
/// root does not conclude from what it has not heard of.
#[derive(Archive, Serialize, Deserialize, Clone, Copy, Debug, PartialEq)]
pub struct RootSeen {
    /// Entries of the root log: the index after the last one.
    pub end: u64,
}

/// Node ids in `isr`, `elr`, `last_known_elr`, `adding` and `removing` are sorted.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct PartitionState {
    /// Index of the record that made the partition.
    pub create_index: u64,
    pub partition_epoch: i32,
    pub leader_epoch: i32,
    pub leader: Option<Leader>,
    pub isr: NodeList,
    /// Eligible leader replicas (KIP-966): out of the ISR, but known to hold all committed records.
    pub elr: NodeList,
    pub last_known_elr: NodeList,
    /// The only value that the high watermark, acks=all and the ELR go by (KAFKA-16540).
    pub min_isr: u16,
    /// An unclean leader was elected and has not recovered yet.
    pub recovering: bool,
    /// The leader epoch that the last unclean election began; −1 if there was none. Whoever took part in no epoch since
    /// then may believe committed what was given up.
    pub unclean_epoch: i32,
    /// Preferred leader first.
    pub replicas: ReplicaList,
    pub adding: NodeList,
    pub removing: NodeList,
}

/// Version 0 of [`PartitionRecord`]: of one node's partitions, which no other replica followed.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct PartitionRecordV0 {
    pub topic_id: Uuid,
    pub partition: i32,
    pub state: PartitionStateV0,
}

#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct PartitionStateV0 {
    pub create_index: u64,
    pub partition_epoch: i32,
    pub leader_epoch: i32,
    pub leader: Option<Leader>,
    pub isr: NodeList,
    pub elr: NodeList,
    pub last_known_elr: NodeList,
    pub min_isr: u16,
    pub recovering: bool,
    pub replicas: ReplicaList,
    pub adding: NodeList,
    pub removing: NodeList,
}

impl From<PartitionRecordV0> for PartitionRecord {
    fn from(older: PartitionRecordV0) -> PartitionRecord {
        let state = older.state;
        PartitionRecord {
            topic_id: older.topic_id,
            partition: older.partition,
            state: PartitionState {
                create_index: state.create_index,
                partition_epoch: state.partition_epoch,
                leader_epoch: state.leader_epoch,
                leader: state.leader,
                isr: state.isr,
                elr: state.elr,
                last_known_elr: state.last_known_elr,
                min_isr: state.min_isr,
                recovering: state.recovering,
                unclean_epoch: if state.recovering { state.leader_epoch } else { -1 },
                replicas: state.replicas,
                adding: state.adding,
                removing: state.removing,
            },
        }
    }
}

/// A leader is one incarnation of a broker: after a restart it must be granted again.
#[derive(Archive, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leader {
    pub node: i32,
    pub broker_epoch: u64,
}

/// A replica is a node with this disk.
#[derive(Archive, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replica {
    pub node: i32,
    pub storage_id: Uuid,
}

/// Who shall vote in every group; each group's leader brings its own voters in line, one at a time.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct VotersTarget {
    pub voters: Vec<TargetVoter>,
    /// Disks that were removed. None of them becomes a voter again unless an operator says so (KAFKA-19850).
    pub retired: Vec<Replica>,
}

/// A voter is a node with its disk (KIP-853).
#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct TargetVoter {
    pub node: i32,
    pub storage_id: Uuid,
    /// Where other nodes reach it.
    pub endpoints: Vec<Endpoint>,
}

/// Numbers are Kafka's: of resource and pattern types, operations and permissions.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Acl {
    pub resource_type: i8,
    pub resource_name: String,
    pub pattern_type: i8,
    /// For example `User:alice`.
    pub principal: String,
    pub host: String,
    pub operation: i8,
    pub permission: i8,
}

#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct AclRecord {
    pub id: Uuid,
    pub acl: Acl,
}

#[derive(Archive, Serialize, Deserialize, Clone, Copy, Debug, PartialEq)]
pub struct RemoveAcl {
    pub id: Uuid,
}

/// A user's credential (RFC 5802): nothing in it opens a door by itself.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct ScramRecord {
    pub user: String,
    /// Kafka's number: 1 SCRAM-SHA-256, 2 SCRAM-SHA-512.
    pub mechanism: i8,
    pub salt: Vec<u8>,
    pub stored_key: Vec<u8>,
    pub server_key: Vec<u8>,
    pub iterations: i32,
}

#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct RemoveScram {
    pub user: String,
    pub mechanism: i8,
}

/// A limit of one key, for a user, a client id, an address, or several of them together.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct QuotaRecord {
    /// (type, name), sorted; no name is the default of the type.
    pub entity: Vec<(String, Option<String>)>,
    pub key: String,
    /// None removes it.
    pub value: Option<f64>,
}

/// A delegation token as it is now (KIP-48). Its HMAC is computed from the id, and is in no record.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct TokenRecord {
    pub token_id: String,
    pub owner: String,
    pub requester: String,
    pub renewers: Vec<String>,
    /// Milliseconds since 1970.
    pub issue_ms: i64,
    pub expiry_ms: i64,
    pub max_ms: i64,
}

#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub struct RemoveToken {
    pub token_id: String,
}
