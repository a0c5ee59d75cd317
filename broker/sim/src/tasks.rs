//! Tasks on cores: a machine is one life of one node, and each of its cores polls one ready task at a time.
//!
//! Which ready task goes next is drawn from the seed, and each poll takes 1 to 50 virtual microseconds of its core, so
//! that a busy core delays everything on it, as a real one does.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::Pin,
    rc::Rc,
    sync::{
        Arc, Mutex, Once,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use crate::{
    random::Random,
    simulation::{Action, Simulation},
};

/// Virtual nanoseconds that one poll takes.
const POLL_NS: (u64, u64) = (1_000, 50_000);

/// One life of one node (or of the clients).
pub struct Machine {
    pub id: u64,
    pub name: String,
    cores: Vec<RefCell<Executor>>,
    pub(crate) random: RefCell<Random>,
    /// Why the node ended itself, if it did.
    pub(crate) failed: RefCell<Option<String>>,
    alive: Cell<bool>,
}

#[derive(Default)]
struct Executor {
    tasks: BTreeMap<u64, Task>,
    ready: Vec<u64>,
    next_task: u64,
    busy_until_ns: u64,
    /// Whether a poll is already in the heap.
    scheduled: bool,
}

struct Task {
    name: &'static str,
    waker: Arc<TaskWaker>,
    /// Taken out while it is polled.
    future: Option<Pin<Box<dyn Future<Output = ()>>>>,
}

struct TaskWaker {
    machine: u64,
    core: usize,
    task: u64,
    queued: AtomicBool,
    woken: Arc<Mutex<Vec<(u64, usize, u64)>>>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.queued.swap(true, Ordering::Relaxed) {
            let mut woken = self.woken.lock().expect("only one thread is here");
            woken.push((self.machine, self.core, self.task));
        }
    }
}

/// What a node unwinds with when it ends itself.
pub(crate) struct FailStop;

thread_local! {
    static POLLING: Cell<bool> = const { Cell::new(false) };
    static PANICS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// From now on a panic inside a simulated task is written down instead of printed. The broker catches panics of its
/// connections; here each is a bug all the same.
fn watch_for_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let print = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if POLLING.get() {
                PANICS.with_borrow_mut(|panics| panics.push(info.to_string()));
            } else {
                print(info);
            }
        }));
    });
}

impl Machine {
    pub fn is_alive(&self) -> bool {
        self.alive.get()
    }

    /// Why it ended itself, if it did.
    pub fn failure(&self) -> Option<String> {
        self.failed.borrow().clone()
    }

    pub(crate) fn spawn(
        &self,
        simulation: &Simulation,
        core: usize,
        name: &'static str,
        future: impl Future<Output = ()> + 'static,
    ) {
        // A destructor of a dying node may still spawn.
        if !self.alive.get() {
            return;
        }
        let mut executor = self.cores[core].borrow_mut();
        let task = executor.next_task;
        executor.next_task += 1;
        let waker = Arc::new(TaskWaker {
            machine: self.id,
            core,
            task,
            queued: AtomicBool::new(false),
            woken: simulation.0.woken.clone(),
        });
        waker.wake_by_ref();
        let future: Pin<Box<dyn Future<Output = ()>>> = Box::pin(future);
        executor.tasks.insert(
            task,
            Task {
                name,
                waker,
                future: Some(future),
            },
        );
    }

    /// Names of the tasks that have not ended, per core.
    pub fn task_names(&self) -> Vec<Vec<&'static str>> {
        let names = |core: &RefCell<Executor>| core.borrow().tasks.values().map(|task| task.name).collect();
        self.cores.iter().map(names).collect()
    }
}

impl Simulation {
    /// A machine without tasks.
    pub fn machine(&self, name: String, cores: usize) -> Rc<Machine> {
        let id = self.new_machine_id();
        let machine = Rc::new(Machine {
            id,
            name,
            cores: (0..cores).map(|_| RefCell::default()).collect(),
            random: RefCell::new(self.draw(Random::split)),
            failed: RefCell::default(),
            alive: Cell::new(true),
        });
        self.0.machines.borrow_mut().insert(id, machine.clone());
        machine
    }

