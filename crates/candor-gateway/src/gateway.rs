//! The gateway's driver: it asks questions 50 to 70 of a request, in order, and carries out what follows.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, DefaultHasher, Hash, Hasher};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use candor_semantics::address::Address;
use candor_semantics::field::cache_control::CacheControl;
use candor_semantics::field::cache_status::{CacheStatus, Forward, Found as CacheFound};
use candor_semantics::field::entity_tag::EntityTag;
use candor_semantics::field::expect::Expect;
use candor_semantics::field::http_date::HttpDate;
use candor_semantics::field::if_range::IfRange;
use candor_semantics::field::range::{ByteRanges, Resolved};
use candor_semantics::field::retry_after::RetryAfter;
use candor_semantics::fields::Fields;
use candor_semantics::gateway::cause::{Cause, GatewayFault};
use candor_semantics::gateway::forwarding::{self, Further};
use candor_semantics::gateway::freshness::{self, Terms};
use candor_semantics::gateway::relay::{self, Form, Relay};
use candor_semantics::gateway::retry::{self, Happened, Kind, Means};
use candor_semantics::gateway::reuse::{self, Fallback, Trouble, Use};
use candor_semantics::head::Head;
use candor_semantics::method::{Method, MethodSet};
use candor_semantics::outcome::{Delay, Outcome};
use candor_semantics::precondition;
use candor_semantics::question::Question as Q;
use candor_semantics::trace::Answer as A;
use candor_wire::incoming::Incoming;
use candor_wire::service::Content;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::call::{Call, Failure};
use crate::connect::connect;
use crate::content::{Flow, Held};
use crate::flight::{Flights, Join, Lead};
use crate::head::ReplyHead;
use crate::outbound::Outbound;
use crate::request::{self, Conditions, Framing, Written};
use crate::settings::Settings;
use crate::store::{self, Entry, Filling, Found, Store};
use crate::upstream::{Busy, Upstream};

/// How long a request waits for its turn; timers ring up to two milliseconds late.
const WAIT: Duration = Duration::from_millis(8);

/// How long a request waits for another one's answer to be stored.
const LONGEST_JOIN: Duration = Duration::from_secs(5);

/// The longest rest that an upstream can ask for.
const LONGEST_REST: u64 = 3600;

/// A gateway route at work.
pub struct Gateway {
    settings: Settings,
    upstreams: Vec<Arc<Upstream>>,
    store: Arc<Store>,
    places: Arc<Semaphore>,
    turn: AtomicUsize,
    watched: AtomicBool,
}

/// A request for a gateway.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// Its head.
    pub head: &'a Head,
    /// Its address.
    pub address: &'a Address,
    /// Whom we speak to.
    pub peer: Option<IpAddr>,
    /// Whether the peer's word about whom it asks for is believed.
    pub trusted: bool,
}

/// What came of it.
pub struct Answered {
    /// What is true.
    pub outcome: Outcome,
    /// The content of a relayed answer.
    pub content: Option<Content>,
    /// Who was asked last, and how often anybody was.
    pub asked: Option<(Arc<str>, u8)>,
}

/// Where answers to questions are noted.
pub type Note<'n> = &'n mut (dyn FnMut(Q, A) + Send);

impl Answered {
    fn of(outcome: Outcome) -> Answered {
        Answered { outcome, content: None, asked: None }
    }

    fn fault(cause: Cause) -> Answered {
        Answered::of(Outcome::Gateway(Box::new(GatewayFault::new(cause))))
    }
}

/// What forwarding starts with.
struct Forwarding {
    why: Option<Forward>,
    control: CacheControl,
    key: Arc<[u8]>,
    stored: Option<Arc<Entry>>,
    lead: Option<Lead>,
    collapsed: bool,
}

impl Gateway {
    /// A gateway with these settings, storing answers in `store`.
    ///
    /// # Errors
    /// An upstream is not an http or https URL.
    pub fn new(settings: Settings, store: Arc<Store>) -> Result<Gateway, String> {
        let upstreams = settings
            .to
            .iter()
            .enumerate()
            .map(|(number, url)| Upstream::new(number, url).map(Arc::new))
            .collect::<Result<Vec<_>, String>>()?;
        Ok(Gateway {
            places: Arc::new(Semaphore::new(settings.in_flight.clamp(1, Semaphore::MAX_PERMITS))),
            settings,
            upstreams,
            store,
            turn: AtomicUsize::new(0),
            watched: AtomicBool::new(false),
        })
    }

