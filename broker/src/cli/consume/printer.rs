//! How a record looks on standard output: for people the value, and before it whatever else was asked for; for programs
//! one JSON object a line.

use crate::cli::client::{Batch, ClientError};
use bytes::Bytes;
use clap::Args;
use corelane_protocol::records::Record;
use serde_json::{Map, Value, json};
use std::io::{self, BufWriter, Stdout, Write};

/// What to print of a record besides its value.
#[derive(Args, Clone, Debug, Default)]
pub struct Print {
    /// Print topics.
    #[arg(long)]
    print_topic: bool,

    /// Print partitions.
    #[arg(long)]
    print_partition: bool,

    /// Print offsets.
    #[arg(long)]
    print_offset: bool,

    /// Print timestamps, in milliseconds since 1970.
    #[arg(long)]
    print_timestamp: bool,

    /// Print headers.
    #[arg(long)]
    print_headers: bool,

    /// Print keys.
    #[arg(long)]
    print_key: bool,

    /// What stands between those and the value.
    #[arg(long, value_name = "TEXT", default_value = "\t")]
    separator: String,
}

/// Writes records to standard output.
pub struct Printer {
    print: Print,
    json: bool,
    out: BufWriter<Stdout>,
}

impl Printer {
    pub fn new(print: Print, json: bool) -> Printer {
        Printer {
            print,
            json,
            out: BufWriter::new(io::stdout()),
        }
    }

    /// Writes a batch; [`Printer::flush`] shows it.
    pub fn print(&mut self, batch: &Batch) -> Result<(), ClientError> {
        for record in &batch.records {
            let line = if self.json {
                json_line(batch, record)
            } else {
                text_line(&self.print, batch, record)
            };
            self.out.write_all(&line)?;
        }
        Ok(())
    }

    pub fn flush(&mut self) -> Result<(), ClientError> {
        Ok(self.out.flush()?)
    }
}

/// Keys and values pass through as they are; null is the word.
fn text_line(print: &Print, batch: &Batch, record: &Record) -> Vec<u8> {
    const NULL: &[u8] = b"null";
    let headers = || {
        let text = |bytes: &Bytes| String::from_utf8_lossy(bytes).into_owned();
        let header = |header: &corelane_protocol::records::Header| {
            format!(
                "{}={}",
                text(&header.key),
                header.value.as_ref().map_or("null".to_owned(), text)
            )
        };
        record.headers.iter().map(header).collect::<Vec<_>>().join(",")
    };
    let mut parts: Vec<Vec<u8>> = Vec::new();
    let mut add = |is_wanted: bool, part: &dyn Fn() -> Vec<u8>| {
        if is_wanted {
            parts.push(part());
        }
    };
    add(print.print_topic, &|| batch.topic.clone().into_bytes());
    add(print.print_partition, &|| batch.partition.to_string().into_bytes());
    add(print.print_offset, &|| record.offset.to_string().into_bytes());
    add(print.print_timestamp, &|| record.timestamp.to_string().into_bytes());
    add(print.print_headers, &|| headers().into_bytes());
    add(print.print_key, &|| record.key.as_deref().unwrap_or(NULL).to_vec());
    add(true, &|| record.value.as_deref().unwrap_or(NULL).to_vec());
    let mut line = parts.join(print.separator.as_bytes());
    line.push(b'\n');
    line
}

fn json_line(batch: &Batch, record: &Record) -> Vec<u8> {
    let mut object = Map::new();
    object.insert("topic".to_owned(), json!(batch.topic));
    object.insert("partition".to_owned(), json!(batch.partition));
    object.insert("offset".to_owned(), json!(record.offset));
    object.insert("timestamp".to_owned(), json!(record.timestamp));
    insert_bytes(&mut object, "key", record.key.as_ref());
    insert_bytes(&mut object, "value", record.value.as_ref());
    let header = |header: &corelane_protocol::records::Header| {
        let mut object = Map::new();
        insert_bytes(&mut object, "key", Some(&header.key));
        insert_bytes(&mut object, "value", header.value.as_ref());
        Value::Object(object)
    };
    object.insert("headers".to_owned(), record.headers.iter().map(header).collect());
    format!("{}\n", Value::Object(object)).into_bytes()
}

/// As a string; what is not UTF-8 comes as hex under another name.
fn insert_bytes(object: &mut Map<String, Value>, name: &str, bytes: Option<&Bytes>) {
    match bytes.map(|bytes| (bytes, std::str::from_utf8(bytes))) {
        None => object.insert(name.to_owned(), Value::Null),
        Some((_, Ok(text))) => object.insert(name.to_owned(), json!(text)),
        Some((bytes, Err(_))) => {
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            object.insert(format!("{name}_hex"), json!(hex))
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use corelane_protocol::records::Header;

    fn batch() -> Batch {
        let header = Header {
            key: Bytes::from_static(b"h"),
            value: Some(Bytes::from_static(b"1")),
        };
        let record = Record {
            offset: 7,
            timestamp: 1000,
            key: Some(Bytes::from_static(b"k")),
            value: None,
            headers: vec![header],
        };
        Batch {
            topic: "t".to_owned(),
            partition: 2,
            records: vec![record],
        }
    }

    /// Goal: people see what they asked for in a fixed order, the value last.
    #[test]
    fn a_line_for_people() {
        let batch = batch();
        let print = Print {
            print_offset: true,
            print_key: true,
            print_headers: true,
            ..Print::default()
        };
        let print = Print {
            separator: "|".to_owned(),
            ..print
        };
        assert_eq!(text_line(&print, &batch, &batch.records[0]), b"7|h=1|k|null\n");
        assert_eq!(text_line(&Print::default(), &batch, &batch.records[0]), b"null\n");
    }

    /// Goal: programs get everything, and bytes that are no text without loss.
    #[test]
    fn a_line_for_programs() {
        let mut batch = batch();
        batch.records[0].value = Some(Bytes::from_static(&[0xff, 0x00]));
        let line: Value = serde_json::from_slice(&json_line(&batch, &batch.records[0])).unwrap();
        let expected = json!({
            "topic": "t", "partition": 2, "offset": 7, "timestamp": 1000, "key": "k", "value_hex": "ff00",
            "headers": [{"key": "h", "value": "1"}],
        });
        assert_eq!(line, expected);
    }
}
