//! The questions of the decision order, as data: name, source and sentence for each.

/// Where the answer to a question may come from; a question never looks anywhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// The connection and its clock.
    Connection,
    /// The request's head.
    Request,
    /// The configuration.
    Configuration,
    /// The ledger of addresses.
    Ledger,
    /// Files and objects.
    Store,
    /// The request's content.
    Content,
    /// The result of work done for the request.
    Work,
    /// Another server.
    Upstream,
}

impl Source {
    /// One word for traces.
    pub const fn name(self) -> &'static str {
        match self {
            Source::Connection => "connection",
            Source::Request => "request",
            Source::Configuration => "configuration",
            Source::Ledger => "ledger",
            Source::Store => "store",
            Source::Content => "content",
            Source::Work => "work",
            Source::Upstream => "upstream",
        }
    }
}

/// The parts of the decision order, for pictures and traces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// A.
    MayWeListen,
    /// B.
    CanWeReadIt,
    /// C.
    MayThisCallerKnow,
    /// D.
    WhatIsAtTheAddress,
    /// E.
    MayThisBeDone,
    /// F.
    WhichRepresentation,
    /// G.
    Preconditions,
    /// H.
    TakeTheContent,
    /// I.
    Commit,
    /// The gateway's own part.
    Forward,
}

impl Part {
    /// The part's heading.
    pub const fn heading(self) -> &'static str {
        match self {
            Part::MayWeListen => "May we listen at all?",
            Part::CanWeReadIt => "Can we read it?",
            Part::MayThisCallerKnow => "May this caller know?",
            Part::WhatIsAtTheAddress => "What is at the address?",
            Part::MayThisBeDone => "May this be done to it?",
            Part::WhichRepresentation => "Which representation?",
            Part::Preconditions => "Do the preconditions hold?",
            Part::TakeTheContent => "Take the content",
            Part::Commit => "Commit",
            Part::Forward => "Forward",
        }
    }
}

macro_rules! questions {
    ($($part:ident { $($name:ident $token:literal [$($source:ident)+] $sentence:literal)* })*) => {
        /// One question of the decision order. The numbers are its position: 1 to 49 are the origin
        /// server's, 50 to 70 the gateway's.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Question {
            #[doc(hidden)]
            Start = 0,
            $($(#[doc = $sentence] $name,)*)*
        }

        impl Question {
            /// All questions in order.
            pub const ALL: &'static [Question] = &[$($(Question::$name,)*)*];

            /// The name in traces and logs.
            pub const fn name(self) -> &'static str {
                match self { Question::Start => "start", $($(Question::$name => $token,)*)* }
            }

            /// The question in a sentence.
            pub const fn sentence(self) -> &'static str {
                match self { Question::Start => "", $($(Question::$name => $sentence,)*)* }
            }

            /// The only places its answer may come from.
            pub const fn sources(self) -> &'static [Source] {
                match self { Question::Start => &[], $($(Question::$name => &[$(Source::$source),+],)*)* }
            }

            /// The part of the decision order it belongs to.
            pub const fn part(self) -> Part {
                match self { Question::Start => Part::MayWeListen, $($(Question::$name => Part::$part,)*)* }
            }
        }
    };
}

