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
    page.push_str("From the tables in `broker/src/config`. A key is taken over at once (live), read at start (restart), accepted ");
    page.push_str("without effect, or refused unless it keeps its default; the reason is beside it.\n\n");
    page.push_str("Defaults < `server.properties` < environment (`CORELANE_LOG_RETENTION_MS`) < `--set key=value` < ");
    page.push_str(
        "what the cluster was told for all brokers < for one broker (`kafka-configs --alter --entity-type brokers`; ",
    );
    page.push_str("only keys that Kafka has as dynamic).\n\n");
    section(&mut page, "Broker", broker::KEYS, "");
    section(&mut page, "Topic", topic::KEYS, " | Broker's key");
    section(&mut page, "Group", group::KEYS, " | Broker's key");
    section(&mut page, "Client metrics subscription", client_metrics::KEYS, "");
    page
}

fn section(page: &mut String, title: &str, keys: &[Key], more: &str) {
    let _ = writeln!(
        page,
        "## {title}\n\n| Key | Type | Default | Valid | Change{more} | What for |"
    );
    let _ = writeln!(
        page,
        "|---|---|---|---|---{}|---|",
        if more.is_empty() { "" } else { "|---" }
    );
    for key in keys {
        let change = match key.effect {
            Effect::Live => "live".to_string(),
            Effect::Restart => "restart".to_string(),
            Effect::Nothing(reason) => format!("no effect: {reason}"),
            Effect::DefaultOnly(reason) => format!("default only: {reason}"),
        };
        let default = match key.default {
            None => "unset".to_string(),
            Some("") => "empty".to_string(),
            Some(default) => format!("`{default}`"),
        };
        let synonyms = if more.is_empty() {
            String::new()
        } else {
            let names: Vec<String> = key
                .synonyms
                .iter()
                .map(|synonym| format!("`{}`", synonym.name))
                .collect();
            format!(" | {}", names.join(", "))
        };
        let (name, kind, valid, doc) = (key.name, key.kind.name(), key.check.right(), key.doc);
        let _ = writeln!(
            page,
            "| `{name}` | {kind} | {default} | {valid} | {change}{synonyms} | {doc} |"
        );
    }
    page.push('\n');
}
