//! One client connection: bytes in, frames to dispatch, answers out in the order of the requests.

use std::{net::SocketAddr, panic::AssertUnwindSafe, pin::pin, rc::Rc, time::Duration};

use bytes::{Buf, Bytes, BytesMut};
use corelane_protocol::frame::{self, FrameError};
use futures_lite::{FutureExt, future};

use super::{
    activity::Activity,
    in_flight::{Finished, InFlight},
    lane::Lane,
    large_frames::LargeFrame,
    other_protocol::other_protocol,
    seldom::Seldom,
    slow,
};
use crate::{
    api::{
        context::{Client, Outcome},
        dispatch,
    },
    core::{Core, Message},
    limits::{
        FILL_BYTES_MAX, FRAME_TIME_MAX, GROWTH_BYTES_FREE, GROWTH_RATIO, HUNG_UP_TIME_MAX, READ_CHUNK_BYTES,
        SEND_PARTS_MAX, SEND_PIECE_BYTES, SEND_STALL_MAX, SMALL_FRAME_BYTES_MAX,
    },
    log_limit::Verdict,
    metrics::{self, Timeline},
    runtime::world::{Instant, Parts, Stream, World},
};

/// Serves a connection until its end, of either side.
///
/// A panic below is caught here and nowhere else: it costs the client its connection, and everybody else nothing.
pub(super) async fn serve<W: World<Message = Message>>(core: Core<W>, stream: W::Stream, peer: SocketAddr) {
    let in_flight = InFlight::default();
    let activity = Activity::new(core.world.clone());
    let silence = async {
        match u64::try_from(core.config.connections.connections_max_idle_ms) {
            Ok(idle_ms) => activity.silence(Duration::from_millis(idle_ms), &in_flight).await,
            Err(_) => std::future::pending().await,
        }
        tracing::debug!(%peer, "silent for too long");
        Ok(())
    };
    let stall = async {
        activity.stall(SEND_STALL_MAX).await;
        Err(format!(
            "its client took nothing of an answer for {} s",
            SEND_STALL_MAX.as_secs()
        ))
    };
    let conversation = async {
        let mut answers = pin!(answer(&core, &stream, peer, &in_flight, &activity));
        let reading = async { Ok(read_requests(&core, &stream, peer, &in_flight, &activity).await) };
        // A failed answer ends both halves at once.
        let end = reading.or(async { answers.as_mut().await.map(Ok) }).await?;
        in_flight.end();
        // What was asked by then is still answered, for clients that close early with acks=0.
        let hung_up = async {
            core.world.sleep(HUNG_UP_TIME_MAX).await;
            tracing::debug!(%peer, "its client left before its answer");
            Ok(())
        };
        answers.or(hung_up).await.and(end)
    };
    let watches = pin!(silence.or(stall));
    match AssertUnwindSafe(conversation.or(Seldom::new(watches)))
        .catch_unwind()
        .await
    {
        Ok(Ok(())) => tracing::debug!(%peer, "connection closed"),
        Ok(Err(reason)) => match core.log_limits.connection_closed.judge(core.world.now()) {
            Verdict::Say { held_back } => tracing::warn!(%peer, reason, held_back, "connection closed"),
            Verdict::HoldBack => tracing::debug!(%peer, reason, "connection closed"),
        },
        Err(_) => tracing::error!(%peer, "connection closed: handling one of its requests panicked"),
    }
    stream.shutdown();
}

async fn read_requests<W: World<Message = Message>>(
    core: &Core<W>,
    stream: &W::Stream,
    peer: SocketAddr,
    in_flight: &InFlight<W>,
    activity: &Activity<W>,
) -> Result<(), String> {
    let frame_bytes_max = core.config.connections.socket_request_max_bytes as usize;
    // A client that sends a byte in a millisecond is not silent.
    let idle_ms_max = usize::try_from(core.config.connections.connections_max_idle_ms);
    let fill_bytes_max = idle_ms_max.unwrap_or(usize::MAX).clamp(1, FILL_BYTES_MAX);
    let mut received = BytesMut::with_capacity(READ_CHUNK_BYTES);
    let client = Rc::new(Client::new(peer));
    // From its beginning until its request begins.
    let mut large: Option<LargeFrame> = None;
    let mut arrived = core.world.now();
    loop {
        while let Some(frame) = take_frame(&mut received, frame_bytes_max).map_err(|error| explain(&received, error))? {
            let bytes = frame.len();
            let may_overlap = dispatch::may_overlap(&frame);
            let turn = async {
                in_flight.admit(may_overlap).await;
                true
            };
            let left = async {
                stream.hung_up().await;
                core.world.sleep(HUNG_UP_TIME_MAX).await;
                false
            };
            if !in_time(core, &large, turn.or(left)).await? {
                return Ok(());
            }
            // Not read meanwhile, whether its client waits by itself or not (KIP-219).
            while let Some(wait) = in_flight.throttled_for(|| core.world.now()) {
                core.world.sleep(wait).await;
                // It is as if it came now: it was not slow.
                arrived = core.world.now();
            }
            if core.is_stopping() {
                return Ok(());
            }
            let timeline = Timeline::begin(arrived, core.world.now());
            let lane = core.lanes.take(core, &client, frame, timeline);
            in_flight.begin(lane, bytes, may_overlap).await;
            if large.take().is_some() && received.is_empty() {
                // Or what waits for the next request would hold the memory of this one.
                received = BytesMut::new();
            }
        }
        if large.is_none() {
            large = large_frame(&received, frame_bytes_max).map(|bytes| core.large_frames.begin(bytes));
        }
        let mut rest = 0;
        if let Some(large) = &mut large {
            large.takes(received.len() - frame::PREFIX_BYTES);
            rest = frame::PREFIX_BYTES + large.bytes() - received.len();
            if must_grow(&received, rest) {
                large.go_on(&core.world).await;
                received = grown(&received, rest);
                large.takes(received.capacity() - frame::PREFIX_BYTES);
            }
        }
        let fill_bytes = rest.min(received.capacity() - received.len()).min(fill_bytes_max);
        let reading = async {
            match fill_bytes {
                0 => stream.read(received).await,
                bytes => stream.fill(received, bytes).await,
            }
        };
        let (outcome, buffer) = in_time(core, &large, reading).await?;
        received = buffer;
        match outcome {
            Ok(0) if received.is_empty() => return Ok(()),
            Ok(0) => {
                return Err(format!(
                    "the client left in the middle of a frame, after {} bytes",
                    received.len()
                ));
            }
            Ok(_) => arrived = activity.touch(),
            Err(error) => {
                tracing::debug!(%peer, %error, "connection lost");
                return Ok(());
            }
        }
    }
}

