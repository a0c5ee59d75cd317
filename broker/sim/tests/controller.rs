//! Goal: the metadata controller answers only what lasts. A node is crashed at drawn moments and started again on what
//! was durable; whatever was answered must still be so, in the same place, and leadership must be granted anew.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet, VecDeque},
    rc::Rc,
    time::Duration,
};

use corelane_broker::{
    config,
    metadata::{
        Answer, Image, Wish,
        decide::{AllocateProducerIds, CreateTopics, NewTopic, Registration, TableRules, TopicRef},
        placement,
    },
    raft_driver::{
        Change, Controller, GroupLog, Journal, LogError, Options, Publish, RecoveredLog, StartError, StoreJournal,
    },
    runtime::world::World,
};
use corelane_protocol::error_code::ErrorCode;
use corelane_raft::{Entry, GroupId, HardState, LogView, Persist};
use corelane_sim::{CrashKind, SimNode, SimWorld, Simulation};
use corelane_storage::{FormatWish, Identity, Store, StoreOptions, open_data_dir};
use uuid::Uuid;

const DISK: Uuid = Uuid::from_u128(0xd15c);
const CLUSTER: Uuid = Uuid::from_u128(0xc105);

/// A journal in memory with one log, durable some time after it is written.
#[derive(Clone)]
struct SlowLog {
    simulation: Simulation,
    state: Rc<RefCell<LogState>>,
    /// Says that writes are durable which are not.
    lies: bool,
}

#[derive(Default)]
struct LogState {
    hard_state: HardState,
    entries: Vec<Entry>,
    /// Written, not durable: (ticket, what).
    pending: VecDeque<(u64, Persist)>,
    tickets: u64,
    /// The last answer.
    room: bool,
}

impl LogState {
    fn make_durable(&mut self, to: u64) {
        while self.pending.front().is_some_and(|(ticket, _)| *ticket <= to) {
            let (_, persist) = self.pending.pop_front().expect("looked at");
            if let Some(hard_state) = persist.hard_state {
                self.hard_state = hard_state;
            }
            assert!(persist.truncate_to.is_none(), "a sole voter never truncates");
            self.entries.extend(persist.append);
        }
    }
}

impl LogView for SlowLog {
    fn entries(&self, _from: u64, _to: u64, _bytes_max: usize) -> Vec<Entry> {
        Vec::new()
    }
}

impl GroupLog for SlowLog {
    type Ticket = u64;

    async fn recover(&self) -> Result<RecoveredLog, LogError> {
        let state = self.state.borrow();
        Ok(RecoveredLog {
            hard_state: state.hard_state,
            entries: state.entries.clone(),
        })
    }

    fn persist(&self, persist: &Persist, _wall_ms: i64) -> Result<u64, LogError> {
        let mut state = self.state.borrow_mut();
        assert!(
            state.room,
            "nothing is written without room, be it a vote or a proposal"
        );
        state.tickets += 1;
        let ticket = state.tickets;
        state.pending.push_back((ticket, persist.clone()));
        Ok(ticket)
    }
}

impl Journal for SlowLog {
    type Ticket = u64;
    type Log = SlowLog;

    fn logs(&self, groups: &[GroupId]) -> Vec<SlowLog> {
        assert_eq!(groups, [placement::ROOT_GROUP], "it has one log");
        vec![self.clone()]
    }

    fn wait_durable(&self, ticket: u64) -> impl Future<Output = Result<(), LogError>> + 'static {
        let log = self.clone();
        async move {
            let wait = log.simulation.draw(|random| random.between(20, 400));
            log.simulation.sleep(Duration::from_micros(wait)).await;
            if !log.lies {
                log.state.borrow_mut().make_durable(ticket);
            }
            Ok(())
        }
    }

    fn has_room(&self) -> bool {
        let room = self.simulation.draw(|random| !random.chance(1, 5));
        self.state.borrow_mut().room = room;
        room
    }

    fn proposal_bytes_max(&self) -> usize {
        200_000
    }
}

/// What was answered, over all lives.
#[derive(Default)]
struct Answered {
    topics: BTreeMap<String, Uuid>,
    deleted: Vec<Uuid>,
    producer_ids: BTreeSet<i64>,
    producer_ids_end: i64,
    broker_epoch: u64,
    leader_epochs: BTreeMap<(Uuid, i32), i32>,
    wishes: u64,
}

