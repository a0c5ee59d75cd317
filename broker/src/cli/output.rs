//! Answers: a table for people, the same rows as JSON for programs.

use super::client::ClientError;
use serde_json::{Map, Value};
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// Rows under column names. The names are keys in JSON, and in capitals heads of the columns for people.
#[derive(Debug)]
pub struct Table {
    columns: &'static [&'static str],
    rows: Vec<Vec<Value>>,
}

impl Table {
    pub fn new(columns: &'static [&'static str]) -> Table {
        Table {
            columns,
            rows: Vec::new(),
        }
    }

    /// Adds a row with one value for each column.
    pub fn row(&mut self, values: impl Into<Vec<Value>>) {
        let values = values.into();
        assert_eq!(values.len(), self.columns.len(), "a value for each column");
        self.rows.push(values);
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The rows as objects.
    pub fn json(&self) -> Value {
        let object = |row: &Vec<Value>| {
            let fields = self
                .columns
                .iter()
                .map(|name| (*name).to_owned())
                .zip(row.iter().cloned());
            Value::Object(fields.collect::<Map<_, _>>())
        };
        Value::Array(self.rows.iter().map(object).collect())
    }

    /// The rows in columns, numbers to the right.
    pub fn text(&self) -> String {
        let heads: Vec<String> = self
            .columns
            .iter()
            .map(|name| name.replace('_', "-").to_uppercase())
            .collect();
        let cells: Vec<Vec<String>> = self.rows.iter().map(|row| row.iter().map(cell).collect()).collect();
        let width = |column: usize| {
            let cells = cells.iter().map(|row| row[column].chars().count());
            cells.chain([heads[column].chars().count()]).max().unwrap_or_default()
        };
        let widths: Vec<usize> = (0..heads.len()).map(width).collect();
        let is_number = |column: usize| !self.rows.is_empty() && self.rows.iter().all(|row| row[column].is_number());
        let numbers: Vec<bool> = (0..heads.len()).map(is_number).collect();
        let mut text = String::new();
        for row in std::iter::once(&heads).chain(&cells) {
            let mut line = String::new();
            for (column, value) in row.iter().enumerate() {
                let width = widths[column];
                let padded = if numbers[column] {
                    format!("{value:>width$}")
                } else {
                    format!("{value:<width$}")
                };
                line.push_str(&padded);
                line.push_str("  ");
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }

    /// Prints it as the user asked for.
    pub fn print(&self, json: bool) -> Result<(), ClientError> {
        if json {
            print_json(&self.json())
        } else {
            print_text(&self.text())
        }
    }
}

/// A value as people read it: strings bare, nothing as a dash, lists with commas.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) if text.is_empty() => "-".to_owned(),
        Value::String(text) => text.replace(['\n', '\t'], " "),
        Value::Array(values) if values.is_empty() => "-".to_owned(),
        Value::Array(values) => values.iter().map(cell).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

/// One JSON value on lines of its own.
pub fn print_json(value: &Value) -> Result<(), ClientError> {
    print_text(&format!("{value:#}\n"))
}

/// Plain text as it is.
pub fn print_text(text: &str) -> Result<(), ClientError> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

/// What a command that did its work has to say beside it.
pub fn say_note(note: &str, json: bool) {
    match json {
        true => eprintln!("{}", serde_json::json!({ "note": note })),
        false => eprintln!("corelane: {note}"),
    }
}

/// Says on a terminal, about once a second, how far a long command has come.
#[derive(Debug)]
pub struct Progress {
    said: Instant,
    has_said: bool,
    is_watched: bool,
}

impl Progress {
    pub fn start() -> Progress {
        Progress {
            said: Instant::now(),
            has_said: false,
            is_watched: io::stderr().is_terminal(),
        }
    }

    pub fn tick(&mut self, say: impl FnOnce() -> String) {
        if self.is_watched && self.said.elapsed() >= Duration::from_secs(1) {
            eprint!("\r\x1b[K{}", say());
            self.said = Instant::now();
            self.has_said = true;
        }
    }

    /// Wipes the line.
    pub fn end(self) {
        if self.has_said {
            eprint!("\r\x1b[K");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Goal: people and programs get the same rows, each in the form that suits them.
    #[test]
    fn a_table_is_text_or_json() {
        let mut table = Table::new(&["topic", "partitions", "in_sync"]);
        table.row([json!("orders"), json!(12), json!([1, 2])]);
        table.row([json!("a"), json!(3), json!([])]);
        let text = "TOPIC   PARTITIONS  IN-SYNC\norders          12  1,2\na                3  -\n";
        assert_eq!(table.text(), text);
        assert_eq!(
            table.json()[0],
            json!({"topic": "orders", "partitions": 12, "in_sync": [1, 2]})
        );
    }
}
