//! Brokers come and go: registration, heartbeats, fencing, controlled shutdown. What that does to partitions is decided
//! by their shards, which see the change: root knows of no leader.

use corelane_protocol::error_code::ErrorCode;

use super::{
    super::{
        image::{Broker, RootImage},
        records::{self, BrokerChange, Record, UnregisterBroker},
    },
    Answer, ChangeBroker, Context, Decision, Heartbeat, Registration, WishError,
};

/// The same incarnation keeps its epoch (KAFKA-16952); a new one is always fenced first.
pub fn register(image: &RootImage, wish: &Registration, context: &Context<'_>) -> Decision {
    let rules = context.rules;
    let held = image.broker(wish.node);
    if let Some(held) = held {
        if is_same_incarnation(held, wish) && rules.same_incarnation_keeps_epoch {
            return Ok(register_again(held, wish));
        }
        check_id_is_free(held, wish, context)?;
    }
    let twin = image
        .brokers
        .values()
        .find(|broker| broker.node != wish.node && broker.storage_id == wish.storage_id);
    if let Some(twin) = twin {
        return Err(WishError::new(
            ErrorCode::INVALID_REGISTRATION,
            format!(
                "Broker {} is already registered with directory {}",
                twin.node, wish.storage_id
            ),
        ));
    }
    check_features(image, wish)?;
    let record = records::RegisterBroker {
        broker_epoch: None,
        fenced: rules.incarnation_starts_fenced,
        ..registration_record(wish)
    };
    let broker_epoch = context.next_index;
    Ok((vec![Record::from(record)], Answer::Registered { broker_epoch }))
}

/// A retry changes nothing, unless what was registered is not the same any more.
fn register_again(held: &Broker, wish: &Registration) -> (Vec<Record>, Answer) {
    let broker_epoch = held.broker_epoch;
    let is_same = (&held.endpoints, &held.rack, &held.features) == (&wish.endpoints, &wish.rack, &wish.features);
    let record = records::RegisterBroker {
        broker_epoch: Some(broker_epoch),
        fenced: held.fenced,
        ..registration_record(wish)
    };
    let records = if is_same { vec![] } else { vec![Record::from(record)] };
    (records, Answer::Registered { broker_epoch })
}

fn registration_record(wish: &Registration) -> records::RegisterBroker {
    records::RegisterBroker {
        node: wish.node,
        incarnation: wish.incarnation,
        storage_id: wish.storage_id,
        endpoints: wish.endpoints.clone(),
        rack: wish.rack.clone(),
        features: wish.features.clone(),
        broker_epoch: None,
        fenced: true,
    }
}

/// A broker that lives keeps its id (`ClusterControlManager.registerBroker`). Its own next start is no other broker: a
/// data directory lets one process in at a time and counts its starts, so the process before is dead.
fn check_id_is_free(held: &Broker, wish: &Registration, context: &Context<'_>) -> Result<(), WishError> {
    let same_disk = held.storage_id == wish.storage_id;
    let is_late = same_disk && wish.incarnation < held.incarnation;
    let is_next = same_disk && !is_late;
    let lives = context.live_sessions.contains(&wish.node) && !held.in_controlled_shutdown;
    if is_late || (lives && !is_next && context.rules.live_broker_keeps_id) {
        return Err(WishError::new(
            ErrorCode::DUPLICATE_BROKER_REGISTRATION,
            "Another broker is registered with that broker id. If the broker was recently restarted this should \
             self-resolve once the heartbeat manager expires the broker's session.",
        ));
    }
    Ok(())
}

/// A broker that cannot follow the cluster's features does not join it (`ClusterControlManager.processRegistrationFeature`).
fn check_features(image: &RootImage, wish: &Registration) -> Result<(), WishError> {
    for (name, level) in image.features.iter() {
        let supported = wish.features.iter().find(|feature| feature.name == *name);
        let Some(supported) = supported.filter(|feature| !(feature.min..=feature.max).contains(level)) else {
            continue;
        };
        return Err(WishError::new(
            ErrorCode::UNSUPPORTED_VERSION,
            format!(
                "Unable to register because the broker does not support finalized version {level} of {name}. The broker \
                 wants a version between {} and {}, inclusive.",
                supported.min, supported.max
            ),
        ));
    }
    Ok(())
}

