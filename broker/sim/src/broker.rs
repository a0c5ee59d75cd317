//! The real broker on a simulated node: production's code, with small sizes so that every boundary is met often.

use std::{rc::Rc, sync::Arc, time::Duration};

use corelane_broker::{
    config::{Broker, Inputs},
    core::Message,
    node::{self, BindAddress, Endpoint, Endpoints, NodeOptions, Tuning},
    raft_driver::SnapshotTiming,
    runtime::world::World,
};
use corelane_storage::{Rules, StoreOptions};

use crate::{
    node::SimNode,
    random::Random,
    scenario::{Lives, PORT, Plan},
};

/// A rule that is taken away, to see that the simulation would notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Mutant {
    /// Acknowledges frames that were written but not flushed.
    SkipFlush,
    /// Takes damage below the durable watermark for the torn end of the journal.
    IgnoreWatermark,
    /// Accepts a frame whatever stood before it, and goes on in the torn file after recovery.
    NoChain,
    /// Writes a file's first frame together with others.
    HeadNotAlone,
}

impl Mutant {
    fn rules(self) -> Rules {
        let mut rules = Rules::production();
        match self {
            Mutant::SkipFlush => rules.flush = false,
            Mutant::IgnoreWatermark => rules.watermark = false,
            Mutant::NoChain => (rules.chain, rules.new_file) = (false, false),
            Mutant::HeadNotAlone => rules.file_head_alone = false,
        }
        rules
    }
}

/// Starts the broker on every core of a node.
pub fn start(node: &mut SimNode<Message>, plan: &Plan, mutant: Option<Mutant>) {
    let options = options(plan);
    let tuning = tuning(plan, mutant.map_or(Rules::production(), Mutant::rules));
    node.start(move |world| {
        let (options, tuning) = (options.clone(), tuning.clone());
        async move {
            match node::start(world.clone(), options, Some(tuning)).await {
                // It lives as long as somebody holds it.
                Ok(node) => {
                    let _running = node;
                    std::future::pending::<()>().await;
                }
                Err(reason) => world.fail_stop(&reason),
            }
        }
    });
}

fn options(_plan: &Plan) -> NodeOptions {
    let set = [
        format!("listeners=PLAINTEXT://127.0.0.1:{PORT}").as_str(),
        "auto.create.topics.enable=false",
        "offsets.topic.num.partitions=5",
        "group.min.session.timeout.ms=100",
        "group.initial.rebalance.delay.ms=20",
    ]
    .map(str::to_string);
    let inputs = Inputs {
        set: set.into(),
        ..Inputs::default()
    };
    let config = Broker::load(&inputs).expect("a configuration of our own").broker;
    let endpoints = Endpoints {
        binds: vec![BindAddress {
            address: ([127, 0, 0, 1], PORT).into(),
            required: true,
        }],
        advertised: Endpoint {
            host: "127.0.0.1".into(),
            port: PORT,
        },
    };
    NodeOptions {
        config: Arc::new(config),
        endpoints: Arc::new(endpoints),
    }
}

/// A journal small enough to go round, frames small enough to be many, metadata logs that are cut now and then or all the
/// time.
fn tuning(plan: &Plan, rules: Rules) -> Tuning {
    let mut random = Random::new(plan.node_seed);
    let journal_files = random.between(4, 8) as u32;
    let journal_file_bytes = *random.pick(&[256 << 10, 512 << 10, 2 << 20]);
    let frame_bytes_max = match plan.lives {
        Lives::LongAndShort => 4 << 10,
        _ => *random.pick(&[16 << 10, 64 << 10, 128 << 10]),
    };
    // A log whose last bytes fill no block yet keeps its whole frame in memory: there must be room for one frame per log.
    let tail_bytes_max = *random.pick(&[2 << 20, 4 << 20, 16 << 20]);
    // Several at once can be torn so that a later one is whole and an earlier one is not.
    let frames_in_flight = match plan.lives {
        Lives::InHaste | Lives::LongAndShort => 4,
        Lives::AsTheyCome => *random.pick(&[1, 1, 2, 4]),
    };
    let snapshots = SnapshotTiming {
        log_bytes: *random.pick(&[1, 500, 8 << 20, 8 << 20]),
        after: Duration::from_millis(*random.pick(&[20, 3_600_000])),
        entries_at_start: *random.pick(&[1, 10, 100]),
    };
    let store = Rc::new(move |options: &mut StoreOptions| {
        options.rules = rules.clone();
        options.journal_files = journal_files;
        options.journal_file_bytes = journal_file_bytes;
        options.frame_bytes_max = frame_bytes_max;
        options.tail_bytes_max = tail_bytes_max;
        options.frames_in_flight = frames_in_flight;
    });
    Tuning { store, snapshots }
}
