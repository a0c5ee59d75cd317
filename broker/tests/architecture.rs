//! Goal: what ARCHITECTURE.md promises about the source is true of the source.
//!
//! Crates know only whom they may know; `unsafe` lives in `broker/src/runtime`; nothing that a simulator must control
//! (clock, threads, files, sockets) is touched outside the runtime and the command line; no file grows into a story.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Who may depend on whom, for building and for testing alike.
const ARROWS: &[(&str, &[&str])] = &[
    ("protocol", &[]),
    ("raft", &[]),
    ("storage", &["protocol"]),
    ("broker", &["protocol", "raft", "storage"]),
    ("sim", &["protocol", "raft", "storage", "broker"]),
    ("bench", &["protocol"]),
    // A client under test, in a workspace of its own.
    ("rdkafka-client", &[]),
];

/// Where `unsafe` may be: the runtime's rings, and the ring of the load generator.
const UNSAFE: &[&str] = &["broker/src/runtime/", "bench/src/ring"];

/// The edges: everything else gets time, chance, files, sockets and threads through `World`.
const EDGES: &[&str] = &[
    "broker/src/runtime/",
    "broker/src/main.rs",
    "broker/src/cli/",
    "broker/src/http/",
    "broker/sim/src/cluster/command/",
    "broker/sim/src/cluster/gate.rs",
    "bench/",
];

/// What only the edges may name. `std::net` has plain types too, which anybody may use.
const EDGE_ONLY: &[&str] = &[
    "std::time::Instant",
    "std::time::SystemTime",
    "std::thread",
    "std::fs",
    "std::net",
    "std::env",
    "glommio",
];
const PLAIN_TYPES: &[&str] = &[
    "std::net::IpAddr",
    "std::net::Ipv4Addr",
    "std::net::Ipv6Addr",
    "std::net::SocketAddr",
    "std::net::SocketAddrV4",
    "std::net::SocketAddrV6",
    "std::thread::panicking",
];

/// All that the broker uses of glommio: tasks and placement. A core never visits glommio's rings, so a timer, a file, a channel
/// or a blocking call of its would never end (`broker/src/runtime/pump.rs`).
const OF_GLOMMIO: &[&str] = &[
    "LocalExecutor",
    "LocalExecutorBuilder",
    "Placement",
    "PoolPlacement",
    "TaskQueueHandle",
    "executor().yield_task_queue_now()",
    "spawn_local_into(",
];

const LINES_MAX: usize = 650;
/// A long file is fine when it is a table.
const TABLES: &[&str] = &["protocol/src/error_code.rs", "protocol/src/api_key.rs"];

#[test]
fn crates_know_only_whom_they_may() {
    let mut seen = BTreeSet::new();
    for manifest in files("Cargo.toml") {
        let path = relative(&manifest);
        if path == "Cargo.toml" || path.contains("fuzz/") {
            continue;
        }
        let text = fs::read_to_string(&manifest).unwrap();
        let name = package_name(&text).unwrap_or_else(|| panic!("{path} has no package name"));
        let (_, allowed) = ARROWS
            .iter()
            .find(|(krate, _)| *krate == name)
            .unwrap_or_else(|| panic!("{path}: crate '{name}' is not in the picture; add it to ARROWS with a reason"));
        for known in dependencies(&text) {
            assert!(
                allowed.contains(&known.as_str()),
                "{path}: {name} must not know {known}"
            );
        }
        seen.insert(name);
    }
    let expected: BTreeSet<String> = ARROWS.iter().map(|(name, _)| name.to_string()).collect();
    assert_eq!(seen, expected, "crates in the tree");
}

#[test]
fn unsafe_lives_in_the_runtime() {
    for (path, code) in sources() {
        if UNSAFE.iter().any(|allowed| path.starts_with(allowed)) {
            continue;
        }
        for (line, text) in code.lines().enumerate() {
            let bare = text
                .split(|c: char| !c.is_alphanumeric() && c != '_')
                .any(|word| word == "unsafe");
            assert!(!bare, "{path}:{}: unsafe outside {UNSAFE:?}", line + 1);
        }
    }
}

