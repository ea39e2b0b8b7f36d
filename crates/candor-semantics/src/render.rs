//! Rendering: the one place where an outcome becomes a status, fields and a plan for the content.
//!
//! Nothing else in candor writes a status code of its own.

use bytes::Bytes;

use crate::code::{self, Code};
use crate::field::challenge::Challenge;
use crate::field::content_range::ContentRange;
use crate::field::link::Link;
use crate::field::proxy_status::ProxyStatus;
use crate::fields::Fields;
use crate::gateway::cause::{Fault, GatewayFault};
use crate::gateway::relay;
use crate::method::Method;
use crate::outcome::{Challenges, Choice, Delay, Extent, Outcome};
use crate::refusal::Refusal;
use crate::representation::{Coding, Metadata, Vary};

/// What of the request and the site shapes an answer beside its outcome.
#[derive(Clone, Copy, Debug, Default)]
pub struct Manner {
    /// The method, if known.
    pub method: Option<Method>,
    /// 308 and 307 instead of 301 and 302 for methods other than GET and HEAD.
    pub strict_redirects: bool,
    /// 406 lists the variants in its content, too.
    pub variant_list: bool,
}

/// An answer before its content is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// The code, or how one that an upstream made up is understood.
    pub code: Code,
    /// The number on the wire: that of `code`, but for what an upstream made up.
    pub status: u16,
    /// All fields that follow from the outcome.
    pub fields: Fields,
    /// What content follows.
    pub plan: Plan,
    /// Whether the connection must close (HTTP/1.x).
    pub close: bool,
}

/// The content of an answer, as a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// No content and no length: 204, 304.
    Nothing,
    /// No bytes, and a length of zero: 205, 406.
    Empty,
    /// A page that explains, for people or programs.
    Page,
    /// A list of variants, for people or programs.
    List,
    /// The listing of a folder, for people or programs.
    Listing,
    /// The selected representation, all or in part.
    Representation,
    /// The result of work.
    Result,
    /// What came from an upstream.
    Relayed,
}

