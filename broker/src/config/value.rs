//! The types a config value can have: Kafka's nine, each with its wire code and its reading of text.

use std::{collections::BTreeMap, net::IpAddr};

use uuid::Uuid;

/// Kafka's `ConfigDef.Type`; the number is what DescribeConfigs sends (`DescribeConfigsResponse.ConfigType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i8)]
pub enum Kind {
    Boolean = 1,
    String = 2,
    Int = 3,
    Short = 4,
    Long = 5,
    Double = 6,
    List = 7,
    Class = 8,
    Password = 9,
}

impl Kind {
    pub fn code(self) -> i8 {
        self as i8
    }

    /// The word Kafka's own documentation uses.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Boolean => "boolean",
            Kind::String => "string",
            Kind::Int => "int",
            Kind::Short => "short",
            Kind::Long => "long",
            Kind::Double => "double",
            Kind::List => "list",
            Kind::Class => "class",
            Kind::Password => "password",
        }
    }

    /// Reads `text` only to say whether it is of this type.
    pub fn check(self, text: &str) -> Result<(), String> {
        match self {
            Kind::Boolean => bool::read(text).map(drop),
            Kind::Int => i32::read(text).map(drop),
            Kind::Short => i16::read(text).map(drop),
            Kind::Long => i64::read(text).map(drop),
            Kind::Double => f64::read(text).map(drop),
            Kind::String | Kind::List | Kind::Class | Kind::Password => Ok(()),
        }
    }
}

/// A Rust type that a config value can be read into.
pub trait Value: Sized {
    const KIND: Kind;
    /// Whether the key may have no value at all; then the empty text stands for that.
    const NULLABLE: bool = false;
    /// Reads the text of a properties file; the error says what would be right.
    fn read(text: &str) -> Result<Self, String>;
}

impl Value for bool {
    const KIND: Kind = Kind::Boolean;
    fn read(text: &str) -> Result<Self, String> {
        match text.trim() {
            text if text.eq_ignore_ascii_case("true") => Ok(true),
            text if text.eq_ignore_ascii_case("false") => Ok(false),
            _ => Err("must be true or false".into()),
        }
    }
}

macro_rules! whole_number {
    ($($number:ty => $kind:ident),* $(,)?) => {$(
        impl Value for $number {
            const KIND: Kind = Kind::$kind;
            fn read(text: &str) -> Result<Self, String> {
                text.trim().parse().map_err(|_| {
                    format!("must be a whole number from {} to {}", <$number>::MIN, <$number>::MAX)
                })
            }
        }
    )*};
}

whole_number!(i16 => Short, i32 => Int, i64 => Long);

impl Value for f64 {
    const KIND: Kind = Kind::Double;
    fn read(text: &str) -> Result<Self, String> {
        text.trim()
            .parse()
            .ok()
            .filter(|number: &f64| number.is_finite())
            .ok_or_else(|| "must be a number".into())
    }
}

impl Value for String {
    const KIND: Kind = Kind::String;
    fn read(text: &str) -> Result<Self, String> {
        Ok(text.trim().to_string())
    }
}

/// A comma-separated list; blanks around the items do not count, empty items are left out.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct List(pub Vec<String>);

impl Value for List {
    const KIND: Kind = Kind::List;
    fn read(text: &str) -> Result<Self, String> {
        Ok(List(
            text.split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty())
                .map(str::to_string)
                .collect(),
        ))
    }
}

/// A secret: never shown, in logs or on the wire.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Password(pub String);

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[hidden]")
    }
}

impl Value for Password {
    const KIND: Kind = Kind::Password;
    fn read(text: &str) -> Result<Self, String> {
        Ok(Password(text.to_string()))
    }
}

/// The name of a Java class, which nothing here can load.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Class(pub String);

impl Value for Class {
    const KIND: Kind = Kind::Class;
    fn read(text: &str) -> Result<Self, String> {
        Ok(Class(text.trim().to_string()))
    }
}

impl<T: Value> Value for Option<T> {
    const KIND: Kind = T::KIND;
    const NULLABLE: bool = true;
    fn read(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            Ok(None)
        } else {
            T::read(text).map(Some)
        }
    }
}

/// `address:count` pairs, comma-separated; an IPv6 address with or without its brackets.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct AddressCounts(pub BTreeMap<IpAddr, usize>);

impl Value for AddressCounts {
    const KIND: Kind = Kind::String;
    fn read(text: &str) -> Result<Self, String> {
        let pair = |pair: &str| {
            let (address, count) = pair.rsplit_once(':')?;
            let address: IpAddr = address.trim_matches(['[', ']']).parse().ok()?;
            Some((address.to_canonical(), count.parse().ok()?))
        };
        let pairs: Option<BTreeMap<_, _>> = List::read(text)?.0.iter().map(|text| pair(text)).collect();
        pairs
            .map(AddressCounts)
            .ok_or_else(|| "must be address:count pairs".into())
    }
}

/// A cluster id: Kafka prints a UUID as 22 characters of URL-safe base64; the usual hyphenated form is read too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClusterId(pub Uuid);

impl Value for ClusterId {
    const KIND: Kind = Kind::String;
    fn read(text: &str) -> Result<Self, String> {
        let text = text.trim();
        Uuid::parse_str(text)
            .ok()
            .or_else(|| base64_uuid(text))
            .filter(|id| !id.is_nil())
            .map(ClusterId)
            .ok_or_else(|| "must be a UUID, in 22 characters of URL-safe base64 or hyphenated".into())
    }
}

fn base64_uuid(text: &str) -> Option<Uuid> {
    if text.len() != 22 {
        return None;
    }
    let mut bits: u128 = 0;
    for (index, byte) in text.bytes().enumerate() {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'-' => 62,
            b'_' => 63,
            _ => return None,
        };
        // 22 characters carry 132 bits: the last four are padding.
        bits = if index < 21 {
            bits << 6 | u128::from(six)
        } else {
            bits << 2 | u128::from(six >> 4)
        };
    }
    Some(Uuid::from_u128(bits))
}
