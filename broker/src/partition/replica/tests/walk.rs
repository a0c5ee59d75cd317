//! Random walks of a partition with 3 and 5 replicas: messages are lost, doubled and reordered, nodes crash and lose what
//! was not flushed, restart with older views, lose their disks; brokers are fenced and come back; the controller acts on
//! an older view of that. Then everything heals, and all replicas must become one. Each rule is then taken away in turn,
//! and the walk must notice.

use super::{
    controller::{Broker, Controller},
    world::{Body, Packet, World},
    *,
};

/// xorshift: a walk is its seed.
pub struct Random(u64);

impl Random {
    fn new(seed: u64) -> Random {
        let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        for _ in 0..8 {
            random.below(2);
        }
        random
    }

    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 11) % n as u64) as usize
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}

/// What the walk does wrong on purpose, besides [`Rules`].
#[derive(Clone, Copy)]
pub struct Variant {
    pub rules: Rules,
    pub acks_at_once: bool,
    /// Leaders go by the newest configured min ISR instead of the state's.
    pub min_isr_elsewhere: bool,
}

impl Variant {
    pub fn production() -> Variant {
        Variant {
            rules: Rules::production(),
            acks_at_once: false,
            min_isr_elsewhere: false,
        }
    }
}

pub struct Walk {
    pub random: Random,
    pub world: World,
    pub controller: Controller,
    /// Of each node: it never restarts with an older view than that.
    pub view_floor: Vec<usize>,
    pub wipes: bool,
    pub min_isr_changes: bool,
    pub variant: Variant,
    pub next_id: u64,
}

impl Walk {
    fn new(seed: u64, replicas: i32, variant: Variant) -> Walk {
        let mut random = Random::new(seed);
        let min_isr = 1 + random.below(2) as u16;
        let wipes = min_isr == 2 && random.one_in(2);
        let min_isr_changes = !wipes && random.one_in(2);
        let everybody: Vec<i32> = (0..replicas).collect();
        let mut first = state(0, 0, &everybody, replicas);
        first.min_isr = min_isr;
        let mut config = Config::production();
        config.rules = variant.rules;
        config.lag_time_max = ms(1_000);
        let mut world = World::new(replicas, config, first);
        world.acks_at_once = variant.acks_at_once;
        for node in 0..replicas as usize {
            world.tell(node, 0);
        }
        let mut controller = Controller::new(&world);
        controller.storage_checked = variant.rules.storage_checked;
        Walk {
            controller,
            view_floor: vec![0; replicas as usize],
            random,
            world,
            wipes,
            min_isr_changes,
            variant,
            next_id: 100,
        }
    }

    fn next_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    fn step(&mut self) {
        let node = self.random.below(self.world.nodes.len());
        match self.random.below(100) {
            0..=9 => self.produce(node),
            10..=23 => self.world.flush(node),
            24..=33 => self.tick(node),
            34..=75 => self.deliver(),
            76..=77 => self.lose(),
            78..=83 => self.tell(node),
            84..=86 => self.fence(node),
            87..=90 => self.reconcile(),
            91 => self.crash(node),
            92..=95 => self.restart(node),
            96 => self.retain(node),
            97 => self.change_min_isr(),
            98 => self.resend_something_old(node),
            _ => self.wipe(node),
        }
    }

    pub fn produce(&mut self, node: usize) {
        let admitted = |replica: &Replica| replica.admit(Acks::All).is_ok();
        if self.world.nodes[node].replica.as_ref().is_some_and(admitted) {
            let records = 1 + self.random.below(3) as i64;
            self.world.produce(node, records);
        }
    }

    fn tick(&mut self, node: usize) {
        self.world.now += ms(self.random.below(300) as u64);
        self.world.window = self.random.below(5) as i64;
        self.world.input(node, Input::Tick, &[]);
        let now = self.world.now;
        let wakes_at = self.world.nodes[node].replica.as_ref().and_then(Replica::next_wake);
        if wakes_at.is_some_and(|wakes_at| wakes_at <= now) {
            self.world.fail(format!("node {node} would wake without end"));
        }
    }

