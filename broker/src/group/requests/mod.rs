//! One file per request that a coordinator serves. Each takes the request's token and sees to it that it is answered.

mod delete_groups;
mod describe_groups;
mod heartbeat;
mod join_group;
mod leave_group;
mod list_groups;
pub(super) mod offset_commit;
mod offset_delete;
pub(super) mod offset_fetch;
mod sync_group;
