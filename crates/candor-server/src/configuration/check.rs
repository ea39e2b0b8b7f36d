//! Turns a document into a [`Configuration`]: what single values cannot tell is checked here.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use toml::de::{DeTable, DeValue};

use super::fault::{ConfigurationError, Report, plain};
use super::limits::Limits;
use super::listener::{ListenAddress, Listener, listener, network};
use super::nearest::nearest;
use super::read::{Node, Placed, Reader, Table};
use super::read_route::RouteWritten;
use super::read_site::{SiteWritten, given, site};
use super::routes::{Access, Callers, Route, RouteKind, RoutePath, Routes, Target};
use super::site::{Site, Vanished};
use super::sources::Sources;
use super::user::{User, password, token_digest};
use super::value::{A_TIME, decoded, duration, rate, size};
use super::{AccessLog, Configuration, LogFormat};

/// Reads all layers.
pub(super) fn configuration(
    sources: &Sources<'_>,
    now: SystemTime,
) -> Result<(Configuration, Vec<Named>), ConfigurationError> {
    let mut report = Report::default();
    let document = sources.document(&mut report);
    if !report.is_clean() {
        // What follows a fault of syntax is guesswork; remarks about it would mislead.
        report.close(sources)?;
        report = Report::default();
    }
    let mut reader = Reader::new(sources, report);
    let (mut configuration, named) = read(&mut reader, &document, now);
    configuration.notices = reader.report.close(sources)?;
    Ok((configuration, named))
}

fn read(reader: &mut Reader<'_>, document: &DeTable<'_>, now: SystemTime) -> (Configuration, Vec<Named>) {
    let mut table = Table::new("", document, reader.sources.beginning());
    let t = &mut table;
    let listen = reader.take(t, "listen", listeners);
    let state = reader.take(t, "state", |r, n| r.path(n));
    let access_log = reader.take(t, "access_log", access_log);
    let limits = reader.take(t, "limits", limits);
    let trusted_proxies = reader.take(t, "trusted_proxies", |r, n| {
        r.texts(n, "a list of addresses or blocks such as [\"10.0.0.0/8\"]", network)
    });
    let reserved =
        reader.take(t, "reserved", |r, n| r.parsed(n, "a prefix such as \"/_candor/\"", reserved_prefix));
    let insecure_basic = reader.take(t, "insecure_basic", |r, n| r.boolean(n));
    let users = reader.take(t, "user", |r, n| r.list(n, "written as [[user]]", user));
    let sites = reader.take(t, "site", |r, n| r.list(n, "written as [[site]]", |r, n| site(r, n, now)));
    if !table.has("site") {
        reader.missing(&table, "site", "write [[site]] and root = \"…\", the folder to serve");
    }
    reader.finish(&table);

    let users = users.map(|list| distinct_users(reader, list.value)).unwrap_or_default();
    let insecure_basic = given(insecure_basic).unwrap_or(false);
    let written: Vec<SiteWritten> =
        sites.into_iter().flat_map(|list| list.value).map(|site| site.value).collect();
    let listeners = distinct_listeners(reader, listen);
    one_site_a_host(reader, &written);
    tls_is_complete(reader, &listeners, &written);
    passwords_are_safe(reader, &listeners, &written, insecure_basic);
    let named = named(&written);
    let sites = written.into_iter().map(|site| checked_site(reader, site, &users, insecure_basic)).collect();
    let configuration = Configuration {
        file: reader.sources.file(),
        listeners: listeners.into_iter().map(|listener| listener.value).collect(),
        state: given(state),
        access_log: given(access_log).unwrap_or(Some(AccessLog { format: LogFormat::Combined, file: None })),
        limits: given(limits).unwrap_or_default(),
        trusted_proxies: given(trusted_proxies).unwrap_or_default(),
        reserved: given(reserved).unwrap_or_else(|| "/-/".to_owned()),
        users,
        sites,
        notices: Vec::new(),
    };
    (configuration, named)
}

// ---- Values of the top level.

fn listeners(reader: &mut Reader<'_>, node: &Node<'_>) -> Option<Vec<Placed<Listener>>> {
    const WANTED: &str = "a list of addresses such as [\"127.0.0.1:8080\"]";
    if node.get_ref().is_str() {
        let value = one_listener(reader, node)?;
        return Some(vec![Placed { value, key: node.span(), place: node.span() }]);
    }
    let list = reader.list(node, WANTED, |r, n| match n.get_ref() {
        DeValue::Table(_) => listener_table(r, n),
        _ => one_listener(r, n),
    })?;
    if node.get_ref().as_array().is_some_and(|list| list.is_empty()) {
        return reader.wrong(node, "there must be at least one place to listen");
    }
    Some(list)
}

