//! Goal: every crate in the lock file may be used under a licence that lets anybody run, change and sell the result.
//!
//! Reads `cargo metadata`, so nothing has to be installed and nothing is forgotten.

use std::process::Command;

/// SPDX names that we accept as they stand.
const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Crates accepted under another licence, each with the reason.
const EXCEPTIONS: &[(&str, &str)] = &[
    // Weak copyleft by file; used unchanged, by glommio's dependencies only.
    ("bitmaps", "MPL-2.0+"),
];

#[test]
fn every_dependency_may_be_used() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("run cargo metadata");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("metadata is JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    assert!(packages.len() > 20, "only {} packages", packages.len());
    let refused: Vec<String> = packages
        .iter()
        .filter_map(|package| {
            let name = package["name"].as_str().expect("name");
            let licence = package["license"].as_str().unwrap_or("none given");
            let is_fine = is_allowed(licence) || EXCEPTIONS.contains(&(name, licence));
            (!is_fine).then(|| format!("{name} {}: {licence}", package["version"]))
        })
        .collect();
    assert!(
        refused.is_empty(),
        "not on the list of licences:\n{}",
        refused.join("\n")
    );
}

/// An SPDX expression of AND and OR; the old `/` means OR. Parentheses are only ever around an OR in an AND.
fn is_allowed(expression: &str) -> bool {
    expression.replace('/', " OR ").split(" AND ").all(|part| {
        let part = part.trim_matches(|c| c == '(' || c == ')');
        part.split(" OR ").any(|name| ALLOWED.contains(&name))
    })
}

#[test]
fn expressions_are_read_as_meant() {
    for fine in ["MIT", "GPL-3.0 OR MIT", "Apache-2.0/MIT", "(GPL-3.0 OR MIT) AND Zlib"] {
        assert!(is_allowed(fine), "{fine}");
    }
    for refused in [
        "GPL-3.0",
        "MIT AND GPL-3.0",
        "(MIT OR Zlib) AND LGPL-2.1",
        "none given",
        "",
    ] {
        assert!(!is_allowed(refused), "{refused}");
    }
}
