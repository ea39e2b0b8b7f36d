//! From an outcome to an answer: the content that the plan asks for, and the fields that the site adds.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use candor_origin::Body;
use candor_semantics::address::Address;
use candor_semantics::code::Code;
use candor_semantics::field::content_range::ContentRange;
use candor_semantics::fields::Fields;
use candor_semantics::head::{Head, Scheme};
use candor_semantics::method::Method;
use candor_semantics::outcome::{Choice, Closed, ConflictCause, Delay, Extent, Location, Outcome};
use candor_semantics::refusal::Refusal;
use candor_semantics::render::{Manner, Plan, Rendered, render};
use candor_wire::service::{Content, FilePart, FileState, Piece};

use crate::authoring::draft::Report;
use crate::configuration::{self, Cors, FieldRule, Origins, Route};
use crate::exchange::Source;
use crate::own;
use crate::pages::choices::{Choices, Variant};
use crate::pages::gone::Gone;
use crate::pages::problem::{Link, PROBLEM_JSON, Problem};
use crate::pages::{self, made, moved};

/// An answer without what the wire adds and the log keeps.
pub(crate) struct Made {
    /// The status.
    pub(crate) status: u16,
    /// Its fields.
    pub(crate) fields: Fields,
    /// Its content.
    pub(crate) content: Content,
    /// Whether the connection must close.
    pub(crate) close: bool,
}

/// What an answer is made for.
#[derive(Clone, Copy)]
pub(crate) struct Setting<'a> {
    /// Distinguishes configurations, for pages that are kept.
    pub(crate) world: u64,
    /// The reserved prefix.
    pub(crate) reserved: &'a str,
    /// The request.
    pub(crate) head: &'a Head,
    /// Its address, where it has one.
    pub(crate) address: Option<&'a Address>,
    /// The site, where there is one.
    pub(crate) site: Option<&'a configuration::Site>,
    /// The route, where there is one.
    pub(crate) route: Option<&'a Route>,
    /// The id under which the log tells more.
    pub(crate) incident: Option<&'a str>,
    /// The site's own page for this code, already read.
    pub(crate) own_page: Option<&'a Bytes>,
    /// What differs, where a change was refused for it.
    pub(crate) report: Option<&'a Report>,
}

impl Setting<'_> {
    fn manner(&self) -> Manner {
        Manner {
            method: self.head.method(),
            strict_redirects: self.site.is_some_and(|site| site.strict_redirects),
            variant_list: self.site.is_some_and(|site| site.variant_list_in_content),
        }
    }
}

/// The status an outcome will have here; `None` where nobody is left to answer.
pub(crate) fn code(outcome: &Outcome, setting: &Setting<'_>) -> Option<Code> {
    render(outcome, setting.manner()).map(|rendered| rendered.code)
}

/// Makes the answer to an outcome.
pub(crate) fn make(outcome: &Outcome, source: Option<Source>, setting: &Setting<'_>) -> Made {
    let Some(Rendered { code, status, mut fields, plan, close }) = render(outcome, setting.manner()) else {
        // Nobody reads this: the connection is only closed.
        return Made {
            status: Code::BAD_REQUEST.number(),
            fields: Fields::new(),
            content: Content::Nothing,
            close: true,
        };
    };
    let content = match plan {
        Plan::Nothing => Content::Nothing,
        Plan::Empty => Content::Bytes(Bytes::new()),
        Plan::Page | Plan::List => {
            let page = page(outcome, code, plan, setting);
            let form = if page.program && code != Code::MULTIPLE_CHOICES && code != Code::CREATED {
                PROBLEM_JSON
            } else {
                own::JSON
            };
            fields.set("Content-Type", if page.program { form } else { own::HTML });
            if page.own && !page.program {
                fields.push_static("Content-Security-Policy", pages::CONTENT_SECURITY_POLICY);
            }
            if !fields.has("Vary") {
                fields.push_static("Vary", "Accept");
            }
            Content::Bytes(page.text)
        }
        Plan::Listing | Plan::Representation | Plan::Result => {
            sent(source, outcome, &mut fields).unwrap_or(Content::Bytes(Bytes::new()))
        }
        Plan::Relayed => match source {
            Some(Source::Upstream(content)) => content,
            _ => Content::Bytes(Bytes::new()),
        },
    };
    let content = match setting.head.is(Method::Head) {
        true => omitted(content),
        false => content,
    };
    if plan != Plan::Relayed || matches!(outcome, Outcome::Produced { .. }) {
        add_own_fields(&mut fields, code);
    }
    add_fields(&mut fields, setting);
    Made { status, fields, content, close }
}

