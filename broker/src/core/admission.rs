//! Who is let in, on the controller's core: how fast connections may be made, by all (`max.connection.creation.rate`) and from one
//! address (`connection_creation_rate`); then how many there may be, which is [`crate::net::quota`]'s.
//!
//! As in Kafka, who comes too fast for the broker waits, and with it whoever is behind; who comes too fast for its address is sent
//! away, and does not count.

use std::{net::IpAddr, time::Duration};

use super::{Core, Message, ReplyTo, message::Reply};
use crate::{
    net::{self, quota::Verdict},
    quota::Turn,
    runtime::world::World,
};

/// A connection was accepted somewhere.
pub(super) fn take<W: World<Message = Message>>(core: &Core<W>, address: IpAddr, to: ReplyTo) {
    core.accepts.borrow_mut().push((address, to));
    admit_next(core);
}

/// Lets in who may be by now, in order. One task waits for the first who may not.
fn admit_next<W: World<Message = Message>>(core: &Core<W>) {
    loop {
        let per_second = f64::from(core.live_config().connections.max_connection_creation_rate);
        let turn = core.accepts.borrow_mut().next(per_second, core.now_ms());
        match turn {
            Turn::Now((address, to)) => admit(core, address, to),
            Turn::In(wait) => {
                let waiting = core.clone();
                core.world.spawn("paced connection", async move {
                    waiting.world.sleep(wait).await;
                    admit_next(&waiting);
                });
                return;
            }
            Turn::Nobody => return,
        }
    }
}

fn admit<W: World<Message = Message>>(core: &Core<W>, address: IpAddr, to: ReplyTo) {
    if let Some(per_second) = core.quotas().of_address(address) {
        let now_ms = core.now_ms();
        let wait_ms = core
            .ledger
            .borrow_mut()
            .connect(address.to_string(), per_second, now_ms);
        if let Ok(wait @ 1..) = u64::try_from(wait_ms) {
            core.accepts.borrow_mut().take_back(now_ms);
            let verdict = Verdict::SendAwayAfter(Duration::from_millis(wait));
            core.reply(to, Reply::Admit(verdict));
            return;
        }
    }
    let verdicts = core.connections.borrow_mut().on_accept(address, to);
    net::tell(core, verdicts);
}
