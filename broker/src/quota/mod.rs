//! How fast a client may be (KIP-13, 55, 124, 257, 599, 612): who is limited to what, what was used, and for how long one must
//! wait.
//!
//! A limit is the whole broker's, while a client's connections live on any core. So each account has a home core, by its hash,
//! and every use of it is one message there; what is used is added up in one place, exactly, and nothing is shared. The
//! message of a produce request travels while the disk has its turn. A client without a limit is found to have none in its own
//! core's copy of the table: no message, no memory, and one comparison while nobody has a limit.
//!
//! ```text
//!  connection ──table──> no limit: done
//!       └──── limit ──charge──> home core: ledger ──wait──> answer with throttle_time_ms, then the connection is not read
//! ```
//!
//! Table and ledger are pure; `host` is what asks.

mod accepts;
pub mod host;
mod ledger;
mod rate;
mod table;
mod token_bucket;

pub use accepts::{Accepts, Turn};
pub use ledger::{Account, Charge, ChargeAnswer, ChargeCall, Ledger};
pub use rate::Window;
pub use table::{Kind, Table};

#[cfg(test)]
mod tests;
