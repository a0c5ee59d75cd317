//! One row of a config table, and the macros that make tables and typed structs of rows.

use super::value::{AddressCounts, Kind, Value};

/// What a value must be beyond its type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Check {
    Any,
    AtLeast(i64),
    Between(i64, i64),
    /// A number from 0 to 1.
    Ratio,
    /// One of these words, exactly.
    OneOf(&'static [&'static str]),
    /// A list of these words only.
    ListOf(&'static [&'static str]),
    NotEmpty,
    /// -1 (the library's own default) or 1 to 9.
    GzipLevel,
    /// `*`, or `partition:broker` pairs.
    ThrottledReplicas,
    /// Where a share group begins.
    OffsetReset,
    /// `address:count` pairs.
    AddressCounts,
}

impl Check {
    fn test(self, kind: Kind, text: &str) -> Result<(), String> {
        let text = text.trim();
        let number = || text.parse::<i64>().unwrap_or(0);
        let ok = match self {
            Check::Any => true,
            Check::AtLeast(least) if kind == Kind::Double => {
                text.parse().is_ok_and(|number: f64| number >= least as f64)
            }
            Check::AtLeast(least) => number() >= least,
            Check::Between(least, most) => (least..=most).contains(&number()),
            Check::Ratio => text.parse().is_ok_and(|number: f64| (0.0..=1.0).contains(&number)),
            Check::OneOf(words) => words.contains(&text),
            Check::ListOf(words) => text
                .split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty())
                .all(|item| words.contains(&item)),
            Check::NotEmpty => !text.is_empty(),
            Check::GzipLevel => number() == -1 || (1..=9).contains(&number()),
            Check::OffsetReset => matches!(text, "earliest" | "latest") || text.starts_with("by_duration:P"),
            Check::AddressCounts => AddressCounts::read(text).is_ok(),
            Check::ThrottledReplicas => {
                text.is_empty()
                    || text == "*"
                    || text.split(',').all(|pair| {
                        pair.trim().split_once(':').is_some_and(|(partition, broker)| {
                            partition.parse::<i32>().is_ok() && broker.parse::<i32>().is_ok()
                        })
                    })
            }
        };
        if ok {
            Ok(())
        } else {
            Err(format!("must be {}", self.right()))
        }
    }

    /// What would be right, in words; empty if the type says it all.
    pub fn right(self) -> String {
        match self {
            Check::Any => String::new(),
            Check::AtLeast(least) => format!("at least {least}"),
            Check::Between(least, most) => format!("from {least} to {most}"),
            Check::Ratio => "from 0 to 1".into(),
            Check::OneOf(words) => format!("one of {}", words.join(", ")),
            Check::ListOf(words) => format!("a list of {}", words.join(", ")),
            Check::NotEmpty => "not empty".into(),
            Check::GzipLevel => "-1 or from 1 to 9".into(),
            Check::ThrottledReplicas => "* or partition:broker pairs".into(),
            Check::AddressCounts => "address:count pairs".into(),
            Check::OffsetReset => "earliest, latest or by_duration:PnDTnHnMn.nS".into(),
        }
    }
}

/// What setting the key does here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Taken over at once when altered through the cluster.
    Live,
    /// Read at start.
    Restart,
    /// Accepted and shown, but changes nothing, for this reason.
    Nothing(&'static str),
    /// Only the default is accepted, for this reason: ignoring it would break a promise.
    DefaultOnly(&'static str),
}

/// How a broker key's value becomes a topic's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Synonym {
    pub name: &'static str,
    /// The topic's value is the broker's times this (minutes and hours become milliseconds).
    pub times: i64,
}

/// One row of a table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Key {
    /// Kafka's name, or ours where Kafka has none.
    pub name: &'static str,
    pub kind: Kind,
    /// `None` for a key that has no value unless it is set.
    pub default: Option<&'static str>,
    pub check: Check,
    pub effect: Effect,
    /// Broker keys that give a topic its default, first wins; for a broker key, the family that decides one value.
    pub synonyms: &'static [Synonym],
    pub doc: &'static str,
}

/// The row of a key in a table.
pub fn find<'a>(keys: &'a [Key], name: &str) -> Option<&'a Key> {
    keys.iter().find(|key| key.name == name)
}

impl Key {
    pub fn sensitive(&self) -> bool {
        self.kind == Kind::Password
    }

    /// Whether `text` may be this key's value; the error says what would be right.
    pub fn validate(&self, text: &str) -> Result<(), String> {
        if self.default.is_none() && text.trim().is_empty() {
            return Ok(());
        }
        self.kind.check(text)?;
        self.check.test(self.kind, text)?;
        match self.effect {
            Effect::DefaultOnly(reason) if text.trim() != self.default.unwrap_or("") => {
                Err(format!("must stay '{}': {reason}", self.default.unwrap_or("")))
            }
            _ => Ok(()),
        }
    }
}

