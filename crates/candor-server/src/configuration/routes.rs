//! Routes: what is said about single addresses and subtrees of a site.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use super::limits::Rate;
use super::site::{Cors, FieldRule};

/// One `[[site.route]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// What it covers.
    pub path: RoutePath,
    /// Who may do what.
    pub access: Access,
    /// What is there.
    pub what: RouteKind,
    /// Requests per client address; more are answered 429.
    pub rate: Option<Rate>,
    /// `Cache-Control` of successful answers, in place of the site's.
    pub cache_control: Option<String>,
    /// Header fields, on top of the site's.
    pub fields: Vec<FieldRule>,
    /// Cross-origin access, in place of the site's.
    pub cors: Option<Cors>,
}

/// The addresses a route covers: decoded paths.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RoutePath {
    /// `/x`: this address alone.
    Exact(String),
    /// `/x/`: this address and everything below it.
    Subtree(String),
}

impl RoutePath {
    /// The path as written, decoded.
    pub fn text(&self) -> &str {
        match self {
            RoutePath::Exact(path) | RoutePath::Subtree(path) => path,
        }
    }
}

/// Who may do what under a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// The protection space named in challenges (section 11.5). Always there when credentials can help and
    /// nothing is concealed: the route's path where no other name was given.
    pub realm: Option<String>,
    /// Who may read.
    pub read: Callers,
    /// Who may write; `None`: not said. Then documents do not offer it (405), and forms, programs and gateways
    /// are open to anyone.
    pub write: Option<Callers>,
    /// What somebody sees who may not know; `None`: the plain truth about access.
    pub conceal: Option<Conceal>,
}

impl Access {
    /// The access where no route says anything: anyone reads, writing is not offered.
    pub const OPEN: Access = Access { realm: None, read: Callers::Anyone, write: None, conceal: None };

    /// Whether any credentials can make a difference here.
    pub fn wants_credentials(&self) -> bool {
        self.read.are_named() || self.write.as_ref().is_some_and(Callers::are_named)
    }
}

/// A set of callers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Callers {
    /// Everybody, with and without credentials.
    Anyone,
    /// These users; groups are already replaced by their members. Empty: nobody.
    Only(BTreeSet<String>),
}

impl Callers {
    /// Whether a caller with this user name (`None`: without valid credentials) is among them.
    pub fn include(&self, user: Option<&str>) -> bool {
        match self {
            Callers::Anyone => true,
            Callers::Only(users) => user.is_some_and(|user| users.contains(user)),
        }
    }

    /// Whether nobody is among them.
    pub fn are_nobody(&self) -> bool {
        matches!(self, Callers::Only(users) if users.is_empty())
    }

    /// Whether some are in and others are not.
    pub fn are_named(&self) -> bool {
        matches!(self, Callers::Only(users) if !users.is_empty())
    }
}

/// The one answer for everything under a concealed subtree, to those who may not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conceal {
    /// 403 for everything.
    As403,
    /// 404 for everything.
    As404,
}

/// What is at the addresses of a route. A route is one of these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RouteKind {
    /// Documents of the site's folder.
    Documents(Documents),
    /// 301 (section 15.4.2).
    Moved(Target),
    /// 302 (section 15.4.3).
    MovedForNow {
        /// Where it is meanwhile.
        to: Target,
        /// When the address serves documents again.
        until: Option<SystemTime>,
    },
    /// 410 (section 15.5.11).
    Gone {
        /// Why, for people.
        note: String,
        /// Since when; before that moment documents are served.
        from: Option<SystemTime>,
        /// For how long after `from` (after the start where that is not said) the answer is 410; 404 from then
        /// on.
        keep: Option<Duration>,
    },
    /// 503 (section 15.6.4).
    Unavailable {
        /// The known end, for `Retry-After`; documents are served from then on.
        until: Option<SystemTime>,
    },
    /// 300 (section 15.4.1), a list of choices; at least two.
    Choices(Vec<Target>),
    /// A form whose content becomes a member of a collection.
    Form(Form),
    /// A program.
    Run(Run),
    /// Upstream servers.
    Gateway(Gateway),
}

/// Rules for documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Documents {
    /// The name of the variant that breaks a tie of negotiation.
    pub default_variant: Option<String>,
    /// Whether a write must name its base (else 428).
    pub require_base: bool,
    /// Whether DELETE leaves 410.
    pub tombstones: bool,
    /// Whether POST makes members.
    pub post_creates: bool,
    /// Whether moves seen in the folder are announced.
    pub announce_moves: bool,
    /// Whether documents that others link to cannot be deleted.
    pub protect_links: bool,
}

