//! Why the gateway has no answer from an upstream: every cause, its question, its error type (RFC 9209 section 2.3)
//! and its code. One table, without a rest that stands for "something else".

use std::fmt::Write as _;
use std::sync::Arc;

use crate::field::proxy_status::ErrorType;
use crate::outcome::Delay;
use crate::question::Question;
use crate::trace::Answer;

/// Which of the four codes a cause has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// 500: the gateway itself is not set up for it.
    Ours,
    /// 502: the exchange with the upstream failed.
    Bad,
    /// 503: the upstream is known not to take it, and nothing was sent.
    Unavailable,
    /// 504: the upstream took too long.
    Late,
}

macro_rules! causes {
    ($($name:ident $question:ident $answer:ident $error:ident $fault:ident $sentence:literal,)*) => {
        /// A cause.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Cause { $(#[doc = $sentence] $name,)* }

        impl Cause {
            /// Every cause.
            pub const ALL: &'static [Cause] = &[$(Cause::$name,)*];

            /// The question that it answers.
            pub const fn question(self) -> Question {
                match self { $(Cause::$name => Question::$question,)* }
            }

            /// The word for it in traces and logs.
            pub const fn answer(self) -> Answer {
                match self { $(Cause::$name => Answer::$answer,)* }
            }

            /// Its type in `Proxy-Status`.
            pub const fn error_type(self) -> ErrorType {
                match self { $(Cause::$name => ErrorType::$error,)* }
            }

            /// Whose fault it is, which decides the code.
            pub const fn fault(self) -> Fault {
                match self { $(Cause::$name => Fault::$fault,)* }
            }

            /// One sentence for everybody.
            pub const fn sentence(self) -> &'static str {
                match self { $(Cause::$name => $sentence,)* }
            }
        }
    };
}

causes! {
    Loop Loops Yes ProxyLoopDetected Bad "The request has been through this gateway before.",
    NoDestination NextHop No DestinationNotFound Ours "The gateway knows no upstream for this address.",
    NothingStored OnlyIfCached Yes DestinationUnavailable Late
        "The request asks for a stored answer only, and none can be used.",
    BreakerOpen UpstreamOpen DestinationUnavailable DestinationUnavailable Unavailable
        "The upstream failed repeatedly and is left alone for a while.",
    Unhealthy UpstreamOpen DestinationUnavailable DestinationUnavailable Unavailable
        "The upstream does not pass its health checks.",
    LimitReached UpstreamOpen LimitReached ConnectionLimitReached Unavailable
        "As many requests are at work with the upstream as the gateway allows.",
    DnsTimeout Connected DnsTimeout DnsTimeout Late "The upstream's name was not resolved in time.",
    DnsError Connected DnsError DnsError Bad "The upstream's name cannot be resolved.",
    Refused Connected ConnectionRefused ConnectionRefused Bad "The upstream refused the connection.",
    Unroutable Connected Unroutable DestinationIpUnroutable Bad "There is no way to the upstream's address.",
    ConnectTimeout Connected ConnectionTimeout ConnectionTimeout Late
        "The connection to the upstream was not made in time.",
    ConnectBroken Connected ConnectionTerminated ConnectionTerminated Bad
        "The connection to the upstream broke while it was made.",
    TlsProtocol Connected TlsProtocol TlsProtocolError Bad "TLS with the upstream failed.",
    TlsCertificate Connected TlsCertificate TlsCertificateError Bad "The upstream's certificate cannot be trusted.",
    TlsAlert Connected TlsAlert TlsAlertReceived Bad "The upstream ended TLS with an alert.",
    SendTimeout RequestSent WriteTimeout ConnectionWriteTimeout Late
        "The upstream took nothing of the request for too long.",
    SendBroken RequestSent ConnectionTerminated ConnectionTerminated Bad
        "The upstream closed the connection before it had the whole request.",
    ClosedBeforeHead AnswerHead ConnectionTerminated ConnectionTerminated Bad
        "The upstream closed the connection without an answer.",
    ClosedWithinHead AnswerHead ConnectionTerminated ConnectionTerminated Bad
        "The upstream closed the connection inside the head of its answer.",
    ResponseTimeout AnswerHead ResponseTimeout HttpResponseTimeout Late "The upstream did not answer in time.",
    HeadTimeout AnswerHead ReadTimeout ConnectionReadTimeout Late
        "The head of the upstream's answer began and did not end in time.",
    NotHttp AnswerHead NotHttp HttpProtocolError Bad "The upstream's answer is not HTTP.",
    BadFraming AnswerHead Malformed HttpProtocolError Bad
        "The length of the upstream's answer can be read in more than one way.",
    TooManyInterim AnswerHead TooLarge HttpProtocolError Bad "The upstream sent too many interim answers.",
    HeadTooLarge AnswerHead HeadTooLarge HttpResponseHeaderSectionSize Bad
        "The head of the upstream's answer is too large.",
    TransferCoding AnswerHead TransferCoding HttpResponseTransferCoding Bad
        "The upstream's answer has a transfer coding that is not implemented.",
    UpgradeUnasked AnswerHead UpgradeFailed HttpUpgradeFailed Bad
        "The upstream changed the protocol although nobody asked it to.",
    WantsCredentials WantsGateway Misconfigured ProxyConfigurationError Bad
        "The upstream wants credentials of the gateway.",
    WrongUpstream WrongUpstream Misconfigured ProxyConfigurationError Bad
        "The upstream says that it does not answer for this authority.",
    UpstreamWaited UpstreamWaited Yes HttpProtocolError Bad
        "The upstream says that the request did not arrive in time, although all of it was sent.",
    ContentCut ContentForwarded ConnectionTerminated HttpResponseIncomplete Bad
        "The content of the upstream's answer broke off.",
    ContentMalformed ContentForwarded Malformed HttpProtocolError Bad
        "The content of the upstream's answer is framed wrongly.",
    ContentTimeout ContentForwarded ReadTimeout ConnectionReadTimeout Late
        "The content of the upstream's answer went silent for too long.",
}

