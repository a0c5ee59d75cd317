//! One member of a classic group (Kafka: `ClassicGroupMember`).

use bytes::Bytes;

use super::{MemberId, event::RequestToken};

#[derive(Clone, Debug)]
pub(super) struct Member {
    pub id: MemberId,
    /// `group.instance.id`: the member is static, its place survives a restart of the client.
    pub instance_id: Option<String>,
    pub client_id: String,
    pub client_host: String,
    pub rebalance_timeout_ms: i32,
    pub session_timeout_ms: i32,
    /// Assignment strategies (name, subscription) in the member's order of preference.
    pub protocols: Vec<(String, Bytes)>,
    pub assignment: Bytes,
    /// The JoinGroup that waits for the end of the join phase.
    pub awaiting_join: Option<RequestToken>,
    /// The SyncGroup that waits for the leader's assignment.
    pub awaiting_sync: Option<RequestToken>,
    /// Has never been told its id by a JoinGroup response, so it cannot send heartbeats yet.
    pub is_new: bool,
}

impl Member {
    pub fn is_static(&self) -> bool {
        self.instance_id.is_some()
    }

    pub fn supports(&self, protocol: &str) -> bool {
        self.metadata(protocol).is_some()
    }

    pub fn metadata(&self, protocol: &str) -> Option<&Bytes> {
        self.protocols
            .iter()
            .find(|(name, _)| name == protocol)
            .map(|(_, metadata)| metadata)
    }

    /// The first of its protocols that is among the candidates.
    pub fn vote<'a>(&'a self, candidates: &[&str]) -> Option<&'a str> {
        self.protocols
            .iter()
            .map(|(name, _)| name.as_str())
            .find(|name| candidates.contains(name))
    }

    /// A member that waits for us cannot send heartbeats, so its session does not end. A new one can vanish unseen while
    /// it waits, therefore it is not spared.
    pub fn has_satisfied_heartbeat(&self) -> bool {
        !self.is_new && (self.awaiting_join.is_some() || self.awaiting_sync.is_some())
    }
}
