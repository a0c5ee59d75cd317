//! The real clients: how each is installed and called.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Mutex;

use super::broker::dies_with_test;
use super::{cache_folder, clients_folder, in_ci};

/// What is installed together, by `clients/setup.sh`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    Python,
    Node,
    Go,
    Java,
    Rust,
    Kcat,
    /// A user interface that people have, and a terminal to look at it with.
    Ui,
}

/// One client under test; every one understands the verbs `suite`, `produce` and `consume`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    Kcat,
    Confluent,
    KafkaPython,
    Aiokafka,
    Kafkajs,
    FranzGo,
    Sarama,
    KafkaGo,
    Rdkafka,
    Java,
}

impl Client {
    pub const ALL: [Client; 10] = [
        Client::Kcat,
        Client::Confluent,
        Client::KafkaPython,
        Client::Aiokafka,
        Client::Kafkajs,
        Client::FranzGo,
        Client::Sarama,
        Client::KafkaGo,
        Client::Rdkafka,
        Client::Java,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Client::Kcat => "kcat",
            Client::Confluent => "confluent",
            Client::KafkaPython => "kafka-python",
            Client::Aiokafka => "aiokafka",
            Client::Kafkajs => "kafkajs",
            Client::FranzGo => "franz-go",
            Client::Sarama => "sarama",
            Client::KafkaGo => "kafka-go",
            Client::Rdkafka => "rdkafka",
            Client::Java => "java",
        }
    }

    pub fn family(self) -> Family {
        match self {
            Client::Kcat => Family::Kcat,
            Client::Confluent | Client::KafkaPython | Client::Aiokafka => Family::Python,
            Client::Kafkajs => Family::Node,
            Client::FranzGo | Client::Sarama | Client::KafkaGo => Family::Go,
            Client::Rdkafka => Family::Rust,
            Client::Java => Family::Java,
        }
    }

    /// The checks that its `suite` must report as passed: one silently left out is a failure too.
    pub fn checks(self) -> &'static [&'static str] {
        const FULL: &[&str] = &[
            "admin",
            "roundtrip_none",
            "roundtrip_gzip",
            "roundtrip_snappy",
            "roundtrip_lz4",
            "roundtrip_zstd",
            "one_mib",
            "keyed",
            "list_offsets",
            "idempotent",
            "groups",
            "restart",
        ];
        const KCAT: &[&str] = &[
            "metadata",
            "roundtrip_none",
            "roundtrip_gzip",
            "roundtrip_snappy",
            "roundtrip_lz4",
            "roundtrip_zstd",
            "headers",
            "null_value",
            "one_mib",
            "list_offsets",
            "idempotent",
            "groups",
            "restart",
        ];
        // Without `idempotent`, which the library does not know.
        const KAFKA_GO: &[&str] = &[
            "admin",
            "roundtrip_none",
            "roundtrip_gzip",
            "roundtrip_snappy",
            "roundtrip_lz4",
            "roundtrip_zstd",
            "one_mib",
            "keyed",
            "list_offsets",
            "groups",
            "restart",
        ];
        match self {
            Client::Kcat => KCAT,
            Client::KafkaGo => KAFKA_GO,
            _ => FULL,
        }
    }

    /// The writer of the kill -9 test, which librdkafka has in a file of its own.
    pub fn command_of_load(self) -> Command {
        if self == Client::Confluent {
            return python("load.py");
        }
        let mut command = self.command();
        command.arg("load");
        command
    }

    /// The program with nothing but its fixed arguments.
    pub fn command(self) -> Command {
        let cache = cache_folder();
        let scripts = clients_folder();
        match self {
            Client::Kcat => {
                let mut command = dies_with_test("python3");
                command.arg("-u").arg(scripts.join("kcat/kcat_client.py"));
                command
            }
            Client::Confluent | Client::KafkaPython | Client::Aiokafka => {
                let file = match self {
                    Client::Confluent => "confluent_client.py",
                    Client::KafkaPython => "kafka_python_client.py",
                    _ => "aiokafka_client.py",
                };
                python(file)
            }
            Client::Kafkajs => {
                let mut command = dies_with_test("node");
                command
                    .arg(scripts.join("node/kafkajs.js"))
                    .env("NODE_PATH", cache.join("node/node_modules"));
                command
            }
            Client::FranzGo | Client::Sarama | Client::KafkaGo => dies_with_test(cache.join("go").join(self.name())),
            Client::Rdkafka => dies_with_test(cache.join("rust/debug/rdkafka-client")),
            Client::Java => java("Suite"),
        }
    }
}

/// A program of the folder of Python clients, with what they need.
pub fn python(file: &str) -> Command {
    let mut command = dies_with_test(cache_folder().join("python/bin/python"));
    command.arg("-u").arg(clients_folder().join("python").join(file));
    command
}

/// A Java program with Kafka's jars and ours on the class path.
pub fn java(class: &str) -> Command {
    let cache = cache_folder().join("java");
    let mut command = dies_with_test("java");
    command.args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp"]);
    command.arg(format!(
        "{}:{}",
        cache.join("classes").display(),
        cache.join("jars/*").display()
    ));
    command.arg(class);
    command
}

impl Family {
    /// Installs the family, once per process; the error says what is missing.
    pub fn install(self) -> Result<(), String> {
        static DONE: Mutex<BTreeMap<Family, Result<(), String>>> = Mutex::new(BTreeMap::new());
        let mut done = DONE.lock().expect("an earlier install panicked");
        done.entry(self).or_insert_with(|| self.run_setup()).clone()
    }

    /// Like `install`, but says what to do about a failure: `false` is "skip", and in CI there is no skipping.
    pub fn is_installed(self) -> bool {
        match self.install() {
            Ok(()) => true,
            Err(why) if in_ci() => panic!("{self:?} clients cannot be installed: {why}"),
            Err(why) => {
                eprintln!("skipped: {self:?} clients cannot be installed: {why}");
                false
            }
        }
    }

    fn run_setup(self) -> Result<(), String> {
        let word = format!("{self:?}").to_lowercase();
        let output = Command::new("timeout")
            .args(["--kill-after=10", "600"])
            .arg(clients_folder().join("setup.sh"))
            .arg(word)
            .arg(cache_folder())
            .output()
            .map_err(|error| error.to_string())?;
        if output.status.success() {
            return Ok(());
        }
        let said = [output.stdout, output.stderr].concat();
        Err(String::from_utf8_lossy(&said).trim().to_owned())
    }
}
