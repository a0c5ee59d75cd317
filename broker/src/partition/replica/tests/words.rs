//! The words of a command: places, `key=value`, and flags.

/// One command of a script.
pub struct Words<'a>(pub &'a [&'a str]);

impl Words<'_> {
    pub fn node(&self) -> usize {
        self.0[1].parse().expect("a node")
    }

    pub fn number(&self, place: usize) -> Option<i64> {
        self.0.get(place)?.parse().ok()
    }

    pub fn has(&self, word: &str) -> bool {
        self.0.contains(&word)
    }

    pub fn word(&self, key: &str) -> Option<&str> {
        self.0.iter().find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
    }

    pub fn value(&self, key: &str) -> Option<i64> {
        self.word(key)?.parse().ok()
    }

    pub fn list(&self, key: &str) -> Option<Vec<i32>> {
        let list = self.word(key)?.split(',');
        Some(list.filter_map(|node| node.parse().ok()).collect())
    }
}