fn identity(incarnation: u64) -> Identity {
    Identity {
        cluster_id: CLUSTER,
        broker_id: 1,
        disk_uuid: DISK,
        incarnation,
        cores: 1,
        journal_cores: 1,
    }
}

fn options(publish: Publish) -> Options {
    Options {
        shards: 120,
        features: vec![("metadata.version".into(), 27)],
        config_rules: Rc::new(TableRules {
            broker: config::Broker::default(),
        }),
        publish,
    }
}

fn registration(identity: &Identity) -> Registration {
    Registration {
        node: 1,
        incarnation: identity.incarnation,
        storage_id: identity.disk_uuid,
        endpoints: vec![],
        rack: None,
        features: Vec::new(),
    }
}

fn create(name: &str, partitions: i32) -> Wish {
    Wish::CreateTopics(CreateTopics {
        topics: vec![NewTopic {
            name: name.into(),
            num_partitions: partitions,
            replication_factor: 1,
            assignments: vec![],
            configs: vec![],
        }],
        validate_only: false,
    })
}

/// Cores take a moment to get an image; they get them in order.
fn slow_publish(simulation: &Simulation, reached: &Rc<Cell<u64>>) -> Publish {
    let (simulation, reached) = (simulation.clone(), reached.clone());
    let sent = Cell::new(0);
    Box::new(move |changes| {
        for Change::Root(image) in &changes {
            assert!(image.applied_end >= sent.get(), "images go forward");
            sent.set(image.applied_end);
        }
        let applied_end = sent.get();
        let (simulation, reached) = (simulation.clone(), reached.clone());
        Box::pin(async move {
            let wait = simulation.draw(|random| random.between(1, 100));
            simulation.sleep(Duration::from_micros(wait)).await;
            reached.set(reached.get().max(applied_end));
        })
    })
}

fn check_start(image: &Image, broker_epoch: u64, answered: &mut Answered) {
    for (name, topic_id) in &answered.topics {
        assert_eq!(image.topic_id(name), Some(*topic_id), "{name} was created");
    }
    for topic_id in &answered.deleted {
        assert!(image.topic(*topic_id).is_none(), "{topic_id} was deleted");
    }
    assert!(image.next_producer_id >= answered.producer_ids_end);
    assert!(
        broker_epoch > answered.broker_epoch,
        "each incarnation has a newer epoch"
    );
    answered.broker_epoch = broker_epoch;
    for topic in image.topics() {
        for (number, partition) in image.partitions(topic) {
            let leader = partition.leader.expect("the only broker leads");
            assert_eq!((leader.node, leader.broker_epoch), (1, broker_epoch));
            let led = answered
                .leader_epochs
                .insert((topic.topic_id, number), partition.leader_epoch);
            assert!(
                led.is_none_or(|led| led < partition.leader_epoch),
                "no leader epoch is led twice"
            );
        }
    }
}

