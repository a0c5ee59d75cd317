//! What happened, in lines.

use std::fmt::Write as _;

use super::{disk::Records, world::World, *};

impl World {
    pub(super) fn note_effects(&mut self, node: usize, output: &Output) {
        if self.trace.is_none() {
            return;
        }
        let mut lines = Vec::new();
        let replica = self.nodes[node].replica.as_ref().expect("it just stepped");
        if let Some(role) = output.role {
            lines.push(format!("{role:?} in epoch {}", replica.leader_epoch()));
        }
        let persist = &output.persist;
        if let Some(epoch) = persist.adopt_epoch {
            lines.push(format!("adopt epoch {epoch}"));
        }
        if let Some(at) = persist.restart_at {
            lines.push(format!("restart log at {at}"));
        }
        if let Some(to) = persist.truncate_to {
            lines.push(format!("truncate to {to}"));
        }
        if let Some((from, to)) = persist.append {
            lines.push(format!("append {from}..{to}"));
        }
        if let Some(start) = persist.log_start {
            lines.push(format!("log start {start}"));
        }
        if let Some(high_watermark) = persist.high_watermark {
            lines.push(format!("write down high watermark {high_watermark}"));
        }
        if let Some(high_watermark) = output.high_watermark {
            lines.push(format!("high watermark {high_watermark}"));
        }
        if let Some(alter) = &output.alter_partition {
            let isr: Vec<i32> = alter.new_isr.iter().map(|(node, _)| *node).collect();
            let recovered = if alter.recovered { ", recovered" } else { "" };
            lines.push(format!("propose isr {isr:?}{recovered}"));
        }
        for outgoing in output.send_now.iter().chain(&output.send_after_persist) {
            lines.push(format!("-> {}: {}", outgoing.to, show_message(&outgoing.message)));
        }
        for mark in Mark::ALL.iter().filter(|mark| output.marks.contains(**mark)) {
            lines.push(format!("mark {mark:?}"));
        }
        for line in lines {
            self.note(|| format!("{node}: {line}"));
        }
    }
}

pub fn show_message(message: &Message) -> String {
    match message {
        Message::Append(append) => format!(
            "append e{} after {}@{} to {} hw {}",
            append.leader_epoch, append.prev.end, append.prev.epoch, append.end, append.high_watermark
        ),
        Message::Ack(ack) => match ack.outcome {
            Outcome::Matched(end) => format!("matched e{} {end}", ack.leader_epoch),
            Outcome::Conflict { prev_end, hint } => format!(
                "conflict e{} at {prev_end}, try {}@{}",
                ack.leader_epoch, hint.end, hint.epoch
            ),
        },
    }
}

/// `3..5@1 5..6@4`: offsets by epoch.
pub fn show_log(records: &Records) -> String {
    let mut text = String::new();
    let mut from = records.start;
    while let Some((epoch, _)) = records.at(from) {
        let same = |offset: &i64| records.at(*offset).is_some_and(|(other, _)| other == epoch);
        let to = from + (from..).take_while(same).count() as i64;
        let _ = write!(text, "{}{from}..{to}@{epoch}", if text.is_empty() { "" } else { " " });
        from = to;
    }
    if text.is_empty() {
        format!("empty at {from}")
    } else {
        text
    }
}
