//! Runs the scripts beside: stories of bugs that others had, and of those that the walks found.

use std::{fs, path::PathBuf};

use super::{script::Script, *};

const DIVIDER: &str = "----";

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/partition/replica/tests/scripts")
}

/// (name, text) of every script.
fn stories() -> Vec<(String, String)> {
    let entries = fs::read_dir(folder()).expect("the scripts are beside this file");
    let mut stories: Vec<(String, String)> = entries
        .map(|entry| entry.expect("readable").path())
        .map(|path| {
            let name = path.file_name().expect("a file").to_string_lossy().into_owned();
            (name, fs::read_to_string(path).expect("text"))
        })
        .collect();
    stories.sort();
    stories
}

/// The text with every block's result as it is now.
fn play(text: &str, script: &mut Script) -> String {
    let mut played = String::new();
    let mut results = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        played.push_str(line);
        played.push('\n');
        if line == DIVIDER {
            played.push_str(&std::mem::take(&mut results));
            played.push('\n');
            // What was expected ends with an empty line.
            let _ = lines.by_ref().take_while(|line| !line.is_empty()).count();
        } else if !line.is_empty() && !line.starts_with('#') && !line.starts_with("kills:") {
            results.push_str(&script.run(line));
        }
    }
    let end = played.trim_end().len();
    played.truncate(end);
    played.push('\n');
    played
}

#[test]
fn every_story_goes_as_written() {
    let mut marks = Marks::default();
    for (name, text) in stories() {
        let mut script = Script::new(Rules::production());
        let played = play(&text, &mut script);
        marks.join(script.marks());
        if std::env::var_os("UPDATE").is_some() {
            fs::write(folder().join(&name), &played).expect("writable");
        } else {
            assert!(
                played == text,
                "{name} went otherwise (UPDATE=1 writes it down):\n{played}"
            );
        }
        assert_eq!(script.failure(), None, "{name}");
    }
    // What the walks do not meet.
    for mark in [Mark::AckOfOtherStorage, Mark::RecoveredProposed, Mark::StartedOver] {
        assert!(marks.contains(mark), "no story passed {mark:?}");
    }
}

/// The rare races: a story without its rule must end in harm, or it does not show what it says.
#[test]
fn stories_need_their_rules() {
    let mut killed = 0;
    let mut survivors = Vec::new();
    for (name, text) in stories() {
        let rules = text.lines().filter_map(|line| line.strip_prefix("kills:"));
        for rule in rules.flat_map(str::split_whitespace) {
            let mut script = Script::new(Rules::without(rule).expect("a rule's name"));
            let played = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| play(&text, &mut script)));
            killed += 1;
            if let (Ok(played), None) = (played, script.failure()) {
                survivors.push(format!("{name} ends well without {rule}:\n{played}"));
            }
        }
    }
    assert!(survivors.is_empty(), "{}", survivors.join("\n"));
    assert!(killed >= 10, "{killed}");
}