/// The next whole frame, without its length. Memory grows with what arrived, never with what a length promises.
///
/// # Errors
/// A negative length, or one over `socket.request.max.bytes`.
fn take_frame(received: &mut BytesMut, frame_bytes_max: usize) -> Result<Option<Bytes>, FrameError> {
    match frame::body_bytes(received, frame_bytes_max)? {
        Some(bytes) if received.len() >= frame::PREFIX_BYTES + bytes => {
            received.advance(frame::PREFIX_BYTES);
            Ok(Some(received.split_to(bytes).freeze()))
        }
        _ => Ok(None),
    }
}

/// The bytes of a frame that has begun, if it is a large one.
fn large_frame(received: &[u8], frame_bytes_max: usize) -> Option<usize> {
    let bytes = frame::body_bytes(received, frame_bytes_max).ok().flatten();
    bytes.filter(|bytes| *bytes > SMALL_FRAME_BYTES_MAX)
}

/// Whether a frame of which so much is to come needs more memory before it is worth to read on.
fn must_grow(received: &BytesMut, rest: usize) -> bool {
    received.capacity() - received.len() < rest.min(READ_CHUNK_BYTES)
}

/// With more memory, in few steps, since what is there is copied at each; but memory grows with what arrived, not with what is
/// promised.
fn grown(received: &[u8], rest: usize) -> BytesMut {
    let arrived = received.len();
    let step = (arrived / 3).max((GROWTH_RATIO * arrived).min(GROWTH_BYTES_FREE));
    let mut larger = BytesMut::with_capacity(arrived + rest.min(step));
    larger.extend_from_slice(received);
    larger
}

/// Waits for `work`, but not for longer than a large frame may have its room.
async fn in_time<W: World<Message = Message>, T>(
    core: &Core<W>,
    large: &Option<LargeFrame>,
    work: impl Future<Output = T>,
) -> Result<T, String> {
    let Some(large) = large else {
        return Ok(work.await);
    };
    let overdue = async {
        large.overdue(&core.world).await;
        Err(format!(
            "a large request took more than {} s to arrive and begin, and others waited for its room",
            FRAME_TIME_MAX.as_secs()
        ))
    };
    async { Ok(work.await) }.or(overdue).await
}

/// A length that cannot be is most often the beginning of another protocol.
fn explain(received: &[u8], error: FrameError) -> String {
    match other_protocol(received) {
        Some(other) => other.to_owned(),
        None => error.to_string(),
    }
}

async fn answer<W: World<Message = Message>>(
    core: &Core<W>,
    stream: &W::Stream,
    peer: SocketAddr,
    in_flight: &InFlight<W>,
    activity: &Activity<W>,
) -> Result<(), String> {
    let mut finished = Vec::new();
    let mut ended = Vec::new();
    while in_flight.finished(&mut finished).await {
        let mut parts = Parts::new();
        let mut close = None;
        for Finished {
            outcome,
            request_bytes,
            lane,
        } in finished.drain(..)
        {
            let mut bytes = metrics::Bytes {
                request: request_bytes,
                response: 0,
            };
            match outcome {
                Outcome::Respond(response) => {
                    bytes.response = response.iter().map(Bytes::len).sum();
                    if parts.is_empty() {
                        parts = response;
                    } else {
                        parts.extend(response);
                    }
                }
                Outcome::Silent => {}
                Outcome::Close(reason) => {
                    core.metrics.request_refused();
                    close = Some(reason);
                    break;
                }
            }
            lane.progress().note_ready(|| core.world.now());
            ended.push((lane, bytes));
            if parts.len() >= SEND_PARTS_MAX {
                let sent = send(stream, std::mem::take(&mut parts), activity).await?;
                count(core, peer, &mut ended, sent);
            }
        }
        if !ended.is_empty() {
            let sent = send(stream, parts, activity).await?;
            count(core, peer, &mut ended, sent);
        }
        if let Some(reason) = close {
            return Err(reason);
        }
    }
    Ok(())
}

