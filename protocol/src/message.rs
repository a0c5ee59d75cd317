//! The message macro: one table per message, from which come its struct, its codec and its [`Schema`].
//!
//! A table reads like Kafka's own schema:
//!
//! ```text
//! message! {
//!     /// What it asks.
//!     MetadataRequest = METADATA, 0-13, flexible 9+ {
//!         topics:                     Option<Vec<MetadataRequestTopic>>, 0+, nullable 1+;
//!         allow_auto_topic_creation:  bool,                              4+, default true;
//!     }
//!     MetadataRequestTopic { … }
//! }
//! ```
//!
//! After the type: the versions that have the field, those where it may be null, its tag if it is a tagged field, its
//! default if that is not the type's own (as in Kafka, also a nullable field starts out empty, not null).
//! A field outside its versions is not encoded and decodes to its default. A tagged field is encoded when it differs
//! from its default. Tags ascend down the table.

use crate::api_key::ApiKey;
use crate::schema::Schema;
use crate::wire::{DecodeError, Problem, Reader, Writer};
use bytes::BytesMut;
use std::fmt::Debug;
use std::ops::RangeInclusive;

/// A request, a response, or a structure embedded in one.
pub trait Message: Default + Clone + Debug + PartialEq + Sized {
    const API_KEY: ApiKey;
    /// The versions that we speak.
    const VERSIONS: RangeInclusive<i16>;
    /// First flexible version; `i16::MAX` where there is none.
    const FLEXIBLE: i16;
    const SCHEMA: &'static Schema;

