//! The decision order of the origin server: 49 questions, asked in order, each from its own sources.
//!
//! `decide` is pure. It computes what the request head alone answers and asks the driver for the rest in few,
//! batched needs. The same facts give the same outcome; the trace tells which questions led there.
//!
//! Rules of this file: no answer is looked up twice; a question only reads the facts its sources name; nothing
//! here knows a status code.

use std::sync::Arc;

use bytes::Bytes;

use crate::facts::{
    Access, CommitFact, ContentFact, Facts, Live, Mark, Permission, Place, Target, TargetEnd, WorkFact,
    Writing,
};
use crate::field::content_encoding;
use crate::field::content_length;
use crate::field::expect::Expect;
use crate::field::prefer::{Prefer, Return};
use crate::head::Head;
use crate::method::Method;
use crate::negotiation::{self, Selection};
use crate::outcome::{Closed, Conflict, ConflictCause, Extent, Location, Outcome};
use crate::precondition;
use crate::question::Question;
use crate::representation::{Chosen, Coding, Metadata, OpenFault};
use crate::trace::{Answer, Trace};

/// Seconds a folder's slash redirect may be remembered: a folder can become a document tomorrow.
const SLASH_FORM_LIFETIME: u32 = 300;

/// What the driver must find out before the decision can go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// `Facts::access`, from the address prefix alone.
    Access,
    /// `Facts::target`: marks, what is live, the allowed methods.
    Target,
    /// The selected representation vanished: forget `Facts::target` and `Facts::representation`, and look again.
    TargetAgain,
    /// `Facts::representation`: open this form and tell its metadata. `None` for listings and monitors.
    Representation(Option<Chosen>),
    /// `Facts::content`: take the content. With `compare`, tell whether it equals the current content.
    Content {
        /// A false precondition is forgiven if the content is what is there already (question 33).
        compare: bool,
    },
    /// `Facts::work`: do the work, or queue it.
    Work,
    /// `Facts::commit`: open the transaction; access, target and representation are read afresh inside it.
    Open,
    /// `Facts::commit`: carry the change out.
    Commit,
    /// The address is a gateway's: questions 50 and on decide, and their outcome is the decision's.
    Forward,
}

/// The result of a step.
#[derive(Clone, Debug)]
pub enum Decision {
    /// Find this out and call again.
    Ask(Need),
    /// This is true of the request.
    Done(Outcome),
}

/// How far a decision has come.
#[derive(Clone, Debug)]
pub struct Cursor {
    at: Question,
    trace: Trace,
    chosen: Option<Chosen>,
    again: bool,
    inside: bool,
    compare: bool,
    base_stated: bool,
}

impl Default for Cursor {
    fn default() -> Cursor {
        Cursor {
            at: Question::ConnectionLimit,
            trace: Trace::default(),
            chosen: None,
            again: false,
            inside: false,
            compare: false,
            base_stated: false,
        }
    }
}

impl Cursor {
    /// The questions asked so far.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// Notes what the gateway found; its questions are asked after the origin server's.
    pub fn note(&mut self, question: Question, answer: Answer) {
        self.trace.note(question, answer);
    }

    /// What negotiation settled on, once it has.
    pub fn chosen(&self) -> Option<Chosen> {
        self.chosen
    }
}

/// Goes on with a decision as far as the facts reach.
pub fn decide(facts: &Facts<'_>, cursor: &mut Cursor) -> Decision {
    loop {
        let question = cursor.at;
        match answer(question, facts, cursor) {
            Step::Ask(need) => return Decision::Ask(need),
            Step::Go(answer, next) => {
                cursor.trace.note(question, answer);
                cursor.at = next;
            }
            Step::Done(answer, outcome) => {
                cursor.trace.note(question, answer);
                return Decision::Done(outcome);
            }
            Step::Jump(next) => cursor.at = next,
            Step::Again(answer) => {
                cursor.trace.note(question, answer);
                cursor.at = Question::MovedForGood;
                return Decision::Ask(Need::TargetAgain);
            }
        }
        if cursor.trace.is_full() {
            return Decision::Done(Outcome::InternalError);
        }
    }
}

/// What one question leads to.
enum Step {
    /// Facts are missing.
    Ask(Need),
    /// Answered; go on with this question.
    Go(Answer, Question),
    /// Answered, and that settles it.
    Done(Answer, Outcome),
    /// Not this question's turn: go to that one without an answer.
    Jump(Question),
    /// Answered, and the standing must be read afresh.
    Again(Answer),
}

use Answer as A;
use Question as Q;
use Step::{Again, Ask, Done, Go, Jump};