impl Cause {
    /// The code it is answered with, where an answer can still be given.
    pub const fn number(self) -> u16 {
        match self.fault() {
            Fault::Ours => 500,
            Fault::Bad => 502,
            Fault::Unavailable => 503,
            Fault::Late => 504,
        }
    }

    /// Whether the contact with the upstream failed, so that a stored answer may stand in for it (RFC 9111
    /// section 4.2.4). Loops, missing routes and requests for stored answers only are no such failure.
    pub const fn is_failed_contact(self) -> bool {
        !matches!(self, Cause::Loop | Cause::NoDestination | Cause::NothingStored)
    }

    /// Whether it speaks against the upstream's health.
    pub const fn counts_against_upstream(self) -> bool {
        match self {
            Cause::Loop
            | Cause::NoDestination
            | Cause::NothingStored
            | Cause::BreakerOpen
            | Cause::Unhealthy
            | Cause::LimitReached
            | Cause::WantsCredentials
            | Cause::WrongUpstream
            | Cause::UpstreamWaited => false,
            Cause::DnsTimeout
            | Cause::DnsError
            | Cause::Refused
            | Cause::Unroutable
            | Cause::ConnectTimeout
            | Cause::ConnectBroken
            | Cause::TlsProtocol
            | Cause::TlsCertificate
            | Cause::TlsAlert
            | Cause::SendTimeout
            | Cause::SendBroken
            | Cause::ClosedBeforeHead
            | Cause::ClosedWithinHead
            | Cause::ResponseTimeout
            | Cause::HeadTimeout
            | Cause::NotHttp
            | Cause::BadFraming
            | Cause::TooManyInterim
            | Cause::HeadTooLarge
            | Cause::TransferCoding
            | Cause::UpgradeUnasked
            | Cause::ContentCut
            | Cause::ContentMalformed
            | Cause::ContentTimeout => true,
        }
    }
}

/// A failure as it is told to the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayFault {
    /// What happened.
    pub cause: Cause,
    /// Who was asked, by a name that gives nothing away.
    pub next_hop: Option<Arc<str>>,
    /// The upstream's status, where it had one.
    pub received: Option<u16>,
    /// Only where it is known.
    pub retry_after: Option<Delay>,
    /// A stored answer is there that may not be used without validation: then the code is 504 whatever the cause
    /// (RFC 9111 section 5.2.2.2).
    pub must_validate: bool,
}

impl GatewayFault {
    /// A cause alone.
    pub fn new(cause: Cause) -> GatewayFault {
        GatewayFault { cause, next_hop: None, received: None, retry_after: None, must_validate: false }
    }
}

/// The public map of causes, as a Markdown table; the documents are made from it.
pub fn table() -> String {
    let mut table = String::from(
        "| Code | `error` in `Proxy-Status` | Reason id | What happened |\n| --- | --- | --- | --- |\n",
    );
    for &cause in Cause::ALL {
        let code = match cause.question() {
            Question::ContentForwarded => "cut".to_owned(),
            _ => cause.number().to_string(),
        };
        let (error, question, answer) =
            (cause.error_type().token(), cause.question().name(), cause.answer().word());
        let _ = writeln!(table, "| {code} | `{error}` | `{question}={answer}` | {} |", cause.sentence());
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn codes_are_those_the_error_types_recommend() {
        for &cause in Cause::ALL {
            // Settled by the rules: a 407 or 421 becomes 502, and only-if-cached is 504.
            let settled =
                matches!(cause, Cause::WantsCredentials | Cause::WrongUpstream | Cause::NothingStored);
            assert_eq!(cause.number() == cause.error_type().recommended(), !settled, "{cause:?}");
        }
    }

    #[test]
    fn every_cause_is_told_apart_or_says_the_same() {
        let told: HashSet<_> = Cause::ALL.iter().map(|c| c.sentence()).collect();
        assert_eq!(told.len(), Cause::ALL.len());
        for &cause in Cause::ALL {
            assert!(cause.question().number() > 49, "{cause:?}");
            assert!(cause.counts_against_upstream() <= cause.is_failed_contact(), "{cause:?}");
        }
    }

    #[test]
    fn the_documents_have_the_table() {
        let page = include_str!("../../../../docs/gateway.md");
        assert!(page.contains(&table()), "docs/gateway.md lacks the table:\n{}", table());
    }
}
