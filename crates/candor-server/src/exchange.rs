//! One exchange: the driver of the decision. It asks `decide` what must be found out, finds it out, and hands the
//! outcome on to be answered. All decisions about a request are made by what it calls.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::SystemTime;

use candor_origin::{Opened, Standing};
use candor_semantics::address::Address;
use candor_semantics::decision::{Cursor, Decision, Need, decide};
use candor_semantics::facts::{self, Facts, Reception, Target};
use candor_semantics::field::accept_encoding::AcceptEncoding;
use candor_semantics::field::sec_fetch;
use candor_semantics::head::{Head, Scheme};
use candor_semantics::method::{Method, MethodSet};
use candor_semantics::outcome::{Closed, Delay, Location, Outcome};
use candor_semantics::representation::{Chosen, Coding, CodingSet, Metadata, OpenFault};

use crate::access;
use crate::configuration::Route;
use crate::credentials::Verdict;
use crate::listing::ListingPage;
use crate::reserved::{self, Resource};
use crate::site::{self, Site};
use crate::standing::{self, date};
use crate::world::World;

/// Methods that some resource of this server has.
const IMPLEMENTED: MethodSet =
    MethodSet::READ.with(Method::Put).with(Method::Post).with(Method::Delete).with(Method::Patch);

/// A request on its way to an outcome.
pub(crate) struct Exchange<'a> {
    world: &'a World,
    head: &'a Head,
    client: Option<IpAddr>,
    /// The target, where it can be read.
    pub(crate) address: Option<Address>,
    /// The site that answers.
    pub(crate) site: Option<&'a Arc<Site>>,
    route: Option<(usize, &'a Route)>,
    governing: Option<&'a Route>,
    resource: Option<Resource>,
    /// What the caller's credentials are worth, where anybody asked.
    pub(crate) verdict: Verdict,
    now: SystemTime,
}

/// Where an exchange ended, and what its answer is made from.
pub(crate) struct Decided {
    /// What is true of the request.
    pub(crate) outcome: Outcome,
    /// The questions that led there.
    pub(crate) cursor: Cursor,
    /// The representation that was opened.
    pub(crate) opened: Option<Source>,
}

/// What the content of a 200 or 206 is made from.
pub(crate) enum Source {
    /// A document of the folder.
    Document(Opened),
    /// The listing of a folder, as the client wants it.
    Listing(ListingPage),
    /// A page of candor's own.
    Own(reserved::Page),
}