/// What HEAD leaves out, with the length it would have had.
fn omitted(content: Content) -> Content {
    match content {
        Content::Nothing => Content::Nothing,
        Content::Omitted(length) => Content::Omitted(length),
        Content::Bytes(bytes) => Content::Omitted(Some(bytes.len() as u64)),
        Content::File(part) => Content::Omitted(Some(part.length)),
        Content::Pieces(pieces) => Content::Omitted(Some(pieces.iter().map(Piece::length).sum())),
        Content::Stream { length, .. } => Content::Omitted(length),
    }
}

// ---- representations -----------------------------------------------------------------------------------------

/// The bytes of what was opened: all, a span, or several.
fn sent(source: Option<Source>, outcome: &Outcome, fields: &mut Fields) -> Option<Content> {
    let (metadata, extent) = match outcome {
        Outcome::Representation { metadata, extent } => (metadata, extent),
        Outcome::Listing { metadata } | Outcome::Result { metadata } => (metadata, &Extent::Whole),
        _ => return None,
    };
    let whole = match source? {
        Source::Document(opened) => match opened.body {
            Body::Bytes(bytes) => Piece::Bytes(bytes),
            Body::File { file, length, state } => {
                let state = FileState(Arc::new(move |file| state.holds(file)));
                Piece::File(FilePart { file, offset: 0, length, state: Some(state) })
            }
            Body::Listing(_) => return None,
        },
        Source::Listing(page) => {
            fields.push_static("Content-Security-Policy", pages::CONTENT_SECURITY_POLICY);
            Piece::Bytes(page.content)
        }
        Source::Upstream(_) => return None,
        Source::Version(candor_store::Kept::Bytes(bytes)) => Piece::Bytes(bytes.into()),
        Source::Version(candor_store::Kept::File(file, length)) => {
            Piece::File(FilePart { file: Arc::new(file), offset: 0, length, state: None })
        }
        Source::Own(page) => {
            if metadata.content_type.starts_with(b"text/html") {
                fields.push_static("Content-Security-Policy", pages::CONTENT_SECURITY_POLICY);
            }
            Piece::Bytes(page.content)
        }
    };
    Some(match extent {
        Extent::Whole => whole_of(whole),
        Extent::Ranges(spans) => match spans.as_slice() {
            &[span] => whole_of(cut(&whole, span)),
            spans => {
                let boundary = boundary();
                let part_type = metadata.content_type.clone();
                let length = whole.length();
                fields.set("Content-Type", format!("multipart/byteranges; boundary={boundary}"));
                Content::Pieces(parts(&whole, spans, &boundary, &part_type, length))
            }
        },
    })
}

fn whole_of(piece: Piece) -> Content {
    match piece {
        Piece::Bytes(bytes) => Content::Bytes(bytes),
        Piece::File(part) => Content::File(part),
    }
}

/// A span, first and last byte inclusive, of a piece that holds it.
fn cut(piece: &Piece, (first, last): (u64, u64)) -> Piece {
    match piece {
        Piece::Bytes(bytes) => {
            let end = usize::try_from(last.saturating_add(1)).unwrap_or(usize::MAX).min(bytes.len());
            let start = usize::try_from(first).unwrap_or(usize::MAX).min(end);
            Piece::Bytes(bytes.slice(start..end))
        }
        Piece::File(part) => Piece::File(FilePart {
            file: part.file.clone(),
            offset: part.offset.saturating_add(first),
            length: last.saturating_sub(first).saturating_add(1),
            state: part.state.clone(),
        }),
    }
}