    fn deliver(&mut self) {
        if self.world.net.is_empty() {
            return;
        }
        let index = self.random.below(self.world.net.len());
        let keep = self.random.one_in(10);
        if matches!(self.world.net[index].body, Body::Alter(_)) {
            let packet = match keep {
                true => self.world.net[index].clone(),
                false => self.world.net.swap_remove(index),
            };
            self.alter(packet);
        } else {
            self.world.deliver(index, keep);
        }
    }

    pub fn alter(&mut self, packet: Packet) {
        let Body::Alter(alter) = packet.body else {
            return;
        };
        let state = self.controller.alter(&mut self.world, packet.from, &alter);
        self.world.net.push(Packet {
            from: usize::MAX,
            to: packet.from,
            body: Body::AlterReply(alter.leader_epoch, alter.partition_epoch, state),
        });
    }

    fn lose(&mut self) {
        if !self.world.net.is_empty() {
            let index = self.random.below(self.world.net.len());
            self.world.net.swap_remove(index);
        }
        if self.world.net.len() > 40 {
            self.world.net.truncate(20);
        }
    }

    fn tell(&mut self, node: usize) {
        let (view, newest) = (self.world.nodes[node].view, self.world.states.len() - 1);
        if self.random.one_in(8) {
            let old = self.world.states[self.random.below(view + 1)].clone();
            self.world.input(node, Input::State(&old), &[]);
        }
        if self.world.nodes[node].replica.is_some() && view < newest {
            let told = view + 1 + self.random.below(newest - view);
            if self.random.one_in(4) {
                self.view_floor[node] = told;
            }
            self.world.tell(node, told);
        }
    }

    fn fence(&mut self, node: usize) {
        let up = self.world.nodes[node].replica.is_some();
        let broker_epoch = self.world.nodes[node].broker_epoch;
        let fences = self.random.one_in(3);
        self.controller.change_root(|root| {
            let broker = &mut root.brokers[node];
            if fences {
                broker.fenced = true;
            } else if up && broker.broker_epoch == broker_epoch {
                broker.fenced = false;
            }
        });
    }

    fn reconcile(&mut self) {
        let unseen = self.controller.roots.len() - 1 - self.controller.seen;
        if unseen > 0 {
            self.controller.seen += 1 + self.random.below(unseen);
        }
        let count = self.world.nodes.len();
        let force = self.random.one_in(4).then(|| self.random.below(count) as i32);
        let first = self.random.below(count);
        self.controller.reconcile(&mut self.world, force, first);
    }

    fn crash(&mut self, node: usize) {
        if self.world.nodes[node].replica.is_some() {
            let kept = self.random.below(self.world.nodes[node].writes() + 1);
            self.world.crash(node, kept);
        }
    }

    /// The new incarnation is fenced until somebody sees it well.
    pub fn restart(&mut self, node: usize) {
        if self.world.nodes[node].replica.is_some() {
            return;
        }
        let broker_epoch = self.next_id();
        let storage_id = self.world.nodes[node].disk.storage_id;
        self.controller.change_root(|root| {
            root.brokers[node] = Broker {
                broker_epoch,
                storage_id,
                fenced: true,
            };
        });
        let floor = self.view_floor[node];
        let view = floor + self.random.below(self.world.nodes[node].view + 1 - floor);
        self.world.restart(node, broker_epoch, view);
    }

    fn retain(&mut self, node: usize) {
        let held = &self.world.nodes[node];
        if let Some(replica) = held.replica.as_ref().filter(|replica| replica.is_leader()) {
            let room = replica.high_watermark() - held.log.start;
            if room > 0 && self.random.one_in(4) {
                let to = self.world.nodes[node].log.start + 1 + self.random.below(room as usize) as i64;
                self.world.raise_start(node, to);
            }
        }
    }

    fn change_min_isr(&mut self) {
        if self.min_isr_changes && self.random.one_in(2) {
            let min_isr = 1 + self.random.below(self.world.nodes.len()) as u16;
            self.controller.change_root(|root| root.min_isr = min_isr);
            if self.variant.min_isr_elsewhere {
                self.world.config.rules.min_isr_elsewhere = Some(min_isr);
                for node in &mut self.world.nodes {
                    if let Some(replica) = &mut node.replica {
                        replica.config.rules.min_isr_elsewhere = Some(min_isr);
                    }
                }
            }
        }
    }

