//! What a leader knows of one peer in its term.

use std::time::Duration;

use crate::{Position, VoterId};

#[derive(Clone, Debug)]
pub(crate) struct Peer {
    pub id: VoterId,
    /// Answers of another session are not about this.
    pub session: u64,
    pub voter: bool,
    /// It holds everything before this, durably.
    pub matched: u64,
    /// Where the next append starts. Never below `matched`.
    pub next: u64,
    /// Where the append in flight ends. Only an answer that reaches it makes room for the next one: otherwise each append
    /// that was sent twice would be answered twice, and from then on everything would be.
    pub sent_end: u64,
    /// An append or chunk is in flight, or could not be read; it is tried again then.
    pub retry_at: Option<Duration>,
    /// The commit that it was told last.
    pub commit_sent: u64,
    pub heard_at: Duration,
    /// The last round of heartbeats that it answered.
    pub round: u64,
    /// It would take leadership over.
    pub willing: bool,
    /// The snapshot that it gets, and from which byte on.
    pub sending: Option<(Position, u64)>,
    catch_up: CatchUp,
}

/// A learner catches up in rounds: each brings what the leader had when the round began. The last one was short enough
/// when the leader's group could do without the learner for that long (Raft thesis §4.2.1).
#[derive(Clone, Copy, Debug, Default)]
struct CatchUp {
    /// (end to reach, since when).
    round: Option<(u64, Duration)>,
    done: bool,
}

impl Peer {
    pub fn new(id: VoterId, session: u64, next: u64, now: Duration) -> Peer {
        Peer {
            id,
            session,
            voter: false,
            matched: 0,
            next,
            sent_end: 0,
            retry_at: None,
            commit_sent: 0,
            heard_at: now,
            round: 0,
            willing: true,
            sending: None,
            catch_up: CatchUp::default(),
        }
    }

    pub fn is_caught_up(&self) -> bool {
        self.catch_up.done
    }

    pub fn start_round(&mut self, end: u64, now: Duration) {
        self.catch_up.round.get_or_insert((end, now));
    }

    /// It acknowledged everything before `matched`; the log has `end` entries.
    pub fn on_matched(&mut self, matched: u64, end: u64, now: Duration, round_max: Duration) {
        self.matched = self.matched.max(matched);
        self.next = self.next.max(self.matched);
        if matched >= self.sent_end {
            self.retry_at = None;
        }
        if self.sending.is_some_and(|(id, _)| id.end <= self.matched) {
            self.sending = None;
        }
        match self.catch_up.round {
            Some((target, since)) if self.matched >= target => {
                self.catch_up.done = now - since <= round_max;
                self.catch_up.round = None;
            }
            None if self.matched == end => self.catch_up.done = true,
            _ => {}
        }
    }
}
