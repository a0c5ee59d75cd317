//! Signals to processes that a test started.

use std::process::{Child, Command};

/// Sends a signal by name.
pub fn send_signal(child: &Child, name: &str) {
    let pid = child.id().to_string();
    let sent = Command::new("kill").args(["-s", name, &pid]).status();
    assert!(sent.expect("kill").success(), "SIG{name} to {pid}");
}
