//! When a request is sent again: never because of hope, only where the answer or its absence allows it (section
//! 9.2.2).

use super::{Answer, Asked, Failed, Leave, Reaction, Refused, Sent};
use crate::field::retry_after::RetryAfter;

/// How a request is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// As it was.
    Unchanged,
    /// As it was, on a new connection.
    FreshConnection,
    /// Without the conditions of our own making.
    Unconditional,
    /// Without `Expect`.
    WithoutExpect,
    /// The rest of the content only, by `Range` and `If-Range`.
    Resumed,
}

/// How an exchange ended without a whole answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Break {
    /// No byte of the request was written: the connection could not be made.
    NotSent,
    /// The peer proves that it did not process the request (RFC 9113 section 8.7).
    NotProcessed,
    /// A connection that was used before closed without a byte of an answer.
    ReusedClosed,
    /// A fresh connection closed, or time ran out, without a byte of an answer.
    Nothing,
    /// The head of the answer was cut or malformed.
    Head,
    /// The content was cut; `resumable` if what came can be kept and completed, under a strong tag.
    Cut {
        /// Whether the first part can be kept.
        resumable: bool,
    },
}

/// What to do where no whole answer came.
pub fn broken(asked: &Asked<'_>, how: Break) -> Reaction {
    let repeatable = asked.is_repeatable() && !asked.tried.broken && !has_condition_of_write(asked);
    match how {
        Break::NotSent => Reaction::Failed(Failed::NotSent),
        Break::NotProcessed if !asked.tried.broken && asked.content != Sent::Once => {
            Reaction::Repeat { how: Again::FreshConnection, after: 0 }
        }
        Break::Cut { resumable: true } if !asked.tried.broken => {
            Reaction::Repeat { how: Again::Resumed, after: 0 }
        }
        Break::ReusedClosed | Break::Cut { .. } if repeatable => {
            Reaction::Repeat { how: Again::FreshConnection, after: 0 }
        }
        Break::NotProcessed => Reaction::Failed(Failed::NotSent),
        Break::ReusedClosed | Break::Nothing | Break::Head | Break::Cut { .. } if asked.is_safe() => {
            Reaction::Failed(Failed::Plainly)
        }
        Break::ReusedClosed | Break::Nothing | Break::Head | Break::Cut { .. } => {
            Reaction::Failed(Failed::OutcomeUnknown)
        }
    }
}

/// A write under a condition is not repeated: the first one's success would make the second one fail.
fn has_condition_of_write(asked: &Asked<'_>) -> bool {
    asked.has_copy && !asked.is_safe()
}

/// Seconds that `Retry-After` says, where it can be read.
pub(super) fn wait_of(asked: &Asked<'_>, answer: &Answer<'_>) -> Option<u64> {
    let value = answer.fields.get("Retry-After")?;
    Some(RetryAfter::parse(value, asked.now)?.delay(asked.now))
}

/// 408: the request was never complete, so any method is repeated: at once, then less and less often.
pub(super) fn timeout(asked: &Asked<'_>) -> Reaction {
    let tried = asked.tried.timeouts;
    if asked.content == Sent::Once || tried >= asked.leave.most_repeats().max(1) {
        return Reaction::Refused(Refused::Later { after: None });
    }
    let after = if tried == 0 { 0 } else { 1_u64 << (tried - 1).min(6) };
    Reaction::Repeat { how: Again::FreshConnection, after }
}

/// 413, 429 and 503: wait where a time is told; without one, 503 is a 500 and the others are refusals.
pub(super) fn later(asked: &Asked<'_>, answer: &Answer<'_>) -> Reaction {
    let after = wait_of(asked, answer);
    let may = match asked.leave {
        Leave { repeat_unsafe: true, .. } => asked.content != Sent::Once,
        Leave { .. } => asked.is_repeatable(),
    };
    match after {
        Some(after)
            if may && after <= asked.leave.longest_wait && asked.tried.waits < asked.leave.most_repeats() =>
        {
            Reaction::Repeat { how: Again::Unchanged, after }
        }
        _ if answer.code == 503 => Reaction::Failed(Failed::Later { after }),
        _ => Reaction::Refused(Refused::Later { after }),
    }
}

/// 502 and 504: the request may have been acted on. One repeat, if it is idempotent and the user allows repeats.
pub(super) fn gateway(asked: &Asked<'_>) -> Reaction {
    let allowed = asked.leave.repeats.is_some_and(|repeats| repeats > 0);
    if allowed && asked.is_repeatable() && !has_condition_of_write(asked) && asked.tried.gateways == 0 {
        return Reaction::Repeat { how: Again::Unchanged, after: 1 };
    }
    Reaction::Failed(Failed::OutcomeUnknown)
}
