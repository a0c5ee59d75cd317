//! Goal: a real process survives what people do to processes, and ends when it should.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    os::unix::process::ExitStatusExt,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    sync::Once,
    thread,
    time::{Duration, Instant},
};

use crate::{server::Scratch, signal::send_signal};

/// The echo server of `examples/`.
struct Echo {
    child: Child,
    address: SocketAddr,
    _scratch: Scratch,
}

impl Echo {
    fn start(cores: usize, arguments: &[&str]) -> Echo {
        let scratch = Scratch::new();
        let mut child = Command::new(program())
            .arg("--dir")
            .arg(scratch.path())
            .args(["--cores", &cores.to_string()])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = (0..cores).map(|_| lines.next().unwrap().unwrap()).last().unwrap();
        let address = line.rsplit(' ').next().unwrap().parse().unwrap();
        Echo {
            child,
            address,
            _scratch: scratch,
        }
    }

    fn signal(&self, name: &str) {
        send_signal(&self.child, name);
    }

    fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "the process does not end");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// User and system time of the process.
    fn cpu(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
        Duration::from_millis(ticks * 10)
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Built here, because `cargo test --test` does not build examples.
fn program() -> PathBuf {
    static BUILT: Once = Once::new();
    let target = std::env::current_exe()
        .unwrap()
        .ancestors()
        .nth(2)
        .unwrap()
        .to_path_buf();
    BUILT.call_once(|| {
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--package", "corelane-broker", "--example", "echo"]);
        if target.ends_with("release") {
            build.arg("--release");
        }
        assert!(build.status().unwrap().success());
    });
    target.join("examples").join("echo")
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream
}

fn ask(stream: &mut TcpStream, question: &[u8]) {
    stream.write_all(question).unwrap();
    let mut answer = vec![0; question.len()];
    stream.read_exact(&mut answer).expect("an answer in time");
    assert_eq!(answer, question);
}

#[test]
fn a_storm_of_stops_does_not_hang_a_core() {
    let echo = Echo::start(2, &["--hop", "--durable"]);
    let mut streams: Vec<TcpStream> = (0..8).map(|_| connect(echo.address)).collect();
    let mut random = 1u64;
    for round in 0..200u64 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        echo.signal("STOP");
        // Longer than the preempt timer of the executor for some of the rounds, at any moment of its work.
        thread::sleep(Duration::from_millis(if round % 10 == 0 { 120 } else { random >> 61 }));
        for stream in &mut streams {
            stream.write_all(&round.to_le_bytes()).unwrap();
        }
        echo.signal("CONT");
        thread::sleep(Duration::from_micros(random >> 51 & 1023));
        for stream in &mut streams {
            let mut answer = [0; 8];
            stream.read_exact(&mut answer).expect("an answer in time");
            assert_eq!(answer, round.to_le_bytes());
        }
    }
}

#[test]
fn a_term_ends_it_in_order() {
    let mut echo = Echo::start(2, &["--durable"]);
    let mut stream = connect(echo.address);
    ask(&mut stream, b"still there");
    echo.signal("TERM");
    assert!(echo.wait().success());
    assert_eq!(stream.read(&mut [0; 8]).unwrap_or(0), 0, "the connection is closed");
}

#[test]
fn an_int_to_a_busy_process_ends_it_in_order() {
    let mut echo = Echo::start(2, &["--hop"]);
    let address = echo.address;
    let busy: Vec<_> = (0..4)
        .map(|_| {
            thread::spawn(move || {
                let mut stream = connect(address);
                let mut answer = [0; 64];
                while stream.write_all(&[7; 64]).is_ok() && stream.read_exact(&mut answer).is_ok() {}
            })
        })
        .collect();
    thread::sleep(Duration::from_millis(50));
    echo.signal("INT");
    assert!(echo.wait().success());
    for client in busy {
        client.join().unwrap();
    }
}

#[test]
fn a_kill_leaves_the_directory_free() {
    let mut echo = Echo::start(1, &[]);
    echo.signal("KILL");
    assert_eq!(echo.wait().signal(), Some(9));
    let lock = corelane_broker::runtime::directory_lock::DirectoryLock::take(echo._scratch.path());
    assert!(lock.is_ok());
}

#[test]
fn an_idle_process_costs_nothing() {
    let echo = Echo::start(2, &[]);
    ask(&mut connect(echo.address), b"once");
    let before = echo.cpu();
    thread::sleep(Duration::from_secs(2));
    let used = echo.cpu() - before;
    assert!(
        used <= Duration::from_millis(30),
        "an idle process used {used:?} in 2 s"
    );
}

#[test]
fn closed_connections_leave_no_descriptor_behind() {
    let mut echo = Echo::start(2, &["--hop"]);
    let descriptors = |echo: &Echo| {
        std::fs::read_dir(format!("/proc/{}/fd", echo.child.id()))
            .unwrap()
            .count()
    };
    ask(&mut connect(echo.address), b"warm");
    // Both cores know of the end of the connection when they answer on a later one.
    thread::sleep(Duration::from_millis(100));
    let before = descriptors(&echo);
    for _ in 0..50 {
        let mut streams: Vec<TcpStream> = (0..10).map(|_| connect(echo.address)).collect();
        for stream in &mut streams {
            ask(stream, b"hello");
        }
    }
    let deadline = Instant::now() + Duration::from_secs(5);
    while descriptors(&echo) > before {
        assert!(
            Instant::now() < deadline,
            "{} descriptors, {before} before",
            descriptors(&echo)
        );
        thread::sleep(Duration::from_millis(10));
    }
    echo.signal("TERM");
    assert!(echo.wait().success());
}
