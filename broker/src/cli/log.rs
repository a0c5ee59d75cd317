//! The log of a broker, on standard error: a line an event, whatever the event speaks of.
//!
//! Client ids, topics and groups come from the wire. A control character in one of them could end a line and forge the
//! next one, or tell a terminal what to do; so none leaves here as it is.

use std::{
    fmt::{self, Write},
    io::IsTerminal,
};

use tracing::{field::Field, level_filters::LevelFilter};
use tracing_subscriber::{
    EnvFilter, Layer,
    field::MakeExt,
    fmt::format::{Writer, debug_fn},
    layer::SubscriberExt,
    reload,
    util::SubscriberInitExt,
};

use crate::{
    loggers::{self, Level, Levels},
    runtime,
};

/// To be called once, before the first event.
pub fn init(json: bool) {
    runtime::say_panics();
    let said = std::env::var("CORELANE_LOG").unwrap_or_default();
    let (at_start, filter) = match said.parse::<EnvFilter>() {
        Ok(filter) if !said.is_empty() => (said, filter),
        _ => ("info".to_owned(), EnvFilter::new("info")),
    };
    let (filter, handle) = reload::Layer::new(filter);
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(|| runtime::Stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false);
    let lines = if json {
        // JSON has escapes of its own.
        lines.json().boxed()
    } else {
        lines.fmt_fields(debug_fn(write_field).delimited(" ")).boxed()
    };
    tracing_subscriber::registry().with(filter).with(lines).init();
    loggers::install(levels_at_start(&at_start), move |levels| {
        let _ = handle.reload(EnvFilter::new(levels.directives()));
    });
}

/// What `CORELANE_LOG` says of each logger; of one named twice the last word counts. Words of spans and fields count, but are no
/// logger's.
fn levels_at_start(said: &str) -> Levels {
    Levels::new(said, |name| {
        let words = said.split(',').map(str::trim).filter(|word| !word.is_empty());
        let of_name = words.filter_map(|word| match word.split_once('=') {
            Some((target, filter)) => (target == name).then_some(filter),
            None => (name == loggers::ROOT).then_some(word),
        });
        let mut filters = of_name.filter_map(|filter| filter.parse::<LevelFilter>().ok());
        filters.next_back().map(level)
    })
}

fn level(filter: LevelFilter) -> Level {
    match filter {
        LevelFilter::TRACE => Level::Trace,
        LevelFilter::DEBUG => Level::Debug,
        LevelFilter::INFO => Level::Info,
        LevelFilter::WARN => Level::Warn,
        LevelFilter::ERROR => Level::Error,
        _ => Level::Fatal,
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

    /// Goal: loggers begin with what `CORELANE_LOG` says of them.
    #[test]
    fn levels_are_those_of_the_environment() {
        let shown = |said: &str| -> Vec<&str> {
            let levels = levels_at_start(said);
            let wanted = ["corelane_broker::api", "corelane_broker::net", loggers::ROOT];
            let all = levels.in_force().filter(|(name, _)| wanted.contains(name));
            all.map(|(_, level)| level.word()).collect()
        };
        assert_eq!(shown("info"), ["INFO", "INFO", "INFO"]);
        assert_eq!(
            shown("warn,corelane_broker::net=debug, error"),
            ["ERROR", "DEBUG", "ERROR"]
        );
        assert_eq!(
            shown("corelane_broker::net=off,x[span{field=1}]=debug"),
            ["FATAL", "FATAL", "FATAL"]
        );
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