/// Renders an outcome; `None` where nobody is left to answer.
pub fn render(outcome: &Outcome, manner: Manner) -> Option<Rendered> {
    let mut fields = Fields::new();
    let code = code(outcome, manner)?;
    let mut status = code.number();
    let (plan, close) = match outcome {
        Outcome::Refused(refusal) => (Plan::Page, refusal.closes()),
        Outcome::Unavailable { retry_after, .. } | Outcome::TooManyRequests { retry_after } => {
            fields.push_static("Cache-Control", "no-store");
            push_retry_after(&mut fields, *retry_after);
            (Plan::Page, false)
        }
        Outcome::Options { allow } => {
            fields.push("Allow", allow.to_string());
            (Plan::Nothing, false)
        }
        Outcome::MethodNotAllowed { allow } => {
            fields.push("Allow", allow.to_string());
            (Plan::Page, false)
        }
        Outcome::Unauthorized(challenges) | Outcome::Forbidden(Some(challenges)) => {
            push_challenges(&mut fields, challenges);
            (Plan::Page, false)
        }
        Outcome::MovedForGood { to, lifetime } => {
            fields.push("Location", to.0.clone());
            if let Some(seconds) = lifetime {
                fields.push("Cache-Control", format!("max-age={seconds}"));
            }
            (Plan::Page, false)
        }
        Outcome::MovedForNow { to } => {
            fields.push("Location", to.0.clone());
            (Plan::Page, false)
        }
        Outcome::NotFound => {
            // Heuristically cacheable (section 15.5.5), yet it says nothing about tomorrow: ask again.
            fields.push_static("Cache-Control", "no-cache");
            (Plan::Page, false)
        }
        Outcome::Gone { .. } => {
            // Short: the owner may lift the mark at any time.
            fields.push_static("Cache-Control", "max-age=60");
            (Plan::Page, false)
        }
        Outcome::ContentTooLarge { .. } | Outcome::ContentStalled | Outcome::ContentMalformed => {
            (Plan::Page, true)
        }
        Outcome::CodingNotTaken { accept_encoding } => {
            fields.push("Accept-Encoding", accept_encoding.clone());
            (Plan::Page, false)
        }
        Outcome::TypeNotTaken { accept } => {
            fields.push("Accept", accept.clone());
            (Plan::Page, false)
        }
        Outcome::PreconditionRequired | Outcome::InternalError => {
            fields.push_static("Cache-Control", "no-store");
            (Plan::Page, false)
        }
        Outcome::NoneAcceptable { .. } => (push_none_acceptable(&mut fields, outcome, manner), false),
        Outcome::MultipleChoices { choices, anchor, vary } => {
            push_vary(&mut fields, Vary { accept: true, ..*vary });
            push_alternates(&mut fields, choices, anchor);
            (Plan::List, false)
        }
        Outcome::PreconditionFailed { current } => {
            if let Some(tag) = current {
                fields.push("ETag", tag.to_bytes());
            }
            (Plan::Page, false)
        }
        Outcome::Conflict(conflict) => {
            if let Some(tag) = &conflict.current {
                fields.push("ETag", tag.to_bytes());
            }
            (Plan::Page, false)
        }
        Outcome::NotModified(metadata) => {
            push_revalidated(&mut fields, metadata);
            (Plan::Nothing, false)
        }
        Outcome::RangeNotSatisfiable { length } => {
            fields.push("Content-Range", ContentRange::Unsatisfied { complete: *length }.to_string());
            fields.push_static("Accept-Ranges", "bytes");
            (Plan::Page, false)
        }
        Outcome::Representation { metadata, extent } => {
            push_metadata(&mut fields, metadata);
            push_extent(&mut fields, metadata, extent);
            (Plan::Representation, false)
        }
        Outcome::Listing { metadata } => {
            push_metadata(&mut fields, metadata);
            (Plan::Listing, false)
        }
        Outcome::Result { metadata } => {
            push_metadata(&mut fields, metadata);
            (Plan::Result, false)
        }
        Outcome::Accepted { monitor, retry_after } => {
            fields.push("Location", monitor.0.clone());
            fields.push("Link", Link::new(&monitor.0).rel("status").to_string());
            push_retry_after(&mut fields, Some(*retry_after));
            (Plan::Page, false)
        }
        Outcome::Created { location, items, etag } => {
            fields.push("Location", location.0.clone());
            for item in items {
                fields.push("Link", Link::new(&item.0).rel("item").to_string());
            }
            if let Some(tag) = etag {
                fields.push("ETag", tag.to_bytes());
            }
            (Plan::Page, false)
        }
        Outcome::Done { etag } => {
            if let Some(tag) = etag {
                fields.push("ETag", tag.to_bytes());
            }
            (Plan::Nothing, false)
        }
        Outcome::Reset => (Plan::Empty, false),
        Outcome::Relayed(relay) => {
            fields = relay.write_fields();
            status = relay.status();
            (Plan::Relayed, false)
        }
        Outcome::Produced { status: said, fields: given } => {
            fields = given.clone();
            status = *said;
            (Plan::Relayed, false)
        }
        Outcome::Gateway(fault) => {
            push_fault(&mut fields, fault);
            (Plan::Page, false)
        }
        Outcome::Misdirected
        | Outcome::NotImplemented
        | Outcome::ExpectationFailed
        | Outcome::Forbidden(None)
        | Outcome::LegallyBlocked
        | Outcome::PartialPut
        | Outcome::StorageFull
        | Outcome::ContentUnusable { .. }
        | Outcome::PeerGone => (Plan::Page, false),
    };
    Some(Rendered { code, status, fields, plan, close })
}

