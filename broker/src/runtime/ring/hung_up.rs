//! Waiting for the peer's end, while nobody reads.

use std::{future::poll_fn, rc::Rc, task::Poll};

use super::{replace_waker, stream::Handle};

/// Ends when the peer has, whatever it sent before that is still unread. Of a peer that has sent more than may wait unread, the
/// end is behind what the kernel keeps, and is seen when that was read.
pub(super) async fn hung_up(handle: Rc<Handle>) {
    let key = handle.key;
    poll_fn(|context| {
        handle.ring.with(|inner| {
            let slot = inner.streams.get(key).expect("an open stream has a slot");
            if slot.stopped || slot.receiving.is_over() {
                return Poll::Ready(());
            }
            slot.receiving.land();
            replace_waker(&mut slot.receiving.end_waker, context, &mut inner.aftermath);
            inner.arm_receive(key);
            Poll::Pending
        })
    })
    .await;
}