impl Default for Documents {
    fn default() -> Documents {
        Documents {
            default_variant: None,
            require_base: false,
            tombstones: true,
            post_creates: false,
            announce_moves: true,
            protect_links: false,
        }
    }
}

/// Where a redirect leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// An address of the same site.
    Address {
        /// Its decoded path, without query and fragment.
        path: String,
        /// The reference for `Location`: encoded path, query, fragment.
        location: String,
    },
    /// An http or https URL, encoded.
    Url(String),
}

impl Target {
    /// The value of `Location`.
    pub fn location(&self) -> &str {
        match self {
            Target::Address { location, .. } => location,
            Target::Url(url) => url,
        }
    }
}

/// `form = { into, after }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// The collection that takes the members: a decoded path with its final slash.
    pub into: String,
    /// What the answer asks of the form.
    pub after: FormAfter,
}

/// What becomes of a form once its content was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormAfter {
    /// 204: stay as you are.
    Keep,
    /// 205: reset.
    Reset,
    /// 201 with the address of the member.
    Created,
}

/// `run = { … }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The program, absolute where it was written with a slash, and its arguments.
    pub command: Vec<String>,
    /// Longer than this becomes 202.
    pub deadline: Duration,
    /// The queue it waits in, if not its own.
    pub queue: Option<String>,
    /// When it may run.
    pub hours: Option<Hours>,
    /// How long results are kept.
    pub retention: Duration,
}

/// A span of the day in local time, minutes after midnight; passes midnight where `from` is later than `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours {
    /// First minute.
    pub from: u16,
    /// First minute that is not in the span any more.
    pub to: u16,
}

/// `gateway = { … }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gateway {
    /// Upstreams, http or https URLs; at least one.
    pub to: Vec<String>,
    /// For the connection to an upstream.
    pub connect_timeout: Duration,
    /// For the head of its answer.
    pub response_timeout: Duration,
    /// Whether answers are kept (RFC 9111).
    pub cache: bool,
    /// Whether kept answers are used past their lifetime when the upstream fails.
    pub stale: bool,
    /// Whether provisional answers are 203.
    pub provisional: bool,
    /// Whether the upstream's documents are mirrored.
    pub mirror: bool,
    /// Whether writes are taken while the upstream is away, and delivered later.
    pub forward_later: bool,
    /// Fields added to answers, which makes them 203.
    pub annotate: Vec<(String, String)>,
    /// When an upstream is left alone.
    pub breaker: Option<Breaker>,
    /// How an upstream is chosen.
    pub balance: Balance,
    /// How upstreams are asked whether they are well.
    pub health: Option<Health>,
}

/// How an upstream is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Balance {
    /// The one with the fewest requests at work.
    #[default]
    LeastConnections,
    /// By the target, so that one address meets one upstream.
    Hash,
}

/// `breaker = { failures, open }`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breaker {
    /// Failures in a row that open it.
    pub failures: u32,
    /// How long it stays open.
    pub open: Duration,
}

/// `health = { path, every }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// The address asked for.
    pub path: String,
    /// How often.
    pub every: Duration,
}

/// The routes of a site, found by the longest matching path in time that grows with the address alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Routes {
    routes: Vec<Route>,
    exact: HashMap<Box<[u8]>, usize>,
    /// Subtrees by their form without the slash, which they cover, too.
    slashless: HashMap<Box<[u8]>, usize>,
    subtrees: BTreeMap<Box<[u8]>, usize>,
}

impl Routes {
    /// A table of these routes; of two with the same path the later one counts.
    pub fn new(routes: Vec<Route>) -> Routes {
        let mut table = Routes::default();
        for (number, route) in routes.iter().enumerate() {
            let key = route.path.text().as_bytes().into();
            match route.path {
                RoutePath::Exact(_) => table.exact.insert(key, number),
                RoutePath::Subtree(_) => {
                    if let Some(slashless) = route.path.text().strip_suffix('/') {
                        table.slashless.insert(slashless.as_bytes().into(), number);
                    }
                    table.subtrees.insert(key, number)
                }
            };
        }
        table.routes = routes;
        table
    }

    /// The route with the longest path that covers a decoded path; a subtree covers its form without the slash.
    pub fn find(&self, path: &[u8]) -> Option<&Route> {
        self.position(path).and_then(|number| self.routes.get(number))
    }