/// The status of an outcome.
fn code(outcome: &Outcome, manner: Manner) -> Option<Code> {
    let strict = manner.strict_redirects && !manner.method.is_some_and(Method::reads);
    Some(match outcome {
        Outcome::Refused(refusal) => refused(*refusal),
        Outcome::Unavailable { .. } => Code::SERVICE_UNAVAILABLE,
        Outcome::Misdirected => Code::MISDIRECTED_REQUEST,
        Outcome::NotImplemented => Code::NOT_IMPLEMENTED,
        Outcome::ExpectationFailed => Code::EXPECTATION_FAILED,
        Outcome::TooManyRequests { .. } => Code::TOO_MANY_REQUESTS,
        Outcome::Options { .. } | Outcome::Done { .. } => Code::NO_CONTENT,
        Outcome::Unauthorized(_) => Code::UNAUTHORIZED,
        Outcome::Forbidden(_) => Code::FORBIDDEN,
        Outcome::LegallyBlocked => Code::UNAVAILABLE_FOR_LEGAL_REASONS,
        Outcome::MovedForGood { .. } if strict => Code::PERMANENT_REDIRECT,
        Outcome::MovedForGood { .. } => Code::MOVED_PERMANENTLY,
        Outcome::MovedForNow { .. } if strict => Code::TEMPORARY_REDIRECT,
        Outcome::MovedForNow { .. } => Code::FOUND,
        Outcome::Gone { .. } => Code::GONE,
        Outcome::NotFound => Code::NOT_FOUND,
        Outcome::MethodNotAllowed { .. } => Code::METHOD_NOT_ALLOWED,
        Outcome::PartialPut | Outcome::ContentMalformed | Outcome::ContentUnusable { .. } => {
            Code::BAD_REQUEST
        }
        Outcome::Conflict(_) => Code::CONFLICT,
        Outcome::ContentTooLarge { .. } => Code::CONTENT_TOO_LARGE,
        Outcome::CodingNotTaken { .. } | Outcome::TypeNotTaken { .. } => Code::UNSUPPORTED_MEDIA_TYPE,
        Outcome::StorageFull => Code::INSUFFICIENT_STORAGE,
        Outcome::PreconditionRequired => Code::PRECONDITION_REQUIRED,
        Outcome::NoneAcceptable { .. } => Code::NOT_ACCEPTABLE,
        Outcome::MultipleChoices { .. } => Code::MULTIPLE_CHOICES,
        Outcome::PreconditionFailed { .. } => Code::PRECONDITION_FAILED,
        Outcome::NotModified(_) => Code::NOT_MODIFIED,
        Outcome::RangeNotSatisfiable { .. } => Code::RANGE_NOT_SATISFIABLE,
        Outcome::Representation { extent: Extent::Ranges(_), .. } => Code::PARTIAL_CONTENT,
        Outcome::Representation { extent: Extent::Whole, .. }
        | Outcome::Listing { .. }
        | Outcome::Result { .. } => Code::OK,
        Outcome::ContentStalled => Code::REQUEST_TIMEOUT,
        Outcome::Accepted { .. } => Code::ACCEPTED,
        Outcome::Created { .. } => Code::CREATED,
        Outcome::Reset => Code::RESET_CONTENT,
        Outcome::Relayed(relay) => code::understood(relay.status()),
        Outcome::Produced { status, .. } => code::understood(*status),
        Outcome::Gateway(fault) => gateway_code(fault),
        Outcome::InternalError => Code::INTERNAL_SERVER_ERROR,
        Outcome::PeerGone => return None,
    })
}

/// A stored answer that had to be validated and could not be is 504, whatever the cause (RFC 9111 section
/// 5.2.2.2).
fn gateway_code(fault: &GatewayFault) -> Code {
    match fault.cause.fault() {
        Fault::Late => Code::GATEWAY_TIMEOUT,
        Fault::Bad | Fault::Unavailable if fault.must_validate => Code::GATEWAY_TIMEOUT,
        Fault::Bad => Code::BAD_GATEWAY,
        Fault::Unavailable => Code::SERVICE_UNAVAILABLE,
        Fault::Ours => Code::INTERNAL_SERVER_ERROR,
    }
}

fn push_fault(fields: &mut Fields, fault: &GatewayFault) {
    fields.push_static("Cache-Control", "no-store");
    let member = ProxyStatus {
        name: relay::NAME.to_owned(),
        error: Some(fault.cause.error_type()),
        next_hop: fault.next_hop.as_deref().map(str::to_owned),
        received_status: fault.received,
        details: Some(fault.cause.sentence().to_owned()),
    };
    fields.push("Proxy-Status", member.to_string());
    push_retry_after(fields, fault.retry_after);
}

fn refused(refusal: Refusal) -> Code {
    match refusal {
        Refusal::HeadTimeout => Code::REQUEST_TIMEOUT,
        Refusal::MethodTooLong | Refusal::TransferCoding => Code::NOT_IMPLEMENTED,
        Refusal::TargetTooLong => Code::URI_TOO_LONG,
        Refusal::FieldsTooLarge => Code::REQUEST_HEADER_FIELDS_TOO_LARGE,
        Refusal::Version => Code::HTTP_VERSION_NOT_SUPPORTED,
        Refusal::StartLine
        | Refusal::FieldLine
        | Refusal::Framing
        | Refusal::Host
        | Refusal::TargetForm
        | Refusal::Path => Code::BAD_REQUEST,
    }
}