    /// Reads a message. Bytes after it are left in the reader: Kafka ignores them.
    ///
    /// # Errors
    /// When the version is not one of [`Message::VERSIONS`] or the bytes are not such a message.
    fn decode(r: &mut Reader<'_>, version: i16) -> Result<Self, DecodeError>;

    /// Where a response says for how long its client is throttled, if it can.
    fn throttle_time_ms_mut(&mut self) -> Option<&mut i32>;

    /// Writes the message as `version` has it. `version` must be one of [`Message::VERSIONS`].
    fn encode(&self, w: &mut Writer, version: i16);

    /// Decodes from a slice.
    ///
    /// # Errors
    /// As [`Message::decode`].
    fn from_slice(bytes: &[u8], version: i16) -> Result<Self, DecodeError> {
        Self::decode(&mut Reader::new(bytes), version)
    }

    /// Encodes into a buffer of its own.
    fn to_bytes(&self, version: i16) -> BytesMut {
        let mut writer = Writer::new();
        self.encode(&mut writer, version);
        writer.finish()
    }

    /// An error unless we speak `version`.
    ///
    /// # Errors
    /// [`Problem::Version`].
    fn check_version(version: i16) -> Result<(), DecodeError> {
        if Self::VERSIONS.contains(&version) {
            return Ok(());
        }
        Err(DecodeError {
            at: 0,
            problem: Problem::Version(version),
        })
    }
}

/// A [`Message`] with its type forgotten.
#[derive(Clone, Copy, Debug)]
pub struct Codec {
    pub schema: &'static Schema,
    /// Decodes and encodes again.
    pub recode: fn(&[u8], i16) -> Result<Recoded, DecodeError>,
}

/// A message that was decoded and encoded again.
#[derive(Clone, Debug)]
pub struct Recoded {
    pub bytes: BytesMut,
    /// Bytes of the input after the message.
    pub left: usize,
}

impl Codec {
    /// The codec of `M`.
    pub const fn of<M: Message>() -> Self {
        Codec {
            schema: M::SCHEMA,
            recode: |bytes, version| {
                let mut reader = Reader::new(bytes);
                let message = M::decode(&mut reader, version)?;
                Ok(Recoded {
                    bytes: message.to_bytes(version),
                    left: reader.remaining(),
                })
            },
        }
    }
}

macro_rules! message {
    ($(
        $(#[$meta:meta])*
        $name:ident $(= $api:ident, $first:literal - $last:literal $(, flexible $flexible:literal +)?)? {
            $(
                $(#[$field_meta:meta])*
                $field:ident : $type:ty, $since:literal $(- $until:literal)? $(+)?
                    $(, nullable $null_since:literal $(- $null_until:literal)? $(+)?)?
                    $(, tag $tag:literal)?
                    $(, default $default:expr)?;
            )*
        }
    )*) => {$(
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $type,)*
        }

        impl Default for $name {
            fn default() -> Self {
                $name { $($field: message!(@default $($default)?),)* }
            }
        }

        impl $name {
            const STRUCTURE: $crate::schema::Structure = $crate::schema::Structure {
                name: stringify!($name),
                fields: &[$($crate::schema::FieldSchema {
                    name: stringify!($field),
                    kind: <$type as $crate::wire::Field>::KIND,
                    versions: message!(@span $since $($until)?),
                    nullable: message!(@span $($null_since $($null_until)?)?),
                    tag: message!(@tag $($tag)?),
                    default: concat!($(stringify!($default))?),
                },)*],
            };

            /// The field of this name, which only whole responses have.
            #[allow(dead_code)]
            fn throttle_time_ms_field(&mut self) -> Option<&mut i32> {
                $(
                    if stringify!($field) == "throttle_time_ms" {
                        return (&mut self.$field as &mut dyn std::any::Any).downcast_mut();
                    }
                )*
                None
            }
        }

        impl $crate::wire::Field for $name {
            const KIND: $crate::schema::Kind = $crate::schema::Kind::Structure(&Self::STRUCTURE);

            fn initial() -> Self {
                Self::default()
            }

            fn read(
                r: &mut $crate::wire::Reader<'_>,
                at: $crate::wire::At,
            ) -> Result<Self, $crate::wire::DecodeError> {
                let mut value = Self::default();
                $(
                    if message!(@tag $($tag)?).is_none() && message!(@span $since $($until)?).contains(at.version) {
                        let nullable = message!(@span $($null_since $($null_until)?)?).contains(at.version);
                        let at = $crate::wire::At { nullable, ..at };
                        value.$field = $crate::wire::Field::read(r, at)?;
                    }
                )*
                if at.flexible {
                    r.tagged_fields(|_tag, _r| {
                        $(
                            if message!(@tag $($tag)?) == Some(_tag)
                                && message!(@span $since $($until)?).contains(at.version)
                            {
                                let nullable = message!(@span $($null_since $($null_until)?)?).contains(at.version);
                                let at = $crate::wire::At { nullable, ..at };
                                value.$field = $crate::wire::Field::read(_r, at)?;
                                return Ok(true);
                            }
                        )*
                        Ok(false)
                    })?;
                }
                Ok(value)
            }

            fn write(&self, w: &mut $crate::wire::Writer, at: $crate::wire::At) {
                $(
                    if message!(@tag $($tag)?).is_none() && message!(@span $since $($until)?).contains(at.version) {
                        let nullable = message!(@span $($null_since $($null_until)?)?).contains(at.version);
                        let at = $crate::wire::At { nullable, ..at };
                        $crate::wire::Field::write(&self.$field, w, at);
                    }
                )*
                if at.flexible {
                    let set = [$(
                        message!(@tag $($tag)?).is_some()
                            && message!(@span $since $($until)?).contains(at.version)
                            && {
                                let default: $type = message!(@default $($default)?);
                                self.$field != default
                            },
                    )*];
                    w.unsigned_varint(set.iter().filter(|is_set| **is_set).count() as u32);
                    let mut _set = set.iter();
                    $(
                        if _set.next() == Some(&true) && let Some(tag) = message!(@tag $($tag)?) {
                            let nullable = message!(@span $($null_since $($null_until)?)?).contains(at.version);
                            let at = $crate::wire::At { nullable, ..at };
                            w.tagged_field(tag, |w| $crate::wire::Field::write(&self.$field, w, at));
                        }
                    )*
                }
            }

            /// A nullable structure has a byte in front: -1 for null.
            fn read_nullable(
                r: &mut $crate::wire::Reader<'_>,
                at: $crate::wire::At,
            ) -> Result<Option<Self>, $crate::wire::DecodeError> {
                if r.i8()? < 0 { Ok(None) } else { Self::read(r, at).map(Some) }
            }

            fn write_nullable(value: Option<&Self>, w: &mut $crate::wire::Writer, at: $crate::wire::At) {
                match value {
                    None => w.i8(-1),
                    Some(value) => {
                        w.i8(1);
                        value.write(w, at);
                    }
                }
            }
        }

        impl $crate::wire::Element for $name {}

        $(message!(@message $name, $api, $first, $last, $($flexible)?);)?
    )*};

    (@message $name:ident, $api:ident, $first:literal, $last:literal, $($flexible:literal)?) => {
        impl $crate::message::Message for $name {
            const API_KEY: $crate::api_key::ApiKey = $crate::api_key::ApiKey::$api;
            const VERSIONS: std::ops::RangeInclusive<i16> = $first..=$last;
            const FLEXIBLE: i16 = message!(@flexible $($flexible)?);
            const SCHEMA: &'static $crate::schema::Schema = &$crate::schema::Schema {
                api_key: Self::API_KEY,
                versions: $crate::schema::Span { first: $first, last: $last },
                flexible: Self::FLEXIBLE,
                root: &Self::STRUCTURE,
            };

            fn decode(
                r: &mut $crate::wire::Reader<'_>,
                version: i16,
            ) -> Result<Self, $crate::wire::DecodeError> {
                Self::check_version(version)?;
                let flexible = version >= Self::FLEXIBLE;
                $crate::wire::Field::read(r, $crate::wire::At { version, flexible, nullable: false })
            }

            fn throttle_time_ms_mut(&mut self) -> Option<&mut i32> {
                self.throttle_time_ms_field()
            }

            fn encode(&self, w: &mut $crate::wire::Writer, version: i16) {
                debug_assert!(Self::VERSIONS.contains(&version), "{} has no version {version}", Self::API_KEY);
                let flexible = version >= Self::FLEXIBLE;
                $crate::wire::Field::write(self, w, $crate::wire::At { version, flexible, nullable: false });
            }
        }
    };

    (@flexible) => { i16::MAX };
    (@flexible $flexible:literal) => { $flexible };
    (@default) => { $crate::wire::Field::initial() };
    (@default $default:expr) => { $default };
    (@tag) => { None::<u32> };
    (@tag $tag:literal) => { Some($tag) };
    (@span) => { $crate::schema::Span::NEVER };
    (@span $since:literal) => { $crate::schema::Span { first: $since, last: i16::MAX } };
    (@span $since:literal $until:literal) => { $crate::schema::Span { first: $since, last: $until } };
}

pub(crate) use message;