async fn live<J: Journal>(world: SimWorld<()>, log: J, identity: Identity, answered: Rc<RefCell<Answered>>) {
    let simulation = world.simulation.clone();
    let reached = Rc::new(Cell::new(0));
    let publish = slow_publish(&simulation, &reached);
    let started = Controller::start(&world, log, &identity, options(publish)).await;
    let controller = started.unwrap();
    let broker_epoch = controller.register(registration(&identity)).await.unwrap();
    assert!(!controller.image().broker(1).unwrap().is_active());
    controller.unfence(1, broker_epoch).await.unwrap();
    check_start(&controller.image(), broker_epoch, &mut answered.borrow_mut());

    for client in 0..3 {
        let (controller, answered, reached) = (controller.clone(), answered.clone(), reached.clone());
        let simulation = simulation.clone();
        world.clone().spawn("client", async move {
            loop {
                let (dice, number) = simulation.draw(|random| (random.between(0, 9), random.between(0, 30)));
                let name = format!("topic-{client}-{number}");
                let wish = match dice {
                    0..=4 => create(&name, 1 + (number as i32) % 5),
                    5..=6 => Wish::DeleteTopics(vec![TopicRef::Name(name.clone())]),
                    _ => Wish::AllocateProducerIds(AllocateProducerIds { node: 1, broker_epoch }),
                };
                // What is under way when the node dies may or may not have happened.
                let (held, was_deleted) = {
                    let mut answered = answered.borrow_mut();
                    let held = answered.topics.remove(&name);
                    (held, answered.deleted.len())
                };
                let answer = controller.wish(wish).await.unwrap();
                let mut answered = answered.borrow_mut();
                answered.wishes += 1;
                match answer {
                    Answer::TopicsCreated(mut topics) => match topics.remove(0).1 {
                        Ok(topic) => {
                            assert_eq!(held, None, "it was not there");
                            let image = controller.image();
                            assert!(image.topic(topic.topic_id).is_some(), "what is answered is applied");
                            assert!(reached.get() > image.topic(topic.topic_id).unwrap().create_index);
                            for number in 0..topic.num_partitions {
                                answered.leader_epochs.insert((topic.topic_id, number), 0);
                            }
                            answered.topics.insert(name, topic.topic_id);
                        }
                        Err(error) => {
                            assert_eq!(error.code, ErrorCode::TOPIC_ALREADY_EXISTS);
                            let topic_id = controller.image().topic_id(&name).unwrap();
                            assert!(held.is_none_or(|held| held == topic_id));
                            answered.topics.insert(name, topic_id);
                        }
                    },
                    Answer::TopicsDeleted(mut topics) => {
                        let topic = topics.remove(0);
                        if topic.result.is_ok() {
                            assert!(held.is_none_or(|held| held == topic.topic_id));
                            answered.deleted.push(topic.topic_id);
                            assert!(answered.deleted.len() > was_deleted);
                        } else {
                            assert_eq!(held, None, "it was there");
                        }
                    }
                    Answer::ProducerIds { first, count } => {
                        assert!(answered.producer_ids.insert(first), "ids are given once");
                        answered.producer_ids_end = answered.producer_ids_end.max(first + i64::from(count));
                        if let Some(held) = held {
                            answered.topics.insert(name, held);
                        }
                    }
                    other => panic!("{other:?}"),
                }
            }
        });
    }
}

fn run(seed: u64, lies: bool) -> u64 {
    let simulation = Simulation::new(seed);
    let mut node: SimNode<()> = SimNode::new(&simulation, 1, 1);
    let log = SlowLog {
        simulation: simulation.clone(),
        state: Rc::default(),
        lies,
    };
    let answered: Rc<RefCell<Answered>> = Rc::default();
    for incarnation in 1..=6 {
        let (log_of_life, answered) = (log.clone(), answered.clone());
        node.start(move |world| live(world, log_of_life.clone(), identity(incarnation), answered.clone()));
        let lifetime = simulation.draw(|random| random.between(100, 30_000));
        simulation.run_for(Duration::from_micros(lifetime));
        assert_eq!(node.failure(), None, "seed {seed}");
        node.crash(CrashKind::Power);
        // Of what was written a prefix survives.
        let mut state = log.state.borrow_mut();
        let (least, most) = (state.tickets - state.pending.len() as u64, state.tickets);
        let survives = simulation.draw(|random| random.between(least, most));
        state.make_durable(survives);
        state.pending.clear();
    }
    let wishes = answered.borrow().wishes;
    simulation.end();
    wishes
}

/// The same life on a real journal, which is what a crash leaves of it.
async fn live_on_store(world: SimWorld<()>, answered: Rc<RefCell<Answered>>) {
    let want = FormatWish {
        cluster_id: Some(CLUSTER),
        disk_uuid: Uuid::from_u64_pair(world.random(), world.random()),
        broker_id: 1,
        cores: 1,
        wall_ms: world.wall_ms(),
    };
    let identity = open_data_dir(&world.disk(), want).await.unwrap();
    let (sleeper, yielder, clock) = (world.clone(), world.clone(), world.clone());
    let mut options = StoreOptions::new(
        move |duration| Box::pin(sleeper.sleep(duration)),
        move || Box::pin(yielder.yield_now()),
        move || clock.wall_ms(),
    );
    // Small, so that the journal goes round and entries move to segments.
    options.journal_files = 4;
    options.journal_file_bytes = 64 << 10;
    let store = Store::open(world.disk(), &identity, 0, options).await.unwrap();
    let (committer, cleaner, yielder) = (store.clone(), store.clone(), world.clone());
    world.spawn("commit", async move {
        loop {
            committer.commit().await.unwrap();
        }
    });
    world.spawn("background", async move {
        loop {
            if !cleaner.background().await.unwrap() {
                yielder.sleep(Duration::from_millis(1)).await;
            }
        }
    });
    live(world, StoreJournal::new(&store), identity, answered).await;
}

