//! One exchange: the driver of the decision. It asks `decide` what must be found out, finds it out, and hands the
//! outcome on to be answered. All decisions about a request are made by what it calls.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;
use candor_gateway::{Asked, Gateway};
use candor_origin::{Opened, Standing};
use candor_semantics::address::Address;
use candor_semantics::decision::{Cursor, Decision, Need, decide};
use candor_semantics::facts::{
    self, CommitFact, ContentFact, Facts, Live, Permission, Reception, Target, WorkFact, Writing,
};
use candor_semantics::field::accept_encoding::AcceptEncoding;
use candor_semantics::field::sec_fetch;
use candor_semantics::gateway::forwarding::is_ambiguous;
use candor_semantics::head::{Head, Scheme};
use candor_semantics::method::{Method, MethodSet};
use candor_semantics::outcome::{Closed, Delay, Location, Outcome};
use candor_semantics::question::Question;
use candor_semantics::refusal::Refusal;
use candor_semantics::representation::{Chosen, Coding, CodingSet, Metadata, OpenFault};
use candor_semantics::trace::Answer;
use candor_store::{self as store, Kept, StoreError};
use candor_wire::incoming::Incoming;
use candor_wire::service::Content;

use crate::access;
use crate::authoring::change::Author;
use crate::authoring::draft::{self, Draft, Report};
use crate::authoring::marks::{self, Held};
use crate::authoring::offer::{self, Offer};
use crate::authoring::versions::{self, VersionAddress};
use crate::authoring::{Authoring, foreign, forms};
use crate::configuration::{Callers, Documents, Form, Route, RouteKind, Run};
use crate::credentials::Verdict;
use crate::listing::ListingPage;
use crate::programs::{self, Call, Input, NoInput};
use crate::reserved::{self, Resource};
use crate::site::{self, Site};
use crate::standing::{self, date};
use crate::world::World;

/// What documents that are written have beside the methods of others.
const AUTHORING: MethodSet = MethodSet::READ.with(Method::Mkcol).with(Method::Copy).with(Method::Move);

/// Methods that some resource of this server has.
const IMPLEMENTED: MethodSet =
    MethodSet::READ.with(Method::Put).with(Method::Post).with(Method::Delete).with(Method::Patch);

/// A request on its way to an outcome.
pub(crate) struct Exchange<'a> {
    world: &'a World,
    head: &'a Head,
    client: Option<IpAddr>,
    /// Whom we speak to.
    peer: Option<IpAddr>,
    /// The content of the request, until somebody takes it.
    incoming: Mutex<Option<Incoming>>,
    /// Which upstream was asked last, and how often any was.
    pub(crate) upstream: Option<(Arc<str>, u8)>,
    /// Why a program failed, for the log.
    pub(crate) told: Option<String>,
    /// The target, where it can be read.
    pub(crate) address: Option<Address>,
    /// The site that answers.
    pub(crate) site: Option<&'a Arc<Site>>,
    route: Option<(usize, &'a Route)>,
    governing: Option<&'a Route>,
    resource: Option<Resource>,
    version: Option<VersionAddress>,
    /// What the caller's credentials are worth, where anybody asked.
    pub(crate) verdict: Verdict,
    /// When the request was placed.
    pub(crate) now: SystemTime,
}

/// Where an exchange ended, and what its answer is made from.
pub(crate) struct Decided {
    /// What is true of the request.
    pub(crate) outcome: Outcome,
    /// The questions that led there.
    pub(crate) cursor: Cursor,
    /// The representation that was opened.
    pub(crate) opened: Option<Source>,
    /// What differs, where a change was refused for it.
    pub(crate) report: Option<Report>,
}

