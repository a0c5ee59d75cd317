//! LeaveGroup (Kafka: `GroupMetadataManager.classicGroupLeave`): several members at once; an admin may name a static member
//! by its instance id alone.

use corelane_protocol::{
    error_code::ErrorCode,
    messages::leave_group::{LeaveGroupRequest, LeaveGroupResponse, MemberIdentity},
};

use super::super::{
    classic::{Group, State},
    coordinator::Coordinator,
    event::{RequestToken, Response, left},
    outbox::Outbox,
    timers::TimerKey,
};

impl Coordinator {
    pub(in super::super) fn on_leave_group(&mut self, token: RequestToken, request: &LeaveGroupRequest) {
        let out = &mut self.out;
        let mut response = LeaveGroupResponse::default();
        let Some(group) = self.groups.get_mut(request.group_id.as_str()) else {
            response.members = request
                .members
                .iter()
                .map(|member| {
                    left(
                        &member.member_id,
                        &member.group_instance_id,
                        ErrorCode::UNKNOWN_MEMBER_ID,
                    )
                })
                .collect();
            return out.respond(token, Response::LeaveGroup(response));
        };
        if group.state == State::Dead {
            response.error_code = ErrorCode::COORDINATOR_NOT_AVAILABLE;
            return out.respond(token, Response::LeaveGroup(response));
        }
        for member in &request.members {
            let error = remove(group, member, out).err().unwrap_or(ErrorCode::NONE);
            response
                .members
                .push(left(&member.member_id, &member.group_instance_id, error));
        }
        let anybody = response
            .members
            .iter()
            .any(|member| member.error_code == ErrorCode::NONE);
        let append = if anybody && group.state != State::Empty {
            group.rebalance_or_complete_join(out)
        } else {
            None
        };
        out.respond_after(append, token, Response::LeaveGroup(response));
    }
}

fn remove(group: &mut Group, member: &MemberIdentity, out: &mut Outbox) -> Result<(), ErrorCode> {
    if member.member_id.is_empty() {
        let instance_id = member.group_instance_id.as_ref().ok_or(ErrorCode::UNKNOWN_MEMBER_ID)?;
        let id = group
            .static_members
            .get(instance_id)
            .cloned()
            .ok_or(ErrorCode::UNKNOWN_MEMBER_ID)?;
        group.dismiss(&id, out);
    } else if let Some(pending) = group.pending_join.take(member.member_id.as_str()) {
        out.timers.cancel(&TimerKey::Session(group.id.clone(), pending));
    } else {
        group.validate_member(&member.member_id, member.group_instance_id.as_deref())?;
        group.dismiss(&member.member_id, out);
    }
    Ok(())
}
