//! Asking each target once: HEAD, then GET where HEAD does not tell, politely.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use candor_links::{Document, Kind};
use candor_semantics::field::media_type::MediaType;
use candor_semantics::reaction::editing::{Edit, Finding, edit};
use candor_semantics::reaction::{Failed, Hop, Reaction};
use candor_semantics::url::Url;
use tokio::sync::Semaphore;

use super::{Settings, Verdict};
use crate::agent::{Agent, Outcome};
use crate::person::Nobody;
use crate::request::Request;

/// The longest time for one target, in seconds, whatever it drips.
const LONGEST: u64 = 60;

/// The most content that is read of a page, in bytes: 16 MiB.
const LARGEST: usize = 16 << 20;

/// So many connections that did not come about, one after the other, and a host is taken to be away.
const AWAY: u32 = 2;

/// A target to be asked.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) url: Url,
    /// Whether its content is needed: for fragments, or because it is a page of the site.
    pub(super) content: bool,
}

/// What was found at a target.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) code: u16,
    pub(super) hops: Vec<Hop>,
    pub(super) is_second_hand: bool,
    /// What the page has, where its content was read.
    pub(super) document: Option<Arc<Document>>,
    /// The bytes of the page, to find lines in.
    pub(super) bytes: Option<Arc<Vec<u8>>>,
    /// The address that answered at last.
    pub(super) last: Url,
    pub(super) trouble: Option<String>,
    /// Whether no connection came about.
    pub(super) is_unreachable: bool,
}

