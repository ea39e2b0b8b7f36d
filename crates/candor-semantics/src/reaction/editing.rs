//! The rule of link editing: what an answer may change in documents, and what it may not.

use super::redirect::{Hop, is_permanent};
use crate::code::{Class, class_of};
use crate::url::Url;

/// What was found at the end of a reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The address of the reference, with its fragment.
    pub reference: Url,
    /// The redirects followed, in order.
    pub hops: Vec<Hop>,
    /// The code of the last answer.
    pub code: u16,
    /// Whether the last answer is second-hand: 203, or with an `Age` from a cache that is not ours.
    pub is_second_hand: bool,
}

/// What follows for the reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// It is fine as it is.
    Keep,
    /// It moved for good, to there.
    Relink {
        /// The new address, with the fragment of the reference unless the answer had its own.
        to: Url,
        /// Whether it may be written without a yes; else why not.
        trust: Result<(), Distrust>,
    },
    /// It is gone for good: may be removed, after a yes.
    Remove {
        /// Whether the answer is to be believed at all.
        trust: Result<(), Distrust>,
    },
    /// Several forms: one may be chosen.
    Choose,
    /// Something is wrong, and no edit is the remedy.
    Report,
}

/// Why an edit is not made without a yes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Distrust {
    /// The answer did not come over https, nor from this machine.
    Unsecured,
    /// It was another origin than the reference's own that moved the address.
    OtherOrigin,
    /// The answer came from somebody's cache.
    SecondHand,
    /// The new address did not answer with success.
    Unanswered,
}

impl Distrust {
    /// Whether a yes is enough to make the edit all the same.
    pub const fn yields(self) -> bool {
        matches!(self, Distrust::Unsecured | Distrust::OtherOrigin)
    }

    /// The reason, as a clause.
    pub const fn clause(self) -> &'static str {
        match self {
            Distrust::Unsecured => "the answer came over plain http",
            Distrust::OtherOrigin => "another site moved it on",
            Distrust::SecondHand => "the answer is second-hand",
            Distrust::Unanswered => "the new address does not answer with success",
        }
    }
}

/// The leading run of permanent redirects, unbroken by any other.
fn leading(hops: &[Hop]) -> &[Hop] {
    let length = hops.iter().take_while(|hop| is_permanent(hop.code)).count();
    hops.get(..length).unwrap_or_default()
}

/// What follows from a finding. Second-hand answers never edit; 404, 403 and 5xx never do; a temporary redirect
/// ends the run, and what comes after it counts only as the proof that the chain ends well.
pub fn edit(finding: &Finding) -> Edit {
    let second_hand = finding.is_second_hand || finding.hops.iter().any(|hop| hop.is_second_hand);
    let run = leading(&finding.hops);
    match (finding.code, class_of(finding.code), run.last()) {
        (_, Class::Successful, Some(last)) => relink(finding, run, last, second_hand),
        (_, Class::Successful, None) => Edit::Keep,
        (300 | 406, _, _) => Edit::Choose,
        (_, _, Some(last)) => {
            let to = last.to.clone().inheriting_fragment(&finding.reference);
            Edit::Relink { to, trust: Err(Distrust::Unanswered) }
        }
        (410, _, None) if finding.hops.is_empty() => {
            let secured = finding.reference.is_secured();
            let trust = match (second_hand, secured) {
                (true, _) => Err(Distrust::SecondHand),
                (false, false) => Err(Distrust::Unsecured),
                (false, true) => Ok(()),
            };
            Edit::Remove { trust }
        }
        _ => Edit::Report,
    }
}

