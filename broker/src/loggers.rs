//! Who writes to this broker's log, and from which level on (`kafka-configs --entity-type broker-loggers`).
//!
//! A logger is a part of the source, under its name there. One that was told nothing has the level of `root`. Levels are the
//! process's, as the log is, and last as long: a start begins with what `CORELANE_LOG` says, and what is altered later wins over it.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
};

/// The logger of all that were told nothing.
pub const ROOT: &str = "root";

/// In order, [`ROOT`] last.
pub const NAMES: &[&str] = &[
    "corelane_broker::api",
    "corelane_broker::cli",
    "corelane_broker::core",
    "corelane_broker::group",
    "corelane_broker::http",
    "corelane_broker::net",
    "corelane_broker::partition",
    "corelane_broker::runtime",
    "corelane_storage::store",
    ROOT,
];

/// Kafka's words (`LogLevelConfig`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
    /// What ends the process, which is said whatever the level is.
    Fatal,
}

impl Level {
    const ALL: [Level; 6] = [
        Level::Trace,
        Level::Debug,
        Level::Info,
        Level::Warn,
        Level::Error,
        Level::Fatal,
    ];

    pub fn word(self) -> &'static str {
        match self {
            Level::Trace => "TRACE",
            Level::Debug => "DEBUG",
            Level::Info => "INFO",
            Level::Warn => "WARN",
            Level::Error => "ERROR",
            Level::Fatal => "FATAL",
        }
    }

    /// In capitals only, as Kafka takes it.
    pub fn read(word: &str) -> Option<Level> {
        Level::ALL.into_iter().find(|level| level.word() == word)
    }

    /// As the filters of `CORELANE_LOG` say it.
    fn directive(self) -> &'static str {
        match self {
            Level::Fatal => "off",
            other => other.word(),
        }
    }
}

/// What loggers were told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Levels {
    /// The words of `CORELANE_LOG`.
    at_start: String,
    /// What these words say of those that they name.
    named: BTreeMap<&'static str, Level>,
    /// Since; None is as [`ROOT`].
    altered: BTreeMap<&'static str, Option<Level>>,
}

impl Levels {
    /// `level_at_start` gives what `at_start` says of a logger.
    pub fn new(at_start: &str, level_at_start: impl Fn(&str) -> Option<Level>) -> Levels {
        let named = NAMES.iter().filter_map(|name| Some((*name, level_at_start(name)?)));
        Levels {
            at_start: at_start.to_owned(),
            named: named.collect(),
            altered: BTreeMap::new(),
        }
    }

    fn own(&self, name: &str) -> Option<Level> {
        match self.altered.get(name) {
            Some(altered) => *altered,
            None => self.named.get(name).copied(),
        }
    }

    /// As filters have it, who is not named says nothing.
    fn root(&self) -> Level {
        self.own(ROOT).unwrap_or(Level::Fatal)
    }

    /// The level in force of each logger.
    pub fn in_force(&self) -> impl Iterator<Item = (&'static str, Level)> {
        NAMES.iter().map(|name| (*name, self.own(name).unwrap_or(self.root())))
    }

    /// None unsets it.
    pub fn set(&mut self, name: &'static str, level: Option<Level>) {
        self.altered.insert(name, level);
    }

    /// All of it as one filter: what is said later of the same name wins.
    pub fn directives(&self) -> String {
        let mut directives = vec![self.at_start.clone()];
        for (name, level) in &self.altered {
            let level = level.unwrap_or(self.root()).directive();
            directives.push(match *name {
                ROOT => level.to_owned(),
                name => format!("{name}={level}"),
            });
        }
        directives.join(",")
    }
}

/// The log of this process.
struct Log {
    levels: Mutex<Levels>,
    apply: Box<dyn Fn(&Levels) + Send + Sync>,
}

static LOG: OnceLock<Log> = OnceLock::new();

impl Log {
    fn levels(&self) -> MutexGuard<'_, Levels> {
        self.levels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes the levels alterable; `apply` makes them true. Once.
pub fn install(levels: Levels, apply: impl Fn(&Levels) + Send + Sync + 'static) {
    let log = Log {
        levels: Mutex::new(levels),
        apply: Box::new(apply),
    };
    assert!(LOG.set(log).is_ok(), "a process has one log");
}

/// What holds now; None where the log is not this process's own, as in a simulation.
pub fn levels() -> Option<Levels> {
    LOG.get().map(|log| log.levels().clone())
}

/// Takes changes over; others may be made at the same time.
pub fn alter(changes: &[(&'static str, Option<Level>)]) {
    let Some(log) = LOG.get() else { return };
    let mut levels = log.levels();
    for (name, level) in changes {
        levels.set(name, *level);
    }
    (log.apply)(&levels);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(levels: &Levels, name: &str) -> &'static str {
        let mut all = levels.in_force();
        all.find(|(logger, _)| *logger == name).expect("a logger").1.word()
    }

    /// Goal: a logger has its own level, or else root's, and the filter says the same.
    #[test]
    fn levels_are_inherited_from_root() {
        let at_start = |name: &str| match name {
            ROOT => Some(Level::Warn),
            "corelane_broker::net" => Some(Level::Trace),
            _ => None,
        };
        let mut levels = Levels::new("warn,corelane_broker::net=trace", at_start);
        let all: Vec<&str> = levels.in_force().map(|(name, _)| name).collect();
        assert_eq!(all, NAMES);
        assert_eq!(shown(&levels, "corelane_broker::net"), "TRACE");
        assert_eq!(shown(&levels, "corelane_broker::api"), "WARN");
        assert_eq!(levels.directives(), "warn,corelane_broker::net=trace");

        levels.set(ROOT, Some(Level::Error));
        levels.set("corelane_broker::api", Some(Level::Debug));
        levels.set("corelane_broker::net", None);
        assert_eq!(shown(&levels, "corelane_broker::net"), "ERROR");
        assert_eq!(shown(&levels, "corelane_broker::api"), "DEBUG");
        assert_eq!(shown(&levels, ROOT), "ERROR");
        assert_eq!(
            levels.directives(),
            "warn,corelane_broker::net=trace,corelane_broker::api=DEBUG,corelane_broker::net=ERROR,ERROR"
        );
        levels.set("corelane_broker::api", Some(Level::Fatal));
        assert!(levels.directives().contains("corelane_broker::api=off"));
        assert_eq!(Level::read("WARN"), Some(Level::Warn));
        assert_eq!((Level::read("warn"), Level::read("LOUD")), (None, None));
    }
}