    /// The position of the same route in [`Routes::iter`].
    pub fn position(&self, path: &[u8]) -> Option<usize> {
        if let Some(number) = self.exact.get(path).or_else(|| self.slashless.get(path)) {
            return Some(*number);
        }
        let mut end = path.len();
        while let Some(slash) = path.get(..end).and_then(|part| part.iter().rposition(|byte| *byte == b'/')) {
            if let Some(number) = path.get(..=slash).and_then(|part| self.subtrees.get(part)) {
                return Some(*number);
            }
            end = slash;
        }
        None
    }

    /// All routes in the order written.
    pub fn iter(&self) -> std::slice::Iter<'_, Route> {
        self.routes.iter()
    }

    /// Where a redirect of this route leads for a decoded path it covers. A redirect of a subtree to a subtree
    /// carries the rest of the path along; any other leads to its target as it is.
    pub fn lead(route: &RoutePath, target: &Target, path: &[u8]) -> (String, Option<Vec<u8>>) {
        let rest = match route {
            RoutePath::Subtree(prefix) => path.strip_prefix(prefix.as_bytes()).unwrap_or_default(),
            RoutePath::Exact(_) => &[],
        };
        let encoded = candor_semantics::address::encode_path(rest);
        match target {
            Target::Address { path, location }
                if path.ends_with('/') && path.len() == decoded_end(location) =>
            {
                (format!("{location}{encoded}"), Some([path.as_bytes(), rest].concat()))
            }
            Target::Address { path, location } => (location.clone(), Some(path.clone().into_bytes())),
            Target::Url(url) if url.ends_with('/') => (format!("{url}{encoded}"), None),
            Target::Url(url) => (url.clone(), None),
        }
    }
}

/// The length of a decoded location if it has neither query nor fragment, else a length no path has.
fn decoded_end(location: &str) -> usize {
    if location.contains(['?', '#']) {
        return usize::MAX;
    }
    let bytes = location.as_bytes();
    bytes.len() - 2 * bytes.iter().filter(|byte| **byte == b'%').count()
}

/// A run's program: looked up like a shell does where it has no slash.
pub(super) fn program(written: &str, beside: impl FnOnce(&str) -> PathBuf) -> String {
    if written.contains('/') { beside(written).to_string_lossy().into_owned() } else { written.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(path: &str) -> Route {
        Route {
            path: super::super::value::route_path(path).unwrap(),
            access: Access::OPEN,
            what: RouteKind::Documents(Documents::default()),
            rate: None,
            cache_control: None,
            fields: Vec::new(),
            cors: None,
        }
    }

    #[test]
    fn the_longest_path_wins() {
        let table = Routes::new(["/a/", "/a/b", "/a/b/", "/a/b/c/d", "/x"].map(route).to_vec());
        for (path, found) in [
            ("/", None),
            ("/a", Some("/a/")),
            ("/a/", Some("/a/")),
            ("/a/z", Some("/a/")),
            ("/a/b", Some("/a/b")),
            ("/a/b/", Some("/a/b/")),
            ("/a/b/c/d", Some("/a/b/c/d")),
            ("/a/b/c/d/e", Some("/a/b/")),
            ("/ab/", None),
            ("/x", Some("/x")),
            ("/x/", None),
            ("*", None),
            ("", None),
        ] {
            assert_eq!(table.find(path.as_bytes()).map(|r| r.path.text()), found, "{path}");
        }
        let table = Routes::new(vec![route("/")]);
        assert_eq!(table.find(b"/any/thing").map(|r| r.path.text()), Some("/"));
    }

    #[test]
    fn subtrees_carry_the_rest_along() {
        let lead = |route: &str, target: &str, path: &str| {
            let target = super::super::value::target(target).unwrap();
            Routes::lead(&super::super::value::route_path(route).unwrap(), &target, path.as_bytes()).0
        };
        assert_eq!(lead("/old/", "/new/", "/old/a b"), "/new/a%20b");
        assert_eq!(lead("/old/", "/new ones/", "/old/x/y"), "/new%20ones/x/y");
        assert_eq!(lead("/old/", "/new", "/old/x"), "/new");
        assert_eq!(lead("/old/", "/new/?from=old", "/old/x"), "/new/?from=old");
        assert_eq!(lead("/old/", "https://example.org/", "/old/x"), "https://example.org/x");
        assert_eq!(lead("/old", "/new/", "/old"), "/new/");
    }
}