impl<'a> Exchange<'a> {
    /// Places a request: its address, site and route.
    pub(crate) fn new(world: &'a World, head: &'a Head, client: Option<IpAddr>) -> Exchange<'a> {
        let address = Address::parse(head.target()).ok();
        let site = world.sites.find(head);
        let mut exchange = Exchange {
            world,
            head,
            client,
            address: None,
            site,
            route: None,
            governing: None,
            resource: None,
            verdict: Verdict::Absent,
            now: SystemTime::now(),
        };
        if let (Some(site), Some(address)) = (site, &address) {
            exchange.resource = reserved::resource(&world.configuration.reserved, address.path());
            if exchange.resource.is_none() {
                let routes = &site.configuration.routes;
                exchange.route = routes
                    .position(address.path())
                    .and_then(|position| Some((position, routes.iter().nth(position)?)));
                exchange.governing = access::governing(routes, address.path());
            }
        }
        exchange.address = address;
        exchange
    }

    /// The route of the address.
    pub(crate) fn route(&self) -> Option<&'a Route> {
        self.route.map(|(_, route)| route)
    }

    /// Finds out what is true of the request. `closed` tells that the server as a whole takes no work now;
    /// `shown` that the caller is shown the trace and so may be an administrator by key.
    pub(crate) async fn decide(&mut self, closed: Option<(Closed, Option<Delay>)>, by_key: bool) -> Decided {
        self.identify().await;
        let reception = self.reception(closed);
        let mut cursor = Cursor::default();
        let mut access = None;
        let mut target: Option<Target> = None;
        let mut standing: Option<Standing> = None;
        let mut representation: Option<Result<Arc<Metadata>, OpenFault>> = None;
        let mut opened = None;
        loop {
            let facts = Facts {
                access: access.as_ref(),
                target: target.as_ref(),
                representation: representation.as_ref(),
                ..Facts::new(self.head, self.address.as_ref(), &reception, date(self.now))
            };
            match decide(&facts, &mut cursor) {
                Decision::Done(outcome) => return Decided { outcome, cursor, opened },
                Decision::Ask(Need::Access) => access = Some(self.access(by_key)),
                Decision::Ask(Need::Target | Need::TargetAgain) => {
                    representation = None;
                    let (found, at) = self.look().await;
                    target = Some(found);
                    standing = at;
                }
                Decision::Ask(Need::Representation(chosen)) => {
                    let found = self.open(standing.as_ref(), chosen).await;
                    let (metadata, source) = match found {
                        Ok((metadata, source)) => (Ok(metadata), Some(source)),
                        Err(fault) => (Err(fault), None),
                    };
                    representation = Some(metadata);
                    opened = source;
                }
                // Nothing above reading is built: forms and programs cannot be performed here yet.
                Decision::Ask(
                    Need::Content { .. } | Need::Work | Need::Open | Need::Commit | Need::Forward,
                ) => {
                    return Decided { outcome: Outcome::NotImplemented, cursor, opened };
                }
            }
        }
    }

    /// Whether the caller is an administrator: by the admin key, or as a member of the group.
    pub(crate) fn is_admin(&self, by_key: bool) -> bool {
        by_key || matches!(&self.verdict, Verdict::Valid(name) if self.world.is_admin(name))
    }

    /// Verifies the credentials where they matter, before anything else is asked: a failed attempt counts
    /// against the caller's share.
    async fn identify(&mut self) {
        let matters = self.governing.is_some_and(|route| route.access.wants_credentials())
            || self.resource.as_ref().is_some_and(Resource::is_private)
            || self.head.has("candor-why");
        if matters && self.head.has("authorization") {
            self.verdict = self.world.credentials.verify(self.head, self.client).await;
        }
    }

    fn reception(&self, closed: Option<(Closed, Option<Delay>)>) -> Reception {
        Reception {
            refusal: match &self.address {
                Some(_) => None,
                None => Address::parse(self.head.target()).err(),
            },
            closed,
            authority_ours: self.site.is_some() && !site::names_other_scheme(self.head),
            elsewhere: self.secure_form(),
            implemented: IMPLEMENTED,
            forwards: false,
            over_share: self.over_share(),
        }
    }

    /// The address under https, where the site is kept to it. Certificates are renewed in the clear.
    fn secure_form(&self) -> Option<Location> {
        let (site, address) = (self.site?, self.address.as_ref()?);
        if !site.configuration.redirect_to_https
            || self.head.scheme() == Scheme::Https
            || address.path().starts_with(b"/.well-known/acme-challenge/")
        {
            return None;
        }
        let host = site::authority(self.head)?;
        let port = self.world.https_port.filter(|&port| port != 443).map(|port| format!(":{port}"));
        let query = address.query().map(|query| format!("?{}", String::from_utf8_lossy(query)));
        let (port, query) = (port.unwrap_or_default(), query.unwrap_or_default());
        Some(Location(format!("https://{host}{port}{}{query}", address.reference()).into()))
    }

    fn over_share(&self) -> Option<Option<Delay>> {
        if let Verdict::Throttled(seconds) = self.verdict {
            return Some(Some(Delay(seconds)));
        }
        let route = self.route.map(|(position, _)| position);
        self.world.take_share(self.client?, self.site, route).err().map(Some)
    }

    /// Questions 15 to 17.
    fn access(&self, by_key: bool) -> facts::Access {
        if let Some(resource) = &self.resource {
            return reserved::access(resource, self.is_admin(by_key), &self.verdict);
        }
        let closed = self
            .route()
            .and_then(|route| access::closed(&route.what, self.now))
            .or_else(|| self.governing.and_then(|route| access::closed(&route.what, self.now)));
        let mut access = match self.governing {
            Some(route) => access::decide(&route.access, self.head.method(), &self.verdict),
            None => facts::Access::OPEN,
        };
        access.closed = access.closed.or(closed);
        access
    }

    /// Questions 18 and on.
    async fn look(&self) -> (Target, Option<Standing>) {
        let nothing = || Target { allow: MethodSet::READ, ..Target::default() };
        let (Some(site), Some(address)) = (self.site, &self.address) else { return (nothing(), None) };
        if let Some(resource) = &self.resource {
            return (reserved::target(resource), None);
        }
        let routed = standing::routed(site, self.route(), address, &self.verdict, self.now);
        let rules = site.rules_for(self.route.map(|(position, _)| position));
        let mut found = site.folder.look(address, rules).await;
        if let Some(fallback) = &site.configuration.fallback
            && found.live.is_none()
            && found.slash_form.is_none()
            && wants_page(self.head, address)
        {
            let shell = Address::from_path(format!("/{fallback}"));
            let behind = site.folder.look(&shell, rules).await;
            if behind.live.is_some() {
                found = behind;
            }
        }
        if found.slash_form.is_some() {
            // What the folder shows decides whether there is anything to be redirected to.
            let folder = Address::from_path([address.path(), b"/"].concat());
            found.live = site.folder.look(&folder, rules).await.live;
        }
        (standing::target(routed, &found, site), Some(found))
    }

    async fn open(
        &self,
        standing: Option<&Standing>,
        chosen: Option<Chosen>,
    ) -> Result<(Arc<Metadata>, Source), OpenFault> {
        if let Some(resource) = &self.resource {
            let page = reserved::page(resource, self.world, self.head);
            return Ok((page.metadata.clone(), Source::Own(page)));
        }
        let (Some(site), Some(standing)) = (self.site, standing) else { return Err(OpenFault::Failed) };
        let opened = site.folder.open_form(standing, chosen, wanted(self.head)).await?;
        match (chosen, &self.address) {
            (None, Some(address)) => {
                let page = ListingPage::new(self.head, address, opened);
                Ok((page.metadata.clone(), Source::Listing(page)))
            }
            _ => Ok((opened.metadata.clone(), Source::Document(opened))),
        }
    }
}

/// The codings a client takes, so that the best of them can be made for later.
fn wanted(head: &Head) -> CodingSet {
    if !head.has("accept-encoding") {
        return CodingSet::EMPTY;
    }
    let accepted = AcceptEncoding::from_head(head);
    [Coding::Brotli, Coding::Zstd, Coding::Gzip]
        .into_iter()
        .filter(|&coding| accepted.quality(coding) > 0)
        .fold(CodingSet::EMPTY, CodingSet::with)
}

/// Whether a person is going to a page, which a single-page application's shell may answer; a missing asset stays
/// missing. Clients that do not say what they do are taken at the name: `app.js` is no page.
fn wants_page(head: &Head, address: &Address) -> bool {
    sec_fetch::is_navigation(head) && (sec_fetch::mode(head).is_some() || !address.name().contains(&b'.'))
}