/// `multipart/byteranges` (section 14.6).
fn parts(whole: &Piece, spans: &[(u64, u64)], boundary: &str, part_type: &Bytes, length: u64) -> Vec<Piece> {
    let mut pieces = Vec::with_capacity(spans.len() * 2 + 1);
    for &(first, last) in spans {
        let range = ContentRange::Part { first, last, complete: Some(length) };
        let mut head = format!("\r\n--{boundary}\r\nContent-Type: ").into_bytes();
        head.extend_from_slice(part_type);
        head.extend_from_slice(format!("\r\nContent-Range: {range}\r\n\r\n").as_bytes());
        pieces.push(Piece::Bytes(head.into()));
        pieces.push(cut(whole, (first, last)));
    }
    pieces.push(Piece::Bytes(format!("\r\n--{boundary}--\r\n").into()));
    pieces
}

/// A delimiter that no document was made to contain: it differs from answer to answer and from start to start.
fn boundary() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let seed = std::time::SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos());
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let digest = blake3::hash(format!("{seed} {count} {}", std::process::id()).as_bytes()).to_hex();
    format!("candor-{}", digest.get(..24).unwrap_or("part"))
}

// ---- pages ---------------------------------------------------------------------------------------------------

/// A page or its twin for programs.
#[derive(Clone)]
struct PageText {
    text: Bytes,
    program: bool,
    /// Made by candor, not by the site's owner.
    own: bool,
}

/// Plain pages kept, made anew for another configuration.
#[derive(Default)]
struct Kept {
    world: u64,
    pages: HashMap<(Code, *const u8, bool), Bytes>,
}

thread_local! {
    /// Pages that say the same to everybody, by code and reason: refusals are answered as fast as files.
    static KEPT: RefCell<Kept> = RefCell::default();
}

fn page(outcome: &Outcome, code: Code, plan: Plan, setting: &Setting<'_>) -> PageText {
    let list = plan == Plan::List;
    let program =
        own::wants_program_form(setting.head, if list { &[own::JSON] } else { &[PROBLEM_JSON, own::JSON] });
    if let (Some(text), false) = (setting.own_page, program) {
        return PageText { text: text.clone(), program, own: false };
    }
    let text = match outcome {
        Outcome::MultipleChoices { choices, .. } | Outcome::NoneAcceptable { choices, .. } => {
            list_page(choices, code, program, setting)
        }
        Outcome::MovedForGood { to, .. } | Outcome::MovedForNow { to } if !program => {
            moved::note(code, &String::from_utf8_lossy(&to.0), None).into()
        }
        Outcome::Gone { note, since } => {
            let note = note.as_ref().map(|note| String::from_utf8_lossy(note));
            let since = since.map(|since| UNIX_EPOCH + Duration::from_secs(since.unix()));
            let gone = Gone { since, note: note.as_deref(), reserved: setting.reserved };
            if program { gone.json(None).into() } else { gone.html().into() }
        }
        Outcome::Created { location, items, .. } => made_page(location, items, program, setting),
        _ => problem_page(outcome, code, program, setting),
    };
    PageText { text, program, own: true }
}

fn list_page(choices: &[Choice], code: Code, program: bool, setting: &Setting<'_>) -> Bytes {
    let text = |bytes: &Bytes| String::from_utf8_lossy(bytes).into_owned();
    let lines: Vec<_> = choices
        .iter()
        .map(|c| (text(&c.href), text(&c.media_type), c.language.as_ref().map(text), c.length, c.quality))
        .collect();
    let variants: Vec<Variant<'_>> = lines
        .iter()
        .map(|(href, media_type, language, length, quality)| Variant {
            href,
            media_type: (!media_type.is_empty()).then_some(media_type.as_str()),
            language: language.as_deref(),
            length: *length,
            quality: *quality,
        })
        .collect();
    let address = setting.address.map(Address::reference).unwrap_or_default();
    let list = Choices { code, reserved: setting.reserved, ..Choices::new(&address, &variants) };
    if program { list.json().into() } else { list.html().into() }
}

/// What a change made, with a link to each.
fn made_page(location: &Location, items: &[Location], program: bool, setting: &Setting<'_>) -> Bytes {
    let text = |location: &Location| String::from_utf8_lossy(&location.0).into_owned();
    let items: Vec<String> = items.iter().map(text).collect();
    match program {
        true => made::json(&text(location), &items).into(),
        false => made::html(&text(location), &items, setting.reserved).into(),
    }
}

