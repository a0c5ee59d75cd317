//! Results as text: the table of one run, and `corelane-bench table`, which judges chosen ratios against what they
//! must be.

use std::{
    fmt::Write,
    fs, io,
    path::{Path, PathBuf},
};

use clap::Args;
use serde::{Deserialize, Serialize};

use crate::{
    metric::{METRICS, Metric},
    result::RunResult,
    spread::{Spread, number},
};

/// The name of the floor where a row is compared against it: F and a loopback round trip.
const FLOOR: &str = "floor";

#[derive(Args)]
pub struct Table {
    /// A JSON list of rows: work, result (a path beside this file), metric, target, against, must, goal
    rows: PathBuf,
}

/// One line of the table: a ratio, and what is asked of it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    pub work: String,
    /// The result file, relative to the rows file, and the metric in it; or values that somebody else has measured.
    pub result: Option<PathBuf>,
    pub metric: Option<String>,
    #[serde(default)]
    pub values: Vec<f64>,
    #[serde(default)]
    pub against_values: Vec<f64>,
    pub unit: Option<String>,
    pub target: String,
    /// Another target of the same result, or "floor".
    pub against: String,
    /// What the ratio of the two must be, and what it should be; at most for metrics where less is better, else at
    /// least. Nothing is asked of a row without them.
    pub must: Option<f64>,
    pub goal: Option<f64>,
}

/// A row with its figures.
pub struct Judged {
    pub row: Row,
    pub unit: String,
    pub is_less_better: bool,
    /// `None` where rounds have failed until nothing was left: a row that is not measured is shown, not left out.
    pub figures: Option<Figures>,
}

pub struct Figures {
    pub value: Spread,
    pub against: Spread,
    pub ratio: Spread,
}

impl Table {
    pub fn run(&self) -> io::Result<()> {
        print!("{}", markdown(&judge(&self.rows)?));
        Ok(())
    }
}

impl Judged {
    pub fn verdict(&self) -> &'static str {
        let Some(Figures { ratio, .. }) = &self.figures else {
            return "not measured";
        };
        let holds = |bound: Option<f64>| {
            bound.map(|bound| match self.is_less_better {
                true => ratio.median <= bound,
                false => ratio.median >= bound,
            })
        };
        match (holds(self.row.must), holds(self.row.goal)) {
            (_, Some(true)) => "goal",
            (Some(true), _) => "must",
            (None, None) => "–",
            _ => "missed",
        }
    }

    /// Measured with its unit, against, ratio with its spread: as they stand in a table.
    pub fn columns(&self) -> [String; 3] {
        match &self.figures {
            Some(figures) => [
                format!("{} {}", number(figures.value.median), self.unit),
                number(figures.against.median),
                figures.ratio.to_string(),
            ],
            None => ["–", "–", "–"].map(str::to_owned),
        }
    }

    pub fn bound(&self, bound: Option<f64>) -> String {
        let sign = if self.is_less_better { "≤" } else { "≥" };
        bound.map_or_else(|| "–".to_owned(), |bound| format!("{sign} {bound}"))
    }
}

/// Reads the rows and the results that they name.
pub fn judge(path: &Path) -> io::Result<Vec<Judged>> {
    let fail = |why: String| io::Error::other(format!("{}: {why}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| fail(error.to_string()))?;
    let rows: Vec<Row> = serde_json::from_str(&text).map_err(|error| fail(error.to_string()))?;
    let directory = path.parent().unwrap_or(Path::new("."));
    rows.into_iter()
        .map(|row| judge_row(row, directory).map_err(&fail))
        .collect()
}

fn judge_row(row: Row, directory: &Path) -> Result<Judged, String> {
    let (values, against, unit, is_less_better) = match (&row.result, &row.metric) {
        (Some(result), Some(metric)) => {
            let metric = Metric::named(metric)?;
            let result = RunResult::read(&directory.join(result)).map_err(|error| error.to_string())?;
            let values = metric.values(&result, &row.target);
            let against = if row.against == FLOOR {
                floor_ms(&result, &row.target)?
            } else {
                metric.values(&result, &row.against)
            };
            (values, against, metric.unit.to_owned(), metric.is_less_better)
        }
        (None, None) => (
            row.values.clone(),
            row.against_values.clone(),
            row.unit.clone().unwrap_or_default(),
            true,
        ),
        _ => {
            return Err(format!(
                "{:?}: give result and metric, or values and against_values",
                row.work
            ));
        }
    };
    let figures = |values: &[f64], against: &[f64]| {
        Some(Figures {
            value: Spread::of(values)?,
            against: Spread::of(against)?,
            ratio: Spread::of_ratio(values, against)?,
        })
    };
    Ok(Judged {
        figures: figures(&values, &against),
        unit,
        is_less_better,
        row,
    })
}

/// F and a round trip in milliseconds, as they were just before each of the rounds of this target.
fn floor_ms(result: &RunResult, target: &str) -> Result<Vec<f64>, String> {
    let floors = result.rounds_of(target).map(|round| round.floors.durable_ms());
    floors
        .collect::<Option<_>>()
        .ok_or_else(|| format!("{:?} has no floor: run with --disk", result.title))
}

pub fn markdown(rows: &[Judged]) -> String {
    let mut out = String::from(
        "| work | | measured | against | ratio (rounds) | must | goal | holds |\n|---|---|---|---|---|---|---|---|\n",
    );
    for judged in rows {
        let [value, against, ratio] = judged.columns();
        let (must, goal) = (judged.bound(judged.row.must), judged.bound(judged.row.goal));
        let Row {
            work,
            target,
            against: other,
            ..
        } = &judged.row;
        let verdict = judged.verdict();
        writeln!(
            out,
            "| {work} | {target} / {other} | {value} | {against} | {ratio} | {must} | {goal} | {verdict} |"
        )
        .expect("writing to a string");
    }
    out
}

/// The table of one run for a terminal: a line for each metric, a column for each target, the harness's own limit last.
pub fn text(result: &RunResult) -> String {
    let mut out = format!("{}\n{}\n", result.title, result.machine.describe());
    for line in result.describe_floors() {
        out += &format!("{line}\n");
    }
    for target in result.targets.iter().filter(|target| !target.note.is_empty()) {
        out += &format!("{}: {}\n", target.name, target.note);
    }
    out += &format!(
        "{:<34}",
        format!("median of {} rounds (low – high)", result.settings.rounds)
    );
    for target in &result.targets {
        out += &format!("{:>30}", target.name);
    }
    out += &format!("{:>14}\n", "null server");
    for metric in METRICS {
        let of = |name: &str| Spread::of(&metric.values(result, name));
        let null = result.harness_limit.as_ref().and_then(metric.of);
        let columns: Vec<Option<Spread>> = result.targets.iter().map(|target| of(&target.name)).collect();
        if columns.iter().all(Option::is_none) {
            continue;
        }
        out += &format!("{:<34}", format!("{} {}", metric.title, metric.unit));
        for column in columns {
            out += &format!(
                "{:>30}",
                column.map_or_else(|| "–".to_owned(), |spread| spread.to_string())
            );
        }
        out += &format!("{:>14}\n", null.map_or_else(|| "–".to_owned(), number));
    }
    for round in result
        .rounds
        .iter()
        .filter(|round| !round.errors.is_empty() || round.unanswered > 0 || round.failure.is_some())
    {
        out += &format!("{}, round {}: {}\n", round.target, round.round, round.describe());
    }
    out
}
