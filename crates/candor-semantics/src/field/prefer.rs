//! `Prefer` (RFC 7240): what the client would like, if it costs the server nothing.
//!
//! Grammar: `#( token [ BWS "=" BWS word ] *( OWS ";" [ OWS parameter ] ) )`. Examples: `respond-async, wait=10`,
//! `return=minimal`, `handling=lenient`. Named twice, the first counts (section 2); what is unknown or cannot be
//! read is passed over.

use bytes::Bytes;

use super::grammar::{Cursor, list, saturating_number};
use crate::head::Head;

/// The preferences candor knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prefer {
    /// Answer 202 rather than keep the client waiting (section 4.1).
    pub respond_async: bool,
    /// How many seconds the client would wait (section 4.3).
    pub wait: Option<u64>,
    /// What the answer to a change should carry (section 4.2).
    pub return_: Option<Return>,
    /// What to do with small faults in the request (section 4.4).
    pub handling: Option<Handling>,
}

/// What the answer to a change should carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Return {
    /// As little as can be.
    Minimal,
    /// The representation as it is now.
    Representation,
}

/// What to do with small faults in the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handling {
    /// Refuse them.
    Strict,
    /// Make the best of them.
    Lenient,
}

impl Prefer {
    /// What a request prefers, over all lines of the field.
    pub fn from_head(head: &Head) -> Prefer {
        let mut seen = Seen::default();
        for line in head.all("prefer") {
            seen.read(line);
        }
        seen.prefer()
    }

    /// What one value says.
    ///
    /// ```
    /// use candor_semantics::field::prefer::{Prefer, Return};
    /// let prefer = Prefer::parse(b"respond-async, wait=10, return=minimal");
    /// assert!(prefer.respond_async);
    /// assert_eq!((prefer.wait, prefer.return_), (Some(10), Some(Return::Minimal)));
    /// ```
    pub fn parse(value: &[u8]) -> Prefer {
        let mut seen = Seen::default();
        seen.read(value);
        seen.prefer()
    }

    /// Whether the client wants as little as can be.
    pub fn is_minimal(&self) -> bool {
        self.return_ == Some(Return::Minimal)
    }

    /// The value of `Preference-Applied` (section 3) for these preferences, those that were followed; `None` where
    /// there are none.
    pub fn applied(&self) -> Option<Bytes> {
        let wait = self.wait.map(|seconds| format!("wait={seconds}"));
        let members = [
            self.respond_async.then_some("respond-async"),
            wait.as_deref(),
            self.return_.map(|wish| match wish {
                Return::Minimal => "return=minimal",
                Return::Representation => "return=representation",
            }),
            self.handling.map(|wish| match wish {
                Handling::Strict => "handling=strict",
                Handling::Lenient => "handling=lenient",
            }),
        ];
        let members: Vec<&str> = members.into_iter().flatten().collect();
        (!members.is_empty()).then(|| members.join(", ").into())
    }
}

/// First values win, invalid ones included: they say that the preference was named.
#[derive(Default)]
struct Seen {
    respond_async: bool,
    wait: Option<Option<u64>>,
    return_: Option<Option<Return>>,
    handling: Option<Option<Handling>>,
}

impl Seen {
    fn read(&mut self, line: &[u8]) {
        for member in list(line) {
            self.member(member);
        }
    }

    fn member(&mut self, member: &[u8]) -> Option<()> {
        let mut cursor = Cursor::new(member);
        let name = cursor.token()?;
        cursor.skip_ows();
        let value = if cursor.eat(b'=') {
            cursor.skip_ows();
            cursor.word()?
        } else {
            Default::default()
        };
        cursor.skip_ows();
        if !cursor.is_end() && cursor.peek() != Some(b';') {
            return None;
        }
        if name.eq_ignore_ascii_case(b"respond-async") {
            self.respond_async = true;
        } else if name.eq_ignore_ascii_case(b"wait") {
            self.wait.get_or_insert(saturating_number(&value));
        } else if name.eq_ignore_ascii_case(b"return") {
            self.return_.get_or_insert(match &*value {
                b"minimal" => Some(Return::Minimal),
                b"representation" => Some(Return::Representation),
                _ => None,
            });
        } else if name.eq_ignore_ascii_case(b"handling") {
            self.handling.get_or_insert(match &*value {
                b"strict" => Some(Handling::Strict),
                b"lenient" => Some(Handling::Lenient),
                _ => None,
            });
        }
        Some(())
    }

    fn prefer(self) -> Prefer {
        Prefer {
            respond_async: self.respond_async,
            wait: self.wait.flatten(),
            return_: self.return_.flatten(),
            handling: self.handling.flatten(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::tests::head;

    #[test]
    fn preferences() {
        let none = Prefer::default();
        for (lines, expected) in [
            (&[][..], none),
            (&[""], none),
            (&["foo, bar=1"], none),
            (&["Respond-Async"], Prefer { respond_async: true, ..none }),
            (&["respond-async;x=y"], Prefer { respond_async: true, ..none }),
            (&["respond-async x"], none),
            (&["wait=10", "respond-async"], Prefer { respond_async: true, wait: Some(10), ..none }),
            (&["wait = \"10\" ; a"], Prefer { wait: Some(10), ..none }),
            (&["wait=10, wait=20"], Prefer { wait: Some(10), ..none }),
            (&["wait=x, wait=20"], none),
            (&["wait"], none),
            (&["wait=-1"], none),
            (&["wait=99999999999999999999"], Prefer { wait: Some(u64::MAX), ..none }),
            (&["return=minimal"], Prefer { return_: Some(Return::Minimal), ..none }),
            (
                &["return=representation, return=minimal"],
                Prefer { return_: Some(Return::Representation), ..none },
            ),
            (&["return=\"minimal\""], Prefer { return_: Some(Return::Minimal), ..none }),
            (&["return=other"], none),
            (&["handling=strict"], Prefer { handling: Some(Handling::Strict), ..none }),
            (&["handling=lenient"], Prefer { handling: Some(Handling::Lenient), ..none }),
            (&["foo=\"a, wait=5\""], none),
        ] {
            assert_eq!(Prefer::from_head(&head("Prefer", lines)), expected, "{lines:?}");
        }
    }

    #[test]
    fn what_was_applied_reads_back() {
        let prefer = Prefer {
            respond_async: true,
            wait: Some(5),
            return_: Some(Return::Minimal),
            handling: Some(Handling::Lenient),
        };
        assert_eq!(Prefer::parse(&prefer.applied().unwrap()), prefer);
        assert_eq!(Prefer::default().applied(), None);
    }
}
