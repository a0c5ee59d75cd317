//! What the tests with real clients share: a broker process, the installed clients, and records to compare.
//!
//! Everything a test starts dies with it: brokers and clients are killed on drop, and by the kernel when the test's thread is gone.

// Each test binary uses its own part of this.
#![allow(dead_code)]

pub mod broker;
pub mod client;
pub mod http;
pub mod program;
pub mod records;
pub mod signal;
pub mod wire;

use std::path::PathBuf;
use std::time::{Duration, Instant};

/// The folder of scripts, one per client.
pub fn clients_folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/clients")
}

/// Where the pinned clients are installed; ignored by git, kept between runs.
pub fn cache_folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../.cache/clients")
}

/// In CI a missing tool is a failure, elsewhere a reason to skip.
pub fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true" || value == "1")
}

/// Polls until `probe` gives a value; `None` when the time is over.
pub fn wait_until<T>(limit: Duration, mut probe: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(value) = probe() {
            return Some(value);
        }
        if Instant::now() >= deadline {
            return None;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A folder of its own for one test, removed on drop unless the test failed.
pub struct TempFolder(PathBuf);

impl TempFolder {
    pub fn new(name: &str) -> Self {
        Self::within(&PathBuf::from(env!("CARGO_TARGET_TMPDIR")), name)
    }

    pub fn within(base: &std::path::Path, name: &str) -> Self {
        let path = base.join(format!("{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("temp folder");
        TempFolder(path)
    }

    pub fn path(&self) -> &std::path::Path {
        &self.0
    }
}

impl Drop for TempFolder {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("kept for a look: {}", self.0.display());
        } else {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}
