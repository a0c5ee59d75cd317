//! As much of PromQL as is needed to see what a query asks for: promtool has parsed it, so it is sound.

/// Every expression of a file of rules.
pub fn of_rules(yaml: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut lines = yaml.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(expression) = line.trim_start().strip_prefix("expr: ") else {
            continue;
        };
        if expression != "|" {
            found.push(expression.to_owned());
            continue;
        }
        let indent = |line: &str| line.len() - line.trim_start().len();
        let mut block = String::new();
        while let Some(next) = lines.next_if(|next| indent(next) > indent(line)) {
            block += next.trim();
            block.push('\n');
        }
        found.push(block);
    }
    found
}

/// Every query of a dashboard: of panels, annotations and variables.
pub fn of_dashboard(json: &str) -> Vec<String> {
    fn walk(value: &serde_json::Value, found: &mut Vec<String>) {
        match value {
            serde_json::Value::Object(fields) => {
                for (name, value) in fields {
                    match value.as_str() {
                        Some(query) if name == "expr" => found.push(query.to_owned()),
                        Some(query) if name == "definition" => {
                            let inside = query
                                .strip_prefix("label_values(")
                                .and_then(|rest| rest.strip_suffix(')'));
                            let (series, label) =
                                inside.and_then(|inside| inside.rsplit_once(", ")).expect("a variable");
                            found.push(format!("count by ({label}) ({series})"));
                        }
                        _ => walk(value, found),
                    }
                }
            }
            serde_json::Value::Array(values) => values.iter().for_each(|value| walk(value, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    walk(&serde_json::from_str(json).expect("JSON"), &mut found);
    found
}

/// Each metric with the labels that its selector matches.
pub fn selectors(query: &str) -> Vec<(&str, Vec<&str>)> {
    let mut found = Vec::new();
    for (at, word) in words(query) {
        let is_metric = word.contains('_') && !word.starts_with('_') || word.contains(':') || word == "up";
        let rest = &query[at + word.len()..];
        if !is_metric || rest.trim_start().starts_with('(') || inside_braces_or_group(query, at) {
            continue;
        }
        let matched = rest.strip_prefix('{').and_then(|rest| rest.split_once('}'));
        let labels = matched.map_or(Vec::new(), |(inside, _)| {
            let is_label = |(at, word): &(usize, &str)| inside[at + word.len()..].trim_start().starts_with(['=', '!']);
            words(inside)
                .into_iter()
                .filter(is_label)
                .map(|(_, word)| word)
                .collect()
        });
        found.push((word, labels));
    }
    found
}

/// Labels after `by`, `on` and `group_left`.
pub fn grouped_by(query: &str) -> Vec<&str> {
    let groups = words(query)
        .into_iter()
        .filter(|(_, word)| ["by", "on", "group_left"].contains(word));
    let lists = groups.filter_map(|(at, word)| {
        let rest = query[at + word.len()..].trim_start().strip_prefix('(')?;
        rest.split_once(')').map(|(inside, _)| inside)
    });
    lists
        .flat_map(|list| list.split(',').map(str::trim))
        .filter(|label| !label.is_empty())
        .collect()
}

fn inside_braces_or_group(query: &str, at: usize) -> bool {
    let before = &query[..at];
    let in_braces = before.rfind('{') > before.rfind('}');
    let group = before.rfind('(').filter(|open| Some(*open) > before.rfind(')'));
    let in_group = group.is_some_and(|open| {
        let head = before[..open].trim_end();
        ["by", "on", "group_left"]
            .iter()
            .any(|word| head.ends_with(&format!(" {word}")))
    });
    in_braces || in_group
}

/// Names in a query, with where each begins; what stands in quotes or brackets is none.
fn words(query: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let (mut begin, mut in_quotes, mut in_brackets) = (None, false, false);
    for (at, char) in query.char_indices().chain([(query.len(), ' ')]) {
        let is_part = (char.is_ascii_alphanumeric() || char == '_' || char == ':') && !in_quotes && !in_brackets;
        match (begin, is_part) {
            (None, true) => begin = Some(at),
            (Some(start), false) => {
                found.push((start, &query[start..at]));
                begin = None;
            }
            _ => {}
        }
        match char {
            '"' => in_quotes = !in_quotes,
            '[' if !in_quotes => in_brackets = true,
            ']' if !in_quotes => in_brackets = false,
            _ => {}
        }
    }
    found
}