/// Asks every target, many at a time.
pub(super) async fn ask_all(
    agent: &Arc<Agent>,
    wanted: Vec<Wanted>,
    settings: &Settings,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> HashMap<String, Found> {
    let all = Arc::new(Semaphore::new(settings.at_once.max(1)));
    let mut hosts: HashMap<String, Arc<Host>> = HashMap::new();
    let mut running = tokio::task::JoinSet::new();
    let count = wanted.len();
    for one in wanted {
        let most = if one.url.is_loopback() { settings.at_once } else { settings.per_host };
        let host = hosts.entry(one.url.origin()).or_insert_with(|| Arc::new(Host::new(most)));
        let (all, host, agent) = (Arc::clone(&all), Arc::clone(host), Arc::clone(agent));
        running.spawn(async move {
            // Semaphores are never closed.
            let _host = host.room.acquire().await;
            if let Some(what) = host.is_away() {
                return (one.url.to_string(), Found::trouble(&one.url, what));
            }
            let _all = all.acquire().await;
            let limit = Duration::from_secs(LONGEST);
            let found = match tokio::time::timeout(limit, ask(&agent, &one)).await {
                Ok(found) => found,
                Err(_) => Found::trouble(&one.url, format!("no whole answer within {LONGEST} seconds")),
            };
            host.note(&found);
            (one.url.to_string(), found)
        });
    }
    let mut found = HashMap::with_capacity(count);
    while let Some(done) = running.join_next().await {
        if let Ok((url, one)) = done {
            found.insert(url, one);
            progress(found.len(), count);
        }
    }
    found
}

/// How one host is doing.
struct Host {
    room: Semaphore,
    /// Failures since the last answer, and the newest.
    failures: std::sync::Mutex<(u32, String)>,
}

impl Host {
    fn new(most: usize) -> Host {
        Host { room: Semaphore::new(most.max(1)), failures: std::sync::Mutex::default() }
    }

    fn is_away(&self) -> Option<String> {
        let failures = self.failures.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        (failures.0 >= AWAY).then(|| failures.1.clone())
    }

    fn note(&self, found: &Found) {
        let mut failures = self.failures.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match &found.trouble {
            Some(what) if found.is_unreachable => *failures = (failures.0.saturating_add(1), what.clone()),
            _ => failures.0 = 0,
        }
    }
}

async fn ask(agent: &Agent, wanted: &Wanted) -> Found {
    if !wanted.content {
        let found = once(agent, "HEAD", wanted).await;
        // Servers answer HEAD wrongly more often than GET; 410 is no slip, and waits were told.
        if found.is_unreachable
            || found.trouble.is_none() && (found.code < 400 || matches!(found.code, 410 | 429 | 503))
        {
            return found;
        }
    }
    once(agent, "GET", wanted).await
}

async fn once(agent: &Agent, method: &str, wanted: &Wanted) -> Found {
    let mut request = Request::new(method, wanted.url.clone());
    if method == "GET" && !wanted.content {
        // Only whether it answers is of interest.
        request.fields.push_static("Range", "bytes=0-0");
    }
    let mut outcome = match agent.ask(request, &mut Nobody).await {
        Ok(outcome) => outcome,
        Err(trouble) => {
            let is_unreachable = trouble.failed == Failed::NotSent && trouble.url.same_origin(&wanted.url);
            return Found { is_unreachable, ..Found::trouble(&trouble.url, trouble.what) };
        }
    };
    let mut found = Found::of(&outcome);
    let kind = outcome
        .head
        .fields
        .get("Content-Type")
        .and_then(|value| MediaType::parse(value))
        .and_then(|media_type| Kind::of_media_type(media_type.essence()));
    if let (true, Some(kind), true) = (wanted.content, kind, method == "GET" && found.code == 200) {
        match outcome.incoming.all(LARGEST).await {
            Ok(Some(bytes)) => {
                found.document = candor_links::read(kind, &bytes).map(Arc::new);
                found.bytes = Some(Arc::new(bytes));
            }
            Ok(None) => {}
            Err(broken) => found.trouble = Some(broken.what),
        }
    }
    found
}

impl Found {
    fn of(outcome: &Outcome) -> Found {
        let age = outcome.answer().age().is_some() && !outcome.is_copy;
        let is_second_hand = matches!(outcome.reaction, Reaction::SecondHand { .. }) || age;
        let trouble = match &outcome.reaction {
            Reaction::Halt(stop) => Some(format!("the redirects do not end well ({stop:?})")),
            Reaction::Confirm { step, .. } => Some(format!("it redirects from https to {}", step.to)),
            _ => None,
        };
        // 416 to the one byte that was asked for means that it is there and empty.
        let code = if outcome.head.code == 416 { 200 } else { outcome.head.code };
        Found {
            code,
            hops: outcome.hops.clone(),
            is_second_hand,
            document: None,
            bytes: None,
            last: outcome.url.clone(),
            trouble,
            is_unreachable: false,
        }
    }

    fn trouble(url: &Url, what: String) -> Found {
        Found {
            code: 0,
            hops: Vec::new(),
            is_second_hand: false,
            document: None,
            bytes: None,
            last: url.clone(),
            trouble: Some(what),
            is_unreachable: false,
        }
    }

    /// What is to be said of a reference to this target.
    pub(super) fn verdict(&self, reference: &Url) -> Verdict {
        if let Some(what) = &self.trouble {
            return Verdict::Unknown(what.clone());
        }
        let finding = Finding {
            reference: reference.clone(),
            hops: self.hops.clone(),
            code: self.code,
            is_second_hand: self.is_second_hand,
        };
        let name = candor_semantics::code::understood(self.code).name();
        match edit(&finding) {
            Edit::Relink { to, trust } => Verdict::Relink { to, trust },
            Edit::Choose => Verdict::Choose,
            Edit::Remove { trust } => Verdict::Gone { trust },
            Edit::Keep if self.code == 203 => Verdict::SecondHand,
            Edit::Keep if self.lacks(reference) => Verdict::NoFragment,
            Edit::Keep => Verdict::Fine,
            Edit::Report if matches!(self.code, 404 | 410) => {
                Verdict::Broken(format!("{} {name}", self.code))
            }
            Edit::Report => Verdict::Unknown(format!("{} {name}", self.code)),
        }
    }

    fn lacks(&self, reference: &Url) -> bool {
        match &self.document {
            Some(document) => lacks(reference, &document.anchors),
            None => false,
        }
    }
}

/// Whether a page lacks what a reference's fragment names. The top is always there.
pub(super) fn lacks(reference: &Url, anchors: &HashSet<String>) -> bool {
    let Some(fragment) = reference.fragment() else { return false };
    if fragment.is_empty() || fragment.eq_ignore_ascii_case("top") || fragment.starts_with(":~:") {
        return false;
    }
    let decoded = candor_semantics::field::grammar::percent_decode(fragment.as_bytes());
    let decoded = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
    !anchors.contains(fragment) && !decoded.is_some_and(|name| anchors.contains(&name))
}