fn answer(question: Question, facts: &Facts<'_>, cursor: &mut Cursor) -> Step {
    match question {
        Q::Start | Q::ConnectionLimit => Go(A::No, Q::HeadInTime),
        Q::HeadInTime => readable(facts, question, Q::Available),
        Q::Available => match facts.reception.closed {
            Some((closed, retry_after)) => Done(A::No, Outcome::Unavailable { closed, retry_after }),
            None => Go(A::Yes, Q::StartLineWithinLimits),
        },
        Q::StartLineWithinLimits => readable(facts, question, Q::FieldsWithinLimits),
        Q::FieldsWithinLimits => readable(facts, question, Q::WellFormed),
        Q::WellFormed => readable(facts, question, Q::VersionSupported),
        Q::VersionSupported => readable(facts, question, Q::TargetLegal),
        Q::TargetLegal => readable(facts, question, Q::TransferCodingUnderstood),
        Q::TransferCodingUnderstood => readable(facts, question, Q::AuthorityOurs),
        Q::AuthorityOurs => authority_ours(facts),
        Q::MethodImplemented => method_implemented(facts),
        Q::ExpectationKnown => expectation_known(facts),
        Q::WithinShare => match facts.reception.over_share {
            Some(retry_after) => Done(A::No, Outcome::TooManyRequests { retry_after }),
            None => Go(A::Yes, Q::OptionsStar),
        },
        Q::OptionsStar if facts.head.target() == b"*" => {
            Done(A::Yes, Outcome::Options { allow: facts.reception.implemented })
        }
        Q::OptionsStar => Go(A::No, Q::Authenticated),
        Q::Authenticated => with_access(facts, authenticated),
        Q::Permitted => {
            let next = if cursor.inside { Q::MovedForGood } else { Q::SubtreeAvailable };
            with_access(facts, |access| permitted(access, next))
        }
        Q::SubtreeAvailable => with_access(facts, |access| match access.closed {
            Some((closed, retry_after)) => Done(A::No, Outcome::Unavailable { closed, retry_after }),
            None => Go(A::Yes, Q::MovedForGood),
        }),
        Q::MovedForGood => with_target(facts, cursor, moved_for_good),
        Q::MovedForNow => with_target(facts, cursor, moved_for_now),
        Q::Gone => with_target(facts, cursor, |target| gone(facts, target)),
        Q::Live => with_target(facts, cursor, |target| live(facts, target)),
        Q::YieldingMark => with_target(facts, cursor, |target| yielding_mark(facts, target)),
        Q::Creates => with_target(facts, cursor, |target| creates(facts, target)),
        Q::SlashForm => with_target(facts, cursor, |target| slash_form(facts, target)),
        Q::MethodAllowed => with_target(facts, cursor, |target| method_allowed(facts, target)),
        Q::PlaceFits => with_target(facts, cursor, |target| place_fits(facts, target)),
        Q::LengthWithinLimit => with_writing(facts, cursor, Q::ContentAcceptable, length_within_limit),
        Q::ContentAcceptable => with_writing(facts, cursor, Q::RoomToStore, content_acceptable),
        Q::RoomToStore => with_writing(facts, cursor, Q::BaseDeclared, room_to_store),
        Q::BaseDeclared => with_writing(facts, cursor, Q::IfMatch, base_declared),
        Q::AnyAcceptable => any_acceptable(facts, cursor),
        Q::OneBest => one_best(facts, cursor),
        Q::IfMatch => if_match(facts, cursor),
        Q::IfUnmodifiedSince => if_unmodified_since(facts, cursor),
        Q::SameContentPossible => same_content_possible(facts, cursor),
        Q::IfNoneMatch => if_none_match(facts, cursor),
        Q::IfModifiedSince => if_modified_since(facts, cursor),
        Q::RangeApplies => range_applies(facts, cursor),
        Q::Opens => opens(facts, cursor),
        Q::ContinueWanted => match Expect::from_head(facts.head) {
            Expect::Continue => Go(A::Yes, Q::ContentWhole),
            Expect::Nothing | Expect::Unknown => Go(A::No, Q::ContentWhole),
        },
        Q::ContentWhole => content_whole(facts, cursor),
        Q::ContentUsable => content_usable(facts),
        Q::InsideDeadline => inside_deadline(facts),
        Q::NoConflict => no_conflict(facts, cursor),
        Q::StateAllows => state_allows(facts),
        Q::Committed => committed(facts),
        Q::Created => created(facts),
        Q::Resets => resets(facts),
        Q::ContentToReturn => content_to_return(facts),
        // The gateway asks these itself.
        Q::Loops
        | Q::GoesNoFurther
        | Q::NextHop
        | Q::StoredFresh
        | Q::OnlyIfCached
        | Q::StaleMeanwhile
        | Q::ForwardLater
        | Q::UpstreamOpen
        | Q::Connected
        | Q::RequestSent
        | Q::Interim
        | Q::AnswerHead
        | Q::WantsGateway
        | Q::WrongUpstream
        | Q::UpstreamWaited
        | Q::UpstreamFails
        | Q::Validated
        | Q::Annotated
        | Q::Forwarded
        | Q::ContentForwarded
        | Q::Invalidates => Ask(Need::Forward),
    }
}

