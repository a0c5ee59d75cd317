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
    result::{Round, RunResult},
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
    /// Rounds that failed, had errors or lacked answers, of either target: nobody knows what they would have been.
    pub rounds_left_out: usize,
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
    /// What holds for the ratio of the medians, and whether it does in every round; the first word says the most.
    pub fn verdict(&self) -> String {
        let Some(Figures { ratio, .. }) = &self.figures else {
            return "not measured".to_owned();
        };
        let holds = |ratio: f64, bound: f64| match self.is_less_better {
            true => ratio <= bound,
            false => ratio >= bound,
        };
        let worst = if self.is_less_better { ratio.high } else { ratio.low };
        let (must, goal) = (self.row.must, self.row.goal);
        let asked = [(goal, "goal"), (must, "must")].into_iter();
        let mut held =
            asked.filter_map(|(bound, name)| Some((bound?, name)).filter(|(bound, _)| holds(ratio.median, *bound)));
        let mut words = match held.next() {
            Some((bound, name)) if holds(worst, bound) => name.to_owned(),
            Some((_, name)) => format!("{name}, not in every round"),
            None if must.or(goal).is_none() => "–".to_owned(),
            None => "missed".to_owned(),
        };
        if self.rounds_left_out > 0 {
            words += &format!(", {} failed", self.rounds_left_out);
        }
        words
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
    let (pairs, unit, is_less_better) = match (&row.result, &row.metric) {
        (Some(result), Some(metric)) => {
            let metric = Metric::named(metric)?;
            let result = RunResult::read(&directory.join(result)).map_err(|error| error.to_string())?;
            let pairs = pairs(&result, metric, &row)?;
            (pairs, metric.unit.to_owned(), metric.is_less_better)
        }
        (None, None) => {
            let values = row.values.iter().copied().zip(row.against_values.iter().copied());
            (values.map(Some).collect(), row.unit.clone().unwrap_or_default(), true)
        }
        _ => {
            return Err(format!(
                "{:?}: give result and metric, or values and against_values",
                row.work
            ));
        }
    };
    let (values, against): (Vec<f64>, Vec<f64>) = pairs.iter().flatten().copied().unzip();
    let figures = || {
        Some(Figures {
            value: Spread::of(&values)?,
            against: Spread::of(&against)?,
            ratio: Spread::of_ratio(&values, &against)?,
        })
    };
    Ok(Judged {
        figures: figures(),
        rounds_left_out: pairs.len() - values.len(),
        unit,
        is_less_better,
        row,
    })
}

/// Round by round what the target and what the other one had; `None` where one of them lacks it.
fn pairs(result: &RunResult, metric: &Metric, row: &Row) -> Result<Vec<Option<(f64, f64)>>, String> {
    let is_floor = row.against == FLOOR;
    if is_floor
        && result
            .rounds_of(&row.target)
            .any(|round| round.floors.durable_ms().is_none())
    {
        return Err(format!("{:?} has no floor: run with --disk", result.title));
    }
    let value = |round: &Round| round.is_whole().then(|| (metric.of)(round)).flatten();
    let pair = |round: &Round| {
        let against = if is_floor {
            // As it was just before this round.
            round.floors.durable_ms()
        } else {
            let mut others = result.rounds_of(&row.against);
            others.find(|other| other.round == round.round).and_then(value)
        };
        Some((value(round)?, against?))
    };
    Ok(result.rounds_of(&row.target).map(pair).collect())
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
