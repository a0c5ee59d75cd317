//! The reference page: all tables as Markdown.

use std::fmt::Write;

use super::{
    broker, client_metrics, group,
    key::{Effect, Key},
    topic,
};

/// The whole page.
pub fn markdown() -> String {
    let mut page = String::from("# Configuration\n\n");
    page.push_str("From the tables in `broker/src/config`: first the keys that do something, taken over at once (live) or read at start ");
    page.push_str("(restart); then those that change nothing here, with the reason. Of these, \"accepted\" ones may have any valid value, ");
    page.push_str("others only their default, since ignoring them would break a promise.\n\n");
    page.push_str("Defaults < `server.properties` < environment (`CORELANE_LOG_RETENTION_MS`) < `--set key=value` < ");
    page.push_str(
        "what the cluster was told for all brokers < for one broker (`kafka-configs --alter --entity-type brokers`; ",
    );
    page.push_str("only keys that Kafka has as dynamic).\n\n");
    for (title, keys, has_synonyms) in [
        ("Broker", broker::KEYS, false),
        ("Topic", topic::KEYS, true),
        ("Group", group::KEYS, true),
        ("Client metrics subscription", client_metrics::KEYS, false),
    ] {
        let (working, idle): (Vec<&Key>, Vec<&Key>) = keys
            .iter()
            .partition(|key| matches!(key.effect, Effect::Live | Effect::Restart));
        section(&mut page, title, &working, "Change", has_synonyms);
        section(
            &mut page,
            &format!("{title}: no effect here"),
            &idle,
            "Why",
            has_synonyms,
        );
    }
    page
}

/// A table of keys; `effect` is the head of the column that says what setting one does.
fn section(page: &mut String, title: &str, keys: &[&Key], effect: &str, has_synonyms: bool) {
    if keys.is_empty() {
        return;
    }
    let more = if has_synonyms { " | Broker's key" } else { "" };
    let _ = writeln!(
        page,
        "## {title}\n\n| Key | Type | Default | Valid | {effect}{more} | What for |"
    );
    let _ = writeln!(
        page,
        "|---|---|---|---|---{}|---|",
        if has_synonyms { "|---" } else { "" }
    );
    for key in keys {
        let change = match key.effect {
            Effect::Live => "live".to_string(),
            Effect::Restart => "restart".to_string(),
            Effect::Nothing(reason) => format!("accepted: {reason}"),
            Effect::DefaultOnly(reason) => format!("default only: {reason}"),
        };
        let default = match key.default {
            None => "unset".to_string(),
            Some("") => "empty".to_string(),
            Some(default) => format!("`{default}`"),
        };
        let names = key.synonyms.iter().map(|synonym| format!("`{}`", synonym.name));
        let synonyms = match has_synonyms {
            true => format!(" | {}", names.collect::<Vec<_>>().join(", ")),
            false => String::new(),
        };
        let (name, kind, valid, doc) = (key.name, key.kind.name(), key.check.right(), key.doc);
        let _ = writeln!(
            page,
            "| `{name}` | {kind} | {default} | {valid} | {change}{synonyms} | {doc} |"
        );
    }
    page.push('\n');
}
