//! `corelane doctor`: looks at a host as a broker would find it, and says what to change and why.
//!
//! ```text
//!   collect (reads /proc, /sys, tries io_uring and direct I/O) ─> facts: texts under names ─> judge (pure) ─> findings
//! ```

mod collect;
mod facts;
mod judge;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::{
    client::ClientError,
    output::{Table, print_text},
};
use judge::{Finding, Verdict, judge};

/// Look at this host, and say what a broker would want changed, and why.
///
/// Writes nothing but one block into a file beside the data, which is gone at once. Ends with 1 if a broker cannot run here, or could not
/// keep what it acknowledges.
#[derive(Args, Clone, Debug)]
pub struct Doctor {
    /// The data directory, or where it will be: the disk below it is looked at.
    #[arg(long, value_name = "DIR", default_value = "corelane-data", env = "CORELANE_LOG_DIRS")]
    data: PathBuf,

    /// Cores that a broker will have; all that this process may use if not given.
    #[arg(long, value_name = "N")]
    cores: Option<u16>,

    /// End with 1 for advice, too.
    #[arg(long)]
    strict: bool,
}

impl Doctor {
    pub fn run(&self, json: bool) -> Result<(), ClientError> {
        let findings = judge(&collect::collect(&self.data, self.cores.map(usize::from)));
        if json {
            let mut table = Table::new(&["check", "verdict", "found", "change", "why"]);
            for finding in &findings {
                table.row([
                    json!(finding.check),
                    json!(finding.verdict.name()),
                    json!(finding.found),
                    json!(finding.change),
                    json!(finding.why),
                ]);
            }
            table.print(true)?;
        } else {
            print_text(&text(&findings))?;
        }
        let count = |verdict| findings.iter().filter(|finding| finding.verdict == verdict).count();
        let (bad, advice) = (count(Verdict::Bad), count(Verdict::Advice));
        if bad > 0 || (self.strict && advice > 0) {
            return Err(ClientError::Usage(format!("{bad} must be changed, {advice} should")));
        }
        Ok(())
    }
}

/// What is well on a line each, what is not with its remedy and reason.
fn text(findings: &[Finding]) -> String {
    let width = findings.iter().map(|finding| finding.check.len()).max().unwrap_or(0);
    let mut text = String::new();
    for finding in findings {
        let (verdict, check, found) = (finding.verdict.name(), finding.check, &finding.found);
        text += &format!("{verdict:<7} {check:<width$}  {found}\n");
        if let Some(change) = &finding.change {
            let indent = " ".repeat(8 + width + 2);
            text += &format!("{indent}{change}\n{indent}because {}\n", finding.why);
        }
    }
    text
}
