//! Goal: a config that nothing in the broker reads says of itself that it does nothing; and a logger is who writes to the log.
//!
//! The tables are what the reference page, the log and DescribeConfigs tell people; a key that silently stopped to matter,
//! or never did, would be a promise that nobody keeps.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use corelane_broker::{
    config::{Effect, Key, broker, topic},
    loggers,
};

/// The text of every file below the broker's source, but for tests.
fn sources(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.file_stem().is_some_and(|stem| stem == "tests") {
            continue;
        }
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(fs::read_to_string(path).unwrap());
        }
    }
}

/// The field of each key that has one, from rows like `field: Type = "key", …;`.
fn fields(table: &str) -> BTreeMap<String, String> {
    let text = fs::read_to_string(config().join(table)).unwrap();
    let rows = text.lines().filter_map(|line| line.trim().split_once(" = \""));
    let mut fields = BTreeMap::new();
    for (declaration, rest) in rows {
        if let (Some((field, _)), Some((key, _))) = (declaration.split_once(": "), rest.split_once('"')) {
            fields.insert(key.to_owned(), field.to_owned());
        }
    }
    fields
}

fn config() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/config")
}

/// The same of all areas of a broker's table: (area, field) of each key.
fn fields_of_broker() -> BTreeMap<String, (String, String)> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(config().join("broker")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let area = name.trim_end_matches(".rs");
        let of_area = fields(&format!("broker/{name}"));
        found.extend(of_area.into_iter().map(|(key, field)| (key, (area.to_owned(), field))));
    }
    found
}

/// Whether any source takes this field of something.
fn is_read(field: &str, sources: &[String]) -> bool {
    let taken = format!(".{field}");
    let is_word = |char: char| char.is_alphanumeric() || char == '_';
    sources.iter().any(|source| {
        source
            .match_indices(&taken)
            .any(|(at, _)| !source[at + taken.len()..].starts_with(is_word))
    })
}

fn promises(key: &Key) -> bool {
    !matches!(key.effect, Effect::Nothing(_) | Effect::DefaultOnly(_))
}

#[test]
fn keys_without_a_reader_say_that_they_do_nothing() {
    let mut all = Vec::new();
    sources(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src"), &mut all);
    assert!(!is_read("no_such_field", &all) && is_read("socket_request_max_bytes", &all));

    let mut unread = BTreeSet::new();
    // A broker's key counts as read if a topic's key that is read takes its default from it.
    let mut given_to_topics = BTreeSet::new();
    let topic_fields = fields("topic.rs");
    for key in topic::KEYS {
        if topic_fields.get(key.name).is_some_and(|field| is_read(field, &all)) {
            given_to_topics.extend(key.synonyms.iter().map(|synonym| synonym.name));
        } else if promises(key) {
            unread.insert(format!("topic's {}", key.name));
        }
    }
    let broker_fields = fields_of_broker();
    for key in broker::KEYS {
        let has_reader = broker_fields
            .get(key.name)
            .is_some_and(|(_, field)| is_read(field, &all));
        if !has_reader && !given_to_topics.contains(key.name) && promises(key) {
            unread.insert(format!("broker's {}", key.name));
        }
    }
    let live = broker::KEYS.iter().filter(|key| key.effect == Effect::Live);
    for key in live {
        let (area, field) = &broker_fields[key.name];
        let at_start = format!("core.config.{area}.{field}");
        let own = at_start.replace("core", "self");
        assert!(
            !all.iter()
                .any(|source| source.contains(&at_start) || source.contains(&own)),
            "{} may change while the broker runs, and is read as it was at start",
            key.name
        );
    }
    assert!(topic_fields.len() > 10 && broker_fields.len() > 50, "rows are found");
    assert!(
        unread.is_empty(),
        "nothing reads {unread:#?}: mark them as Nothing, with the reason"
    );
}

/// The part of the source that each event of the log comes from, as its first two modules.
fn who_logs() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    for (crate_name, folder) in [
        ("corelane_broker", "broker/src"),
        ("corelane_storage", "storage/src"),
        ("corelane_raft", "raft/src"),
        ("corelane_protocol", "protocol/src"),
    ] {
        for entry in fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let mut texts = Vec::new();
            match path.is_dir() {
                true => sources(&path, &mut texts),
                false => texts.push(fs::read_to_string(&path).unwrap()),
            }
            let macros = ["error", "warn", "info", "debug", "trace"].map(|level| format!("tracing::{level}!("));
            if texts.iter().any(|text| macros.iter().any(|name| text.contains(name))) {
                let part = path.file_stem().unwrap().to_str().unwrap();
                found.insert(format!("{crate_name}::{part}"));
            }
        }
    }
    found
}

#[test]
fn loggers_are_who_writes_to_the_log() {
    let mut named: BTreeSet<String> = loggers::NAMES.iter().map(|name| name.to_string()).collect();
    assert!(named.remove(loggers::ROOT));
    assert_eq!(named, who_logs());
}