fn one_listener(reader: &mut Reader<'_>, node: &Node<'_>) -> Option<Listener> {
    let bare_is_tls = reader.sources.bare_listeners_are_tls(&node.span());
    let mut value =
        reader.parsed(node, "an address such as \"127.0.0.1:8080\"", |text| listener(text, bare_is_tls))?;
    if let ListenAddress::Unix(path) = &mut value.address {
        *path = reader.sources.path(&node.span(), &path.to_string_lossy());
    }
    Some(value)
}

/// `{ address = "…", proxy_protocol = true }`.
fn listener_table(reader: &mut Reader<'_>, node: &Node<'_>) -> Option<Listener> {
    let mut table = reader.table(node, "listen")?;
    let address = reader.take(&mut table, "address", one_listener);
    let proxy_protocol = reader.take(&mut table, "proxy_protocol", |r, n| r.boolean(n));
    if !table.has("address") {
        reader.missing(&table, "address", "say where to listen, such as address = \"127.0.0.1:8080\"");
    }
    reader.finish(&table);
    Some(Listener { proxy_protocol: given(proxy_protocol).unwrap_or(false), ..given(address)? })
}

fn access_log(reader: &mut Reader<'_>, node: &Node<'_>) -> Option<Option<AccessLog>> {
    let formats = [("combined", Some(LogFormat::Combined)), ("json", Some(LogFormat::Json)), ("off", None)];
    if node.get_ref().as_table().is_none() {
        let format = reader.word(node, &formats)?;
        return Some(format.map(|format| AccessLog { format, file: None }));
    }
    let mut table = reader.table(node, "access_log")?;
    let format = reader.take(&mut table, "format", |r, n| r.word(n, &formats));
    let file = reader.take(&mut table, "file", |r, n| r.path(n));
    reader.finish(&table);
    let format = given(format).unwrap_or(Some(LogFormat::Combined));
    Some(format.map(|format| AccessLog { format, file: given(file) }))
}

fn limits(reader: &mut Reader<'_>, node: &Node<'_>) -> Option<Limits> {
    let mut table = reader.table(node, "limits")?;
    let t = &mut table;
    let usual = Limits::default();
    let count =
        |r: &mut Reader<'_>, n: &Node<'_>| r.number(n, 1, 10_000_000).and_then(|n| usize::try_from(n).ok());
    let connections = reader.take(t, "connections", count);
    let requests_in_flight = reader.take(t, "requests_in_flight", count);
    let head_timeout = reader.take(t, "head_timeout", timeout);
    let body_timeout = reader.take(t, "body_timeout", timeout);
    let idle_timeout = reader.take(t, "idle_timeout", timeout);
    let head_size = reader.take(t, "head_size", |r, n| bytes(r, n, 256, 16 << 20));
    let target_size = reader.take(t, "target_size", |r, n| bytes(r, n, 64, 16 << 20));
    let max_wait = reader.take(t, "max_wait", timeout);
    let rate = reader.take(t, "rate", |r, n| r.parsed(n, "a rate such as \"100/s\"", rate));
    let body_size = reader.take(t, "body_size", |r, n| bytes(r, n, 0, i64::MAX as u64));
    reader.finish(&table);
    let small = |placed: Option<Placed<u64>>, usual| {
        given(placed).and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(usual)
    };
    Some(Limits {
        connections: given(connections).unwrap_or(usual.connections),
        requests_in_flight: given(requests_in_flight).unwrap_or(usual.requests_in_flight),
        head_timeout: given(head_timeout).unwrap_or(usual.head_timeout),
        body_timeout: given(body_timeout).unwrap_or(usual.body_timeout),
        idle_timeout: given(idle_timeout).unwrap_or(usual.idle_timeout),
        head_size: small(head_size, usual.head_size),
        target_size: small(target_size, usual.target_size),
        max_wait: given(max_wait).unwrap_or(usual.max_wait),
        rate: given(rate),
        body_size: given(body_size).unwrap_or(usual.body_size),
    })
}

fn timeout(reader: &mut Reader<'_>, node: &Node<'_>) -> Option<Duration> {
    let time = reader.parsed(node, A_TIME, duration)?;
    if time < Duration::from_millis(10) {
        return reader.wrong(node, "shorter than 10ms: no client could ever be in time");
    }
    Some(time)
}