// ---- A and B: may we listen, can we read it ------------------------------------------------------------------

/// Questions that the wire has answered: no refusal of this question's, or its refusal.
fn readable(facts: &Facts<'_>, question: Question, next: Question) -> Step {
    match facts.reception.refusal {
        Some(refusal) if refusal.question() == question => Done(A::No, Outcome::Refused(refusal)),
        _ => Go(A::Yes, next),
    }
}

fn authority_ours(facts: &Facts<'_>) -> Step {
    match (&facts.reception.elsewhere, facts.reception.authority_ours) {
        (Some(to), _) => Done(A::Moved, Outcome::MovedForGood { to: to.clone(), lifetime: None }),
        (None, true) => Go(A::Yes, Q::MethodImplemented),
        (None, false) => Done(A::No, Outcome::Misdirected),
    }
}

fn method_implemented(facts: &Facts<'_>) -> Step {
    let implemented = match facts.head.method() {
        Some(Method::Connect) => false,
        Some(method) => facts.reception.forwards || facts.reception.implemented.contains(method),
        None => facts.reception.forwards,
    };
    match implemented {
        true => Go(A::Yes, Q::ExpectationKnown),
        false => Done(A::No, Outcome::NotImplemented),
    }
}

fn expectation_known(facts: &Facts<'_>) -> Step {
    match Expect::from_head(facts.head) {
        Expect::Unknown => Done(A::No, Outcome::ExpectationFailed),
        Expect::Nothing | Expect::Continue => Go(A::Yes, Q::WithinShare),
    }
}

// ---- C: may this caller know ---------------------------------------------------------------------------------

fn with_access(facts: &Facts<'_>, step: impl FnOnce(&Access) -> Step) -> Step {
    facts.access.map_or(Ask(Need::Access), step)
}

fn authenticated(access: &Access) -> Step {
    match &access.unauthenticated {
        Some(challenges) => Done(A::Unauthenticated, Outcome::Unauthorized(challenges.clone())),
        None => Go(A::Yes, Q::Permitted),
    }
}

fn permitted(access: &Access, next: Question) -> Step {
    match &access.permission {
        Permission::Granted => Go(A::Yes, next),
        Permission::Denied => Done(A::No, Outcome::Forbidden(None)),
        Permission::DeniedOthersMay(challenges) => {
            Done(A::OthersMay, Outcome::Forbidden(Some(challenges.clone())))
        }
        Permission::Concealed => Done(A::Concealed, Outcome::NotFound),
        Permission::Legal => Done(A::Legal, Outcome::LegallyBlocked),
    }
}

// ---- D: what is at the address -------------------------------------------------------------------------------

fn with_target(facts: &Facts<'_>, cursor: &Cursor, step: impl FnOnce(&Target) -> Step) -> Step {
    match facts.target {
        Some(target) => match step(target) {
            // Inside the commit only 16, 18 to 23 and 34 to 37 are asked again.
            Go(answer, Q::SlashForm | Q::PlaceFits) if cursor.inside => Go(answer, Q::IfMatch),
            other => other,
        },
        None => Ask(Need::Target),
    }
}

fn moved_for_good(target: &Target) -> Step {
    match &target.holding {
        Some(Mark::Moved { to, end, lifetime }) => moved(to, *end, *lifetime),
        _ => Go(A::No, Q::MovedForNow),
    }
}

fn moved(to: &Location, end: TargetEnd, lifetime: Option<u32>) -> Step {
    match end {
        TargetEnd::Open => Done(A::Yes, Outcome::MovedForGood { to: to.clone(), lifetime }),
        TargetEnd::Gone => Done(A::TargetGone, Outcome::Gone { note: None, since: None }),
        TargetEnd::Hidden => Done(A::TargetHidden, Outcome::NotFound),
    }
}

fn moved_for_now(target: &Target) -> Step {
    match &target.holding {
        Some(Mark::MovedForNow { to, end }) => away(to, *end),
        _ => Go(A::No, Q::Gone),
    }
}

fn away(to: &Location, end: TargetEnd) -> Step {
    match end {
        TargetEnd::Open => Done(A::Yes, Outcome::MovedForNow { to: to.clone() }),
        TargetEnd::Gone => Done(A::TargetGone, Outcome::Gone { note: None, since: None }),
        TargetEnd::Hidden => Done(A::TargetHidden, Outcome::NotFound),
    }
}

