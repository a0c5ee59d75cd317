//! What the message tables say, as values: for documentation, random messages and fuzzing.

use crate::api_key::ApiKey;

/// One message: a request, a response, or something embedded in one.
#[derive(Debug)]
pub struct Schema {
    pub api_key: ApiKey,
    /// The versions that we speak.
    pub versions: Span,
    /// First version with compact types and tagged fields; `i16::MAX` where there is none.
    pub flexible: i16,
    pub root: &'static Structure,
}

/// A structure, in the order of its fields on the wire.
#[derive(Debug)]
pub struct Structure {
    pub name: &'static str,
    pub fields: &'static [FieldSchema],
}

/// One line of a table.
#[derive(Debug)]
pub struct FieldSchema {
    pub name: &'static str,
    pub kind: Kind,
    /// Versions that have the field; in others it holds its default.
    pub versions: Span,
    /// Versions in which it may be null.
    pub nullable: Span,
    /// Its number among the tagged fields, if it is one.
    pub tag: Option<u32>,
    /// The default as written in the table; empty where it is the type's own.
    pub default: &'static str,
}

/// Types of the wire.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    Bool,
    Int8,
    Int16,
    Uint16,
    Int32,
    Int64,
    Float64,
    Uuid,
    String,
    /// Also Kafka's type "records", which is encoded alike.
    Bytes,
    Array(&'static Kind),
    Structure(&'static Structure),
}

/// Versions from `first` to `last`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub first: i16,
    pub last: i16,
}

impl Span {
    /// No version at all.
    pub const NEVER: Span = Span {
        first: i16::MAX,
        last: i16::MIN,
    };

    /// Whether `version` lies within.
    pub const fn contains(self, version: i16) -> bool {
        self.first <= version && version <= self.last
    }
}
