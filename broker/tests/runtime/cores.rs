//! Goal: timers fire in time and in order, cores hear each other while they sleep, no task is forgotten by a
//! core that goes to sleep, and nothing that is said is lost.

use std::{
    cell::RefCell,
    future::poll_fn,
    pin::pin,
    rc::Rc,
    sync::{Arc, Mutex},
    task::{Poll, Waker},
    time::{Duration, Instant},
};

use corelane_broker::runtime::{GlommioWorld, start, world::World};
use corelane_storage::disk::Disk;
use futures_channel::oneshot;
use futures_lite::future::poll_once;
use futures_util::future;

use crate::server::{Scratch, options};

/// Runs a node on `cores` cores to its end.
fn run<M, Node, Running>(cores: usize, node: Node)
where
    M: Send + 'static,
    Node: Fn(GlommioWorld<M>) -> Running + Clone + Send + 'static,
    Running: Future<Output = ()> + 'static,
{
    let scratch = Scratch::new();
    start(options(&scratch, cores), node).unwrap();
}

#[test]
fn timers_fire_in_order_and_not_early() {
    run(1, |world: GlommioWorld<()>| async move {
        let order = Arc::new(Mutex::new(Vec::new()));
        // Set in an order that makes the kernel's timer move both ways.
        for delay_ms in [50u64, 20, 90, 5, 70, 1, 60] {
            let (order, inner) = (order.clone(), world.clone());
            world.spawn("timer", async move {
                let before = inner.now();
                inner.sleep(Duration::from_millis(delay_ms)).await;
                assert!(inner.now().since(before) >= Duration::from_millis(delay_ms));
                order.lock().unwrap().push(delay_ms);
            });
        }
        // Dropped before it fires.
        drop(world.sleep(Duration::from_millis(2)));
        world.sleep(Duration::from_millis(200)).await;
        assert_eq!(*order.lock().unwrap(), [1, 5, 20, 50, 60, 70, 90]);
    });
}

#[test]
fn timers_fire_under_tasks_that_only_yield() {
    run(1, |world: GlommioWorld<()>| async move {
        let inner = world.clone();
        world.spawn("hog", async move {
            loop {
                let begin = Instant::now();
                while begin.elapsed() < Duration::from_micros(50) {}
                inner.yield_now().await;
            }
        });
        let before = world.now();
        for _ in 0..20 {
            world.sleep(Duration::from_millis(1)).await;
        }
        let took = world.now().since(before);
        assert!(took < Duration::from_millis(1500), "20 sleeps of 1 ms took {took:?}");
        // Answers of the blocking pool come, too.
        for _ in 0..20 {
            world.disk().space().await.unwrap();
        }
    });
}

#[test]
fn sleeping_cores_wake_for_messages() {
    const ROUNDS: u64 = 500;
    run(2, |world: GlommioWorld<u64>| async move {
        let peer = 1 - world.core();
        if world.core() == 0 {
            for round in 0..ROUNDS {
                // Long enough that the peer sleeps, for some of the rounds.
                if round % 3 == 0 {
                    world.sleep(Duration::from_micros(300)).await;
                }
                world.send(peer, round);
                assert_eq!(world.receive().await, (peer, round + 1));
            }
        } else {
            for round in 0..ROUNDS {
                assert_eq!(world.receive().await, (peer, round));
                world.send(peer, round + 1);
            }
        }
    });
}

/// `work`, unless the core went to sleep over it: nothing else is to happen on it before the timer (the supervisor wakes a
/// sleeping core after a second).
async fn before_any_timer<T>(world: &GlommioWorld<()>, work: impl Future<Output = T>) -> T {
    match future::select(pin!(work), pin!(world.sleep(Duration::from_millis(900)))).await {
        future::Either::Left((done, _)) => done,
        future::Either::Right(_) => panic!("the core slept although a task could run"),
    }
}

