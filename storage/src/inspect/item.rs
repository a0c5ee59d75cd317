//! One thing found in a file: where it lies, what it says, what is wrong with it.

use std::fmt;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Byte of the file where it begins.
    pub at: u64,
    pub bytes: u64,
    /// 0: of the file; 1: of the item before it that has 0, and so on.
    pub depth: u8,
    pub what: &'static str,
    pub says: Vec<(&'static str, Value)>,
    /// For a person.
    pub wrong: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Number(i64),
    Count(u64),
    /// A checksum, a seed: of no size.
    Bits(u64),
    Text(String),
    Flag(bool),
}

impl Item {
    pub(super) fn new(what: &'static str, at: u64, bytes: u64) -> Item {
        Item {
            at,
            bytes,
            depth: 0,
            what,
            says: Vec::new(),
            wrong: None,
        }
    }

    /// Within the item before.
    pub(super) fn inside(mut self) -> Item {
        self.depth = 1;
        self
    }

    pub(super) fn say(mut self, name: &'static str, value: impl Into<Value>) -> Item {
        self.says.push((name, value.into()));
        self
    }

    /// Only where there is something to say.
    pub(super) fn say_if(self, says: bool, name: &'static str, value: impl Into<Value>) -> Item {
        if says { self.say(name, value) } else { self }
    }

    /// The first thing that is wrong stays; others are joined.
    pub(super) fn wrong(mut self, why: impl fmt::Display) -> Item {
        self.wrong = Some(match self.wrong.take() {
            Some(before) => format!("{before}; {why}"),
            None => why.to_string(),
        });
        self
    }

    pub(super) fn wrong_if(self, is_wrong: bool, why: impl fmt::Display) -> Item {
        if is_wrong { self.wrong(why) } else { self }
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let indent = usize::from(self.depth) * 2;
        write!(f, "{:>10} {:indent$}{}", self.at, "", self.what)?;
        for (name, value) in &self.says {
            write!(f, " {name}={value}")?;
        }
        match &self.wrong {
            Some(why) => write!(f, "  WRONG: {why}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Number(number) => write!(f, "{number}"),
            Value::Count(count) => write!(f, "{count}"),
            Value::Bits(bits) => write!(f, "{bits:#x}"),
            // As it stands only where it could be nothing else.
            Value::Text(text) if !text.is_empty() && text.chars().all(is_plain) => f.write_str(text),
            Value::Text(text) => write!(f, "{text:?}"),
            Value::Flag(flag) => write!(f, "{flag}"),
        }
    }
}

fn is_plain(char: char) -> bool {
    char.is_ascii_graphic() && !matches!(char, '"' | '\\' | '=')
}

macro_rules! values {
    ($($from:ty => $variant:ident;)*) => {
        $(impl From<$from> for Value {
            fn from(value: $from) -> Value {
                Value::$variant(value.into())
            }
        })*
    };
}

values! {
    i64 => Number;
    i32 => Number;
    i16 => Number;
    u64 => Count;
    u32 => Count;
    String => Text;
    &str => Text;
    bool => Flag;
}
