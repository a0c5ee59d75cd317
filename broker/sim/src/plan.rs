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
    pub lives: Lives,
    /// What rots before the log is read at the end.
    pub rot: Option<Rot>,
    /// Every so many microseconds a connection breaks; 0 for never.
    pub break_every_us: u64,
    /// For the node's own tuning.
    pub node_seed: u64,
}

/// How the lives of the node follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lives {
    AsTheyCome,
    /// Crash upon crash, so that a start hardly goes on from what the one before it left torn.
    InHaste,
    /// After each life that the power ends in the middle of its writes comes one that ends after its first few, so that
    /// whole frames of the torn end stand behind what the short one wrote. One core, one partition, and frames of a block, so
    /// that they meet.
    LongAndShort,
}

#[derive(Clone, Debug)]
pub struct Crash {
    /// After the start before.
    pub after_us: u64,
    pub moment: Moment,
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

/// When exactly the node goes down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// When its time is over.
    Any,
    /// After that, as soon as so many sectors are not flushed.
    Unflushed(usize),
    /// Before that, as soon as so many flushes have begun.
    Flushes(u64),
}

/// One sector rots.
#[derive(Clone, Debug)]
pub struct Rot {
    /// Among the files whose names contain this.
    pub files: &'static str,
    /// Which of their sectors that hold something.
    pub choice: u64,
}

impl Crash {
    fn draw(lives: Lives, cores: usize, random: &mut Random) -> Crash {
        Crash {
            // From "while it still recovers" to "long in service".
            after_us: match lives {
                Lives::InHaste => random.between(500, 9_000),
                _ => *random.pick(&[500, 5_000, 20_000, 50_000]) * random.between(1, 10) / 2,
            },
            moment: Moment::Any,
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
        }
    }

    /// Of the frames under way any may be whole.
    fn in_the_middle_of_writes(random: &mut Random) -> Crash {
        Crash {
            after_us: random.between(10_000, 30_000),
            moment: Moment::Unflushed(random.between(2, 5) as usize),
            kind: CrashKind::Power,
            down_ms: random.between(0, 50),
            wall_jump_ms: 0,
            cores_after: 1,
            fault: None,
        }
    }

    /// A start flushes what it recovered first, and then the frames that begin the next life.
    fn after_a_few_writes(random: &mut Random) -> Crash {
        Crash {
            after_us: 30_000,
            moment: Moment::Flushes(random.between(6, 10)),
            kind: CrashKind::PowerAndNothing,
            ..Crash::in_the_middle_of_writes(random)
        }
    }
}

impl Plan {
    pub fn draw(seed: u64) -> Plan {
        let mut random = Random::new(seed ^ 0x5eed);
        let lives = *random.pick(&[
            Lives::AsTheyCome,
            Lives::AsTheyCome,
            Lives::InHaste,
            Lives::LongAndShort,
        ]);
        let is_busy = lives == Lives::LongAndShort;
        let producers = random.between(if is_busy { 3 } else { 1 }, 4);
        let producer = |number: u64, random: &mut Random| {
            // One batch must fit in half a journal file, however small that was drawn.
            let sizes: &[(u64, u64)] = match is_busy {
                true => &[(1, 10), (20, 10), (5, 300)],
                false => &[(1, 10), (20, 10), (5, 300), (20, 3_000), (3, 20_000)],
            };
            let (records_max, value_bytes_max) = *random.pick(sizes);
            ProducerOptions {
                number: number as u32,
                node: NODE,
                port: PORT,
                idempotent: random.chance(2, 3),
                in_flight_max: if is_busy { 5 } else { random.between(1, 5) } as usize,
                batches: random.between(20, 150) as u32 * if is_busy { 3 } else { 1 },
                records_max,
                value_bytes_max,
                version: random.between(9, 13) as i16,
            }
        };
        let cores = if is_busy { 1 } else { random.between(1, 3) as usize };
        let crash = |number: u64, random: &mut Random| match lives {
            Lives::AsTheyCome | Lives::InHaste => Crash::draw(lives, cores, random),
            Lives::LongAndShort if number.is_multiple_of(2) => Crash::in_the_middle_of_writes(random),
            Lives::LongAndShort => Crash::after_a_few_writes(random),
        };
        Plan {
            seed,
            cores,
            partitions: if is_busy { 1 } else { random.between(1, 5) } as i32,
            producers: (0..producers).map(|number| producer(number, &mut random)).collect(),
            consumers: (0..random.between(1, 2))
                .map(|_| random.between(12, 17) as i16)
                .collect(),
            members: random.below(4),
            crashes: match lives {
                Lives::AsTheyCome => 0..random.between(1, 5),
                Lives::InHaste => 0..random.between(1, 20),
                Lives::LongAndShort => 0..2 * random.between(4, 8),
            }
            .map(|number| crash(number, &mut random))
            .collect(),
            lives,
            rot: random.chance(1, 3).then(|| Rot {
                files: ["wal/", ".wal", ".wal", "log/", ""][random.below(5) as usize],
                choice: random.next_u64(),
            }),
            break_every_us: *random.pick(&[0, 0, 5_000, 50_000]),
            node_seed: random.next_u64(),
        }
    }
}
