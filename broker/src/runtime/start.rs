//! Starts one executor per core and runs a node's closure on each.

use std::{
    cell::Cell,
    future::Future,
    io,
    panic::AssertUnwindSafe,
    path::PathBuf,
    rc::Rc,
    sync::{Arc, atomic::Ordering, mpsc},
    thread,
    time::Duration,
};

use glommio::{LocalExecutor, LocalExecutorBuilder, Placement, PoolPlacement, TaskQueueHandle};

use super::{
    blocking::BlockingPool,
    core_world::GlommioWorld,
    directory_lock::DirectoryLock,
    disk::RingDisk,
    fail_stop::fail_stop,
    host::{self, HostError},
    memlock,
    mesh::{self, Doorbell, Mesh, MeshEnds},
    pump::{Pump, Ran},
    ring::{Ring, Sizes},
    supervisor::{self, Signals, Vitals},
    world::World,
};

/// How a node runs on this machine.
#[derive(Clone, Debug)]
pub struct Options {
    /// Cores to run on; 0 means all that this process may use. If there are more than CPUs, threads are not pinned.
    pub cores: usize,
    /// Root of [`Disk`](corelane_storage::disk::Disk); locked while the node runs.
    pub data_dir: PathBuf,
    /// Of [`World::random`](World::random).
    pub seed: u64,
    /// Pin each core to its CPU.
    pub pin: bool,
    /// How long a core without work looks for some before it sleeps.
    pub spin: Duration,
    /// Take SIGTERM and SIGINT as requests to stop. To be set only where [`start`] runs before other threads do.
    pub signals: bool,
}

