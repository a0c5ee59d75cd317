//! Brokers come and go: registration, fencing, controlled shutdown. What that does to partitions is decided in the same
//! breath, so that no image ever shows a fenced broker in the ISR of a partition that others could lead.

use corelane_protocol::error_code::ErrorCode;

use super::{
    super::{
        image::{Broker, Image},
        records::{self, BrokerChange, Record},
    },
    Answer, ChangeBroker, Context, Decision, Registration, WishError,
    partition_change::{Trigger, reconcile_broker},
};

/// A new incarnation is always fenced first. The same incarnation keeps its epoch (KAFKA-16952).
pub fn register(image: &Image, wish: &Registration, context: &Context<'_>) -> Decision {
    if let Some(held) = image.broker(wish.node) {
        if is_same_incarnation(held, wish) {
            let broker_epoch = held.broker_epoch;
            return Ok((Vec::new(), Answer::Registered { broker_epoch }));
        }
        if context.live_sessions.contains(&wish.node) {
            return Err(WishError::new(
                ErrorCode::DUPLICATE_BROKER_REGISTRATION,
                "Another broker is registered with that broker id.",
            ));
        }
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
    let mut records = vec![Record::from(records::RegisterBroker {
        node: wish.node,
        incarnation: wish.incarnation,
        storage_id: wish.storage_id,
        endpoints: wish.endpoints.clone(),
        rack: wish.rack.clone(),
    })];
    add_partition_changes(image, wish.node, Trigger::Registered, &mut records, context);
    let broker_epoch = context.next_index;
    Ok((records, Answer::Registered { broker_epoch }))
}

/// Unfencing grants nothing by itself to partitions that have a leader already of this node: that is [`super::Wish::Reconcile`],
/// in pieces, since a start may have many of them.
pub fn change(image: &Image, wish: &ChangeBroker, context: &Context<'_>) -> Decision {
    let held = check_epoch(image, wish.node, wish.broker_epoch)?;
    let change = BrokerChange {
        node: wish.node,
        broker_epoch: wish.broker_epoch,
        fenced: wish.fenced.filter(|fenced| *fenced != held.fenced),
        in_controlled_shutdown: wish
            .in_controlled_shutdown
            .filter(|shutdown| *shutdown != held.in_controlled_shutdown),
    };
    if change.fenced.is_none() && change.in_controlled_shutdown.is_none() {
        return Ok((Vec::new(), Answer::BrokerChanged));
    }
    let leaves = change.fenced == Some(true) || change.in_controlled_shutdown == Some(true);
    let mut records = vec![Record::from(change)];
    if leaves {
        add_partition_changes(image, wish.node, Trigger::Left, &mut records, context);
    }
    Ok((records, Answer::BrokerChanged))
}

/// `ClusterControlManager.checkBrokerEpoch`.
pub fn check_epoch(image: &Image, node: i32, broker_epoch: u64) -> Result<&Broker, WishError> {
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

/// What the records so far do to the node's partitions, decided on the image as they leave it.
fn add_partition_changes(image: &Image, node: i32, trigger: Trigger, records: &mut Vec<Record>, context: &Context<'_>) {
    let mut overlay = image.clone();
    for record in records.iter() {
        overlay
            .apply(context.next_index, record)
            .expect("a record that was just decided fits");
    }
    records.extend(reconcile_broker(&overlay, node, trigger, context));
}
