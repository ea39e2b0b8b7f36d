//! The trace: which questions were asked on the way to an outcome, and how each was answered.
//!
//! It explains; it is never read back by a decision.

use std::fmt::{self, Write as _};

use crate::question::Question;

macro_rules! answers {
    ($($(#[$doc:meta])* $name:ident $word:literal,)*) => {
        /// The answer to one question.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Answer { $($(#[$doc])* $name,)* }

        impl Answer {
            /// Every answer.
            pub const ALL: &'static [Answer] = &[$(Answer::$name,)*];

            /// The word in traces, a token of RFC 9651.
            pub const fn word(self) -> &'static str {
                match self { $(Answer::$name => $word,)* }
            }
        }
    };
}

answers! {
    /// As the question puts it.
    Yes "yes",
    /// Not as the question puts it.
    No "no",
    /// The field or fact the question is about is not there.
    Absent "absent",
    /// Not asked of this method or resource.
    DoesNotApply "does-not-apply",
    /// The field is there but its rules say to ignore it.
    Ignored "ignored",
    /// Missing or invalid credentials.
    Unauthenticated "unauthenticated",
    /// Refused, other credentials may help.
    OthersMay "others-may",
    /// Refused as if nothing were there.
    Concealed "concealed",
    /// Refused by law, publicly.
    Legal "legal",
    /// The mark's last target is gone.
    TargetGone "target-gone",
    /// The mark's target may not be shown to this caller.
    TargetHidden "target-hidden",
    /// A document with one or more variants.
    Document "document",
    /// A folder.
    Folder "folder",
    /// A route that hands requests to a program, form or upstream.
    Route "route",
    /// A monitor of accepted work.
    Monitor "monitor",
    /// Declared choices.
    Choices "choices",
    /// A mark left by a move.
    Moved "moved",
    /// A mark left by a removal.
    Tombstone "tombstone",
    /// The mark yields to the document that is being written.
    Yields "yields",
    /// WebDAV's own methods see nothing where a yielding mark is.
    Unseen "unseen",
    /// It could be created here.
    Creates "creates",
    /// Nothing may be written in this tree.
    NotOffered "not-offered",
    /// Only a range of it.
    Part "part",
    /// No range can be satisfied.
    Unsatisfiable "unsatisfiable",
    /// It vanished meanwhile.
    Vanished "vanished",
    /// Input or output failed.
    Failed "failed",
    /// The client stalled.
    Stalled "stalled",
    /// Broken framing or digest.
    Malformed "malformed",
    /// Larger than allowed.
    TooLarge "too-large",
    /// The peer went away.
    PeerGone "peer-gone",
    /// No room.
    Full "full",
    /// A passing failure.
    Temporary "temporary",
    /// Queued for later.
    Queued "queued",
    /// A clean merge of three versions.
    Merged "merged",
    /// The parent collection is not there.
    ParentMissing "parent-missing",
    /// A parent on the path is a file.
    ParentIsFile "parent-is-file",
    /// The name is a folder's.
    FolderThere "folder-there",
    /// Only variants answer at the address.
    VariantsOnly "variants-only",
    /// A media type that is not taken here.
    WrongType "wrong-type",
    /// A content coding that is not taken here.
    WrongCoding "wrong-coding",
    /// The content equals what is there already.
    Unchanged "unchanged",
    /// Stored, and within its lifetime.
    Fresh "fresh",
    /// Stored, and past its lifetime.
    Stale "stale",
    /// Stored, and to be validated first.
    Validate "validate",
    /// Nothing stored that answers.
    Miss "miss",
    /// Stored for other request fields only.
    VaryMiss "vary-miss",
    /// Not looked up: method, route or request exclude it.
    Bypass "bypass",
    /// Joined to a request that was under way.
    Collapsed "collapsed",
    /// A kept connection.
    Reused "reused",
    /// It failed, and the request goes to an upstream once more.
    Repeated "repeated",
    /// It failed, and a stored answer is used past its lifetime.
    Fallback "fallback",
    /// No answer about the name in time.
    DnsTimeout "dns-timeout",
    /// The name does not resolve.
    DnsError "dns-error",
    /// No address for a request to go to.
    DestinationNotFound "destination-not-found",
    /// The upstream is held to be down.
    DestinationUnavailable "destination-unavailable",
    /// No way to the address.
    Unroutable "unroutable",
    /// The connection was refused.
    ConnectionRefused "connection-refused",
    /// The connection was closed or reset.
    ConnectionTerminated "connection-terminated",
    /// No connection in time.
    ConnectionTimeout "connection-timeout",
    /// Silence inside an answer's head.
    ReadTimeout "read-timeout",
    /// The upstream takes no more of the request.
    WriteTimeout "write-timeout",
    /// As many requests at work as are allowed.
    LimitReached "limit-reached",
    /// TLS failed.
    TlsProtocol "tls-protocol",
    /// The upstream's certificate cannot be trusted.
    TlsCertificate "tls-certificate",
    /// The upstream sent a TLS alert.
    TlsAlert "tls-alert",
    /// The answer's head is too large.
    HeadTooLarge "head-too-large",
    /// The answer's transfer coding cannot be undone.
    TransferCoding "transfer-coding",
    /// No answer in time.
    ResponseTimeout "response-timeout",
    /// The answer is not HTTP.
    NotHttp "not-http",
    /// An upgrade went wrong.
    UpgradeFailed "upgrade-failed",
    /// The gateway is not set up for what the upstream wants.
    Misconfigured "misconfigured",
}

/// One question with its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What was asked.
    pub question: Question,
    /// What was found.
    pub answer: Answer,
}