fn bytes(reader: &mut Reader<'_>, node: &Node<'_>, least: u64, most: u64) -> Option<u64> {
    if node.get_ref().is_integer() {
        return reader.number(node, least, most);
    }
    let size = reader.parsed(node, "a size such as \"32KiB\"", size)?;
    if !(least..=most).contains(&size) {
        return reader.wrong(node, format!("{size} bytes is not between {least} and {most}"));
    }
    Some(size)
}

fn reserved_prefix(text: &str) -> Result<String, String> {
    let path = decoded(text)?;
    if path.len() > 2 && path.ends_with('/') && path.matches('/').count() == 2 {
        return Ok(path);
    }
    Err(format!("{text:?} is not a prefix of one segment between two slashes, such as \"/_candor/\""))
}

// ---- Users.

fn user(reader: &mut Reader<'_>, node: &Node<'_>) -> Option<User> {
    let mut table = reader.table(node, "user")?;
    let t = &mut table;
    let name = reader.take(t, "name", |r, n| r.parsed(n, "a name", user_name));
    let password =
        reader.take(t, "password", |r, n| r.parsed(n, "the argon2id hash of a password", password));
    let tokens =
        reader.take(t, "tokens", |r, n| r.texts(n, "a list of digests such as [\"sha256:…\"]", token_digest));
    let groups =
        reader.take(t, "groups", |r, n| r.texts(n, "a list of names such as [\"editors\"]", user_name));
    if !table.has("name") {
        reader.missing(&table, "name", "a user needs a name");
    }
    if !table.has("password") && !table.has("tokens") {
        reader.missing(&table, "password", "without a password or tokens nobody can be this user");
    }
    reader.finish(&table);
    Some(User {
        name: given(name)?,
        password: given(password),
        tokens: given(tokens).unwrap_or_default(),
        groups: given(groups).unwrap_or_default(),
    })
}

fn user_name(text: &str) -> Result<String, String> {
    if text == "anyone" {
        return Err("\"anyone\" stands for everybody and cannot be a name".to_owned());
    }
    let legal =
        !text.is_empty() && !text.starts_with('@') && text.chars().all(|c| c != ':' && !c.is_control());
    if legal {
        Ok(text.to_owned())
    } else {
        Err(format!("{text:?} cannot be a name: no \":\", no \"@\" in front"))
    }
}

fn distinct_users(reader: &mut Reader<'_>, users: Vec<Placed<User>>) -> Vec<User> {
    let mut names = HashSet::new();
    for user in &users {
        if !names.insert(&user.value.name) {
            reader.report.fault(user.place.clone(), format!("there is another user {:?}", user.value.name));
        }
    }
    users.into_iter().map(|user| user.value).collect()
}

/// The users a list of names, groups and "anyone" means.
fn callers(reader: &mut Reader<'_>, written: Placed<Vec<Placed<String>>>, users: &[User]) -> Callers {
    let mut anyone = false;
    let mut members = BTreeSet::new();
    for name in &written.value {
        if name.value == "anyone" {
            anyone = true;
            continue;
        }
        let found: Vec<&User> = match name.value.strip_prefix('@') {
            Some(group) => users.iter().filter(|user| user.groups.iter().any(|g| g == group)).collect(),
            None => users.iter().filter(|user| user.name == name.value).collect(),
        };
        if found.is_empty() {
            reader.report.fault(name.place.clone(), unknown_caller(&name.value, users));
        }
        members.extend(found.into_iter().map(|user| user.name.clone()));
    }
    if anyone { Callers::Anyone } else { Callers::Only(members) }
}

fn unknown_caller(written: &str, users: &[User]) -> String {
    if let Some(group) = written.strip_prefix('@') {
        let groups: Vec<&str> = users.iter().flat_map(|user| &user.groups).map(String::as_str).collect();
        return match nearest(group, &groups) {
            Some(meant) => format!("no user is in the group {group:?}; did you mean \"@{meant}\"?"),
            None => format!("no user is in the group {group:?}"),
        };
    }
    let known: Vec<&str> = users.iter().map(|user| user.name.as_str()).chain(["anyone"]).collect();
    let in_group = users.iter().any(|user| user.groups.iter().any(|group| group == written));
    match nearest(written, &known) {
        _ if in_group => format!("there is no user {written:?}; the group is written \"@{written}\""),
        Some(meant) => format!("there is no user {written:?}; did you mean {meant:?}?"),
        None => format!("there is no user {written:?}; users are written as [[user]]"),
    }
}

