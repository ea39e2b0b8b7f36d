//! The server as the wire sees it: requests in, answers out, and a line in the log when the last byte is gone.

use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Poll;
use std::time::{Instant, SystemTime};

use arc_swap::ArcSwap;
use bytes::Bytes;
use candor_origin::Body;
use candor_semantics::address::Address;
use candor_semantics::decision::{Cursor, Decision, decide};
use candor_semantics::facts::{Facts, Reception};
use candor_semantics::field::forwarded;
use candor_semantics::fields::Fields;
use candor_semantics::head::{Head, Scheme};
use candor_semantics::outcome::{Closed, Outcome};
use candor_semantics::refusal::Refusal;
use candor_semantics::representation::{Chosen, Coding, CodingSet};
use candor_semantics::trace;
use candor_wire::incoming::Incoming;
use candor_wire::peer::Peer;
use candor_wire::service::{Answer, Delivery, Request, Service};

use crate::access_log::{AccessLog, Entry};
use crate::admin_key::{AdminKey, KEY_FIELD};
use crate::admission::{Admission, Permit};
use crate::answer::{self, Made, Setting};
use crate::credentials::Verdict;
use crate::exchange::{Decided, Exchange};
use crate::metrics::Metrics;
use crate::site::Site;
use crate::standing::date;
use crate::world::World;

/// A running server. Configurations come and go in it; counts, the log and the admin key stay.
pub(crate) struct Server {
    world: ArcSwap<World>,
    admission: Admission,
    metrics: Arc<Metrics>,
    log: ArcSwap<Option<AccessLog>>,
    admin_key: AdminKey,
}

/// What is kept of an exchange for the log.
pub(crate) struct Record {
    head: Head,
    client: Option<IpAddr>,
    user: Option<Arc<str>>,
    status: u16,
    reason: Option<trace::Entry>,
    incident: Option<Box<str>>,
    upstream: Option<(Arc<str>, u8)>,
    received: Instant,
    started: SystemTime,
    /// Held until the last byte is gone: what is being sent is still work.
    _permit: Option<Permit>,
}

impl Server {
    /// A server for a world.
    pub(crate) fn new(
        world: World,
        log: Option<AccessLog>,
        metrics: Arc<Metrics>,
        admin_key: AdminKey,
    ) -> Server {
        Server {
            admission: Admission::new(world.configuration.limits.requests_in_flight),
            world: ArcSwap::from_pointee(world),
            metrics,
            log: ArcSwap::from_pointee(log),
            admin_key,
        }
    }

    /// Replaces the world. Requests at work finish in the old one.
    pub(crate) fn replace(&self, world: World) {
        self.admission.set_limit(world.configuration.limits.requests_in_flight);
        self.world.store(Arc::new(world));
    }

    /// Replaces the access log. The old one writes its last lines in a thread of its own: a worker that happened to
    /// be the last to hold it must not wait for its disk.
    pub(crate) fn replace_log(&self, log: Option<AccessLog>) {
        let old = self.log.swap(Arc::new(log));
        std::thread::spawn(move || {
            let patience = std::time::Duration::from_millis(10);
            while Arc::strong_count(&old) > 1 {
                std::thread::sleep(patience);
            }
            drop(old);
        });
    }

    /// The world that is in force.
    pub(crate) fn world(&self) -> Arc<World> {
        self.world.load_full()
    }

    /// Opens the log's file anew, for those who move it away.
    pub(crate) fn reopen_log(&self) {
        if let Some(log) = self.log.load().as_ref() {
            log.reopen();
        }
    }

    /// Requests that are inside now.
    pub(crate) fn in_flight(&self) -> usize {
        self.admission.in_flight()
    }

    /// Requests that wait for admission now.
    pub(crate) fn waiting(&self) -> usize {
        self.admission.waiting()
    }

