//! One target at a time: the others stand still while it is measured. A broker that nobody asks for anything still wakes up,
//! collects garbage, compiles; on one CPU that is somebody else's tail latency, though nobody runs two brokers on one CPU.

use std::io;

use rustix::process::{Pid, Signal, kill_process};

/// Processes that stand still until this is dropped.
#[derive(Default)]
pub struct Paused(Vec<Pid>);

impl Paused {
    /// # Errors
    /// A process is not there, or not ours.
    pub fn new(pids: &[u32]) -> io::Result<Paused> {
        let mut paused = Paused::default();
        for pid in pids {
            let no_such = || io::Error::other(format!("process {pid}: no such number"));
            let process = i32::try_from(*pid).ok().and_then(Pid::from_raw).ok_or_else(no_such)?;
            kill_process(process, Signal::STOP)
                .map_err(|error| io::Error::other(format!("cannot pause process {pid}: {error}")))?;
            paused.0.push(process);
        }
        Ok(paused)
    }
}

impl Drop for Paused {
    fn drop(&mut self) {
        for process in &self.0 {
            // Who is gone by now need not go on.
            let _ = kill_process(*process, Signal::CONT);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        io::{BufRead, BufReader, Write},
        process::{Command, Stdio},
    };

    use super::*;

    /// The state letter of a process, as /proc shows it.
    fn state(pid: u32) -> char {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("a process that is there");
        let (_, behind_name) = stat.rsplit_once(") ").expect("a name");
        behind_name.chars().next().expect("a state")
    }

    #[test]
    fn a_paused_process_stands_still_and_goes_on_after() {
        let mut child = Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("cat");
        let paused = Paused::new(&[child.id()]).expect("it is ours");
        while state(child.id()) != 'T' {
            std::thread::yield_now();
        }
        drop(paused);
        writeln!(child.stdin.take().expect("piped"), "on").expect("it reads");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped"))
            .read_line(&mut line)
            .expect("it answers");
        assert_eq!(line, "on\n");
        child.wait().expect("it ends with its input");
    }

    #[test]
    fn who_is_not_there_cannot_be_paused() {
        assert!(Paused::new(&[0]).is_err());
        assert!(Paused::new(&[u32::MAX]).is_err());
    }
}