    /// What the route says.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(crate) fn upstreams(&self) -> &[Arc<Upstream>] {
        &self.upstreams
    }

    /// Appends what is counted of each upstream, for Prometheus.
    pub fn write_metrics(&self, page: &mut String) {
        for upstream in &self.upstreams {
            let labels =
                format!("route=\"{}\",upstream=\"{}\"", self.settings.prefix.escape_debug(), upstream.name);
            upstream.counts.write(page, &labels);
        }
    }

    /// Answers a request. Must be polled inside a tokio runtime.
    pub async fn answer(self: &Arc<Self>, asked: Asked<'_>, incoming: Incoming, note: Note<'_>) -> Answered {
        self.watch();
        let head = asked.head;
        if forwarding::has_been_here(head, pseudonym()) {
            note(Q::Loops, A::Yes);
            return Answered::fault(Cause::Loop);
        }
        note(Q::Loops, A::No);
        match Further::of(head) {
            Further::Here if head.is(Method::Options) => {
                note(Q::GoesNoFurther, A::Yes);
                return Answered::of(Outcome::Options { allow: ALLOWED });
            }
            // TRACE ends here, and is not performed here.
            Further::Here => {
                note(Q::GoesNoFurther, A::Yes);
                return Answered::of(Outcome::NotImplemented);
            }
            Further::Unbounded | Further::Hops(_) => note(Q::GoesNoFurther, A::No),
        }
        if self.upstreams.is_empty() {
            note(Q::NextHop, A::No);
            return Answered::fault(Cause::NoDestination);
        }
        note(Q::NextHop, A::Yes);
        if let (Some(limit), Some(length)) = (self.settings.content_limit, incoming.length())
            && length > limit
        {
            note(Q::RequestSent, A::TooLarge);
            return Answered::of(Outcome::ContentTooLarge { limit });
        }
        match self.look(asked, note).await {
            Ok(answered) => answered,
            Err(forwarding) => self.forward(asked, incoming, *forwarding, note).await,
        }
    }

    /// Active checks begin with the first request, on the runtime that serves it.
    fn watch(self: &Arc<Self>) {
        if let Some(health) = &self.settings.health
            && !self.watched.swap(true, Relaxed)
        {
            tokio::spawn(crate::health::watch(Arc::downgrade(self), health.clone()));
        }
    }

    // ---- questions 53 to 55: the store ----------------------------------------------------------------------

    async fn look(self: &Arc<Self>, asked: Asked<'_>, note: Note<'_>) -> Result<Answered, Box<Forwarding>> {
        let head = asked.head;
        let control = freshness::request_control(head);
        let key = key(head, asked.address);
        let mut forwarding =
            Forwarding { why: None, control, key, stored: None, lead: None, collapsed: false };
        if !self.settings.cache {
            note(Q::StoredFresh, A::Bypass);
            return self.only_if_cached(forwarding, note);
        }
        if !head.method().is_some_and(Method::reads) {
            note(Q::StoredFresh, A::Bypass);
            forwarding.why = Some(Forward::Method);
            return Err(Box::new(forwarding));
        }
        // Conditions on what is changed are the origin's to evaluate.
        if head.has("if-match") || head.has("if-unmodified-since") {
            note(Q::StoredFresh, A::Bypass);
            forwarding.why = Some(Forward::Bypass);
            return Err(Box::new(forwarding));
        }
        for second in [false, true] {
            let now = now();
            match self.store.find(&forwarding.key, head) {
                Found::Entry(entry) => match reuse::usable(&entry.terms, &control, now) {
                    Use::Fresh => {
                        note(Q::StoredFresh, A::Fresh);
                        let ttl = entry.terms.ttl(now);
                        let found = match second {
                            false => CacheFound::Hit,
                            true => collapsed(),
                        };
                        return Ok(self.serve(head, &entry, found, Some(ttl), None, self.settings.mirror));
                    }
                    Use::Stale { validate } => {
                        note(Q::StoredFresh, A::Stale);
                        note(Q::OnlyIfCached, A::No);
                        note(Q::StaleMeanwhile, A::Yes);
                        if validate {
                            self.validate_later(asked, &forwarding.key, &entry);
                        }
                        let detail = if validate { "stale-while-revalidate" } else { "stale-allowed" };
                        let ttl = Some(entry.terms.ttl(now));
                        return Ok(self.serve(head, &entry, CacheFound::Hit, ttl, Some(detail), true));
                    }
                    Use::Validate(why) => {
                        note(Q::StoredFresh, A::Validate);
                        forwarding.why = Some(why);
                        forwarding.stored = Some(entry);
                    }
                },
                Found::Other => {
                    note(Q::StoredFresh, A::VaryMiss);
                    forwarding.why = Some(Forward::VaryMiss);
                }
                Found::Nothing => {
                    note(Q::StoredFresh, A::Miss);
                    forwarding.why = Some(Forward::UriMiss);
                }
            }
            if control.only_if_cached
                || second
                || !head.is(Method::Get)
                || self.bypasses_flights(head, &control)
            {
                break;
            }
            match Flights::join(&self.store.flights, &forwarding.key) {
                Join::Alone => break,
                Join::Lead(lead) => {
                    forwarding.lead = Some(lead);
                    break;
                }
                Join::Wait(mut under_way) => {
                    let _ = tokio::time::timeout(LONGEST_JOIN, under_way.changed()).await;
                    forwarding.stored = None;
                    forwarding.collapsed = true;
                }
            }
        }
        self.only_if_cached(forwarding, note)
    }

    /// Requests whose answers another one's cannot be.
    fn bypasses_flights(&self, head: &Head, control: &CacheControl) -> bool {
        control.no_cache || control.no_store || head.has("range") || head.has("authorization")
    }

    fn only_if_cached(&self, forwarding: Forwarding, note: Note<'_>) -> Result<Answered, Box<Forwarding>> {
        if forwarding.control.only_if_cached {
            note(Q::OnlyIfCached, A::Yes);
            return Ok(Answered::fault(Cause::NothingStored));
        }
        note(Q::OnlyIfCached, A::No);
        Err(Box::new(forwarding))
    }

    /// The answer from what is stored: whole, a part of it, or word that the client's copy is good. One past its
    /// lifetime is always whole: nobody knows that nothing changed.
    fn serve(
        &self,
        head: &Head,
        entry: &Entry,
        found: CacheFound,
        ttl: Option<i64>,
        detail: Option<&'static str>,
        provisional: bool,
    ) -> Answered {
        let now = now();
        let stale = ttl.is_some_and(|ttl| ttl <= 0);
        let (form, content) =
            if stale { (Form::Whole, entry.content.clone()) } else { form(head, entry, now) };
        let relay = Relay {
            status: entry.status,
            fields: entry.fields.clone(),
            form,
            provisional: provisional && self.settings.provisional,
            age: Some(entry.terms.age(now)),
            cache: Some(CacheStatus {
                name: relay::NAME.to_owned(),
                found,
                ttl,
                detail: detail.map(str::to_owned),
            }),
            annotations: Vec::new(),
            via: (entry.version, pseudonym_shared()),
            next_hop: None,
        };
        self.relayed(relay, Content::Bytes(content), None)
    }

    /// Gives the answer its last touch: fields that the route adds make a 200 provisional (question 67).
    fn relayed(&self, mut relay: Relay, content: Content, asked: Option<(Arc<str>, u8)>) -> Answered {
        let control = freshness::control(&relay.fields);
        if !self.settings.annotate.is_empty() && relay.status == 200 && !control.no_transform {
            relay.annotations.clone_from(&self.settings.annotate);
            relay.provisional = self.settings.provisional;
        }
        Answered { outcome: Outcome::Relayed(Box::new(relay)), content: Some(content), asked }
    }

    /// Asks whether what is stored is still good, while it is used.
    fn validate_later(self: &Arc<Self>, asked: Asked<'_>, key: &Arc<[u8]>, entry: &Arc<Entry>) {
        let Join::Lead(lead) = Flights::join(&self.store.flights, key) else { return };
        let gateway = self.clone();
        let head = get_of(asked.head);
        let (address, peer, trusted) = (asked.address.clone(), asked.peer, asked.trusted);
        let forwarding = Forwarding {
            why: Some(Forward::Stale),
            control: CacheControl::default(),
            key: key.clone(),
            stored: Some(entry.clone()),
            lead: Some(lead),
            collapsed: false,
        };
        tokio::spawn(async move {
            let asked = Asked { head: &head, address: &address, peer, trusted };
            let answered = gateway.forward(asked, Incoming::empty(), forwarding, &mut |_, _| {}).await;
            if let Some(Content::Stream { mut source, .. }) = answered.content {
                while let Some(Ok(_)) = std::future::poll_fn(|cx| source.poll_next(cx)).await {}
            }
        });
    }

    // ---- questions 57 and on: the upstream ------------------------------------------------------------------

    async fn forward(
        &self,
        asked: Asked<'_>,
        incoming: Incoming,
        mut forwarding: Forwarding,
        note: Note<'_>,
    ) -> Answered {
        let head = asked.head;
        let Some(permit) = self.enter().await else {
            note(Q::UpstreamOpen, Cause::LimitReached.answer());
            return self.fallback(head, &forwarding, GatewayFault::new(Cause::LimitReached), None, note);
        };
        let permit = Arc::new(permit);
        let kind = Kind::of(head);
        let began = Instant::now();
        let has_content = !incoming.is_done() && incoming.length() != Some(0);
        let mut outbound =
            has_content.then(|| Box::new(Outbound::new(incoming, self.settings.content_limit)));
        let mut before: Option<Arc<Upstream>> = None;
        let mut fresh_only = false;
        let mut attempts: u8 = 0;
        loop {
            let upstream = match self.choose(asked, before.as_ref(), fresh_only) {
                Ok(upstream) => upstream,
                Err((cause, retry_after)) => {
                    note(cause.question(), cause.answer());
                    let fault = GatewayFault { retry_after, ..GatewayFault::new(cause) };
                    let asked = before.map(|upstream| (upstream.name.clone(), attempts));
                    return self.fallback(head, &forwarding, fault, asked, note);
                }
            };
            note(Q::UpstreamOpen, A::Yes);
            attempts = attempts.saturating_add(1);
            upstream.counts.attempts.fetch_add(1, Relaxed);
            if attempts > 1 {
                upstream.counts.repeated.fetch_add(1, Relaxed);
            }
            let told = Some((upstream.name.clone(), attempts));
            let busy = Busy::new(upstream.clone());
            let attempt =
                self.attempt(&upstream, asked, &forwarding, outbound.take(), kind, fresh_only, note).await;
            let (happened, cause, received, content) = match attempt {
                Attempt::Client(outcome) => {
                    note(Q::RequestSent, client_answer(&outcome));
                    return Answered { outcome, content: None, asked: told };
                }
                Attempt::Failed { happened, cause, outbound } => (happened, cause, None, outbound),
                Attempt::Answered { reply, call, at } => {
                    upstream.counts.answers.fetch_add(1, Relaxed);
                    if reply.status == 408 && !call.all_sent() {
                        // The upstream waited for what the client did not send.
                        note(Q::UpstreamWaited, A::Stalled);
                        return Answered { outcome: Outcome::ContentStalled, content: None, asked: told };
                    }
                    match refused(reply.status) {
                        Some((cause, happened)) => {
                            note(cause.question(), cause.answer());
                            (happened, cause, Some(reply.status), call.into_outbound())
                        }
                        None => {
                            note_plain(note);
                            let held = Held {
                                busy,
                                permit: Some(permit),
                                silence: self.settings.response_timeout,
                                breaker: self.settings.breaker,
                            };
                            return self.received(asked, forwarding, *reply, *call, at, held, told, note);
                        }
                    }
                }
            };
            drop(busy);
            upstream.counts.failed(cause);
            if cause.counts_against_upstream() {
                upstream.did_badly(self.settings.breaker);
            }
            let means = Means {
                replayable: content.as_ref().is_none_or(|content| content.is_replayable()),
                time_left: began.elapsed() < self.settings.response_timeout,
                repeated: attempts > 1,
            };
            let wanted = cause != Cause::WantsCredentials && (received != Some(408) || means.replayable);
            if wanted && retry::may_repeat(happened, kind, means) {
                note(cause.question(), A::Repeated);
                outbound = content.map(|mut content| {
                    content.rewind();
                    content
                });
                fresh_only = true;
                before = Some(upstream);
                continue;
            }
            if received.is_none() {
                note(cause.question(), cause.answer());
            }
            let fault =
                GatewayFault { next_hop: Some(upstream.name.clone()), received, ..GatewayFault::new(cause) };
            forwarding.lead = None;
            return self.fallback(head, &forwarding, fault, told, note);
        }
    }

    /// A place among the requests at work, within ten milliseconds.
    async fn enter(&self) -> Option<OwnedSemaphorePermit> {
        if let Ok(permit) = self.places.clone().try_acquire_owned() {
            return Some(permit);
        }
        tokio::time::timeout(WAIT, self.places.clone().acquire_owned()).await.ok()?.ok()
    }

    /// Question 57: who is asked. For a repetition somebody else is preferred.
    fn choose(
        &self,
        asked: Asked<'_>,
        before: Option<&Arc<Upstream>>,
        again: bool,
    ) -> Result<Arc<Upstream>, (Cause, Option<Delay>)> {
        let count = self.upstreams.len();
        let start = match self.settings.by_hash {
            true => hash(asked.address.path()) % count.max(1),
            false => self.turn.fetch_add(1, Relaxed) % count.max(1),
        };
        let mut soonest: Option<u32> = None;
        let mut best: Option<(usize, &Arc<Upstream>)> = None;
        for step in 0..count {
            let Some(upstream) = self.upstreams.get((start + step) % count) else { continue };
            if upstream.unwell.load(Relaxed) {
                continue;
            }
            // Lower is better: not the one that failed just now, nor one that has been failing, then the idlest.
            let same = again && before.is_some_and(|before| Arc::ptr_eq(before, upstream));
            let rank = if self.settings.by_hash { step } else { upstream.at_work.load(Relaxed) };
            let rank = rank
                .saturating_add(usize::from(same) << 40)
                .saturating_add(usize::from(upstream.is_avoided()) << 30);
            if best.is_some_and(|(least, _)| least <= rank) {
                continue;
            }
            match upstream.shut_for() {
                None => best = Some((rank, upstream)),
                Some(seconds) => soonest = Some(soonest.map_or(seconds, |least| least.min(seconds))),
            }
        }
        match (best, soonest) {
            (Some((_, upstream)), _) => Ok(upstream.clone()),
            (None, Some(seconds)) => Err((Cause::BreakerOpen, Some(Delay(seconds)))),
            (None, None) => Err((Cause::Unhealthy, None)),
        }
    }

    /// Questions 58 to 61: one attempt.
    #[allow(clippy::too_many_arguments)]
    async fn attempt(
        &self,
        upstream: &Arc<Upstream>,
        asked: Asked<'_>,
        forwarding: &Forwarding,
        outbound: Option<Box<Outbound>>,
        kind: Kind,
        fresh_only: bool,
        note: Note<'_>,
    ) -> Attempt {
        let kept = if fresh_only { None } else { upstream.kept(kind != Kind::Safe) };
        let link = match kept {
            Some(link) => {
                upstream.counts.reused.fetch_add(1, Relaxed);
                note(Q::Connected, A::Reused);
                link
            }
            None => match connect(upstream, self.settings.connect_timeout).await {
                Ok(link) => {
                    note(Q::Connected, A::Yes);
                    link
                }
                Err(cause) => return Attempt::Failed { happened: Happened::NotWritten, cause, outbound },
            },
        };
        let framing = match outbound.as_ref().map(|outbound| outbound.length()) {
            None => Framing::None,
            Some(Some(length)) => Framing::Length(length),
            Some(None) => Framing::Chunked,
        };
        let expects = outbound.is_some() && !fresh_only && Expect::from_head(asked.head) == Expect::Continue;
        let stored = forwarding.stored.as_ref().filter(|entry| entry.terms.has_validator);
        let written = Written {
            head: asked.head,
            address: asked.address,
            peer: asked.peer,
            trusted: asked.trusted,
            pseudonym: pseudonym(),
            framing,
            expects,
            conditions: stored.map(|entry| {
                let field = |name: &str| entry.fields.get(name).map(|value| &value[..]);
                Conditions { tag: field("etag"), modified: field("last-modified") }
            }),
        };
        let out = request::head(&written, upstream, &self.settings);
        let at = now();
        let mut call = Call::new(link, out, outbound, framing == Framing::Chunked, expects);
        match call.answer(asked.head.is(Method::Head), self.settings.response_timeout).await {
            Ok(reply) => Attempt::Answered { reply: Box::new(reply), call: Box::new(call), at },
            Err(Failure::Client(outcome)) => Attempt::Client(*outcome),
            Err(Failure::Upstream(cause)) => {
                let happened = call.happened();
                Attempt::Failed { happened, cause, outbound: call.into_outbound() }
            }
        }
    }

    /// Questions 65 to 70: a final head arrived.
    #[allow(clippy::too_many_arguments)]
    fn received(
        &self,
        asked: Asked<'_>,
        mut forwarding: Forwarding,
        reply: ReplyHead,
        call: Call,
        asked_at: HttpDate,
        held: Held,
        told: Option<(Arc<str>, u8)>,
        note: Note<'_>,
    ) -> Answered {
        let head = asked.head;
        let received_at = now();
        let status = reply.status;
        let upstream = held.busy.0.clone();
        let reads = head.method().is_some_and(Method::reads);
        if status == 503 {
            self.heed(&upstream, &reply.fields, received_at);
        }
        if reads && matches!(status, 500 | 502 | 503 | 504) {
            if let Some(entry) = &forwarding.stored
                && reuse::fallback(
                    &entry.terms,
                    &forwarding.control,
                    received_at,
                    Trouble::Status,
                    self.settings.stale,
                ) == Fallback::Use
            {
                note(Q::UpstreamFails, A::Fallback);
                return self.serve_stale(head, entry, "stale-if-error", told);
            }
            note(Q::UpstreamFails, A::Yes);
        } else {
            note(Q::UpstreamFails, A::No);
        }
        if let (304, Some(entry)) = (status, &forwarding.stored)
            && entry.terms.has_validator
        {
            note(Q::Validated, A::Yes);
            let fresh = entry
                .freshened(&reply.fields, |fields| Terms::of(entry.status, fields, asked_at, received_at));
            let get = get_of(head);
            let entry = store::replace(&self.store, &forwarding.key, &get, fresh);
            forwarding.lead = None;
            let mut flow = Flow::new(call, reply.framing, reply.persists, None, held);
            let _ = flow.at_once();
            let found = CacheFound::Forwarded {
                why: forwarding.why.unwrap_or(Forward::Stale),
                status: Some(304),
                stored: true,
                collapsed: false,
            };
            let mut answered = self.serve(head, &entry, found, None, None, self.settings.mirror);
            answered.asked = told;
            return answered;
        }
        note(Q::Validated, A::No);
        let annotated = status == 200
            && !self.settings.annotate.is_empty()
            && !freshness::control(&reply.fields).no_transform;
        note(Q::Annotated, if annotated { A::Yes } else { A::No });
        note(Q::Forwarded, A::Yes);
        if self.settings.cache && !head.method().is_some_and(Method::is_safe) && status < 400 {
            note(Q::Invalidates, A::Yes);
            self.invalidate(head, &forwarding.key, &reply.fields);
        }
        let mut filling = None;
        if self.settings.cache && head.is(Method::Get) {
            let storable = freshness::may_store(head, status, &reply.fields);
            self.store.flights.note(&forwarding.key, storable);
            if storable {
                filling = Filling::new(
                    self.store.clone(),
                    forwarding.key.clone(),
                    head.clone(),
                    status,
                    reply.version,
                    reply.fields.clone(),
                    Terms::of(status, &reply.fields, asked_at, received_at),
                    match reply.framing {
                        crate::head::Framing::Length(length) => Some(length),
                        _ => None,
                    },
                    forwarding.lead.take(),
                );
            }
        }
        let cache = forwarding.why.map(|why| CacheStatus {
            name: relay::NAME.to_owned(),
            found: CacheFound::Forwarded {
                why,
                status: forwarding.stored.is_some().then_some(status),
                stored: filling.is_some(),
                collapsed: false,
            },
            ttl: None,
            detail: None,
        });
        let relay = Relay {
            status,
            fields: reply.fields,
            form: Form::Whole,
            provisional: self.settings.mirror && self.settings.provisional,
            age: None,
            cache,
            annotations: Vec::new(),
            via: (reply.version, pseudonym_shared()),
            next_hop: Some(upstream.name.clone()),
        };
        let length = match reply.framing {
            crate::head::Framing::Length(length) => Some(length),
            crate::head::Framing::None => Some(0),
            crate::head::Framing::Chunked | crate::head::Framing::Close => None,
        };
        let mut flow = Flow::new(call, reply.framing, reply.persists, filling, held);
        let content = match flow.at_once() {
            Some(_) if head.is(Method::Head) => Content::Omitted(reply.declared),
            Some(bytes) => Content::Bytes(bytes),
            None if head.is(Method::Head) => Content::Omitted(reply.declared),
            None => Content::Stream { source: Box::new(flow), length },
        };
        self.relayed(relay, content, told)
    }

    /// A 503 that says when to come back opens the breaker for that time.
    fn heed(&self, upstream: &Upstream, fields: &Fields, now: HttpDate) {
        let asked = fields.get("retry-after").and_then(|value| RetryAfter::parse(value, now));
        if let (Some(asked), Some(_)) = (asked, self.settings.breaker) {
            let seconds = asked.delay(now).min(LONGEST_REST);
            if seconds > 0 {
                upstream.asked_for_rest(Duration::from_secs(seconds));
            }
        }
    }

    /// Fallback F after a failed contact; else the failure itself.
    fn fallback(
        &self,
        head: &Head,
        forwarding: &Forwarding,
        mut fault: GatewayFault,
        told: Option<(Arc<str>, u8)>,
        note: Note<'_>,
    ) -> Answered {
        if let Some(entry) = &forwarding.stored
            && head.method().is_some_and(Method::reads)
            && fault.cause.is_failed_contact()
        {
            let (now, stale) = (now(), self.settings.stale);
            match reuse::fallback(&entry.terms, &forwarding.control, now, Trouble::Contact, stale) {
                Fallback::Use => {
                    note(fault.cause.question(), A::Fallback);
                    return self.serve_stale(head, entry, "stale-no-contact", told);
                }
                Fallback::Forbidden => fault.must_validate = true,
                Fallback::Unused => {}
            }
        }
        Answered { outcome: Outcome::Gateway(Box::new(fault)), content: None, asked: told }
    }

    fn serve_stale(
        &self,
        head: &Head,
        entry: &Entry,
        detail: &'static str,
        told: Option<(Arc<str>, u8)>,
    ) -> Answered {
        let ttl = entry.terms.ttl(now());
        let mut answered = self.serve(head, entry, CacheFound::Hit, Some(ttl.min(0)), Some(detail), true);
        answered.asked = told;
        answered
    }

    /// What an unsafe method may have changed (RFC 9111 section 4.4): the target, and what `Location` and
    /// `Content-Location` name in the same place.
    fn invalidate(&self, head: &Head, key: &[u8], fields: &Fields) {
        self.store.invalidate(key);
        for name in ["location", "content-location"] {
            let Some(value) = fields.get(name) else { continue };
            let local = match value.iter().position(|&byte| byte == b':') {
                Some(_) if value.starts_with(b"/") => Some(&value[..]),
                Some(_) => same_place(value, head),
                None => value.starts_with(b"/").then_some(&value[..]),
            };
            if let Some(address) = local.and_then(|local| Address::parse(local).ok()) {
                self.store.invalidate(&self::key(head, &address));
            }
        }
    }
}

