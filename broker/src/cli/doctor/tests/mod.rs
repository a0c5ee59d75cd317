//! Hosts written down, each with what is said of it. `UPDATE=1` writes what is said anew; the difference is the review.

use std::path::{Path, PathBuf};

use super::{
    facts::{Facts, mount_of},
    judge::{Verdict, judge},
    text,
};

const SAID: &str = "=== said ===\n";

fn hosts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli/doctor/tests/hosts")
}

/// `@ name` begins a fact, whose text follows on the same line or on the next ones.
fn facts(text: &str) -> Facts {
    let mut facts = Facts::default();
    for fact in text.split("@ ").skip(1) {
        let (name, text) = fact.split_once([' ', '\n']).expect("a name and a text");
        facts.0.insert(name.to_owned(), text.to_owned());
    }
    facts
}

/// Goal: what is said of a host follows from its facts, with a remedy and a reason for whatever is not well.
#[test]
fn hosts_are_judged_by_what_they_say() {
    let mut names: Vec<PathBuf> = std::fs::read_dir(hosts())
        .expect("a folder")
        .map(|entry| entry.expect("a host").path())
        .collect();
    names.sort();
    assert!(names.len() >= 4, "{names:?}");
    for path in names {
        let host = std::fs::read_to_string(&path).expect("a host");
        let (given, said) = host.split_once(SAID).unwrap_or((&host, ""));
        let findings = judge(&facts(given));
        for finding in &findings {
            let is_told = matches!(finding.verdict, Verdict::Advice | Verdict::Bad);
            assert_eq!(finding.change.is_some(), is_told, "{finding:?}");
        }
        let now = text(&findings);
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&path, format!("{given}{SAID}{now}")).expect("write");
        } else {
            assert_eq!(now, said, "{}: UPDATE=1 writes it anew", path.display());
        }
    }
}

/// Goal: a host that says nothing is not taken for a bad one, nor for a good one where it matters.
#[test]
fn a_silent_host_is_unknown() {
    let findings = judge(&Facts::default());
    assert!(
        findings.iter().all(|finding| finding.verdict != Verdict::Bad),
        "{findings:?}"
    );
    for check in ["kernel", "io_uring", "file system", "disk cache", "direct I/O", "space"] {
        let finding = findings.iter().find(|finding| finding.check == check).expect(check);
        assert_eq!(finding.verdict, Verdict::Unknown, "{finding:?}");
    }
}

/// Goal: the mount that a path is on is the innermost one, and a name that only begins alike is none.
#[test]
fn the_innermost_mount_counts() {
    let mountinfo = "22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n\
                     30 22 8:2 / /var/lib rw,noatime - xfs /dev/sda2 rw,attr2\n\
                     31 30 8:3 / /var/lib/core rw - tmpfs tmpfs rw\n\
                     32 22 8:4 / /mnt/a\\040b rw - ext4 /dev/sdb rw,barrier=0\n\
                     broken line";
    let on = |path: &str| mount_of(mountinfo, path).map(|mount| mount.device);
    assert_eq!(on("/var/lib/corelane/data").as_deref(), Some("8:2"));
    assert_eq!(on("/var/lib/core/data").as_deref(), Some("8:3"));
    assert_eq!(on("/var/library").as_deref(), Some("8:1"));
    assert_eq!(on("/mnt/a b/c").as_deref(), Some("8:4"));
    let options = mount_of(mountinfo, "/mnt/a b").expect("a mount").options;
    assert_eq!(options, ["rw", "rw", "barrier=0"]);
    assert_eq!(mount_of("", "/"), None);
}
