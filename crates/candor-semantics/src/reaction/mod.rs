//! What the user agent owes an answer: the other end of each promise.
//!
//! [`react`] takes what was asked, what was tried already, and the head of the answer, and says what to do: one
//! exhaustive table, without I/O. [`broken`] does the same where no whole answer came. Section signs without an
//! RFC number mean RFC 9110.

pub mod choice;
pub mod editing;
pub mod redirect;
pub mod retry;

use crate::code::{Class, Code, class_of, understood};
use crate::field::challenge::{Challenge, challenges};
use crate::field::entity_tag::EntityTag;
use crate::field::http_date::HttpDate;
use crate::field::{allow, grammar};
use crate::fields::Fields;
use crate::method::Method;
use crate::url::Url;

use choice::Choice;
pub use redirect::{Doubt, Hop, Step, Stop};
pub use retry::{Again, Break, broken};

/// What was asked, and what was tried before.
#[derive(Clone, Debug)]
pub struct Asked<'a> {
    /// The method's token; methods candor does not know are unsafe and not idempotent.
    pub method: &'a str,
    /// Where the request went.
    pub url: &'a Url,
    /// The content sent with it.
    pub content: Sent,
    /// Whether it carried conditions of our own making, because there is a stored copy.
    pub has_copy: bool,
    /// Whether it carried `Expect: 100-continue`.
    pub expects: bool,
    /// Whether it went to a configured proxy that is spoken to in HTTP.
    pub through_proxy: bool,
    /// What of an earlier answer was already used.
    pub tried: &'a Tried,
    /// The redirects followed on the way here.
    pub hops: &'a [Hop],
    /// What the user allows without being asked.
    pub leave: &'a Leave,
    /// The moment, for dates in the answer.
    pub now: HttpDate,
}

impl Asked<'_> {
    /// The method, if candor knows it.
    pub fn known(&self) -> Option<Method> {
        Method::from_token(self.method.as_bytes())
    }

    /// Whether the method is safe (section 9.2.1).
    pub fn is_safe(&self) -> bool {
        self.known().is_some_and(Method::is_safe)
    }

    /// Whether a repeat has the effect of one request (section 9.2.2), and its content can be sent again.
    pub fn is_repeatable(&self) -> bool {
        self.known().is_some_and(Method::is_idempotent) && self.content != Sent::Once
    }
}

/// The content of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// None.
    Nothing,
    /// Some that can be sent again.
    Rewindable,
    /// Some that is gone once it was sent, such as a pipe.
    Once,
}

/// What was tried already for one request; each of these is done a limited number of times.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tried {
    /// Challenges answered with credentials, of the origin and of the proxy.
    pub answered: Vec<Challenge>,
    /// Repeated without conditions after a 304 that had no copy.
    pub unconditional: bool,
    /// Repeated on a fresh connection after 421.
    pub fresh_connection: bool,
    /// Repeated without `Expect` after 417.
    pub without_expect: bool,
    /// Repeated because nothing came, or content was cut.
    pub broken: bool,
    /// Repeats after 408.
    pub timeouts: u32,
    /// Repeats after 413, 429 or 503 with a time to wait.
    pub waits: u32,
    /// Repeats after 502 or 504.
    pub gateways: u32,
}

/// What the user allows without being asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leave {
    /// Repeats after 408, after a time to wait, and of 502 and 504 (at most one of these); `--retry`.
    pub repeats: Option<u32>,
    /// Whether methods that are not idempotent may be repeated after a wait.
    pub repeat_unsafe: bool,
    /// Whether an unsafe request may follow a redirect, and any request one from https to http.
    pub confirmed: bool,
    /// The longest wait that is not worth a question, in seconds.
    pub longest_wait: u64,
    /// The most redirects for one request.
    pub hops: usize,
    /// `Accept-Language`, for choosing among variants.
    pub languages: Option<String>,
    /// `Accept`, for choosing among variants.
    pub types: Option<String>,
}

impl Default for Leave {
    fn default() -> Leave {
        Leave {
            repeats: None,
            repeat_unsafe: false,
            confirmed: false,
            longest_wait: 300,
            hops: 10,
            languages: None,
            types: None,
        }
    }
}

impl Leave {
    /// Repeats after 408 and after a time to wait where the user said nothing.
    pub const USUAL_REPEATS: u32 = 3;

    fn most_repeats(&self) -> u32 {
        self.repeats.unwrap_or(Leave::USUAL_REPEATS)
    }
}

/// The head of a final answer.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// The number of the status line, whatever it is.
    pub code: u16,
    /// Its fields.
    pub fields: &'a Fields,
}

