//! The reference page of the metrics, from the table.

use std::fmt::Write;

use super::table::{FAMILIES, LEFT_OUT};

/// The whole page.
pub fn markdown() -> String {
    let mut page = String::from("# Metrics\n\n");
    page.push_str(
        "What `GET /metrics` answers (see `metrics.listeners`), from the table in `broker/src/metrics/table.rs`. ",
    );
    page.push_str("A family has a bounded number of lines; what did not fit is counted in the last one.\n\n");
    page.push_str("| Metric | Type | Labels | What it is |\n|---|---|---|---|\n");
    for family in FAMILIES.iter().chain([&LEFT_OUT]) {
        let labels: Vec<String> = family.labels.iter().map(|label| format!("`{label}`")).collect();
        let (name, kind, help) = (family.name, family.kind.name(), family.help);
        let _ = writeln!(page, "| `{name}` | {kind} | {} | {help} |", labels.join(", "));
    }
    page
}
