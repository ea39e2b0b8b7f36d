//! Redirects (section 15.4): what is followed, how, and what is asked first.

use super::choice::{self, Choice};
use super::{Answer, Asked, Reaction, Refused, Sent};
use crate::method::Method;
use crate::url::Url;

/// A redirect to be followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Where to; the fragment of the reference is kept unless the answer has its own (section 10.2.2).
    pub to: Url,
    /// The method to ask with.
    pub method: String,
    /// Whether the content goes with it.
    pub with_content: bool,
    /// Whether credentials, cookies and conditions may go with it: the origin is the same.
    pub with_credentials: bool,
    /// The code that redirected.
    pub code: u16,
}

impl Step {
    /// Whether the redirect is for good: 301 and 308.
    pub fn is_permanent(&self) -> bool {
        is_permanent(self.code)
    }
}

/// Whether a code moves for good.
pub const fn is_permanent(code: u16) -> bool {
    matches!(code, 301 | 308)
}

/// The fields that stay behind when a redirect leaves the origin (section 15.4).
pub const LEFT_BEHIND: &[&str] = &[
    "Authorization",
    "Cookie",
    "Proxy-Authorization",
    "Origin",
    "Referer",
    "If-Match",
    "If-None-Match",
    "If-Modified-Since",
    "If-Unmodified-Since",
    "If-Range",
    "Derived-From",
];

/// The fields of content that stay behind when a redirect changes to GET (section 15.4).
pub const OF_CONTENT: &[&str] = &[
    "Content-Type",
    "Content-Length",
    "Content-Encoding",
    "Content-Language",
    "Content-Location",
    "Content-Range",
    "Content-Digest",
    "Repr-Digest",
    "Digest",
    "Last-Modified",
    "Transfer-Encoding",
    "Expect",
    "Derived-From",
    "If-Match",
];

/// One redirect that was followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    /// The address that answered.
    pub from: Url,
    /// The code.
    pub code: u16,
    /// The address it named.
    pub to: Url,
    /// Whether the answer came from a cache that is not ours: it has an `Age`.
    pub is_second_hand: bool,
}

/// Why a redirect is not followed without a yes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// The method is not safe: it would be done somewhere else than was said.
    Unsafe,
    /// From https to http: anybody on the way could read it.
    Downgrade,
}

/// Why a redirect is not followed at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// More redirects than are followed for one request.
    TooMany,
    /// It leads to an address it came from.
    Loop,
    /// The address it names is not http or https, or cannot be read.
    NotUrl,
    /// It names no address; its content may.
    NoLocation,
    /// The content was sent once and cannot be sent again.
    ContentGone,
}

/// Where an answer points: `Location`, or the older `URI` field where that is absent.
pub fn location(base: &Url, answer: &Answer<'_>) -> Option<Url> {
    base.join(&reference(answer)?).ok()
}

fn reference(answer: &Answer<'_>) -> Option<String> {
    if let Some(value) = answer.text("Location") {
        return Some(value.to_owned());
    }
    let value = answer.text("URI")?;
    // `URI: <address>; ...` and a bare address were both written.
    Some(match value.split_once('<') {
        Some((_, rest)) => rest.split('>').next().unwrap_or(rest).to_owned(),
        None => value.split([';', ',', ' ']).next().unwrap_or(value).to_owned(),
    })
}

/// 301, 302, 303, 307, 308.
pub(super) fn follow(asked: &Asked<'_>, answer: &Answer<'_>) -> Reaction {
    let Some(reference) = reference(answer) else { return Reaction::Halt(Stop::NoLocation) };
    let Ok(to) = asked.url.join(&reference) else { return Reaction::Halt(Stop::NotUrl) };
    let step = step(asked, answer.code, to.inheriting_fragment(asked.url));
    if asked.hops.len() >= asked.leave.hops {
        return Reaction::Halt(Stop::TooMany);
    }
    if is_loop(asked, &step) {
        return Reaction::Halt(Stop::Loop);
    }
    if step.with_content && asked.content == Sent::Once {
        return Reaction::Halt(Stop::ContentGone);
    }
    match doubt(asked, &step) {
        Some(doubt) if !asked.leave.confirmed => Reaction::Confirm { step, doubt },
        _ => Reaction::Follow(step),
    }
}

/// The method table. POST is never rewritten to GET by 301 or 302.
fn step(asked: &Asked<'_>, code: u16, to: Url) -> Step {
    let becomes_get = code == 303 && asked.known() != Some(Method::Head);
    Step {
        method: if becomes_get { Method::Get.token().to_owned() } else { asked.method.to_owned() },
        with_content: code != 303 && asked.content != Sent::Nothing,
        with_credentials: to.same_origin(asked.url),
        to,
        code,
    }
}

/// An address that was asked before with the same method. 303 leads from an act to its result, which may be the
/// same address.
fn is_loop(asked: &Asked<'_>, step: &Step) -> bool {
    let again = |url: &Url| url.same_resource(&step.to);
    let changes_method = step.method != asked.method;
    !changes_method && (again(asked.url) || asked.hops.iter().any(|hop| hop.code != 303 && again(&hop.from)))
}

fn doubt(asked: &Asked<'_>, step: &Step) -> Option<Doubt> {
    if step.code != 303 && !asked.is_safe() {
        return Some(Doubt::Unsafe);
    }
    let downgrade = asked.url.is_tls() && !step.to.is_tls() && !step.to.is_loopback();
    downgrade.then_some(Doubt::Downgrade)
}

/// 300 and 406: `Location` of a 300 names the preferred one; else the alternates that are listed.
pub(super) fn choices(asked: &Asked<'_>, answer: &Answer<'_>) -> Reaction {
    if answer.code == 300 && reference(answer).is_some() {
        return follow(asked, answer);
    }
    let choices: Vec<Choice> = choice::listed(asked.url, answer);
    if choices.is_empty() && answer.code != 300 {
        return Reaction::Refused(Refused::Plainly);
    }
    let best = choice::best(&choices, asked.leave);
    let downgrade = |url: &Url| asked.url.is_tls() && !url.is_tls();
    let best = best.filter(|url| asked.is_safe() && !downgrade(url) && asked.hops.len() < asked.leave.hops);
    Reaction::Choose { choices, best }
}