// ---- Listeners, hosts and certificates.

fn distinct_listeners(
    reader: &mut Reader<'_>,
    listen: Option<Placed<Vec<Placed<Listener>>>>,
) -> Vec<Placed<Listener>> {
    let Some(listen) = listen else {
        let nowhere = usize::MAX - 1..usize::MAX;
        let address = ListenAddress::Tcp(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 8080));
        let tls = reader.sources.bare_listeners_are_tls(&nowhere);
        let value = Listener { address, tls, proxy_protocol: false };
        return vec![Placed { value, key: reader.sources.beginning(), place: reader.sources.beginning() }];
    };
    for (number, one) in listen.value.iter().enumerate() {
        if listen.value.iter().take(number).any(|other| other.value.clashes_with(&one.value)) {
            reader.report.fault(one.place.clone(), format!("{} is listened on twice", one.value));
        }
    }
    listen.value
}

fn one_site_a_host(reader: &mut Reader<'_>, sites: &[SiteWritten]) {
    let mut seen = HashSet::new();
    let mut catch_all = false;
    for site in sites {
        match site.hosts.as_ref().filter(|hosts| !hosts.value.is_empty()) {
            Some(hosts) => {
                for host in &hosts.value {
                    if !seen.insert(host.value.clone()) {
                        reader.report.fault(
                            host.place.clone(),
                            format!("another site has the host \"{}\"", host.value),
                        );
                    }
                }
            }
            None if catch_all => {
                let message =
                    "another site has no \"hosts\" either; only one can answer for every other host";
                reader.report.fault(site.place.clone(), message);
            }
            None => catch_all = true,
        }
    }
}

fn tls_is_complete(reader: &mut Reader<'_>, listeners: &[Placed<Listener>], sites: &[SiteWritten]) {
    let tls = listeners.iter().find(|listener| listener.value.tls);
    // Inherited sockets may turn out to speak anything.
    let inherited = listeners.iter().any(|l| matches!(l.value.address, ListenAddress::Inherited(_)));
    if let Some(listener) = tls
        && !sites.iter().any(|site| site.has_tls)
    {
        let message = format!("{} needs a certificate: no site has tls = {{ cert, key }}", listener.value);
        reader.report.fault(listener.place.clone(), message);
    }
    for site in sites {
        let redirect = site.redirect_to_https.as_ref().filter(|redirect| redirect.value);
        if let Some(redirect) = redirect.filter(|_| tls.is_none() && !inherited) {
            reader.report.notice(
                redirect.key.clone(),
                "no listener speaks https; the redirect relies on another server",
            );
        }
        if let Some(written) = site.tls.as_ref().filter(|_| tls.is_none() && !inherited) {
            reader
                .report
                .notice(written.key.clone(), "no listener speaks https, so the certificate is not used");
        }
    }
}

/// Passwords in the clear: refused off the loopback unless the owner says that it is meant.
fn passwords_are_safe(
    reader: &mut Reader<'_>,
    listeners: &[Placed<Listener>],
    sites: &[SiteWritten],
    insecure_basic: bool,
) {
    let named = |list: &Option<Placed<Vec<Placed<String>>>>| {
        list.as_ref()
            .is_some_and(|l| !l.value.is_empty() && l.value.iter().all(|name| name.value != "anyone"))
    };
    let in_danger = sites.iter().any(|site| {
        let allowed = site.insecure_basic.as_ref().map_or(insecure_basic, |allowed| allowed.value);
        let redirects = site.redirect_to_https.as_ref().is_some_and(|redirect| redirect.value);
        !allowed && !redirects && site.routes.iter().any(|route| named(&route.read) || named(&route.write))
    });
    if !in_danger {
        return;
    }
    for listener in listeners.iter().filter(|listener| listener.value.is_cleartext_off_loopback()) {
        let message = format!(
            "passwords would pass {} in the clear; use https://, or redirect_to_https in the site, \
             or say insecure_basic = true",
            listener.value
        );
        reader.report.fault(listener.place.clone(), message);
    }
}

// ---- Sites and routes.

