//! The text that Prometheus reads (exposition format 0.0.4): the table's families in order, each series a line.
//!
//! A family has so many lines and no more ([`METRIC_LINES_MAX`](crate::limits::METRIC_LINES_MAX)); what did not fit is counted in a
//! family of its own, the table's last.

use std::fmt::{Display, Write};

use super::{
    Latency, NodeSnapshot,
    latency::BOUNDS_MICROS,
    table::{FAMILIES, Family, Kind, LEFT_OUT},
};
use crate::limits::METRIC_LINES_MAX;

/// The whole page.
pub fn text(node: &NodeSnapshot) -> String {
    let mut text = String::with_capacity(64 * 1024);
    let mut left_out = Vec::new();
    for family in FAMILIES {
        let mut series = Series::begin(&mut text, family);
        (family.read)(node, &mut series);
        left_out.push((family.name, series.left_out));
    }
    let mut series = Series::begin(&mut text, &LEFT_OUT);
    for (name, count) in left_out.into_iter().filter(|(_, count)| *count > 0) {
        series.add(&[&name], count);
    }
    // Also when it is nothing: a series that only comes with trouble cannot be watched.
    series.add(&[&"all"], left_out_of_groups(node));
    text
}

/// Groups and offsets that cores did not even name.
fn left_out_of_groups(node: &NodeSnapshot) -> u64 {
    let cores = node.cores.iter().flatten();
    let unnamed = cores.map(|core| {
        let groups = &core.groups;
        groups.count - groups.named.len() as u64 + groups.offsets_count - groups.offsets.len() as u64
    });
    unnamed.sum()
}

/// The lines of one family.
pub struct Series<'a> {
    text: &'a mut String,
    family: &'static Family,
    lines: usize,
    left_out: u64,
}

impl<'a> Series<'a> {
    fn begin(text: &'a mut String, family: &'static Family) -> Series<'a> {
        let Family { name, help, kind, .. } = family;
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {}", kind.name());
        Series {
            text,
            family,
            lines: 0,
            left_out: 0,
        }
    }

    /// One series: the values of the family's labels in their order, and its own.
    pub fn add(&mut self, labels: &[&dyn Display], value: impl Display) {
        if self.has_room(1) {
            self.line("", labels, None, value);
        }
    }

    /// One series of a histogram, in seconds.
    pub fn add_latency(&mut self, labels: &[&dyn Display], latency: &Latency) {
        debug_assert_eq!(self.family.kind, Kind::Histogram);
        if !self.has_room(BOUNDS_MICROS.len() + 3) {
            return;
        }
        for (bound, count) in BOUNDS_MICROS.iter().zip(latency.cumulative()) {
            let seconds = *bound as f64 / 1e6;
            self.line("_bucket", labels, Some(("le", &seconds)), count);
        }
        self.line("_bucket", labels, Some(("le", &"+Inf")), latency.count());
        self.line("_sum", labels, None, latency.sum().as_secs_f64());
        self.line("_count", labels, None, latency.count());
    }

    fn has_room(&mut self, lines: usize) -> bool {
        if self.lines + lines > METRIC_LINES_MAX {
            self.left_out += 1;
            return false;
        }
        self.lines += lines;
        true
    }

    fn line(&mut self, suffix: &str, labels: &[&dyn Display], more: Option<(&str, &dyn Display)>, value: impl Display) {
        assert_eq!(labels.len(), self.family.labels.len(), "{}", self.family.name);
        let _ = write!(self.text, "{}{suffix}", self.family.name);
        let named = self.family.labels.iter().copied().zip(labels.iter().copied());
        for (index, (name, value)) in named.chain(more).enumerate() {
            self.text.push(if index == 0 { '{' } else { ',' });
            let _ = write!(self.text, "{name}=\"");
            let _ = write!(Escaped(self.text), "{value}");
            self.text.push('"');
        }
        if !labels.is_empty() || more.is_some() {
            self.text.push('}');
        }
        let _ = writeln!(self.text, " {value}");
    }
}

/// Passes a label's value on as the format wants it; names of topics and groups come from clients.
struct Escaped<'a>(&'a mut String);

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        for char in text.chars() {
            match char {
                '\\' => self.0.push_str("\\\\"),
                '"' => self.0.push_str("\\\""),
                '\n' => self.0.push_str("\\n"),
                char => self.0.push(char),
            }
        }
        Ok(())
    }
}
