//! Percentile files in the text format of HdrHistogram (`.hgrm`), which its plotter and many other tools read.

use std::{
    fs,
    io::{self, Write},
    path::Path,
};

use crate::{
    latency::Latencies,
    result::{RunResult, SideOf},
};

/// Lines for each halving of the distance to 100 %, as HdrHistogram's own tools write them.
const TICKS_PER_HALF: u32 = 5;

/// One file for each target and side, all rounds together.
pub fn write_all(result: &RunResult, directory: &Path) -> io::Result<()> {
    let sides: [(&str, SideOf); 2] = [
        ("produced", |round| round.produced.as_ref()),
        ("delivered", |round| round.delivered.as_ref()),
    ];
    for target in &result.targets {
        for (name, side) in sides {
            let latencies = result.latencies(&target.name, side);
            if !latencies.is_empty() {
                let path = directory.join(format!("{}-{name}.hgrm", target.name));
                fs::write(path, text(&latencies)?)?;
            }
        }
    }
    Ok(())
}

/// Values in milliseconds.
pub fn text(latencies: &Latencies) -> io::Result<Vec<u8>> {
    let histogram = latencies.histogram();
    let ms = |nanos: f64| nanos / 1e6;
    let mut out = Vec::new();
    writeln!(
        out,
        "{:>12} {:>14} {:>10} {:>14}\n",
        "Value", "Percentile", "TotalCount", "1/(1-Percentile)"
    )?;
    let mut count = 0;
    for step in histogram.iter_quantiles(TICKS_PER_HALF) {
        count += step.count_since_last_iteration();
        let quantile = step.quantile_iterated_to();
        write!(
            out,
            "{:12.6} {quantile:2.12} {count:10}",
            ms(step.value_iterated_to() as f64)
        )?;
        if quantile < 1.0 {
            writeln!(out, " {:14.2}", 1.0 / (1.0 - quantile))?;
        } else {
            writeln!(out)?;
        }
    }
    writeln!(
        out,
        "#[Mean    = {:12.6}, StdDeviation   = {:12.6}]\n\
         #[Max     = {:12.6}, Total count    = {:12}]\n\
         #[Buckets = {:12}, SubBuckets     = {:12}]",
        ms(histogram.mean()),
        ms(histogram.stdev()),
        ms(histogram.max() as f64),
        histogram.len(),
        histogram.buckets(),
        2048
    )?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: what a plotter reads stays as it is.
    #[test]
    fn golden() {
        let mut latencies = Latencies::default();
        for latency in 1..=4 {
            latencies.record_many(latency * 500_000, 1);
        }
        let text = String::from_utf8(text(&latencies).unwrap()).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[0].split_whitespace().collect::<Vec<_>>(),
            ["Value", "Percentile", "TotalCount", "1/(1-Percentile)"]
        );
        assert_eq!(lines[1], "");
        assert_eq!(
            lines[2].split_whitespace().collect::<Vec<_>>(),
            ["0.500223", "0.000000000000", "1", "1.00"]
        );
        let last = lines.iter().rev().find(|line| !line.starts_with('#')).unwrap();
        assert_eq!(
            last.split_whitespace().collect::<Vec<_>>(),
            ["2.000895", "1.000000000000", "4"]
        );
        assert!(
            lines
                .iter()
                .any(|line| line.starts_with("#[Mean    =") && line.contains("StdDeviation"))
        );
        assert!(
            lines
                .iter()
                .any(|line| line.starts_with("#[Max     =") && line.contains("Total count"))
        );
    }
}