/// How an attempt ended.
enum Attempt {
    Answered {
        reply: Box<ReplyHead>,
        call: Box<Call>,
        at: HttpDate,
    },
    Failed {
        happened: Happened,
        cause: Cause,
        outbound: Option<Box<Outbound>>,
    },
    /// The client did not send its content.
    Client(Outcome),
}

/// What a gateway itself says to `OPTIONS` that goes no further.
const ALLOWED: MethodSet =
    MethodSet::READ.with(Method::Put).with(Method::Post).with(Method::Delete).with(Method::Patch);

/// Answers that are between the gateway and its upstream (questions 62 to 64).
fn refused(status: u16) -> Option<(Cause, Happened)> {
    match status {
        407 => Some((Cause::WantsCredentials, Happened::AnswerBegun)),
        421 => Some((Cause::WrongUpstream, Happened::NotProcessed)),
        // Never complete for the upstream, so not acted on.
        408 => Some((Cause::UpstreamWaited, Happened::NotProcessed)),
        _ => None,
    }
}

fn note_plain(note: Note<'_>) {
    note(Q::RequestSent, A::Yes);
    note(Q::AnswerHead, A::Yes);
    note(Q::WantsGateway, A::No);
    note(Q::WrongUpstream, A::No);
    note(Q::UpstreamWaited, A::No);
}

