//! Goal: whatever bytes come in, every decoder returns, without panic and with memory bounded by the input.
//!
//! Inputs are valid messages (written from the schemas) that were damaged: bits flipped, cut short, lengths replaced by
//! absurd ones; and plain noise. The same functions serve the fuzzer (`fuzz` at the root).

mod random;

use corelane_protocol::fuzz;
use corelane_protocol::messages::CODECS;
use random::Random;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// All that is ever allocated while reading and writing an input twice, per byte of input. The worst is an array of
/// small structures: each takes a few bytes on the wire and some hundred in memory, and vectors double as they grow.
const ALLOCATED_PER_INPUT_BYTE_MAX: usize = 512;
/// What may be allocated for the smallest input: the first elements of a few arrays.
const ALLOCATED_MAX: usize = 64 << 10;

/// Damaged inputs of each version of each message.
const SEEDS: u64 = 400;

/// One test, because the allocator's counts are of the whole process.
#[test]
fn damaged_bytes_do_no_harm() {
    let _ = Region::new(ALLOCATOR);
    for codec in CODECS {
        let name = codec.schema.root.name;
        for version in codec.schema.versions.first..=codec.schema.versions.last {
            for seed in 0..SEEDS {
                let mut random = Random(seed);
                let mut input = vec![(version - codec.schema.versions.first) as u8];
                input.extend(random::message(codec.schema, version, &mut random));
                damage(&mut input, &mut random);
                check(name, &input, seed);
                match name {
                    "ProduceRequestData" => check("ProduceVisitor", &input, seed),
                    "FetchRequestData" => check("FetchVisitor", &input, seed),
                    _ => {}
                }
            }
        }
    }
    for target in fuzz::targets() {
        for seed in 0..SEEDS {
            let mut random = Random(seed ^ 0x006e_6f69_7365);
            let noise: Vec<u8> = (0..random.below(200)).map(|_| random.next() as u8).collect();
            check(target, &noise, seed);
            check(target, &vec![0xff; noise.len()], seed);
            check(target, &vec![0; noise.len()], seed);
        }
    }
}

fn check(target: &str, input: &[u8], seed: u64) {
    let region = Region::new(ALLOCATOR);
    fuzz::run(target, input);
    let change = region.change();
    let allocated = change.bytes_allocated + change.bytes_reallocated.max(0) as usize;
    let max = ALLOCATED_MAX + ALLOCATED_PER_INPUT_BYTE_MAX * input.len();
    assert!(
        allocated <= max,
        "{target} seed {seed}: {allocated} bytes allocated for {} bytes of input",
        input.len()
    );
}

/// One to four wounds; sometimes none.
fn damage(input: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..random.below(5) {
        if input.len() < 2 {
            return;
        }
        let at = 1 + random.below(input.len() as u64 - 1) as usize;
        match random.below(4) {
            0 => input[at] ^= 1 << random.below(8),
            1 => input.truncate(at),
            2 => input[at] = [0, 1, 0x7f, 0x80, 0xff][random.below(5) as usize],
            _ => {
                const ABSURD: [&[u8]; 5] = [
                    &[0x7f, 0xff, 0xff, 0xff],
                    &[0xff, 0xff, 0xff, 0xfe],
                    &[0xff, 0xff, 0xff, 0xff, 0x0f],
                    &[0x80, 0x80, 0x80, 0x80, 0x10],
                    &[0x7f, 0xff],
                ];
                let absurd = ABSURD[random.below(5) as usize];
                let end = input.len().min(at + absurd.len());
                input.splice(at..end, absurd.iter().copied());
            }
        }
    }
}
