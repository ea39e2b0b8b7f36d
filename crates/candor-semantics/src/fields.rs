//! The fields of an answer: an ordered list of names and values, ready for any version of the protocol.

use std::borrow::Cow;

use bytes::Bytes;

/// Field lines in the order they are sent. Names are written as the field registry writes them
/// (`Content-Type`); HTTP/2 lowers them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields(Vec<(Cow<'static, str>, Bytes)>);

impl Fields {
    /// No fields, with room for an ordinary answer's.
    pub fn new() -> Fields {
        Fields(Vec::with_capacity(16))
    }

    /// Appends a line whose value is known to be a legal field value.
    pub fn push(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Bytes>) {
        self.0.push((name.into(), value.into()));
    }

    /// Appends a line with a value that never changes.
    pub fn push_static(&mut self, name: &'static str, value: &'static str) {
        self.0.push((Cow::Borrowed(name), Bytes::from_static(value.as_bytes())));
    }

    /// Replaces every line of this name by one.
    pub fn set(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Bytes>) {
        let name = name.into();
        self.remove(&name);
        self.0.push((name, value.into()));
    }

    /// Drops every line of this name.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
    }

    /// The value of the first line of this name.
    pub fn get(&self, name: &str) -> Option<&Bytes> {
        self.0.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v)
    }

    /// The values of every line of this name, in order.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Bytes> {
        self.0.iter().filter(move |(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v)
    }

    /// Keeps the lines that satisfy the condition.
    pub fn retain(&mut self, mut wanted: impl FnMut(&str, &Bytes) -> bool) {
        self.0.retain(|(name, value)| wanted(name, value));
    }

    /// Whether there is a line of this name.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// All lines in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Bytes)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), value))
    }

    /// Number of lines.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no line.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl IntoIterator for Fields {
    type Item = (Cow<'static, str>, Bytes);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
