//! Request and response headers.
//!
//! A request's header has version 1, or 2 (with tagged fields) where the request's version is flexible; the client id
//! keeps the older string form in both. A response's header has version 0, or 1 where flexible. ApiVersions answers
//! always with header 0, since the client may not know yet what we speak (`ApiMessageTypeGenerator`, KIP-511).

use crate::api_key::ApiKey;
use crate::wire::{DecodeError, Reader, Writer};

/// What stands in front of every request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHeader {
    pub api_key: ApiKey,
    pub api_version: i16,
    pub correlation_id: i32,
    pub client_id: Option<String>,
}

/// A header as it lies in the frame: it borrows its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestHeaderView<'a> {
    pub api_key: ApiKey,
    pub api_version: i16,
    pub correlation_id: i32,
    pub client_id: Option<&'a str>,
}

impl<'a> RequestHeaderView<'a> {
    /// Reads a header; the request's body follows in `r`. Of an unknown key the fixed part and client id are read.
    ///
    /// # Errors
    /// When the bytes end early or the client id is not a string.
    pub fn read(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let api_key = ApiKey(r.i16()?);
        let api_version = r.i16()?;
        let correlation_id = r.i32()?;
        let client_id = r.nullable_str(false)?;
        if api_key.is_flexible(api_version) {
            r.tagged_fields(|_, _| Ok(false))?;
        }
        Ok(RequestHeaderView {
            api_key,
            api_version,
            correlation_id,
            client_id,
        })
    }
}

impl RequestHeader {
    /// As [`RequestHeaderView::read`], with text of its own.
    ///
    /// # Errors
    /// The same.
    pub fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let view = RequestHeaderView::read(r)?;
        Ok(RequestHeader {
            api_key: view.api_key,
            api_version: view.api_version,
            correlation_id: view.correlation_id,
            client_id: view.client_id.map(str::to_owned),
        })
    }

    /// Writes the header as a client does.
    pub fn encode(&self, w: &mut Writer) {
        w.i16(self.api_key.0);
        w.i16(self.api_version);
        w.i32(self.correlation_id);
        w.nullable_str(self.client_id.as_deref(), false);
        if self.api_key.is_flexible(self.api_version) {
            w.unsigned_varint(0);
        }
    }
}

/// Writes the header of the response to a request of this key and version.
pub fn encode_response_header(w: &mut Writer, api_key: ApiKey, api_version: i16, correlation_id: i32) {
    w.i32(correlation_id);
    if has_tagged_response_header(api_key, api_version) {
        w.unsigned_varint(0);
    }
}

/// Reads the header of the response to a request of this key and version; returns the correlation id.
///
/// # Errors
/// When the bytes end early.
pub fn decode_response_header(r: &mut Reader<'_>, api_key: ApiKey, api_version: i16) -> Result<i32, DecodeError> {
    let correlation_id = r.i32()?;
    if has_tagged_response_header(api_key, api_version) {
        r.tagged_fields(|_, _| Ok(false))?;
    }
    Ok(correlation_id)
}

fn has_tagged_response_header(api_key: ApiKey, api_version: i16) -> bool {
    api_key != ApiKey::API_VERSIONS && api_key.is_flexible(api_version)
}
