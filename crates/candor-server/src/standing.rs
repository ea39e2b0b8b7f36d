//! Question 18 and on: what is true of an address, from the routes of its site and its folder.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use candor_origin::Standing;
use candor_semantics::address::Address;
use candor_semantics::facts::{Live, Mark, Target, TargetEnd};
use candor_semantics::field::http_date::HttpDate;
use candor_semantics::method::{Method, MethodSet};
use candor_semantics::outcome::{Choice, Location};

use crate::access;
use crate::configuration::{self, Callers, Route, RouteKind, Routes};
use crate::credentials::Verdict;
use crate::site::Site;

/// Redirects between configured addresses are followed this far; the configuration refuses loops.
const MOST_HOPS: usize = 32;

/// What routes say of an address before the folder is looked at.
pub(crate) struct Routed {
    /// A mark that holds.
    pub(crate) holding: Option<Mark>,
    /// What is live by configuration.
    pub(crate) live: Option<Live>,
    /// The methods of what is live by configuration.
    pub(crate) allow: MethodSet,
}

/// Reads the route of an address. `verdict` decides whether a redirect's target may be named to this caller.
pub(crate) fn routed(
    site: &Site,
    route: Option<&Route>,
    address: &Address,
    verdict: &Verdict,
    now: SystemTime,
) -> Routed {
    let nothing = Routed { holding: None, live: None, allow: MethodSet::READ };
    let Some(route) = route else { return nothing };
    match &route.what {
        RouteKind::Documents(_) | RouteKind::Unavailable { .. } => nothing,
        RouteKind::Moved(to) => {
            let (to, end) = follow(site, route, to, address, verdict, now);
            Routed { holding: Some(Mark::Moved { to, end, lifetime: None }), ..nothing }
        }
        RouteKind::MovedForNow { until, .. } if until.is_some_and(|until| until <= now) => nothing,
        RouteKind::MovedForNow { to, .. } => {
            let (to, end) = follow(site, route, to, address, verdict, now);
            Routed { holding: Some(Mark::MovedForNow { to, end }), ..nothing }
        }
        RouteKind::Gone { note, from, keep } => {
            let until = keep.map(|keep| from.unwrap_or(site.opened) + keep);
            let mark = Mark::Gone {
                note: (!note.is_empty()).then(|| Bytes::from(note.clone())),
                since: from.map(date),
                from: from.map(date),
                until: until.map(date),
            };
            Routed { holding: Some(mark), ..nothing }
        }
        RouteKind::Choices(targets) => {
            Routed { live: Some(Live::Choices(targets.iter().map(declared_choice).collect())), ..nothing }
        }
        RouteKind::Form(_) => {
            let allow = MethodSet::EMPTY.with(Method::Post).with(Method::Options);
            Routed { live: Some(Live::Route), allow, ..nothing }
        }
        RouteKind::Run(_) => {
            let nobody = |callers: &Callers| callers.are_nobody();
            let read = if nobody(&route.access.read) { MethodSet::EMPTY } else { MethodSet::READ };
            let write = !route.access.write.as_ref().is_some_and(nobody);
            let allow = read.with(Method::Options);
            let allow = if write { allow.with(Method::Post) } else { allow };
            Routed { live: Some(Live::Route), allow, ..nothing }
        }
        RouteKind::Gateway(_) => {
            Routed { live: Some(Live::Route), allow: MethodSet::READ.with(Method::Post), ..nothing }
        }
    }
}

/// Joins what the routes and the folder say.
pub(crate) fn target(routed: Routed, standing: &Standing, site: &Site) -> Target {
    Target {
        holding: routed.holding,
        live: routed.live.or_else(|| standing.live.clone()),
        yielding: None,
        slash_form: standing.slash_form.clone(),
        expired_monitor: false,
        folder_away: standing.away.then_some(None),
        allow: routed.allow,
        writing: None,
        lenient: site.configuration.lenient_accept,
    }
}

/// Where a redirect ends: chains between configured addresses are one hop for the client.
fn follow(
    site: &Site,
    route: &Route,
    to: &configuration::Target,
    address: &Address,
    verdict: &Verdict,
    now: SystemTime,
) -> (Location, TargetEnd) {
    let routes = &site.configuration.routes;
    let (mut location, mut path) = Routes::lead(&route.path, to, address.path());
    for _ in 0..MOST_HOPS {
        let Some(here) = path.clone() else { break };
        let Some(next) = routes.find(&here) else { break };
        match &next.what {
            RouteKind::Moved(to) => (location, path) = Routes::lead(&next.path, to, &here),
            RouteKind::Gone { from, .. } if from.is_none_or(|from| from <= now) => {
                return (with_query(location, address), TargetEnd::Gone);
            }
            _ => break,
        }
    }
    let hidden = path
        .is_some_and(|path| access::governing(routes, &path).is_some_and(|route| is_hidden(route, verdict)));
    (with_query(location, address), if hidden { TargetEnd::Hidden } else { TargetEnd::Open })
}

/// Whether a redirect to an address under this route would tell what this caller may not know. Spaces that ask
/// for credentials tell it themselves.
pub(crate) fn is_hidden(route: &Route, verdict: &Verdict) -> bool {
    let permission = access::decide(&route.access, Some(Method::Get), verdict);
    permission.unauthenticated.is_none()
        && permission.permission != candor_semantics::facts::Permission::Granted
}

/// The request's query goes along, unless the target has one of its own.
pub(crate) fn with_query(reference: String, address: &Address) -> Location {
    let Some(query) = address.query().filter(|_| !reference.contains('?')) else {
        return Location(reference.into());
    };
    let (before, fragment) = match reference.split_once('#') {
        Some((before, fragment)) => (before, Some(fragment)),
        None => (reference.as_str(), None),
    };
    let mut out = Vec::with_capacity(reference.len() + query.len() + 2);
    out.extend_from_slice(before.as_bytes());
    out.push(b'?');
    // What could not stand in a field was refused with the target.
    out.extend_from_slice(query);
    if let Some(fragment) = fragment {
        out.push(b'#');
        out.extend_from_slice(fragment.as_bytes());
    }
    Location(out.into())
}

fn declared_choice(target: &configuration::Target) -> Choice {
    Choice {
        href: Bytes::from(target.location().to_owned()),
        media_type: Bytes::new(),
        language: None,
        length: None,
        quality: 1000,
    }
}

/// A time of the configuration as a date of the protocol.
pub(crate) fn date(time: SystemTime) -> HttpDate {
    HttpDate::from_unix(time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs())
}