/// The page of a 409 or 412: what is in the way, what differs, and the ways out.
fn conflict_page(
    outcome: &Outcome,
    code: Code,
    program: bool,
    report: Option<&Report>,
    setting: &Setting<'_>,
) -> Bytes {
    let nothing = Report::default();
    let report = report.unwrap_or(&nothing);
    let resolve = match outcome {
        Outcome::Conflict(conflict) => Some(String::from_utf8_lossy(&conflict.resolve.0).into_owned()),
        _ => report.resolve.clone(),
    };
    let told = [
        ("base", &report.base, "The version your change began with"),
        ("theirs", &report.theirs, "What is there now"),
        ("resolve", &resolve, "Look at what is in the way"),
    ];
    let links: Vec<Link<'_>> =
        told.iter().filter_map(|(_, href, text)| Some(Link { href: href.as_deref()?, text })).collect();
    let problem = Problem {
        reason: reason(outcome, code),
        differences: report.differences.as_deref(),
        links: &links,
        reserved: setting.reserved,
        ..Problem::new(code)
    };
    if !program {
        return problem.html().into();
    }
    let mut more = serde_json::Map::new();
    let mut add = |name: &str, value: &Option<String>| {
        if let Some(value) = value {
            more.insert(name.to_owned(), value.clone().into());
        }
    };
    add("current_etag", &report.current_etag);
    for (name, href, _) in told {
        add(name, href);
    }
    let instance = setting.address.map(Address::reference);
    problem.json(instance.as_deref(), more).into()
}

fn problem_page(outcome: &Outcome, code: Code, program: bool, setting: &Setting<'_>) -> Bytes {
    if setting.report.is_some() || matches!(outcome, Outcome::Conflict(_)) {
        return conflict_page(outcome, code, program, setting.report, setting);
    }
    let named = naming_field(outcome, setting.head).or_else(|| match outcome {
        Outcome::ContentUnusable { reason } => Some(String::from_utf8_lossy(reason).into_owned()),
        _ => None,
    });
    let reason = named.as_deref().unwrap_or_else(|| reason(outcome, code));
    let retry_after = match outcome {
        Outcome::Unavailable { retry_after, .. } | Outcome::TooManyRequests { retry_after } => *retry_after,
        Outcome::Gateway(fault) => fault.retry_after,
        _ => None,
    };
    let problem = Problem {
        reason,
        incident: setting.incident,
        retry_after: retry_after.map(|Delay(seconds)| Duration::from_secs(seconds.into())),
        reserved: setting.reserved,
        ..Problem::new(code)
    };
    let make =
        || Bytes::from(if program { problem.json(None, serde_json::Map::new()) } else { problem.html() });
    if setting.incident.is_some() || retry_after.is_some() || named.is_some() {
        return make();
    }
    KEPT.with_borrow_mut(|kept| {
        if kept.world != setting.world {
            *kept = Kept { world: setting.world, pages: HashMap::new() };
        }
        // Reasons are constants, so their place tells them apart.
        kept.pages.entry((code, reason.as_ptr(), program)).or_insert_with(make).clone()
    })
}

/// Which field made a header section too large (RFC 6585 section 5). The wire leaves its name as the last of the head.
fn naming_field(outcome: &Outcome, head: &Head) -> Option<String> {
    if *outcome != Outcome::Refused(Refusal::FieldsTooLarge) {
        return None;
    }
    let (name, _) = head.fields().last()?;
    Some(format!(
        "The header section is larger than this server reads: {} is too much.",
        String::from_utf8_lossy(name)
    ))
}

/// Why, in one sentence that everybody may read.
fn reason(outcome: &Outcome, code: Code) -> &'static str {
    match outcome {
        Outcome::Refused(refusal) => refusal.sentence(),
        Outcome::Unavailable { closed, .. } => match closed {
            Closed::Maintenance => "This part of the site is under maintenance.",
            Closed::Overload => "The server has more work than it can take right now.",
            Closed::FolderAway => "The server cannot read its documents right now.",
            Closed::Store => "The server cannot store anything right now.",
        },
        Outcome::Gateway(fault) => fault.cause.sentence(),
        Outcome::Conflict(conflict) => match conflict.cause {
            ConflictCause::BaseDiffers => {
                "The document has changed since the version this change began with."
            }
            ConflictCause::Overtaken => "Another change was made while this one was on its way.",
            ConflictCause::ParentMissing => "The collection that this would be in is not there.",
            ConflictCause::ParentIsFile => "A document is where a collection would have to be.",
            ConflictCause::FolderThere => "The name is a collection's.",
            ConflictCause::VariantsOnly(_) => {
                "The document has several forms here, and each is written by its own name."
            }
            ConflictCause::NotEmpty => "The collection is not empty.",
            ConflictCause::InProgress => "Other work on this address is in progress.",
            ConflictCause::LinkedFrom(_) => "Other documents link to this one.",
        },
        Outcome::PreconditionRequired => {
            "Changes here must say which version they began with: send If-Match with its entity tag, \
             If-None-Match: * for a new document, or Derived-From."
        }
        Outcome::PartialPut => "Only whole documents can be put here, not parts of them.",
        Outcome::ContentStalled => "The content of the request began but did not arrive in time.",
        Outcome::ContentMalformed => "The content of the request is broken.",
        _ => code.row().brief,
    }
}