    async fn answer(&self, world: &World, mut request: Request, permit: Option<Permit>) -> Answer<Record> {
        let client = client(world, &mut request.head, &request.peer);
        let incoming = std::mem::replace(&mut request.incoming, Incoming::empty());
        let head = &request.head;
        let mut exchange = Exchange::new(world, head, client);
        exchange.carry(incoming, request.peer.ip());
        let by_key = head.get(KEY_FIELD).is_some_and(|given| self.admin_key.is(given));
        let closed = permit.is_none().then_some((Closed::Overload, None));
        let decided = match unpanicked(exchange.decide(closed, by_key)).await {
            Some(decided) => decided,
            None => Decided {
                outcome: Outcome::InternalError,
                cursor: Cursor::default(),
                opened: None,
                report: None,
            },
        };
        let shown = head.get("candor-why") == Some(b"?1") && exchange.is_admin(by_key);
        let incident = incident(&decided, head, exchange.told.take());
        let own_page = match exchange.site.is_some_and(|site| !site.configuration.error_pages.is_empty()) {
            true => Box::pin(own_page(exchange.site, &decided.outcome, world, head)).await,
            false => None,
        };
        let setting = Setting {
            world: world.number,
            reserved: &world.configuration.reserved,
            head,
            address: exchange.address.as_ref(),
            site: exchange.site.map(|site| &site.configuration),
            route: exchange.route(),
            incident: incident.as_deref(),
            own_page: own_page.as_ref(),
            report: decided.report.as_ref(),
        };
        let mut made = answer::make(&decided.outcome, decided.opened, &setting);
        if shown {
            show_trace(&mut made.fields, &decided.cursor);
        }
        let user = match exchange.verdict {
            Verdict::Valid(ref name) => Some(name.clone()),
            _ => None,
        };
        let record = Record {
            client,
            user,
            status: made.status,
            reason: decided.cursor.trace().last(),
            incident,
            upstream: exchange.upstream.take(),
            received: request.received,
            started: exchange.now,
            _permit: permit,
            head: request.head,
        };
        finish(made, record)
    }
}

impl Service for Server {
    type Record = Record;

    async fn respond(&self, request: Request) -> Answer<Record> {
        let world = self.world.load_full();
        self.metrics.began();
        let permit = match self.admission.enter_now() {
            Some(permit) => Some(permit),
            None => Box::pin(self.admission.enter()).await,
        };
        self.answer(&world, request, permit).await
    }

    fn refuse(
        &self,
        peer: &Arc<Peer>,
        mut head: Head,
        refusal: Refusal,
        received: Instant,
    ) -> Answer<Record> {
        let world = self.world.load_full();
        self.metrics.began();
        let client = client(&world, &mut head, peer);
        let reception = Reception { refusal: Some(refusal), ..Reception::default() };
        let mut cursor = Cursor::default();
        let facts = Facts::new(&head, None, &reception, date(SystemTime::now()));
        let outcome = match decide(&facts, &mut cursor) {
            Decision::Done(outcome) => outcome,
            // A refusal always ends the decision before anything is needed.
            Decision::Ask(_) => Outcome::Refused(refusal),
        };
        let setting = Setting {
            world: world.number,
            reserved: &world.configuration.reserved,
            head: &head,
            address: None,
            site: None,
            route: None,
            incident: None,
            own_page: None,
            report: None,
        };
        let mut made = answer::make(&outcome, None, &setting);
        let by_key = head.get(KEY_FIELD).is_some_and(|given| self.admin_key.is(given));
        if by_key && head.get("candor-why") == Some(b"?1") {
            show_trace(&mut made.fields, &cursor);
        }
        let record = Record {
            client,
            user: None,
            status: made.status,
            reason: cursor.trace().last(),
            incident: None,
            upstream: None,
            received,
            started: SystemTime::now(),
            _permit: None,
            head,
        };
        finish(made, record)
    }

