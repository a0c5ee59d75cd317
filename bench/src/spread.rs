//! Medians with what they hide: the lowest and the highest of the rounds. And ratios of medians, likewise.

use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    pub median: f64,
    pub low: f64,
    pub high: f64,
}

impl Spread {
    /// `None` of nothing.
    pub fn of(values: &[f64]) -> Option<Spread> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        let median = match sorted.len() {
            0 => return None,
            odd if odd % 2 == 1 => sorted[middle],
            _ => (sorted[middle - 1] + sorted[middle]) / 2.0,
        };
        Some(Spread {
            median,
            low: sorted[0],
            high: sorted[sorted.len() - 1],
        })
    }

    /// The ratio of the medians; its spread is that of the ratios round by round, since rounds are neighbours in time
    /// and saw the same machine.
    pub fn of_ratio(values: &[f64], against: &[f64]) -> Option<Spread> {
        let median = Spread::of(values)?.median / Spread::of(against)?.median;
        let by_round: Vec<f64> = values.iter().zip(against).map(|(value, other)| value / other).collect();
        let spread = Spread::of(&by_round)?;
        median.is_finite().then_some(Spread {
            median,
            // With an even number of rounds the ratio of medians may lie outside of those of the rounds.
            low: spread.low.min(median),
            high: spread.high.max(median),
        })
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} ({} – {})",
            number(self.median),
            number(self.low),
            number(self.high)
        )
    }
}

/// Three significant digits, or all before the point.
pub fn number(value: f64) -> String {
    let digits = match value.abs() {
        size if size >= 100.0 || size == 0.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        size if size >= 0.1 => 3,
        _ => 4,
    };
    let plain = format!("{value:.digits$}");
    if value.abs() < 10_000.0 {
        return plain;
    }
    // Thousands apart.
    let mut grouped = String::new();
    for (index, digit) in plain.chars().enumerate() {
        if index > 0 && (plain.len() - index) % 3 == 0 && digit.is_ascii_digit() && !grouped.ends_with('-') {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_of_medians_and_spread_over_rounds() {
        let ratio = Spread::of_ratio(&[1.0, 2.0, 9.0], &[4.0, 4.0, 6.0]).unwrap();
        assert_eq!(
            ratio,
            Spread {
                median: 0.5,
                low: 0.25,
                high: 1.5
            }
        );
        assert_eq!(Spread::of_ratio(&[], &[1.0]), None);
        assert_eq!(Spread::of_ratio(&[1.0], &[0.0]), None);
        assert_eq!(Spread::of(&[4.0, 1.0]).unwrap().median, 2.5);
    }

    #[test]
    fn numbers_are_short() {
        let shown = [0.0, 0.01234, 0.4567, 1.234, 12.34, 123.4, 1234.5, 12345.6, 1_234_567.0].map(number);
        assert_eq!(
            shown,
            [
                "0",
                "0.0123",
                "0.457",
                "1.23",
                "12.3",
                "123",
                "1234",
                "12,346",
                "1,234,567"
            ]
        );
    }
}
