//! The decision flow as a table, and its picture.
//!
//! The table lists every exit of every question. A property test walks random decisions and holds them against it
//! in both directions, so that the picture drawn from it is a picture of the code.

use std::fmt::Write as _;

use crate::question::{Part, Question};
use crate::trace::Answer;

/// Where an answer leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum To {
    /// To another question.
    Ask(Question),
    /// To an answer with this status; 0 stands for none.
    Say(u16),
}

/// One way out of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Exit {
    /// The question.
    pub from: Question,
    /// Its answer.
    pub answer: Answer,
    /// Where that leads.
    pub to: To,
}

macro_rules! flow {
    ($($from:ident { $($answer:ident => $($next:ident)? $(/ $code:literal)?;)* })*) => {
        /// Every way out of every question, in order.
        pub const EXITS: &[Exit] = &[$($(
            Exit {
                from: Question::$from,
                answer: Answer::$answer,
                to: $(To::Ask(Question::$next))? $(To::Say($code))?,
            },
        )*)*];
    };
}

flow! {
    ConnectionLimit { No => HeadInTime; }
    HeadInTime { Yes => Available; No => / 408; }
    Available { Yes => StartLineWithinLimits; No => / 503; }
    StartLineWithinLimits { Yes => FieldsWithinLimits; No => / 501; No => / 414; }
    FieldsWithinLimits { Yes => WellFormed; No => / 431; }
    WellFormed { Yes => VersionSupported; No => / 400; }
    VersionSupported { Yes => TargetLegal; No => / 505; }
    TargetLegal { Yes => TransferCodingUnderstood; No => / 400; }
    TransferCodingUnderstood { Yes => AuthorityOurs; No => / 501; }
    AuthorityOurs { Yes => MethodImplemented; No => / 421; Moved => / 301; }
    MethodImplemented { Yes => ExpectationKnown; No => / 501; }
    ExpectationKnown { Yes => WithinShare; No => / 417; }
    WithinShare { Yes => OptionsStar; No => / 429; }
    OptionsStar { No => Authenticated; Yes => / 204; }
    Authenticated { Yes => Permitted; Unauthenticated => / 401; }
    Permitted {
        Yes => SubtreeAvailable; Yes => MovedForGood;
        No => / 403; OthersMay => / 403; Concealed => / 404; Legal => / 451;
    }
    SubtreeAvailable { Yes => MovedForGood; No => / 503; }
    MovedForGood { No => MovedForNow; Yes => / 301; TargetGone => / 410; TargetHidden => / 404; }
    MovedForNow { No => Gone; Yes => / 302; TargetGone => / 410; TargetHidden => / 404; }
    Gone { No => Live; Yes => / 410; }
    Live {
        Document => SlashForm; Folder => SlashForm; Route => SlashForm; Monitor => SlashForm; Choices => SlashForm;
        Document => IfMatch; Folder => IfMatch; Monitor => IfMatch; Choices => IfMatch; Route => NoConflict;
        No => YieldingMark; Temporary => / 503;
    }
    YieldingMark {
        No => Creates; Yields => PlaceFits; Yields => IfMatch;
        Moved => / 301; Moved => / 302; TargetGone => / 410; TargetHidden => / 404;
        Tombstone => / 410; Unseen => / 404;
    }
    Creates {
        Creates => PlaceFits; Creates => IfMatch; NotOffered => / 405; No => / 404; Tombstone => / 410;
    }
    SlashForm { No => MethodAllowed; Yes => / 301; }
    MethodAllowed { Yes => AnyAcceptable; Yes => PlaceFits; Yes => / 204; No => / 405; }
    PlaceFits {
        Yes => LengthWithinLimit; DoesNotApply => LengthWithinLimit; Part => / 400;
        ParentMissing => / 409; ParentIsFile => / 409; FolderThere => / 409; VariantsOnly => / 409;
    }
    LengthWithinLimit {
        Yes => ContentAcceptable; Absent => ContentAcceptable; DoesNotApply => ContentAcceptable; No => / 413;
    }
    ContentAcceptable {
        Yes => RoomToStore; DoesNotApply => RoomToStore; WrongCoding => / 415; WrongType => / 415;
    }
    RoomToStore { Yes => BaseDeclared; DoesNotApply => BaseDeclared; Full => / 507; }
    BaseDeclared {
        Yes => IfMatch; DoesNotApply => IfMatch; Yes => ContinueWanted; DoesNotApply => ContinueWanted; No => / 428;
    }
    AnyAcceptable { Yes => OneBest; DoesNotApply => OneBest; No => / 406; }
    OneBest { Yes => IfMatch; DoesNotApply => IfMatch; No => / 300; Choices => / 300; }
    IfMatch { Absent => IfUnmodifiedSince; Yes => IfNoneMatch; No => SameContentPossible; No => / 412; }
    IfUnmodifiedSince { Absent => IfNoneMatch; Yes => IfNoneMatch; No => SameContentPossible; No => / 412; }
    SameContentPossible { Yes => ContentWhole; No => / 412; }
    IfNoneMatch {
        Absent => IfModifiedSince; Absent => ContinueWanted; Absent => NoConflict;
        Yes => RangeApplies; Yes => ContinueWanted; Yes => NoConflict;
        No => / 304; No => / 412;
    }
    IfModifiedSince { Absent => RangeApplies; Yes => RangeApplies; No => / 304; }
    RangeApplies {
        Absent => Opens; Ignored => Opens; DoesNotApply => Opens; Part => Opens; Unsatisfiable => / 416;
    }
    Opens { Yes => / 200; Yes => / 206; Vanished => MovedForGood; No => / 403; Failed => / 500; }
    ContinueWanted { Yes => ContentWhole; No => ContentWhole; }
    ContentWhole {
        Yes => ContentUsable; Unchanged => / 204; Yes => / 412;
        Stalled => / 408; Malformed => / 400; TooLarge => / 413; PeerGone => / 0;
    }
    ContentUsable { Yes => InsideDeadline; No => / 400; }
    InsideDeadline { Yes => NoConflict; Queued => / 202; Failed => / 500; }
    NoConflict { Yes => StateAllows; Merged => StateAllows; No => / 409; }
    StateAllows { Yes => Committed; No => / 409; }
    Committed { Yes => Created; Full => / 507; Temporary => / 503; Failed => / 500; }
    Created { No => Resets; Yes => / 201; }
    Resets { No => ContentToReturn; Yes => / 205; }
    ContentToReturn { Yes => / 200; No => / 204; }
}

