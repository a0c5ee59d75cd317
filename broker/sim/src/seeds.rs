//! Which seeds a command replays.

use std::ops::Range;

use clap::Args;

#[derive(Args)]
pub struct Seeds {
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// How many seeds, one after the other.
    #[arg(long, default_value_t = 1)]
    count: u64,
    /// Print every event: simulated seconds, and then what the trace's page names.
    #[arg(long)]
    pub verbose: bool,
}

impl Seeds {
    pub fn range(&self) -> Range<u64> {
        self.seed..self.seed.saturating_add(self.count)
    }
}