#[test]
fn a_core_does_not_sleep_over_tasks_that_wake_each_other() {
    run(1, |world: GlommioWorld<()>| async move {
        // Each task is woken by the one before, behind the pump: one more round for each.
        let (first, mut before) = oneshot::channel::<u32>();
        for _ in 0..100 {
            let (sender, receiver) = oneshot::channel();
            let waits_for = std::mem::replace(&mut before, receiver);
            world.spawn("link", async move {
                let links = waits_for.await.unwrap();
                sender.send(links + 1).unwrap();
            });
        }
        // Now all of them wait and nothing moves.
        world.sleep(Duration::from_millis(5)).await;
        first.send(0).unwrap();
        assert_eq!(before_any_timer(&world, before).await, Ok(100));
    });
}

#[test]
fn a_core_does_not_sleep_over_what_a_dropped_task_wakes() {
    run(1, |world: GlommioWorld<()>| async move {
        // Nobody but the second task could wake the first. When it lets go, the first is dropped without being polled,
        // and what it held wakes us.
        let (go, gone) = oneshot::channel::<()>();
        let (dropped, news) = oneshot::channel::<()>();
        let only_waker = Rc::new(RefCell::new(None::<Waker>));
        let kept = only_waker.clone();
        world.spawn("waits for nothing", async move {
            let _held = dropped;
            poll_fn(|context| {
                *kept.borrow_mut() = Some(context.waker().clone());
                Poll::<()>::Pending
            })
            .await;
        });
        world.spawn("lets go", async move {
            gone.await.unwrap();
            drop(only_waker.take());
        });
        world.sleep(Duration::from_millis(5)).await;
        go.send(()).unwrap();
        assert!(before_any_timer(&world, news).await.is_err());
    });
}

#[test]
fn a_sleeping_core_wakes_for_its_blocking_calls() {
    run(1, |world: GlommioWorld<()>| async move {
        // One by one, so that the core sleeps over each of them.
        for _ in 0..200 {
            before_any_timer(&world, world.disk().space()).await.unwrap();
        }
        // More than there are threads; some are given up before they are done.
        let disk = world.disk();
        let mut many: Vec<_> = (0..50).map(|_| Box::pin(disk.space())).collect();
        for mut call in many.split_off(25) {
            let _ = poll_once(call.as_mut()).await;
        }
        for answer in before_any_timer(&world, future::join_all(many)).await {
            assert!(answer.unwrap().free_bytes > 0);
        }
    });
}

#[test]
fn a_flood_to_a_slow_core_is_kept_whole_and_in_order() {
    const MESSAGES: u64 = 200_000;
    run(2, |world: GlommioWorld<u64>| async move {
        let peer = 1 - world.core();
        if world.core() == 0 {
            for message in 0..MESSAGES {
                world.send(peer, message);
            }
            // Sleeps with far more waiting than the ring between the cores holds.
            assert_eq!(world.receive().await, (peer, MESSAGES));
        } else {
            for message in 0..MESSAGES {
                if message % 10_000 == 0 {
                    world.sleep(Duration::from_millis(2)).await;
                }
                assert_eq!(world.receive().await, (peer, message));
            }
            world.send(peer, MESSAGES);
        }
    });
}

#[test]
fn floods_in_both_directions_end() {
    const MESSAGES: u64 = 50_000;
    run(3, |world: GlommioWorld<u64>| async move {
        let cores = world.cores();
        for message in 0..MESSAGES {
            for core in 0..cores {
                world.send(core, message);
            }
        }
        let mut next = vec![0; cores];
        for _ in 0..MESSAGES * cores as u64 {
            let (sender, message) = world.receive().await;
            assert_eq!(message, next[sender]);
            next[sender] += 1;
        }
    });
}

#[test]
fn seeds_give_the_same_numbers_and_cores_give_others() {
    let numbers = |seed: u64| {
        let found = Arc::new(Mutex::new(Vec::new()));
        let scratch = Scratch::new();
        let mut options = options(&scratch, 2);
        options.seed = seed;
        let kept = found.clone();
        start(options, move |world: GlommioWorld<()>| {
            let kept = kept.clone();
            async move {
                let number = world.random();
                kept.lock().unwrap().push((world.core(), number));
            }
        })
        .unwrap();
        let mut found = found.lock().unwrap().clone();
        found.sort_unstable();
        found
    };
    assert_eq!(numbers(1), numbers(1));
    assert_ne!(numbers(1), numbers(2));
    assert_ne!(numbers(1)[0].1, numbers(1)[1].1);
}
