//! `corelane inspect`: what lies in files of a data directory, item by item, damaged ones too.
//!
//! Opens files to read them and in no other way, so it may look beside a running broker. The newest frame may then be shown as half
//! written, since it is; what is wrong for good is still wrong a second later.

mod file;

use std::{
    fs, io,
    io::Write,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};
use corelane_storage::inspect::{Detail, Item, Value};
use serde_json::{Map, json};

use super::{
    client::ClientError,
    output::{Progress, Table},
};
use file::{Kind, Opened};

/// Show what lies in files of a data directory, also in damaged ones.
///
/// Of a file: each frame, batch, log or entry on a line, with the byte where it begins, and what is wrong with it. Of a directory:
/// each file below it on a line, with the first thing that is wrong. Nothing is ever written, and a broker may run meanwhile; its
/// newest frame may then be shown as half written.
///
/// Ends with 1 if anything is wrong. With --json, items of files are one object a line.
#[derive(Args, Clone, Debug)]
pub struct Inspect {
    /// Files, or directories such as the whole data directory.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Of files also what is in frames, batches and logs.
    #[arg(long)]
    full: bool,

    /// What the files are, where their names do not say it.
    #[arg(long = "as", value_enum, value_name = "KIND")]
    kind: Option<Kind>,
}

impl Inspect {
    pub fn run(&self, json: bool) -> Result<(), ClientError> {
        let mut wrong = 0;
        for path in &self.paths {
            let metadata = fs::metadata(path).map_err(|error| failed(path, &error))?;
            wrong += if metadata.is_dir() {
                summary(path, json)?
            } else {
                self.items(path, json)?
            };
        }
        match wrong {
            0 => Ok(()),
            1 => Err(ClientError::Usage("one thing is wrong".to_owned())),
            many => Err(ClientError::Usage(format!("{many} things are wrong"))),
        }
    }

    /// Every item of one file; how many of them are wrong.
    fn items(&self, path: &Path, json: bool) -> Result<u64, ClientError> {
        let kind = self.kind.or_else(|| Kind::of(path)).ok_or_else(|| {
            let kinds: Vec<String> = Kind::value_variants()
                .iter()
                .map(|kind| kind.name().to_owned())
                .collect();
            ClientError::Usage(format!(
                "{}: its name does not say what it is; say --as with one of {}",
                path.display(),
                kinds.join(", ")
            ))
        })?;
        let opened = Opened::open(path).map_err(|error| failed(path, &error))?;
        let detail = if self.full { Detail::Full } else { Detail::Outline };
        let mut out = io::BufWriter::new(io::stdout().lock());
        if !json {
            writeln!(out, "{} ({}, {} bytes)", path.display(), kind.name(), opened.bytes())?;
        }
        let mut wrong = 0;
        let mut failure = None;
        let _ = opened.inspect(kind, detail, &mut |item| {
            wrong += u64::from(item.wrong.is_some());
            let written = match json {
                true => writeln!(out, "{}", object(path, kind, &item)),
                false => writeln!(out, "{item}"),
            };
            match written {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    failure = Some(error);
                    ControlFlow::Break(())
                }
            }
        });
        match failure {
            Some(error) => Err(error.into()),
            None => Ok(out.flush().map(|()| wrong)?),
        }
    }
}

/// A line for each file below a directory; how many things are wrong in all of them.
fn summary(directory: &Path, json: bool) -> Result<u64, ClientError> {
    let mut files = Vec::new();
    find(directory, &mut files).map_err(|error| failed(directory, &error))?;
    files.sort();
    let mut table = Table::new(&["file", "kind", "bytes", "items", "wrong", "first"]);
    let mut progress = Progress::start();
    let mut all_wrong = 0;
    for (index, path) in files.iter().enumerate() {
        progress.tick(|| format!("{index} of {} files", files.len()));
        let Some(kind) = Kind::of(path) else { continue };
        // A file that a broker removed meanwhile is no news.
        let Ok(opened) = Opened::open(path) else { continue };
        let (mut items, mut wrong, mut first) = (0_u64, 0_u64, None);
        let _ = opened.inspect(kind, Detail::Outline, &mut |item| {
            items += 1;
            if let Some(why) = item.wrong {
                wrong += 1;
                first.get_or_insert_with(|| format!("at {}: {why}", item.at));
            }
            ControlFlow::Continue(())
        });
        all_wrong += wrong;
        let shown = path.strip_prefix(directory).unwrap_or(path).display().to_string();
        let row = [
            json!(shown),
            json!(kind.name()),
            json!(opened.bytes()),
            json!(items),
            json!(wrong),
            json!(first),
        ];
        table.row(row);
    }
    progress.end();
    table.print(json)?;
    Ok(all_wrong)
}

fn find(directory: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        // A link leads elsewhere, or round and round.
        let kind = entry.file_type()?;
        if kind.is_dir() {
            match find(&entry.path(), files) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                found => found?,
            }
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
    Ok(())
}

fn object(path: &Path, kind: Kind, item: &Item) -> serde_json::Value {
    let says: Map<String, serde_json::Value> = item
        .says
        .iter()
        .map(|(name, value)| {
            let value = match value {
                Value::Number(number) => json!(number),
                Value::Count(count) => json!(count),
                Value::Flag(flag) => json!(flag),
                Value::Text(text) => json!(text),
                bits @ Value::Bits(_) => json!(bits.to_string()),
            };
            ((*name).to_owned(), value)
        })
        .collect();
    json!({
        "file": path.display().to_string(),
        "kind": kind.name(),
        "what": item.what,
        "at": item.at,
        "bytes": item.bytes,
        "depth": item.depth,
        "says": says,
        "wrong": item.wrong,
    })
}

fn failed(path: &Path, error: &io::Error) -> ClientError {
    ClientError::Usage(format!("{}: {error}", path.display()))
}
