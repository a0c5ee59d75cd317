//! Stories in text: a command, and below it, indented, what happens then. `UPDATE=1` writes what happens, and the
//! difference is for a reader to judge. In the lines, `>` leaves at once and `>>` when the step's writes are durable.
//!
//! | command | |
//! |---|---|
//! | `bytes n`, `priority n` | limit of an append, preferred voter; before `cluster` |
//! | `cluster a b c [+ d e]` | these vote from the start, those after `+` join later |
//! | `log a 1 1 2` | a's log before it starts: the founders, then entries of these terms |
//! | `vote a 2 b` | a's term and vote before it starts |
//! | `start a ..`, `crash a [n]`, `wipe a`, `forget a` | of a crash's writes under way the first n survive; `forget` loses the log alone |
//! | `timeout a` | until a's election timeout, and a tick |
//! | `wait ms`, `tick a ..` | time passes for all; a tick |
//! | `persist a [n]` | all of a's writes, or the first n, become durable |
//! | `deliver a b [n]`, `again a b` | all packets from a to b, or the first n; the last delivered packet once more |
//! | `lose a b [n]`, `late a b`, `arrive a b [n]` | packets get lost; are set aside; those set aside are delivered |
//! | `cut a b`, `join` | packets from a to b get lost from now on; all links work again |
//! | `settle` | writes and packets until nothing is left, then the states |
//! | `run ms` | time passes with ticks, writes and packets, then the states |
//! | `propose a x`, `read a 7`, `learners a d ..`, `add a d`, `remove a b`, `transfer a [b]`, `resign a`, `snapshot a [start]` | asked of a |
//! | `state [a ..]`, `peers a` | the states; what a, which leads, knows of the others |

pub(crate) mod show;

mod runner;

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
};

use self::runner::Runner;
use super::cluster::Faults;
use crate::Rules;

/// Begins each line of what happened.
const HAPPENED: &str = "    ";

/// Runs a script's commands; gives the script with what happened.
pub(crate) fn run(text: &str, rules: Rules, faults: Faults) -> String {
    let mut runner = Runner::new(rules, faults);
    let mut written = String::new();
    for line in text.lines().filter(|line| !line.starts_with(HAPPENED)) {
        written.push_str(line);
        written.push('\n');
        if !line.is_empty() && !line.starts_with('#') {
            for happened in runner.command(line) {
                written.push_str(HAPPENED);
                written.push_str(&happened);
                written.push('\n');
            }
        }
    }
    written
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/tests/scripts")
}

pub(crate) fn load(name: &str) -> String {
    let path = folder().join(format!("{name}.txt"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Goal: every story goes as it is written.
#[test]
fn scripts_go_as_written() {
    let mut names: Vec<_> = fs::read_dir(folder())
        .expect("scripts")
        .map(|file| file.expect("a file").path())
        .collect();
    names.sort();
    let mut other = Vec::new();
    for path in &names {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let text = load(&name);
        let run = catch_unwind(AssertUnwindSafe(|| run(&text, Rules::production(), Faults::default())));
        let Ok(happened) = run else {
            other.push(format!("{name} breaks an invariant, see above"));
            continue;
        };
        if std::env::var_os("UPDATE").is_some() {
            fs::write(path, &happened).expect("the script is written");
        } else if happened != text {
            let differs = |(is, was): &(&str, &str)| is != was;
            let line = happened.lines().zip(text.lines()).position(|pair| differs(&pair));
            let line = line.unwrap_or(happened.lines().count().min(text.lines().count()));
            let show = |text: &str| text.lines().nth(line).unwrap_or("the end").to_string();
            other.push(format!(
                "{name}, line {}\n  is  {}\n  was {}",
                line + 1,
                show(&happened),
                show(&text)
            ));
        }
    }
    assert!(names.len() >= 15, "the scripts are not where they are looked for");
    assert!(
        other.is_empty(),
        "UPDATE=1 rewrites what these expect:\n{}",
        other.join("\n")
    );
}
