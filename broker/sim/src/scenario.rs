//! One run: a node, producers and consumers, crashes at drawn moments, and at the end the question what is there.
//!
//! The seed draws the whole [`Plan`]. Safety first: everything may fail while clients work. Then nothing fails any more, and
//! all that is open must come to its end (liveness); then the power goes once more, and the whole log is read and judged.
//! In some runs a sector has rotted by then. What was in it may be refused, loudly; nothing else may be served in its place,
//! and nothing may be missing without a word.

use std::{
    cell::{Cell, RefCell},
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
    time::Duration,
};

use corelane_broker::runtime::world::World;
use corelane_storage::sim_disk::{Operation, SimDisk};
use futures_lite::future::or;

pub use crate::plan::{Crash, DiskFault, Lives, Moment, NODE, PORT, Plan, Rot};
use crate::{
    client::{Consumer, Member, Producer, Topic, create_topic, look_up_all, read_to_the_end},
    history::SharedHistory,
    invariants,
    node::{CrashKind, SimNode},
    simulation::Simulation,
    trace::Trace,
    world::SimWorld,
};

/// Virtual time in which everything that is open must end once nothing fails any more.
const LIVENESS: Duration = Duration::from_secs(120);
/// Virtual time in which a node at rest has written down that all is durable.
const REST: Duration = Duration::from_millis(200);
/// How long the power waits for enough to be under way.
const UNFLUSHED_PATIENCE: Duration = Duration::from_millis(50);
/// How long a group's offsets are asked for when their log may have rotted.
const LOOK_UP_PATIENCE: Duration = Duration::from_secs(5);

/// How a run went.
#[derive(Clone, Debug)]
pub struct Report {
    pub seed: u64,
    /// Empty if all is well.
    pub violations: Vec<String>,
    pub trace_hash: u64,
    pub events: u64,
    pub virtual_ms: u64,
    pub acked_records: usize,
    pub polled_records: usize,
    pub acked_commits: usize,
    pub crashes: usize,
    /// The last lines of the trace, if it kept any.
    pub recent: Vec<String>,
}

/// Runs one plan; `start` starts the node, also after each crash.
pub fn run<M: Send + 'static>(plan: &Plan, trace: Trace, start: impl Fn(&mut SimNode<M>, &Plan)) -> Report {
    let simulation = Simulation::with_trace(plan.seed, trace);
    let history: SharedHistory = Rc::default();
    let played = catch_unwind(AssertUnwindSafe(|| play(plan, &simulation, &history, start)));
    let mut violations = match played {
        Ok(Ok(())) => invariants::violations(&history.borrow()),
        Ok(Err(stuck)) => vec![stuck],
        Err(panic) => vec![format!("panic: {}", panic_text(&*panic))],
    };
    violations.truncate(5);
    let seen = history.borrow();
    let report = Report {
        seed: plan.seed,
        violations,
        trace_hash: simulation.trace_hash(),
        events: simulation.trace_events(),
        virtual_ms: simulation.now_ns() / 1_000_000,
        acked_records: seen.acked_records(),
        polled_records: seen.polls.iter().map(|poll| poll.records.len()).sum(),
        acked_commits: seen.commits.iter().filter(|commit| commit.acked).count(),
        crashes: plan.crashes.len(),
        recent: simulation.recent(),
    };
    drop(seen);
    simulation.end();
    report
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| text.to_string()))
        .unwrap_or_else(|| "?".to_string())
}

/// The clients of a run: one machine that never fails.
struct Clients {
    world: SimWorld<()>,
    topic: Rc<RefCell<Option<Topic>>>,
    /// Producers that have not come to their end.
    working: Rc<Cell<usize>>,
    stop: Rc<Cell<bool>>,
}

impl Clients {
    fn start(plan: &Plan, simulation: &Simulation, history: &SharedHistory) -> Clients {
        let machine = simulation.machine("clients".into(), 1);
        let world = SimWorld::of_node(simulation, &machine, 0, 1, &SimDisk::new()).remove(0);
        let clients = Clients {
            world: world.clone(),
            topic: Rc::default(),
            working: Rc::new(Cell::new(plan.producers.len())),
            stop: Rc::default(),
        };
        let (topic, working, stop) = (clients.topic.clone(), clients.working.clone(), clients.stop.clone());
        let (plan, history, spawner) = (plan.clone(), history.clone(), world.clone());
        world.spawn("start clients", async move {
            let created = create_topic(&spawner, NODE, PORT, "events", plan.partitions, &[]).await;
            *topic.borrow_mut() = Some(created.clone());
            for options in plan.producers {
                let producer = Producer::new(spawner.clone(), options, created.clone(), history.clone());
                let working = working.clone();
                spawner.spawn("producer", async move {
                    producer.run().await;
                    working.set(working.get() - 1);
                });
            }
            for version in plan.consumers {
                let at = (NODE, PORT);
                let consumer = Consumer::new(
                    spawner.clone(),
                    at,
                    created.clone(),
                    version,
                    history.clone(),
                    stop.clone(),
                );
                spawner.spawn("consumer", consumer.run());
            }
            for _ in 0..plan.members {
                let at = (NODE, PORT);
                let member = Member::new(spawner.clone(), at, created.clone(), history.clone(), stop.clone());
                spawner.spawn("member", member.run());
            }
        });
        clients
    }

