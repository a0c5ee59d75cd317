//! AddRaftVoter and RemoveRaftVoter: who shall vote. Each group's leader reconciles its own voters with this, one node
//! at a time, so here any number may change; but never nobody is left.

use corelane_protocol::error_code::ErrorCode;

use super::{
    super::{
        image::RootImage,
        records::{Record, Replica, TargetVoter, VotersTarget},
    },
    AddVoter, Answer, Decision, WishError,
};

/// More would wait for each other longer than they would survive more.
pub const VOTERS_MAX: usize = 5;

pub fn add(image: &RootImage, wish: &AddVoter) -> Decision {
    let held = &*image.voters;
    let TargetVoter { node, storage_id, .. } = wish.voter;
    if held.voters.iter().any(|voter| voter.node == node) {
        return Err(WishError::new(
            ErrorCode::DUPLICATE_VOTER,
            format!("The voter id {node} is already part of the set of voters."),
        ));
    }
    let voter = Replica { node, storage_id };
    if wish.joins_by_itself && held.retired.contains(&voter) {
        return Err(WishError::new(
            ErrorCode::INVALID_REQUEST,
            format!("Voter {node} with directory {storage_id} was removed, and must be added by hand."),
        ));
    }
    if held.voters.len() >= VOTERS_MAX {
        return Err(WishError::new(
            ErrorCode::INVALID_REQUEST,
            format!("There are {VOTERS_MAX} voters already."),
        ));
    }
    let mut target = held.clone();
    target.voters.push(wish.voter.clone());
    target.voters.sort_by_key(|voter| voter.node);
    target.retired.retain(|retired| *retired != voter);
    Ok((vec![Record::from(target)], Answer::VotersChanged))
}

pub fn remove(image: &RootImage, voter: &Replica) -> Decision {
    let held = &*image.voters;
    let is_meant = |one: &TargetVoter| (one.node, one.storage_id) == (voter.node, voter.storage_id);
    if !held.voters.iter().any(is_meant) {
        return Err(WishError::new(
            ErrorCode::VOTER_NOT_FOUND,
            format!(
                "Cannot remove voter {} with directory {}: it is not in the set of voters.",
                voter.node, voter.storage_id
            ),
        ));
    }
    if held.voters.len() == 1 {
        return Err(WishError::new(
            ErrorCode::INVALID_REQUEST,
            "Cannot remove the only voter.",
        ));
    }
    let mut target: VotersTarget = held.clone();
    target.voters.retain(|one| !is_meant(one));
    target.retired.push(*voter);
    Ok((vec![Record::from(target)], Answer::VotersChanged))
}