/// More questions than any decision asks (the decision order bounds it at 60).
const CAPACITY: usize = 64;

/// One place for each question, and one for the beginning.
const QUESTIONS: usize = Question::ALL.len() + 1;

/// The questions of one decision in the order they were asked. Fixed in size: recording is a store of two bytes.
#[derive(Clone)]
pub struct Trace {
    entries: [Entry; CAPACITY],
    length: u8,
}

impl Default for Trace {
    fn default() -> Trace {
        Trace { entries: [Entry { question: Question::Start, answer: Answer::No }; CAPACITY], length: 0 }
    }
}

impl Trace {
    /// Notes an answer. A full trace keeps what it has; [`Trace::is_full`] tells.
    pub fn note(&mut self, question: Question, answer: Answer) {
        if let Some(slot) = self.entries.get_mut(usize::from(self.length)) {
            *slot = Entry { question, answer };
            self.length += 1;
        }
    }

    /// The entries so far.
    pub fn entries(&self) -> &[Entry] {
        self.entries.get(..usize::from(self.length)).unwrap_or_default()
    }

    /// Whether nothing more can be noted.
    pub fn is_full(&self) -> bool {
        usize::from(self.length) == CAPACITY
    }

    /// The last question asked: the reason of the outcome.
    pub fn last(&self) -> Option<Entry> {
        self.entries().last().copied()
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The value of `Candor-Trace`: a structured-field list of `question=answer` (RFC 9651). A question asked
/// again carries its count: `permitted.2=yes`.
impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut asked = [0u8; QUESTIONS];
        for (position, entry) in self.entries().iter().enumerate() {
            if position > 0 {
                f.write_str(", ")?;
            }
            f.write_str(entry.question.name())?;
            let count = &mut asked[usize::from(entry.question.number()) % QUESTIONS];
            *count += 1;
            if *count > 1 {
                f.write_char('.')?;
                write!(f, "{count}")?;
            }
            f.write_char('=')?;
            f.write_str(entry.answer.word())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_asked_again_is_counted() {
        let mut trace = Trace::default();
        trace.note(Question::Permitted, Answer::Yes);
        trace.note(Question::Live, Answer::Document);
        trace.note(Question::Permitted, Answer::No);
        assert_eq!(trace.to_string(), "permitted=yes, live=document, permitted.2=no");
    }

    #[test]
    fn a_full_trace_drops_nothing_it_has() {
        let mut trace = Trace::default();
        (0..100).for_each(|_| trace.note(Question::Live, Answer::No));
        assert!(trace.is_full());
        assert_eq!(trace.entries().len(), CAPACITY);
    }

    #[test]
    fn words_are_tokens_and_unique() {
        let words: std::collections::HashSet<_> = Answer::ALL.iter().map(|a| a.word()).collect();
        assert_eq!(words.len(), Answer::ALL.len());
        assert!(words.iter().all(|w| w.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')));
    }
}
