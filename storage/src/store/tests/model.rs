//! What a store must hold: the fold of a prefix of what was asked of it, at least as long as what was acknowledged.

use std::collections::BTreeMap;

/// One request to the store; logs are named by number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    Create(u32),
    /// Log, records, and a payload that never comes twice.
    Append(u32, i64, u64),
    Truncate(u32, i64),
    Start(u32, i64),
    State(u32, u64),
    Delete(u32),
}

/// (base offset, last offset, payload)
pub type Batch = (i64, i64, u64);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelLog {
    pub start_offset: i64,
    pub end_offset: i64,
    pub batches: Vec<Batch>,
    pub state: Option<u64>,
}

pub type Logs = BTreeMap<u32, ModelLog>;

pub fn apply(logs: &mut Logs, op: &Op) {
    let log = match op {
        Op::Create(log) => return drop(logs.insert(*log, ModelLog::default())),
        Op::Delete(log) => return drop(logs.remove(log)),
        Op::Append(log, ..) | Op::Truncate(log, _) | Op::Start(log, _) | Op::State(log, _) => log,
    };
    let Some(log) = logs.get_mut(log) else { return };
    match op {
        Op::Append(_, records, payload) => {
            let base = log.end_offset;
            log.end_offset += records;
            log.batches.push((base, log.end_offset - 1, *payload));
        }
        Op::Truncate(_, to) => {
            while let Some((base, ..)) = log.batches.pop_if(|(_, last, _)| *last >= *to) {
                log.end_offset = base;
            }
            log.end_offset = log.end_offset.min(*to).max(log.start_offset);
        }
        Op::Start(_, offset) => {
            log.start_offset = log.start_offset.max(*offset);
            log.end_offset = log.end_offset.max(log.start_offset);
            log.batches.retain(|(_, last, _)| *last >= log.start_offset);
        }
        Op::State(_, value) => log.state = Some(*value),
        Op::Create(_) | Op::Delete(_) => {}
    }
}

/// How long a prefix of `ops` this is the fold of, if at least `acked` long.
pub fn prefix_of(ops: &[Op], acked: usize, found: &Logs) -> Option<usize> {
    let mut logs = Logs::new();
    let mut best = None;
    for count in 0..=ops.len() {
        if count > 0 {
            apply(&mut logs, &ops[count - 1]);
        }
        if count >= acked && logs == *found {
            best = Some(count);
        }
    }
    best
}
