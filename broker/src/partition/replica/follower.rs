//! A follower: takes what its leader sends, and acknowledges what it matched once that is durable.
//!
//! What must stay true: the ack never covers a record that was not compared with this leader's in this epoch (D4);
//! nothing is removed but from a real conflict of epochs on, and never below the high watermark (D3); nothing at all is
//! heard from another epoch (D2).
//!
//! An unclean leader's history may lack what was committed before it. A replica that enters an epoch of that history for
//! the first time, which its epoch floor tells, takes nothing for committed but what the leader says: its own high
//! watermark, and what is before its log start, are of another history until records were compared.

use super::{
    Context, LogView, Mark, NO_EPOCH, Position, Rules,
    log::Log,
    message::{Ack, Append, Broken, Message, Outcome, Outgoing, Output, Span},
};

#[derive(Clone, Debug, Default)]
pub(super) struct Follower {
    /// Everything before this is the leader's, as far as it was compared in this epoch.
    matched: i64,
}

/// One append, and from whom.
pub(super) struct Received<'a> {
    pub from: i32,
    pub append: &'a Append,
    pub spans: &'a [Span],
}

/// What of an append is not here yet.
enum News {
    None,
    /// This log has another record at this offset, or ends there.
    From(i64),
}

impl Follower {
    pub fn new() -> Follower {
        Follower { matched: 0 }
    }

    pub fn on_append(
        &mut self,
        context: &Context<'_>,
        log: &mut Log,
        view: &impl LogView,
        received: &Received<'_>,
        output: &mut Output,
    ) {
        let Received { from, append, spans } = *received;
        if !is_well_formed(append, spans) {
            return output.mark(Mark::AppendMalformed);
        }
        output.effective = true;
        let rules = &context.config.rules;
        let starts_over = context.starts_over(log);
        let mut start = view.start();
        let fits = if starts_over {
            fits_by_records(log, start, append, spans)
        } else {
            fits(log, start, append, spans, rules)
        };
        if !fits && append.prev.end > append.log_start {
            output.mark(Mark::AppendConflict);
            let outcome = conflict(log, start, append, starts_over);
            return output.send_now.push(ack(context, from, append, outcome));
        }
        if starts_over {
            give_up(log, start, append, output);
        }
        if !fits {
            output.mark(Mark::LogRestarted);
            start = append.prev.end;
            log.restart(start, output);
            log.raise_high_watermark(start, output);
        }
        log.adopt(append.leader_epoch, false, output);
        let news = if rules.truncate_only_at_conflict {
            news(log, start, append, spans)
        } else {
            News::From(append.prev.end.max(start).min(log.end()))
        };
        match news {
            News::None if spans.is_empty() => {}
            News::None => output.mark(Mark::AppendHeldAlready),
            News::From(at) => {
                if !take(log, at, spans, output) {
                    return;
                }
            }
        }
        self.matched = self.matched.max(append.end);
        let high_watermark = if rules.high_watermark_only_matched {
            append.high_watermark.min(self.matched)
        } else {
            append.high_watermark.min(log.end())
        };
        log.raise_high_watermark(high_watermark, output);
        let log_start = append.log_start.min(log.high_watermark);
        if log_start > start {
            output.persist.log_start = Some(log_start);
        }
        let matched = if rules.ack_only_matched {
            self.matched
        } else {
            log.end()
        };
        output
            .send_after_persist
            .push(ack(context, from, append, Outcome::Matched(matched)));
    }
}

/// Replaces what conflicts from `at` on, and adds the rest. False if that breaks an invariant.
fn take(log: &mut Log, at: i64, spans: &[Span], output: &mut Output) -> bool {
    if at < log.end() {
        if at < log.high_watermark {
            output.broken = Some(Broken::TruncationBelowHighWatermark {
                to: at,
                high_watermark: log.high_watermark,
            });
            return false;
        }
        output.mark(Mark::DivergedTruncate);
        log.truncate(at, output);
    }
    for span in spans.iter().filter(|span| span.end() > at) {
        if !log.append(span.leader_epoch, span.end(), output) {
            output.broken = Some(Broken::EpochsDecrease {
                epoch: span.leader_epoch,
                last_epoch: log.epochs.last_epoch(),
            });
            return false;
        }
    }
    true
}