impl Answer<'_> {
    /// The lines of a field joined by commas (section 5.3).
    pub fn list(&self, name: &str) -> Option<Vec<u8>> {
        let mut joined: Option<Vec<u8>> = None;
        for (_, value) in self.fields.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name)) {
            match &mut joined {
                None => joined = Some(value.to_vec()),
                Some(joined) => {
                    joined.extend_from_slice(b", ");
                    joined.extend_from_slice(value);
                }
            }
        }
        joined
    }

    /// The first line of a field as text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.fields
            .get(name)
            .and_then(|value| std::str::from_utf8(value).ok())
            .map(|t| t.trim_matches([' ', '\t']))
    }

    /// The entity tag.
    pub fn tag(&self) -> Option<EntityTag> {
        self.fields.get("ETag").and_then(|value| EntityTag::parse(value))
    }

    /// Seconds an answer spent in caches, where it says so.
    pub fn age(&self) -> Option<u64> {
        self.fields.get("Age").and_then(|value| grammar::saturating_number(value))
    }
}

/// What to do about an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// Show the content; the request succeeded.
    Show,
    /// 201: write down where the new resource is, and show.
    Record {
        /// Its address.
        address: Url,
    },
    /// 202: accepted, not done. The outcome is what the monitor says, if there is one.
    Poll {
        /// The monitor.
        monitor: Option<Url>,
        /// Seconds until it is worth asking.
        after: Option<u64>,
    },
    /// 203: show, and say that the copy is second-hand.
    SecondHand {
        /// Its age in seconds.
        age: Option<u64>,
    },
    /// 204: done; what is shown stays.
    Keep,
    /// 205: done; a form goes back to the values it came with.
    Reset,
    /// 206: see which part came before a byte of it is used.
    Part,
    /// 300 and 406: a choice among forms. The reference stays what it is.
    Choose {
        /// The forms that are listed.
        choices: Vec<Choice>,
        /// The only one that fits best, if there is just one.
        best: Option<Url>,
    },
    /// 301, 302, 303, 307, 308: ask there.
    Follow(Step),
    /// A redirect that needs somebody's yes.
    Confirm {
        /// Where it leads.
        step: Step,
        /// Why it is not simply followed.
        doubt: Doubt,
    },
    /// A redirect that is not followed at all.
    Halt(Stop),
    /// 304: the own copy is current; take over the fields of the answer.
    Freshen,
    /// Repeat the request, in the way said.
    Repeat {
        /// How.
        how: Again,
        /// Seconds to wait before; jitter is added by who waits.
        after: u64,
    },
    /// 401 and 407: credentials are wanted.
    Authenticate {
        /// By whom.
        by: Asker,
        /// For which spaces; those answered before are left out.
        challenges: Vec<Challenge>,
    },
    /// 409 and 412: resolve, then resubmit against the tag, after the user agreed.
    Resolve {
        /// The tag of what is there, where the head has it; a conflict report may have it too.
        tag: Option<EntityTag>,
    },
    /// 410: propose to remove the references to it.
    Unlink,
    /// 416: a partial copy does not fit any more; drop it.
    DropPart,
    /// 428: a base is wanted; fetch what is there, then ask.
    NeedsBase,
    /// The other side refuses; show why, and do not repeat.
    Refused(Refused),
    /// The other side failed.
    Failed(Failed),
}

/// Who wants credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// The origin server.
    Origin,
    /// The configured proxy.
    Proxy,
}

/// A refusal (4xx), with what it leaves open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Nothing is open.
    Plainly,
    /// The credentials given did not help, or there are none to give: the content says more.
    Credentials,
    /// 403 with a challenge: others may be let in.
    OthersMay(Vec<Challenge>),
    /// 405: these methods are there.
    Methods(Vec<String>),
    /// 408, 413, 429: later, but not by ourselves.
    Later {
        /// Seconds until then, where they are told.
        after: Option<u64>,
    },
}

/// A failure (5xx and answers that are no answers), with what is known of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failed {
    /// Reported; the request may or may not have been acted on (500).
    Plainly,
    /// 501: the method is of no use on this origin.
    MethodUnknown,
    /// 503: not now, and nothing was done.
    Later {
        /// Seconds until it is worth asking again, where they are told.
        after: Option<u64>,
    },
    /// 502 and 504: the request may have been acted on, even later.
    OutcomeUnknown,
    /// Nothing reached the server, or it proves that it did nothing.
    NotSent,
    /// A 304 to a request that had no condition.
    NoCopy,
    /// A 3xx that tells nothing to follow, or a 101 that nobody asked for.
    Strange,
}

