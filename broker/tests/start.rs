//! Goal: a start that cannot be says why and ends with exit code 78, on any number of cores; a stop is heard at any time.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::{
        fs::{FileExt, MetadataExt, PermissionsExt},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

#[path = "harness/signal.rs"]
mod signal;

use corelane_protocol::{
    frame,
    header::RequestHeader,
    message::Message,
    messages::create_topics::{CreatableTopic, CreateTopicsRequest},
};
use signal::send_signal;

const EXIT_CONFIG: i32 = 78;
/// A user without any right.
const NOBODY: u32 = 65_534;
/// Far more than any refusal takes, on any machine.
const LIMIT: Duration = Duration::from_secs(60);

/// A data directory, removed when dropped, and the words that start a broker on it.
struct Start {
    directory: PathBuf,
    port: u16,
}

impl Start {
    fn new() -> Start {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("start-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .unwrap()
            .port();
        Start {
            directory: Path::new(env!("CARGO_TARGET_TMPDIR")).join(name),
            port,
        }
    }

    fn command(&self, cores: usize, set: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_corelane"));
        command
            .args(["start", "--cores", &cores.to_string()])
            .args(["--set", &format!("listeners=PLAINTEXT://127.0.0.1:{}", self.port)])
            .args(["--set", &format!("log.dirs={}", self.directory.display())])
            .args(["--set", "journal.bytes.per.core=16777216"])
            .args(set.iter().flat_map(|set| ["--set", set]))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// What a start that must be refused complained.
    fn refusal(&self, cores: usize, set: &[&str]) -> String {
        let ended = Running::new(self.command(cores, set)).end();
        assert_eq!(ended.code, Some(EXIT_CONFIG), "{cores} cores: {}", ended.log);
        ended.log
    }

    /// Sends bytes as a client would, and waits for the first bytes of an answer or, `to_end`, for the connection's end.
    fn send(&self, bytes: &[u8], to_end: bool) -> usize {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        stream.write_all(bytes).unwrap();
        let mut answer = Vec::new();
        if to_end {
            // A reset is an end, too.
            let _ = stream.read_to_end(&mut answer);
            return answer.len();
        }
        answer.resize(4, 0);
        stream.read(&mut answer).unwrap()
    }

    /// A broker that was ready once, and stopped in order.
    fn run_once(&self, cores: usize) {
        let mut running = Running::new(self.command(cores, &[]));
        running.wait_ready();
        running.signal("TERM");
        let ended = running.end();
        assert_eq!(ended.code, Some(0), "{}", ended.log);
    }
}

impl Drop for Start {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

struct Running {
    child: Child,
}

struct Ended {
    code: Option<i32>,
    log: String,
}

impl Running {
    fn new(mut command: Command) -> Running {
        Running {
            child: command.spawn().unwrap(),
        }
    }

    fn wait_ready(&mut self) {
        let mut lines = BufReader::new(self.child.stdout.as_mut().unwrap()).lines();
        let ready = lines.any(|line| line.is_ok_and(|line| line == "ready"));
        assert!(ready, "the broker ended before it was ready");
    }

    fn signal(&self, name: &str) {
        send_signal(&self.child, name);
    }

    /// Waits for the process to end by itself.
    fn end(mut self) -> Ended {
        let mut stderr = self.child.stderr.take().unwrap();
        let log = thread::spawn(move || {
            let mut text = String::new();
            let _ = stderr.read_to_string(&mut text);
            text
        });
        let deadline = Instant::now() + LIMIT;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break Some(status);
            }
            if Instant::now() >= deadline {
                let _ = self.child.kill();
                break None;
            }
            thread::sleep(Duration::from_millis(5));
        };
        let log = log.join().unwrap();
        let status = status.unwrap_or_else(|| panic!("the broker did not end by itself; it said:\n{log}"));
        Ended {
            code: status.code(),
            log,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn on_1_2_and_4_cores(story: impl Fn(usize)) {
    [1, 2, 4].into_iter().for_each(story);
}

#[test]
fn a_directory_of_something_else_is_refused() {
    on_1_2_and_4_cores(|cores| {
        let start = Start::new();
        fs::create_dir_all(&start.directory).unwrap();
        fs::write(start.directory.join("notes.txt"), "").unwrap();
        let said = start.refusal(cores, &[]);
        let path = format!("data directory {}:", start.directory.display());
        for word in [
            &path,
            "'notes.txt'",
            "only an empty directory is formatted",
            "--set log.dirs=",
        ] {
            assert!(said.contains(word), "{word} is missing: {said}");
        }
        assert_eq!(fs::read_dir(&start.directory).unwrap().count(), 2, "notes and the lock");
    });
}

#[test]
fn a_directory_of_another_node_is_refused() {
    on_1_2_and_4_cores(|cores| {
        let start = Start::new();
        start.run_once(cores);
        let said = start.refusal(cores, &["node.id=7"]);
        assert!(said.contains("belongs to node.id 1"), "{said}");
    });
}

#[test]
fn lost_superblocks_are_refused() {
    on_1_2_and_4_cores(|cores| {
        let start = Start::new();
        start.run_once(cores);
        for copy in ["superblock.a", "superblock.b"] {
            let file = fs::OpenOptions::new()
                .write(true)
                .open(start.directory.join("meta").join(copy));
            file.unwrap().write_all_at(&[0xee; 4096], 0).unwrap();
        }
        let said = start.refusal(cores, &[]);
        assert!(said.contains("no valid superblock is left"), "{said}");
    });
}

#[test]
fn a_directory_of_a_newer_release_is_refused() {
    let start = Start::new();
    start.run_once(1);
    for copy in ["superblock.a", "superblock.b"] {
        let file = fs::OpenOptions::new()
            .write(true)
            .open(start.directory.join("meta").join(copy));
        file.unwrap().write_all_at(&99u32.to_le_bytes(), 8).unwrap();
    }
    let said = start.refusal(1, &[]);
    for word in [
        start.directory.to_str().unwrap(),
        "version 99 is newer",
        "use the release that wrote it",
    ] {
        assert!(said.contains(word), "{word} is missing: {said}");
    }
}

/// Both the directory and the port are taken: it is told which it is, and not after a wait for the port.
#[test]
fn a_second_broker_on_a_directory_is_told_of_the_first() {
    let start = Start::new();
    let mut first = Running::new(start.command(1, &[]));
    first.wait_ready();
    let said = start.refusal(1, &[]);
    let owner = format!("another broker has it (process {})", first.child.id());
    assert!(said.contains(&owner) && said.contains("--set log.dirs="), "{said}");
    assert!(!said.contains("the port is taken"), "{said}");
    let path = start.directory.display().to_string();
    assert!(said.contains(&path), "{said}");
}

#[test]
fn a_directory_that_cannot_be_had_is_refused_with_the_remedy() {
    let start = Start::new();
    // A file where a directory should be.
    fs::create_dir_all(&start.directory).unwrap();
    fs::write(start.directory.join("file"), "").unwrap();
    let below = format!("log.dirs={}", start.directory.join("file/data").display());
    let said = start.refusal(1, &[&below]);
    assert!(said.contains("A part of this path is no directory"), "{said}");

    // Somebody else's.
    fs::remove_file(start.directory.join("file")).unwrap();
    let mut command = start.command(1, &[]);
    if fs::metadata("/proc/self").unwrap().uid() == 0 {
        fs::set_permissions(&start.directory, fs::Permissions::from_mode(0o700)).unwrap();
        command.uid(NOBODY).gid(NOBODY);
    } else {
        fs::set_permissions(&start.directory, fs::Permissions::from_mode(0o000)).unwrap();
    }
    let ended = Running::new(command).end();
    fs::set_permissions(&start.directory, fs::Permissions::from_mode(0o700)).unwrap();
    assert_eq!(ended.code, Some(EXIT_CONFIG), "{}", ended.log);
    for word in ["Permission denied", "this process is user", "chown -R"] {
        assert!(ended.log.contains(word), "{word} is missing: {}", ended.log);
    }
}

/// Goal: `corelane` is `corelane start`, with the environment of that, and says so.
#[test]
fn without_a_command_a_broker_starts() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_corelane"));
    command
        .env("CORELANE_CONFIG", "/nowhere/server.properties")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let ended = Running::new(command).end();
    assert_eq!(ended.code, Some(EXIT_CONFIG), "{}", ended.log);
    assert!(
        ended.log.contains("/nowhere/server.properties: No such file"),
        "{}",
        ended.log
    );
    for (words, expected) in [
        (&["--help"][..], "`corelane` is `corelane start`"),
        (&["-h"], "`corelane` is `corelane start`"),
        (&["start", "--help"], "data in ./corelane-data"),
    ] {
        let help = Command::new(env!("CARGO_BIN_EXE_corelane"))
            .args(words)
            .output()
            .unwrap();
        let help = String::from_utf8(help.stdout).unwrap();
        let first = help.lines().take(2).collect::<String>();
        assert!(first.contains(expected), "{words:?}: {help}");
    }
}

/// The fault is one core's, and not the first one's.
#[test]
fn a_lost_journal_file_is_refused() {
    on_1_2_and_4_cores(|cores| {
        let start = Start::new();
        start.run_once(cores);
        let lost = files_named(&start.directory, "0001.wal").pop().unwrap();
        fs::remove_file(&lost).unwrap();
        let said = start.refusal(cores, &[]);
        assert!(said.contains("0001.wal") && said.contains("No such file"), "{said}");
    });
}

/// Files may not grow as large as a journal's: as on a disk that is too small, its creation fails on every core.
#[test]
fn journals_that_cannot_be_made_are_refused() {
    on_1_2_and_4_cores(|cores| {
        let start = Start::new();
        let plain = start.command(cores, &[]);
        let mut command = Command::new("sh");
        command
            .args(["-c", "trap '' XFSZ; ulimit -f 1024; exec \"$0\" \"$@\""])
            .arg(plain.get_program())
            .args(plain.get_args())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let ended = Running::new(command).end();
        assert_eq!(ended.code, Some(EXIT_CONFIG), "{cores} cores: {}", ended.log);
        // The first write is cut short; why, the next one is told.
        assert!(ended.log.contains("File too large"), "{}", ended.log);
        // The next start goes on where this one was refused.
        start.run_once(cores);
    });
}

#[test]
fn a_stop_during_the_start_is_heard() {
    on_1_2_and_4_cores(|cores| {
        let start = Start::new();
        let running = Running::new(start.command(cores, &["journal.bytes.per.core=1073741824"]));
        let deadline = Instant::now() + LIMIT;
        while files_named(&start.directory, "0000.wal.new").is_empty() {
            assert!(Instant::now() < deadline, "no journal is begun");
            thread::sleep(Duration::from_millis(1));
        }
        running.signal("INT");
        let ended = running.end();
        assert_eq!(ended.code, Some(0), "{}", ended.log);
        for said in [
            "the data directory was empty: it is formatted",
            "told to stop before it was ready",
        ] {
            assert!(ended.log.contains(said), "{said} is missing: {}", ended.log);
        }
    });
}

/// As `timeout -s INT` does: first its child, then the process group.
#[test]
fn two_signals_at_once_are_one_stop() {
    let start = Start::new();
    let mut command = start.command(2, &[]);
    command.process_group(0);
    let mut running = Running::new(command);
    running.wait_ready();
    let child = running.child.id();
    let script = format!("kill -s INT {child}; kill -s INT -- -{child}");
    assert!(Command::new("sh").args(["-c", &script]).status().unwrap().success());
    let ended = running.end();
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert!(ended.log.contains("stopped"), "{}", ended.log);
}

#[test]
fn the_log_tells_of_a_start_and_a_stop() {
    let start = Start::new();
    start.run_once(1);
    let mut running = Running::new(start.command(2, &[]));
    running.wait_ready();
    running.signal("TERM");
    let log = running.end().log;
    for said in [
        "starting",
        concat!("version=\"", env!("CARGO_PKG_VERSION"), "\""),
        start.directory.to_str().unwrap(),
        "moving the journals",
        "journals recovered",
        "ready",
        "stopping",
        "stopped",
    ] {
        assert!(log.contains(said), "{said} is missing:\n{log}");
    }
}

#[test]
fn a_taken_port_is_said_at_once_and_then_refused() {
    let start = Start::new();
    let _taken = TcpListener::bind(("127.0.0.1", start.port)).unwrap();
    let said = start.refusal(2, &[]);
    assert!(said.contains("the port is taken; waiting up to 10 s"), "{said}");
    assert!(said.contains("is in use by another process"), "{said}");
    assert!(!start.directory.exists(), "nothing is written before the port is ours");
}

/// Goal: a client can neither forge a line of the log nor flood it, and one that speaks another protocol is told apart.
#[test]
fn what_clients_send_does_not_break_the_log() {
    let start = Start::new();
    let mut running = Running::new(start.command(2, &[]));
    running.wait_ready();
    let hostile = "x\nforged line\r\u{1b}[31m";
    let request = CreateTopicsRequest {
        topics: vec![
            CreatableTopic {
                name: hostile.to_owned(),
                num_partitions: 1,
                replication_factor: 1,
                ..Default::default()
            },
            CreatableTopic {
                name: "good".to_owned(),
                num_partitions: 1,
                replication_factor: 1,
                ..Default::default()
            },
        ],
        timeout_ms: 10_000,
        ..Default::default()
    };
    let header = RequestHeader {
        api_key: CreateTopicsRequest::API_KEY,
        api_version: 4,
        correlation_id: 1,
        client_id: Some(hostile.to_owned()),
    };
    let answered = start.send(&frame::request(&header, &request), false);
    assert!(answered > 0);
    for _ in 0..30 {
        start.send(b"GET /metrics HTTP/1.1\r\n\r\n", true);
    }
    start.send(&[0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc], true);
    running.signal("TERM");
    let log = running.end().log;
    assert!(log.lines().all(|line| !line.starts_with("forged")), "{log}");
    assert!(!log.contains('\u{1b}') && !log.contains('\r'), "{log:?}");
    assert!(log.contains("refused=1") && log.contains("topic created"), "{log}");
    let complaints = log.lines().filter(|line| line.contains("this looks like HTTP")).count();
    assert!(
        (1..=20).contains(&complaints),
        "{complaints} lines of 30, two cores:\n{log}"
    );
}

/// In order of their folders, so that the last one is the last core's.
fn files_named(directory: &Path, name: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![directory.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else if entry.file_name() == name {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    found
}
