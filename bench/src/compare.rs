//! `corelane-bench compare A B`: two results, or two targets of one, figure by figure.

use std::{fmt::Write, io, path::PathBuf, str::FromStr};

use clap::Args;

use crate::{
    metric::METRICS,
    result::RunResult,
    spread::{Spread, number},
};

#[derive(Args)]
pub struct Compare {
    /// What is compared against: a result.json, or one target of it as result.json:TARGET
    a: Subject,
    /// What is compared; the same file may be given twice
    b: Subject,
}

#[derive(Clone)]
struct Subject {
    file: PathBuf,
    target: Option<String>,
}

impl FromStr for Subject {
    type Err = String;

    fn from_str(words: &str) -> Result<Subject, String> {
        // A target's name has neither ':' nor '/'.
        let (file, target) = match words.rsplit_once(':') {
            Some((file, target)) if !target.contains('/') => (file, Some(target.to_owned())),
            _ => (words, None),
        };
        Ok(Subject {
            file: PathBuf::from(file),
            target,
        })
    }
}

impl Compare {
    pub fn run(&self) -> io::Result<()> {
        let a = RunResult::read(&self.a.file)?;
        let b = RunResult::read(&self.b.file)?;
        for (target, other) in self.pairs(&a, &b).map_err(io::Error::other)? {
            print!("{}", text(&a, &target, &b, &other));
        }
        Ok(())
    }

    /// Named targets with each other; without names, those that both have.
    fn pairs(&self, a: &RunResult, b: &RunResult) -> Result<Vec<(String, String)>, String> {
        let names =
            |result: &RunResult| -> Vec<String> { result.targets.iter().map(|target| target.name.clone()).collect() };
        let choose = |subject: &Subject, result: &RunResult| match &subject.target {
            Some(target) if names(result).contains(target) => Ok(vec![target.clone()]),
            Some(target) => Err(format!(
                "{} has no target {target:?}; it has {}",
                subject.file.display(),
                names(result).join(", ")
            )),
            None => Ok(names(result)),
        };
        let (of_a, of_b) = (choose(&self.a, a)?, choose(&self.b, b)?);
        let pairs: Vec<(String, String)> = match (&of_a[..], &of_b[..]) {
            ([one], [other]) => vec![(one.clone(), other.clone())],
            _ => of_a
                .iter()
                .filter(|name| of_b.contains(name))
                .map(|name| (name.clone(), name.clone()))
                .collect(),
        };
        if pairs.is_empty() {
            return Err(format!(
                "nothing in common: there is {} and {}; name two targets, as result.json:TARGET",
                of_a.join(", "),
                of_b.join(", ")
            ));
        }
        Ok(pairs)
    }
}

fn text(a: &RunResult, target: &str, b: &RunResult, other: &str) -> String {
    let mut out = format!("A: {target}, {}\nB: {other}, {}\n", a.title, b.title);
    if a.settings != b.settings {
        out += "The settings differ: what follows compares two different loads.\n";
    }
    out += &format!(
        "{:<24}{:>10}{:>12}{:>12}{:>8}  {:<17} {}\n",
        "medians over rounds", "", "A", "B", "B / A", "rounds", ""
    );
    for metric in METRICS {
        let (values, others) = (metric.values(a, target), metric.values(b, other));
        let (Some(one), Some(two)) = (Spread::of(&values), Spread::of(&others)) else {
            continue;
        };
        let Some(ratio) = Spread::of_ratio(&others, &values) else {
            continue;
        };
        let is_clear = ratio.low > 1.0 || ratio.high < 1.0;
        let verdict = match (is_clear, (ratio.median < 1.0) == metric.is_less_better) {
            (false, _) => "",
            (true, true) => "better",
            (true, false) => "worse",
        };
        let rounds = format!("{} – {}", number(ratio.low), number(ratio.high));
        writeln!(
            out,
            "{:<24}{:>10}{:>12}{:>12}{:>8}  {rounds:<17} {verdict}",
            metric.title,
            metric.unit,
            number(one.median),
            number(two.median),
            number(ratio.median),
        )
        .expect("writing to a string");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::sample;

    #[test]
    fn golden() {
        let result = sample();
        let text = text(&result, "slow", &result, "fast");
        let lines: Vec<String> = text
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        assert_eq!(lines[0], "A: slow, sample");
        assert_eq!(lines[2], "medians over rounds A B B / A rounds");
        assert_eq!(lines[3], "produce p50 ms 2.00 1.00 0.500 0.500 – 0.500 better");
        assert!(
            lines.contains(&"produced records/s 1000 1000 1.00 1.00 – 1.00".to_owned()),
            "{text}"
        );
        assert!(
            lines.contains(&"server CPU per record µs 100 50.0 0.500 0.500 – 0.500 better".to_owned()),
            "{text}"
        );
    }

    #[test]
    fn targets_are_paired_or_the_choice_is_named() {
        let result = sample();
        let pairs = |a: &str, b: &str| {
            let compare = Compare {
                a: a.parse().unwrap(),
                b: b.parse().unwrap(),
            };
            compare.pairs(&result, &result)
        };
        let of = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(
            pairs("r.json", "r.json").unwrap(),
            [of("slow", "slow"), of("fast", "fast")]
        );
        assert_eq!(pairs("r.json:slow", "r.json:fast").unwrap(), [of("slow", "fast")]);
        let error = pairs("r.json:other", "r.json").unwrap_err();
        assert!(error.contains("slow, fast"), "{error}");
    }
}
