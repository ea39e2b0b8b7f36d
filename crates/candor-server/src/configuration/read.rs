//! Walks a TOML document: takes keys out of tables, turns values into what they mean, and notes everything that
//! does not fit, each at its own place.

use std::ops::Range;
use std::path::PathBuf;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::fault::Report;
use super::nearest::nearest;
use super::sources::Sources;
use super::unbuilt::{Consequence, consequence};

/// A value of the document.
pub(super) type Node<'d> = Spanned<DeValue<'d>>;

/// A meant value with the places of its key and of what was written.
#[derive(Clone, Debug)]
pub(super) struct Placed<T> {
    pub(super) value: T,
    pub(super) key: Range<usize>,
    pub(super) place: Range<usize>,
}

/// The walker.
pub(super) struct Reader<'s> {
    pub(super) sources: &'s Sources<'s>,
    pub(super) report: Report,
    /// The key being read, for words about types.
    key: String,
}

/// A table from which keys are taken one by one.
pub(super) struct Table<'d> {
    name: &'static str,
    entries: &'d DeTable<'d>,
    known: Vec<&'static str>,
    /// Where the table stands.
    pub(super) place: Range<usize>,
}

impl<'d> Table<'d> {
    /// The table `name`, as `[name]` would be written; empty for the document itself.
    pub(super) fn new(name: &'static str, entries: &'d DeTable<'d>, place: Range<usize>) -> Table<'d> {
        Table { name, entries, known: Vec::new(), place }
    }

    /// Whether a key is there, legal or not.
    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// Where a key stands.
    pub(super) fn span_of(&self, key: &str) -> Option<Range<usize>> {
        self.entries.get_key_value(key).map(|(name, _)| name.span())
    }

    /// Whether a key is there and false.
    pub(super) fn is_false(&self, key: &str) -> bool {
        self.entries.get(key).is_some_and(|value| value.get_ref().as_bool() == Some(false))
    }
}

impl<'s> Reader<'s> {
    pub(super) fn new(sources: &'s Sources<'s>, report: Report) -> Reader<'s> {
        Reader { sources, report, key: String::new() }
    }

    /// Takes a key out of a table and reads its value; `None` where it is not there or does not fit.
    pub(super) fn take<'d, T>(
        &mut self,
        table: &mut Table<'d>,
        key: &'static str,
        read: impl FnOnce(&mut Reader<'s>, &'d Node<'d>) -> Option<T>,
    ) -> Option<Placed<T>> {
        table.known.push(key);
        let (name, node) = table.entries.get_key_value(key)?;
        match consequence(table.name, key) {
            Some(Consequence::Refused) => {
                self.report.fault(name.span(), format!("\"{key}\" is not in this build yet"));
            }
            Some(Consequence::Served(what)) => {
                self.report.notice(name.span(), format!("\"{key}\" is not in this build yet: {what}"));
            }
            None => {}
        }
        let outer = std::mem::replace(&mut self.key, key.to_owned());
        let value = read(self, node);
        self.key = outer;
        Some(Placed { value: value?, key: name.span(), place: node.span() })
    }

    /// Notes the keys nobody took.
    pub(super) fn finish(&mut self, table: &Table<'_>) {
        for key in table.entries.keys() {
            let written: &str = key.get_ref();
            if table.known.contains(&written) {
                continue;
            }
            let place = match table.name {
                "" => String::new(),
                name => format!(" in \"{name}\""),
            };
            let message = match nearest(written, &table.known) {
                Some(meant) => format!("unknown key {written:?}{place}; did you mean {meant:?}?"),
                None => format!("unknown key {written:?}{place}; known are {}", table.known.join(", ")),
            };
            self.report.fault(key.span(), message);
        }
    }

    /// Notes a value of the wrong type.
    pub(super) fn wrong_type<T>(&mut self, node: &Node<'_>, wanted: &str) -> Option<T> {
        let article = match node.get_ref() {
            DeValue::Integer(_) | DeValue::Array(_) => "an",
            _ => "a",
        };
        let message =
            format!("\"{}\" must be {wanted}, not {article} {}", self.key, node.get_ref().type_str());
        self.report.fault(node.span(), message);
        None
    }

