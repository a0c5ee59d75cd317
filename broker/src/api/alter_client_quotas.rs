//! AlterClientQuotas (key 49), versions 0 to 1: sets and removes limits of users, client ids and addresses (KIP-546).
//!
//! Version 1 is flexible. What the limits do is in `quota`.

use std::collections::BTreeSet;

use corelane_protocol::messages::{
    AlterClientQuotasRequest, AlterClientQuotasResponse,
    alter_client_quotas::{EntityData, EntryData, EntryOutcome},
};

use super::{context::RequestContext, refusals::Refusals};
use crate::{
    core::{Core, Message},
    metadata::{
        QuotaEntity,
        decide::{AlterQuotas, Answer, QuotaChange, Wish, WishError},
    },
    runtime::world::World,
};

pub async fn handle<W: World<Message = Message>>(
    core: Core<W>,
    context: RequestContext,
    request: AlterClientQuotasRequest,
) -> AlterClientQuotasResponse {
    let changes: Vec<QuotaChange> = request.entries.into_iter().flat_map(changes).collect();
    let mut refusals = Refusals::of(&core, &context);
    let said = match request.validate_only {
        true => Vec::new(),
        false => changes.clone(),
    };
    let asked: Vec<QuotaEntity> = changes.iter().map(|change| change.entity.clone()).collect();
    let wish = Wish::AlterQuotas(AlterQuotas {
        changes,
        validate_only: request.validate_only,
    });
    let results = match core.wish(wish).await {
        Ok(Answer::QuotasAltered(results)) => results,
        Ok(other) => unreachable!("the answer of another wish: {other:?}"),
        Err(error) => asked.into_iter().map(|entity| (entity, Err(error.clone()))).collect(),
    };
    let altered: BTreeSet<&QuotaEntity> = results
        .iter()
        .filter_map(|(entity, result)| result.is_ok().then_some(entity))
        .collect();
    for QuotaChange { mut entity, key, value } in said {
        entity.sort();
        if altered.contains(&entity) {
            tracing::info!(peer = %context.peer, client_id = context.client_id(), ?entity, key, ?value, "quota altered");
        }
    }
    let entries = results
        .into_iter()
        .map(|(entity, result)| outcome(&mut refusals, entity, result));
    AlterClientQuotasResponse {
        entries: entries.collect(),
        ..Default::default()
    }
}

fn changes(entry: EntryData) -> impl Iterator<Item = QuotaChange> {
    let part = |part: EntityData| (part.entity_type, part.entity_name);
    let entity: QuotaEntity = entry.entity.into_iter().map(part).collect();
    entry.ops.into_iter().map(move |op| QuotaChange {
        entity: entity.clone(),
        key: op.key,
        value: (!op.remove).then_some(op.value),
    })
}

fn outcome(refusals: &mut Refusals<'_>, entity: QuotaEntity, result: Result<(), WishError>) -> EntryOutcome {
    let mut outcome = EntryOutcome {
        error_message: None,
        ..EntryOutcome::default()
    };
    if let Err(error) = result {
        refusals.add(format_args!("{entity:?}"), &error);
        outcome.error_code = error.code;
        outcome.error_message = Some(error.message);
    }
    let part = |(entity_type, entity_name)| EntityData {
        entity_type,
        entity_name,
    };
    outcome.entity = entity.into_iter().map(part).collect();
    outcome
}
