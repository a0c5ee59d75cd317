//! Heartbeat (Kafka: `GroupMetadataManager.classicGroupHeartbeat`): keeps a member's session, and tells it to join again
//! when a rebalance has begun.

use corelane_protocol::{
    error_code::ErrorCode,
    messages::heartbeat::{HeartbeatRequest, HeartbeatResponse},
};

use super::super::{
    classic::State,
    coordinator::Coordinator,
    event::{RequestToken, Response},
};

impl Coordinator {
    pub(in super::super) fn on_heartbeat(&mut self, token: RequestToken, request: &HeartbeatRequest) {
        let error_code = self.heartbeat(request).err().unwrap_or(ErrorCode::NONE);
        self.out.respond(
            token,
            Response::Heartbeat(HeartbeatResponse {
                error_code,
                ..Default::default()
            }),
        );
    }

    fn heartbeat(&mut self, request: &HeartbeatRequest) -> Result<(), ErrorCode> {
        let group = self
            .groups
            .get(request.group_id.as_str())
            .ok_or(ErrorCode::UNKNOWN_MEMBER_ID)?;
        if group.state == State::Dead {
            return Err(ErrorCode::COORDINATOR_NOT_AVAILABLE);
        }
        group.validate_member(&request.member_id, request.group_instance_id.as_deref())?;
        if request.generation_id != group.generation {
            return Err(ErrorCode::ILLEGAL_GENERATION);
        }
        group.restart_session(&request.member_id, &mut self.out);
        match group.state {
            State::PreparingRebalance => Err(ErrorCode::REBALANCE_IN_PROGRESS),
            _ => Ok(()),
        }
    }
}
