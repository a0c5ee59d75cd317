//! Goal: a node that comes back with another number of cores, however it went down, knows what it knew. The shards' logs
//! move with their partitions: each start goes on in the next leader epoch of every partition, none is skipped or used
//! again, and every core sees all of it.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use corelane_broker::{
    config::{Broker, Inputs},
    core::Message,
    metadata::{
        Answer, Wish,
        decide::{CreateTopics, NewTopic},
    },
    metrics::{self, NodeSnapshot, Readiness},
    node::{self, Endpoint, Endpoints, Node, NodeOptions, Tuning},
    raft_driver::SnapshotTiming,
    runtime::world::World,
};
use corelane_sim::{CrashKind, SimNode, SimWorld, Simulation};
use corelane_storage::StoreOptions;
use uuid::Uuid;

const PARTITIONS: i32 = 9;
const START: Duration = Duration::from_secs(20);

/// Leader epoch and partition epoch of every partition that was ever made.
type Epochs = BTreeMap<(Uuid, i32), (i32, i32)>;

fn options() -> NodeOptions {
    let config = Broker::load(&Inputs::default()).expect("the defaults").broker;
    let endpoints = Endpoints {
        binds: Vec::new(),
        advertised: Endpoint {
            host: "127.0.0.1".into(),
            port: 9092,
        },
    };
    NodeOptions {
        config: Arc::new(config),
        endpoints: Arc::new(endpoints),
    }
}

/// One life on every core: comes up, is looked at, makes a topic.
async fn live(world: SimWorld<Message>, life: u32, epochs: Rc<RefCell<Epochs>>, done: Rc<Cell<bool>>) {
    let small = Tuning {
        store: Rc::new(|options: &mut StoreOptions| {
            options.journal_files = 4;
            options.journal_file_bytes = 256 << 10;
        }),
        snapshots: SnapshotTiming::default(),
    };
    let node = node::start(world.clone(), options(), Some(small)).await.unwrap();
    if world.core() == 0 {
        let mut known = epochs.take();
        check(&node, &mut known);
        make_topic(&node, &format!("life-{life}"), &mut known).await;
        check_metrics(&node, u64::from(life)).await;
        epochs.replace(known);
        done.set(true);
    }
    std::future::pending::<()>().await;
}

fn check(node: &Node<SimWorld<Message>>, epochs: &mut Epochs) {
    let image = node.core().image();
    for ((topic_id, number), (leader_epoch, partition_epoch)) in epochs.iter_mut() {
        let state = image.partition(*topic_id, *number).expect("what was made stays");
        assert_eq!(state.leader.map(|leader| leader.node), Some(node.core().broker_id()));
        *leader_epoch += 1;
        *partition_epoch += 1;
        assert_eq!(
            (state.leader_epoch, state.partition_epoch),
            (*leader_epoch, *partition_epoch)
        );
    }
    assert_eq!(image.partition_count(), epochs.len());
}

/// What a core counts needs no thread and no clock of its own: it is the same in here.
async fn check_metrics(node: &Node<SimWorld<Message>>, topics: u64) {
    let core = node.core().snapshot().await;
    assert_eq!((core.readiness, core.topics), (Readiness::Ready, topics));
    let store = core.store.as_ref().expect("the store is open");
    assert!(store.frames > 0 && store.journal_files == 4, "{store:?}");
    assert!(core.partitions.replicas == core.partitions.leaders);
    let text = metrics::text(&NodeSnapshot {
        cores: vec![Some(core)],
        ..NodeSnapshot::default()
    });
    assert!(text.contains(&format!("\ncorelane_topics {topics}\n")), "{text}");
}

async fn make_topic(node: &Node<SimWorld<Message>>, name: &str, epochs: &mut Epochs) {
    let topic = NewTopic {
        name: name.to_string(),
        num_partitions: PARTITIONS,
        replication_factor: 1,
        assignments: Vec::new(),
        configs: Vec::new(),
    };
    let wish = Wish::CreateTopics(CreateTopics {
        topics: vec![topic],
        validate_only: false,
    });
    let Ok(Answer::TopicsCreated(mut made)) = node.core().wish(wish).await else {
        panic!("a topic is made");
    };
    let topic_id = made.remove(0).1.unwrap().topic_id;
    epochs.extend((0..PARTITIONS).map(|number| ((topic_id, number), (0, 0))));
}

fn run(seed: u64) {
    let simulation = Simulation::new(seed);
    let mut node: SimNode<Message> = SimNode::new(&simulation, 1, 2);
    let epochs: Rc<RefCell<Epochs>> = Rc::default();
    for (life, cores) in (1..).zip([2, 1, 3, 3, 2]) {
        node.set_cores(cores);
        let done = Rc::new(Cell::new(false));
        let (of_life, seen) = (epochs.clone(), done.clone());
        node.start(move |world| live(world, life, of_life.clone(), seen.clone()));
        let is_up = simulation.run_until(START, || done.get() || !node.is_alive());
        assert_eq!(node.failure(), None, "seed {seed}, life {life}");
        assert!(
            is_up && done.get(),
            "seed {seed}, life {life} with {cores} cores is not up"
        );
        let (kind, after_us) = simulation.draw(|random| (random.between(0, 2), random.between(0, 50_000)));
        simulation.run_for(Duration::from_micros(after_us));
        node.crash([CrashKind::Kill, CrashKind::Power, CrashKind::PowerAndNothing][kind as usize]);
    }
    simulation.end();
}

#[test]
fn leadership_goes_on_with_any_number_of_cores() {
    (1..=10).for_each(run);
}
