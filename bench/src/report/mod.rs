//! `corelane-bench report`: results as one page that stands alone, without scripts and without anything from elsewhere.

mod axis;
mod figure;
mod section;

use std::{fmt::Write, fs, io, path::PathBuf};

use clap::Args;

use crate::{
    result::RunResult,
    table::{self, Judged},
};
use figure::escape;

#[derive(Args)]
pub struct Report {
    /// Files that `run` wrote
    #[arg(required = true, value_name = "RESULT.JSON")]
    results: Vec<PathBuf>,
    /// A rows file (see `table`) whose verdicts stand at the top
    #[arg(long)]
    rows: Option<PathBuf>,
    /// Where the page goes
    #[arg(long, default_value = "report.html")]
    output: PathBuf,
}

impl Report {
    pub fn run(&self) -> io::Result<()> {
        let results: Vec<RunResult> = self
            .results
            .iter()
            .map(|path| RunResult::read(path))
            .collect::<io::Result<_>>()?;
        let rows = self.rows.as_deref().map_or(Ok(Vec::new()), table::judge)?;
        fs::write(&self.output, html(&results, &rows))
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", self.output.display())))?;
        println!("{}", self.output.display());
        Ok(())
    }
}

/// The whole page.
pub fn html(results: &[RunResult], rows: &[Judged]) -> String {
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>corelane-bench</title>\n\
         <style>\n{}</style>\n</head>\n<body>\n<h1>corelane-bench</h1>\n",
        include_str!("page.css")
    );
    if let Some(first) = results.first() {
        writeln!(
            out,
            "<p class=\"facts\">{}<br>corelane-bench {}, {}</p>",
            escape(&first.machine.describe()),
            escape(&first.tool_version),
            date(first.began)
        )
        .expect("writing to a string");
        for (disk, facts) in &first.machine.disks {
            writeln!(out, "<p class=\"facts\">disk {}: {}</p>", escape(disk), escape(facts))
                .expect("writing to a string");
        }
    }
    if !rows.is_empty() {
        out += &verdicts(rows);
    }
    for result in results {
        out += &section::html(result);
    }
    out += "</body>\n</html>\n";
    out
}

/// Seconds since 1970 as a date and time of day (Hinnant, "chrono-compatible low-level date algorithms").
fn date(began: u64) -> String {
    let days = began / 86_400 + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // Years begin in March here, so that a leap day is their last.
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let (hour, minute) = (began / 3600 % 24, began / 60 % 60);
    format!(
        "{}-{month:02}-{day:02} {hour:02}:{minute:02} UTC",
        year_of_era + era * 400 + next
    )
}

fn verdicts(rows: &[Judged]) -> String {
    let mut out = String::from(
        "<div class=\"scroll\"><table class=\"rows\">\n<tr><th>work</th><th></th><th>measured</th><th>against</th>\
         <th>ratio (rounds)</th><th>must</th><th>goal</th><th>holds</th></tr>\n",
    );
    for judged in rows {
        let [value, against, ratio] = judged.columns();
        let verdict = judged.verdict();
        // Of several words, the first is the class.
        let class = verdict.split([' ', ',']).next().unwrap_or_default();
        write!(out, "<tr><td>{}</td>", escape(&judged.row.work)).expect("writing to a string");
        write!(
            out,
            "<td>{} / {}</td>",
            escape(&judged.row.target),
            escape(&judged.row.against)
        )
        .expect("writing to a string");
        write!(out, "<td>{}</td><td>{against}</td><td>{ratio}</td>", escape(&value)).expect("writing to a string");
        let (must, goal) = (judged.bound(judged.row.must), judged.bound(judged.row.goal));
        writeln!(
            out,
            "<td>{must}</td><td>{goal}</td><td class=\"{class}\">{verdict}</td></tr>"
        )
        .expect("writing to a string");
    }
    out += "</table></div>\n";
    out
}

#[cfg(test)]
pub mod tests;