    /// Reads all that the node has; the cell says when that is done.
    fn read_all(&self, plan: &Plan, history: &SharedHistory) -> Rc<Cell<bool>> {
        let topic = self
            .topic
            .borrow()
            .clone()
            .expect("producers ended, so there was a topic");
        let (world, seen, ended) = (self.world.clone(), history.clone(), Rc::new(Cell::new(false)));
        let (has_group, done) = (plan.members > 0, ended.clone());
        let rotted = history.borrow().rotted;
        self.world.spawn("read all", async move {
            read_to_the_end(&world, (NODE, PORT), &topic, &seen).await;
            if has_group {
                let look_up = look_up_all(&world, (NODE, PORT), &topic, &seen);
                let give_up = async {
                    match rotted {
                        true => world.sleep(LOOK_UP_PATIENCE).await,
                        false => std::future::pending().await,
                    }
                };
                or(look_up, give_up).await;
            }
            done.set(true);
        });
        ended
    }
}

fn play<M: Send + 'static>(
    plan: &Plan,
    simulation: &Simulation,
    history: &SharedHistory,
    start: impl Fn(&mut SimNode<M>, &Plan),
) -> Result<(), String> {
    let mut node = SimNode::new(simulation, NODE, plan.cores);
    let clients = Clients::start(plan, simulation, history);
    for crash in &plan.crashes {
        start(&mut node, plan);
        let disk = node.disk().clone();
        if let Some(DiskFault { operation, nth, fault }) = &crash.fault {
            node.disk().fail(*operation, *nth, false, fault.clone());
        }
        let mut left_us = crash.after_us;
        let mut wall_jump_ms = Some(crash.wall_jump_ms);
        let is_over = || match crash.moment {
            Moment::Flushes(flushes) => disk.count(Operation::Flush) >= flushes,
            _ => false,
        };
        while left_us > 0 && !is_over() {
            let slice_us = if plan.break_every_us == 0 {
                left_us
            } else {
                left_us.min(plan.break_every_us)
            };
            simulation.run_until(Duration::from_micros(slice_us), is_over);
            left_us -= slice_us;
            if left_us <= crash.after_us / 2
                && let Some(jump_ms) = wall_jump_ms.take()
            {
                simulation.jump_wall_clock(jump_ms);
            }
            if left_us > 0 {
                simulation.break_a_connection();
            }
        }
        if let Moment::Unflushed(sectors) = crash.moment {
            simulation.run_until(UNFLUSHED_PATIENCE, || disk.pending_sectors() >= sectors);
        }
        if crash.fault.is_none() {
            still_alive(&node)?;
        }
        node.crash(crash.kind);
        node.set_cores(crash.cores_after);
        simulation.run_for(Duration::from_millis(crash.down_ms));
    }
    start(&mut node, plan);
    let healed_ns = simulation.now_ns();
    let commits = || {
        history
            .borrow()
            .commits
            .iter()
            .filter(|commit| commit.acked && commit.ended_ns > healed_ns)
            .count()
    };
    let done = || clients.working.get() == 0 && (plan.members == 0 || commits() > 0);
    let ended = simulation.run_until(LIVENESS, || done() || !node.is_alive());
    still_alive(&node)?;
    if !ended {
        let (working, commits) = (clients.working.get(), commits());
        return Err(format!(
            "stuck: {working} producers still work, {commits} commits by {} members",
            plan.members
        ));
    }
    clients.stop.set(true);
    if plan.rot.is_some() {
        // A frame that no later one calls durable cannot be told from a torn one.
        simulation.run_for(REST);
        still_alive(&node)?;
    }
    // What was acknowledged last must outlive a crash, too.
    node.crash(CrashKind::Power);
    if let Some(rot) = &plan.rot {
        history.borrow_mut().rotted = node.rot(rot);
    }
    start(&mut node, plan);
    let rotted = history.borrow().rotted;
    let read = clients.read_all(plan, history);
    let done = simulation.run_until(LIVENESS, || read.get() || !node.is_alive());
    if rotted && !node.is_alive() {
        // Louder than refusing some of it.
        history.borrow_mut().refused.extend(0..plan.partitions);
        return Ok(());
    }
    still_alive(&node)?;
    if done {
        Ok(())
    } else {
        Err("stuck: the log cannot be read to its end".to_string())
    }
}

fn still_alive<M: Send + 'static>(node: &SimNode<M>) -> Result<(), String> {
    match node.failure() {
        Some(reason) => Err(format!("the node ended itself: {reason}")),
        None => Ok(()),
    }
}