/// The one place where requests end: their time is counted by API and stage, and said of one that was slow.
fn count<W: World<Message = Message>>(
    core: &Core<W>,
    peer: SocketAddr,
    ended: &mut Vec<(Lane<W>, metrics::Bytes)>,
    sent: Instant,
) {
    for (lane, bytes) in ended.drain(..) {
        let spent = core.metrics.request_ends(lane.progress(), bytes, sent);
        slow::tell(core, peer, lane.progress(), &spent, sent);
        core.lanes.give_back(lane);
    }
}

/// Sends piece by piece, so that what is taken is given back early, and a slow client is told from one that takes nothing. Gives
/// the time at its end.
async fn send<W: World<Message = Message>>(
    stream: &W::Stream,
    mut parts: Parts,
    activity: &Activity<W>,
) -> Result<Instant, String> {
    let mut sent_at = None;
    while !parts.is_empty() {
        let rest = split_off(&mut parts, SEND_PIECE_BYTES);
        let mut write = pin!(stream.write(parts));
        let sent = match future::poll_once(write.as_mut()).await {
            Some(sent) => sent,
            None => {
                activity.send_begins();
                write.await
            }
        };
        sent_at = Some(activity.send_ends());
        sent.map_err(|error| format!("could not send an answer: {error}"))?;
        parts = rest;
    }
    // With acks=0 there is nothing to send.
    Ok(sent_at.unwrap_or_else(|| activity.now()))
}

/// Leaves the first `bytes` in `parts`, and gives what follows.
fn split_off(parts: &mut Parts, mut bytes: usize) -> Parts {
    for (index, part) in parts.iter_mut().enumerate() {
        if part.len() > bytes {
            let later = part.split_off(bytes);
            return std::iter::once(later).chain(parts.drain(index + 1..)).collect();
        }
        bytes -= part.len();
    }
    Parts::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(bytes: &[u8]) -> Result<Option<Bytes>, FrameError> {
        take_frame(&mut BytesMut::from(bytes), 100)
    }

    /// Goal: pieces have their size, whatever the parts are, and together are what was to be sent.
    #[test]
    fn answers_are_cut_into_pieces() {
        let bytes = |text: &'static str| Bytes::from_static(text.as_bytes());
        let mut parts: Parts = [bytes("abc"), bytes(""), bytes("defgh"), bytes("i")]
            .into_iter()
            .collect();
        let mut pieces = Vec::new();
        while !parts.is_empty() {
            let rest = split_off(&mut parts, 4);
            pieces.push(parts.concat());
            parts = rest;
        }
        assert_eq!(pieces, [&b"abcd"[..], b"efgh", b"i"]);
    }

    /// Goal: a large frame is copied little while it arrives, and its memory is never more than a step ahead of it.
    #[test]
    fn memory_follows_what_arrived() {
        for whole in [READ_CHUNK_BYTES + 1, 1 << 20, 100 << 20] {
            let mut received = BytesMut::with_capacity(READ_CHUNK_BYTES);
            received.resize(1000, 0);
            let mut copied = 0;
            while received.len() < whole {
                let arrived = received.len();
                if must_grow(&received, whole - arrived) {
                    copied += arrived;
                    received = grown(&received, whole - arrived);
                    let held = received.capacity();
                    assert!(held <= (GROWTH_RATIO + 1) * arrived, "{held} for {arrived}");
                    assert!(
                        held <= arrived + arrived / 3 + GROWTH_BYTES_FREE,
                        "{held} for {arrived}"
                    );
                }
                let more = (received.capacity() - arrived).min(whole - arrived).min(30_000);
                assert!(more > 0, "there is room for more");
                received.resize(arrived + more, 0);
            }
            assert!(copied <= 4 * whole, "{copied} of {whole}");
            assert!(copied <= 2 * READ_CHUNK_BYTES || whole > 4 << 20, "{copied} of {whole}");
        }
    }

    /// A frame is taken when whole, and refused by its length alone when that is absurd.
    #[test]
    fn frames_are_bounded() {
        assert_eq!(take(&[0, 0]), Ok(None));
        assert_eq!(take(&[0, 0, 0, 2, 7]), Ok(None));
        assert_eq!(take(&[0, 0, 0, 2, 7, 8, 9]), Ok(Some(Bytes::from_static(&[7, 8]))));
        assert_eq!(take(&[0, 0, 0, 0]), Ok(Some(Bytes::new())));
        assert_eq!(take(&[0xff, 0xff, 0xff, 0xff]), Err(FrameError::Negative(-1)));
        assert_eq!(
            take(&[0, 0, 0, 101]),
            Err(FrameError::TooLarge { bytes: 101, max: 100 })
        );
    }
}