questions! {
    MayWeListen {
        ConnectionLimit "connection-limit" [Connection Configuration] "Is the hard connection limit reached?"
        HeadInTime "head-in-time" [Connection] "Did a complete head arrive in time?"
        Available "available" [Configuration Connection] "Is the server open: no maintenance, and below its admission limit?"
    }
    CanWeReadIt {
        StartLineWithinLimits "start-line-within-limits" [Request] "Are method and target within their limits?"
        FieldsWithinLimits "fields-within-limits" [Request] "Are the fields within their limits?"
        WellFormed "well-formed" [Request] "Is the message well formed, with one reading of its length?"
        VersionSupported "version-supported" [Request] "Is the major version spoken here?"
        TargetLegal "target-legal" [Request] "Is there one valid host, and a target that decodes and stays below the root?"
        TransferCodingUnderstood "transfer-coding-understood" [Request] "Is the transfer coding understood?"
        AuthorityOurs "authority-ours" [Request Configuration] "Are authority and scheme ours?"
        MethodImplemented "method-implemented" [Request Configuration] "Is the method implemented anywhere on this server?"
        ExpectationKnown "expectation-known" [Request] "Is there no expectation but 100-continue?"
        WithinShare "within-share" [Connection Configuration] "Is the caller within its share of requests?"
        OptionsStar "options-star" [Request] "Is this OPTIONS for the server as a whole?"
    }
    MayThisCallerKnow {
        Authenticated "authenticated" [Request Configuration] "Are credentials given where the space wants them?"
        Permitted "permitted" [Configuration] "May this caller do this under this prefix?"
        SubtreeAvailable "subtree-available" [Configuration] "Is this part of the site open?"
    }
    WhatIsAtTheAddress {
        MovedForGood "moved-for-good" [Ledger] "Does a holding mark say that it moved for good?"
        MovedForNow "moved-for-now" [Ledger] "Does a holding mark say that it moved for now?"
        Gone "gone" [Ledger] "Does a holding mark say that it is gone?"
        Live "live" [Store Configuration] "Is something live at the address?"
        YieldingMark "yielding-mark" [Ledger] "Nothing live: is there a mark that yields to a new document?"
        Creates "creates" [Request] "Nothing at all: would the method create it?"
        SlashForm "slash-form" [Store] "Is it a folder asked for without its final slash?"
    }
    MayThisBeDone {
        MethodAllowed "method-allowed" [Configuration Store] "Is the method allowed here now?"
        PlaceFits "place-fits" [Request Store] "Can a document be written at this place?"
        LengthWithinLimit "length-within-limit" [Request Configuration] "Is the declared length within the limit?"
        ContentAcceptable "content-acceptable" [Request Configuration] "Are the content's coding and media type acceptable?"
        RoomToStore "room-to-store" [Store] "Is there room for the declared length?"
        BaseDeclared "base-declared" [Request Configuration] "Is a base declared where the tree requires one?"
    }
    WhichRepresentation {
        AnyAcceptable "any-acceptable" [Request Store] "Is any variant acceptable?"
        OneBest "one-best" [Request Configuration] "Is exactly one of them best?"
    }
    Preconditions {
        SameContentPossible "same-content-possible" [Request Store] "Can the content still turn out to be the current content?"
        IfMatch "if-match" [Request Store] "Does If-Match hold?"
        IfUnmodifiedSince "if-unmodified-since" [Request Store] "Does If-Unmodified-Since hold?"
        IfNoneMatch "if-none-match" [Request Store] "Does If-None-Match hold?"
        IfModifiedSince "if-modified-since" [Request Store] "Was it modified since If-Modified-Since?"
        RangeApplies "range-applies" [Request Store] "Does a range apply, and can it be satisfied?"
        Opens "opens" [Store] "Does the representation open?"
    }
    TakeTheContent {
        ContinueWanted "continue-wanted" [Request] "Does the client wait for an interim 100?"
        ContentWhole "content-whole" [Content] "Did the content arrive whole, in time and within the limit?"
        ContentUsable "content-usable" [Content] "Can the content be used?"
        InsideDeadline "inside-deadline" [Configuration Request] "Is the work done inside its deadline?"
    }
    Commit {
        NoConflict "no-conflict" [Store Request] "Is the change free of conflict with what others did?"
        StateAllows "state-allows" [Store] "Does the state of the address allow the change?"
        Committed "committed" [Work] "Was the change committed?"
        Created "created" [Work] "Did it create the representation?"
        Resets "resets" [Configuration] "Is the form to be reset?"
        ContentToReturn "content-to-return" [Work Request] "Is there content to return?"
    }
    Forward {
        Loops "loops" [Request] "Has the request been through this gateway before?"
        GoesNoFurther "goes-no-further" [Request] "Does Max-Forwards end the way of the request here?"
        NextHop "next-hop" [Configuration] "Is there a next hop for the address?"
        StoredFresh "stored-fresh" [Store Request] "Is a fresh answer stored for the request?"
        OnlyIfCached "only-if-cached" [Request] "Does the request take a stored answer or none?"
        StaleMeanwhile "stale-meanwhile" [Store] "May the stored answer be used while it is validated?"
        ForwardLater "forward-later" [Configuration Request] "Is the request taken now and delivered later?"
        UpstreamOpen "upstream-open" [Upstream] "Is an upstream there that takes requests?"
        Connected "connected" [Upstream] "Is there a connection to it?"
        RequestSent "request-sent" [Upstream Content] "Was the request sent whole?"
        Interim "interim" [Upstream] "Was there an interim answer?"
        AnswerHead "answer-head" [Upstream] "Did the head of a final answer arrive, valid and in time?"
        WantsGateway "wants-gateway" [Upstream] "Does the upstream want credentials of the gateway (407)?"
        WrongUpstream "wrong-upstream" [Upstream] "Does the upstream say that it is the wrong one (421)?"
        UpstreamWaited "upstream-waited" [Upstream] "Did the upstream wait in vain for the request (408)?"
        UpstreamFails "upstream-fails" [Upstream] "Does the upstream answer a read with 500, 502, 503 or 504?"
        Validated "validated" [Upstream Store] "Did the upstream confirm what is stored?"
        Annotated "annotated" [Configuration] "Are fields added to what the upstream said?"
        Forwarded "forwarded" [Upstream] "Is the answer passed on as it is?"
        ContentForwarded "content-forwarded" [Upstream] "Did the content arrive whole?"
        Invalidates "invalidates" [Request Upstream] "Does the answer make stored answers invalid?"
    }
}

impl Question {
    /// How many questions the origin server has; the gateway's come after them.
    pub const OF_ORIGIN: usize = 49;

    /// The position in the decision order, 1 to 70.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The question at a position.
    pub fn from_number(number: u8) -> Option<Question> {
        Question::ALL.get(usize::from(number).checked_sub(1)?).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn each_has_one_name() {
        assert_eq!(Question::ALL.len(), Question::OF_ORIGIN + 21);
        let names: HashSet<_> = Question::ALL.iter().map(|q| q.name()).collect();
        assert_eq!(names.len(), 70);
        for (position, &question) in Question::ALL.iter().enumerate() {
            assert_eq!(usize::from(question.number()), position + 1);
            assert_eq!(Question::from_number(question.number()), Some(question));
            assert!(!question.sources().is_empty());
            assert_eq!(position >= Question::OF_ORIGIN, question.part() == Part::Forward);
        }
        assert_eq!(Question::from_number(0), None);
    }
}
