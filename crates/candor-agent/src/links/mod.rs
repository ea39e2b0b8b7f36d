//! Keeping links: what a folder or a site refers to, whether it answers, and which references may be changed.

pub mod check;
mod evidence;
pub mod fix;
mod folder;
pub mod journal;
mod robots;
mod targets;

use std::path::PathBuf;

use candor_links::Link;
use candor_semantics::reaction::editing::Distrust;
use candor_semantics::url::Url;

pub use check::{Report, check_folder, check_site};

/// How a check goes about.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the folder is served, if it is.
    pub base: Option<Url>,
    /// Requests under way at once, in all.
    pub at_once: usize,
    /// Requests under way at once to one host; to this machine, [`Settings::at_once`].
    pub per_host: usize,
    /// The most pages of a site that are read.
    pub most_pages: usize,
    /// Where validators and evidence are kept between runs.
    pub state: Option<PathBuf>,
    /// Whether private addresses may be asked from a public site.
    pub private: bool,
    /// Whether nothing is asked over the network.
    pub offline: bool,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            base: None,
            at_once: 128,
            per_host: 4,
            most_pages: 20_000,
            state: None,
            private: false,
            offline: false,
        }
    }
}

/// A document that was read for its links.
#[derive(Clone, Debug)]
pub struct Source {
    /// Its name in reports: a path beneath the folder, or an address.
    pub name: String,
    /// Its file, if it is one.
    pub file: Option<PathBuf>,
    /// What its references are relative to.
    pub base: Url,
    /// The digest of the bytes that were read.
    pub digest: [u8; 32],
}

/// A reference, and what is to be said of it.
#[derive(Clone, Debug)]
pub struct Reference {
    /// The number of its document in [`Report::sources`].
    pub source: usize,
    /// The reference in its document.
    pub link: Link,
    /// Its line, from 1.
    pub line: usize,
    /// Its address, if it has one that can be asked.
    pub target: Option<Url>,
    /// What was found.
    pub verdict: Verdict,
}

/// What was found at a reference. The order is that of reports: what is to be done comes first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It moved for good.
    Relink {
        /// Where to, with the fragment.
        to: Url,
        /// Why it is not written without a yes.
        trust: Result<(), Distrust>,
    },
    /// It is there in several forms.
    Choose,
    /// It is gone for good.
    Gone {
        /// Why the answer is not to be believed without a yes.
        trust: Result<(), Distrust>,
    },
    /// Nothing is there.
    Broken(String),
    /// The document is there, but not what the fragment names.
    NoFragment,
    /// The answer is second-hand.
    SecondHand,
    /// It could not be told.
    Unknown(String),
    /// It is there.
    Fine,
    /// It is no address that is asked, or was not to be.
    Skipped(&'static str),
}

impl Verdict {
    /// The place in reports; what needs no word has none.
    pub fn rank(&self) -> Option<u8> {
        Some(match self {
            Verdict::Relink { .. } => 0,
            Verdict::Choose => 1,
            Verdict::Gone { .. } => 2,
            Verdict::Broken(_) => 3,
            Verdict::NoFragment => 4,
            Verdict::SecondHand => 5,
            Verdict::Unknown(_) => 6,
            Verdict::Fine | Verdict::Skipped(_) => return None,
        })
    }

    /// A word for tables and programs.
    pub const fn word(&self) -> &'static str {
        match self {
            Verdict::Relink { .. } => "relink",
            Verdict::Choose => "choose",
            Verdict::Gone { .. } => "gone",
            Verdict::Broken(_) => "broken",
            Verdict::NoFragment => "no-fragment",
            Verdict::SecondHand => "second-hand",
            Verdict::Unknown(_) => "unknown",
            Verdict::Fine => "fine",
            Verdict::Skipped(_) => "skipped",
        }
    }

    /// What was found, as a clause.
    pub fn clause(&self) -> String {
        match self {
            Verdict::Relink { to, trust: Ok(()) } => format!("moved for good to {to}"),
            Verdict::Relink { to, trust: Err(why) } => {
                format!("moved for good to {to}, but {}", why.clause())
            }
            Verdict::Choose => "there in several forms".to_owned(),
            Verdict::Gone { trust: Ok(()) } => "gone for good".to_owned(),
            Verdict::Gone { trust: Err(why) } => format!("gone for good, but {}", why.clause()),
            Verdict::Broken(why) | Verdict::Unknown(why) => why.clone(),
            Verdict::NoFragment => "the document has no such fragment".to_owned(),
            Verdict::SecondHand => "only a second-hand copy answers".to_owned(),
            Verdict::Fine => "fine".to_owned(),
            Verdict::Skipped(why) => (*why).to_owned(),
        }
    }
}
