//! SyncGroup (Kafka: `GroupMetadataManager.classicGroupSync…`): the leader brings the assignment, everybody fetches the own
//! part of it. Versions 5 and up also say which protocol they think was chosen.

use corelane_protocol::{error_code::ErrorCode, messages::sync_group::SyncGroupRequest};

use super::super::{
    classic::{Group, State},
    coordinator::Coordinator,
    event::RequestToken,
    rebalance::sync_failed,
};

impl Coordinator {
    pub(in super::super) fn on_sync_group(&mut self, token: RequestToken, request: SyncGroupRequest) {
        let out = &mut self.out;
        let Some(group) = self.groups.get_mut(request.group_id.as_str()) else {
            return out.respond(token, sync_failed(ErrorCode::UNKNOWN_MEMBER_ID));
        };
        if let Err(error) = validate(group, &request) {
            return out.respond(token, sync_failed(error));
        }
        match group.state {
            State::PreparingRebalance => out.respond(token, sync_failed(ErrorCode::REBALANCE_IN_PROGRESS)),
            State::CompletingRebalance => {
                let member = group.members.get_mut(request.member_id.as_str()).expect("validated");
                if let Some(superseded) = member.awaiting_sync.replace(token) {
                    out.respond(superseded, sync_failed(ErrorCode::REBALANCE_IN_PROGRESS));
                }
                group.on_synced(&request.member_id, out);
                if group.is_leader(&request.member_id) {
                    group.write_assignment(&request, out);
                }
            }
            State::Stable => {
                group.on_synced(&request.member_id, out);
                out.respond(token, group.sync_response(&request.member_id));
            }
            State::Empty | State::Dead => unreachable!("validated"),
        }
    }
}

fn validate(group: &Group, request: &SyncGroupRequest) -> Result<(), ErrorCode> {
    match group.state {
        State::Empty => return Err(ErrorCode::UNKNOWN_MEMBER_ID),
        State::Dead => return Err(ErrorCode::COORDINATOR_NOT_AVAILABLE),
        _ => group.validate_member(&request.member_id, request.group_instance_id.as_deref())?,
    }
    if request.generation_id != group.generation {
        return Err(ErrorCode::ILLEGAL_GENERATION);
    }
    let differ = |said: &Option<String>, is: &Option<String>| said.is_some() && is.is_some() && said != is;
    if differ(&request.protocol_type, &group.protocol_type) || differ(&request.protocol_name, &group.protocol_name) {
        return Err(ErrorCode::INCONSISTENT_GROUP_PROTOCOL);
    }
    Ok(())
}
