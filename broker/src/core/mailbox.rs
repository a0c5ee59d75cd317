//! The one door to a core: takes every request, from this core or another, in order.

use super::{
    Core, ReplyTo, admission,
    message::{Message, Reply, Request},
};
use crate::{group, net, partition, runtime::world::World};

/// Takes messages for as long as the core lives.
pub(super) async fn run<W: World<Message = Message>>(core: Core<W>) {
    loop {
        match core.world.receive().await {
            (from, Message::Request { id, request }) => take(&core, ReplyTo { core: from, id }, request),
            (_, Message::Reply { id, reply }) => core.on_reply(id, reply),
        }
    }
}

/// Carries a request out, or starts the task that does. What must happen in order of arrival (appends) happens before
/// this returns.
pub(super) fn take<W: World<Message = Message>>(core: &Core<W>, to: ReplyTo, request: Request) {
    match request {
        Request::Produce(call) => partition::produce::take(core, to, call),
        Request::Fetch(call) => partition::fetch::take(core, to, call),
        Request::Group(call) => group::host::take(core, to, call),
        Request::CancelFetch(call) => {
            partition::fetch::finish(core, (to.core, call.0));
            core.reply(to, Reply::CancelFetch(()));
        }
        Request::EpochEnd(call) => core.reply(to, Reply::EpochEnd(partition::offsets::epoch_ends(core, &call))),
        Request::ListOffsets(call) => answer_later(core, to, "list offsets", |core| async move {
            Reply::ListOffsets(partition::offsets::list(&core, call).await)
        }),
        Request::DeleteRecords(call) => answer_later(core, to, "delete records", |core| async move {
            Reply::DeleteRecords(partition::delete_records::delete(&core, call).await)
        }),
        Request::LogSizes(call) => answer_later(core, to, "log sizes", |core| async move {
            Reply::LogSizes(partition::describe::log_sizes(&core, call).await)
        }),
        Request::Producers(call) => answer_later(core, to, "producers", |core| async move {
            Reply::Producers(partition::describe::producers(&core, call).await)
        }),
        Request::Wish(call) => answer_later(core, to, "wish", |core| async move {
            Reply::Wish(core.controller().wish(call.0).await)
        }),
        Request::ShardWish(call) => answer_later(core, to, "shard wish", |core| async move {
            Reply::ShardWish(core.shards().wish(call.shard, call.wish).await)
        }),
        Request::Quorum(_) => core.reply(to, Reply::Quorum(core.quorum())),
        Request::Charge(call) => {
            let now_ms = core.now_ms();
            let answer = core.ledger.borrow_mut().charge(call, now_ms);
            core.reply(to, Reply::Charge(answer));
        }
        Request::Admit(call) => admission::take(core, call.0, to),
        Request::Closed(call) => {
            core.reply(to, Reply::Closed(()));
            let verdicts = core.connections.borrow_mut().on_close(call.0);
            net::tell(core, verdicts);
        }
        Request::Open(call) => {
            answer_later(
                core,
                to,
                "open",
                |core| async move { Reply::Open(core.open(call.0).await) },
            );
        }
        Request::RunGroups(_) => answer_later(core, to, "run groups", |core| {
            // What is published from now on finds the groups.
            let running = core.run_groups();
            async move { Reply::RunGroups(running.await) }
        }),
        Request::Settle(_) => answer_later(core, to, "settle", |core| async move {
            Reply::Settle(core.shards().settled().await)
        }),
        Request::Publish(call) => {
            core.apply(&call.0);
            core.reply(to, Reply::Publish(()));
        }
        Request::Registered(call) => {
            core.on_registered(call.0);
            core.reply(to, Reply::Registered(()));
        }
        Request::Listen(_) => answer_later(core, to, "listen", |core| async move { Reply::Listen(core.listen()) }),
        Request::Drain(_) => answer_later(core, to, "drain", |core| async move {
            core.drain().await;
            Reply::Drain(())
        }),
        Request::Abandon(_) => {
            core.abandon();
            core.reply(to, Reply::Abandon(()));
        }
        Request::Stop(_) => answer_later(core, to, "stop", |core| async move {
            core.close().await;
            Reply::Stop(())
        }),
    }
}

fn answer_later<W: World<Message = Message>, F: Future<Output = Reply> + 'static>(
    core: &Core<W>,
    to: ReplyTo,
    name: &'static str,
    work: impl FnOnce(Core<W>) -> F,
) {
    let (answering, work) = (core.clone(), work(core.clone()));
    core.world.spawn(name, async move {
        let reply = work.await;
        answering.reply(to, reply);
    });
}
