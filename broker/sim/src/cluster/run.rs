//! One seed from start to end: safety phase, heal, liveness phase.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{
    event_loop::Cluster,
    idle::SETTLING,
    marks::Marks,
    plan::Plan,
    timeline::{MILLISECOND, Micros, SECOND},
    trace::Trace,
};

/// Simulated time in which a healed cluster must have recovered, besides what its backlog takes.
const RECOVERY_MAX: Micros = 60 * SECOND;
/// More than this is a storm of messages that feeds itself.
const RECOVERY_STEPS_MAX: u64 = 2_000_000;
const LOOK_EVERY: Micros = 20 * MILLISECOND;

#[derive(Clone, Debug)]
pub struct Report {
    pub seed: u64,
    pub steps: u64,
    pub hash: u64,
    pub simulated: Micros,
    /// From heal to rest.
    pub recovery: Micros,
    pub marks: Marks,
    /// At the plan's crash point.
    pub crashes: u64,
    pub violation: Option<String>,
}

/// A core's own assertion is a violation like any other.
pub fn run(plan: &Plan, verbose: bool) -> Report {
    let seed = plan.seed;
    let mut cluster = Cluster::new(plan.clone(), Trace::new(verbose));
    let recovery = catch_unwind(AssertUnwindSafe(|| phases(&mut cluster)));
    let mut violation = cluster.violation().map(str::to_string);
    let recovery = match recovery {
        Ok(recovery) => recovery,
        Err(panic) => {
            violation = violation.or_else(|| Some(format!("a core's assertion: {}", panic_text(&*panic))));
            0
        }
    };
    Report {
        seed,
        steps: cluster.steps,
        hash: cluster.trace.hash(),
        simulated: cluster.now(),
        recovery,
        marks: cluster.marks.clone(),
        crashes: cluster.crashes,
        violation,
    }
}

/// Gives how long the recovery took.
fn phases(cluster: &mut Cluster) -> Micros {
    match cluster.plan.idle_after {
        None => cluster.run_until(cluster.plan.safety, cluster.plan.steps_max),
        Some(at) => stand_by(cluster, at),
    }
    if cluster.violation().is_some() {
        return 0;
    }
    cluster.heal();
    let healed_at = cluster.now();
    let steps_max = cluster.steps + RECOVERY_STEPS_MAX;
    let recovery_max = RECOVERY_MAX + cluster.backlog_takes();
    loop {
        cluster.run_until(cluster.now() + LOOK_EVERY, steps_max);
        if cluster.violation().is_some() {
            return 0;
        }
        let recovery = cluster.now() - healed_at;
        match cluster.unrest() {
            None => {
                cluster.check_at_rest();
                return recovery;
            }
            Some(unrest) if recovery >= recovery_max || cluster.steps >= steps_max => {
                let late = recovery / SECOND;
                cluster.judge("liveness", Err(format!("{unrest}, {late} s after the heal")));
                return recovery;
            }
            Some(_) => {}
        }
    }
}

/// An idle cluster: once all is done that was asked of it, nothing happens any more.
fn stand_by(cluster: &mut Cluster, idle_after: Micros) {
    let steps_max = cluster.plan.steps_max;
    cluster.run_until(idle_after, steps_max);
    cluster.idle = true;
    cluster.run_until(idle_after + SETTLING, steps_max);
    let before = cluster.stillness();
    cluster.run_until(cluster.plan.safety, steps_max);
    cluster.check_still(&before);
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("?")
}
