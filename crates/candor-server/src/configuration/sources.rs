//! The layers a configuration comes from, laid over each other as one TOML document.
//!
//! Spans into the document are places for every layer: those inside the text are places of the file, those past
//! its end number the variables and flags. So whoever interprets the document need not know the layers, and a
//! remark still names the right one.

use std::borrow::Cow;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::fault::{Remark, Report};
use super::nearest::nearest;

/// What was given on the command line; wins over everything else.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// The folder to serve, in place of the root of the file's only site.
    pub folder: Option<PathBuf>,
    /// `--listen`, in place of the file's listeners.
    pub listen: Vec<String>,
    /// `--state`.
    pub state: Option<PathBuf>,
    /// `--access-log`: a format, or `off`.
    pub access_log: Option<String>,
    /// `--tls-cert`, for every site.
    pub tls_cert: Option<PathBuf>,
    /// `--tls-key`, for every site.
    pub tls_key: Option<PathBuf>,
    /// Whether folders without an index are listed, for every site.
    pub listing: Option<bool>,
}

/// A value from a variable or a flag.
struct Setting {
    /// Its name, for remarks: `CANDOR_STATE`, `--state`.
    name: String,
    /// Where it goes.
    goal: Goal,
    /// What was written.
    text: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Goal {
    /// A key of the document that holds one value.
    Key(&'static str),
    /// One more element of a list in the document.
    Element(&'static str),
    /// A key of `[limits]`.
    Limit(&'static str),
    /// A key of every site.
    Site(&'static str),
    /// A key of the `tls` table of every site.
    Tls(&'static str),
    /// The root of the only site.
    Folder,
    /// A variable nobody knows.
    Nothing,
}

/// The names of `[limits]`, which the environment can set one by one.
pub(super) const LIMITS: &[&str] = &[
    "connections",
    "requests_in_flight",
    "head_timeout",
    "body_timeout",
    "idle_timeout",
    "head_size",
    "target_size",
    "max_wait",
    "rate",
    "body_size",
];

/// All layers.
pub(super) struct Sources<'t> {
    /// The file as it was named.
    file: Option<&'t Path>,
    /// Its content.
    text: &'t str,
    /// The layers above it, the winning ones last.
    settings: Vec<Setting>,
}

impl<'t> Sources<'t> {
    pub(super) fn new(
        file: Option<&'t Path>,
        text: &'t str,
        flags: &Flags,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Sources<'t> {
        let mut settings = from_environment(environment);
        let flags = from_flags(flags);
        // A list is replaced as a whole, never mixed from two layers.
        settings.retain(|setting| {
            !matches!(setting.goal, Goal::Element(_)) || flags.iter().all(|flag| flag.goal != setting.goal)
        });
        settings.extend(flags);
        Sources { file, text, settings }
    }

    /// The file, absolute.
    pub(super) fn file(&self) -> Option<PathBuf> {
        self.file.map(absolute)
    }

    /// Whether a listener without a scheme, at this place, speaks TLS: when a certificate was given beside the
    /// file, and the listener was, too.
    pub(super) fn bare_listeners_are_tls(&self, place: &Range<usize>) -> bool {
        place.start >= self.text.len()
            && self.settings.iter().any(|setting| matches!(setting.goal, Goal::Tls(_)))
    }

    /// The absolute form of a path written at a place: relative paths of the file are relative to the file.
    pub(super) fn path(&self, place: &Range<usize>, written: &str) -> PathBuf {
        match self.file {
            Some(file) if place.start < self.text.len() => {
                absolute(file).parent().unwrap_or(Path::new("/")).join(written)
            }
            _ => absolute(Path::new(written)),
        }
    }

    /// The place of the document as a whole: the beginning of the file.
    pub(super) fn beginning(&self) -> Range<usize> {
        0..0
    }

    /// The document under its layers. Faults of syntax, and layers that do not fit, go into the report.
    pub(super) fn document(&'t self, report: &mut Report) -> DeTable<'t> {
        let (document, errors) = DeTable::parse_recoverable(self.text);
        for error in errors {
            report.fault(error.span().unwrap_or(self.text.len()..self.text.len()), error.message());
        }
        let mut document = document.into_inner();
        if self.file.is_none() {
            document.insert(self.key(0, "site"), self.sole_site());
        }
        let mut lists: Vec<&str> = Vec::new();
        for (number, setting) in self.settings.iter().enumerate() {
            let value = self.spanned(number, scalar(&setting.text));
            let text = self.spanned(number, DeValue::String(Cow::Borrowed(&setting.text)));
            match setting.goal {
                Goal::Key("insecure_basic") => self.put(&mut document, number, "insecure_basic", value),
                Goal::Key(key) => self.put(&mut document, number, key, text),
                Goal::Element(key) => {
                    if !lists.contains(&key) {
                        lists.push(key);
                        let empty = self.spanned(number, DeValue::Array(DeArray::new()));
                        self.put(&mut document, number, key, empty);
                    }
                    if let Some(DeValue::Array(list)) = document.get_mut(key).map(Spanned::get_mut) {
                        list.push(text);
                    }
                }
                Goal::Limit(key) => self.inner(&mut document, number, "limits", key, value),
                Goal::Site(key) => {
                    self.each_site(&mut document, |site| self.put(site, number, key, value.clone()));
                }
                Goal::Tls(key) => {
                    self.each_site(&mut document, |site| self.inner(site, number, "tls", key, text.clone()));
                }
                Goal::Folder => self.put_folder(&mut document, number, text, report),
                Goal::Nothing => {
                    report.notice(self.place(number), unknown_variable(&setting.name));
                }
            }
        }
        document
    }

    /// A remark about a place.
    pub(super) fn remark(&self, place: &Range<usize>, message: &str) -> Remark {
        let message = message.to_owned();
        let Some(number) = place.start.checked_sub(self.text.len() + 1) else {
            let name = self.file.map(|file| file.display().to_string()).unwrap_or_default();
            return in_text(&name, self.text, place, message);
        };
        let origin = self.settings.get(number).map(|setting| setting.name.clone()).unwrap_or_default();
        Remark { origin, message, excerpt: None }
    }

    /// What the document holds where there is no file.
    fn sole_site(&self) -> Spanned<DeValue<'t>> {
        let mut site = DeTable::new();
        site.insert(self.key(0, "listing"), self.spanned(0, DeValue::Boolean(true)));
        let mut sites = DeArray::new();
        sites.push(self.spanned(0, DeValue::Table(site)));
        self.spanned(0, DeValue::Array(sites))
    }

    fn put_folder(
        &self,
        document: &mut DeTable<'t>,
        number: usize,
        text: Spanned<DeValue<'t>>,
        report: &mut Report,
    ) {
        if document.get("site").is_none() {
            document.insert(self.key(number, "site"), self.sole_site());
        }
        let mut count = 0;
        self.each_site(document, |_| count += 1);
        if count == 1 {
            self.each_site(document, |site| self.put(site, number, "root", text.clone()));
        } else {
            let message = format!(
                "the configuration file has {count} sites, so it must name their folders itself; leave the folder out"
            );
            report.fault(self.place(number), message);
        }
    }

    fn each_site(&self, document: &mut DeTable<'t>, mut change: impl FnMut(&mut DeTable<'t>)) {
        let Some(DeValue::Array(sites)) = document.get_mut("site").map(Spanned::get_mut) else { return };
        for site in sites.iter_mut() {
            if let DeValue::Table(site) = site.get_mut() {
                change(site);
            }
        }
    }

    fn put(&self, table: &mut DeTable<'t>, number: usize, key: &'static str, value: Spanned<DeValue<'t>>) {
        table.remove(key);
        table.insert(self.key(number, key), value);
    }

    /// Sets a key in an inner table, made if it is not there.
    fn inner(
        &self,
        table: &mut DeTable<'t>,
        number: usize,
        name: &'static str,
        key: &'static str,
        value: Spanned<DeValue<'t>>,
    ) {
        if !matches!(table.get(name).map(Spanned::get_ref), Some(DeValue::Table(_))) {
            self.put(table, number, name, self.spanned(number, DeValue::Table(DeTable::new())));
        }
        if let Some(DeValue::Table(inner)) = table.get_mut(name).map(Spanned::get_mut) {
            self.put(inner, number, key, value);
        }
    }

    fn place(&self, number: usize) -> Range<usize> {
        let start = self.text.len() + 1 + number;
        start..start + 1
    }

    fn spanned(&self, number: usize, value: DeValue<'t>) -> Spanned<DeValue<'t>> {
        Spanned::new(self.place(number), value)
    }

    fn key(&self, number: usize, key: &'static str) -> Spanned<Cow<'t, str>> {
        Spanned::new(self.place(number), Cow::Borrowed(key))
    }
}

/// A remark about a place in a file's text, with the line and carets below the place.
fn in_text(name: &str, text: &str, place: &Range<usize>, message: String) -> Remark {
    let start = floor(text, place.start);
    let before = text.get(..start).unwrap_or_default();
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let line = text.get(line_start..).unwrap_or_default().lines().next().unwrap_or_default();
    let number = before.matches('\n').count() + 1;
    let lead = text.get(line_start..start).unwrap_or_default();
    let column = lead.chars().count() + 1;
    let end = floor(text, place.end.min(line_start + line.len())).max(start);
    let carets = text.get(start..end).unwrap_or_default().chars().count().max(1);
    // Tabs stay tabs, so that the carets stand where the terminal puts the text.
    let lead: String = lead.chars().map(|letter| if letter == '\t' { '\t' } else { ' ' }).collect();
    let shown = format!("  {number} | {line}");
    let margin = " ".repeat(number.to_string().len());
    let excerpt =
        (!line.trim().is_empty()).then(|| format!("{shown}\n  {margin} | {lead}{}", "^".repeat(carets)));
    let origin = match name {
        "" => String::new(),
        name => format!("{name}:{number}:{column}"),
    };
    Remark { origin, message, excerpt }
}

/// The nearest character boundary at or before an index.
fn floor(text: &str, index: usize) -> usize {
    let mut index = index.min(text.len());
    while !text.is_char_boundary(index) {
        index -= 1;
    }
    index
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// The value a variable means: a number or a truth value where it reads as one, else text.
fn scalar(text: &str) -> DeValue<'_> {
    match DeValue::parse(text).map(Spanned::into_inner) {
        Ok(value @ (DeValue::Integer(_) | DeValue::Boolean(_))) => value,
        _ => DeValue::String(Cow::Borrowed(text)),
    }
}

fn from_environment(environment: impl IntoIterator<Item = (String, String)>) -> Vec<Setting> {
    let mut variables: Vec<(String, String)> = environment
        .into_iter()
        .filter(|(name, value)| name.starts_with(PREFIX) && name != CONFIG && !value.is_empty())
        .collect();
    variables.sort();
    let mut settings = Vec::new();
    for (name, value) in variables {
        let goal = goal(name.strip_prefix(PREFIX).unwrap_or_default());
        if let Goal::Element(_) = goal {
            let elements = value.split(',').map(str::trim).filter(|element| !element.is_empty());
            settings.extend(elements.map(|element| Setting {
                name: name.clone(),
                goal,
                text: element.to_owned(),
            }));
        } else {
            settings.push(Setting { name, goal, text: value });
        }
    }
    settings
}

const PREFIX: &str = "CANDOR_";

/// Names the configuration file; the command line reads it.
const CONFIG: &str = "CANDOR_CONFIG";

/// Variables other than those of `[limits]`, without the prefix.
const VARIABLES: &[(&str, Goal)] = &[
    ("LISTEN", Goal::Element("listen")),
    ("TRUSTED_PROXIES", Goal::Element("trusted_proxies")),
    ("STATE", Goal::Key("state")),
    ("ACCESS_LOG", Goal::Key("access_log")),
    ("RESERVED", Goal::Key("reserved")),
    ("INSECURE_BASIC", Goal::Key("insecure_basic")),
    ("LISTING", Goal::Site("listing")),
    ("TLS_CERT", Goal::Tls("cert")),
    ("TLS_KEY", Goal::Tls("key")),
];

fn goal(name: &str) -> Goal {
    if let Some(limit) = name.strip_prefix("LIMITS_") {
        let limit = LIMITS.iter().find(|known| known.eq_ignore_ascii_case(limit));
        return limit.map_or(Goal::Nothing, |known| Goal::Limit(known));
    }
    VARIABLES.iter().find(|(known, _)| *known == name).map_or(Goal::Nothing, |(_, goal)| *goal)
}

fn unknown_variable(name: &str) -> String {
    let limits = LIMITS.iter().map(|limit| format!("{PREFIX}LIMITS_{}", limit.to_uppercase()));
    let others = VARIABLES.iter().map(|(name, _)| format!("{PREFIX}{name}"));
    let known: Vec<String> = limits.chain(others).chain([CONFIG.to_owned()]).collect();
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    match nearest(name, &known) {
        Some(meant) => format!("unknown variable; did you mean {meant}?"),
        None => "unknown variable, not used".to_owned(),
    }
}

fn from_flags(flags: &Flags) -> Vec<Setting> {
    let mut settings = Vec::new();
    let mut add =
        |name: &str, goal, text: String| settings.push(Setting { name: name.to_owned(), goal, text });
    let path = |path: &Path| path.to_string_lossy().into_owned();
    if let Some(folder) = &flags.folder {
        add(&folder.display().to_string(), Goal::Folder, path(folder));
    }
    for listen in &flags.listen {
        add("--listen", Goal::Element("listen"), listen.clone());
    }
    if let Some(state) = &flags.state {
        add("--state", Goal::Key("state"), path(state));
    }
    if let Some(format) = &flags.access_log {
        add("--access-log", Goal::Key("access_log"), format.clone());
    }
    if let Some(cert) = &flags.tls_cert {
        add("--tls-cert", Goal::Tls("cert"), path(cert));
    }
    if let Some(key) = &flags.tls_key {
        add("--tls-key", Goal::Tls("key"), path(key));
    }
    if let Some(listing) = flags.listing {
        add(if listing { "--listing" } else { "--no-listing" }, Goal::Site("listing"), listing.to_string());
    }
    settings
}
