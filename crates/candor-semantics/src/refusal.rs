//! What the wire can find wrong before anybody looks at the address: the reasons behind questions 2 to 9.

use crate::question::Question;

/// Why a request could not be read. Each belongs to exactly one question of the decision order, which
/// gives it its status; see [`crate::decision`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The head began and stalled (408; RFC 9110 section 15.5.9).
    HeadTimeout,
    /// The method token is longer than 64 bytes (501; RFC 9112 section 3).
    MethodTooLong,
    /// The target is longer than the limit (414; RFC 9112 section 3).
    TargetTooLong,
    /// The header section, or one field, is larger than the limit (431; RFC 6585 section 5).
    FieldsTooLarge,
    /// The start line is not `method SP target SP version CRLF` (400; RFC 9112 section 3).
    StartLine,
    /// A field line is malformed: bare CR or LF, blank before the colon, folding, control bytes
    /// (400; RFC 9112 sections 2.2, 5.1, 5.2).
    FieldLine,
    /// More than one reading of the length: both framings, differing or malformed lengths, chunked not last
    /// (400; RFC 9112 sections 6.1 and 6.3).
    Framing,
    /// A major version other than 1 in a start line (505; RFC 9110 section 15.6.6).
    Version,
    /// No `Host`, more than one, or one that is no authority (400; RFC 9112 section 3.2).
    Host,
    /// A target in a form this method cannot have (400; RFC 9112 section 3.2).
    TargetForm,
    /// The path does not decode, or climbs above the root (400).
    Path,
    /// A transfer coding other than chunked (501; RFC 9112 section 6.1).
    TransferCoding,
}

impl Refusal {
    /// Every refusal, for tables and tests.
    pub const ALL: &'static [Refusal] = &[
        Refusal::HeadTimeout,
        Refusal::MethodTooLong,
        Refusal::TargetTooLong,
        Refusal::FieldsTooLarge,
        Refusal::StartLine,
        Refusal::FieldLine,
        Refusal::Framing,
        Refusal::Version,
        Refusal::Host,
        Refusal::TargetForm,
        Refusal::Path,
        Refusal::TransferCoding,
    ];

    /// The question this refusal answers.
    pub const fn question(self) -> Question {
        match self {
            Refusal::HeadTimeout => Question::HeadInTime,
            Refusal::MethodTooLong | Refusal::TargetTooLong => Question::StartLineWithinLimits,
            Refusal::FieldsTooLarge => Question::FieldsWithinLimits,
            Refusal::StartLine | Refusal::FieldLine | Refusal::Framing => Question::WellFormed,
            Refusal::Version => Question::VersionSupported,
            Refusal::Host | Refusal::TargetForm | Refusal::Path => Question::TargetLegal,
            Refusal::TransferCoding => Question::TransferCodingUnderstood,
        }
    }

    /// One sentence for the page and the trace.
    pub const fn sentence(self) -> &'static str {
        match self {
            Refusal::HeadTimeout => "The request began but its head did not arrive in time.",
            Refusal::MethodTooLong => "The method is longer than any method this server knows.",
            Refusal::TargetTooLong => "The request target is longer than this server reads.",
            Refusal::FieldsTooLarge => "The header section is larger than this server reads.",
            Refusal::StartLine => "The first line is not a method, a target and a version.",
            Refusal::FieldLine => "A header field line is malformed.",
            Refusal::Framing => "The length of the content can be read in more than one way.",
            Refusal::Version => "The request names a major version of HTTP that is not spoken here.",
            Refusal::Host => "The Host field is missing, repeated or not a host.",
            Refusal::TargetForm => "The request target has a form that this method cannot have.",
            Refusal::Path => "The path cannot be decoded, or climbs above the root.",
            Refusal::TransferCoding => "The request uses a transfer coding that is not implemented.",
        }
    }

    /// Whether the connection can no longer be read in step and must close.
    pub const fn closes(self) -> bool {
        !matches!(self, Refusal::Path)
    }
}
