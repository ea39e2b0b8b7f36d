//! Reads routes.

use std::ops::Range;
use std::time::{Duration, SystemTime};

use toml::de::DeValue;

use super::limits::Rate;
use super::read::{Node, Placed, Reader, Table};
use super::read_site::{cache_control, cors, fields, given};
use super::routes::{
    Balance, Breaker, Conceal, Documents, Form, FormAfter, Gateway, Health, RouteKind, RoutePath, Run,
    Target, program,
};
use super::site::{Cors, FieldRule};
use super::value::{
    A_MOMENT, A_TIME, AN_ADDRESS, decoded, duration, field_value, file_name, hours, is_token, moment, rate,
    route_path, target,
};

/// A route as written, its kind already known.
pub(super) struct RouteWritten {
    pub(super) path: Placed<RoutePath>,
    pub(super) what: RouteKind,
    /// The key that names the kind.
    pub(super) kind_place: Range<usize>,
    pub(super) realm: Option<Placed<String>>,
    pub(super) read: Option<Placed<Vec<Placed<String>>>>,
    pub(super) write: Option<Placed<Vec<Placed<String>>>>,
    pub(super) conceal: Option<Placed<Conceal>>,
    pub(super) rate: Option<Placed<Rate>>,
    pub(super) cache_control: Option<Placed<String>>,
    pub(super) fields: Option<Placed<Vec<FieldRule>>>,
    pub(super) cors: Option<Placed<Cors>>,
}

/// Reads one `[[site.route]]`.
pub(super) fn route(reader: &mut Reader<'_>, node: &Node<'_>, now: SystemTime) -> Option<RouteWritten> {
    let mut table = reader.table(node, "site.route")?;
    let t = &mut table;
    let path = reader.take(t, "path", |r, n| r.parsed(n, "a path such as \"/x\" or \"/x/\"", route_path));
    let realm = reader.take(t, "realm", |r, n| r.parsed(n, "a name", realm_name));
    let read = reader.take(t, "read", callers);
    let write = reader.take(t, "write", callers);
    let conceal = reader.take(t, "conceal", concealment);
    let rate = reader.take(t, "rate", |r, n| r.parsed(n, "a rate such as \"10/s\"", rate));
    let cache_control = reader.take(t, "cache_control", cache_control);
    let fields = reader.take(t, "fields", fields);
    let cors = reader.take(t, "cors", cors);
    let kind = kind(reader, t, now);
    if !table.has("path") {
        reader.missing(&table, "path", "say what the route covers: \"/x\" is one address, \"/x/\" a subtree");
    }
    reader.finish(&table);
    let path = path?;
    let (what, kind_place) = kind?;
    Some(RouteWritten {
        kind_place,
        path,
        what,
        realm,
        read,
        write,
        conceal,
        rate,
        cache_control,
        fields,
        cors,
    })
}

fn realm_name(text: &str) -> Result<String, String> {
    field_value(text).map_err(|_| format!("{text:?} is not a name that can stand in a challenge"))
}

fn callers(reader: &mut Reader<'_>, node: &Node<'_>) -> Option<Vec<Placed<String>>> {
    const WANTED: &str = "a list of users, \"@group\"s or \"anyone\", such as [\"amy\"]";
    reader.list(node, WANTED, |r, n| r.text(n, WANTED).map(str::to_owned))
}

fn concealment(reader: &mut Reader<'_>, node: &Node<'_>) -> Option<Conceal> {
    match reader.number(node, 0, u64::from(u16::MAX))? {
        403 => Some(Conceal::As403),
        404 => Some(Conceal::As404),
        other => reader.wrong(node, format!("conceal = {other}: a subtree is concealed as 403 or as 404")),
    }
}

/// The keys that make a route something other than documents.
const KINDS: &[&str] =
    &["moved", "moved_for_now", "gone", "unavailable", "choices", "form", "run", "gateway"];

/// The keys that only mean something beside another one.
const COMPANIONS: &[(&str, &str)] = &[("until", "moved_for_now"), ("gone_from", "gone"), ("keep", "gone")];

/// The keys that only mean something for documents.
const OF_DOCUMENTS: &[&str] =
    &["default_variant", "require_base", "tombstones", "post", "announce_moves", "protect_links"];

