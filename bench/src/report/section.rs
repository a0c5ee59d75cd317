//! The part of the page that shows one run: its table and its figures.

use std::fmt::Write;

use super::{
    axis::{Axis, Kind},
    figure::{Bar, Curve, Curves, bars, escape},
};
use crate::{
    latency::Latencies,
    metric::{METRICS, Metric},
    result::{RunResult, SideOf, SideResult},
    spread::{Spread, number},
};

const PRODUCED: SideOf = |round| round.produced.as_ref();
const DELIVERED: SideOf = |round| round.delivered.as_ref();
const REPLAYED: SideOf = |round| round.replayed.as_ref();
/// Points of a percentile curve for each decade of 1 / (1 - percentile).
const STEPS_PER_DECADE: i32 = 20;
const NULL_SERVER: &str = "null server (harness's limit)";

pub fn html(result: &RunResult) -> String {
    let mut out = format!("<h2>{}</h2>\n", escape(&result.title));
    writeln!(
        out,
        "<p>{}</p>\n<p class=\"facts\">{}</p>",
        escape(&result.settings.describe()),
        escape(&floors(result))
    )
    .expect("writing to a string");
    out += &medians(result);
    let sides: [(&str, SideOf); 2] = [("Produce latency", PRODUCED), ("End-to-end latency", DELIVERED)];
    for (title, side) in sides {
        out += &percentiles(result, title, side);
        out += &over_time(
            result,
            &format!("{title}, the longest of each 200 ms, all rounds"),
            "ms",
            side,
            |side| &side.latency_max_us_over_time,
            1e-3,
        );
    }
    for (title, side) in [("Produced", PRODUCED), ("Read again", REPLAYED)] {
        let bytes = |side: &SideResult| {
            side.bytes_over_time
                .iter()
                .map(|bytes| *bytes as f64)
                .collect::<Vec<_>>()
        };
        out += &throughput(result, &format!("{title}, MB/s, all rounds"), side, bytes);
    }
    for name in ["cpu.record", "cpu.gib", "memory"] {
        if let Ok(metric) = Metric::named(name) {
            out += &metric_bars(result, metric);
        }
    }
    out += &words(result);
    out
}

fn floors(result: &RunResult) -> String {
    let mut parts = result.describe_floors();
    parts.push(match &result.harness_limit {
        Some(round) => format!("the harness against a null server: {}", round.describe()),
        None => "the harness's own limit was not measured".to_owned(),
    });
    parts.join("; ")
}

/// A line for each metric, a column for each target.
fn medians(result: &RunResult) -> String {
    let mut out = format!(
        "<div class=\"scroll\"><table>\n<tr><th>median of {} rounds <small>(low – high)</small></th>",
        result.settings.rounds
    );
    for target in &result.targets {
        let (name, note) = (escape(&target.name), escape(&target.note));
        write!(out, "<th>{name} <small>{note}</small></th>").expect("writing to a string");
    }
    out += "<th>null server</th></tr>\n";
    for metric in METRICS {
        let columns: Vec<Option<Spread>> = result
            .targets
            .iter()
            .map(|target| Spread::of(&metric.values(result, &target.name)))
            .collect();
        if columns.iter().all(Option::is_none) {
            continue;
        }
        write!(out, "<tr><td>{} <small>{}</small></td>", metric.title, metric.unit).expect("writing to a string");
        for column in columns {
            match column {
                Some(Spread { median, low, high }) => {
                    let (median, low, high) = (number(median), number(low), number(high));
                    write!(out, "<td>{median} <small>{low} – {high}</small></td>").expect("writing to a string");
                }
                None => out += "<td>–</td>",
            }
        }
        let null = result
            .harness_limit
            .as_ref()
            .and_then(metric.of)
            .map_or_else(|| "–".to_owned(), number);
        writeln!(out, "<td>{null}</td></tr>").expect("writing to a string");
    }
    out += "</table></div>\n";
    out
}

/// All targets' percentiles, rounds together, over 1 / (1 - percentile).
fn percentiles(result: &RunResult, title: &str, side: SideOf) -> String {
    let mut curves = Vec::new();
    for (colour, target) in result.targets.iter().enumerate() {
        let latencies = result.latencies(&target.name, side);
        if !latencies.is_empty() {
            let requests = result
                .rounds_of(&target.name)
                .filter_map(side)
                .map(|side| side.requests)
                .sum();
            curves.push(percentile_curve(&target.name, colour, false, &latencies, requests));
        }
    }
    if curves.is_empty() {
        return String::new();
    }
    if let Some(side) = result.harness_limit.as_ref().and_then(side) {
        let mut latencies = Latencies::default();
        latencies.add_buckets(&side.buckets);
        let colour = result.targets.len();
        curves.push(percentile_curve(NULL_SERVER, colour, true, &latencies, side.requests));
    }
    let points = || curves.iter().flat_map(|curve| &curve.points);
    let x = Axis {
        kind: Kind::Log,
        low: 1.0,
        high: points().map(|(x, _)| *x).fold(100.0, f64::max),
    };
    let ticks = [
        (1.0, "0"),
        (2.0, "50 %"),
        (10.0, "90 %"),
        (100.0, "99 %"),
        (1e3, "99.9 %"),
        (1e4, "99.99 %"),
        (1e5, "99.999 %"),
        (1e6, "99.9999 %"),
    ];
    let figure = Curves {
        title: format!("{title} by percentile, all rounds together"),
        x,
        y: Axis::of(Kind::Log, points().map(|(_, y)| *y)),
        x_title: "percentile",
        y_title: "ms",
        x_ticks: ticks
            .iter()
            .filter(|(at, _)| *at <= x.high)
            .map(|(at, words)| (*at, (*words).to_owned()))
            .collect(),
        curves,
    };
    figure.svg()
}

