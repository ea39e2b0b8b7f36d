//! Questions 15 to 17: may this caller know? Decided on the address prefix alone; the folder is not touched.

use candor_semantics::facts::{self, Permission};
use candor_semantics::field::challenge::Challenge;
use candor_semantics::method::Method;
use candor_semantics::outcome::{Challenges, Closed, Delay};

use crate::configuration::{Access, Conceal, Route, RouteKind, RoutePath, Routes};
use crate::credentials::Verdict;

/// The route that governs access to a path: the longest that covers it, where a route on `/x` covers the variants of
/// `/x` (`/x.en.html`), too.
pub(crate) fn governing<'a>(routes: &'a Routes, path: &[u8]) -> Option<&'a Route> {
    let direct = routes.find(path);
    if let Some(route) = direct
        && matches!(route.path, RoutePath::Exact(_))
    {
        return direct;
    }
    document_names(path)
        .filter_map(|name| routes.find(name))
        .find(|route| matches!(route.path, RoutePath::Exact(_)))
        .or(direct)
}

/// The names a path may be a variant of: `/a/x.en.html` may be one of `/a/x.en` and of `/a/x`.
fn document_names(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let name = path.iter().rposition(|&byte| byte == b'/').map_or(0, |slash| slash + 1);
    (name + 1..path.len())
        .rev()
        .filter(move |&at| path.get(at) == Some(&b'.'))
        .filter_map(move |at| path.get(..at))
}

/// What a caller may do under a route.
pub(crate) fn decide(access: &Access, method: Option<Method>, verdict: &Verdict) -> facts::Access {
    if access.conceal.is_none()
        && let Some(closed) = unverifiable(access, verdict)
    {
        return facts::Access { closed: Some(closed), ..facts::Access::OPEN };
    }
    let caller = match verdict {
        Verdict::Valid(name) => Some(name.as_ref()),
        _ => None,
    };
    let writes = method.is_some_and(|m| !m.is_safe());
    // Writing that is not offered is refused as a method (405), by whoever may read.
    let needed = match (&access.write, writes) {
        (Some(write), true) => write,
        _ => &access.read,
    };
    // A caller who may do what is asked needs no credentials, but wrong ones are told.
    let wrong = access.wants_credentials() && *verdict == Verdict::Invalid;
    if needed.include(caller) && !wrong {
        return facts::Access::OPEN;
    }
    if let Some(conceal) = access.conceal {
        let permission = match conceal {
            Conceal::As403 => Permission::Denied,
            Conceal::As404 => Permission::Concealed,
        };
        return facts::Access { permission, ..facts::Access::OPEN };
    }
    let Some(challenges) = challenges(access).filter(|_| needed.are_named() || wrong) else {
        return facts::Access { permission: Permission::Denied, ..facts::Access::OPEN };
    };
    match caller {
        Some(_) => {
            facts::Access { permission: Permission::DeniedOthersMay(challenges), ..facts::Access::OPEN }
        }
        None => facts::Access { unauthenticated: Some(challenges), ..facts::Access::OPEN },
    }
}

/// Why credentials that matter here could not be verified now.
fn unverifiable(access: &Access, verdict: &Verdict) -> Option<(Closed, Option<Delay>)> {
    match verdict {
        Verdict::Busy if access.wants_credentials() => Some((Closed::Overload, None)),
        _ => None,
    }
}

/// The challenges of a protection space (section 11.6.1).
fn challenges(access: &Access) -> Option<Challenges> {
    access.realm.as_ref().map(|realm| Challenges::one(Challenge::basic(realm)))
}

/// Whether a part of the site is closed now, and until when.
pub(crate) fn closed(what: &RouteKind, now: std::time::SystemTime) -> Option<(Closed, Option<Delay>)> {
    let RouteKind::Unavailable { until } = what else { return None };
    match until {
        None => Some((Closed::Maintenance, None)),
        Some(until) => {
            let left = until.duration_since(now).ok().filter(|left| !left.is_zero())?;
            // Rounded up: coming back in so many seconds must not be too early.
            let seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
            Some((Closed::Maintenance, Some(Delay(u32::try_from(seconds).unwrap_or(u32::MAX)))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration::{Callers, Documents};

    fn route(path: &str, access: Access) -> Route {
        let text = path.to_owned();
        Route {
            path: if path.ends_with('/') { RoutePath::Subtree(text) } else { RoutePath::Exact(text) },
            access,
            what: RouteKind::Documents(Documents::default()),
            rate: None,
            cache_control: None,
            fields: Vec::new(),
            cors: None,
        }
    }

    fn only(names: &[&str]) -> Callers {
        Callers::Only(names.iter().map(|&n| n.to_owned()).collect())
    }

    #[test]
    fn a_route_covers_its_variants_and_its_slashless_form() {
        let routes =
            Routes::new(["/doc", "/priv/", "/priv/open", "/"].map(|path| route(path, Access::OPEN)).to_vec());
        for (path, governed_by) in [
            ("/doc", "/doc"),
            ("/doc.en.html", "/doc"),
            ("/doc.html.en", "/doc"),
            ("/document", "/"),
            ("/priv", "/priv/"),
            ("/priv/x", "/priv/"),
            ("/priv/open.txt", "/priv/open"),
            ("/private", "/"),
            ("/x/doc.en.html", "/"),
        ] {
            assert_eq!(
                governing(&routes, path.as_bytes()).map(|r| r.path.text()),
                Some(governed_by),
                "{path}"
            );
        }
    }

    #[test]
    fn who_may_do_what() {
        let amy = || Verdict::Valid("amy".into());
        let bob = || Verdict::Valid("bob".into());
        let space = Access {
            realm: Some("priv".into()),
            read: only(&["amy"]),
            write: Some(only(&["amy"])),
            conceal: None,
        };
        let told = |access: &Access, method, verdict: Verdict| {
            let found = decide(access, Some(method), &verdict);
            match (found.unauthenticated, found.permission) {
                (Some(_), _) => 401,
                (None, Permission::Granted) => 200,
                (None, Permission::Denied) => 403,
                (None, Permission::DeniedOthersMay(_)) => 4031,
                (None, Permission::Concealed) => 404,
                (None, Permission::Legal) => 451,
            }
        };
        assert_eq!(told(&space, Method::Get, Verdict::Absent), 401);
        assert_eq!(told(&space, Method::Get, Verdict::Invalid), 401);
        assert_eq!(told(&space, Method::Get, amy()), 200);
        assert_eq!(told(&space, Method::Put, bob()), 4031);
        let hushed = Access { realm: None, read: only(&[]), write: None, conceal: None };
        assert_eq!(told(&hushed, Method::Get, amy()), 403);
        let concealed = Access { conceal: Some(Conceal::As404), ..hushed.clone() };
        assert_eq!(told(&concealed, Method::Options, Verdict::Invalid), 404);
        let concealed = Access { conceal: Some(Conceal::As403), ..hushed };
        assert_eq!(told(&concealed, Method::Delete, Verdict::Absent), 403);
        let written = Access {
            realm: Some("/".into()),
            read: Callers::Anyone,
            write: Some(only(&["amy"])),
            conceal: None,
        };
        assert_eq!(told(&written, Method::Get, Verdict::Absent), 200);
        assert_eq!(told(&written, Method::Get, Verdict::Invalid), 401);
        assert_eq!(told(&written, Method::Put, Verdict::Absent), 401);
        assert_eq!(told(&Access::OPEN, Method::Put, Verdict::Invalid), 200);
    }
}