fn gone(facts: &Facts<'_>, target: &Target) -> Step {
    match &target.holding {
        Some(mark @ Mark::Gone { note, since, from, .. }) if mark.holds(facts.now) => {
            Done(A::Yes, Outcome::Gone { note: note.clone(), since: since.or(*from) })
        }
        _ => Go(A::No, Q::Live),
    }
}

fn live(facts: &Facts<'_>, target: &Target) -> Step {
    let reads = facts.head.method().is_some_and(Method::reads);
    match &target.live {
        // A folder that shows neither index nor listing counts as nothing to those who read.
        Some(Live::Folder) if reads => Go(A::No, Q::YieldingMark),
        Some(Live::Folder | Live::Listing) => Go(A::Folder, Q::SlashForm),
        Some(Live::Document { .. }) => Go(A::Document, Q::SlashForm),
        Some(Live::Route) if facts.reception.forwards => Go(A::Route, Q::Loops),
        Some(Live::Route) => Go(A::Route, Q::SlashForm),
        Some(Live::Monitor) => Go(A::Monitor, Q::SlashForm),
        Some(Live::Choices(_)) => Go(A::Choices, Q::SlashForm),
        None => match target.folder_away {
            Some(retry_after) => {
                Done(A::Temporary, Outcome::Unavailable { closed: Closed::FolderAway, retry_after })
            }
            None => Go(A::No, Q::YieldingMark),
        },
    }
}

fn yielding_mark(facts: &Facts<'_>, target: &Target) -> Step {
    let Some(mark) = &target.yielding else { return Go(A::No, Q::Creates) };
    match facts.head.method() {
        Some(Method::Put | Method::Mkcol | Method::Lock) if target.writing.is_some() => {
            Go(A::Yields, Q::PlaceFits)
        }
        Some(Method::Propfind | Method::Proppatch | Method::Unlock | Method::Delete) => {
            Done(A::Unseen, Outcome::NotFound)
        }
        _ => match mark {
            Mark::Moved { to, end, lifetime } => named(A::Moved, moved(to, *end, *lifetime)),
            Mark::MovedForNow { to, end } => named(A::Moved, away(to, *end)),
            Mark::Gone { note, since, .. } => {
                Done(A::Tombstone, Outcome::Gone { note: note.clone(), since: *since })
            }
        },
    }
}

/// Says "moved" for the plain yes of the shared mark rules.
fn named(answer: Answer, step: Step) -> Step {
    match step {
        Done(A::Yes, outcome) => Done(answer, outcome),
        other => other,
    }
}

fn creates(facts: &Facts<'_>, target: &Target) -> Step {
    if target.expired_monitor {
        return Done(A::Tombstone, Outcome::Gone { note: None, since: None });
    }
    match facts.head.method() {
        Some(Method::Put | Method::Mkcol | Method::Lock) => match target.writing {
            Some(_) => Go(A::Creates, Q::PlaceFits),
            None => Done(A::NotOffered, Outcome::MethodNotAllowed { allow: target.allow }),
        },
        _ => Done(A::No, Outcome::NotFound),
    }
}

fn slash_form(facts: &Facts<'_>, target: &Target) -> Step {
    match &target.slash_form {
        Some(to) if !facts.head.method().is_some_and(Method::is_webdav) => {
            Done(A::Yes, Outcome::MovedForGood { to: to.clone(), lifetime: Some(SLASH_FORM_LIFETIME) })
        }
        _ => Go(A::No, Q::MethodAllowed),
    }
}

// ---- E: may this be done to it -------------------------------------------------------------------------------

fn method_allowed(facts: &Facts<'_>, target: &Target) -> Step {
    let route = matches!(target.live, Some(Live::Route));
    match facts.head.method() {
        Some(Method::Options) => Done(A::Yes, Outcome::Options { allow: target.allow }),
        Some(method) if !target.allow.contains(method) => {
            Done(A::No, Outcome::MethodNotAllowed { allow: target.allow })
        }
        Some(method) if method.reads() && !route => Go(A::Yes, Q::AnyAcceptable),
        _ => Go(A::Yes, Q::PlaceFits),
    }
}

fn place_fits(facts: &Facts<'_>, target: &Target) -> Step {
    let puts = facts.head.is(Method::Put);
    if puts && facts.head.has("content-range") && !matches!(target.live, Some(Live::Route)) {
        return Done(A::Part, Outcome::PartialPut);
    }
    let Some(writing) = &target.writing else { return Go(A::DoesNotApply, Q::LengthWithinLimit) };
    if !puts && !matches!(facts.head.method(), Some(Method::Mkcol | Method::Lock)) {
        return Go(A::DoesNotApply, Q::LengthWithinLimit);
    }
    let (answer, cause) = match &writing.place {
        Place::Fits => return Go(A::Yes, Q::LengthWithinLimit),
        Place::ParentMissing => (A::ParentMissing, ConflictCause::ParentMissing),
        Place::ParentIsFile => (A::ParentIsFile, ConflictCause::ParentIsFile),
        Place::FolderThere => (A::FolderThere, ConflictCause::FolderThere),
        Place::VariantsOnly(choices) => (A::VariantsOnly, ConflictCause::VariantsOnly(choices.clone())),
    };
    Done(answer, conflict(facts, writing, cause))
}

