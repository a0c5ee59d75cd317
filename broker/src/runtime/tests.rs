//! The parts of the runtime that need no threads.

use std::sync::{Arc, atomic::Ordering};

use super::{
    host::fit_sizes,
    mesh::Doorbell,
    supervisor::{Verdict, Vitals, Watch},
};

#[test]
fn a_core_that_moves_is_left_alone_and_a_still_one_is_named_once_and_dead_in_the_end() {
    let vitals = Vitals::new(&[Arc::new(Doorbell::new().unwrap())]);
    let core = &vitals.cores[0];
    let mut watch = Watch::default();
    for _ in 0..1000 {
        core.heartbeat.fetch_add(1, Ordering::Relaxed);
        assert_eq!(watch.tick(core), Verdict::Fine);
    }
    // Awake and still: one word about the stall.
    let verdicts: Vec<Verdict> = (0..300).map(|_| watch.tick(core)).collect();
    assert_eq!(
        verdicts.iter().filter(|verdict| **verdict == Verdict::Stalled).count(),
        1
    );
    assert_eq!(verdicts.last(), Some(&Verdict::Dead));
}

#[test]
fn a_sleeping_core_is_woken_now_and_then_and_must_answer() {
    let vitals = Vitals::new(&[Arc::new(Doorbell::new().unwrap())]);
    let core = &vitals.cores[0];
    core.doorbell.set_asleep();
    let mut watch = Watch::default();
    for _ in 0..100 {
        for _ in 0..9 {
            assert_eq!(watch.tick(core), Verdict::Fine);
        }
        assert_eq!(watch.tick(core), Verdict::Poke);
        core.heartbeat.fetch_add(1, Ordering::Relaxed);
        assert_eq!(watch.tick(core), Verdict::Fine);
    }
    let still: Vec<Verdict> = (0..300).map(|_| watch.tick(core)).collect();
    assert_eq!(still.last(), Some(&Verdict::Dead));
    // A core whose node has ended may be as still as it likes.
    core.ended.store(true, Ordering::SeqCst);
    assert_eq!(watch.tick(core), Verdict::Fine);
}

#[test]
fn rings_shrink_to_the_memory_that_may_be_locked() {
    let plenty = fit_sizes(64, u64::MAX).unwrap();
    assert_eq!((plenty.submissions, plenty.completions), (1024, 8192));
    let some = fit_sizes(16, 8 << 20).unwrap();
    assert!(some.submissions >= 128 && some.completions >= 1024);
    let tight = fit_sizes(28, 8 << 20).unwrap();
    assert!(tight.submissions <= some.submissions);
    let refused = fit_sizes(64, 8 << 20).unwrap_err().to_string();
    assert!(
        refused.contains("LimitMEMLOCK") && refused.contains("64 cores"),
        "{refused}"
    );
    assert!(fit_sizes(1, 100 << 10).is_err());
}
