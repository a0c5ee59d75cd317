//! Goal: the metadata groups answer only what lasts. A node is crashed at drawn moments and started again on what
//! was durable; whatever was answered must still be so, in the same place, and leadership must be granted anew.

mod slow_journal;

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
    time::Duration,
};

use corelane_broker::{
    config,
    metadata::{
        Answer, Image, Wish, WishError,
        controller::Timing,
        decide::{AllocateProducerIds, CreateTopics, FormatCluster, NewTopic, Registration, TableRules, TopicRef},
    },
    raft_driver::{Change, Controller, GroupSet, Journal, Publish, Shards, SharedRules, SnapshotTiming, StoreJournal},
    runtime::world::World,
};
use corelane_protocol::error_code::ErrorCode;
use corelane_raft::VoterId;
use corelane_sim::{CrashKind, SimNode, SimWorld, Simulation};
use corelane_storage::{FormatWish, Identity, Store, StoreOptions, open_data_dir};
use slow_journal::SlowJournal;
use uuid::Uuid;

const DISK: Uuid = Uuid::from_u128(0xd15c);
const CLUSTER: Uuid = Uuid::from_u128(0xc105);
/// Few, so that each has something to do.
const SHARDS: u16 = 5;

/// Logs are cut every few entries, and left alone in between.
const OFTEN: SnapshotTiming = SnapshotTiming {
    log_bytes: 400,
    after: Duration::from_millis(5),
    entries_at_start: 4,
};
const NEVER: SnapshotTiming = SnapshotTiming {
    log_bytes: u64::MAX,
    after: Duration::MAX,
    entries_at_start: usize::MAX,
};

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

