//! Reads sites and what routes share with them: header fields, cross-origin access.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use toml::de::DeValue;

use super::read::{Node, Placed, Reader};
use super::read_route::{RouteWritten, route};
use super::site::{Cors, FieldRule, Host, Origins, TlsFiles, host};
use super::value::{A_TIME, below_root, duration, field_value, is_token};

/// A site as written.
pub(super) struct SiteWritten {
    pub(super) place: Range<usize>,
    pub(super) hosts: Option<Placed<Vec<Placed<Host>>>>,
    pub(super) root: Option<Placed<PathBuf>>,
    pub(super) listing: Option<Placed<bool>>,
    pub(super) languages: Option<Placed<Vec<String>>>,
    pub(super) fallback: Option<Placed<String>>,
    pub(super) error_pages: Option<Placed<BTreeMap<u16, String>>>,
    pub(super) redirect_to_https: Option<Placed<bool>>,
    pub(super) hsts: Option<Placed<Duration>>,
    pub(super) tls: Option<Placed<TlsWritten>>,
    /// Whether there is a certificate, legal or not.
    pub(super) has_tls: bool,
    pub(super) insecure_basic: Option<Placed<bool>>,
    pub(super) strict_redirects: Option<Placed<bool>>,
    pub(super) variant_list: Option<Placed<bool>>,
    pub(super) lenient_accept: Option<Placed<bool>>,
    pub(super) vanished: Option<Placed<bool>>,
    pub(super) grace: Option<Placed<Duration>>,
    pub(super) cache_control: Option<Placed<String>>,
    pub(super) fields: Option<Placed<Vec<FieldRule>>>,
    pub(super) cors: Option<Placed<Cors>>,
    pub(super) routes: Vec<RouteWritten>,
}

/// A certificate as written.
pub(super) struct TlsWritten {
    pub(super) cert: Placed<PathBuf>,
    pub(super) key: Placed<PathBuf>,
}

impl TlsWritten {
    pub(super) fn files(&self) -> TlsFiles {
        TlsFiles { cert: self.cert.value.clone(), key: self.key.value.clone() }
    }
}

/// Reads one `[[site]]`.
pub(super) fn site(reader: &mut Reader<'_>, node: &Node<'_>, now: SystemTime) -> Option<SiteWritten> {
    let mut table = reader.table(node, "site")?;
    let t = &mut table;
    let time = |r: &mut Reader<'_>, n: &Node<'_>| r.parsed(n, A_TIME, duration);
    let written = SiteWritten {
        place: node.span(),
        hosts: reader.take(t, "hosts", |r, n| {
            const WANTED: &str = "a list of host names such as [\"example.org\"]";
            r.list(n, WANTED, |r, n| r.parsed(n, WANTED, host))
        }),
        root: reader.take(t, "root", |r, n| r.path(n)),
        listing: reader.take(t, "listing", |r, n| r.boolean(n)),
        languages: reader.take(t, "languages", |r, n| {
            r.texts(n, "a list of language tags such as [\"en\", \"de\"]", language)
        }),
        fallback: reader.take(t, "fallback", |r, n| {
            r.parsed(n, "a file below the root such as \"index.html\"", below_root)
        }),
        error_pages: reader.take(t, "error_pages", error_pages),
        redirect_to_https: reader.take(t, "redirect_to_https", |r, n| r.boolean(n)),
        hsts: reader.take(t, "hsts", time),
        tls: reader.take(t, "tls", tls),
        has_tls: t.has("tls"),
        insecure_basic: reader.take(t, "insecure_basic", |r, n| r.boolean(n)),
        strict_redirects: reader.take(t, "strict_redirects", |r, n| r.boolean(n)),
        variant_list: reader.take(t, "variant_list", |r, n| r.word(n, &[("field", false), ("body", true)])),
        lenient_accept: reader.take(t, "lenient_accept", |r, n| r.boolean(n)),
        vanished: reader.take(t, "vanished", |r, n| r.word(n, &[("missing", false), ("gone", true)])),
        grace: reader.take(t, "grace", time),
        cache_control: reader.take(t, "cache_control", cache_control),
        fields: reader.take(t, "fields", fields),
        cors: reader.take(t, "cors", cors),
        routes: reader
            .take(t, "route", |r, n| r.list(n, "written as [[site.route]]", |r, n| route(r, n, now)))
            .map(|list| list.value.into_iter().map(|route| route.value).collect())
            .unwrap_or_default(),
    };
    if written.root.is_none() && !table.has("root") {
        reader.missing(&table, "root", "name the folder this site serves, such as root = \"public\"");
    }
    reader.finish(&table);
    Some(written)
}