fn checked_site(reader: &mut Reader<'_>, site: SiteWritten, users: &[User], insecure_basic: bool) -> Site {
    distinct_paths(reader, &site.routes);
    redirects_end(reader, &site.routes);
    if let Some(grace) =
        site.grace.as_ref().filter(|_| !site.vanished.as_ref().is_some_and(|gone| gone.value))
    {
        reader.report.fault(grace.key.clone(), "\"grace\" means nothing without vanished = \"gone\"");
    }
    let vanished = match given(site.vanished) {
        Some(true) => Vanished::Gone { grace: given(site.grace).unwrap_or(Duration::from_secs(30 * 86_400)) },
        _ => Vanished::Missing,
    };
    let covers: Vec<Cover> = site.routes.iter().filter_map(Cover::of).collect();
    let routes = site.routes.into_iter().map(|route| checked_route(reader, route, users, &covers)).collect();
    Site {
        hosts: given(site.hosts).unwrap_or_default().into_iter().map(|host| host.value).collect(),
        root: given(site.root).unwrap_or_default(),
        listing: given(site.listing).unwrap_or(false),
        languages: given(site.languages).unwrap_or_default(),
        fallback: given(site.fallback),
        error_pages: given(site.error_pages).unwrap_or_default(),
        redirect_to_https: given(site.redirect_to_https).unwrap_or(false),
        hsts: given(site.hsts),
        tls: given(site.tls).map(|tls| tls.files()),
        insecure_basic: given(site.insecure_basic).unwrap_or(insecure_basic),
        strict_redirects: given(site.strict_redirects).unwrap_or(false),
        variant_list_in_content: given(site.variant_list).unwrap_or(false),
        lenient_accept: given(site.lenient_accept).unwrap_or(false),
        vanished,
        cache_control: given(site.cache_control),
        fields: given(site.fields).unwrap_or_default(),
        cors: given(site.cors),
        routes: Routes::new(routes),
    }
}

/// A subtree with readers of its own, for the warning about routes below it that are open.
struct Cover {
    prefix: String,
}

impl Cover {
    fn of(route: &RouteWritten) -> Option<Cover> {
        let RoutePath::Subtree(prefix) = &route.path.value else { return None };
        let closed = route.read.as_ref().is_some_and(|r| r.value.iter().all(|name| name.value != "anyone"));
        closed.then(|| Cover { prefix: prefix.clone() })
    }
}

fn checked_route(reader: &mut Reader<'_>, route: RouteWritten, users: &[User], covers: &[Cover]) -> Route {
    let path = route.path.value;
    let cover = covers.iter().find(|c| path.text().starts_with(&c.prefix) && path.text() != c.prefix);
    if let Some(cover) = cover.filter(|_| route.read.is_none()) {
        let message = format!(
            "this route is open to anyone although \"{}\" is not: the longest path decides alone; say who may read it",
            cover.prefix
        );
        reader.report.notice(route.path.key.clone(), message);
    }
    if let (Some(conceal), Some(_)) = (&route.conceal, &route.realm) {
        let message = "\"conceal\" together with \"realm\": a challenge would tell what is to be concealed";
        reader.report.fault(conceal.key.clone(), message);
    }
    let mut access = Access {
        realm: None,
        read: route.read.map_or(Callers::Anyone, |list| callers(reader, list, users)),
        write: route.write.map(|list| callers(reader, list, users)),
        conceal: given(route.conceal),
    };
    if let Some(realm) = route.realm.as_ref().filter(|_| !access.wants_credentials()) {
        reader.report.notice(
            realm.key.clone(),
            "nobody is asked for credentials here: \"read\" and \"write\" name no users",
        );
    }
    if access.wants_credentials() && access.conceal.is_none() {
        access.realm = Some(given(route.realm).unwrap_or_else(|| path.text().to_owned()));
    }
    Route {
        path,
        access,
        what: route.what,
        rate: given(route.rate),
        cache_control: given(route.cache_control),
        fields: given(route.fields).unwrap_or_default(),
        cors: given(route.cors),
    }
}

fn distinct_paths(reader: &mut Reader<'_>, routes: &[RouteWritten]) {
    let mut seen = HashSet::new();
    for route in routes {
        if !seen.insert(&route.path.value) {
            let message = format!("another route of this site has the path {:?}", route.path.value.text());
            reader.report.fault(route.path.place.clone(), message);
        }
    }
}

