//! The log of a broker, on standard error: a line an event, whatever the event speaks of.
//!
//! Client ids, topics and groups come from the wire. A control character in one of them could end a line and forge the
//! next one, or tell a terminal what to do; so none leaves here as it is.

use std::{
    fmt::{self, Write},
    io::IsTerminal,
};

use tracing::field::Field;
use tracing_subscriber::{
    EnvFilter,
    field::MakeExt,
    fmt::format::{Writer, debug_fn},
};

use crate::runtime;

/// To be called once, before the first event.
pub fn init(json: bool) {
    runtime::say_panics();
    let filter = EnvFilter::try_from_env("CORELANE_LOG").unwrap_or_else(|_| "info".into());
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| runtime::Stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false);
    if json {
        // JSON has escapes of its own.
        builder.json().init();
    } else {
        builder.fmt_fields(debug_fn(write_field).delimited(" ")).init();
    }
}

/// `name=value`, and for the message its text alone.
fn write_field(writer: &mut Writer<'_>, field: &Field, value: &dyn fmt::Debug) -> fmt::Result {
    if field.name() != "message" {
        write!(writer, "{}=", field.name())?;
    }
    write!(Printable(writer), "{value:?}")
}

/// Passes text on with its control characters escaped.
struct Printable<'a, W>(&'a mut W);

impl<W: Write> Write for Printable<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for part in text.split_inclusive(is_unprintable) {
            match part.char_indices().next_back() {
                Some((at, last)) if is_unprintable(last) => {
                    self.0.write_str(&part[..at])?;
                    write!(self.0, "{}", last.escape_default())?;
                }
                _ => self.0.write_str(part)?,
            }
        }
        Ok(())
    }
}

/// Control characters, and what ends a line or turns the direction of text for some readers.
fn is_unprintable(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use super::*;

    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Goal: nothing that a client sends can end a line, begin another, or move a terminal's cursor, however it is logged.
    #[test]
    fn text_from_the_wire_stays_in_its_line() {
        let memory = Memory::default();
        let sink = memory.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(move || sink.clone())
            .with_ansi(false)
            .fmt_fields(debug_fn(write_field).delimited(" "))
            .finish();
        let hostile = "a\nERROR forged\r\u{1b}[2J\u{9b}31m\u{2028}\u{202e}ü\t";
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(client_id = hostile, shown = %hostile, debug = ?hostile, count = 3, "topic {hostile} refused");
        });
        let text = String::from_utf8(memory.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.matches('\n').count(), 1, "{text}");
        let line = text.trim_end_matches('\n');
        assert!(!line.contains(is_unprintable), "{line:?}");
        assert!(
            line.contains(r"shown=a\nERROR forged\r\u{1b}[2J") && line.contains("count=3"),
            "{line}"
        );
        assert!(line.contains('ü'), "{line}");
    }
}