fn client_answer(outcome: &Outcome) -> A {
    match outcome {
        Outcome::ContentStalled => A::Stalled,
        Outcome::ContentMalformed => A::Malformed,
        Outcome::ContentTooLarge { .. } => A::TooLarge,
        _ => A::PeerGone,
    }
}

fn collapsed() -> CacheFound {
    CacheFound::Forwarded { why: Forward::UriMiss, status: None, stored: false, collapsed: true }
}

/// Which part of a stored answer a request gets (section 13.2.2).
fn form(head: &Head, entry: &Entry, now: HttpDate) -> (Form, Bytes) {
    let whole = (Form::Whole, entry.content.clone());
    if entry.status != 200 {
        return whole;
    }
    let tag = entry.fields.get("etag").and_then(|value| EntityTag::parse(value));
    let modified = entry.terms.last_modified;
    let matches = match precondition::if_none_match(head, tag.as_ref(), true) {
        Some(changed) => !changed,
        None => precondition::if_modified_since(head, modified, now) == Some(false),
    };
    if matches {
        return (Form::NotModified, Bytes::new());
    }
    let complete = entry.content.len() as u64;
    let applies = head.is(Method::Get)
        && IfRange::from_head(head, now).is_none_or(|range| range.holds(tag.as_ref(), modified, now));
    let ranges = ByteRanges::from_head(head, 1).filter(|_| applies);
    match ranges.map(|ranges| ranges.resolve(complete)) {
        Some(Resolved::Ranges(spans)) => match spans.as_slice() {
            &[(first, last)] => {
                let start = usize::try_from(first).unwrap_or(usize::MAX).min(entry.content.len());
                let end = usize::try_from(last.saturating_add(1))
                    .unwrap_or(usize::MAX)
                    .clamp(start, entry.content.len());
                (Form::Part { first, last, complete }, entry.content.slice(start..end))
            }
            _ => whole,
        },
        _ => whole,
    }
}

