//! Every value that anybody read was sent, to that partition, and was not refused. (Jepsen: *phantom*.)

use std::collections::BTreeMap;

use crate::history::{History, Outcome, Value};

pub fn check(history: &History) -> Result<(), String> {
    let sent: BTreeMap<Value, (i32, Outcome)> = history
        .sends
        .iter()
        .flat_map(|send| send.values.iter().map(|value| (*value, (send.partition, send.outcome))))
        .collect();
    let polled = history
        .polls
        .iter()
        .flat_map(|poll| poll.records.iter().map(|record| (poll.partition, *record)));
    let last = history
        .finals
        .iter()
        .flat_map(|(partition, log)| log.iter().map(|record| (*partition, *record)));
    for (partition, (offset, value)) in polled.chain(last) {
        match sent.get(&value) {
            None => return Err(format!("partition {partition} offset {offset}: nobody sent {value:?}")),
            Some((other, _)) if *other != partition => {
                return Err(format!(
                    "partition {partition} offset {offset}: {value:?} was sent to partition {other}"
                ));
            }
            Some((_, Outcome::Refused(code))) => {
                return Err(format!(
                    "partition {partition} offset {offset}: {value:?} was refused with {code}"
                ));
            }
            Some(_) => {}
        }
    }
    Ok(())
}
