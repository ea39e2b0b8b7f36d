//! Requests as the user agent makes them.

use std::path::PathBuf;

use bytes::Bytes;
use candor_semantics::fields::Fields;
use candor_semantics::reaction::Sent;
use candor_semantics::url::Url;

/// A request that can be sent as often as it takes.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method's token.
    pub method: String,
    /// The address; its fragment is not sent.
    pub url: Url,
    /// The fields, without those that belong to the connection and the framing.
    pub fields: Fields,
    /// The content.
    pub content: Content,
}

impl Request {
    /// A request without fields and content.
    pub fn new(method: impl Into<String>, url: Url) -> Request {
        Request { method: method.into(), url, fields: Fields::new(), content: Content::Nothing }
    }
}

/// The content of a request.
#[derive(Clone, Debug, Default)]
pub enum Content {
    /// None.
    #[default]
    Nothing,
    /// Bytes in memory.
    Bytes(Bytes),
    /// A file, read anew for each time it is sent.
    File(PathBuf),
}

impl Content {
    pub(crate) fn sent(&self) -> Sent {
        match self {
            Content::Nothing => Sent::Nothing,
            Content::Bytes(_) | Content::File(_) => Sent::Rewindable,
        }
    }
}
