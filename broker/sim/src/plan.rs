//! What a seed draws: the node, its clients, and everything that happens to them.

use corelane_storage::sim_disk::{Fault, Operation};

use crate::{client::ProducerOptions, node::CrashKind, random::Random};

pub const NODE: u32 = 1;
pub const PORT: u16 = 9092;
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
    /// Crash upon crash, so that a start hardly goes on from what the one before it left torn.
    pub in_haste: bool,
    /// What rots before the log is read at the end.
    pub rot: Option<Rot>,
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
    /// The wall clock jumps by so much halfway there.
    pub wall_jump_ms: i64,
    /// Cores of the start after it.
    pub cores_after: usize,
    /// An operation of the disk that fails before that, counted from the start; then the node may end itself.
    pub fault: Option<DiskFault>,
}

#[derive(Clone, Debug)]
pub struct DiskFault {
    pub operation: Operation,
    pub nth: u64,
    pub fault: Fault,
}

/// One sector rots.
#[derive(Clone, Debug)]
pub struct Rot {
    /// Among the files whose names contain this.
    pub files: &'static str,
    /// Which of their sectors that hold something.
    pub choice: u64,
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
        let cores = random.between(1, 3) as usize;
        let in_haste = random.chance(1, 4);
        let crash = |random: &mut Random| Crash {
            // From "while it still recovers" to "long in service".
            after_us: match in_haste {
                true => random.between(500, 9_000),
                false => *random.pick(&[500, 5_000, 20_000, 50_000]) * random.between(1, 10) / 2,
            },
            kind: *random.pick(&[
                CrashKind::Kill,
                CrashKind::Power,
                CrashKind::Power,
                CrashKind::PowerAndNothing,
            ]),
            down_ms: random.between(0, 50),
            wall_jump_ms: *random.pick(&[0, 0, 0, -3_600_000, -1, 1, 60_000, 3_600_000]),
            cores_after: match random.chance(1, 5) {
                true => random.between(1, 4) as usize,
                false => cores,
            },
            fault: random.chance(1, 6).then(|| DiskFault {
                operation: *random.pick(&[Operation::Write, Operation::Write, Operation::Flush, Operation::Open]),
                nth: random.between(1, 300),
                fault: random.pick(&[Fault::Error, Fault::NoSpace, Fault::ShortWrite]).clone(),
            }),
        };
        Plan {
            seed,
            cores,
            partitions: random.between(1, 5) as i32,
            producers: (0..producers).map(|number| producer(number, &mut random)).collect(),
            consumers: (0..random.between(1, 2))
                .map(|_| random.between(12, 17) as i16)
                .collect(),
            members: random.below(4),
            crashes: (0..random.between(1, if in_haste { 20 } else { 5 }))
                .map(|_| crash(&mut random))
                .collect(),
            in_haste,
            rot: random.chance(1, 3).then(|| Rot {
                files: ["wal/", ".wal", ".wal", "log/", ""][random.below(5) as usize],
                choice: random.next_u64(),
            }),
            break_every_us: *random.pick(&[0, 0, 5_000, 50_000]),
            node_seed: random.next_u64(),
        }
    }
}