fn tls(reader: &mut Reader<'_>, node: &Node<'_>) -> Option<TlsWritten> {
    let mut table = reader.table(node, "tls")?;
    let cert = reader.take(&mut table, "cert", |r, n| r.path(n));
    let key = reader.take(&mut table, "key", |r, n| r.path(n));
    for name in ["cert", "key"] {
        if !table.has(name) {
            reader.missing(&table, name, "a certificate and its private key come together");
        }
    }
    reader.finish(&table);
    Some(TlsWritten { cert: cert?, key: key? })
}

fn language(text: &str) -> Result<String, String> {
    let legal = |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric());
    let primary = text.split('-').next().unwrap_or_default();
    if text.split('-').all(legal) && primary.bytes().all(|b| b.is_ascii_alphabetic()) {
        return Ok(text.to_ascii_lowercase());
    }
    Err(format!("{text:?} is not a language tag such as \"en\" or \"pt-BR\""))
}

fn error_pages(reader: &mut Reader<'_>, node: &Node<'_>) -> Option<BTreeMap<u16, String>> {
    const WANTED: &str = "a table of codes and files such as { 404 = \"404.html\" }";
    let Some(entries) = node.get_ref().as_table() else { return reader.wrong_type(node, WANTED) };
    let mut pages = BTreeMap::new();
    for (code, file) in entries {
        let number = code.get_ref().parse().ok().filter(|number| (400..600).contains(number));
        let file = reader.parsed(file, WANTED, below_root);
        match (number, file) {
            (Some(number), Some(file)) => {
                pages.insert(number, file);
            }
            (None, _) => {
                reader
                    .report
                    .fault(code.span(), format!("{:?} is not an error code, 400 to 599", code.get_ref()));
            }
            _ => {}
        }
    }
    Some(pages)
}

/// Reads a value of `Cache-Control`.
pub(super) fn cache_control(reader: &mut Reader<'_>, node: &Node<'_>) -> Option<String> {
    reader.parsed(node, "a field value such as \"max-age=3600\"", field_value)
}

/// Reads `fields = { Name = "value" | ["value", …] | false }`.
pub(super) fn fields(reader: &mut Reader<'_>, node: &Node<'_>) -> Option<Vec<FieldRule>> {
    const WANTED: &str = "a table of fields such as { X-Frame-Options = \"DENY\" }";
    let Some(entries) = node.get_ref().as_table() else { return reader.wrong_type(node, WANTED) };
    let mut rules = Vec::new();
    for (name, value) in entries {
        if let Err(why) = settable(name.get_ref()) {
            reader.report.fault(name.span(), why);
        }
        if let Some(values) = field_values(reader, value) {
            rules.push(FieldRule { name: name.get_ref().to_string(), values });
        }
    }
    Some(rules)
}

fn field_values(reader: &mut Reader<'_>, node: &Node<'_>) -> Option<Vec<String>> {
    const WANTED: &str = "texts, or false to leave a field out";
    match node.get_ref() {
        DeValue::Boolean(false) => Some(Vec::new()),
        DeValue::Array(_) => reader.texts(node, WANTED, field_value),
        _ => Some(vec![reader.parsed(node, WANTED, field_value)?]),
    }
}

/// Whether a field may be set by configuration: not those that say what candor itself knows.
fn settable(name: &str) -> Result<(), String> {
    if !is_token(name) {
        return Err(format!("{name:?} is not a field name"));
    }
    let lower = name.to_ascii_lowercase();
    if lower.starts_with("access-control-") {
        return Err(format!("{name} is set by the key \"cors\""));
    }
    let key = match lower.as_str() {
        "cache-control" => "cache_control",
        "strict-transport-security" => "hsts",
        _ if OWN_FIELDS.contains(&lower.as_str()) || lower.starts_with("candor-") => "",
        _ => return Ok(()),
    };
    Err(match key {
        "" => format!("{name} is set by candor itself"),
        key => format!("{name} is set by the key \"{key}\""),
    })
}