/// What the content of a 200 or 206 is made from.
pub(crate) enum Source {
    /// A document of the folder.
    Document(Opened),
    /// The listing of a folder, as the client wants it.
    Listing(ListingPage),
    /// A page of candor's own.
    Own(reserved::Page),
    /// What an upstream sent, or what is stored of it.
    Upstream(Content),
    /// A version.
    Version(Kept),
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
            peer: None,
            incoming: Mutex::default(),
            upstream: None,
            told: None,
            address: None,
            site,
            route: None,
            governing: None,
            resource: None,
            version: None,
            verdict: Verdict::Absent,
            now: SystemTime::now(),
        };
        if let (Some(site), Some(address)) = (site, &address) {
            let reserved = &world.configuration.reserved;
            exchange.resource = reserved::resource(reserved, address.path());
            exchange.version = VersionAddress::parse(reserved, address.path());
            let routes = &site.configuration.routes;
            if exchange.resource.is_none() {
                exchange.route = routes
                    .position(address.path())
                    .and_then(|position| Some((position, routes.iter().nth(position)?)));
                exchange.governing = access::governing(routes, address.path());
            } else if let Some(version) = &exchange.version {
                // History has the access of the address whose it is.
                exchange.governing = access::governing(routes, version.of.path());
            }
        }
        exchange.address = address;
        exchange
    }

    /// Gives the exchange the content of its request, and whom it came from.
    pub(crate) fn carry(&mut self, incoming: Incoming, peer: Option<IpAddr>) {
        self.incoming = Mutex::new(Some(incoming));
        self.peer = peer;
    }

    /// The gateway of the address, if it is one's.
    fn gateway(&self) -> Option<&'a Arc<Gateway>> {
        self.site?.gateway(self.route.map(|(position, _)| position))
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
        let mut draft: Option<Draft> = None;
        let mut taken: Option<Incoming> = None;
        let (mut content, mut work, mut commit) = (None, None, None);
        let mut input = Input::default();
        loop {
            let facts = Facts {
                access: access.as_ref(),
                target: target.as_ref(),
                representation: representation.as_ref(),
                content: content.as_ref(),
                work: work.as_ref(),
                commit: commit.as_ref(),
                ..Facts::new(self.head, self.address.as_ref(), &reception, date(self.now))
            };
            match decide(&facts, &mut cursor) {
                Decision::Done(outcome) => {
                    let report = Box::pin(self.report(draft, &outcome, taken)).await;
                    return Decided { outcome, cursor, opened, report };
                }
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
                Decision::Ask(Need::Forward) => {
                    let (outcome, content) = Box::pin(self.forward(&mut cursor)).await;
                    let opened = content.map(Source::Upstream);
                    return Decided { outcome, cursor, opened, report: None };
                }
                Decision::Ask(Need::Content { .. }) if self.program().is_some() => {
                    let limit = self.world.configuration.limits.body_size;
                    match Box::pin(programs::take(&mut self.incoming(), limit)).await {
                        Ok(taken) => {
                            input = taken;
                            content = Some(ContentFact::Whole { same_as_current: false, unusable: None });
                        }
                        Err(NoInput::Not(fact)) => content = Some(fact),
                        Err(NoInput::Unkept(error)) => {
                            let outcome = self.unkept(&error);
                            return Decided { outcome, cursor, opened, report: None };
                        }
                    }
                }
                Decision::Ask(Need::Work) if self.program().is_some() => {
                    let (outcome, opened) = Box::pin(self.run(input, &mut cursor)).await;
                    return Decided { outcome, cursor, opened, report: None };
                }
                Decision::Ask(need) => {
                    // Nothing is written where there is nowhere to keep it.
                    let Some(draft) = self.draft(&mut draft) else {
                        return Decided { outcome: Outcome::NotImplemented, cursor, opened, report: None };
                    };
                    match need {
                        Need::Content { compare } => {
                            let current = representation.as_ref();
                            let incoming = taken.get_or_insert_with(|| self.incoming());
                            content = Some(Box::pin(draft.take(incoming, self.head, current, compare)).await);
                        }
                        Need::Work => work = Some(WorkFact::InTime),
                        Need::Open => {
                            Box::pin(draft.lock()).await;
                            access = Some(self.access(by_key));
                            let (found, at) = self.look().await;
                            (representation, opened) = Box::pin(self.current(&found, at.as_ref())).await;
                            let checked =
                                Box::pin(draft.check(self.head, &found, representation.as_ref())).await;
                            (target, standing) = (Some(found), at);
                            match checked {
                                Ok(fact) => commit = Some(fact),
                                Err(outcome) => {
                                    return Decided { outcome, cursor, opened, report: None };
                                }
                            }
                        }
                        _ => {
                            let mut fact = Box::pin(draft.commit(self.head)).await;
                            if let CommitFact::Committed(made) = &mut fact
                                && made.created.is_none()
                                && draft.wants_result(self.head)
                            {
                                let (found, at) = self.look().await;
                                let current;
                                (current, opened) = Box::pin(self.current(&found, at.as_ref())).await;
                                made.content = current.and_then(Result::ok);
                            }
                            commit = Some(fact);
                        }
                    }
                }
            }
        }
    }

    /// The content of the request, for whoever takes it first.
    fn incoming(&self) -> Incoming {
        let held = self.incoming.lock().unwrap_or_else(PoisonError::into_inner).take();
        held.unwrap_or_else(Incoming::empty)
    }

    /// The change that the request asks for, begun when it is first needed.
    fn draft<'d>(&self, draft: &'d mut Option<Draft>) -> Option<&'d mut Draft> {
        if draft.is_none() {
            let (site, address) = (self.site?, self.address.as_ref()?);
            let authoring = site.authoring.as_ref()?;
            let form = self.form();
            let usual = Documents::default();
            let rules = match form {
                Some(_) => &usual,
                None => offer::documents(self.governing, &self.verdict)?,
            };
            let author = Author {
                authoring: authoring.clone(),
                folder: site.folder.clone(),
                name: match &self.verdict {
                    Verdict::Valid(name) => Some(name.to_string()),
                    _ => None,
                },
            };
            let way_out = self.offer(site, rules).way_out(address.path());
            let limit = self.world.configuration.limits.body_size;
            if let Some(form) = form {
                *draft = Some(Draft::submission(author, form, limit, way_out));
                return draft.as_mut();
            }
            let to = draft::destination(self.head);
            *draft =
                Some(Draft::new(author, self.head.method()?, address, to, rules.clone(), limit, way_out));
        }
        draft.as_mut()
    }

    /// The form of the address, if it is one's.
    fn form(&self) -> Option<&'a Form> {
        match &self.route()?.what {
            RouteKind::Form(form) => Some(form),
            _ => None,
        }
    }

    /// Whether the address is below a collection that some form of the site fills.
    fn is_form_member(&self) -> bool {
        let (Some(site), Some(address)) = (self.site, &self.address) else { return false };
        site.configuration.routes.iter().any(|route| match &route.what {
            RouteKind::Form(form) => address.path().starts_with(form.into.as_bytes()),
            _ => false,
        })
    }

    /// The program of the address, if it is one's.
    fn program(&self) -> Option<&'a Run> {
        match &self.route()?.what {
            RouteKind::Run(run) => Some(run),
            _ => None,
        }
    }

    /// Runs the program of the address (question 43).
    async fn run(&mut self, input: Input, cursor: &mut Cursor) -> (Outcome, Option<Source>) {
        let (Some(run), Some(route), Some(address)) = (self.program(), self.route(), &self.address) else {
            return (Outcome::InternalError, None);
        };
        let user = match &self.verdict {
            Verdict::Valid(name) => Some(name.as_ref()),
            _ => None,
        };
        let port = site::port(self.head);
        let call = Call { head: self.head, address, route: &route.path, client: self.client, user, port };
        let ran = programs::run(run, &call, input).await;
        match ran {
            Ok(made) => {
                cursor.note(Question::InsideDeadline, Answer::Yes);
                if !made.told.is_empty() {
                    let told = made.told.trim_end().escape_debug();
                    crate::report::warn(&format!("{}: {told}", run.command.join(" ").escape_debug()));
                }
                let outcome = Outcome::Produced { status: made.status, fields: made.fields };
                (outcome, Some(Source::Upstream(made.content)))
            }
            Err(programs::Fault::Busy) => {
                cursor.note(Question::InsideDeadline, Answer::Temporary);
                (Outcome::Unavailable { closed: Closed::Overload, retry_after: None }, None)
            }
            Err(programs::Fault::Failed(why)) => {
                cursor.note(Question::InsideDeadline, Answer::Failed);
                self.told = Some(why);
                (Outcome::InternalError, None)
            }
        }
    }

    fn unkept(&mut self, error: &std::io::Error) -> Outcome {
        if matches!(error.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded) {
            return Outcome::StorageFull;
        }
        self.told = Some(error.to_string());
        Outcome::InternalError
    }

    /// What must be known of content that is not written to the address itself: a form's.
    fn taken_here(&self, site: &Site) -> Option<Writing> {
        if self.program().is_some() {
            let codings = CodingSet::EMPTY.with(Coding::Identity);
            let limit = Some(self.world.configuration.limits.body_size);
            return Some(Writing { limit, codings, ..Writing::default() });
        }
        self.form()?;
        Some(Writing {
            limit: Some(self.world.configuration.limits.body_size),
            types: Some(Bytes::from_static(forms::TYPES.as_bytes())),
            codings: CodingSet::EMPTY.with(Coding::Identity),
            room: site.folder.room(),
            ..Writing::default()
        })
    }

    fn offer<'o>(&'o self, site: &'o Site, documents: &'o Documents) -> Offer<'o> {
        Offer {
            documents,
            limit: self.world.configuration.limits.body_size,
            listing: site.configuration.listing,
            reserved: &self.world.configuration.reserved,
        }
    }

    /// The representation that a change replaces.
    async fn current(
        &self,
        target: &Target,
        standing: Option<&Standing>,
    ) -> (Option<Result<Arc<Metadata>, OpenFault>>, Option<Source>) {
        if !matches!(target.live, Some(Live::Document { .. })) {
            return (None, None);
        }
        let first = Chosen { variant: 0, coding: Coding::Identity };
        match self.open(standing, Some(first)).await {
            Ok((metadata, source)) => (Some(Ok(metadata)), Some(source)),
            Err(fault) => (Some(Err(fault)), None),
        }
    }

    /// What differs, where a change was refused because of what is there: for those who may read it.
    async fn report(
        &self,
        draft: Option<Draft>,
        outcome: &Outcome,
        taken: Option<Incoming>,
    ) -> Option<Report> {
        if !matches!(outcome, Outcome::Conflict(_) | Outcome::PreconditionFailed { .. }) {
            return None;
        }
        let mut draft = draft;
        let draft = self.draft(&mut draft)?;
        let reads = self.governing.is_none_or(|route| {
            let access = access::decide(&route.access, Some(Method::Get), &self.verdict);
            access.unauthenticated.is_none() && access.permission == Permission::Granted
        });
        if !reads {
            return None;
        }
        let mut incoming = taken.unwrap_or_else(|| self.incoming());
        draft.report(outcome, self.head, &mut incoming, &self.world.configuration.reserved).await
    }

    /// Questions 50 and on: the upstream's answer, or why there is none.
    async fn forward(&mut self, cursor: &mut Cursor) -> (Outcome, Option<Content>) {
        let incoming = self.incoming();
        let (Some(gateway), Some(address)) = (self.gateway(), &self.address) else {
            return (Outcome::InternalError, None);
        };
        let trusted = self.peer.is_some_and(|peer| self.world.trusts(peer));
        let asked = Asked { head: self.head, address, peer: self.peer, trusted };
        let answered =
            gateway.answer(asked, incoming, &mut |question, answer| cursor.note(question, answer)).await;
        self.upstream = answered.asked;
        (answered.outcome, answered.content)
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
            self.verdict = Box::pin(self.world.credentials.verify(self.head, self.client)).await;
        }
    }

    fn reception(&self, closed: Option<(Closed, Option<Delay>)>) -> Reception {
        Reception {
            refusal: match &self.address {
                // Nothing is forwarded that could be read in two ways.
                Some(_) if self.gateway().is_some() && is_ambiguous(self.head.target()) => {
                    Some(Refusal::Path)
                }
                Some(_) => None,
                None => Address::parse(self.head.target()).err(),
            },
            closed,
            authority_ours: self.site.is_some() && !site::names_other_scheme(self.head),
            elsewhere: self.secure_form(),
            implemented: match self.world.sites.are_written() {
                true => AUTHORING.iter().fold(IMPLEMENTED, MethodSet::with),
                false => IMPLEMENTED,
            },
            forwards: self.gateway().is_some(),
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
        if let (Some(resource), None) = (&self.resource, &self.version) {
            return reserved::access(resource, self.is_admin(by_key), &self.verdict);
        }
        if self.is_forged() {
            return facts::Access { permission: Permission::Denied, ..facts::Access::OPEN };
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
        self.with_destination(access)
    }

    /// What is copied or moved must be allowed where it goes, too.
    fn with_destination(&self, access: facts::Access) -> facts::Access {
        let brings = matches!(self.head.method(), Some(Method::Copy | Method::Move));
        let granted = access.unauthenticated.is_none() && access.permission == Permission::Granted;
        let (Some(site), true) = (self.site, brings && granted && access.closed.is_none()) else {
            return access;
        };
        let Some(to) = draft::destination(self.head) else { return access };
        let denied = facts::Access { permission: Permission::Denied, ..facts::Access::OPEN };
        let marked =
            site.authoring.as_ref().is_some_and(|authoring| !matches!(authoring.ledger.mark(&to), Ok(None)));
        if marked || to.starts_with(self.world.configuration.reserved.as_bytes()) {
            return denied;
        }
        match access::governing(&site.configuration.routes, &to) {
            Some(route) if offer::documents(Some(route), &self.verdict).is_some() => {
                access::decide(&route.access, Some(Method::Put), &self.verdict)
            }
            _ => denied,
        }
    }

    /// Whether a browser was made to send this by another site.
    fn is_forged(&self) -> bool {
        let written = offer::documents(self.governing, &Verdict::Absent).is_some() || self.form().is_some();
        let written = written || self.program().is_some();
        let cors = self.route().and_then(|route| route.cors.as_ref());
        let cors = cors.or(self.site.and_then(|site| site.configuration.cors.as_ref()));
        written && foreign::is_forged(self.head, cors)
    }

    /// Questions 18 and on.
    async fn look(&self) -> (Target, Option<Standing>) {
        let nothing = || Target { allow: MethodSet::READ, ..Target::default() };
        let (Some(site), Some(address)) = (self.site, &self.address) else { return (nothing(), None) };
        if let Some(version) = &self.version {
            return (Box::pin(self.look_for_version(site, version)).await, None);
        }
        if let Some(resource) = &self.resource {
            return (reserved::target(resource), None);
        }
        if self.gateway().is_some() {
            return (Target { live: Some(Live::Route), ..nothing() }, None);
        }
        let routed = standing::routed(site, self.route(), address, &self.verdict, self.now);
        if routed.holding.as_ref().is_some_and(|mark| mark.holds(date(self.now))) {
            // Such a mark holds whatever is live: neither the folder nor the ledger has anything to add.
            return (Target { holding: routed.holding, allow: routed.allow, ..Target::default() }, None);
        }
        let rules = site.rules_for(self.route.map(|(position, _)| position));
        let mut found = site.folder.look(address, rules).await;
        if let Some(fallback) = &site.configuration.fallback
            && found.live.is_none()
            && found.slash_form.is_none()
            && wants_page(self.head, address)
        {
            let shell = Address::from_path(format!("/{fallback}"));
            let behind = Box::pin(site.folder.look(&shell, rules)).await;
            if behind.live.is_some() {
                found = behind;
            }
        }
        if found.slash_form.is_some() {
            // What the folder shows decides whether there is anything to be redirected to.
            let folder = Address::from_path([address.path(), b"/"].concat());
            found.live = Box::pin(site.folder.look(&folder, rules)).await.live;
        }
        let mut target = standing::target(routed, &found, site);
        target.writing = self.taken_here(site);
        if let Some(authoring) = &site.authoring {
            Box::pin(self.add_ledger(&mut target, site, authoring, address)).await;
        }
        (target, Some(found))
    }

    /// What the ledger says of the address, and what writers are offered there.
    async fn add_ledger(
        &self,
        target: &mut Target,
        site: &Arc<Site>,
        authoring: &Arc<Authoring>,
        address: &Address,
    ) {
        if target.holding.is_none() && !matches!(target.live, Some(Live::Route | Live::Choices(_))) {
            match marks::holding(site, authoring, address, &self.verdict, self.now) {
                Ok(Some(Held::Mark(mark))) => target.holding = Some(mark),
                Ok(Some(Held::Choices(choices))) => target.live = Some(Live::Choices(choices)),
                Ok(None) => {}
                // What cannot be proved is not told.
                Err(error) => self.ledger_failed(target, &error),
            }
        }
        let configured =
            matches!(target.live, Some(Live::Route | Live::Choices(_))) || target.holding.is_some();
        if target.live.is_none() || matches!(target.live, Some(Live::Folder)) {
            let (site, authoring) = (site.clone(), authoring.clone());
            let (address, verdict) = (address.clone(), self.verdict.clone());
            let told =
                tokio::task::spawn_blocking(move || marks::yielding(&site, &authoring, &address, &verdict));
            match told.await {
                Ok(Ok(mark)) => target.yielding = mark,
                Ok(Err(error)) => self.ledger_failed(target, &error),
                Err(_) => target.folder_away = Some(None),
            }
        }
        if let Some(documents) = offer::documents(self.governing, &self.verdict)
            && authoring.can_write()
            && !configured
        {
            let method = self.head.method();
            let offer = self.offer(site, documents);
            match method.is_some_and(Method::is_safe) && method != Some(Method::Options) {
                // Readers are told what is allowed only where they are refused, which they are not.
                true => {}
                false => offer.add_to(target, &site.folder, address, method),
            }
        }
    }

    fn ledger_failed(&self, target: &mut Target, error: &StoreError) {
        crate::report::error(&error.to_string());
        target.folder_away = Some(None);
    }

    async fn look_for_version(&self, site: &Arc<Site>, version: &VersionAddress) -> Target {
        let mut target = Target { allow: MethodSet::READ, ..Target::default() };
        let Some(authoring) = site.authoring.clone() else { return target };
        let version = version.clone();
        let found = tokio::task::spawn_blocking(move || versions::open(&authoring, &version)).await;
        match found {
            Ok(Ok(Some(_))) => target.live = Some(Live::Monitor),
            Ok(Ok(None)) => {}
            Ok(Err(_)) | Err(_) => target.folder_away = Some(None),
        }
        target
    }

    async fn open_version(&self, version: &VersionAddress) -> Result<(Arc<Metadata>, Source), OpenFault> {
        let authoring = self.site.and_then(|site| site.authoring.clone()).ok_or(OpenFault::Failed)?;
        let address = version.clone();
        let found = tokio::task::spawn_blocking(move || versions::open(&authoring, &address)).await;
        match found {
            Ok(Ok(Some((found, kept)))) => {
                let shared = self.governing.is_none_or(|route| route.access.read == Callers::Anyone);
                Ok((Arc::new(versions::metadata(version, &found, shared)), Source::Version(kept)))
            }
            Ok(Ok(None)) => Err(OpenFault::Vanished),
            _ => Err(OpenFault::Failed),
        }
    }

    /// What the ledger adds to what is said about a document: the type that its writer declared, where its name
    /// tells none; and that it is kept from running in browsers, where anybody could have written it.
    async fn as_written(
        &self,
        authoring: &Arc<Authoring>,
        metadata: Arc<Metadata>,
        standing: &Standing,
        chosen: Chosen,
    ) -> Arc<Metadata> {
        let Some(Live::Document { variants }) = &standing.live else { return metadata };
        let Some(variant) = variants.get(chosen.variant) else { return metadata };
        let write = self.governing.and_then(|route| route.access.write.as_ref());
        let anyone = write == Some(&Callers::Anyone) || self.is_form_member();
        let (Ok(file), true) = (Address::parse(&variant.href), anyone || !variant.type_known) else {
            return metadata;
        };
        let authoring = authoring.clone();
        let told = tokio::task::spawn_blocking(move || authoring.ledger.standing(file.path())).await;
        let Ok(Ok(store::Standing::Present(version))) = told else { return metadata };
        let mut changed = Metadata::clone(&metadata);
        changed.sandboxed = version.written && version.author.is_none();
        if let Some(declared) = version.media_type.filter(|_| !variant.type_known) {
            changed.content_type = declared.into();
        }
        Arc::new(changed)
    }

    async fn open(
        &self,
        standing: Option<&Standing>,
        chosen: Option<Chosen>,
    ) -> Result<(Arc<Metadata>, Source), OpenFault> {
        if let Some(version) = &self.version {
            return Box::pin(self.open_version(version)).await;
        }
        if let Some(resource) = &self.resource {
            let page = reserved::page(resource, self.world);
            return Ok((page.metadata.clone(), Source::Own(page)));
        }
        let (Some(site), Some(standing)) = (self.site, standing) else { return Err(OpenFault::Failed) };
        let opened = site.folder.open_form(standing, chosen, wanted(self.head)).await?;
        match (chosen, &self.address) {
            (None, Some(address)) => {
                let page = ListingPage::new(self.head, address, opened);
                Ok((page.metadata.clone(), Source::Listing(page)))
            }
            (Some(chosen), _) if site.authoring.is_some() => {
                let mut opened = opened;
                if let Some(authoring) = &site.authoring {
                    opened.metadata =
                        Box::pin(self.as_written(authoring, opened.metadata.clone(), standing, chosen)).await;
                }
                Ok((opened.metadata.clone(), Source::Document(opened)))
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
