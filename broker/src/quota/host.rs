//! Asks the ledgers for one request, and says in its answer how long its client is to wait.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    time::Duration,
};

use corelane_protocol::message::Message as WireMessage;

use super::{Account, Charge, ChargeAnswer, ChargeCall, Kind};
use crate::{
    api::context::RequestContext,
    core::{Core, Message},
    runtime::world::World,
};

/// Who clients of a listener without authentication are, as in Kafka.
const ANONYMOUS: &str = "ANONYMOUS";

/// A charge on its way. In a box, so that requests of clients without limits have no room for one.
pub type Charged = Pin<Box<dyn Future<Output = ChargeAnswer>>>;

/// Charges the request's client, if it has such a limit; the charge is on its way when this returns.
pub fn charge<W: World<Message = Message>>(
    core: &Core<W>,
    context: &RequestContext,
    kind: Kind,
    charge: Charge,
) -> Option<Charged> {
    let quotas = core.quotas();
    if !quotas.has(kind) {
        return None;
    }
    let limit = quotas.limit(kind, ANONYMOUS, context.client_id())?;
    let account = Account::of(kind, &limit);
    let home = account.home(core.world.cores());
    let per_second = limit.per_second;
    let call = ChargeCall {
        account,
        per_second,
        charge,
    };
    Some(Box::pin(core.call(home, call)))
}

/// Most bytes that a fetch may bring without being throttled for it alone.
pub fn fetch_bytes_max<W: World<Message = Message>>(core: &Core<W>, context: &RequestContext) -> Option<usize> {
    let quotas = core.quotas();
    let limit = quotas.limit(Kind::Fetch, ANONYMOUS, context.client_id())?;
    Some((core.quota_window.burst(limit.per_second) as usize).max(1))
}

/// Settles what the request is charged for, the core's time included; what is longest is waited for. Gives the milliseconds, of
/// which the connection was told, too.
pub async fn settle<W: World<Message = Message>>(
    core: &Core<W>,
    context: &RequestContext,
    charged: Option<Charged>,
) -> i32 {
    let busy = || context.progress.busy(core.world.now()).as_secs_f64() * 100.0;
    let time = match core.quotas().has(Kind::Request) {
        true => charge(core, context, Kind::Request, Charge::Used(busy())),
        false => None,
    };
    let mut wait_ms = 0;
    if let Some(charged) = charged {
        wait_ms = charged.await.wait_ms;
    }
    if let Some(time) = time {
        wait_ms = wait_ms.max(time.await.wait_ms);
    }
    throttle(core, context, wait_ms);
    context.progress.throttle_time_ms()
}

/// The same for an API whose answer is one message. Most have a field for it.
pub async fn settle_response<W: World<Message = Message>>(
    core: &Core<W>,
    context: &RequestContext,
    response: &mut impl WireMessage,
) {
    let throttle_time_ms = settle(core, context, None).await;
    if throttle_time_ms > 0
        && let Some(field) = response.throttle_time_ms_mut()
    {
        *field = throttle_time_ms;
    }
}

/// May the request change so many partitions? From version `strict_since` on its client understands that it may not (KIP-599);
/// older ones are let go on, and wait.
pub async fn may_mutate<W: World<Message = Message>>(
    core: &Core<W>,
    context: &RequestContext,
    strict_since: i16,
    partitions: impl FnOnce() -> usize,
) -> bool {
    if !core.quotas().has(Kind::Mutation) {
        return true;
    }
    let amount = partitions() as f64;
    let wanted = match context.api_version >= strict_since {
        true => Charge::IfAllowed(amount),
        false => Charge::Used(amount),
    };
    let Some(charged) = charge(core, context, Kind::Mutation, wanted) else {
        return true;
    };
    let answer = charged.await;
    throttle(core, context, answer.wait_ms);
    !answer.is_refused
}

fn throttle<W: World<Message = Message>>(core: &Core<W>, context: &RequestContext, wait_ms: i64) {
    if let Ok(wait @ 1..) = u64::try_from(wait_ms) {
        let until = core.world.now().after(Duration::from_millis(wait));
        context.progress.throttle(until, wait_ms);
    }
}

/// Counts for how long a core works on a request, where somebody's limit asks for it.
pub async fn measured<W: World<Message = Message>, T>(
    core: &Core<W>,
    context: &RequestContext,
    work: impl Future<Output = T>,
) -> T {
    let mut work = pin!(work);
    poll_fn(|task| {
        context.progress.work_begins(core.world.now());
        let polled = work.as_mut().poll(task);
        context.progress.work_pauses(core.world.now());
        polled
    })
    .await
}