// ---- fields of the site --------------------------------------------------------------------------------------

/// Adds what every answer of our own has.
fn add_own_fields(fields: &mut Fields, code: Code) {
    fields.push_static("Server", "candor");
    // A 304 only carries what may have changed (section 15.4.5).
    if code != Code::NOT_MODIFIED {
        fields.push_static("X-Content-Type-Options", "nosniff");
    }
}

/// Adds what the site and the route ask for.
fn add_fields(fields: &mut Fields, setting: &Setting<'_>) {
    let Some(site) = setting.site else { return };
    if let (Some(lifetime), Scheme::Https) = (site.hsts, setting.head.scheme()) {
        fields.push("Strict-Transport-Security", format!("max-age={}", lifetime.as_secs()));
    }
    let route = setting.route;
    for rule in site.fields.iter().chain(route.into_iter().flat_map(|route| &route.fields)) {
        apply(fields, rule);
    }
    if let Some(cors) = route.and_then(|route| route.cors.as_ref()).or(site.cors.as_ref()) {
        share(fields, cors, setting.head);
    }
}

fn apply(fields: &mut Fields, rule: &FieldRule) {
    fields.remove(&rule.name);
    for value in &rule.values {
        fields.push(rule.name.clone(), Bytes::from(value.clone()));
    }
}

/// The CORS protocol of the Fetch standard.
fn share(fields: &mut Fields, cors: &Cors, head: &Head) {
    let origin = head.get("origin").and_then(|origin| std::str::from_utf8(origin).ok());
    let allowed = match (&cors.origins, origin) {
        (Origins::Any, _) => Some("*".to_owned()),
        (Origins::Only(origins), Some(origin)) if origins.iter().any(|o| o == origin) => {
            Some(origin.to_owned())
        }
        (Origins::Only(_), _) => None,
    };
    if matches!(cors.origins, Origins::Only(_)) {
        add_vary(fields, "Origin");
    }
    let Some(allowed) = allowed else { return };
    fields.set("Access-Control-Allow-Origin", allowed);
    if cors.credentials {
        fields.push_static("Access-Control-Allow-Credentials", "true");
    }
    if head.is(Method::Options) && head.has("access-control-request-method") {
        preflight(fields, cors, head);
    } else if !cors.expose.is_empty() {
        fields.push("Access-Control-Expose-Headers", cors.expose.join(", "));
    }
}

fn preflight(fields: &mut Fields, cors: &Cors, head: &Head) {
    let methods = match cors.methods.is_empty() {
        true => fields.get("Allow").cloned().unwrap_or_default(),
        false => cors.methods.join(", ").into(),
    };
    fields.push("Access-Control-Allow-Methods", methods);
    let wanted = head.list("access-control-request-headers").map(|list| Bytes::copy_from_slice(&list));
    let names = if cors.fields.is_empty() { wanted } else { Some(cors.fields.join(", ").into()) };
    if let Some(names) = names {
        fields.push("Access-Control-Allow-Headers", names);
    }
    if let Some(age) = cors.max_age {
        fields.push("Access-Control-Max-Age", age.as_secs().to_string());
    }
}

fn add_vary(fields: &mut Fields, name: &'static str) {
    match fields.get("Vary").cloned() {
        Some(held) => fields.set("Vary", [&held[..], b", ", name.as_bytes()].concat()),
        None => fields.push_static("Vary", name),
    }
}