const ROW: usize = 30;
const WIDTH: usize = 1060;

/// The decision flow as an SVG picture: a row for each question, its exits to the right.
pub fn picture() -> String {
    let mut rows = String::new();
    let mut y = 40;
    let mut part: Option<Part> = None;
    for &question in Question::ALL.iter().filter(|question| question.part() != Part::Forward) {
        if part != Some(question.part()) {
            part = Some(question.part());
            y += 18;
            let _ =
                writeln!(rows, r#"<text class="part" x="20" y="{y}">{}</text>"#, question.part().heading());
            y += 14;
        }
        draw(&mut rows, question, y);
        y += ROW;
    }
    let height = y + 20;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         aria-label=\"The decision order of the origin server\">\n{STYLE}\n\
         <text class=\"title\" x=\"20\" y=\"30\">How an answer is reached: the 49 questions of the origin server</text>\n\
         {rows}</svg>\n"
    )
}

const STYLE: &str = "<style>svg{background:#fff;font:13px system-ui,sans-serif}.title{font-size:18px;font-weight:600}\
.part{font-weight:600;fill:#345}.box{fill:#eef3f8;stroke:#9ab}.n{fill:#567;text-anchor:end}.exit{font-size:12px}\
.c2{fill:#176d3a}.c3{fill:#1a4f9c}.c4{fill:#9a4a00}.c5{fill:#a3172b}.go{fill:#667}</style>";

fn draw(rows: &mut String, question: Question, y: usize) {
    let middle = y + 17;
    let _ = writeln!(rows, r#"<text class="n" x="44" y="{middle}">{}</text>"#, question.number());
    let _ = writeln!(rows, r#"<rect class="box" x="52" y="{y}" width="500" height="24" rx="4"/>"#);
    let _ = writeln!(rows, r#"<text x="60" y="{middle}">{}</text>"#, question.sentence());
    let _ = write!(rows, r#"<text class="exit" x="566" y="{middle}">"#);
    for exit in EXITS.iter().filter(|exit| exit.from == question) {
        let _ = match exit.to {
            To::Say(0) => write!(rows, r#"<tspan class="go">{} → no answer</tspan>  "#, exit.answer.word()),
            To::Say(code) => {
                write!(rows, r#"<tspan class="c{}">{} → {code}</tspan>  "#, code / 100, exit.answer.word())
            }
            // The next row is where most answers lead; only leaps are drawn.
            To::Ask(next) if next.number() == question.number() + 1 => Ok(()),
            To::Ask(next) => {
                write!(rows, r#"<tspan class="go">{} → {}</tspan>  "#, exit.answer.word(), next.number())
            }
        };
    }
    rows.push_str("</text>\n");
}
