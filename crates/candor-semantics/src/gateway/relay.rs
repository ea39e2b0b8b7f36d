//! An answer that comes from an upstream, or from what was stored of one.

use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;

use crate::field::cache_status::CacheStatus;
use crate::field::content_range::ContentRange;
use crate::field::proxy_status::ProxyStatus;
use crate::fields::Fields;

/// The name of this gateway in `Cache-Status` and `Proxy-Status`.
pub const NAME: &str = "candor";

/// Which part of it the client gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// What the upstream sent.
    Whole,
    /// Nothing: the client's own copy is good (304).
    NotModified,
    /// One span of a stored answer, first and last byte inclusive (206).
    Part {
        /// First byte.
        first: u64,
        /// Last byte.
        last: u64,
        /// Length of the whole.
        complete: u64,
    },
}

/// An answer that the gateway passes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relay {
    /// The upstream's status; any number that a status line can hold.
    pub status: u16,
    /// Its fields, without those of its connection.
    pub fields: Fields,
    /// Which part of it is sent.
    pub form: Form,
    /// Whether the gateway cannot call it definitive: a 200 becomes 203 (section 15.3.4).
    pub provisional: bool,
    /// Its age in seconds, where it comes from the store unvalidated (RFC 9111 section 5.1).
    pub age: Option<u64>,
    /// How the store came into it; `None` where there is none.
    pub cache: Option<CacheStatus>,
    /// Fields that the route adds.
    pub annotations: Vec<(String, Bytes)>,
    /// The version in which the upstream spoke, and our pseudonym: what `Via` says.
    pub via: (&'static str, Arc<str>),
    /// Who answered, told on errors.
    pub next_hop: Option<Arc<str>>,
}

impl Relay {
    /// The status as it is sent.
    pub fn status(&self) -> u16 {
        match self.form {
            Form::NotModified => 304,
            Form::Part { .. } => 206,
            Form::Whole if self.provisional && self.status == 200 => 203,
            Form::Whole => self.status,
        }
    }

    /// The fields as they are sent.
    pub(crate) fn write_fields(&self) -> Fields {
        let mut fields = self.fields.clone();
        match self.form {
            Form::Whole => {}
            Form::NotModified => fields.retain(|name, _| stays_in_304(name)),
            Form::Part { first, last, complete } => {
                let part = ContentRange::Part { first, last, complete: Some(complete) };
                fields.set("Content-Range", part.to_string());
            }
        }
        for (name, value) in &self.annotations {
            fields.push(name.clone(), value.clone());
        }
        if let Some(age) = self.age {
            fields.set("Age", age.to_string());
        }
        append(&mut fields, "Via", |out| write!(out, "{} {}", self.via.0, self.via.1));
        if let Some(status) = &self.cache {
            append(&mut fields, "Cache-Status", |out| write!(out, "{status}"));
        }
        if self.status >= 500 && self.age.is_none() {
            let member = ProxyStatus {
                name: NAME.to_owned(),
                next_hop: self.next_hop.as_deref().map(str::to_owned),
                received_status: Some(self.status),
                ..ProxyStatus::default()
            };
            append(&mut fields, "Proxy-Status", |out| write!(out, "{member}"));
        }
        fields
    }
}

/// A 304 only carries what may have changed (section 15.4.5).
fn stays_in_304(name: &str) -> bool {
    !["content-type", "content-encoding", "content-language", "content-range"]
        .iter()
        .any(|left_out| name.eq_ignore_ascii_case(left_out))
}

/// Adds a member at the end of a list field.
fn append(fields: &mut Fields, name: &'static str, write: impl FnOnce(&mut String) -> std::fmt::Result) {
    let mut member = String::new();
    // Writing to a string cannot fail.
    let _ = write(&mut member);
    fields.push(name, member);
}