#[test]
fn only_the_edges_touch_the_machine() {
    for (path, code) in sources() {
        let is_test = path.contains("tests") || path.contains("/benches/") || path.contains("/examples/");
        if is_test || EDGES.iter().any(|edge| path.starts_with(edge)) || path == "broker/sim/src/main.rs" {
            continue;
        }
        for used in paths_used(&code) {
            let is_edge = EDGE_ONLY.iter().any(|banned| is_within(&used, banned));
            let is_plain = PLAIN_TYPES.iter().any(|plain| is_within(&used, plain));
            assert!(!is_edge || is_plain, "{path} uses {used}: ask the World for it");
        }
    }
}

#[test]
fn nothing_waits_for_the_reactor_of_the_executor() {
    let mut seen = 0;
    for (path, code) in sources() {
        if !path.starts_with("broker/src/") {
            continue;
        }
        for rest in code.split("glommio::").skip(1) {
            let group = rest
                .strip_prefix('{')
                .map(|group| group.split('}').next().unwrap_or_default());
            let names: Vec<&str> = match group {
                Some(group) => group
                    .split(',')
                    .map(str::trim)
                    .filter(|name| !name.is_empty())
                    .collect(),
                None => vec![rest.lines().next().unwrap_or_default()],
            };
            for name in names {
                seen += 1;
                assert!(
                    OF_GLOMMIO.iter().any(|allowed| name.starts_with(allowed)),
                    "{path}: glommio::{name} needs its reactor, which never runs"
                );
            }
        }
    }
    assert!(seen > 0, "this test knows where glommio is used");
}

#[test]
fn files_stay_readable() {
    for path in files(".rs") {
        let name = relative(&path);
        let text = fs::read_to_string(&path).unwrap();
        let lines = text.lines().count();
        let is_table = TABLES.contains(&name.as_str()) || name.starts_with("protocol/src/messages/");
        assert!(
            lines <= LINES_MAX || is_table,
            "{name} has {lines} lines: do two nouns live in there?"
        );
    }
}

#[test]
fn every_source_says_why_it_exists() {
    for path in files(".rs") {
        let name = relative(&path);
        let text = fs::read_to_string(&path).unwrap();
        let is_stub = name.ends_with("main.rs") && text.lines().count() < 5;
        let is_test = name.ends_with("/tests.rs");
        assert!(
            text.starts_with("//!") || is_stub || is_test,
            "{name} begins without a //! header"
        );
    }
}

/// The test of the tests: this reader must see what it is meant to see.
#[test]
fn the_reader_sees_groups_comments_and_strings() {
    let code = stripped(
        "use std::{fs, io::{self, Read}, net::SocketAddr};\n// std::thread\nlet a = \"std::env \\\" unsafe\"; 'x'; std::time::Instant::now();\n/* unsafe */ let r = r#\"unsafe\"#; fn f<'a>() {}",
    );
    let used: BTreeSet<String> = paths_used(&code).into_iter().collect();
    for expected in [
        "std::fs",
        "std::io",
        "std::io::Read",
        "std::net::SocketAddr",
        "std::time::Instant::now",
    ] {
        assert!(used.contains(expected), "{expected} not in {used:?}");
    }
    assert!(
        !used.iter().any(|path| path.contains("env") || path.contains("thread")),
        "{used:?}"
    );
    assert!(!code.contains("unsafe"), "{code}");
    assert_eq!(
        dependencies(
            "[dependencies]\ncorelane-raft.workspace = true\nbytes = \"1\"\n[dev-dependencies.corelane-storage]\npath = \"x\"\n[features]\ncorelane-x = []"
        ),
        ["raft", "storage"]
    );
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/")
}