/// A conflict seen before anything was tried.
fn conflict(facts: &Facts<'_>, writing: &Writing, cause: ConflictCause) -> Outcome {
    let here = || Location(Bytes::from(facts.address.map_or_else(|| "/".to_owned(), |a| a.reference())));
    Outcome::Conflict(Box::new(Conflict {
        cause,
        current: None,
        resolve: writing.resolve.clone().unwrap_or_else(here),
    }))
}

fn with_writing(
    facts: &Facts<'_>,
    cursor: &Cursor,
    next: Question,
    step: impl FnOnce(&Facts<'_>, &Writing, Question) -> Step,
) -> Step {
    with_target(facts, cursor, |target| match &target.writing {
        Some(writing) => step(facts, writing, next),
        None => Go(A::DoesNotApply, next),
    })
}

fn length_within_limit(facts: &Facts<'_>, writing: &Writing, next: Question) -> Step {
    match (declared_length(facts.head), writing.limit) {
        (Some(length), Some(limit)) if length > limit => Done(A::No, Outcome::ContentTooLarge { limit }),
        (None, _) => Go(A::Absent, next),
        _ => Go(A::Yes, next),
    }
}

/// The declared length; a malformed one was refused by question 6.
fn declared_length(head: &Head) -> Option<u64> {
    content_length::from_head(head).ok().flatten()
}

fn content_acceptable(facts: &Facts<'_>, writing: &Writing, next: Question) -> Step {
    let taken = content_encoding::from_head(facts.head)
        .is_ok_and(|codings| codings.into_iter().all(|coding| writing.codings.contains(coding)));
    if !taken {
        let tokens: Vec<&str> = writing.codings.iter().map(Coding::token).collect();
        return Done(A::WrongCoding, Outcome::CodingNotTaken { accept_encoding: tokens.join(", ").into() });
    }
    match &writing.types {
        Some(types) if !precondition::type_taken(facts.head, types) => {
            Done(A::WrongType, Outcome::TypeNotTaken { accept: types.clone() })
        }
        _ => Go(A::Yes, next),
    }
}

fn room_to_store(facts: &Facts<'_>, writing: &Writing, next: Question) -> Step {
    match (declared_length(facts.head), writing.room) {
        (Some(length), Some(room)) if length > room => Done(A::Full, Outcome::StorageFull),
        (_, Some(0)) => Done(A::Full, Outcome::StorageFull),
        _ => Go(A::Yes, next),
    }
}

fn base_declared(facts: &Facts<'_>, writing: &Writing, next: Question) -> Step {
    let wants = writing.require_base
        && matches!(
            facts.head.method(),
            Some(Method::Put | Method::Delete | Method::Patch | Method::Move | Method::Proppatch)
        );
    match wants {
        false => Go(A::DoesNotApply, next),
        true if precondition::declares_base(facts.head) => Go(A::Yes, next),
        true => Done(A::No, Outcome::PreconditionRequired),
    }
}

// ---- F: which representation ---------------------------------------------------------------------------------

fn any_acceptable(facts: &Facts<'_>, cursor: &mut Cursor) -> Step {
    let Some(target) = facts.target else { return Ask(Need::Target) };
    let Some(Live::Document { variants }) = &target.live else { return Go(A::DoesNotApply, Q::OneBest) };
    match negotiation::select(variants, facts.head, target.lenient) {
        Selection::None => Done(A::No, none_acceptable(facts, variants)),
        Selection::Tie(_) => Go(A::Yes, Q::OneBest),
        Selection::One(chosen) => {
            cursor.chosen = Some(chosen);
            Go(A::Yes, Q::OneBest)
        }
    }
}

fn none_acceptable(facts: &Facts<'_>, variants: &[crate::representation::Variant]) -> Outcome {
    let default = negotiation::default_of(variants);
    Outcome::NoneAcceptable {
        content_type: default.map(|v| v.content_type.clone()).unwrap_or_default(),
        content_language: default.and_then(|v| v.language.clone()),
        choices: negotiation::choices(variants),
        anchor: anchor(facts),
        last_modified: variants.iter().filter_map(|v| v.modified).max(),
        vary: if variants.len() > 1 { negotiation::vary(variants) } else { Default::default() },
    }
}

fn anchor(facts: &Facts<'_>) -> Bytes {
    facts.address.map(|a| Bytes::from(a.reference())).unwrap_or_default()
}

fn one_best(facts: &Facts<'_>, cursor: &mut Cursor) -> Step {
    let Some(target) = facts.target else { return Ask(Need::Target) };
    match &target.live {
        Some(Live::Document { variants }) if cursor.chosen.is_none() => {
            let tied = match negotiation::select(variants, facts.head, target.lenient) {
                Selection::Tie(tied) => tied,
                _ => Vec::new(),
            };
            let choices = negotiation::choices_of(variants, &tied);
            Done(
                A::No,
                Outcome::MultipleChoices {
                    choices,
                    anchor: anchor(facts),
                    vary: negotiation::vary(variants),
                },
            )
        }
        Some(Live::Choices(choices)) => Done(
            A::Choices,
            Outcome::MultipleChoices {
                choices: choices.clone(),
                anchor: anchor(facts),
                vary: Default::default(),
            },
        ),
        Some(Live::Document { .. }) => Go(A::Yes, Q::IfMatch),
        _ => Go(A::DoesNotApply, Q::IfMatch),
    }
}

// ---- G: preconditions ----------------------------------------------------------------------------------------

/// The current representation as preconditions see it.
enum Current<'a> {
    Metadata(&'a Arc<Metadata>),
    /// Something is live, without validators.
    Untagged,
    Nothing,
}

impl Current<'_> {
    fn exists(&self) -> bool {
        !matches!(self, Current::Nothing)
    }

    fn metadata(&self) -> Option<&Metadata> {
        match self {
            Current::Metadata(metadata) => Some(metadata),
            _ => None,
        }
    }
}

