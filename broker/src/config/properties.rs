//! The syntax of `server.properties`: that of Java's `Properties.load`, with the line each key stands on.
//!
//! Comments start with `#` or `!`; a key ends at the first unescaped `=`, `:` or blank; a line that ends in an odd number
//! of backslashes goes on in the next, whose leading blanks do not count; `\t \n \r \f` and `\uXXXX` are escapes, and a
//! backslash before anything else is dropped. Unlike Java, the text is UTF-8, and a broken `\u` is an error that names
//! its line.

/// One `key = value`, and the line (from 1) on which it starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Property {
    pub line: usize,
    pub key: String,
    pub value: String,
}

/// Reads the whole text; an error is the line and what is wrong in it.
pub fn parse(text: &str) -> Result<Vec<Property>, (usize, String)> {
    let mut properties = Vec::new();
    let mut lines = text
        .split('\n')
        .map(|line| line.strip_suffix('\r').unwrap_or(line))
        .enumerate();
    while let Some((index, first)) = lines.next() {
        let first = first.trim_start_matches(BLANKS);
        if first.is_empty() || first.starts_with(['#', '!']) {
            continue;
        }
        let mut logical = first.to_string();
        while goes_on(&logical) {
            logical.pop();
            match lines.next() {
                Some((_, next)) => logical.push_str(next.trim_start_matches(BLANKS)),
                None => break,
            }
        }
        let (key, value) = split(&logical);
        let line = index + 1;
        let unescape = |part| unescape(part).map_err(|wrong| (line, wrong));
        properties.push(Property {
            line,
            key: unescape(key)?,
            value: unescape(value)?,
        });
    }
    Ok(properties)
}

const BLANKS: [char; 3] = [' ', '\t', '\u{c}'];

fn goes_on(line: &str) -> bool {
    line.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1
}

fn split(line: &str) -> (&str, &str) {
    let mut escaped = false;
    let end = line.char_indices().find(|(_, c)| {
        let ends = !escaped && (matches!(c, '=' | ':') || BLANKS.contains(c));
        escaped = *c == '\\' && !escaped;
        ends
    });
    let Some((end, _)) = end else { return (line, "") };
    let rest = line[end..].trim_start_matches(BLANKS);
    let rest = rest.strip_prefix(['=', ':']).unwrap_or(rest);
    (&line[..end], rest.trim_start_matches(BLANKS))
}

fn unescape(text: &str) -> Result<String, String> {
    let mut plain = String::with_capacity(text.len());
    // Java writes characters beyond the 16-bit plane as two escapes.
    let mut high: Option<u16> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let unescaped = match c {
            '\\' => match chars.next() {
                Some('t') => '\t',
                Some('n') => '\n',
                Some('r') => '\r',
                Some('f') => '\u{c}',
                Some('u') => {
                    let digits: String = chars.by_ref().take(4).collect();
                    let unit = u16::from_str_radix(&digits, 16)
                        .ok()
                        .filter(|_| digits.len() == 4)
                        .ok_or_else(|| format!("'\\u{digits}' is no \\u escape with four hexadecimal digits"))?;
                    if high.is_none() && (0xD800..0xDC00).contains(&unit) {
                        high = Some(unit);
                        continue;
                    }
                    let units = high.take().into_iter().chain([unit]);
                    plain.extend(char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)));
                    continue;
                }
                Some(other) => other,
                None => break,
            },
            other => other,
        };
        if high.take().is_some() {
            plain.push(char::REPLACEMENT_CHARACTER);
        }
        plain.push(unescaped);
    }
    Ok(plain)
}