fn kind(
    reader: &mut Reader<'_>,
    table: &mut Table<'_>,
    now: SystemTime,
) -> Option<(RouteKind, Range<usize>)> {
    companions_fit(reader, table);
    let time = |r: &mut Reader<'_>, n: &Node<'_>| r.parsed(n, A_TIME, duration);
    let to = |r: &mut Reader<'_>, n: &Node<'_>| r.parsed(n, AN_ADDRESS, target);
    let documents = documents(reader, table);
    let until = reader.take(table, "until", point);
    let gone_from = reader.take(table, "gone_from", point);
    let keep = reader.take(table, "keep", time);
    let moved = reader.take(table, "moved", to);
    let moved_for_now = reader.take(table, "moved_for_now", to);
    let gone = reader.take(table, "gone", |r, n| r.text(n, "a note that says why").map(str::to_owned));
    let unavailable = reader.take(table, "unavailable", |r, n| unavailable(r, n, now));
    let choices = reader.take(table, "choices", choices);
    let form = reader.take(table, "form", form);
    let run = reader.take(table, "run", run);
    let gateway = reader.take(table, "gateway", gateway);
    if let (Some(from), Some(keep)) = (&gone_from, &keep)
        && from.value.checked_add(keep.value).is_none()
    {
        reader.report.fault(keep.place.clone(), "the end of this time cannot be told by any clock");
    }

    let kinds = [
        moved.map(|m| (RouteKind::Moved(m.value), m.key)),
        moved_for_now.map(|m| (RouteKind::MovedForNow { to: m.value, until: given(until) }, m.key)),
        gone.map(|g| (RouteKind::Gone { note: g.value, from: given(gone_from), keep: given(keep) }, g.key)),
        unavailable.and_then(|u| Some((RouteKind::Unavailable { until: u.value? }, u.key))),
        choices.map(|c| (RouteKind::Choices(c.value), c.key)),
        form.map(|f| (RouteKind::Form(f.value), f.key)),
        run.map(|r| (RouteKind::Run(r.value), r.key)),
        gateway.map(|g| (RouteKind::Gateway(g.value), g.key)),
    ];
    let written = KINDS.iter().any(|kind| table.has(kind));
    match kinds.into_iter().flatten().next() {
        Some(kind) => Some(kind),
        // A kind that does not read was noted; documents in its place would only bring more remarks.
        None if written && !table.is_false("unavailable") => None,
        None => Some((RouteKind::Documents(documents), table.place.clone())),
    }
}

/// Notes two kinds on one route, and keys without the one they belong to.
fn companions_fit(reader: &mut Reader<'_>, table: &Table<'_>) {
    let mut kinds: Vec<_> = KINDS.iter().filter_map(|kind| Some((table.span_of(kind)?, *kind))).collect();
    kinds.sort_by_key(|(place, _)| place.start);
    if let [(_, first), others @ ..] = kinds.as_slice() {
        for (place, other) in others {
            let message = format!("\"{other}\" and \"{first}\" on one route; a route does one of these");
            reader.report.fault(place.clone(), message);
        }
        for key in OF_DOCUMENTS {
            if let Some(place) = table.span_of(key) {
                let message = format!("\"{key}\" is for documents, and this route has \"{first}\" instead");
                reader.report.fault(place, message);
            }
        }
    }
    for (key, companion) in COMPANIONS {
        if let Some(place) = table.span_of(key).filter(|_| !table.has(companion)) {
            reader.report.fault(place, format!("\"{key}\" means nothing without \"{companion}\""));
        }
    }
}

fn documents(reader: &mut Reader<'_>, table: &mut Table<'_>) -> Documents {
    let usual = Documents::default();
    let truth = |r: &mut Reader<'_>, n: &Node<'_>| r.boolean(n);
    let name =
        |r: &mut Reader<'_>, n: &Node<'_>| r.parsed(n, "a file name such as \"doc.en.html\"", file_name);
    let default_variant = given(reader.take(table, "default_variant", name));
    let require_base = reader.take(table, "require_base", truth);
    let tombstones = reader.take(table, "tombstones", truth);
    let post = reader.take(table, "post", |r, n| r.word(n, &[("create", true)]));
    let announce_moves = reader.take(table, "announce_moves", truth);
    let protect_links = reader.take(table, "protect_links", truth);
    Documents {
        default_variant,
        require_base: given(require_base).unwrap_or(usual.require_base),
        tombstones: given(tombstones).unwrap_or(usual.tombstones),
        post_creates: given(post).unwrap_or(usual.post_creates),
        announce_moves: given(announce_moves).unwrap_or(usual.announce_moves),
        protect_links: given(protect_links).unwrap_or(usual.protect_links),
    }
}

fn point(reader: &mut Reader<'_>, node: &Node<'_>) -> Option<SystemTime> {
    match node.get_ref() {
        DeValue::Datetime(_) | DeValue::String(_) => match moment(node.get_ref()) {
            Ok(moment) => Some(moment),
            Err(why) => reader.wrong(node, why),
        },
        _ => reader.wrong_type(node, A_MOMENT),
    }
}