impl Options {
    pub fn new(data_dir: impl Into<PathBuf>) -> Options {
        Options {
            cores: 0,
            data_dir: data_dir.into(),
            seed: 0,
            pin: true,
            spin: Duration::ZERO,
            signals: true,
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Host(#[from] HostError),
    #[error("cannot start core {core}: {reason}")]
    Core { core: usize, reason: String },
    #[error("cannot start: {0}")]
    Io(#[from] io::Error),
}

/// Checks the host, locks the data directory and runs `node` once on every core. Returns when it has ended on all.
///
/// Tasks that a core has spawned and that still run when its `node` ends are dropped then. A panic anywhere ends the
/// process. A few eventfds leak in glommio per core and start, so a process that is not a test starts once.
pub fn start<M, Node, Running>(options: Options, node: Node) -> Result<(), StartError>
where
    M: Send + 'static,
    Node: Fn(GlommioWorld<M>) -> Running + Clone + Send + 'static,
    Running: Future<Output = ()> + 'static,
{
    host::check_ring()?;
    let cpus = host::cpus();
    let cores = if options.cores == 0 { cpus.len() } else { options.cores };
    host::raise_descriptors();
    let sizes = host::ring_sizes(cores)?;
    let _lock = DirectoryLock::take(&options.data_dir).map_err(HostError::from)?;
    let signals = options.signals.then(Signals::block);

    let doorbells: Vec<Arc<Doorbell>> = (0..cores)
        .map(|_| Doorbell::new().map(Arc::new))
        .collect::<io::Result<_>>()?;
    let vitals = Arc::new(Vitals::new(&doorbells));
    let mut threads = Vec::new();
    let mut gates = Vec::new();
    let (ready, all_ready) = mpsc::channel();
    for (index, ends) in mesh::build(&doorbells).into_iter().enumerate() {
        let pinned = options.pin && cores <= cpus.len();
        let seat = Seat {
            index,
            cpu: pinned.then(|| cpus[index]),
            ends,
            blocking: BlockingPool::start(index, &doorbells[index])?,
            sizes,
            vitals: vitals.clone(),
            data_dir: options.data_dir.clone(),
            seed: options.seed,
            spin: options.spin,
        };
        let (gate, open) = mpsc::channel::<()>();
        let (ready, node) = (ready.clone(), node.clone());
        let name = format!("corelane-{index}");
        threads.push(thread::Builder::new().name(name).spawn(move || {
            let ended = AssertUnwindSafe(|| seat.run(node, &ready, &open));
            if std::panic::catch_unwind(ended).is_err() {
                fail_stop(&format!("core {index} panicked"));
            }
        })?);
        gates.push(gate);
    }
    drop(ready);
    // Every core is made before any runs, so that a refusal leaves nothing half started.
    let refused = all_ready.iter().take(cores).find_map(Result::err);
    if refused.is_none() {
        for gate in &gates {
            // Each core waits for it, so it arrives.
            let _ = gate.send(());
        }
        supervisor::supervise(&vitals, signals.as_ref());
    }
    drop(gates);
    for thread in threads {
        // A panic has ended the process before.
        let _ = thread.join();
    }
    match refused {
        Some((core, reason)) => Err(StartError::Core { core, reason }),
        None => Ok(()),
    }
}

/// Everything that one core is made of, on the way to its thread.
struct Seat<M> {
    index: usize,
    cpu: Option<usize>,
    ends: MeshEnds<M>,
    blocking: BlockingPool,
    sizes: Sizes,
    vitals: Arc<Vitals>,
    data_dir: PathBuf,
    seed: u64,
    spin: Duration,
}

type Ready = mpsc::Sender<Result<(), (usize, String)>>;

impl<M: Send + 'static> Seat<M> {
    fn run<Node, Running>(self, node: Node, ready: &Ready, open: &mpsc::Receiver<()>)
    where
        Node: Fn(GlommioWorld<M>) -> Running,
        Running: Future<Output = ()> + 'static,
    {
        let (executor, ring) = match self.make() {
            Ok(made) => made,
            Err(reason) => {
                let _ = ready.send(Err((self.index, reason)));
                return;
            }
        };
        let _ = ready.send(Ok(()));
        if open.recv().is_err() {
            return;
        }
        let vitals = self.vitals.clone();
        let ran = Ran::default();
        executor.run(ran.counted(self.live(node, ring, ran.clone())));
        vitals.running.fetch_sub(1, Ordering::SeqCst);
    }

    fn make(&self) -> Result<(LocalExecutor, Rc<Ring>), String> {
        let doorbell = self.vitals.cores[self.index].doorbell.event.raw();
        let ring =
            memlock::patiently(|| Ring::new(self.sizes, doorbell)).map_err(|error| format!("its io_uring: {error}"))?;
        let executor =
            memlock::patiently(|| executor(self.index, self.cpu)).map_err(|error| format!("its executor: {error}"))?;
        Ok((executor, ring))
    }

    async fn live<Node, Running>(self, node: Node, ring: Rc<Ring>, ran: Ran)
    where
        Node: Fn(GlommioWorld<M>) -> Running,
        Running: Future<Output = ()> + 'static,
    {
        let vitals = self.vitals;
        let kept_files_max = host::kept_files_max(vitals.cores.len());
        let world = GlommioWorld::new(
            self.index,
            ring.clone(),
            Mesh::new(self.index, self.ends),
            RingDisk::new(ring.clone(), Rc::new(self.blocking), &self.data_dir, kept_files_max),
            ran,
            vitals.clone(),
            self.seed,
        );
        let stopped = Rc::new(Cell::new(false));
        let pump = Pump {
            world: world.clone(),
            spin: self.spin,
            stopped: stopped.clone(),
        };
        let core_vitals = vitals.clone();
        let index = self.index;
        let pump = async move { pump.run(&core_vitals.cores[index].heartbeat).await };
        // Not `spawn_local`, which would poll it in the middle of this task: it must see all of what a task has woken.
        let Ok(pump) = glommio::spawn_local_into(pump, TaskQueueHandle::default()) else {
            unreachable!("an executor has its default queue");
        };

        node(world.clone()).await;

        // What this core has said reaches every core whose node still runs.
        vitals.cores[index].ended.store(true, Ordering::SeqCst);
        while world
            .mesh()
            .has_overflow(|core| !vitals.cores[core].ended.load(Ordering::SeqCst))
        {
            world.sleep(Duration::from_millis(1)).await;
        }
        stopped.set(true);
        pump.await;
        // Tasks that wait for something here have nobody else to hold them: they go, and what they own is closed.
        world.release_tasks();
        glommio::executor().yield_task_queue_now().await;
        ring.close();
    }
}

fn executor(index: usize, cpu: Option<usize>) -> io::Result<LocalExecutor> {
    let placement = cpu.map_or(Placement::Unbound, Placement::Fixed);
    LocalExecutorBuilder::new(placement)
        .name(&format!("corelane-{index}"))
        // The smallest slab: our file I/O does not go through glommio, and what is registered counts as locked memory.
        .io_memory(64 << 10)
        // Its reactor is never needed: the pump keeps the executor from its rings, and its preempt timer would only send
        // it there. (glommio 0.9 parks for good when that timer fires before any task ran.)
        .preempt_timer(Duration::from_secs(3600))
        .blocking_thread_pool_placement(PoolPlacement::Unbound(1))
        .make()
        .map_err(io::Error::from)
}
