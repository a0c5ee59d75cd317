//! A failing plan with as few actions as still fail: dropped greedily, halves first, then one by one.

use super::{
    plan::Plan,
    run::{Report, run},
};

/// The smaller plan and its report. Any violation counts, since dropping a fault may bring another symptom forward.
pub fn shrink(plan: &Plan) -> (Plan, Report) {
    let mut best = plan.clone();
    let mut report = run(&best, false);
    let mut size = best.actions.len().div_ceil(2);
    while size > 0 && report.violation.is_some() {
        let mut start = 0;
        while start < best.actions.len() {
            let mut smaller = best.clone();
            let end = (start + size).min(smaller.actions.len());
            smaller.actions.drain(start..end);
            let tried = run(&smaller, false);
            if tried.violation.is_some() {
                (best, report) = (smaller, tried);
            } else {
                start += size;
            }
        }
        size /= 2;
    }
    (best, report)
}
