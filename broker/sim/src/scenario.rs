//! One run: a node, producers and consumers, crashes at drawn moments, and at the end the question what is there.
//!
//! The seed draws the whole plan: cores, partitions, clients, sizes, when and how the node goes down. Safety first:
//! everything may fail while clients work. Then nothing fails any more, and all that is open must come to its end
//! (liveness); then the power goes once more, and the whole log is read and judged.

use std::{
    cell::{Cell, RefCell},
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
    time::Duration,
};

use corelane_broker::runtime::world::World;
use corelane_storage::sim_disk::{Fault, Operation, SimDisk};

use crate::{
    client::{Consumer, Member, Producer, ProducerOptions, Topic, create_topic, look_up_all, read_to_the_end},
    history::SharedHistory,
    invariants,
    node::{CrashKind, SimNode},
    random::Random,
    simulation::Simulation,
    trace::Trace,
    world::SimWorld,
};

pub const NODE: u32 = 1;
pub const PORT: u16 = 9092;
/// Virtual time in which everything that is open must end once nothing fails any more.
const LIVENESS: Duration = Duration::from_secs(120);

/// What a seed draws.
#[derive(Clone, Debug)]
pub struct Plan {
    pub seed: u64,
    pub cores: usize,
    pub partitions: i32,
    pub producers: Vec<ProducerOptions>,
    /// Fetch version of each consumer.
    pub consumers: Vec<i16>,
    /// Of one classic consumer group.
    pub members: u64,
    pub crashes: Vec<Crash>,
    /// Every so many microseconds a connection breaks; 0 for never.
    pub break_every_us: u64,
    /// For the node's own tuning.
    pub node_seed: u64,
}

#[derive(Clone, Debug)]
pub struct Crash {
    /// After the start before.
    pub after_us: u64,
    pub kind: CrashKind,
    pub down_ms: u64,
    /// An operation of the disk that fails before that, counted from the start; then the node may end itself.
    pub fault: Option<DiskFault>,
}

#[derive(Clone, Debug)]
pub struct DiskFault {
    pub operation: Operation,
    pub nth: u64,
    pub fault: Fault,
}

impl Plan {
    pub fn draw(seed: u64) -> Plan {
        let mut random = Random::new(seed ^ 0x5eed);
        let producers = random.between(1, 4);
        let producer = |number: u64, random: &mut Random| {
            // One batch must fit in half a journal file, however small that was drawn.
            let (records_max, value_bytes_max) = *random.pick(&[(1, 10), (20, 10), (5, 300), (20, 3_000), (3, 20_000)]);
            ProducerOptions {
                number: number as u32,
                node: NODE,
                port: PORT,
                idempotent: random.chance(2, 3),
                in_flight_max: random.between(1, 5) as usize,
                batches: random.between(20, 150) as u32,
                records_max,
                value_bytes_max,
                version: random.between(9, 13) as i16,
            }
        };
        let crash = |random: &mut Random| Crash {
            // From "while it still recovers" to "long in service".
            after_us: *random.pick(&[500, 5_000, 20_000, 50_000]) * random.between(1, 10) / 2,
            kind: *random.pick(&[
                CrashKind::Kill,
                CrashKind::Power,
                CrashKind::Power,
                CrashKind::PowerAndNothing,
            ]),
            down_ms: random.between(0, 50),
            fault: random.chance(1, 6).then(|| DiskFault {
                operation: *random.pick(&[Operation::Write, Operation::Write, Operation::Flush, Operation::Open]),
                nth: random.between(1, 300),
                fault: random.pick(&[Fault::Error, Fault::NoSpace, Fault::ShortWrite]).clone(),
            }),
        };
        Plan {
            seed,
            cores: random.between(1, 3) as usize,
            partitions: random.between(1, 5) as i32,
            producers: (0..producers).map(|number| producer(number, &mut random)).collect(),
            consumers: (0..random.between(1, 2))
                .map(|_| random.between(12, 17) as i16)
                .collect(),
            members: random.below(4),
            crashes: (0..random.between(1, 5)).map(|_| crash(&mut random)).collect(),
            break_every_us: *random.pick(&[0, 0, 5_000, 50_000]),
            node_seed: random.next_u64(),
        }
    }
}

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
        if let Some(DiskFault { operation, nth, fault }) = &crash.fault {
            node.disk().fail(*operation, *nth, false, fault.clone());
        }
        let mut left_us = crash.after_us;
        while left_us > 0 {
            let slice_us = if plan.break_every_us == 0 {
                left_us
            } else {
                left_us.min(plan.break_every_us)
            };
            simulation.run_for(Duration::from_micros(slice_us));
            left_us -= slice_us;
            if left_us > 0 {
                simulation.break_a_connection();
            }
        }
        if crash.fault.is_none() {
            still_alive(&node)?;
        }
        node.crash(crash.kind);
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
    // What was acknowledged last must outlive a crash, too.
    clients.stop.set(true);
    node.crash(CrashKind::Power);
    start(&mut node, plan);
    let read = Rc::new(Cell::new(false));
    let (world, topic, seen, ended) = (
        clients.world.clone(),
        clients.topic.borrow().clone(),
        history.clone(),
        read.clone(),
    );
    let has_group = plan.members > 0;
    let topic = topic.expect("producers ended, so there was a topic");
    clients.world.spawn("read all", async move {
        read_to_the_end(&world, (NODE, PORT), &topic, &seen).await;
        if has_group {
            look_up_all(&world, (NODE, PORT), &topic, &seen).await;
        }
        ended.set(true);
    });
    let done = simulation.run_until(LIVENESS, || read.get() || !node.is_alive());
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