/// `true`, `false`, a time from now or a moment. The outer `None` of the value is "not at all".
fn unavailable(
    reader: &mut Reader<'_>,
    node: &Node<'_>,
    now: SystemTime,
) -> Option<Option<Option<SystemTime>>> {
    match node.get_ref() {
        DeValue::Boolean(true) => Some(Some(None)),
        DeValue::Boolean(false) => Some(None),
        DeValue::String(text) if duration(text).is_ok() => {
            Some(Some(duration(text).ok().and_then(|time| now.checked_add(time))))
        }
        DeValue::String(_) | DeValue::Datetime(_) => match moment(node.get_ref()) {
            Ok(moment) => Some(Some(Some(moment))),
            Err(_) => reader.wrong(node, format!("\"unavailable\" must be true, {A_TIME}, or {A_MOMENT}")),
        },
        _ => reader.wrong_type(node, &format!("true, {A_TIME}, or {A_MOMENT}")),
    }
}

fn choices(reader: &mut Reader<'_>, node: &Node<'_>) -> Option<Vec<Target>> {
    let choices = reader.texts(node, "a list of addresses such as [\"/a\", \"/b\"]", target)?;
    if node.get_ref().as_array().is_some_and(|list| list.len() < 2) {
        return reader.wrong(node, "one address is no choice; write at least two, or use \"moved\"");
    }
    Some(choices)
}

fn form(reader: &mut Reader<'_>, node: &Node<'_>) -> Option<Form> {
    let mut table = reader.table(node, "form")?;
    let into =
        reader.take(&mut table, "into", |r, n| r.parsed(n, "a collection such as \"/box/\"", collection));
    let words = [("keep", FormAfter::Keep), ("reset", FormAfter::Reset), ("created", FormAfter::Created)];
    let after = reader.take(&mut table, "after", |r, n| r.word(n, &words));
    for key in ["into", "after"] {
        if !table.has(key) {
            reader.missing(&table, key, "a form is written as { into = \"/box/\", after = \"keep\" }");
        }
    }
    reader.finish(&table);
    Some(Form { into: given(into)?, after: given(after)? })
}

fn collection(text: &str) -> Result<String, String> {
    let path = decoded(text)?;
    if path.ends_with('/') {
        Ok(path)
    } else {
        Err(format!("{text:?} is not a collection; it needs a final \"/\""))
    }
}

fn run(reader: &mut Reader<'_>, node: &Node<'_>) -> Option<Run> {
    let mut table = reader.table(node, "run")?;
    let t = &mut table;
    let time = |r: &mut Reader<'_>, n: &Node<'_>| r.parsed(n, A_TIME, duration);
    let command = reader.take(t, "command", command);
    let deadline = reader.take(t, "deadline", time);
    let queue = reader.take(t, "queue", |r, n| r.parsed(n, "a name", queue_name));
    let hours = reader.take(t, "hours", |r, n| r.parsed(n, "hours such as \"02:00-04:00\"", hours));
    let retention = reader.take(t, "retention", time);
    if !table.has("command") {
        reader.missing(&table, "command", "say which program runs, such as command = [\"./job\"]");
    }
    reader.finish(&table);
    Some(Run {
        command: given(command)?,
        deadline: given(deadline).unwrap_or(Duration::from_secs(2)),
        queue: given(queue),
        hours: given(hours),
        retention: given(retention).unwrap_or(Duration::from_secs(7 * 86_400)),
    })
}

fn command(reader: &mut Reader<'_>, node: &Node<'_>) -> Option<Vec<String>> {
    const WANTED: &str = "a program and its arguments such as [\"./job\", \"--fast\"]";
    let list = reader.list(node, WANTED, |r, n| r.text(n, WANTED).map(str::to_owned))?;
    let mut words: Vec<String> = list.into_iter().map(|word| word.value).collect();
    if words.iter().any(|word| word.contains('\0')) {
        return reader.wrong(node, "a NUL cannot be passed to a program");
    }
    match words.first_mut() {
        Some(first) if !first.is_empty() => {
            *first = program(first, |path| reader.sources.path(&node.span(), path));
            Some(words)
        }
        _ => reader.wrong(node, "the command is empty"),
    }
}

fn queue_name(text: &str) -> Result<String, String> {
    if is_token(text) { Ok(text.to_owned()) } else { Err(format!("{text:?} is not the name of a queue")) }
}