/// What to do about an answer: one arm for each code of the table. Codes that are not in it are handled as x00 of
/// their class, numbers that are no codes as 500 (section 15).
pub fn react(asked: &Asked<'_>, answer: &Answer<'_>) -> Reaction {
    match understood(answer.code) {
        Code::OK | Code::MULTI_STATUS => Reaction::Show,
        Code::CREATED => Reaction::Record { address: created(asked, answer) },
        Code::ACCEPTED => accepted(asked, answer),
        Code::NON_AUTHORITATIVE_INFORMATION => Reaction::SecondHand { age: answer.age() },
        Code::NO_CONTENT => Reaction::Keep,
        Code::RESET_CONTENT => Reaction::Reset,
        Code::PARTIAL_CONTENT => Reaction::Part,
        Code::MULTIPLE_CHOICES if answer.code == 300 => redirect::choices(asked, answer),
        Code::NOT_ACCEPTABLE => redirect::choices(asked, answer),
        Code::MOVED_PERMANENTLY
        | Code::FOUND
        | Code::SEE_OTHER
        | Code::TEMPORARY_REDIRECT
        | Code::PERMANENT_REDIRECT => redirect::follow(asked, answer),
        Code::NOT_MODIFIED => not_modified(asked),
        Code::UNAUTHORIZED => wanted(asked, answer, Asker::Origin),
        Code::PROXY_AUTHENTICATION_REQUIRED if asked.through_proxy => wanted(asked, answer, Asker::Proxy),
        Code::FORBIDDEN => forbidden(answer),
        Code::METHOD_NOT_ALLOWED => Reaction::Refused(Refused::Methods(allowed(answer))),
        Code::REQUEST_TIMEOUT => retry::timeout(asked),
        Code::CONFLICT | Code::PRECONDITION_FAILED => Reaction::Resolve { tag: answer.tag() },
        Code::GONE => Reaction::Unlink,
        Code::CONTENT_TOO_LARGE | Code::TOO_MANY_REQUESTS | Code::SERVICE_UNAVAILABLE => {
            retry::later(asked, answer)
        }
        Code::RANGE_NOT_SATISFIABLE => Reaction::DropPart,
        Code::EXPECTATION_FAILED if asked.expects && !asked.tried.without_expect => {
            Reaction::Repeat { how: Again::WithoutExpect, after: 0 }
        }
        Code::MISDIRECTED_REQUEST if !asked.tried.fresh_connection && asked.content != Sent::Once => {
            Reaction::Repeat { how: Again::FreshConnection, after: 0 }
        }
        Code::PRECONDITION_REQUIRED => Reaction::NeedsBase,
        Code::NOT_IMPLEMENTED => Reaction::Failed(Failed::MethodUnknown),
        Code::BAD_GATEWAY | Code::GATEWAY_TIMEOUT => retry::gateway(asked),
        _ => by_class(class_of(answer.code)),
    }
}

/// What is left: codes whose class says all there is to do.
fn by_class(class: Class) -> Reaction {
    match class {
        Class::Successful => Reaction::Show,
        Class::ClientError => Reaction::Refused(Refused::Plainly),
        Class::ServerError => Reaction::Failed(Failed::Plainly),
        Class::Redirection | Class::Informational => Reaction::Failed(Failed::Strange),
    }
}

/// Where a 201 says that the new resource is; without a word, the target is it (section 15.3.2).
fn created(asked: &Asked<'_>, answer: &Answer<'_>) -> Url {
    redirect::location(asked.url, answer).unwrap_or_else(|| asked.url.clone().without_fragment())
}

/// The monitor of a 202: a link of that kind, or `Location` (section 15.3.3).
fn accepted(asked: &Asked<'_>, answer: &Answer<'_>) -> Reaction {
    let linked = answer.list("Link").and_then(|value| {
        let links = crate::field::link::links(&value);
        let link = links.iter().find(|link| {
            link.is("status") || link.is("monitor") || link.is("https://candor.dev/rel/monitor")
        })?;
        asked.url.join(link.target()).ok()
    });
    let monitor = linked.or_else(|| redirect::location(asked.url, answer));
    Reaction::Poll { monitor, after: retry::wait_of(asked, answer) }
}

fn not_modified(asked: &Asked<'_>) -> Reaction {
    match (asked.has_copy, asked.tried.unconditional) {
        (true, _) => Reaction::Freshen,
        (false, false) if asked.is_repeatable() => Reaction::Repeat { how: Again::Unconditional, after: 0 },
        (false, _) => Reaction::Failed(Failed::NoCopy),
    }
}

/// Each challenge is answered once; the same again means that the answer did not help (section 15.5.2).
fn wanted(asked: &Asked<'_>, answer: &Answer<'_>, by: Asker) -> Reaction {
    let name = match by {
        Asker::Origin => "WWW-Authenticate",
        Asker::Proxy => "Proxy-Authenticate",
    };
    let all = answer.list(name).map(|value| challenges(&value)).unwrap_or_default();
    let challenges: Vec<Challenge> =
        all.into_iter().filter(|challenge| !asked.tried.answered.contains(challenge)).collect();
    if challenges.is_empty() || asked.content == Sent::Once {
        return Reaction::Refused(Refused::Credentials);
    }
    Reaction::Authenticate { by, challenges }
}

fn forbidden(answer: &Answer<'_>) -> Reaction {
    let challenges = answer.list("WWW-Authenticate").map(|value| challenges(&value)).unwrap_or_default();
    Reaction::Refused(if challenges.is_empty() { Refused::Plainly } else { Refused::OthersMay(challenges) })
}

fn allowed(answer: &Answer<'_>) -> Vec<String> {
    let value = answer.list("Allow").unwrap_or_default();
    allow::tokens(&value).map(|token| String::from_utf8_lossy(token).into_owned()).collect()
}

#[cfg(test)]
mod tests;
