//! What a broker counts, and how it looks to Prometheus. Pure: time is handed in, and nothing here knows of threads or HTTP.
//!
//! ```text
//!  request ── Timeline ──> CoreMetrics ──snapshot──> NodeSnapshot ── table ──> text
//!             its moments   one a core,               all cores,     one line a metric
//!                           Cells only                the process
//! ```
//!
//! What must stay true: counting writes nothing that another core reads, and allocates at an API's first request only; the text
//! is bounded, whatever there is of topics, groups and cores, and says what it left out.

mod core_metrics;
mod docs;
mod exposition;
mod latency;
mod snapshot;
mod stage;
mod table;
#[cfg(test)]
mod tests;
mod timeline;

pub use core_metrics::{Bytes, CoreMetrics};
pub use docs::markdown;
pub use exposition::text;
pub use latency::Latency;
pub use snapshot::{
    ApiSnapshot, Build, CommittedOffset, CoreSnapshot, CoreTimes, GroupSnapshot, GroupsSnapshot, Lag, NodeSnapshot,
    PartitionCounts, ProcessSnapshot, Readiness, lags,
};
pub use stage::Stage;
pub use table::FAMILIES;
pub use timeline::{Marks, Spent, Timeline};