/// All files of the workspace whose name ends so, sorted; build output and hidden folders left out.
fn files(ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                if !name.starts_with('.') && name != "target" {
                    folders.push(path);
                }
            } else if name.ends_with(ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Every Rust file outside fuzz crates, without its comments and the contents of its strings.
fn sources() -> BTreeMap<String, String> {
    let read = |path: PathBuf| (relative(&path), stripped(&fs::read_to_string(&path).unwrap()));
    files(".rs")
        .into_iter()
        .map(read)
        .filter(|(path, _)| !path.contains("fuzz/"))
        .collect()
}

fn package_name(manifest: &str) -> Option<String> {
    let line = manifest.lines().find(|line| line.starts_with("name = \"corelane-"))?;
    Some(
        line.trim_start_matches("name = \"corelane-")
            .trim_end_matches('"')
            .to_string(),
    )
}

/// Our own crates that a manifest names in any of its dependency tables, sorted.
fn dependencies(manifest: &str) -> Vec<String> {
    let mut found = BTreeSet::new();
    let mut inside = false;
    for line in manifest.lines() {
        if let Some(table) = line.strip_prefix('[') {
            inside = table.contains("dependencies");
            if let (true, Some(at)) = (inside, table.find("corelane-")) {
                found.insert(crate_name(&table[at..]));
            }
        } else if inside && line.starts_with("corelane-") {
            found.insert(crate_name(line));
        }
    }
    found.into_iter().collect()
}

fn crate_name(text: &str) -> String {
    let name = text.trim_start_matches("corelane-");
    name.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .next()
        .unwrap()
        .to_string()
}

fn is_within(path: &str, prefix: &str) -> bool {
    path == prefix || path.strip_prefix(prefix).is_some_and(|rest| rest.starts_with("::"))
}

/// Comments and the inside of string and character literals become blanks; lines stay.
fn stripped(source: &str) -> String {
    let chars: Vec<char> = source.chars().collect();
    let mut plain = String::with_capacity(source.len());
    let mut at = 0;
    let blank = |plain: &mut String, c: char| plain.push(if c == '\n' { '\n' } else { ' ' });
    while at < chars.len() {
        let rest = &chars[at..];
        let end = if rest.starts_with(&['/', '/']) {
            rest.iter().position(|c| *c == '\n').unwrap_or(rest.len())
        } else if rest.starts_with(&['/', '*']) {
            find(rest, &['*', '/'], 2)
        } else if let Some(hashes) = raw_string(rest, at.checked_sub(1).map(|before| chars[before])) {
            let close: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
            find(rest, &close, hashes + 2)
        } else if rest[0] == '"' {
            quoted(rest, '"')
        } else if rest[0] == '\'' && (rest.get(1) == Some(&'\\') || rest.get(2) == Some(&'\'')) {
            quoted(rest, '\'')
        } else {
            plain.push(rest[0]);
            at += 1;
            continue;
        };
        rest[..end].iter().for_each(|c| blank(&mut plain, *c));
        at += end;
    }
    plain
}

fn raw_string(rest: &[char], before: Option<char>) -> Option<usize> {
    let starts = rest[0] == 'r' && !before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let hashes = rest.iter().skip(1).take_while(|c| **c == '#').count();
    (starts && rest.get(hashes + 1) == Some(&'"')).then_some(hashes)
}

fn find(rest: &[char], close: &[char], from: usize) -> usize {
    (from..rest.len())
        .find(|at| rest[*at..].starts_with(close))
        .map_or(rest.len(), |at| at + close.len())
}

fn quoted(rest: &[char], quote: char) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != quote {
        at += if rest[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

/// Every path that the code names: `use` groups opened up, and paths in expressions as they stand.
fn paths_used(code: &str) -> Vec<String> {
    let mut paths = Vec::new();
    for statement in code.split(';') {
        let words: String = statement.split_whitespace().collect::<Vec<_>>().join(" ");
        if let Some(at) = words
            .rfind("use ")
            .filter(|at| *at == 0 || !words[..*at].ends_with(|c: char| c.is_alphanumeric()))
        {
            open_group("", &words[at + 4..], &mut paths);
        }
        let is_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
        paths.extend(
            words
                .split(|c| !is_path(c))
                .filter(|word| word.contains("::") && !word.ends_with(':'))
                .map(str::to_string),
        );
    }
    paths
}

fn open_group(prefix: &str, tree: &str, paths: &mut Vec<String>) {
    let tree = tree.trim();
    match tree.split_once('{') {
        Some((head, rest)) => {
            let prefix = format!("{prefix}{}", head.trim());
            let inside = rest.rsplit_once('}').map_or(rest, |(inside, _)| inside);
            let mut depth = 0;
            let mut start = 0;
            for (at, c) in inside.char_indices() {
                match c {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    ',' if depth == 0 => {
                        open_group(&prefix, &inside[start..at], paths);
                        start = at + 1;
                    }
                    _ => {}
                }
            }
            open_group(&prefix, &inside[start..], paths);
        }
        None if tree.is_empty() => {}
        None => {
            let name = tree.split(" as ").next().unwrap_or(tree).trim();
            let path = if name == "self" {
                prefix.trim_end_matches("::").to_string()
            } else {
                format!("{prefix}{name}")
            };
            paths.push(path);
        }
    }
}