fn registration(identity: &Identity) -> Registration {
    Registration {
        node: 1,
        incarnation: identity.incarnation,
        storage_id: identity.disk_uuid,
        endpoints: vec![],
        rack: None,
        features: vec![],
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

/// A core that runs all groups, and sees what they publish a moment later.
#[derive(Clone)]
struct Member {
    identity: Identity,
    controller: Controller,
    shards: Shards,
    /// What clients would see.
    view: Rc<RefCell<Image>>,
}

impl Member {
    async fn start<J: Journal>(
        world: &SimWorld<()>,
        journal: J,
        identity: Identity,
        snapshots: SnapshotTiming,
    ) -> Member {
        let rules: SharedRules = Rc::new(RefCell::new(Rc::new(TableRules {
            broker: config::Broker::default(),
        })));
        let mut set = GroupSet::new(snapshots);
        let timing = Timing {
            session_timeout: Duration::from_secs(3600),
            balance_interval: None,
            proposal_bytes_max: journal.proposal_bytes_max(),
        };
        let controller = Controller::join(&mut set, world, identity.broker_id, &timing, &rules, || true);
        let shards = Shards::join(&mut set, 0..SHARDS, identity.broker_id, &timing, &rules);
        let view: Rc<RefCell<Image>> = Rc::default();
        let me = VoterId {
            node: identity.broker_id,
            storage_id: identity.disk_uuid.as_u128(),
        };
        let publish = slow_publish(&world.simulation, &view, &shards);
        set.run(world, journal, me, publish).await.unwrap();
        Member {
            identity,
            controller,
            shards,
            view,
        }
    }

    async fn format(&self) -> Result<(), WishError> {
        let format = FormatCluster {
            cluster_id: self.identity.cluster_id,
            shards: SHARDS,
            features: vec![("metadata.version".into(), 27)],
        };
        self.controller.format(format).await
    }

    /// As a broker takes up leadership. Gives the broker epoch.
    async fn lead(&self) -> u64 {
        self.format().await.unwrap();
        let broker_epoch = self.controller.register(registration(&self.identity)).await.unwrap();
        assert!(!self.view.borrow().broker(1).unwrap().is_active());
        self.controller.unfence(1, broker_epoch).await.unwrap();
        self.shards.settled().await.unwrap();
        broker_epoch
    }
}

/// A core takes a moment to get what is published; it gets it in order.
fn slow_publish(simulation: &Simulation, view: &Rc<RefCell<Image>>, shards: &Shards) -> Publish {
    let (simulation, view, shards) = (simulation.clone(), view.clone(), shards.clone());
    let (sent, arrived) = (Cell::new(0), Rc::new(Cell::new(0)));
    Box::new(move |changes| {
        let number = sent.get();
        sent.set(number + 1);
        let (simulation, view, shards, arrived) = (simulation.clone(), view.clone(), shards.clone(), arrived.clone());
        Box::pin(async move {
            let wait = simulation.draw(|random| random.between(1, 100));
            simulation.sleep(Duration::from_micros(wait)).await;
            assert_eq!(
                arrived.replace(number + 1),
                number,
                "answers wait for what was published before"
            );
            let before = view.borrow().clone();
            for change in &changes {
                change.apply_to(&mut view.borrow_mut());
                if let Change::Root { image, .. } = change {
                    assert!(image.applied_end >= before.applied_end, "images go forward");
                    shards.on_root(image);
                }
            }
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

async fn live<J: Journal>(world: SimWorld<()>, journal: J, identity: Identity, answered: Rc<RefCell<Answered>>) {
    let simulation = world.simulation.clone();
    let timing = if identity.incarnation.is_multiple_of(2) {
        OFTEN
    } else {
        NEVER
    };
    let member = Member::start(&world, journal, identity, timing).await;
    let broker_epoch = member.lead().await;
    check_start(&member.view.borrow(), broker_epoch, &mut answered.borrow_mut());

    for client in 0..3 {
        let (member, answered) = (member.clone(), answered.clone());
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
                let answer = member.controller.wish(wish).await.unwrap();
                let mut answered = answered.borrow_mut();
                answered.wishes += 1;
                match answer {
                    Answer::TopicsCreated(mut topics) => match topics.remove(0).1 {
                        Ok(topic) => {
                            assert_eq!(held, None, "it was not there");
                            let view = member.view.borrow();
                            assert!(view.topic(topic.topic_id).is_some(), "what is answered is seen");
                            for number in 0..topic.num_partitions {
                                answered.leader_epochs.insert((topic.topic_id, number), 0);
                            }
                            answered.topics.insert(name, topic.topic_id);
                        }
                        Err(error) => {
                            assert_eq!(error.code, ErrorCode::TOPIC_ALREADY_EXISTS);
                            let topic_id = member.view.borrow().topic_id(&name).unwrap();
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

/// Wishes that were answered, snapshots that were taken.
fn run(seed: u64, lies: bool) -> (u64, usize) {
    let simulation = Simulation::new(seed);
    let mut node: SimNode<()> = SimNode::new(&simulation, 1, 1);
    let journal = SlowJournal::new(&simulation, lies);
    let answered: Rc<RefCell<Answered>> = Rc::default();
    for incarnation in 1..=6 {
        let (of_life, answered) = (journal.clone(), answered.clone());
        node.start(move |world| live(world, of_life.clone(), identity(incarnation), answered.clone()));
        let lifetime = simulation.draw(|random| random.between(100, 30_000));
        simulation.run_for(Duration::from_micros(lifetime));
        assert_eq!(node.failure(), None, "seed {seed}");
        node.crash(CrashKind::Power);
        journal.crash();
    }
    let (wishes, snapshots) = (answered.borrow().wishes, journal.snapshots());
    simulation.end();
    (wishes, snapshots)
}

/// The same life on a real journal, which is what a crash leaves of it.
async fn live_on_store(world: SimWorld<()>, answered: Rc<RefCell<Answered>>) {
    let want = FormatWish {
        cluster_id: Some(CLUSTER),
        new_cluster_id: CLUSTER,
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
    let (wishes, snapshots) = (1..=60)
        .map(|seed| run(seed, false))
        .reduce(|(wishes, snapshots), (more, taken)| (wishes + more, snapshots + taken))
        .unwrap();
    assert!(wishes > 10_000, "only {wishes} wishes were answered");
    assert!(snapshots > 500, "only {snapshots} snapshots were taken");
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
    let journal = SlowJournal::new(&simulation, false);
    let finished = Rc::new(Cell::new(0));
    for incarnation in 1..=2 {
        let (of_life, done) = (journal.clone(), finished.clone());
        node.start(move |world| {
            let (journal, finished) = (of_life.clone(), done.clone());
            async move {
                let member = Member::start(&world, journal, identity(incarnation), NEVER).await;
                member.lead().await;
                let view = member.view.borrow().clone();
                if incarnation == 1 {
                    member.controller.wish(create("wide", 4321)).await.unwrap();
                } else {
                    let topic = view.topic_named("wide").unwrap();
                    let mut partitions = view.partitions(topic);
                    assert!(partitions.all(|(_, partition)| partition.leader_epoch == 1));
                    let mut held = (0..SHARDS).map(|shard| view.shard(shard).unwrap().len());
                    assert!(held.all(|held| held > 800), "each group has its part");
                }
                finished.set(incarnation);
            }
        });
        let ended = simulation.run_until(Duration::from_secs(5), || finished.get() == incarnation);
        assert!(ended, "{:?}", node.failure());
        node.crash(CrashKind::Kill);
    }
    simulation.end();
}

#[test]
fn metadata_of_another_cluster_is_refused() {
    let simulation = Simulation::new(9);
    let mut node: SimNode<()> = SimNode::new(&simulation, 1, 1);
    let journal = SlowJournal::new(&simulation, false);
    let answer = Rc::new(RefCell::new(None));
    for cluster_id in [CLUSTER, Uuid::from_u128(7)] {
        let (of_life, answered) = (journal.clone(), answer.clone());
        node.start(move |world| {
            let (journal, answered) = (of_life.clone(), answered.clone());
            async move {
                let identity = Identity {
                    cluster_id,
                    ..identity(1)
                };
                let member = Member::start(&world, journal, identity, NEVER).await;
                answered.replace(Some(member.format().await));
            }
        });
        assert!(simulation.run_until(Duration::from_secs(5), || answer.borrow().is_some()));
        node.crash(CrashKind::Kill);
        match answer.take().unwrap() {
            Ok(()) => assert_eq!(cluster_id, CLUSTER),
            Err(error) => assert_eq!(error.code, ErrorCode::INCONSISTENT_CLUSTER_ID),
        }
    }
    simulation.end();
}

/// Goal: groups that have nothing to do cost nothing but their memory. They start with two writes in all, however many
/// they are, and then nothing happens any more: no timer, no write.
#[test]
fn idle_groups_cost_nothing() {
    let simulation = Simulation::new(11);
    let mut node: SimNode<()> = SimNode::new(&simulation, 1, 1);
    let journal = SlowJournal::new(&simulation, false);
    let (of_life, started) = (journal.clone(), Rc::new(Cell::new(false)));
    let done = started.clone();
    node.start(move |world| {
        let (journal, done) = (of_life.clone(), done.clone());
        async move {
            let member = Member::start(&world, journal, identity(1), NEVER).await;
            member.shards.settled().await.unwrap();
            done.set(true);
            std::future::pending::<()>().await;
        }
    });
    assert!(simulation.run_until(Duration::from_secs(5), || started.get()));
    let (tickets, flushes) = journal.writes_and_flushes();
    assert_eq!(
        tickets,
        2 * (u64::from(SHARDS) + 1),
        "a vote and a first entry of each group"
    );
    assert!(
        flushes <= 6,
        "{flushes} flushes: what found room together is written together"
    );
    simulation.run_for(Duration::from_millis(100));
    let events = simulation.trace_events();
    simulation.run_for(Duration::from_secs(3600));
    assert_eq!(simulation.trace_events(), events, "an hour without an event");
    simulation.end();
}