    /// An append that a leader sent earlier in its epoch arrives only now.
    fn resend_something_old(&mut self, node: usize) {
        let (count, held) = (self.world.nodes.len(), &self.world.nodes[node]);
        if !held.is_leader() {
            return;
        }
        let replica = held.replica.as_ref().expect("it leads");
        let (start, end) = (held.log.start, held.log.end());
        let prev_end = start + self.random.below((end - start + 1) as usize) as i64;
        let to = end.min(prev_end + self.random.below(4) as i64);
        let append = Append {
            leader_epoch: replica.leader_epoch(),
            prev: replica.epochs().position(prev_end),
            end: to,
            high_watermark: replica.high_watermark(),
            log_start: start,
        };
        let body = Body::Replica(Message::Append(append), held.log.slice(prev_end, to));
        let follower = self.random.below(count);
        if follower != node {
            self.world.net.push(Packet {
                from: node,
                to: follower,
                body,
            });
        }
    }

    /// At most one disk is lost while another holds what was committed.
    fn wipe(&mut self, node: usize) {
        if !self.wipes || self.world.nodes[node].replica.is_some() || !self.random.one_in(3) {
            return;
        }
        let newest = self.world.states.last().expect("there is a first");
        let intact = |other: usize| {
            newest.replica(other as i32).map(|slot| slot.storage_id) == Some(self.world.nodes[other].disk.storage_id)
        };
        let others = (0..self.world.nodes.len()).filter(|other| *other != node);
        let suspects = others.clone().filter(|other| {
            let member = newest.isr.contains(&(*other as i32));
            let disk = &self.world.nodes[*other].disk;
            let is_short = disk.records.end() < self.world.committed.len() as i64;
            !intact(*other) || is_short && disk.storage_id.as_u128() > 100 && !member
        });
        let complete = others.filter(|other| {
            let number = *other as i32;
            (newest.isr.contains(&number) || newest.elr.contains(&number)) && intact(*other)
        });
        if suspects.count() == 0 && complete.count() > 0 {
            let storage_id = Uuid::from_u128(u128::from(self.next_id()));
            self.world.wipe(node, storage_id);
            self.world.nodes[node].view = 0;
            self.view_floor[node] = 0;
        }
    }
}

impl Walk {
    fn run(mut self, steps: usize) -> Walk {
        for _ in 0..steps {
            self.step();
            if self.world.failure.is_some() {
                return self;
            }
        }
        self.heal();
        self
    }
}

const STEPS: usize = 2_000;

/// What a walk found, if anything. A broken promise may also show as a panic, since the world trusts a log to be one.
pub fn find_fault(seed: u64, replicas: i32, variant: Variant) -> Option<String> {
    let walk = std::panic::catch_unwind(|| Walk::new(seed, replicas, variant).run(STEPS));
    match walk {
        Ok(walk) => walk.world.failure,
        Err(_) => Some("panic".into()),
    }
}

fn walk_all(replicas: i32, seeds: std::ops::Range<u64>) {
    let mut marks = Marks::default();
    for seed in seeds {
        let walk = Walk::new(seed, replicas, Variant::production()).run(STEPS);
        marks.join(walk.world.marks);
        if let Some(failure) = walk.world.failure {
            let mut again = Walk::new(seed, replicas, Variant::production());
            again.world.trace = Some(Vec::new());
            let trace = again.run(STEPS).world.trace.unwrap_or_default();
            let last = trace.len().saturating_sub(60);
            panic!(
                "seed {seed}, {replicas} replicas: {failure}\n{}",
                trace[last..].join("\n")
            );
        }
    }
    // No unclean elections in a walk, and no bytes that lie.
    let elsewhere = [
        Mark::AckBeyondEnd,
        Mark::AckOfOtherStorage,
        Mark::AppendMalformed,
        Mark::RecoveredProposed,
        Mark::StartedOver,
    ];
    for mark in Mark::ALL.iter().filter(|mark| !elsewhere.contains(mark)) {
        assert!(marks.contains(*mark), "no walk passed {mark:?}");
    }
}

#[test]
fn three_replicas_lose_nothing_and_converge() {
    walk_all(3, 0..500);
}

#[test]
fn five_replicas_lose_nothing_and_converge() {
    walk_all(5, 0..200);
}
