//! The end of a static member's replacement in a stable group: its record is durable, or it is undone.

use corelane_protocol::error_code::ErrorCode;

use super::{
    MemberId,
    classic::{Group, State},
    event::Response,
    member::Member,
    outbox::Outbox,
    rebalance::{answer_waiting, join_failed},
    timers::TimerKey,
};

impl Group {
    pub fn is_stable_in(&self, generation: i32) -> bool {
        self.state == State::Stable && self.generation == generation
    }

    /// The new id is durable. A client that knows `skip_assignment` may learn that it leads; an older one would assign
    /// again without a rebalance, so it hears the former leader's id.
    pub fn answer_replaced(&mut self, id: &str, former_leader: String, skip_assignment: bool, out: &mut Outbox) {
        let Some(token) = self.members.get_mut(id).and_then(|member| member.awaiting_join.take()) else {
            return;
        };
        let mut response = self.join_response(id, skip_assignment);
        if let Response::JoinGroup(response) = &mut response
            && !skip_assignment
        {
            response.leader = former_leader;
            response.members.clear();
        }
        out.respond(token, response);
        self.restart_session(id, out);
    }

    /// The new id was not written, so the former one is still the member's.
    pub fn give_back(&mut self, former: Member, id: &MemberId, error: ErrorCode, out: &mut Outbox) {
        let Some(instance_id) = former.instance_id.clone() else {
            return;
        };
        if self.static_members.get(&instance_id) != Some(id) {
            // Replaced once more; the later record decides.
            return;
        }
        let Some(member) = self.members.remove(id) else { return };
        out.timers.cancel(&TimerKey::Session(self.id.clone(), id.clone()));
        if let Some(token) = member.awaiting_join {
            out.respond(token, join_failed("", error));
        }
        if self.is_leader(id) {
            self.leader = Some(former.id.clone());
        }
        self.static_members.insert(instance_id, former.id.clone());
        let former_id = former.id.clone();
        self.members.insert(former_id.clone(), former);
        self.restart_session(&former_id, out);
    }

    /// The group is no longer ours: all who wait are told why.
    pub fn dismiss_all(&mut self, error: ErrorCode, out: &mut Outbox) {
        for member in std::mem::take(&mut self.members).into_values() {
            out.timers
                .cancel(&TimerKey::Session(self.id.clone(), member.id.clone()));
            let id = member.id.to_string();
            answer_waiting(member, id, error, out);
        }
        for id in std::mem::take(&mut self.pending_join) {
            out.timers.cancel(&TimerKey::Session(self.id.clone(), id));
        }
        out.timers.cancel(&TimerKey::Join(self.id.clone()));
        out.timers.cancel(&TimerKey::Sync(self.id.clone()));
    }
}
