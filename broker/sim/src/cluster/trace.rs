//! What happened, folded into a hash, and on demand as one readable line for each event.
//!
//! Columns of a line: simulated seconds, counted steps so far, the node, what happened.

use super::timeline::{Micros, SECOND};

#[derive(Debug)]
pub struct Trace {
    hash: u64,
    verbose: bool,
}

impl Trace {
    pub fn new(verbose: bool) -> Trace {
        Trace {
            hash: 0xcbf2_9ce4_8422_2325,
            verbose,
        }
    }

    /// `number` must tell apart whatever `line` tells apart; `line` is asked only if somebody reads it.
    pub fn event(&mut self, now: Micros, steps: u64, node: usize, number: u64, line: impl FnOnce() -> String) {
        for word in [now, number << 8 | node as u64] {
            self.hash = (self.hash ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
        }
        if self.verbose {
            let text = line();
            println!("{:>12.6} {steps:>7} n{node} {text}", now as f64 / SECOND as f64);
        }
    }

    /// A line that says nothing new about the run.
    pub fn note(&self, now: Micros, steps: u64, line: impl FnOnce() -> String) {
        if self.verbose {
            println!("{:>12.6} {steps:>7} -- {}", now as f64 / SECOND as f64, line());
        }
    }

    pub fn hash(&self) -> u64 {
        self.hash
    }

    pub fn is_verbose(&self) -> bool {
        self.verbose
    }
}
