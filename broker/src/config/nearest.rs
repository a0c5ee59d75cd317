//! "Did you mean …?": the known word nearest to a mistyped one.

/// A word that differs in more is another word.
const TYPOS_MAX: usize = 3;

/// The nearest of `known` by edit distance, unless even that one is far off.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let (distance, best) = known
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .min()?;
    (distance <= (word.chars().count() / 3).clamp(1, TYPOS_MAX)).then_some(best)
}

/// Insertions, deletions and replacements (Levenshtein); one row of the table at a time.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}
