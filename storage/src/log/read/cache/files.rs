//! Open files, the last used ones. Pure but for what dropping a file does.

use std::collections::BTreeMap;

use super::FileKey;

struct OpenFile<F> {
    file: F,
    path: String,
    used: u64,
}

pub struct OpenFiles<F> {
    files: BTreeMap<FileKey, OpenFile<F>>,
    files_max: usize,
    uses: u64,
    removals: u64,
}

impl<F: Clone> OpenFiles<F> {
    pub fn new(files_max: usize) -> OpenFiles<F> {
        OpenFiles {
            files: BTreeMap::new(),
            files_max,
            uses: 0,
            removals: 0,
        }
    }

    pub fn get(&mut self, key: FileKey) -> Option<F> {
        self.uses += 1;
        let open = self.files.get_mut(&key)?;
        open.used = self.uses;
        Some(open.file.clone())
    }

    /// To be asked before a file is opened.
    pub fn removals(&self) -> u64 {
        self.removals
    }

    /// Keeps a file that was opened after [`OpenFiles::removals`] was `since`, unless it may have been removed meanwhile:
    /// a file that nobody can forget again would keep its space.
    pub fn keep(&mut self, key: FileKey, path: String, file: F, since: u64) {
        if since != self.removals {
            return;
        }
        let used = self.uses;
        self.files.insert(key, OpenFile { file, path, used });
        if self.files.len() > self.files_max
            && let Some(oldest) = self.files.iter().min_by_key(|(_, open)| open.used).map(|(key, _)| *key)
        {
            self.files.remove(&oldest);
        }
    }

    /// These paths are gone. Gives the files that were open of them.
    pub fn removed(&mut self, paths: &[String]) -> Vec<FileKey> {
        self.removals += 1;
        let gone = self.files.extract_if(.., |_, open| paths.contains(&open.path));
        gone.map(|(key, _)| key).collect()
    }
}
