//! One broker process on a free port with its own data: ours, or Apache Kafka's when `CORELANE_TEST_PEER=kafka`.
//!
//! The peer proves the tests: what fails against both is the test's fault.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::{TempFolder, cache_folder, client::Family, in_ci, signal::send_signal, wait_until};

const START_LIMIT: Duration = Duration::from_secs(60);

pub struct Broker {
    folder: TempFolder,
    pub port: u16,
    cores: usize,
    settings: Vec<(String, String)>,
    /// Words before the program's name that make it run with fewer rights.
    launcher: Vec<String>,
    /// It is Apache Kafka.
    is_peer: bool,
    child: Option<Child>,
}

/// Linux's `nobody`.
const NOBODY: u32 = 65534;

/// Whether the suites run against Apache Kafka instead of this broker.
pub fn is_peer() -> bool {
    std::env::var("CORELANE_TEST_PEER").is_ok_and(|peer| peer == "kafka")
}

impl Broker {
    /// Starts a broker on an empty folder and waits until it accepts.
    pub fn start(name: &str, cores: usize) -> Self {
        Self::start_with(name, cores, &[])
    }

    /// `settings` come after the ones every test wants.
    pub fn start_with(name: &str, cores: usize, settings: &[(&str, &str)]) -> Self {
        let folder = TempFolder::new(name);
        Self::start_in(folder, Vec::new(), is_peer(), cores, settings)
    }

    /// Apache Kafka, whatever the environment says, for what is compared with it.
    pub fn start_kafka(name: &str, settings: &[(&str, &str)]) -> Self {
        Self::start_in(TempFolder::new(name), Vec::new(), true, 1, settings)
    }

    /// Starts as `nobody` when the test runs as root, else as whoever runs it, with so much lockable memory. `None` where
    /// that much may not be locked at all; in CI that is a failure.
    pub fn start_as_ordinary_user(name: &str, cores: usize, memlock_bytes: u64) -> Option<Self> {
        let limit = format!("--memlock={memlock_bytes}:{memlock_bytes}");
        let permitted = Command::new("prlimit").args([&limit, "true"]).status();
        if !permitted.is_ok_and(|status| status.success()) {
            let why = format!("{memlock_bytes} bytes of memory may not be locked here (ulimit -l)");
            assert!(!in_ci(), "{why}");
            eprintln!("skipped: {why}");
            return None;
        }
        let is_root = std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
        let mut launcher: Vec<String> = Vec::new();
        // Nobody else need be able to enter the folders of the build.
        let folder = TempFolder::within(Path::new("/var/tmp"), &format!("corelane-{name}"));
        if is_root {
            std::os::unix::fs::chown(folder.path(), Some(NOBODY), Some(NOBODY)).expect("give the folder away");
            let (user, group) = (format!("--reuid={NOBODY}"), format!("--regid={NOBODY}"));
            launcher.extend([user, group, "--clear-groups".into(), "--inh-caps=-all".into()]);
        }
        launcher.extend(["--".into(), "prlimit".into(), limit]);
        copy_broker_into(folder.path());
        Some(Self::start_in(folder, launcher, is_peer(), cores, &[]))
    }

    /// Starts with so many descriptors, and no way to more.
    pub fn start_with_descriptors(name: &str, cores: usize, descriptors: u32) -> Self {
        let folder = TempFolder::new(name);
        let limit = format!("--nofile={descriptors}:{descriptors}");
        copy_broker_into(folder.path());
        let launcher = vec!["--".into(), "prlimit".into(), limit];
        Self::start_in(folder, launcher, is_peer(), cores, &[])
    }

    fn start_in(
        folder: TempFolder,
        launcher: Vec<String>,
        is_peer: bool,
        cores: usize,
        settings: &[(&str, &str)],
    ) -> Self {
        let mut all = vec![
            ("num.partitions", "3"),
            // A group of a test need not wait for members that nobody will start.
            ("group.initial.rebalance.delay.ms", "0"),
            ("offsets.topic.replication.factor", "1"),
            ("transaction.state.log.replication.factor", "1"),
            ("transaction.state.log.min.isr", "1"),
        ];
        all.extend(settings);
        let mut broker = Broker {
            folder,
            port: free_port(),
            cores,
            settings: all
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect(),
            launcher,
            is_peer,
            child: None,
        };
        if is_peer {
            broker.format_peer();
        }
        broker.start_again();
        broker
    }

    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// SIGKILL: no goodbye, no flush.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Starts on the same port and data and waits until it accepts.
    pub fn start_again(&mut self) {
        let seen = self.log_text().len();
        self.spawn();
        let ready = wait_until(START_LIMIT, || {
            let child = self.child.as_mut().expect("just spawned");
            if let Some(status) = child.try_wait().expect("wait for the broker") {
                panic!("broker ended while starting: {status}\n{}", self.log_tail());
            }
            let said = self.log_text()[seen..].lines().any(is_ready_line);
            (said && TcpStream::connect(("127.0.0.1", self.port)).is_ok()).then_some(())
        });
        assert!(
            ready.is_some(),
            "broker not ready within {START_LIMIT:?}\n{}",
            self.log_tail()
        );
    }