    /// Ends a machine between two events: its tasks and all they hold are dropped, its connections break.
    pub fn kill(&self, machine: u64) {
        let Some(machine) = self.0.machines.borrow_mut().remove(&machine) else {
            return;
        };
        machine.alive.set(false);
        // First, or its streams would say a polite good-bye while they are dropped.
        self.machine_died(machine.id);
        for core in &machine.cores {
            // Destructors may look at the executor: nothing is borrowed while they run.
            let executor = core.take();
            drop(executor);
        }
    }

    /// Makes woken tasks ready, in the order in which they were woken.
    pub(crate) fn run_woken(&self) {
        let woken = std::mem::take(&mut *self.0.woken.lock().expect("only one thread is here"));
        for (machine, core, task) in woken {
            let Some(machine) = self.0.machines.borrow().get(&machine).cloned() else {
                continue;
            };
            let mut executor = machine.cores[core].borrow_mut();
            if !executor.tasks.contains_key(&task) {
                continue;
            }
            executor.ready.push(task);
            if !executor.scheduled {
                executor.scheduled = true;
                let at_ns = self.now_ns().max(executor.busy_until_ns);
                self.schedule(
                    at_ns,
                    Action::Poll {
                        machine: machine.id,
                        core,
                    },
                );
            }
        }
    }

    pub(crate) fn poll_one(&self, machine: u64, core: usize) {
        let Some(machine) = self.0.machines.borrow().get(&machine).cloned() else {
            return;
        };
        let (task, name, waker, future, cost_ns) = {
            let mut executor = machine.cores[core].borrow_mut();
            let choice = self.draw(|random| random.below(executor.ready.len() as u64)) as usize;
            let task = executor.ready.remove(choice);
            let cost_ns = self.draw(|random| random.between(POLL_NS.0, POLL_NS.1));
            executor.busy_until_ns = self.now_ns() + cost_ns;
            match executor.tasks.get_mut(&task) {
                Some(Task { name, waker, future }) => (task, *name, waker.clone(), future.take(), cost_ns),
                None => (task, "ended", Arc::new(TaskWaker::nobody()), None, 0),
            }
        };
        self.note("poll", (machine.id, core), task, || {
            format!("{name} #{task}, {} µs", cost_ns / 1000)
        });
        if let Some(mut future) = future {
            waker.queued.store(false, Ordering::Relaxed);
            let waker = Waker::from(waker);
            let ended = match guarded_poll(&mut future, &waker) {
                Ok(Poll::Pending) => {
                    if let Some(task) = machine.cores[core].borrow_mut().tasks.get_mut(&task) {
                        task.future = Some(future);
                    }
                    false
                }
                Ok(Poll::Ready(())) => true,
                Err(FailStop) => true,
            };
            if ended {
                let task = machine.cores[core].borrow_mut().tasks.remove(&task);
                drop(task);
            }
        }
        // Also when the broker caught the unwinding: a node that failed does nothing more.
        let failure = machine.failure();
        if let Some(reason) = failure {
            self.note("fail-stop", (machine.id, core), 0, || reason);
            self.kill(machine.id);
            return;
        }
        let mut executor = machine.cores[core].borrow_mut();
        executor.scheduled = !executor.ready.is_empty();
        if executor.scheduled {
            let at_ns = executor.busy_until_ns;
            self.schedule(
                at_ns,
                Action::Poll {
                    machine: machine.id,
                    core,
                },
            );
        }
    }
}

/// Polls; a panic anywhere in it, caught by the broker or not, ends the simulation with its text.
fn guarded_poll(future: &mut Pin<Box<dyn Future<Output = ()>>>, waker: &Waker) -> Result<Poll<()>, FailStop> {
    watch_for_panics();
    POLLING.set(true);
    let poll = catch_unwind(AssertUnwindSafe(|| {
        future.as_mut().poll(&mut Context::from_waker(waker))
    }));
    POLLING.set(false);
    if let Some(panic) = PANICS.take().into_iter().next() {
        resume_unwind(Box::new(panic));
    }
    match poll {
        Ok(poll) => Ok(poll),
        Err(unwound) if unwound.is::<FailStop>() => Err(FailStop),
        Err(unwound) => resume_unwind(unwound),
    }
}

impl TaskWaker {
    fn nobody() -> TaskWaker {
        TaskWaker {
            machine: 0,
            core: 0,
            task: 0,
            queued: AtomicBool::new(true),
            woken: Arc::default(),
        }
    }
}
