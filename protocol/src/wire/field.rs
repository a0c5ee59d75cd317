//! How each type of a schema table goes over the wire.

use super::{DecodeError, Problem, Reader, Writer};
use crate::error_code::ErrorCode;
use crate::schema::Kind;
use bytes::Bytes;
use uuid::Uuid;

/// What a value's encoding depends on besides its type.
#[derive(Clone, Copy, Debug)]
pub struct At {
    /// The message's version.
    pub version: i16,
    /// Whether that version has compact types and tagged fields (KIP-482).
    pub flexible: bool,
    /// Whether the field may be null in that version.
    pub nullable: bool,
}

impl At {
    fn element(self) -> At {
        At {
            nullable: false,
            ..self
        }
    }
}

/// A type that can stand in a schema table.
pub trait Field: Sized {
    /// The type's name in the schema.
    const KIND: Kind;

    /// What a field of this type holds when the table gives no default.
    fn initial() -> Self;

    fn read(r: &mut Reader<'_>, at: At) -> Result<Self, DecodeError>;

    fn write(&self, w: &mut Writer, at: At);

    /// Reads where the field may be null.
    fn read_nullable(r: &mut Reader<'_>, at: At) -> Result<Option<Self>, DecodeError>;

    /// Writes where the field may be null.
    fn write_nullable(value: Option<&Self>, w: &mut Writer, at: At);
}

/// A field that arrays are made of.
pub trait Element: Field {}

impl<T: Field> Field for Option<T> {
    const KIND: Kind = T::KIND;

    fn initial() -> Self {
        Some(T::initial())
    }

    fn read(r: &mut Reader<'_>, at: At) -> Result<Self, DecodeError> {
        if at.nullable {
            T::read_nullable(r, at)
        } else {
            T::read(r, at).map(Some)
        }
    }

    /// None in a version without null becomes the type's empty value.
    fn write(&self, w: &mut Writer, at: At) {
        match self {
            value if at.nullable => T::write_nullable(value.as_ref(), w, at),
            Some(value) => value.write(w, at),
            None => T::initial().write(w, at),
        }
    }

    fn read_nullable(r: &mut Reader<'_>, at: At) -> Result<Option<Self>, DecodeError> {
        T::read_nullable(r, at).map(Some)
    }

    fn write_nullable(value: Option<&Self>, w: &mut Writer, at: At) {
        T::write_nullable(value.and_then(Option::as_ref), w, at);
    }
}

/// Reads a value through its nullable form, where null is an error.
fn never_null<T: Field>(r: &mut Reader<'_>, at: At) -> Result<T, DecodeError> {
    let start = r.position();
    T::read_nullable(r, at)?.ok_or(DecodeError {
        at: start,
        problem: Problem::Null,
    })
}

/// Fixed-width types: one line each, never null.
macro_rules! fixed {
    ($($type:ty, $kind:ident, $method:ident;)*) => {$(
        impl Field for $type {
            const KIND: Kind = Kind::$kind;

            fn initial() -> Self {
                Self::default()
            }

            fn read(r: &mut Reader<'_>, _at: At) -> Result<Self, DecodeError> {
                r.$method()
            }

            fn write(&self, w: &mut Writer, _at: At) {
                w.$method(*self);
            }

            fn read_nullable(r: &mut Reader<'_>, at: At) -> Result<Option<Self>, DecodeError> {
                Self::read(r, at).map(Some)
            }

            fn write_nullable(value: Option<&Self>, w: &mut Writer, at: At) {
                value.copied().unwrap_or_default().write(w, at);
            }
        }
        impl Element for $type {}
    )*};
}

fixed! {
    bool, Bool, bool;
    i8,   Int8, i8;
    i16,  Int16, i16;
    u16,  Uint16, u16;
    i32,  Int32, i32;
    i64,  Int64, i64;
    f64,  Float64, f64;
    Uuid, Uuid, uuid;
}

impl Field for ErrorCode {
    const KIND: Kind = Kind::Int16;

    fn initial() -> Self {
        ErrorCode::NONE
    }

    fn read(r: &mut Reader<'_>, _at: At) -> Result<Self, DecodeError> {
        r.i16().map(ErrorCode)
    }

    fn write(&self, w: &mut Writer, _at: At) {
        w.error_code(*self);
    }

    fn read_nullable(r: &mut Reader<'_>, at: At) -> Result<Option<Self>, DecodeError> {
        Self::read(r, at).map(Some)
    }

    fn write_nullable(value: Option<&Self>, w: &mut Writer, at: At) {
        value.copied().unwrap_or_default().write(w, at);
    }
}

impl Field for String {
    const KIND: Kind = Kind::String;

    fn initial() -> Self {
        String::new()
    }

    fn read(r: &mut Reader<'_>, at: At) -> Result<Self, DecodeError> {
        r.str(at.flexible).map(str::to_owned)
    }

    fn write(&self, w: &mut Writer, at: At) {
        w.nullable_str(Some(self), at.flexible);
    }

    fn read_nullable(r: &mut Reader<'_>, at: At) -> Result<Option<Self>, DecodeError> {
        Ok(r.nullable_str(at.flexible)?.map(str::to_owned))
    }

    fn write_nullable(value: Option<&Self>, w: &mut Writer, at: At) {
        w.nullable_str(value.map(String::as_str), at.flexible);
    }
}
impl Element for String {}

impl Field for Bytes {
    const KIND: Kind = Kind::Bytes;

    fn initial() -> Self {
        Bytes::new()
    }

    fn read(r: &mut Reader<'_>, at: At) -> Result<Self, DecodeError> {
        never_null(r, at)
    }

    fn write(&self, w: &mut Writer, at: At) {
        w.nullable_bytes(Some(self), at.flexible);
    }

    fn read_nullable(r: &mut Reader<'_>, at: At) -> Result<Option<Self>, DecodeError> {
        r.nullable_bytes(at.flexible)
    }

    fn write_nullable(value: Option<&Self>, w: &mut Writer, at: At) {
        w.nullable_bytes(value, at.flexible);
    }
}

/// One byte field that lies in pieces, as a log hands it out. Null reads as no pieces.
impl Field for Vec<Bytes> {
    const KIND: Kind = Kind::Bytes;

    fn initial() -> Self {
        Vec::new()
    }

    fn read(r: &mut Reader<'_>, at: At) -> Result<Self, DecodeError> {
        let records = r.nullable_bytes(at.flexible)?;
        Ok(records.into_iter().filter(|piece| !piece.is_empty()).collect())
    }

    fn write(&self, w: &mut Writer, at: At) {
        w.length(Some(self.iter().map(Bytes::len).sum()), at.flexible);
        self.iter().for_each(|piece| w.shared(piece));
    }

    fn read_nullable(r: &mut Reader<'_>, at: At) -> Result<Option<Self>, DecodeError> {
        Self::read(r, at).map(Some)
    }

    fn write_nullable(value: Option<&Self>, w: &mut Writer, at: At) {
        match value {
            Some(pieces) => pieces.write(w, at),
            None => w.length(None, at.flexible),
        }
    }
}

/// Room reserved for an array before its first element is read, in bytes; beyond it, memory follows what was read.
const ARRAY_RESERVE_BYTES: usize = 4096;

impl<T: Element> Field for Vec<T> {
    const KIND: Kind = Kind::Array(&T::KIND);

    fn initial() -> Self {
        Vec::new()
    }

    fn read(r: &mut Reader<'_>, at: At) -> Result<Self, DecodeError> {
        never_null(r, at)
    }

    fn write(&self, w: &mut Writer, at: At) {
        Self::write_nullable(Some(self), w, at);
    }

    fn read_nullable(r: &mut Reader<'_>, at: At) -> Result<Option<Self>, DecodeError> {
        let Some(count) = r.array_count(at.flexible)? else {
            return Ok(None);
        };
        let mut elements = Vec::with_capacity(count.min(ARRAY_RESERVE_BYTES / size_of::<T>().max(1)));
        for _ in 0..count {
            elements.push(T::read(r, at.element())?);
        }
        Ok(Some(elements))
    }

    fn write_nullable(value: Option<&Self>, w: &mut Writer, at: At) {
        w.length(value.map(Vec::len), at.flexible);
        for element in value.into_iter().flatten() {
            element.write(w, at.element());
        }
    }
}
