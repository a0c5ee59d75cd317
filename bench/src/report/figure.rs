//! Figures as inline SVG, drawn here: curves over two axes, and bars. Colours are classes, so that the page's style
//! decides.

use std::fmt::Write;

use super::axis::Axis;
use crate::spread::number;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 320.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 46.0;
/// Colours that the page's style has.
pub const COLOURS: usize = 8;

pub struct Curve {
    pub name: String,
    pub colour: usize,
    /// A curve of less weight: one of several rounds, or the harness's own.
    pub is_thin: bool,
    pub points: Vec<(f64, f64)>,
}

pub struct Curves {
    pub title: String,
    pub x: Axis,
    pub y: Axis,
    pub x_title: &'static str,
    pub y_title: &'static str,
    /// What stands at a place of the x axis instead of a number.
    pub x_ticks: Vec<(f64, String)>,
    pub curves: Vec<Curve>,
}

impl Curves {
    pub fn svg(&self) -> String {
        let mut out = begin(&self.title, HEIGHT);
        for tick in self.y.ticks() {
            let y = self.y_at(tick);
            line(&mut out, "grid", (LEFT, y), (WIDTH - RIGHT, y));
            label(&mut out, "y", LEFT - 6.0, y + 4.0, &number(tick));
        }
        for (value, words) in &self.x_ticks {
            let x = self.x_at(*value);
            line(&mut out, "grid", (x, TOP), (x, HEIGHT - BOTTOM));
            label(&mut out, "x", x, HEIGHT - BOTTOM + 16.0, words);
        }
        label(&mut out, "x", (LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 8.0, self.x_title);
        writeln!(
            out,
            "<text class=\"x\" transform=\"translate(14 {:.0}) rotate(-90)\">{}</text>",
            (TOP + HEIGHT - BOTTOM) / 2.0,
            escape(self.y_title)
        )
        .expect("writing to a string");
        for curve in &self.curves {
            let weight = if curve.is_thin { " thin" } else { "" };
            write!(out, "<polyline class=\"c{}{weight}\" points=\"", curve.colour % COLOURS)
                .expect("writing to a string");
            for (x, y) in &curve.points {
                write!(out, "{:.1},{:.1} ", self.x_at(*x), self.y_at(*y)).expect("writing to a string");
            }
            writeln!(out, "\"><title>{}</title></polyline>", escape(&curve.name)).expect("writing to a string");
        }
        let named = self.curves.iter().map(|curve| (curve.name.as_str(), curve.colour));
        end(out, named)
    }

    fn x_at(&self, value: f64) -> f64 {
        LEFT + self.x.place(value) * (WIDTH - LEFT - RIGHT)
    }

    fn y_at(&self, value: f64) -> f64 {
        HEIGHT - BOTTOM - self.y.place(value) * (HEIGHT - TOP - BOTTOM)
    }
}

pub struct Bar {
    pub name: String,
    pub colour: usize,
    pub value: f64,
    pub low: f64,
    pub high: f64,
}

/// Lying bars, each with its spread as a whisker.
pub fn bars(title: &str, unit: &str, bars: &[Bar]) -> String {
    const ROW: f64 = 30.0;
    const NAME: f64 = 150.0;
    let height = TOP + ROW * bars.len() as f64 + 8.0;
    let axis = Axis::of(super::axis::Kind::Linear, bars.iter().map(|bar| bar.high));
    let at = |value: f64| NAME + axis.place(value) * (WIDTH - NAME - 130.0);
    let mut out = begin(title, height);
    for (index, bar) in bars.iter().enumerate() {
        let y = TOP + ROW * index as f64;
        label(&mut out, "y", NAME - 8.0, y + 16.0, &bar.name);
        writeln!(
            out,
            "<rect class=\"c{}\" x=\"{NAME}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"22\"/>",
            bar.colour % COLOURS,
            at(bar.value) - NAME
        )
        .expect("writing to a string");
        line(&mut out, "whisker", (at(bar.low), y + 11.0), (at(bar.high), y + 11.0));
        label(
            &mut out,
            "v",
            at(bar.high) + 8.0,
            y + 16.0,
            &format!("{} {unit}", number(bar.value)),
        );
    }
    out += "</svg>\n</figure>\n";
    out
}

pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

fn begin(title: &str, height: f64) -> String {
    let title = escape(title);
    format!(
        "<figure>\n<figcaption>{title}</figcaption>\n<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{title}\">\n"
    )
}

/// Closes the figure with a legend: each name once.
fn end<'a>(mut out: String, names: impl Iterator<Item = (&'a str, usize)>) -> String {
    out += "</svg>\n<p class=\"legend\">";
    let mut seen = Vec::new();
    for (name, colour) in names {
        if !seen.contains(&name) {
            seen.push(name);
            write!(out, "<span class=\"k{}\">{}</span> ", colour % COLOURS, escape(name)).expect("writing to a string");
        }
    }
    out += "</p>\n</figure>\n";
    out
}

fn line(out: &mut String, class: &str, from: (f64, f64), to: (f64, f64)) {
    let ((x1, y1), (x2, y2)) = (from, to);
    writeln!(
        out,
        "<line class=\"{class}\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>"
    )
    .expect("writing to a string");
}

fn label(out: &mut String, class: &str, x: f64, y: f64, text: &str) {
    writeln!(
        out,
        "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{}</text>",
        escape(text)
    )
    .expect("writing to a string");
}