    /// Notes a value that does not mean anything here.
    pub(super) fn wrong<T>(&mut self, node: &Node<'_>, message: impl Into<String>) -> Option<T> {
        self.report.fault(node.span(), message);
        None
    }

    pub(super) fn text<'d>(&mut self, node: &'d Node<'d>, wanted: &str) -> Option<&'d str> {
        match node.get_ref().as_str() {
            Some(text) => Some(text),
            None => self.wrong_type(node, wanted),
        }
    }

    pub(super) fn boolean(&mut self, node: &Node<'_>) -> Option<bool> {
        match node.get_ref().as_bool() {
            Some(value) => Some(value),
            None => self.wrong_type(node, "true or false"),
        }
    }

    /// A text that `parse` gives its meaning.
    pub(super) fn parsed<'d, T>(
        &mut self,
        node: &'d Node<'d>,
        wanted: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = self.text(node, wanted)?;
        match parse(text) {
            Ok(value) => Some(value),
            Err(message) => self.wrong(node, message),
        }
    }

    /// One of a few words.
    pub(super) fn word<'d, T: Copy>(&mut self, node: &'d Node<'d>, words: &[(&'static str, T)]) -> Option<T> {
        let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
        let listed = names.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(" or ");
        let text = self.text(node, &listed)?;
        if let Some((_, value)) = words.iter().find(|(name, _)| *name == text) {
            return Some(*value);
        }
        match nearest(text, &names) {
            Some(meant) => self.wrong(node, format!("{text:?} is not known here; did you mean {meant:?}?")),
            None => self.wrong(node, format!("{text:?} is not known here; write {listed}")),
        }
    }

    /// A whole number of this range.
    pub(super) fn number(&mut self, node: &Node<'_>, least: u64, most: u64) -> Option<u64> {
        let Some(written) = node.get_ref().as_integer() else { return self.wrong_type(node, "a number") };
        match u64::from_str_radix(written.as_str(), written.radix()) {
            Ok(number) if (least..=most).contains(&number) => Some(number),
            _ => self.wrong(node, format!("{written} is not between {least} and {most}")),
        }
    }

    /// A list; elements that do not fit are noted and left out.
    pub(super) fn list<'d, T>(
        &mut self,
        node: &'d Node<'d>,
        wanted: &str,
        mut read: impl FnMut(&mut Reader<'s>, &'d Node<'d>) -> Option<T>,
    ) -> Option<Vec<Placed<T>>> {
        let Some(elements) = node.get_ref().as_array() else { return self.wrong_type(node, wanted) };
        let mut list = Vec::with_capacity(elements.len());
        for element in elements.iter() {
            if let Some(value) = read(self, element) {
                list.push(Placed { value, key: element.span(), place: element.span() });
            }
        }
        Some(list)
    }

    /// A list of texts that `parse` gives their meaning.
    pub(super) fn texts<'d, T>(
        &mut self,
        node: &'d Node<'d>,
        wanted: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<Vec<T>> {
        let list = self.list(node, wanted, |reader, element| reader.parsed(element, wanted, &parse))?;
        Some(list.into_iter().map(|element| element.value).collect())
    }

    /// An inner table.
    pub(super) fn table<'d>(&mut self, node: &'d Node<'d>, name: &'static str) -> Option<Table<'d>> {
        match node.get_ref().as_table() {
            Some(entries) => Some(Table::new(name, entries, node.span())),
            None => self.wrong_type(node, "a table"),
        }
    }

    /// A path of the file system, absolute.
    pub(super) fn path<'d>(&mut self, node: &'d Node<'d>) -> Option<PathBuf> {
        let text = self.text(node, "a path")?;
        if text.is_empty() || text.contains('\0') {
            return self.wrong(node, format!("{text:?} is not a path"));
        }
        Some(self.sources.path(&node.span(), text))
    }

    /// Notes that a table lacks a key.
    pub(super) fn missing(&mut self, table: &Table<'_>, key: &str, advice: &str) {
        let place = match table.name {
            "" => self.sources.beginning(),
            _ => table.place.clone(),
        };
        self.report.fault(place, format!("\"{key}\" is missing; {advice}"));
    }
}
