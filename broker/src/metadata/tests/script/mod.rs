//! Scripts of the controllers: `scripts/*.txt` hold commands (`> …`) and below each what follows. `UPDATE=1` rewrites them;
//! the diff is the review.
//!
//! A cluster of one root group and one shard group, with this node (1) as the leader of both. Entries are written as
//! `index: record` for root and `s index: record` for the shard. Ids are small numbers: the n-th topic has the id n, disk n
//! is storage id n. Time stands still but for `advance`.

mod parse;
mod show;
mod world;

use std::{fmt::Write, fs, path::Path};

use world::World;

#[test]
fn scripts_decide_as_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/metadata/tests/scripts");
    let mut paths: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    assert!(paths.len() >= 5, "scripts are missing in {folder:?}");
    for path in paths {
        let written = fs::read_to_string(&path).unwrap();
        let happened = run(&written);
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&path, happened).unwrap();
        } else if happened != written {
            let differs = happened.lines().zip(written.lines()).position(|(a, b)| a != b);
            let line = differs.unwrap_or(happened.lines().count().min(written.lines().count()));
            panic!(
                "{path:?} line {}: expected {:?}, happened {:?} (UPDATE=1 rewrites)",
                line + 1,
                written.lines().nth(line),
                happened.lines().nth(line)
            );
        }
    }
}

fn run(written: &str) -> String {
    let mut world = World::new();
    let mut out = String::new();
    let mut after_command = false;
    for line in written.lines() {
        if let Some(command) = line.strip_prefix("> ") {
            writeln!(out, "{line}").unwrap();
            out.push_str(&world.command(command));
            after_command = true;
        } else if line.is_empty() || line.starts_with('#') {
            writeln!(out, "{line}").unwrap();
            after_command = false;
        } else {
            assert!(after_command, "a line that belongs to no command: {line}");
        }
    }
    out
}
