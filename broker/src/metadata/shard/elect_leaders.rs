//! ElectLeaders: `ReplicationControlManager.electLeader`; and the balance of preferred leaders.

use corelane_protocol::error_code::ErrorCode;

use super::{
    super::{
        decide::WishError,
        image::Partition,
        placement::PartitionKey,
        records::{NodeList, Record},
    },
    alter_partition::refuse,
    build::{Election, Target, build},
    record,
    view::ShardView,
    wish::ElectionType,
};

pub fn elect(view: &ShardView<'_>, key: &PartitionKey, election: ElectionType) -> Result<Record, WishError> {
    let held = view.partition(key).ok_or_else(|| {
        WishError::new(
            ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
            format!("No such partition as {}-{}", key.topic_id, key.partition),
        )
    })?;
    if view.is_root_behind(held) {
        return Err(refuse(ErrorCode::NOT_CONTROLLER));
    }
    let needless = match election {
        ElectionType::Preferred => is_led_by_preferred(held),
        ElectionType::Unclean => held.leader.is_some(),
    };
    if needless {
        return Err(refuse(ErrorCode::ELECTION_NOT_NEEDED));
    }
    let (kind, failure) = match election {
        ElectionType::Preferred => (Election::Preferred, ErrorCode::PREFERRED_LEADER_NOT_AVAILABLE),
        ElectionType::Unclean => (Election::UncleanIfNeeded, ErrorCode::ELIGIBLE_LEADERS_NOT_AVAILABLE),
    };
    let next = elected(view, held, kind).filter(|next| next.leader.is_some() && next.leader != held.leader);
    match next {
        Some(next) => Ok(record(key, &next)),
        None => Err(refuse(failure)),
    }
}

/// Gives leadership back to the preferred leader, if it is in the ISR.
pub fn balance(view: &ShardView<'_>, key: &PartitionKey) -> Option<Record> {
    let held = view.partition(key)?;
    if is_led_by_preferred(held) || held.leader.is_none() || view.is_root_behind(held) {
        return None;
    }
    let next = elected(view, held, Election::Preferred)?;
    is_led_by_preferred(&next).then(|| record(key, &next))
}

fn elected(view: &ShardView<'_>, held: &Partition, election: Election) -> Option<Partition> {
    let is_active = |node: &i32| view.active(held, *node).is_some();
    let target = Target {
        // Members that died leave in the same breath; the leader, who serves, stays.
        isr: match held.leader {
            Some(_) => held.isr.clone(),
            None => held.isr.iter().copied().filter(is_active).collect::<NodeList>(),
        },
        election,
        ..Target::same(held)
    };
    build(view, held, &target)
}

fn is_led_by_preferred(state: &Partition) -> bool {
    let preferred = state.replicas.first().map(|replica| replica.node);
    state.leader.is_some() && state.leader.map(|leader| leader.node) == preferred
}