fn percentile_curve(name: &str, colour: usize, is_thin: bool, latencies: &Latencies, requests: u64) -> Curve {
    // The records of a request have their answer together: a thousand of them are one event in a thousand, not all.
    let count = latencies.histogram().len().min(requests.max(1)) as f64;
    let steps = (count.log10() * f64::from(STEPS_PER_DECADE)).floor() as i32;
    // Beyond one in `count` there is nothing but the longest.
    let inverse = |step: i32| 10f64.powf(f64::from(step) / f64::from(STEPS_PER_DECADE));
    let point = |step: i32| (inverse(step), latencies.at_us(1.0 - 1.0 / inverse(step)) / 1e3);
    let mut points: Vec<(f64, f64)> = (0..=steps).map(point).collect();
    points.push((count.max(1.0), latencies.at_us(1.0) / 1e3));
    Curve {
        name: name.to_owned(),
        colour,
        is_thin,
        points,
    }
}

fn over_time(
    result: &RunResult,
    title: &str,
    unit: &'static str,
    side: SideOf,
    values: fn(&SideResult) -> &[f64],
    factor: f64,
) -> String {
    let curves = curves_by_round(result, side, |side| {
        values(side).iter().map(|value| value * factor).collect()
    });
    let is_empty = curves.iter().all(|curve| curve.points.iter().all(|(_, y)| *y == 0.0));
    if is_empty {
        String::new()
    } else {
        time_figure(title, unit, Kind::Log, curves)
    }
}

fn throughput(result: &RunResult, title: &str, side: SideOf, bytes: fn(&SideResult) -> Vec<f64>) -> String {
    let curves = curves_by_round(result, side, |side| {
        let mut steps: Vec<f64> = bytes(side).iter().map(|bytes| bytes / 1e6 / side.step).collect();
        // The last step is cut off by the end of the measurement.
        steps.pop();
        steps
    });
    if curves.is_empty() {
        String::new()
    } else {
        time_figure(title, "MB/s", Kind::Linear, curves)
    }
}

/// A thin curve for each round, in its target's colour.
fn curves_by_round(result: &RunResult, side: SideOf, values: impl Fn(&SideResult) -> Vec<f64>) -> Vec<Curve> {
    let mut curves = Vec::new();
    for (colour, target) in result.targets.iter().enumerate() {
        for side in result.rounds_of(&target.name).filter_map(side) {
            let points = values(side)
                .into_iter()
                .enumerate()
                .map(|(index, value)| ((index as f64 + 0.5) * side.step, value));
            curves.push(Curve {
                name: target.name.clone(),
                colour,
                is_thin: true,
                points: points.collect(),
            });
        }
    }
    curves
}

fn time_figure(title: &str, unit: &'static str, kind: Kind, curves: Vec<Curve>) -> String {
    let points = || curves.iter().flat_map(|curve| &curve.points);
    let x = Axis::of(Kind::Linear, points().map(|(x, _)| *x));
    let figure = Curves {
        title: title.to_owned(),
        x,
        y: Axis::of(kind, points().map(|(_, y)| *y)),
        x_title: "seconds of the measured time",
        y_title: unit,
        x_ticks: x.ticks().into_iter().map(|tick| (tick, number(tick))).collect(),
        curves,
    };
    figure.svg()
}

fn metric_bars(result: &RunResult, metric: &Metric) -> String {
    let bar = |(colour, name): (usize, &String)| {
        let Spread { median, low, high } = Spread::of(&metric.values(result, name))?;
        Some(Bar {
            name: name.clone(),
            colour,
            value: median,
            low,
            high,
        })
    };
    let all: Vec<Bar> = result
        .targets
        .iter()
        .map(|target| &target.name)
        .enumerate()
        .filter_map(bar)
        .collect();
    if all.is_empty() {
        String::new()
    } else {
        bars(metric.title, metric.unit, &all)
    }
}

/// How to do it again, and what went wrong.
fn words(result: &RunResult) -> String {
    let mut out = String::from("<details><summary>command, settings, rounds</summary>\n");
    writeln!(out, "<pre>{}</pre>", escape(&result.command_line.join(" "))).expect("writing to a string");
    let settings = serde_json::to_string_pretty(&result.settings).unwrap_or_default();
    writeln!(out, "<pre>{}</pre>\n<pre>", escape(&settings)).expect("writing to a string");
    for round in &result.rounds {
        writeln!(
            out,
            "{:>7.1} s  round {} {}: {}",
            round.at,
            round.round,
            escape(&round.target),
            escape(&round.describe())
        )
        .expect("writing to a string");
    }
    out += "</pre></details>\n";
    out
}
