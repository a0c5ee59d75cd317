//! Watches the cores from the thread that started them: heartbeats, signals, and the loud end of a dead core.
//!
//! A sleeping core whose heartbeat stands still is asked once a second, by its doorbell, whether it still wakes. Time is
//! counted in ticks of this thread, so that a stopped process (SIGSTOP, a suspended machine) does not look like dead
//! cores.
#![allow(unsafe_code)]

use std::{
    mem, ptr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use super::{current_task::CurrentTask, fail_stop::fail_stop, mesh::Doorbell, stderr::say_last};

const TICK: Duration = Duration::from_millis(100);
/// Ticks after which a sleeping core is woken, to see that it can be.
const POKE_TICKS: u64 = 10;
/// Ticks without a heartbeat after which the task of an awake core is named in the log.
const STALLED_TICKS: u64 = 3;
/// Ticks without a heartbeat, after which a core is dead.
const DEAD_TICKS: u64 = 300;
/// Signals that come within this are one: `timeout` tells its child and then the whole process group, a shell's Ctrl-C
/// a whole pipeline. A person who loses patience takes longer.
const SAME_SIGNAL: Duration = Duration::from_millis(250);

/// What the cores and the supervisor share.
pub(super) struct Vitals {
    stopping: AtomicBool,
    /// Cores that have not ended.
    pub(super) running: AtomicUsize,
    pub(super) cores: Vec<CoreVitals>,
}

pub(super) struct CoreVitals {
    /// Moves with every turn of the core's pump.
    pub(super) heartbeat: AtomicU64,
    pub(super) current_task: CurrentTask,
    pub(super) doorbell: Arc<Doorbell>,
    /// Its node has ended: it hears no messages and need not move.
    pub(super) ended: AtomicBool,
}

impl Vitals {
    pub(super) fn new(doorbells: &[Arc<Doorbell>]) -> Vitals {
        let core = |doorbell: &Arc<Doorbell>| CoreVitals {
            heartbeat: AtomicU64::new(0),
            current_task: CurrentTask::new(),
            doorbell: doorbell.clone(),
            ended: AtomicBool::new(false),
        };
        Vitals {
            stopping: AtomicBool::new(false),
            running: AtomicUsize::new(doorbells.len()),
            cores: doorbells.iter().map(core).collect(),
        }
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        for core in &self.cores {
            core.doorbell.event.signal();
        }
    }
}

/// Runs until every core has ended.
pub(super) fn supervise(vitals: &Vitals, signals: Option<&Signals>) {
    let mut watches = vec![Watch::default(); vitals.cores.len()];
    let mut told = None;
    while vitals.running.load(Ordering::SeqCst) > 0 {
        let signal = match signals {
            Some(signals) => signals.wait(TICK),
            None => {
                std::thread::park_timeout(TICK);
                None
            }
        };
        if let Some(signal) = signal {
            let first = *told.get_or_insert_with(Instant::now);
            if first.elapsed() > SAME_SIGNAL {
                say_last("corelane: ended by a second signal\n");
                // SAFETY: never returns.
                unsafe { libc::_exit(128 + signal) };
            }
            vitals.stop();
        }
        for (index, (core, watch)) in vitals.cores.iter().zip(&mut watches).enumerate() {
            match watch.tick(core) {
                Verdict::Fine => {}
                Verdict::Poke => core.doorbell.event.signal(),
                Verdict::Stalled => {
                    let task = core.current_task.name();
                    tracing::warn!(core = index, task, "a task has not given way for {STALLED_TICKS} ticks");
                }
                Verdict::Dead => {
                    let seconds = DEAD_TICKS * TICK.as_millis() as u64 / 1000;
                    let task = core.current_task.name();
                    fail_stop(&format!(
                        "core {index} has not moved for {seconds} s, in the task {task:?}"
                    ));
                }
            }
        }
    }
}

#[derive(Clone, Default)]
pub(super) struct Watch {
    heartbeat: u64,
    still_ticks: u64,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Fine,
    Poke,
    /// Worth a word, once.
    Stalled,
    Dead,
}

impl Watch {
    pub(super) fn tick(&mut self, core: &CoreVitals) -> Verdict {
        let heartbeat = core.heartbeat.load(Ordering::Relaxed);
        if heartbeat != self.heartbeat || core.ended.load(Ordering::SeqCst) {
            self.heartbeat = heartbeat;
            self.still_ticks = 0;
            return Verdict::Fine;
        }
        self.still_ticks += 1;
        if self.still_ticks >= DEAD_TICKS {
            Verdict::Dead
        } else if !core.doorbell.is_asleep() && self.still_ticks == STALLED_TICKS {
            Verdict::Stalled
        } else if self.still_ticks.is_multiple_of(POKE_TICKS) {
            Verdict::Poke
        } else {
            Verdict::Fine
        }
    }
}

/// SIGTERM and SIGINT, blocked in every thread and taken by the supervisor alone.
pub(super) struct Signals {
    set: libc::sigset_t,
}

/// Leaves the signals that stop a node to its supervisor, for threads that are started before it.
pub fn hold_signals() {
    Signals::block();
}

impl Signals {
    /// To be called before the first thread starts, since threads inherit the mask.
    pub(super) fn block() -> Signals {
        // SAFETY: the set is initialised by sigemptyset before use; all pointers are to live locals.
        unsafe {
            let mut set = mem::zeroed();
            libc::sigemptyset(&mut set);
            libc::sigaddset(&mut set, libc::SIGTERM);
            libc::sigaddset(&mut set, libc::SIGINT);
            libc::pthread_sigmask(libc::SIG_BLOCK, &set, ptr::null_mut());
            Signals { set }
        }
    }

    /// The next signal, or `None` after a while.
    fn wait(&self, at_most: Duration) -> Option<i32> {
        let timeout = libc::timespec {
            tv_sec: at_most.as_secs() as libc::time_t,
            tv_nsec: at_most.subsec_nanos().into(),
        };
        // SAFETY: the set is initialised, and both pointers are to live values.
        let signal = unsafe { libc::sigtimedwait(&self.set, ptr::null_mut(), &timeout) };
        (signal > 0).then_some(signal)
    }
}
