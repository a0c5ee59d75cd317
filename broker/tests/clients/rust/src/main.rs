//! rdkafka under the checks of ../python/suite.py, whose header describes the verbs and the lines printed here.

mod adapter;
mod lines;
mod suite;

use std::path::Path;

use adapter::{Client, send};
use lines::Record;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (verb, brokers, rest) = (&arguments[0], &arguments[1], &arguments[2..]);
    let client = Client::new(brokers);
    match verb.as_str() {
        "suite" => std::process::exit(suite::run(&client)),
        "produce" => rest.iter().for_each(|argument| produce(&client, argument)),
        "consume" => rest[1..]
            .iter()
            .for_each(|topic| consume(&client, Path::new(&rest[0]), topic)),
        other => panic!("unknown verb {other}"),
    }
}

/// `TOPIC=CODEC=FILE`
fn produce(client: &Client, argument: &str) {
    let [topic, codec, path] = argument.splitn(3, '=').collect::<Vec<_>>()[..] else {
        panic!("{argument} is not TOPIC=CODEC=FILE");
    };
    client
        .create(topic, 3, &[("max.message.bytes", "2097152")])
        .expect("create");
    let text = std::fs::read_to_string(path).expect("the records");
    let records: Vec<Record> = text.lines().map(Record::parse).collect();
    send(&client.producer(codec, false), &records, topic);
    println!("ok produce {topic}");
}

fn consume(client: &Client, folder: &Path, topic: &str) {
    let lines: String = client.read(topic).iter().map(|record| record.line() + "\n").collect();
    std::fs::write(folder.join(topic), lines).expect("what was read");
    println!("ok consume {topic}");
}
