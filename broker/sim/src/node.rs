//! A node that can be started, crashed and started again on the disk it left.

use std::{future::Future, pin::Pin, rc::Rc, time::Duration};

use corelane_storage::{
    disk::BLOCK,
    sim_disk::{Operation, Persist, SimDisk},
};

use crate::{
    plan::Rot,
    simulation::{Simulation, WeakSimulation},
    tasks::Machine,
    world::SimWorld,
};

use corelane_broker::runtime::world::World;

/// How a node goes down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrashKind {
    /// The process is killed; what it had written, flushed or not, is in the drive.
    Kill,
    /// The power goes: each sector that was not flushed is old, new or torn.
    Power,
    /// The power goes, and nothing that was not flushed made it.
    PowerAndNothing,
}

/// A node and its disk.
pub struct SimNode<M> {
    simulation: Simulation,
    pub number: u32,
    cores: usize,
    lives: u32,
    disk: SimDisk,
    machine: Option<Rc<Machine>>,
    _message: std::marker::PhantomData<M>,
}

impl<M: Send + 'static> SimNode<M> {
    pub fn new(simulation: &Simulation, number: u32, cores: usize) -> SimNode<M> {
        let disk = SimDisk::new();
        give_latency(&disk, simulation.downgrade());
        SimNode {
            simulation: simulation.clone(),
            number,
            cores,
            lives: 0,
            disk,
            machine: None,
            _message: std::marker::PhantomData,
        }
    }

    /// Starts `main` on every core.
    pub fn start<F: Future<Output = ()> + 'static>(&mut self, main: impl Fn(SimWorld<M>) -> F) {
        assert!(!self.is_alive(), "a node runs once at a time");
        self.lives += 1;
        let name = match self.lives {
            1 => format!("n{}", self.number),
            life => format!("n{}'{life}", self.number),
        };
        let machine = self.simulation.machine(name, self.cores);
        for world in SimWorld::of_node(&self.simulation, &machine, self.number, self.cores, &self.disk) {
            let future = main(world.clone());
            world.spawn("main", future);
        }
        self.machine = Some(machine);
    }

    /// With another number of cores from the next start on.
    pub fn set_cores(&mut self, cores: usize) {
        self.cores = cores;
    }

    pub fn is_alive(&self) -> bool {
        self.machine.as_ref().is_some_and(|machine| machine.is_alive())
    }

    pub fn machine(&self) -> Option<&Rc<Machine>> {
        self.machine.as_ref()
    }

    /// Why it ended itself, if it did.
    pub fn failure(&self) -> Option<String> {
        self.machine.as_ref().and_then(|machine| machine.failure())
    }

    pub fn disk(&self) -> &SimDisk {
        &self.disk
    }

    /// Flips bits of one sector that holds something. False: there is none.
    pub fn rot(&self, rot: &Rot) -> bool {
        let mut sectors = Vec::new();
        for (path, _) in self
            .disk
            .files()
            .into_iter()
            .filter(|(path, _)| path.contains(rot.files))
        {
            let content = self.disk.content(&path).unwrap_or_default();
            for (sector, bytes) in content.chunks(BLOCK).enumerate() {
                if bytes.iter().any(|byte| *byte != 0) {
                    sectors.push((path.clone(), sector as u64));
                }
            }
        }
        if sectors.is_empty() {
            return false;
        }
        let (path, sector) = &sectors[(rot.choice % sectors.len() as u64) as usize];
        self.simulation
            .note("rot", (0, 0), *sector, || format!("{path}, sector {sector}"));
        self.disk.rot(path, *sector)
    }

    /// Takes it down now; the disk is what the next start will find.
    pub fn crash(&mut self, kind: CrashKind) {
        let persist = match kind {
            CrashKind::Kill => Persist::All,
            CrashKind::Power => Persist::Seeded(self.simulation.draw(|random| random.next_u64())),
            CrashKind::PowerAndNothing => Persist::None,
        };
        let place = self.machine.as_ref().map_or((0, 0), |machine| (machine.id, 0));
        let pending = self.disk.pending_sectors();
        self.simulation.note("crash", place, pending as u64, || {
            format!("{kind:?}, {pending} sectors not flushed")
        });
        self.disk.crash_now();
        if let Some(machine) = self.machine.take() {
            self.simulation.kill(machine.id);
        }
        self.disk = self.disk.after_crash(persist);
        give_latency(&self.disk, self.simulation.downgrade());
    }
}

/// Each operation waits for a while drawn from the seed; one in a hundred is slow.
fn give_latency(disk: &SimDisk, simulation: WeakSimulation) {
    disk.set_latency(move |operation| -> Pin<Box<dyn Future<Output = ()>>> {
        let Some(simulation) = simulation.upgrade() else {
            return Box::pin(std::future::pending());
        };
        let (least_us, most_us) = match operation {
            Operation::Read => (40, 200),
            Operation::Write | Operation::Flush => (30, 150),
            Operation::Open | Operation::Allocate | Operation::Truncate | Operation::Directory => (5, 40),
            Operation::SyncDirectory => (50, 400),
        };
        let (micros, slow) = simulation.draw(|random| (random.between(least_us, most_us), random.chance(1, 100)));
        Box::pin(simulation.sleep(Duration::from_micros(if slow { micros * 50 } else { micros })))
    });
}
