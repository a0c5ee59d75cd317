//! Records as lines of text, in the form that the harness and all clients share (see records.rs of the harness).

#[derive(Clone, Debug, Default)]
pub struct Record {
    /// −1: by the key.
    pub partition: i32,
    pub offset: i64,
    pub timestamp: Option<i64>,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

impl Record {
    /// As it was read.
    pub fn line(&self) -> String {
        let pair = |(name, value): &(String, Option<Vec<u8>>)| {
            format!("{}:{}", hex(Some(name.as_bytes())), hex(value.as_deref()))
        };
        let headers = match &self.headers[..] {
            [] => ".".to_owned(),
            headers => headers.iter().map(pair).collect::<Vec<_>>().join(","),
        };
        let (key, value) = (hex(self.key.as_deref()), hex(self.value.as_deref()));
        let timestamp = self.timestamp.unwrap_or(-1);
        format!("{} {} {timestamp} {key} {value} {headers}", self.partition, self.offset)
    }

    /// As it is to be sent.
    pub fn parse(line: &str) -> Record {
        let words: Vec<&str> = line.split_whitespace().collect();
        let pair = |pair: &str| {
            let (name, value) = pair.split_once(':').expect("a name and a value");
            (
                String::from_utf8(bytes(name).expect("a name")).expect("text"),
                bytes(value),
            )
        };
        Record {
            partition: words[0].parse().expect("a partition"),
            offset: -1,
            timestamp: Some(words[1].parse().expect("a time")),
            key: bytes(words[2]),
            value: bytes(words[3]),
            headers: if words[4] == "." {
                Vec::new()
            } else {
                words[4].split(',').map(pair).collect()
            },
        }
    }
}

fn hex(bytes: Option<&[u8]>) -> String {
    match bytes {
        None => "-".to_owned(),
        Some([]) => ".".to_owned(),
        Some(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    match text {
        "-" => None,
        "." => Some(Vec::new()),
        text => {
            let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal");
            Some((0..text.len()).step_by(2).map(byte).collect())
        }
    }
}