const OWN_FIELDS: &[&str] = &[
    "accept-patch",
    "accept-ranges",
    "age",
    "allow",
    "connection",
    "content-encoding",
    "content-length",
    "content-location",
    "content-range",
    "date",
    "etag",
    "keep-alive",
    "last-modified",
    "location",
    "memento-datetime",
    "proxy-authenticate",
    "retry-after",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "vary",
    "via",
    "www-authenticate",
];

/// Reads `cors = "*" | "https://…" | { origins = […], … }`.
pub(super) fn cors(reader: &mut Reader<'_>, node: &Node<'_>) -> Option<Cors> {
    let bare = |origins| Cors {
        origins,
        methods: Vec::new(),
        fields: Vec::new(),
        expose: Vec::new(),
        credentials: false,
        max_age: None,
    };
    if node.get_ref().is_str() {
        return Some(bare(origins(reader, node)?));
    }
    let mut table = reader.table(node, "cors")?;
    let t = &mut table;
    let names = |what: &'static str| move |r: &mut Reader<'_>, n: &Node<'_>| r.texts(n, what, token);
    let origins = reader.take(t, "origins", origins);
    let methods = reader.take(t, "methods", names("a list of methods such as [\"PUT\"]"));
    let request = reader.take(t, "fields", names("a list of request fields"));
    let expose = reader.take(t, "expose", names("a list of response fields"));
    let credentials = reader.take(t, "credentials", |r, n| r.boolean(n));
    let max_age = reader.take(t, "max_age", |r, n| r.parsed(n, A_TIME, duration));
    if !table.has("origins") {
        reader.missing(&table, "origins", "say who may read, such as origins = [\"https://example.org\"]");
    }
    reader.finish(&table);
    let origins = origins?;
    if let Some(credentials) = credentials.as_ref().filter(|c| c.value && origins.value == Origins::Any) {
        let message = "credentials for any origin would let every page act for its reader; name the origins";
        reader.report.fault(credentials.key.clone(), message);
    }
    Some(Cors {
        methods: methods.map(|list| list.value).unwrap_or_default(),
        fields: request.map(|list| list.value).unwrap_or_default(),
        expose: expose.map(|list| list.value).unwrap_or_default(),
        credentials: credentials.is_some_and(|credentials| credentials.value),
        max_age: max_age.map(|age| age.value),
        ..bare(origins.value)
    })
}

fn origins(reader: &mut Reader<'_>, node: &Node<'_>) -> Option<Origins> {
    const WANTED: &str = "\"*\" or a list of origins such as [\"https://example.org\"]";
    if node.get_ref().as_str() == Some("*") {
        return Some(Origins::Any);
    }
    if node.get_ref().is_str() {
        return Some(Origins::Only(vec![reader.parsed(node, WANTED, origin)?]));
    }
    if node.get_ref().as_array().is_some_and(|list| list.iter().any(|o| o.get_ref().as_str() == Some("*"))) {
        return Some(Origins::Any);
    }
    Some(Origins::Only(reader.texts(node, WANTED, origin)?))
}

/// An origin as browsers serialise it: scheme, host and a port that is not the scheme's own.
fn origin(text: &str) -> Result<String, String> {
    let wrong = || format!("{text:?} is not an origin such as \"https://example.org\"");
    if text == "null" {
        return Ok(text.to_owned());
    }
    let (scheme, rest) = text.split_once("://").ok_or_else(wrong)?;
    let legal = !rest.is_empty() && !rest.contains(['/', '?', '#', '@', ' ']) && rest.is_ascii();
    let scheme_legal = scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    if !legal || scheme.is_empty() || !scheme_legal {
        return Err(wrong());
    }
    let origin = text.to_ascii_lowercase();
    let own_port = match scheme.to_ascii_lowercase().as_str() {
        "http" => ":80",
        "https" => ":443",
        _ => "",
    };
    Ok(match origin.strip_suffix(own_port) {
        Some(shorter) if !own_port.is_empty() => shorter.to_owned(),
        _ => origin,
    })
}

fn token(text: &str) -> Result<String, String> {
    if is_token(text) { Ok(text.to_owned()) } else { Err(format!("{text:?} is not a token")) }
}

/// The value of an optional key.
pub(super) fn given<T>(placed: Option<Placed<T>>) -> Option<T> {
    placed.map(|placed| placed.value)
}