/// What stored answers are found by: host, path and query of the target.
fn key(head: &Head, address: &Address) -> Arc<[u8]> {
    let mut key = Vec::with_capacity(128);
    key.extend_from_slice(head.scheme().name().as_bytes());
    key.push(b' ');
    key.extend(head.get("host").unwrap_or_default().iter().map(u8::to_ascii_lowercase));
    key.extend_from_slice(address.path());
    if let Some(query) = address.query() {
        key.push(b'?');
        key.extend_from_slice(query);
    }
    key.into()
}

/// The local part of a URL with the same host.
fn same_place<'v>(value: &'v [u8], head: &Head) -> Option<&'v [u8]> {
    let rest = value.strip_prefix(b"http://").or_else(|| value.strip_prefix(b"https://"))?;
    let end = rest.iter().position(|&byte| byte == b'/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end)?;
    authority.eq_ignore_ascii_case(head.get("host")?).then_some(path)
}

/// The same request as a plain GET: for validation, and to find the form that a HEAD was answered from.
fn get_of(head: &Head) -> Head {
    let fields: Vec<(&[u8], &[u8])> = head
        .fields()
        .filter(|(name, _)| {
            !["content-length", "transfer-encoding", "expect", "cache-control", "pragma", "range", "if-range"]
                .iter()
                .any(|left_out| name.eq_ignore_ascii_case(left_out.as_bytes()))
        })
        .collect();
    Head::from_parts(b"GET", head.target(), head.version(), head.scheme(), fields)
}

fn hash(bytes: &[u8]) -> usize {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    usize::try_from(hasher.finish() >> 1).unwrap_or(0)
}

fn now() -> HttpDate {
    HttpDate::from_unix(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()))
}

/// The name of this process in `Via`: by it a request is known that comes round again.
fn pseudonym_shared() -> Arc<str> {
    static NAME: OnceLock<Arc<str>> = OnceLock::new();
    NAME.get_or_init(|| {
        // Two gateways behind each other must not take each other for themselves.
        let random = RandomState::new().hash_one(std::process::id());
        format!("{}-{:08x}", relay::NAME, random >> 32).into()
    })
    .clone()
}

fn pseudonym() -> &'static str {
    static NAME: OnceLock<Arc<str>> = OnceLock::new();
    NAME.get_or_init(pseudonym_shared)
}