    fn delivered(&self, record: Record, delivery: Delivery) {
        let duration = record.received.elapsed();
        self.metrics.answered(record.status, record.reason, duration, delivery.content, delivery.complete);
        let log = self.log.load();
        let Some(log) = log.as_ref() else { return };
        log.log(&Entry {
            client: record.client,
            user: record.user.as_deref(),
            time: record.started,
            head: &record.head,
            status: record.status,
            sent: delivery.content,
            complete: delivery.complete,
            duration,
            reason: record.reason,
            incident: record.incident.as_deref(),
            upstream: record.upstream.as_ref().map(|(name, attempts)| (&**name, *attempts)),
        });
    }
}

fn finish(made: Made, record: Record) -> Answer<Record> {
    let Made { status, fields, content, close } = made;
    Answer { status, fields, content, close, record }
}

/// The trace, for those who may see it. It is about this one request, so nobody may keep it.
fn show_trace(fields: &mut Fields, cursor: &Cursor) {
    fields.set("Cache-Control", "no-store");
    fields.push("Candor-Trace", cursor.trace().to_string());
}

/// The id under which the log tells what a 500 keeps to itself.
fn incident(decided: &Decided, head: &Head, told: Option<String>) -> Option<Box<str>> {
    if decided.outcome != Outcome::InternalError {
        return None;
    }
    let id = match crate::credentials::random::<8>() {
        Ok(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>(),
        Err(_) => format!("{:?}", Instant::now()),
    };
    let target = String::from_utf8_lossy(head.target()).escape_debug().to_string();
    let told = told.map(|told| format!(": {told}")).unwrap_or_default();
    crate::report::error(&format!("incident {id}: {target}: {:?}{told}", decided.cursor.trace()));
    Some(id.into())
}

/// The site's own page for an error, where it has one and it can be read.
async fn own_page(site: Option<&Arc<Site>>, outcome: &Outcome, world: &World, head: &Head) -> Option<Bytes> {
    let site = site?;
    if site.configuration.error_pages.is_empty() {
        return None;
    }
    let setting = Setting {
        world: world.number,
        reserved: &world.configuration.reserved,
        head,
        address: None,
        site: Some(&site.configuration),
        route: None,
        incident: None,
        own_page: None,
        report: None,
    };
    let code = answer::code(outcome, &setting)?;
    let file = site.configuration.error_pages.get(&code.number())?;
    let address = Address::from_path(format!("/{file}"));
    let standing = site.folder.look(&address, site.rules_for(None)).await;
    let first = Chosen { variant: 0, coding: Coding::Identity };
    let opened = site.folder.open_form(&standing, Some(first), CodingSet::EMPTY).await.ok()?;
    match opened.body {
        Body::Bytes(bytes) => Some(bytes),
        Body::File { .. } | Body::Listing(_) => None,
    }
}

/// The client's address: the peer's, or what trusted peers say of whom they ask for.
fn client(world: &World, head: &mut Head, peer: &Peer) -> Option<IpAddr> {
    let address = peer.ip()?;
    if !world.trusts(address) {
        return Some(address);
    }
    let hops = forwarded::hops(head);
    let scheme = hops.first().and_then(|hop| hop.scheme).or_else(|| legacy_scheme(head));
    let client = forwarded::client(address, &hops, |hop| world.trusts(hop));
    if let Some(scheme) = scheme {
        head.set_scheme(scheme);
    }
    Some(client)
}

/// `X-Forwarded-Proto`, which no standard names and every proxy sends.
fn legacy_scheme(head: &Head) -> Option<Scheme> {
    match head.get("x-forwarded-proto")? {
        b"https" => Some(Scheme::Https),
        b"http" => Some(Scheme::Http),
        _ => None,
    }
}

/// The result of a future, or `None` if it panicked: that ends only the one request, the others go on.
async fn unpanicked<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = std::pin::pin!(future);
    std::future::poll_fn(move |cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
        Ok(Poll::Ready(value)) => Poll::Ready(Some(value)),
        Ok(Poll::Pending) => Poll::Pending,
        Err(_) => Poll::Ready(None),
    })
    .await
}
