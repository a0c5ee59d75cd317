//! Runs a client program to its end, under a deadline, answering its requests for a broker restart.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

pub struct Outcome {
    pub lines: Vec<String>,
    pub is_success: bool,
    /// What went to standard error, or why the program was killed.
    pub complaint: String,
}

impl Outcome {
    /// Names after the word `ok`.
    pub fn passed(&self) -> Vec<&str> {
        self.lines
            .iter()
            .filter_map(|line| line.strip_prefix("ok ")?.split(' ').next())
            .collect()
    }

    pub fn failed(&self) -> Vec<&str> {
        self.lines
            .iter()
            .filter(|line| line.starts_with("FAIL "))
            .map(String::as_str)
            .collect()
    }

    /// Panics with everything the program said unless it ended well.
    pub fn expect_success(&self, what: &str) {
        assert!(
            self.is_success && self.failed().is_empty(),
            "{what} failed\n--- output ---\n{}\n--- complaints ---\n{}",
            self.lines.join("\n"),
            self.complaint
        );
    }
}

/// A running program whose output is read line by line.
pub struct Program {
    child: Child,
    lines: Receiver<String>,
    complaint: std::path::PathBuf,
}

impl Program {
    /// Standard error goes to a file in `folder` named after the program.
    pub fn spawn(mut command: Command, name: &str, folder: &Path) -> Self {
        let complaint = folder.join(format!("{name}.stderr"));
        let stderr = std::fs::File::create(&complaint).expect("file for complaints");
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        let stdout = child.stdout.take().expect("piped");
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Program {
            child,
            lines,
            complaint,
        }
    }

    pub fn say(&mut self, line: &str) {
        let stdin = self.child.stdin.as_mut().expect("piped");
        // A program that is gone shows by its exit code.
        let _ = writeln!(stdin, "{line}").and_then(|()| stdin.flush());
    }

    pub fn close_input(&mut self) {
        self.child.stdin = None;
    }

    /// Every line that is there by now.
    pub fn drain(&self) -> Vec<String> {
        self.lines.try_iter().collect()
    }

    /// Whether it has ended well within the limit.
    pub fn wait(&mut self, limit: Duration) -> bool {
        let ended = super::wait_until(limit, || self.child.try_wait().expect("wait for a client"));
        ended.is_some_and(|status| status.success())
    }

    /// Reads to the end; `on_restart` is called when the program asks for one.
    pub fn finish(mut self, limit: Duration, mut on_restart: impl FnMut()) -> Outcome {
        let deadline = Instant::now() + limit;
        let mut lines = Vec::new();
        let mut is_late = false;
        loop {
            match self
                .lines
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            {
                Ok(line) if line == "restart" => {
                    on_restart();
                    self.say("done");
                }
                Ok(line) => lines.push(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    is_late = true;
                    let _ = self.child.kill();
                    break;
                }
            }
        }
        let status = self.child.wait().expect("wait for a client");
        let mut complaint = String::from_utf8_lossy(&std::fs::read(&self.complaint).unwrap_or_default()).into_owned();
        if complaint.len() > 8000 {
            let cut = complaint.ceil_char_boundary(complaint.len() - 8000);
            complaint = complaint.split_off(cut);
        }
        if is_late {
            complaint += &format!("\nkilled: not done within {limit:?}");
        }
        Outcome {
            lines,
            is_success: status.success() && !is_late,
            complaint,
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