/// The fields of a 200 that describe its representation.
fn push_metadata(fields: &mut Fields, metadata: &Metadata) {
    fields.push("Content-Type", metadata.content_type.clone());
    if let Some(language) = &metadata.content_language {
        fields.push("Content-Language", language.clone());
    }
    if metadata.coding != Coding::Identity {
        fields.push_static("Content-Encoding", metadata.coding.token());
    }
    push_validators(fields, metadata);
    if let Some(modified) = metadata.last_modified {
        fields.push("Last-Modified", Bytes::copy_from_slice(&modified.to_fixdate()));
    }
    if metadata.ranges {
        fields.push_static("Accept-Ranges", "bytes");
    }
    if metadata.sandboxed {
        fields.push_static("Content-Disposition", "attachment");
        fields.push_static("Content-Security-Policy", "sandbox");
    }
}

/// The fields that 200, 206 and 304 share (section 15.4.5).
fn push_validators(fields: &mut Fields, metadata: &Metadata) {
    if let Some(tag) = &metadata.etag {
        fields.push("ETag", tag.to_bytes());
    }
    if let Some(cache_control) = &metadata.cache_control {
        fields.push("Cache-Control", cache_control.clone());
    }
    push_vary(fields, metadata.vary);
    if let Some(location) = &metadata.content_location {
        fields.push("Content-Location", location.clone());
    }
}

fn push_revalidated(fields: &mut Fields, metadata: &Metadata) {
    push_validators(fields, metadata);
    if let (None, Some(modified)) = (&metadata.etag, metadata.last_modified) {
        fields.push("Last-Modified", Bytes::copy_from_slice(&modified.to_fixdate()));
    }
}

/// `Content-Range` of a single span. The parts of several carry their own, and their type is the multipart's,
/// which whoever writes the parts sets.
fn push_extent(fields: &mut Fields, metadata: &Metadata, extent: &Extent) {
    if let Extent::Ranges(spans) = extent
        && let [(first, last)] = spans[..]
    {
        let part = ContentRange::Part { first, last, complete: metadata.length };
        fields.push("Content-Range", part.to_string());
    }
}

/// Fields of a 406, and whether a list follows (settled conflicts 1 and 15).
fn push_none_acceptable(fields: &mut Fields, outcome: &Outcome, manner: Manner) -> Plan {
    let Outcome::NoneAcceptable { content_type, content_language, choices, anchor, last_modified, vary } =
        outcome
    else {
        return Plan::Page;
    };
    if !manner.variant_list {
        fields.push("Content-Type", content_type.clone());
        if let Some(language) = content_language {
            fields.push("Content-Language", language.clone());
        }
    }
    if let Some(modified) = last_modified {
        fields.push("Last-Modified", Bytes::copy_from_slice(&modified.to_fixdate()));
    }
    // A single file's 200 does not vary by Accept, so its 406 must not be kept for others.
    if *vary == Vary::default() {
        fields.push_static("Cache-Control", "no-store");
    }
    push_vary(fields, *vary);
    push_alternates(fields, choices, anchor);
    if manner.variant_list { Plan::List } else { Plan::Empty }
}

fn push_vary(fields: &mut Fields, vary: Vary) {
    if let Some(value) = vary.value() {
        fields.push_static("Vary", value);
    }
}

/// One `Link` line for each variant: an error's link context is anonymous, so each names its anchor (RFC 8288
/// section 3.2).
fn push_alternates(fields: &mut Fields, choices: &[Choice], anchor: &Bytes) {
    for choice in choices {
        let mut link = Link::new(&choice.href).rel("alternate").anchor(anchor);
        let essence = choice.media_type.split(|&b| b == b';').next().unwrap_or_default();
        if !essence.is_empty() {
            link = link.media_type(essence);
        }
        if let Some(language) = &choice.language {
            link = link.hreflang(language);
        }
        fields.push("Link", link.to_string());
    }
}

fn push_challenges(fields: &mut Fields, challenges: &Challenges) {
    for challenge in challenges.iter() {
        fields.push("WWW-Authenticate", Challenge::to_string(challenge));
    }
}

fn push_retry_after(fields: &mut Fields, retry_after: Option<Delay>) {
    if let Some(Delay(seconds)) = retry_after {
        fields.push("Retry-After", seconds.to_string());
    }
}