/// Runs a precondition on the current representation, asking for it first. A representation that cannot be
/// opened has no validators to measure: question 39 tells what is true then.
fn with_current(
    facts: &Facts<'_>,
    cursor: &mut Cursor,
    step: impl FnOnce(&mut Cursor, Current<'_>) -> Step,
) -> Step {
    let Some(target) = facts.target else { return Ask(Need::Target) };
    let chosen = match &target.live {
        None => return step(cursor, Current::Nothing),
        // Forms, programs and upstreams measure conditions on what they know themselves.
        Some(Live::Route) => return Jump(after_preconditions(cursor)),
        Some(Live::Choices(_)) => return step(cursor, Current::Untagged),
        Some(Live::Folder | Live::Listing | Live::Monitor) => {
            if !facts.head.method().is_some_and(Method::reads) {
                return step(cursor, Current::Untagged);
            }
            None
        }
        Some(Live::Document { .. }) => {
            Some(cursor.chosen.unwrap_or(Chosen { variant: 0, coding: Coding::Identity }))
        }
    };
    match facts.representation {
        None => Ask(Need::Representation(chosen)),
        Some(Ok(metadata)) => step(cursor, Current::Metadata(metadata)),
        // A write onto what just vanished finds nothing there; the commit looks again.
        Some(Err(OpenFault::Vanished)) if !facts.head.method().is_some_and(Method::reads) => {
            step(cursor, Current::Nothing)
        }
        Some(Err(_)) => Jump(Q::Opens),
    }
}

fn if_match(facts: &Facts<'_>, cursor: &mut Cursor) -> Step {
    with_current(facts, cursor, |cursor, current| {
        let tag = current.metadata().and_then(|m| m.etag.as_ref());
        match precondition::if_match(facts.head, tag, current.exists()) {
            None => Go(A::Absent, Q::IfUnmodifiedSince),
            // If-Unmodified-Since is not evaluated beside If-Match (section 13.2.2).
            Some(true) => {
                cursor.base_stated = true;
                Go(A::Yes, Q::IfNoneMatch)
            }
            Some(false) => precondition_false(facts, cursor, &current),
        }
    })
}

fn if_unmodified_since(facts: &Facts<'_>, cursor: &mut Cursor) -> Step {
    with_current(facts, cursor, |cursor, current| {
        let modified = current.metadata().and_then(|m| m.last_modified);
        match precondition::if_unmodified_since(facts.head, modified, facts.now) {
            None => Go(A::Absent, Q::IfNoneMatch),
            Some(true) => {
                cursor.base_stated = true;
                Go(A::Yes, Q::IfNoneMatch)
            }
            Some(false) => precondition_false(facts, cursor, &current),
        }
    })
}

/// 412, unless a PUT may turn out to change nothing.
fn precondition_false(facts: &Facts<'_>, cursor: &Cursor, current: &Current<'_>) -> Step {
    match facts.head.is(Method::Put) && !cursor.inside && current.metadata().is_some() {
        true => Go(A::No, Q::SameContentPossible),
        false => Done(A::No, precondition_failed(current)),
    }
}

fn precondition_failed(current: &Current<'_>) -> Outcome {
    Outcome::PreconditionFailed { current: current.metadata().and_then(|m| m.etag.clone()) }
}

fn same_content_possible(facts: &Facts<'_>, cursor: &mut Cursor) -> Step {
    with_current(facts, cursor, |cursor, current| {
        match current.metadata().is_some_and(|m| precondition::may_be_same(facts.head, m)) {
            true => {
                cursor.compare = true;
                Go(A::Yes, Q::ContentWhole)
            }
            false => Done(A::No, precondition_failed(&current)),
        }
    })
}

fn if_none_match(facts: &Facts<'_>, cursor: &mut Cursor) -> Step {
    let reads = facts.head.method().is_some_and(Method::reads);
    with_current(facts, cursor, |cursor, current| {
        let tag = current.metadata().and_then(|m| m.etag.as_ref());
        match precondition::if_none_match(facts.head, tag, current.exists()) {
            None if reads => Go(A::Absent, Q::IfModifiedSince),
            None => Go(A::Absent, after_preconditions(cursor)),
            Some(true) => {
                cursor.base_stated = true;
                Go(A::Yes, if reads { Q::RangeApplies } else { after_preconditions(cursor) })
            }
            Some(false) => match current {
                Current::Metadata(metadata) if reads => Done(A::No, Outcome::NotModified(metadata.clone())),
                _ => Done(A::No, precondition_failed(&current)),
            },
        }
    })
}

/// Where unsafe methods go when their preconditions hold.
fn after_preconditions(cursor: &Cursor) -> Question {
    if cursor.inside { Q::NoConflict } else { Q::ContinueWanted }
}

fn if_modified_since(facts: &Facts<'_>, cursor: &mut Cursor) -> Step {
    with_current(facts, cursor, |_, current| {
        let modified = current.metadata().and_then(|m| m.last_modified);
        match (precondition::if_modified_since(facts.head, modified, facts.now), current) {
            (None, _) => Go(A::Absent, Q::RangeApplies),
            (Some(false), Current::Metadata(metadata)) => Done(A::No, Outcome::NotModified(metadata.clone())),
            (Some(_), _) => Go(A::Yes, Q::RangeApplies),
        }
    })
}

fn range_applies(facts: &Facts<'_>, cursor: &mut Cursor) -> Step {
    with_current(facts, cursor, |_, current| {
        let (Some(metadata), true) = (current.metadata(), facts.head.is(Method::Get)) else {
            return Go(A::DoesNotApply, Q::Opens);
        };
        match precondition::ranges(facts.head, metadata, facts.now) {
            precondition::RangeAnswer::Absent => Go(A::Absent, Q::Opens),
            precondition::RangeAnswer::Ignored => Go(A::Ignored, Q::Opens),
            precondition::RangeAnswer::Unsatisfiable(length) => {
                Done(A::Unsatisfiable, Outcome::RangeNotSatisfiable { length })
            }
            precondition::RangeAnswer::Ranges(_) => Go(A::Part, Q::Opens),
        }
    })
}

fn opens(facts: &Facts<'_>, cursor: &mut Cursor) -> Step {
    match facts.representation {
        Some(Ok(metadata)) => Done(A::Yes, opened(facts, metadata)),
        Some(Err(OpenFault::Vanished)) if !cursor.again => {
            cursor.again = true;
            cursor.chosen = None;
            Again(A::Vanished)
        }
        Some(Err(OpenFault::Forbidden)) => Done(A::No, Outcome::Forbidden(None)),
        Some(Err(_)) | None => Done(A::Failed, Outcome::InternalError),
    }
}

fn opened(facts: &Facts<'_>, metadata: &Arc<Metadata>) -> Outcome {
    let listing = facts.target.is_some_and(|t| matches!(t.live, Some(Live::Listing)));
    if listing {
        return Outcome::Listing { metadata: metadata.clone() };
    }
    if facts.target.is_some_and(|t| matches!(t.live, Some(Live::Monitor))) {
        return Outcome::Result { metadata: metadata.clone() };
    }
    let extent = match precondition::ranges(facts.head, metadata, facts.now) {
        precondition::RangeAnswer::Ranges(ranges) if facts.head.is(Method::Get) => Extent::Ranges(ranges),
        _ => Extent::Whole,
    };
    Outcome::Representation { metadata: metadata.clone(), extent }
}

// ---- H: take the content -------------------------------------------------------------------------------------

fn content_whole(facts: &Facts<'_>, cursor: &Cursor) -> Step {
    match facts.content {
        None => Ask(Need::Content { compare: cursor.compare }),
        Some(ContentFact::Whole { same_as_current, .. }) if cursor.compare => {
            let etag = match facts.representation {
                Some(Ok(metadata)) => metadata.etag.clone(),
                _ => None,
            };
            match same_as_current {
                true => Done(A::Unchanged, Outcome::Done { etag }),
                false => Done(A::Yes, Outcome::PreconditionFailed { current: etag }),
            }
        }
        Some(ContentFact::Whole { .. }) => Go(A::Yes, Q::ContentUsable),
        Some(ContentFact::Stalled) => Done(A::Stalled, Outcome::ContentStalled),
        Some(ContentFact::Malformed) => Done(A::Malformed, Outcome::ContentMalformed),
        Some(ContentFact::TooLarge(limit)) => Done(A::TooLarge, Outcome::ContentTooLarge { limit: *limit }),
        Some(ContentFact::PeerGone) => Done(A::PeerGone, Outcome::PeerGone),
    }
}

fn content_usable(facts: &Facts<'_>) -> Step {
    match facts.content {
        Some(ContentFact::Whole { unusable: Some(reason), .. }) => {
            Done(A::No, Outcome::ContentUnusable { reason: reason.clone() })
        }
        _ => Go(A::Yes, Q::InsideDeadline),
    }
}

fn inside_deadline(facts: &Facts<'_>) -> Step {
    match facts.work {
        None => Ask(Need::Work),
        Some(WorkFact::InTime) => Go(A::Yes, Q::NoConflict),
        Some(WorkFact::Queued { monitor, retry_after }) => {
            Done(A::Queued, Outcome::Accepted { monitor: monitor.clone(), retry_after: *retry_after })
        }
        Some(WorkFact::Failed) => Done(A::Failed, Outcome::InternalError),
    }
}

// ---- I: commit -----------------------------------------------------------------------------------------------

fn no_conflict(facts: &Facts<'_>, cursor: &mut Cursor) -> Step {
    match facts.commit {
        None => Ask(Need::Open),
        Some(CommitFact::Open { .. }) if !cursor.inside => {
            cursor.inside = true;
            cursor.base_stated = false;
            Jump(Q::Permitted)
        }
        Some(CommitFact::Open { conflict: Some(conflict), .. })
            if is_version_clash(conflict) && !cursor.base_stated =>
        {
            Done(A::No, Outcome::Conflict(conflict.clone()))
        }
        Some(CommitFact::Open { merged: true, .. }) => Go(A::Merged, Q::StateAllows),
        Some(_) => Go(A::Yes, Q::StateAllows),
    }
}

fn is_version_clash(conflict: &Conflict) -> bool {
    matches!(conflict.cause, ConflictCause::BaseDiffers | ConflictCause::Overtaken)
}

fn state_allows(facts: &Facts<'_>) -> Step {
    match facts.commit {
        Some(CommitFact::Open { conflict: Some(conflict), .. }) if !is_version_clash(conflict) => {
            Done(A::No, Outcome::Conflict(conflict.clone()))
        }
        _ => Go(A::Yes, Q::Committed),
    }
}

fn committed(facts: &Facts<'_>) -> Step {
    match facts.commit {
        None | Some(CommitFact::Open { .. }) => Ask(Need::Commit),
        Some(CommitFact::Committed(_)) => Go(A::Yes, Q::Created),
        Some(CommitFact::Full) => Done(A::Full, Outcome::StorageFull),
        Some(CommitFact::Temporary(retry_after)) => {
            Done(A::Temporary, Outcome::Unavailable { closed: Closed::Store, retry_after: *retry_after })
        }
        Some(CommitFact::Failed) => Done(A::Failed, Outcome::InternalError),
    }
}

fn created(facts: &Facts<'_>) -> Step {
    match facts.commit {
        Some(CommitFact::Committed(made)) => match &made.created {
            Some(location) => Done(
                A::Yes,
                Outcome::Created {
                    location: location.clone(),
                    items: made.items.clone(),
                    etag: made.etag.clone(),
                },
            ),
            None => Go(A::No, Q::Resets),
        },
        _ => Done(A::Failed, Outcome::InternalError),
    }
}

fn resets(facts: &Facts<'_>) -> Step {
    match facts.commit {
        Some(CommitFact::Committed(made)) if made.resets => Done(A::Yes, Outcome::Reset),
        _ => Go(A::No, Q::ContentToReturn),
    }
}

fn content_to_return(facts: &Facts<'_>) -> Step {
    let Some(CommitFact::Committed(made)) = facts.commit else {
        return Done(A::Failed, Outcome::InternalError);
    };
    match &made.content {
        // Asked to be brief, a result may be left out; a merge that the client has not seen may not.
        Some(metadata)
            if Prefer::from_head(facts.head).return_ != Some(Return::Minimal) || made.etag.is_none() =>
        {
            Done(A::Yes, Outcome::Result { metadata: metadata.clone() })
        }
        _ => Done(A::No, Outcome::Done { etag: made.etag.clone() }),
    }
}