    /// Starts without waiting for anything: the next kill hits it in the middle of recovery.
    pub fn spawn(&mut self) {
        assert!(self.child.is_none(), "still running");
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.log_path())
            .expect("broker log");
        let mut command = if self.is_peer {
            self.peer_command()
        } else {
            self.command()
        };
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("log handle"))
            .stderr(log);
        self.child = Some(command.spawn().expect("start the broker"));
    }

    /// The last lines the broker wrote, for a failing test's message.
    pub fn log_tail(&self) -> String {
        let text = self.log_text();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }

    /// Sends a signal by name.
    pub fn signal(&self, name: &str) {
        send_signal(self.child.as_ref().expect("it runs"), name);
    }

    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    fn log_path(&self) -> PathBuf {
        self.folder().join("broker.log")
    }

    pub fn log_text(&self) -> String {
        let bytes = std::fs::read(self.log_path()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn command(&self) -> Command {
        let mut command = if self.launcher.is_empty() {
            dies_with_test(env!("CARGO_BIN_EXE_corelane"))
        } else {
            let mut command = Command::new("setpriv");
            command.args(["--pdeathsig", "KILL"]).args(&self.launcher);
            command.arg(self.folder().join("corelane"));
            command
        };
        command.args(["start", "--cores", &self.cores.to_string()]);
        command.args(["--set", &format!("listeners=PLAINTEXT://127.0.0.1:{}", self.port)]);
        command.args(["--set", &format!("log.dirs={}", self.folder().join("data").display())]);
        for (key, value) in &self.settings {
            command.args(["--set", &format!("{key}={value}")]);
        }
        command
    }

    fn peer_command(&self) -> Command {
        let mut command = dies_with_test("java");
        command.args([
            "-Xmx512m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-Dorg.apache.logging.log4j.level=INFO",
            "-cp",
        ]);
        command.arg(cache_folder().join("java/jars/*"));
        command.arg("kafka.Kafka").arg(self.folder().join("server.properties"));
        command
    }

    fn format_peer(&self) {
        Family::Java.install().expect("the peer needs Java");
        let controller = free_port();
        let path = self.folder().join("server.properties");
        let mut file = File::create(&path).expect("server.properties");
        writeln!(
            file,
            "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@127.0.0.1:{controller}\n\
             listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}\n\
             advertised.listeners=PLAINTEXT://127.0.0.1:{port}\ncontroller.listener.names=CONTROLLER\n\
             listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT\nlog.dirs={data}",
            port = self.port,
            data = self.folder().join("data").display(),
        )
        .expect("server.properties");
        for (key, value) in &self.settings {
            writeln!(file, "{key}={value}").expect("server.properties");
        }
        let output = Command::new("java")
            .arg("-cp")
            .arg(cache_folder().join("java/jars/*"))
            .args([
                "kafka.tools.StorageTool",
                "format",
                "--cluster-id",
                "AAAAAAAAAAAAAAAAAAAAAQ",
                "--config",
            ])
            .arg(&path)
            .output()
            .expect("format the peer");
        assert!(
            output.status.success(),
            "format: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- the broker's last lines ---\n{}", self.log_tail());
        }
        self.kill();
    }
}

/// By a process of its own: while this one had the copy open to write it, another test's child could take that along, and a program
/// that anybody may write to cannot be run.
fn copy_broker_into(folder: &Path) {
    let copied = Command::new("cp")
        .arg(env!("CARGO_BIN_EXE_corelane"))
        .arg(folder.join("corelane"))
        .status();
    assert!(copied.is_ok_and(|status| status.success()), "copy the broker");
}

fn is_ready_line(line: &str) -> bool {
    line.trim() == "ready" || line.contains("Kafka Server started")
}

/// A command that the kernel kills when the thread that started it ends, however that happens.
pub fn dies_with_test(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

/// A port that nobody has now, below those that the system gives to clients for their own end: one of them that keeps trying
/// to reach a broker that is down would sooner or later be given the broker's port, connect to itself, and hold it.
pub fn free_port() -> u16 {
    static TRIED: AtomicU32 = AtomicU32::new(0);
    loop {
        let number = std::process::id()
            .wrapping_mul(7919)
            .wrapping_add(TRIED.fetch_add(1, Ordering::Relaxed));
        let port = 10_000 + (number % 22_000) as u16;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
