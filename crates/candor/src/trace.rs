//! Reads `Candor-Trace`, a structured field of `question=answer` members (RFC 9651).

use candor_semantics::question::Question;

/// One question with its answer, as a server told it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// The name as sent, without its count.
    pub(crate) name: String,
    /// The question, if this build knows it.
    pub(crate) question: Option<Question>,
    /// How often it was asked up to here: 2 for `permitted.2`.
    pub(crate) round: u32,
    /// The answer's word.
    pub(crate) answer: String,
    /// Where the answer came from: as told, else where answers to the question may come from.
    pub(crate) sources: Vec<String>,
}

/// Reads the field's value; `None` where it is malformed.
pub(crate) fn parse(value: &str) -> Option<Vec<Step>> {
    let members = members(value)?;
    members.into_iter().map(step).collect()
}

fn step(member: Member) -> Option<Step> {
    let (name, round) = match member.key.rsplit_once('.') {
        Some((name, round)) => (name.to_owned(), round.parse().ok()?),
        None => (member.key, 1),
    };
    let question = Question::ALL.iter().copied().find(|question| question.name() == name);
    let told = member.parameters.into_iter().filter(|(key, _)| key == "source").map(|(_, value)| value);
    let mut sources: Vec<String> = told.collect();
    if let Some(question) = question.filter(|_| sources.is_empty()) {
        sources = question.sources().iter().map(|source| source.name().to_owned()).collect();
    }
    Some(Step { name, question, round, answer: member.value, sources })
}

struct Member {
    key: String,
    value: String,
    parameters: Vec<(String, String)>,
}

/// Splits a dictionary whose values are tokens, strings, numbers or truth values.
fn members(value: &str) -> Option<Vec<Member>> {
    let mut rest = Rest(value.trim_matches([' ', '\t']));
    let mut members = Vec::new();
    while !rest.0.is_empty() {
        let key = rest.key()?;
        let value = if rest.skip('=') { rest.item()? } else { "yes".to_owned() };
        let mut parameters = Vec::new();
        while rest.skip(';') {
            rest.blanks();
            let key = rest.key()?;
            let value = if rest.skip('=') { rest.item()? } else { "yes".to_owned() };
            parameters.push((key, value));
        }
        members.push(Member { key, value, parameters });
        rest.blanks();
        if rest.0.is_empty() {
            break;
        }
        if !rest.skip(',') {
            return None;
        }
        rest.blanks();
        if rest.0.is_empty() {
            return None;
        }
    }
    Some(members)
}

/// What is still to be read.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    fn take(&mut self, legal: impl Fn(char) -> bool) -> Option<&'a str> {
        let end = self.0.find(|letter| !legal(letter)).unwrap_or(self.0.len());
        let (taken, rest) = self.0.split_at_checked(end)?;
        self.0 = rest;
        if taken.is_empty() { None } else { Some(taken) }
    }

    fn skip(&mut self, letter: char) -> bool {
        match self.0.strip_prefix(letter) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    fn blanks(&mut self) {
        self.0 = self.0.trim_start_matches([' ', '\t']);
    }

    fn key(&mut self) -> Option<String> {
        self.take(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-.*".contains(c)).map(str::to_owned)
    }

    fn item(&mut self) -> Option<String> {
        if self.skip('?') {
            return match self.take(|c| c == '0' || c == '1')? {
                "1" => Some("yes".to_owned()),
                "0" => Some("no".to_owned()),
                _ => None,
            };
        }
        if self.skip('"') {
            return self.string();
        }
        self.take(|c| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~:/".contains(c)).map(str::to_owned)
    }

    fn string(&mut self) -> Option<String> {
        let mut text = String::new();
        let mut letters = self.0.char_indices();
        while let Some((at, letter)) = letters.next() {
            match letter {
                '"' => {
                    self.0 = self.0.get(at + 1..)?;
                    return Some(text);
                }
                '\\' => text.push(letters.next().map(|(_, c)| c).filter(|c| matches!(c, '"' | '\\'))?),
                ' '..='~' => text.push(letter),
                _ => return None,
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_read() {
        let steps = parse(
            "connection-limit=no;source=connection, permitted=yes,\tpermitted.2=others-may, new-one=?1",
        )
        .unwrap();
        let short: Vec<_> = steps.iter().map(|s| (s.name.as_str(), s.round, s.answer.as_str())).collect();
        assert_eq!(
            short,
            [
                ("connection-limit", 1, "no"),
                ("permitted", 1, "yes"),
                ("permitted", 2, "others-may"),
                ("new-one", 1, "yes")
            ]
        );
        assert_eq!(steps[0].sources, ["connection"]);
        assert_eq!(steps[1].question, Some(Question::Permitted));
        assert_eq!(steps[1].sources, ["configuration"]);
        assert_eq!((steps[3].question, steps[3].sources.len()), (None, 0));
        assert_eq!(parse("x=\"a\\\"b\";note=\"c\"").unwrap()[0].answer, "a\"b");
        assert_eq!(parse(""), Some(Vec::new()));
    }

    #[test]
    fn what_the_server_writes_is_read_back() {
        // A trace holds fewer entries than there are questions: no decision asks them all.
        for asked in Question::ALL.chunks(40) {
            let mut trace = candor_semantics::trace::Trace::default();
            for question in asked {
                trace.note(*question, candor_semantics::trace::Answer::DoesNotApply);
            }
            trace.note(asked[0], candor_semantics::trace::Answer::Vanished);
            let steps = parse(&trace.to_string()).unwrap();
            assert_eq!(steps.len(), asked.len() + 1);
            assert!(steps.iter().zip(asked).all(|(step, question)| step.question == Some(*question)));
            let again = steps.last().unwrap();
            assert_eq!((again.question, again.round, again.answer.as_str()), (Some(asked[0]), 2, "vanished"));
        }
    }

    #[test]
    fn malformed_traces_are_not() {
        for value in ["A=b", "a=", "a=b,", "a=b c=d", "a=\"b", "a=b;", "=", ",", "a=?2", "x.y=no"] {
            assert_eq!(parse(value), None, "{value}");
        }
    }
}
