//! Who is measured: `NAME=HOST:PORT`, with configs for its topics behind it:
//! `kafka-fsync=localhost:9092,flush.messages=1`. Who does not speak Kafka is a program that loads it, with that program's
//! options behind it: `nats=exec:./nats-load,url=nats://localhost:4222`. And `NAME=PID`, the process whose CPU and memory are
//! that target's, and `NAME=WORDS`, what stands beside its name.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Before the path of a program.
const PROGRAM: &str = "exec:";

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    pub name: String,
    pub address: String,
    pub topic_configs: Vec<(String, String)>,
    /// What a reader must know of it, such as when it acknowledges.
    #[serde(default)]
    pub note: String,
}

impl Target {
    /// The program that loads it, if it does not speak Kafka.
    pub fn program(&self) -> Option<&str> {
        self.address.strip_prefix(PROGRAM)
    }
}

impl FromStr for Target {
    type Err = String;

    fn from_str(words: &str) -> Result<Target, String> {
        let wrong = || format!("\"{words}\" is no target: write NAME=HOST:PORT, such as kafka=localhost:9092");
        let mut parts = words.split(',');
        let (name, address) = parts.next().and_then(|first| first.split_once('=')).ok_or_else(wrong)?;
        let is_name = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if name.is_empty() || !name.chars().all(is_name) {
            return Err(format!("{}; a name has letters, digits, '-', '_' and '.'", wrong()));
        }
        let (host, port) = address.rsplit_once(':').ok_or_else(wrong)?;
        let is_program = address.strip_prefix(PROGRAM).is_some_and(|path| !path.is_empty());
        if !is_program && (host.is_empty() || port.parse::<u16>().is_err()) {
            return Err(wrong());
        }
        let config = |part: &str| match part.split_once('=') {
            Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
            _ => Err(format!(
                "\"{part}\" is no topic config: write NAME=HOST:PORT,KEY=VALUE, such as kafka=localhost:9092,flush.messages=1"
            )),
        };
        Ok(Target {
            name: name.to_owned(),
            address: address.to_owned(),
            topic_configs: parts.map(config).collect::<Result<_, _>>()?,
            note: String::new(),
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteOf {
    pub target: String,
    pub words: String,
}

impl FromStr for NoteOf {
    type Err = String;

    fn from_str(words: &str) -> Result<NoteOf, String> {
        match words.split_once('=') {
            Some((target, note)) if !target.is_empty() => Ok(NoteOf {
                target: target.to_owned(),
                words: note.to_owned(),
            }),
            _ => Err(format!(
                "\"{words}\" is no note: write NAME=WORDS, where NAME is that of a --target"
            )),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessOf {
    pub target: String,
    pub pid: u32,
}

impl FromStr for ProcessOf {
    type Err = String;

    fn from_str(words: &str) -> Result<ProcessOf, String> {
        match words.split_once('=').map(|(target, pid)| (target, pid.parse())) {
            Some((target, Ok(pid))) if !target.is_empty() => Ok(ProcessOf {
                target: target.to_owned(),
                pid,
            }),
            _ => Err(format!(
                "\"{words}\" is no process: write NAME=PID, where NAME is that of a --target"
            )),
        }
    }
}
