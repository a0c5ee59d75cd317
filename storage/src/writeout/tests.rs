//! Tests of the choice. The I/O is tested with the log, in `log/tests`.

use super::*;

fn load(log: u64, tail_bytes: u64, oldest_frame: u64) -> Load {
    Load {
        log: LogId(log),
        tail_bytes,
        oldest_frame: Some(oldest_frame),
    }
}

fn pressure(tail_bytes: u64, journal_bytes: u64) -> Pressure {
    Pressure {
        tail_bytes,
        tail_bytes_max: 1000 << 10,
        journal_bytes,
        journal_bytes_max: 100,
        oldest_file_end: 50,
    }
}

fn chosen(loads: &[Load], pressure: Pressure) -> Vec<u64> {
    choose(loads, &pressure).into_iter().map(|log| log.0).collect()
}

#[test]
fn nothing_by_time_alone() {
    assert_eq!(chosen(&[load(1, 700 << 10, 90)], pressure(700 << 10, 10)), []);
}

#[test]
fn a_megabyte_is_worth_it() {
    assert_eq!(
        chosen(&[load(1, 5000, 90), load(2, 1 << 20, 90)], pressure(100, 10)),
        [2]
    );
}

#[test]
fn memory_takes_the_largest_first_until_half() {
    let loads = [
        load(1, 100 << 10, 90),
        load(2, 400 << 10, 90),
        load(3, 300 << 10, 90),
        load(4, 100, 90),
    ];
    assert_eq!(chosen(&loads, pressure(800 << 10, 10)), [2]);
    assert_eq!(chosen(&loads, pressure(1000 << 10, 10)), [2, 3]);
    assert_eq!(
        chosen(&loads, pressure(750 << 10, 10)),
        [],
        "three quarters is not above it"
    );
}

#[test]
fn a_half_full_journal_takes_who_holds_its_oldest_file() {
    let loads = [load(1, 100, 50), load(2, 200, 51), load(3, 300, 7)];
    assert_eq!(chosen(&loads, pressure(600, 51)), [3, 1]);
    assert_eq!(chosen(&loads, pressure(600, 50)), []);
}