/// Where a value came from; the number is what DescribeConfigs sends (`DescribeConfigsResponse.ConfigSource`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i8)]
pub enum Source {
    Topic = 1,
    DynamicBroker = 2,
    DynamicDefaultBroker = 3,
    StaticBroker = 4,
    Default = 5,
    ClientMetrics = 7,
    Group = 8,
}

impl Source {
    pub fn code(self) -> i8 {
        self as i8
    }
}

/// One config as DescribeConfigs shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub name: &'static str,
    /// `None` when unset or secret.
    pub value: Option<String>,
    pub source: Source,
    /// Everything that has a say, strongest first, as (name, value, source).
    pub synonyms: Vec<(&'static str, Option<String>, Source)>,
    pub kind: Kind,
    pub doc: &'static str,
    pub is_default: bool,
    pub read_only: bool,
    pub sensitive: bool,
}

impl Entry {
    /// Of a resource with a table of its own, all of whose keys can be set and unset, also those without effect. The strongest
    /// of `synonyms` is where the value comes from; none is the default.
    pub fn alterable(
        row: &'static Key,
        value: Option<String>,
        synonyms: Vec<(&'static str, Option<String>, Source)>,
    ) -> Entry {
        let source = synonyms.first().map_or(Source::Default, |(_, _, source)| *source);
        Entry {
            name: row.name,
            value,
            source,
            synonyms,
            kind: row.kind,
            doc: row.doc,
            is_default: source == Source::Default,
            read_only: false,
            sensitive: false,
        }
    }
}

/// Makes a struct with one typed field per row that has a field, `FIELDS` of these rows and `WITHOUT_FIELD` of the others, which
/// change nothing here. Rows: `field: Type = "kafka.name", default, check, effect, [synonyms], doc;`.
macro_rules! table {
    (
        $(#[$attribute:meta])*
        pub struct $name:ident {
            fields { $( $field:ident : $type:ty = $key:literal, $default:literal, $check:expr, $effect:expr, [$($synonym:expr),*], $doc:literal; )* }
            without_field { $( $other:tt )* }
        }
    ) => {
        $(#[$attribute])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name {
            $( #[doc = concat!("`", $key, "`: ", $doc)] pub $field: $type, )*
        }

        /// Rows that have a field, in the order of the reference page.
        pub const FIELDS: &[$crate::config::key::Key] = &[
            $( $crate::config::key::row::<$type>($key, $default, $check, $effect, &[$($synonym),*], $doc), )*
        ];

        $crate::config::key::rows! { $( $other )* }

        impl $name {
            /// Reads every field; `value` gives the text of a key by its name. Values were checked before.
            pub(in crate::config) fn read(value: impl Fn(&'static str) -> String) -> Result<$name, String> {
                Ok($name {
                    $( $field: <$type as $crate::config::value::Value>::read(&value($key)).map_err(|right| format!("{}: {right}", $key))?, )*
                })
            }
        }
    };
}
pub(crate) use table;

/// Makes `WITHOUT_FIELD` of rows without a field: `Type = "kafka.name", default, check, effect, [synonyms], doc;`.
macro_rules! rows {
    ( $( $type:ty = $key:literal, $default:literal, $check:expr, $effect:expr, [$($synonym:expr),*], $doc:literal; )* ) => {
        /// Rows without a field, in the order of the reference page.
        pub const WITHOUT_FIELD: &[$crate::config::key::Key] = &[
            $( $crate::config::key::row::<$type>($key, $default, $check, $effect, &[$($synonym),*], $doc), )*
        ];
    };
}
pub(crate) use rows;

/// How many rows there are in all `parts`.
pub const fn count(parts: &[&[Key]]) -> usize {
    let (mut count, mut part) = (0, 0);
    while part < parts.len() {
        count += parts[part].len();
        part += 1;
    }
    count
}

/// All rows of `parts`, one part after the other.
pub const fn joined<const COUNT: usize>(parts: &[&[Key]]) -> [Key; COUNT] {
    let mut all = [parts[0][0]; COUNT];
    let (mut at, mut part) = (0, 0);
    while part < parts.len() {
        let mut row = 0;
        while row < parts[part].len() {
            all[at] = parts[part][row];
            at += 1;
            row += 1;
        }
        part += 1;
    }
    all
}

pub const fn synonym(name: &'static str, times: i64) -> Synonym {
    Synonym { name, times }
}

/// A row, its type and nullability taken from the Rust type of the field.
pub const fn row<T: super::value::Value>(
    name: &'static str,
    default: &'static str,
    check: Check,
    effect: Effect,
    synonyms: &'static [Synonym],
    doc: &'static str,
) -> Key {
    let default = if T::NULLABLE { None } else { Some(default) };
    Key {
        name,
        kind: T::KIND,
        default,
        check,
        effect,
        synonyms,
        doc,
    }
}
