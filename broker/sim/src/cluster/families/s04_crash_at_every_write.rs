//! S-4: a small script, and a crash at one of its writes: the seed says which, on which node, what the disk kept, and
//! whether the restart crashes as well. All seeds together are every write.

use super::{
    super::{
        actions::{Action, Planned, Who},
        crash_point::CrashPoint,
        operations::Operation,
        plan::{Plan, Stack},
        timeline::{MILLISECOND, SECOND},
    },
    Family,
};
use crate::Random;

pub const FAMILY: Family = Family {
    name: "s-4",
    story: "a script, and a crash at each of its writes, and again within the recovery",
    bend,
};

const NODES: u64 = 3;
/// Without a second crash, or with one at the first writes after the restart.
const AGAIN: u64 = 6;
/// More writes than a node has in the script.
const WRITES_MAX: u64 = 600;
/// All seeds from 0 to here are different runs.
pub const RUNS: u64 = WRITES_MAX * NODES * 2 * AGAIN;

fn bend(plan: &mut Plan, _random: &mut Random) {
    let place = plan.seed % RUNS;
    let seed = plan.seed;
    *plan = script(2500 * MILLISECOND);
    plan.seed = seed;
    plan.crash = Some(CrashPoint::numbered(place, NODES, AGAIN));
}

/// Every kind of write: registrations, topics, records, ISR changes, snapshots, another voter's log, a new assignment.
pub fn script(lasts: u64) -> Plan {
    let mut plan = Plan::draw(0);
    plan.actions.clear();
    plan.stack = Stack::Whole;
    plan.chance = 4;
    plan.nodes = NODES as usize;
    plan.founders = plan.nodes;
    plan.shards = 2;
    plan.safety = lasts;
    let network = &mut plan.network;
    (network.delay_min, network.delay_max) = (200, 2 * MILLISECOND);
    (network.loss, network.duplicate, network.straggler) = (0, 0, 0);
    (plan.disk.write_min, plan.disk.write_max, plan.disk.slow) = (100, 3 * MILLISECOND, 0);
    plan.raft.election_min = 150 * MILLISECOND;
    plan.raft.election_max = 300 * MILLISECOND;
    plan.raft.heartbeat = 40 * MILLISECOND;
    plan.raft.append_bytes_max = 200;
    plan.raft.snapshot_every = Some(6);
    plan.broker.beat = 50 * MILLISECOND;
    plan.broker.session = 250 * MILLISECOND;
    plan.broker.balance_every = Some(SECOND);
    plan.replica.lag_max = 200 * MILLISECOND;
    plan.topics.count = 1;
    plan.topics.partitions = 2;
    plan.topics.replication_factor = plan.nodes;
    plan.topics.min_isr = 2;
    plan.produce_every = 20 * MILLISECOND;
    let operate = |at: u64, operation: Operation| Planned {
        at: at * MILLISECOND,
        action: Action::Operate(operation),
    };
    plan.actions = vec![
        operate(900, Operation::MinIsr),
        operate(1100, Operation::AddPartitions),
        Planned {
            at: 1300 * MILLISECOND,
            action: Action::Kill {
                who: Who::PartitionFollower(0),
                down: 300 * MILLISECOND,
            },
        },
        operate(1700, Operation::Reassign),
        operate(1900, Operation::Trim),
        operate(2100, Operation::DeleteTopic),
    ];
    plan
}
