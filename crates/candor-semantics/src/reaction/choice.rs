//! Choosing among the forms that a 300 or a 406 lists (sections 12.2, 15.4.1, 15.5.7).

use super::{Answer, Leave};
use crate::field::accept::Accept;
use crate::field::accept_language::AcceptLanguage;
use crate::field::link::links;
use crate::field::media_type::MediaType;
use crate::url::Url;

/// One form, as listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Its address.
    pub url: Url,
    /// Its media type.
    pub media_type: Option<String>,
    /// Its language.
    pub language: Option<String>,
    /// What it is called.
    pub title: Option<String>,
}

/// The alternates in `Link` (RFC 8288) that are about the address asked.
pub fn listed(base: &Url, answer: &Answer<'_>) -> Vec<Choice> {
    let value = answer.list("Link").unwrap_or_default();
    links(&value)
        .iter()
        .filter(|link| link.is("alternate"))
        .filter(|link| {
            link.parameter("anchor")
                .is_none_or(|anchor| base.join(anchor).is_ok_and(|anchor| anchor.same_resource(base)))
        })
        .filter_map(|link| {
            let own = |name: &str| link.parameter(name).map(str::to_owned);
            let url = base.join(link.target()).ok()?;
            Some(Choice { url, media_type: own("type"), language: own("hreflang"), title: own("title") })
        })
        .collect()
}

/// The only choice that fits the user's wishes best. None where several do, where none does, or where the user has
/// no wishes that tell them apart.
pub fn best(choices: &[Choice], leave: &Leave) -> Option<Url> {
    let languages = leave.languages.as_deref().map(|value| AcceptLanguage::parse(value.as_bytes()));
    let types = leave.types.as_deref().map(|value| Accept::parse(value.as_bytes()));
    let weight = |choice: &Choice| -> u32 {
        let language = match (&languages, &choice.language) {
            (Some(wished), Some(tag)) => u32::from(wished.quality(tag).0),
            (Some(_), None) => 1,
            (None, _) => 1000,
        };
        let parsed = choice.media_type.as_deref().and_then(|text| MediaType::parse(text.as_bytes()));
        let form = match (&types, parsed) {
            (Some(wished), Some(form)) => u32::from(wished.quality(&form).0),
            (Some(_), None) => 1,
            (None, _) => 1000,
        };
        language.saturating_mul(form)
    };
    let top = choices.iter().map(&weight).max().filter(|&top| top > 0)?;
    let mut fitting = choices.iter().filter(|choice| weight(choice) == top);
    match (fitting.next(), fitting.next()) {
        (Some(only), None) => Some(only.url.clone()),
        _ => None,
    }
}