/// Is everything before the append's records the same in both logs?
fn fits(log: &Log, start: i64, append: &Append, spans: &[Span], rules: &Rules) -> bool {
    let prev = append.prev;
    // Everything below a log start is committed, and so the same wherever it is.
    if prev.end <= start {
        return true;
    }
    if prev.end > log.end() {
        return false;
    }
    if !rules.previous_must_match || log.epochs.position(prev.end) == prev {
        return true;
    }
    // The leader does not hold what is before its log start any more. If this log's part below it is committed, or goes
    // on with the same record, it is the same; otherwise it may be what an unsuccessful leader left behind.
    prev.end <= append.log_start && (prev.end <= log.high_watermark || goes_on(log, append, spans))
}

/// The same after an unclean election: nothing is known to be committed, so only records tell.
fn fits_by_records(log: &Log, start: i64, append: &Append, spans: &[Span]) -> bool {
    let prev = append.prev;
    if prev.end < start || prev.end > log.end() {
        return false;
    }
    let same_record = prev.epoch != NO_EPOCH && log.epochs.position(prev.end) == prev;
    prev.end == 0 || same_record || goes_on(log, append, spans)
}

/// The append's first record is here already, and with it everything before.
fn goes_on(log: &Log, append: &Append, spans: &[Span]) -> bool {
    spans
        .first()
        .is_some_and(|span| log.epochs.at(append.prev.end) == Some(span.leader_epoch))
}

/// The high watermark of before may cover what is given up; the leader's does not, as far as records were compared. Nor
/// does what was removed below the log start `start`, if the two logs share it.
fn give_up(log: &mut Log, start: i64, append: &Append, output: &mut Output) {
    let certain = append.high_watermark.max(start).min(append.prev.end);
    if log.high_watermark > certain {
        output.mark(Mark::StartedOver);
        log.lower_high_watermark(certain, output);
    }
}

fn conflict(log: &Log, start: i64, append: &Append, starts_over: bool) -> Outcome {
    let hint = log.epochs.may_share(Position {
        end: log.end().min(append.prev.end - 1),
        epoch: append.prev.epoch,
    });
    Outcome::Conflict {
        prev_end: append.prev.end,
        hint: match hint.end < start {
            // Nothing can be compared: from the leader's log start.
            true if starts_over => Position {
                end: 0,
                epoch: NO_EPOCH,
            },
            true => log.epochs.position(start),
            false => hint,
        },
    }
}

/// Compares without changing anything.
fn news(log: &Log, start: i64, append: &Append, spans: &[Span]) -> News {
    let mut at = append.prev.end;
    for span in spans {
        // A gap before a span (compaction left it) belongs to the span.
        let from = at.max(start);
        if let Some(conflict) = log.epochs.first_conflict(from, span.end(), span.leader_epoch) {
            return News::From(conflict);
        }
        at = span.end();
    }
    if append.end > log.end() {
        News::From(log.end())
    } else {
        News::None
    }
}

/// Bytes from outside are looked at before they are believed.
fn is_well_formed(append: &Append, spans: &[Span]) -> bool {
    let mut at = append.prev.end;
    let mut epoch = append.prev.epoch;
    for span in spans {
        let in_order = span.base_offset >= at && span.records > 0;
        if !in_order || span.leader_epoch < epoch || span.leader_epoch > append.leader_epoch {
            return false;
        }
        at = span.end();
        epoch = span.leader_epoch;
    }
    at == append.end && append.prev.end >= 0 && append.log_start <= append.prev.end
}

fn ack(context: &Context<'_>, to: i32, append: &Append, outcome: Outcome) -> Outgoing {
    let ack = Ack {
        leader_epoch: append.leader_epoch,
        storage_id: context.me.storage_id,
        outcome,
    };
    Outgoing {
        to,
        message: Message::Ack(ack),
    }
}