fn relink(finding: &Finding, run: &[Hop], last: &Hop, second_hand: bool) -> Edit {
    let to = last.to.clone().inheriting_fragment(&finding.reference);
    // Every address of the run is believed: each was named by one that was believed before.
    let unsecured = run.iter().any(|hop| !hop.from.is_secured());
    let other = run.iter().any(|hop| !hop.from.same_origin(&finding.reference));
    let trust = if second_hand {
        Err(Distrust::SecondHand)
    } else if unsecured {
        Err(Distrust::Unsecured)
    } else if other {
        Err(Distrust::OtherOrigin)
    } else {
        Ok(())
    };
    if to == finding.reference { Edit::Keep } else { Edit::Relink { to, trust } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OWN: &str = "https://a/old#p2";

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn finding(reference: &str, hops: &[(&str, u16, &str)], code: u16) -> Finding {
        let hops = hops.iter().map(|&(from, code, to)| Hop {
            from: url(from),
            code,
            to: url(to),
            is_second_hand: false,
        });
        Finding { reference: url(reference), hops: hops.collect(), code, is_second_hand: false }
    }

    fn verdict(hops: &[(&str, u16, &str)], code: u16) -> String {
        match edit(&finding(OWN, hops, code)) {
            Edit::Relink { to, trust: Ok(()) } => to.to_string(),
            Edit::Relink { to, trust: Err(why) } => format!("{to} ({why:?})"),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn the_last_address_of_the_leading_run() {
        let (a, b, c) = ("https://a/old", "https://a/b", "https://a/c");
        for (hops, code, expected) in [
            (vec![], 200, "Keep"),
            (vec![(a, 301, b)], 200, "https://a/b#p2"),
            (vec![(a, 308, "https://a/b#q")], 200, "https://a/b#q"),
            (vec![(a, 301, b), (b, 308, c)], 204, "https://a/c#p2"),
            (vec![(a, 301, b), (b, 302, c)], 200, "https://a/b#p2"),
            (vec![(a, 302, b), (b, 301, c)], 200, "Keep"),
            (vec![(a, 303, b)], 200, "Keep"),
            (vec![(a, 307, b)], 200, "Keep"),
            (vec![(a, 301, b)], 404, "https://a/b#p2 (Unanswered)"),
            (vec![(a, 301, b)], 410, "https://a/b#p2 (Unanswered)"),
            (vec![(a, 302, b)], 410, "Report"),
            (vec![], 410, "Remove { trust: Ok(()) }"),
            (vec![], 404, "Report"),
            (vec![], 403, "Report"),
            (vec![], 500, "Report"),
            (vec![], 503, "Report"),
            (vec![], 300, "Choose"),
            (vec![], 742, "Report"),
            (vec![(a, 301, "https://b/x")], 200, "https://b/x#p2"),
            (vec![(a, 301, "https://b/x"), ("https://b/x", 301, c)], 200, "https://a/c#p2 (OtherOrigin)"),
            (vec![(a, 301, "http://a/x"), ("http://a/x", 301, c)], 200, "https://a/c#p2 (Unsecured)"),
        ] {
            assert_eq!(verdict(&hops, code), expected, "{hops:?} {code}");
        }
    }

    #[test]
    fn trust_needs_tls_or_this_machine_and_a_first_hand_answer() {
        let trust = |reference: &str| match edit(&finding(reference, &[(reference, 301, "http://a/n")], 200))
        {
            Edit::Relink { trust, .. } => trust,
            other => panic!("{other:?}"),
        };
        assert_eq!(trust("http://a/old"), Err(Distrust::Unsecured));
        assert_eq!(trust("https://a/old"), Ok(()));
        assert_eq!(trust("http://127.0.0.1:1/old"), Ok(()));
        let mut second_hand = finding(OWN, &[("https://a/old", 301, "https://a/b")], 200);
        second_hand.is_second_hand = true;
        assert!(matches!(edit(&second_hand), Edit::Relink { trust: Err(Distrust::SecondHand), .. }));
    }

    proptest! {
        #[test]
        fn nothing_is_edited_on_trust_without_success(
            codes in proptest::collection::vec(300_u16..310, 0..5),
            code in 0_u16..1000,
        ) {
            let hops: Vec<Hop> = codes.iter().enumerate().map(|(at, &code)| Hop {
                from: url(&format!("https://a/{at}")),
                code,
                to: url(&format!("https://a/{}", at + 1)),
                is_second_hand: false,
            }).collect();
            let finding = Finding { reference: url("https://a/0"), hops, code, is_second_hand: false };
            match edit(&finding) {
                Edit::Relink { trust: Ok(()), .. } => {
                    prop_assert!((200..300).contains(&code));
                    prop_assert!(is_permanent(codes[0]));
                }
                Edit::Remove { .. } => prop_assert!(code == 410 && codes.is_empty()),
                _ => {}
            }
        }
    }
}