/// What a broker says of itself every now and then, and what follows (`BrokerHeartbeatManager.calculateNextBrokerState`).
/// That it was heard of is noted elsewhere: it is no record.
pub fn heartbeat(image: &RootImage, wish: &Heartbeat, context: &Context<'_>) -> Decision {
    let held = check_epoch(image, wish.node, wish.broker_epoch)?;
    // Not to the end of the log, which is never reached while others write (KAFKA-13959).
    let is_caught_up = wish.root_applied_end > held.broker_epoch && wish.shards_ready;
    let may_unfence = is_caught_up || !context.rules.unfence_when_caught_up;
    let (fenced, in_controlled_shutdown) = if wish.want_fence {
        (true, held.in_controlled_shutdown)
    } else if held.fenced {
        (!may_unfence || wish.want_shutdown, held.in_controlled_shutdown)
    } else {
        (false, held.in_controlled_shutdown || wish.want_shutdown)
    };
    let change = ChangeBroker {
        node: wish.node,
        broker_epoch: wish.broker_epoch,
        fenced: Some(fenced),
        in_controlled_shutdown: Some(in_controlled_shutdown),
    };
    let (records, _) = self::change(image, &change)?;
    let answer = Answer::Heartbeat {
        is_caught_up,
        is_fenced: fenced,
        is_in_controlled_shutdown: in_controlled_shutdown,
    };
    Ok((records, answer))
}

pub fn change(image: &RootImage, wish: &ChangeBroker) -> Decision {
    let held = check_epoch(image, wish.node, wish.broker_epoch)?;
    let change = BrokerChange {
        node: wish.node,
        broker_epoch: wish.broker_epoch,
        fenced: wish.fenced.filter(|fenced| *fenced != held.fenced),
        in_controlled_shutdown: wish
            .in_controlled_shutdown
            .filter(|shutdown| *shutdown != held.in_controlled_shutdown),
    };
    let is_nothing = change.fenced.is_none() && change.in_controlled_shutdown.is_none();
    let records = if is_nothing { vec![] } else { vec![Record::from(change)] };
    Ok((records, Answer::BrokerChanged))
}

/// A broker that was not heard of for too long.
pub fn fence(node: i32, broker_epoch: u64) -> Record {
    Record::from(BrokerChange {
        node,
        broker_epoch,
        fenced: Some(true),
        in_controlled_shutdown: None,
    })
}

/// Forgets a broker for good (`ReplicationControlManager.unregisterBroker`). Its replicas stay assigned, without a disk
/// that could serve them.
pub fn unregister(image: &RootImage, node: i32) -> Decision {
    let Some(held) = image.broker(node) else {
        return Err(WishError::new(
            ErrorCode::BROKER_ID_NOT_REGISTERED,
            format!("Broker ID {node} is not currently registered"),
        ));
    };
    let record = UnregisterBroker {
        node,
        broker_epoch: held.broker_epoch,
    };
    Ok((vec![Record::from(record)], Answer::BrokerUnregistered))
}

/// `ClusterControlManager.checkBrokerEpoch`.
pub fn check_epoch(image: &RootImage, node: i32, broker_epoch: u64) -> Result<&Broker, WishError> {
    let stale = |message: String| WishError::new(ErrorCode::STALE_BROKER_EPOCH, message);
    let broker = image
        .broker(node)
        .ok_or_else(|| stale(format!("No broker registration found for broker id {node}")))?;
    if broker.broker_epoch != broker_epoch {
        return Err(stale(format!(
            "Expected broker epoch {}, but got broker epoch {broker_epoch}",
            broker.broker_epoch
        )));
    }
    Ok(broker)
}

fn is_same_incarnation(held: &Broker, wish: &Registration) -> bool {
    held.incarnation == wish.incarnation && held.storage_id == wish.storage_id
}