fn gateway(reader: &mut Reader<'_>, node: &Node<'_>) -> Option<Gateway> {
    let mut table = reader.table(node, "gateway")?;
    let t = &mut table;
    let time = |r: &mut Reader<'_>, n: &Node<'_>| r.parsed(n, A_TIME, duration);
    let truth = |r: &mut Reader<'_>, n: &Node<'_>| r.boolean(n);
    let to = reader.take(t, "to", upstreams);
    let connect_timeout = reader.take(t, "connect_timeout", time);
    let response_timeout = reader.take(t, "response_timeout", time);
    let cache = reader.take(t, "cache", truth);
    let stale = reader.take(t, "stale", truth);
    let provisional = reader.take(t, "provisional", provisional);
    let mirror = reader.take(t, "mirror", truth);
    let forward_later = reader.take(t, "forward_later", |r, n| match r.boolean(n)? {
        true => r.wrong(n, "\"forward_later\" is not in this build yet"),
        false => Some(false),
    });
    let annotate = reader.take(t, "annotate", annotations);
    let breaker = reader.take(t, "breaker", breaker);
    let words = [("least-connections", Balance::LeastConnections), ("hash", Balance::Hash)];
    let balance = reader.take(t, "balance", |r, n| r.word(n, &words));
    let health = reader.take(t, "health", health);
    if !table.has("to") {
        reader.missing(&table, "to", "name the upstreams, such as to = [\"http://127.0.0.1:9000\"]");
    }
    reader.finish(&table);
    Some(Gateway {
        to: given(to)?,
        connect_timeout: given(connect_timeout).unwrap_or(Duration::from_secs(2)),
        response_timeout: given(response_timeout).unwrap_or(Duration::from_secs(30)),
        cache: given(cache).unwrap_or(false),
        // No contact is reason enough to use what is stored (RFC 9111 section 4.2.4).
        stale: given(stale).unwrap_or(true),
        provisional: given(provisional).unwrap_or(true),
        mirror: given(mirror).unwrap_or(false),
        forward_later: given(forward_later).unwrap_or(false),
        annotate: given(annotate).unwrap_or_default(),
        breaker: given(breaker),
        balance: given(balance).unwrap_or_default(),
        health: given(health),
    })
}

/// The code of what is not definitive: 203, or the 200 that it had.
fn provisional(reader: &mut Reader<'_>, node: &Node<'_>) -> Option<bool> {
    match reader.number(node, 0, u64::from(u16::MAX))? {
        203 => Some(true),
        200 => Some(false),
        other => reader.wrong(node, format!("provisional = {other}: a provisional answer is 203 or 200")),
    }
}

fn upstreams(reader: &mut Reader<'_>, node: &Node<'_>) -> Option<Vec<String>> {
    let list =
        reader.texts(node, "a list of URLs such as [\"http://127.0.0.1:9000\"]", |text| {
            match target(text)? {
                Target::Url(url) => Ok(url),
                Target::Address { .. } => Err(format!("{text:?} is not an http or https URL")),
            }
        })?;
    if node.get_ref().as_array().is_some_and(|list| list.is_empty()) {
        return reader.wrong(node, "a gateway needs at least one upstream");
    }
    Some(list)
}

fn annotations(reader: &mut Reader<'_>, node: &Node<'_>) -> Option<Vec<(String, String)>> {
    let rules = fields(reader, node)?;
    Some(
        rules
            .into_iter()
            .flat_map(|rule| rule.values.into_iter().map(move |v| (rule.name.clone(), v)))
            .collect(),
    )
}

fn breaker(reader: &mut Reader<'_>, node: &Node<'_>) -> Option<Breaker> {
    let mut table = reader.table(node, "breaker")?;
    let failures = reader.take(&mut table, "failures", |r, n| r.number(n, 1, 1_000_000));
    let open = reader.take(&mut table, "open", |r, n| r.parsed(n, A_TIME, duration));
    reader.finish(&table);
    Some(Breaker {
        failures: given(failures).and_then(|number| u32::try_from(number).ok()).unwrap_or(5),
        open: given(open).unwrap_or(Duration::from_secs(10)),
    })
}

fn health(reader: &mut Reader<'_>, node: &Node<'_>) -> Option<Health> {
    let mut table = reader.table(node, "health")?;
    let path = reader.take(&mut table, "path", |r, n| r.parsed(n, AN_ADDRESS, target));
    let every = reader.take(&mut table, "every", |r, n| r.parsed(n, A_TIME, duration));
    reader.finish(&table);
    let path = given(path).map_or_else(|| "/".to_owned(), |target| target.location().to_owned());
    Some(Health { path, every: given(every).unwrap_or(Duration::from_secs(5)) })
}