fn run_on_store(seed: u64) -> u64 {
    let simulation = Simulation::new(seed);
    let mut node: SimNode<()> = SimNode::new(&simulation, 1, 1);
    let answered: Rc<RefCell<Answered>> = Rc::default();
    for _ in 0..6 {
        let answered = answered.clone();
        node.start(move |world| live_on_store(world, answered.clone()));
        let (lifetime, kind) = simulation.draw(|random| (random.between(100, 200_000), random.between(0, 2)));
        simulation.run_for(Duration::from_micros(lifetime));
        assert_eq!(node.failure(), None, "seed {seed}");
        node.crash([CrashKind::Kill, CrashKind::Power, CrashKind::PowerAndNothing][kind as usize]);
    }
    let wishes = answered.borrow().wishes;
    simulation.end();
    wishes
}

#[test]
fn what_was_answered_lasts_on_the_journal() {
    let seeds = std::env::var("SEEDS")
        .ok()
        .and_then(|seeds| seeds.parse().ok())
        .unwrap_or(30);
    let wishes: u64 = (1..=seeds).map(run_on_store).sum();
    assert!(wishes > 20 * seeds, "only {wishes} wishes were answered");
}

#[test]
fn what_was_answered_lasts_through_crashes() {
    let wishes: u64 = (1..=60).map(|seed| run(seed, false)).sum();
    assert!(wishes > 10_000, "only {wishes} wishes were answered");
}

/// Canary: these walks would notice an answer that left before its entry was durable.
#[test]
fn a_log_that_lies_is_noticed() {
    let noticed = (1..=20).any(|seed| std::panic::catch_unwind(|| run(seed, true)).is_err());
    assert!(noticed);
}

#[test]
fn many_partitions_are_granted_again_in_pieces() {
    let simulation = Simulation::new(5);
    let mut node: SimNode<()> = SimNode::new(&simulation, 1, 1);
    let log = SlowLog {
        simulation: simulation.clone(),
        state: Rc::default(),
        lies: false,
    };
    let finished = Rc::new(Cell::new(0));
    for incarnation in 1..=2 {
        let (of_life, done) = (log.clone(), finished.clone());
        node.start(move |world| {
            let (log, finished) = (of_life.clone(), done.clone());
            async move {
                let publish = slow_publish(&log.simulation, &Rc::default());
                let identity = identity(incarnation);
                let started = Controller::start(&world, log, &identity, options(publish)).await;
                let controller = started.unwrap();
                let epoch = controller.register(registration(&identity)).await.unwrap();
                controller.unfence(1, epoch).await.unwrap();
                let image = controller.image();
                if incarnation == 1 {
                    controller.wish(create("wide", 4321)).await.unwrap();
                } else {
                    let topic = image.topic_named("wide").unwrap();
                    assert!(
                        image
                            .partitions(topic)
                            .all(|(_, partition)| partition.leader_epoch == 1)
                    );
                }
                finished.set(incarnation);
            }
        });
        assert!(simulation.run_until(Duration::from_secs(5), || finished.get() == incarnation));
        node.crash(CrashKind::Kill);
    }
    simulation.end();
}

#[test]
fn metadata_of_another_cluster_is_refused() {
    let simulation = Simulation::new(9);
    let mut node: SimNode<()> = SimNode::new(&simulation, 1, 1);
    let log = SlowLog {
        simulation: simulation.clone(),
        state: Rc::default(),
        lies: false,
    };
    let refused = Rc::new(RefCell::new(None));
    for cluster_id in [CLUSTER, Uuid::from_u128(7)] {
        let (of_life, answer) = (log.clone(), refused.clone());
        node.start(move |world| {
            let (log, refused) = (of_life.clone(), answer.clone());
            async move {
                let identity = Identity {
                    cluster_id,
                    ..identity(1)
                };
                let publish = slow_publish(&log.simulation, &Rc::default());
                let started = Controller::start(&world, log, &identity, options(publish)).await;
                refused.replace(Some(started.err()));
            }
        });
        assert!(simulation.run_until(Duration::from_secs(5), || refused.borrow().is_some()));
        node.crash(CrashKind::Kill);
        match refused.take().unwrap() {
            None => assert_eq!(cluster_id, CLUSTER),
            Some(StartError::Refused(error)) => assert_eq!(error.code, ErrorCode::INCONSISTENT_CLUSTER_ID),
            Some(other) => panic!("{other}"),
        }
    }
    simulation.end();
}
