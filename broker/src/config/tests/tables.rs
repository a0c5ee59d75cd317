//! Goal: the tables hold together, and the reference page is theirs.

use std::collections::BTreeSet;

use crate::config::{
    broker, client_metrics, docs, group,
    key::Effect,
    topic,
    value::{ClusterId, Value},
};

#[test]
fn tables_are_sound() {
    for keys in [broker::KEYS, topic::KEYS, group::KEYS, client_metrics::KEYS] {
        let names: BTreeSet<&str> = keys.iter().map(|key| key.name).collect();
        assert_eq!(names.len(), keys.len(), "a name stands there twice");
        for key in keys {
            if let Some(default) = key.default {
                key.validate(default)
                    .unwrap_or_else(|wrong| panic!("default of {}: {wrong}", key.name));
            }
            assert!(key.doc.ends_with('.'), "{} wants a sentence", key.name);
            for synonym in key.synonyms {
                assert!(
                    broker::key(synonym.name).is_some(),
                    "{} names {}",
                    key.name,
                    synonym.name
                );
            }
        }
    }
    // A topic key and the broker key that gives its default agree on type and default.
    for key in topic::KEYS {
        let Some(first) = key.synonyms.iter().find_map(|synonym| {
            broker::key(synonym.name)?
                .default?
                .parse::<i64>()
                .ok()
                .map(|number| number.saturating_mul(synonym.times))
        }) else {
            continue;
        };
        assert_eq!(
            key.default.and_then(|text| text.parse().ok()),
            Some(first),
            "{}",
            key.name
        );
    }
}

/// Goal: the reference page is the tables'. `UPDATE=1` rewrites it.
#[test]
fn the_page_has_every_key_once() {
    let page = docs::markdown();
    for key in broker::KEYS.iter().chain(topic::KEYS) {
        assert!(page.contains(&format!("| `{}` |", key.name)), "{}", key.name);
    }
    let columns: BTreeSet<usize> = page
        .lines()
        .filter(|line| line.starts_with('|'))
        .map(|line| line.matches(" | ").count())
        .collect();
    assert!(columns.len() <= 4, "{columns:?}");
    // In each part, those that work first.
    let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text} is missing"));
    let parts = [at("## Broker\n"), at("## Broker: no effect here\n"), at("## Topic\n")];
    assert!(parts.is_sorted());
    for key in broker::KEYS {
        let works = matches!(key.effect, Effect::Live | Effect::Restart);
        let row = at(&format!("\n| `{}` |", key.name));
        let (first, end) = if works {
            (parts[0], parts[1])
        } else {
            (parts[1], parts[2])
        };
        assert!(first < row && row < end, "{}", key.name);
    }
    assert!(topic::KEYS.iter().any(|key| matches!(key.effect, Effect::Nothing(_))));
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/CONFIG.md");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(written, page, "run this test with UPDATE=1");
}

#[test]
fn cluster_ids_are_read_in_both_forms() {
    let hyphenated = ClusterId::read("4f7e1dd5-1c4a-4b7e-9a8e-1f2e3d4c5b6a").unwrap();
    assert_eq!(ClusterId::read("T34d1RxKS36ajh8uPUxbag").unwrap(), hyphenated);
    assert!(ClusterId::read("short").is_err());
}
