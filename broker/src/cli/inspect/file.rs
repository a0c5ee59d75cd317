//! A file of a data directory, opened to be read only.

use std::{fs::File, io, ops::ControlFlow, os::unix::fs::FileExt, path::Path};

use clap::ValueEnum;
use corelane_storage::inspect::{self, Detail, FileKind, Item, Sink, Source, Value};

use crate::metadata::snapshot::{Reader, Snapshot};

/// What a broker's files are: storage's, and the snapshots of metadata that it keeps for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Storage(FileKind),
    MetadataSnapshot,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Kind::Storage(kind) => kind.name(),
            Kind::MetadataSnapshot => "metadata-snapshot",
        }
    }

    /// What its name says.
    pub fn of(path: &Path) -> Option<Kind> {
        let name = path.file_name()?.to_str()?;
        if name.ends_with(".checkpoint") {
            return Some(Kind::MetadataSnapshot);
        }
        FileKind::of_name(name).map(Kind::Storage)
    }
}

impl ValueEnum for Kind {
    fn value_variants<'a>() -> &'a [Kind] {
        const ALL: [Kind; FileKind::ALL.len() + 1] = {
            let mut all = [Kind::MetadataSnapshot; FileKind::ALL.len() + 1];
            let mut index = 0;
            while index < FileKind::ALL.len() {
                all[index] = Kind::Storage(FileKind::ALL[index]);
                index += 1;
            }
            all
        };
        &ALL
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(clap::builder::PossibleValue::new(self.name()))
    }
}

pub struct Opened {
    file: File,
    /// As it was opened: what a broker adds meanwhile is not looked at.
    bytes: u64,
    base_offset: Option<i64>,
}

impl Opened {
    pub fn open(path: &Path) -> io::Result<Opened> {
        let file = File::open(path)?;
        let bytes = file.metadata()?.len();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let base_offset = name.split('.').next().and_then(|offset| offset.parse().ok());
        Ok(Opened {
            file,
            bytes,
            base_offset,
        })
    }

    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    pub fn inspect(&self, kind: Kind, detail: Detail, out: Sink<'_>) -> ControlFlow<()> {
        match kind {
            Kind::Storage(kind) => inspect::inspect(kind, self, self.base_offset, detail, out),
            Kind::MetadataSnapshot => metadata_snapshot(self, out),
        }
    }
}

impl Source for Opened {
    fn bytes(&self) -> u64 {
        self.bytes
    }

    fn read(&self, at: u64, into: &mut [u8]) -> Result<(), String> {
        self.file.read_exact_at(into, at).map_err(|error| error.to_string())
    }
}

/// Read as a start reads it: its frames make an image, or say where they do not.
fn metadata_snapshot(source: &dyn Source, out: Sink<'_>) -> ControlFlow<()> {
    const PIECE_BYTES: u64 = 64 << 10;
    let mut item = Item {
        at: 0,
        bytes: source.bytes(),
        depth: 0,
        what: "metadata",
        says: Vec::new(),
        wrong: None,
    };
    let mut reader = Reader::new();
    let mut at = 0;
    while at < source.bytes() {
        let mut piece = vec![0; PIECE_BYTES.min(source.bytes() - at) as usize];
        let fed = source
            .read(at, &mut piece)
            .and_then(|()| reader.feed(&piece).map_err(|error| error.to_string()));
        if let Err(why) = fed {
            item.at = at;
            item.wrong = Some(format!("{why}, in the {} bytes from here", piece.len()));
            return out(item);
        }
        at += piece.len() as u64;
    }
    match reader.finish() {
        Ok(snapshot) => {
            let (end, term) = match &snapshot {
                Snapshot::Root(image) => (image.applied_end, image.applied_term),
                Snapshot::Shard(_, image) => (image.applied_end, image.applied_term),
            };
            item.says = vec![
                ("group", Value::Count(snapshot.group().into())),
                ("applied_end", Value::Count(end)),
                ("applied_term", Value::Count(term.into())),
            ];
        }
        Err(error) => item.wrong = Some(error.to_string()),
    }
    out(item)
}
