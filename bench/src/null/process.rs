//! The null server as a process of its own, as the servers are that it is compared with.

use std::{
    io::{self, BufRead, BufReader},
    process::{Child, Command, Stdio},
};

pub struct NullProcess {
    child: Child,
    address: String,
}

impl NullProcess {
    pub fn start(cpus: &[usize]) -> io::Result<NullProcess> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["null", "--listen", "127.0.0.1:0", "--until-stdin-ends"]);
        if !cpus.is_empty() {
            let cpus: Vec<String> = cpus.iter().map(usize::to_string).collect();
            command.args(["--cpus", &cpus.join(",")]);
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let null = NullProcess {
            child,
            address: line.trim().rsplit(' ').next().unwrap_or_default().to_owned(),
        };
        // What it has to say against its words is on standard error already.
        if null.address.is_empty() {
            Err(io::Error::other("the null server did not start"))
        } else {
            Ok(null)
        }
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for NullProcess {
    fn drop(&mut self) {
        // It may have ended by itself, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