/// Every chain of redirects within a site must end; where it ends is looked up again at each answer.
fn redirects_end(reader: &mut Reader<'_>, routes: &[RouteWritten]) {
    let exact: HashMap<&str, usize> = paths(routes, |path| matches!(path, RoutePath::Exact(_)));
    let subtrees: HashMap<&str, usize> = paths(routes, |path| matches!(path, RoutePath::Subtree(_)));
    let covering = |path: &str| -> Option<usize> {
        let ends = path.char_indices().rev().filter(|(_, letter)| *letter == '/');
        let mut prefixes = ends.filter_map(|(at, _)| subtrees.get(path.get(..=at)?));
        exact.get(path).or_else(|| prefixes.next()).copied()
    };
    // Each route is walked through once: 0 is not seen, a number is the walk that saw it.
    let mut walks = vec![0_usize; routes.len()];
    let mut faults: Vec<(Range<usize>, String)> = Vec::new();
    for start in 0..routes.len() {
        let walk = start + 1;
        let mut at = Some(start);
        while let Some(number) = at {
            let (Some(route), Some(seen)) = (routes.get(number), walks.get_mut(number)) else { break };
            let Some(path) = redirect(&route.what) else { break };
            if *seen == walk {
                let own = route.path.value.text();
                let message = match covering(path) == Some(number) {
                    true => format!("{own:?} moves to itself"),
                    false => format!("the redirects from {own:?} lead in a circle"),
                };
                faults.push((route.kind_place.clone(), message));
                break;
            }
            if *seen != 0 {
                break;
            }
            *seen = walk;
            at = covering(path);
        }
    }
    for (place, message) in faults {
        reader.report.fault(place, message);
    }
}

fn paths(routes: &[RouteWritten], kind: impl Fn(&RoutePath) -> bool) -> HashMap<&str, usize> {
    let chosen = routes.iter().enumerate().filter(|(_, route)| kind(&route.path.value));
    chosen.map(|(number, route)| (route.path.value.text(), number)).collect()
}

/// The address of the same site that a redirect leads to.
fn redirect(what: &RouteKind) -> Option<&str> {
    match what {
        RouteKind::Moved(Target::Address { path, .. })
        | RouteKind::MovedForNow { to: Target::Address { path, .. }, .. } => Some(path),
        _ => None,
    }
}

// ---- What the file system has to say.

/// A path that a legal configuration names, and that must be there.
pub(super) struct Named {
    place: Range<usize>,
    path: PathBuf,
    is_folder: bool,
    /// The command of a program.
    is_command: bool,
}

fn named(sites: &[SiteWritten]) -> Vec<Named> {
    let one = |placed: &Placed<PathBuf>, is_folder| Named {
        place: placed.place.clone(),
        path: placed.value.clone(),
        is_folder,
        is_command: false,
    };
    let commands = sites.iter().flat_map(|site| &site.routes).filter_map(|route| match &route.what {
        RouteKind::Run(run) => Some(Named {
            place: route.kind_place.clone(),
            path: PathBuf::from(run.command.first()?),
            is_folder: false,
            is_command: true,
        }),
        _ => None,
    });
    let roots = sites.iter().filter_map(|site| site.root.as_ref()).map(|root| one(root, true));
    let certificates =
        sites.iter().filter_map(|site| site.tls.as_ref()).flat_map(|tls| [&tls.value.cert, &tls.value.key]);
    roots.chain(certificates.map(|file| one(file, false))).chain(commands).collect()
}

/// Whether the folders and certificates are there and can be read, and programs can be executed.
pub(super) fn presence(sources: &Sources<'_>, named: &[Named]) -> Result<(), ConfigurationError> {
    let mut report = Report::default();
    for Named { place, path, is_folder, is_command } in named {
        if *is_command {
            if crate::programs::find(&path.to_string_lossy()).is_none() {
                let why = "there is no such program, or it cannot be executed";
                report.fault(place.clone(), format!("{}: {why}", path.display()));
            }
        } else if let Err(why) = can_be_read(path, *is_folder) {
            report.fault(place.clone(), format!("{}: {why}", path.display()));
        }
    }
    report.close(sources).map(|_| ())
}

fn can_be_read(path: &Path, is_folder: bool) -> Result<(), String> {
    let metadata = std::fs::metadata(path).map_err(|error| plain(&error))?;
    match (is_folder, metadata.is_dir()) {
        (true, true) => std::fs::read_dir(path).map(|_| ()).map_err(|error| plain(&error)),
        (false, false) => File::open(path).map(|_| ()).map_err(|error| plain(&error)),
        (true, false) => Err("not a folder".to_owned()),
        (false, true) => Err("a folder, not a file".to_owned()),
    }
}
