//! Proactive negotiation (section 12.1): which variant answers, and in which coding.
//!
//! The client's weights come first, then an order of the server's own that is part of negotiation, so that
//! ordinary clients are never asked to choose: the configured default; an exact type over a wildcard; HTML over
//! Markdown, JSON, XML and text; fewer suffixes; the site's languages in order; among images the smallest.
//! Languages alone never tie: where nothing orders them, their tags do. What is left is a true tie (300).

use crate::field::accept::{Accept, Specificity};
use crate::field::accept_encoding::AcceptEncoding;
use crate::field::accept_language::{AcceptLanguage, Closeness};
use crate::field::media_type::MediaType;
use crate::head::Head;
use crate::outcome::Choice;
use crate::representation::{Chosen, Coding, CodingSet, Variant, Vary};

/// What negotiation found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// No variant is acceptable: 406.
    None,
    /// These are equally good, and nothing of the server's orders them: 300.
    Tie(Vec<usize>),
    /// This one.
    One(Chosen),
}

/// Selects among variants by the request's `Accept`, `Accept-Language` and `Accept-Encoding`. Language never
/// makes a variant unacceptable. A lenient site serves its default where nothing is acceptable.
pub fn select(variants: &[Variant], head: &Head, lenient: bool) -> Selection {
    let accept = Accept::from_head(head);
    let encoding = AcceptEncoding::from_head(head);
    if let [only] = variants {
        let acceptable = accept.is_open() || weigh_type(&accept, only).0 > 0;
        return match (acceptable, coding(only, &encoding)) {
            (true, Some(coding)) => Selection::One(Chosen { variant: 0, coding }),
            _ if lenient => leniently(variants),
            _ => Selection::None,
        };
    }
    let language = AcceptLanguage::from_head(head);
    let mut best: Vec<(usize, Rank)> = Vec::new();
    for (index, variant) in variants.iter().enumerate() {
        let (weight, specificity) = weigh_type(&accept, variant);
        if weight == 0 || coding(variant, &encoding).is_none() {
            continue;
        }
        let rank = Rank::of(variant, weight, specificity, &language);
        match best.first().map(|(_, held)| rank.cmp(held)) {
            Some(std::cmp::Ordering::Less) => {}
            Some(std::cmp::Ordering::Equal) => best.push((index, rank)),
            None | Some(std::cmp::Ordering::Greater) => best = vec![(index, rank)],
        }
    }
    match settle(variants, best.into_iter().map(|(index, _)| index).collect()) {
        Settled::None if lenient => leniently(variants),
        Settled::None => Selection::None,
        Settled::Tie(tied) => Selection::Tie(tied),
        Settled::One(variant) => match variants.get(variant).and_then(|v| coding(v, &encoding)) {
            Some(coding) => Selection::One(Chosen { variant, coding }),
            None => Selection::None,
        },
    }
}

/// What depends on the request in the answers of an address with these variants (section 12.5.5).
pub fn vary(variants: &[Variant]) -> Vary {
    let first = variants.first();
    Vary {
        accept: variants.iter().any(|v| Some(&v.content_type) != first.map(|f| &f.content_type)),
        language: variants.iter().any(|v| Some(&v.language) != first.map(|f| &f.language)),
        encoding: variants.iter().any(|v| v.codings != CodingSet::EMPTY.with(Coding::Identity)),
    }
}

/// The variant that stands for the address where none is acceptable: the configured default, else the one that
/// the server's own order puts first.
pub fn default_of(variants: &[Variant]) -> Option<&Variant> {
    variants.iter().max_by(|a, b| {
        let rank = |v: &Variant| (v.default, class(v), std::cmp::Reverse((v.suffixes, v.language_rank)));
        rank(a).cmp(&rank(b)).then_with(|| b.href.cmp(&a.href))
    })
}

/// All variants as a list for people and programs.
pub fn choices(variants: &[Variant]) -> Vec<Choice> {
    variants.iter().map(choice).collect()
}

/// Some variants as a list.
pub fn choices_of(variants: &[Variant], some: &[usize]) -> Vec<Choice> {
    some.iter().filter_map(|&index| variants.get(index)).map(choice).collect()
}

fn choice(variant: &Variant) -> Choice {
    Choice {
        href: variant.href.clone(),
        media_type: variant.content_type.clone(),
        language: variant.language.clone(),
        length: Some(variant.length),
        quality: 1000,
    }
}

/// A variant's place in the order; greater is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    type_weight: u16,
    language: (u16, Closeness),
    default: bool,
    specificity: Specificity,
    class: u8,
    fewer_suffixes: std::cmp::Reverse<u8>,
    language_order: std::cmp::Reverse<u8>,
}

impl Rank {
    fn of(
        variant: &Variant,
        type_weight: u16,
        specificity: Specificity,
        language: &AcceptLanguage<'_>,
    ) -> Rank {
        Rank {
            type_weight,
            language: weigh_language(language, variant),
            default: variant.default,
            specificity,
            class: class(variant),
            fewer_suffixes: std::cmp::Reverse(variant.suffixes),
            language_order: std::cmp::Reverse(variant.language_rank),
        }
    }
}

enum Settled {
    None,
    Tie(Vec<usize>),
    One(usize),
}

/// Ends ties that are none: among images the smallest is best, among languages of one type the first by tag.
fn settle(variants: &[Variant], tied: Vec<usize>) -> Settled {
    match tied.as_slice() {
        [] => return Settled::None,
        &[only] => return Settled::One(only),
        _ => {}
    }
    let of = |&index: &usize| variants.get(index);
    let types_differ = {
        let mut types = tied.iter().filter_map(of).map(|v| &v.content_type);
        let first = types.next();
        types.any(|t| Some(t) != first)
    };
    let images = tied.iter().filter_map(of).all(|v| v.content_type.starts_with(b"image/"));
    let best = if images {
        tied.iter().filter_map(of).min_by_key(|v| (v.length, v.href.clone()))
    } else if types_differ {
        None
    } else {
        tied.iter().filter_map(of).min_by_key(|v| (v.language.clone(), v.href.clone()))
    };
    match best.and_then(|best| variants.iter().position(|v| std::ptr::eq(v, best))) {
        Some(index) => Settled::One(index),
        None => Settled::Tie(tied),
    }
}

/// HTML over Markdown, JSON, XML and plain text, these over everything else.
fn class(variant: &Variant) -> u8 {
    let essence = variant.content_type.split(|&b| b == b';').next().unwrap_or_default().trim_ascii();
    match essence {
        b"text/html" | b"application/xhtml+xml" => 5,
        b"text/markdown" => 4,
        b"application/json" => 3,
        b"application/xml" | b"text/xml" => 2,
        b"text/plain" => 1,
        _ => 0,
    }
}

/// A type we only guessed satisfies every `Accept`: a wrong guess must not hide the document.
fn weigh_type(accept: &Accept<'_>, variant: &Variant) -> (u16, Specificity) {
    let (weight, specificity) = match MediaType::parse(&variant.content_type) {
        Some(media_type) => accept.quality(&media_type),
        None => (1, Specificity::Any),
    };
    (if variant.type_known { weight } else { weight.max(1) }, specificity)
}

/// A variant without a language is for everybody: better than one in a language the client did not name, worse
/// than one in a language it did.
fn weigh_language(accepted: &AcceptLanguage<'_>, variant: &Variant) -> (u16, Closeness) {
    let tag = variant.language.as_deref().and_then(|tag| std::str::from_utf8(tag).ok());
    match tag {
        Some(tag) => accepted.quality(tag),
        None => {
            let (weight, closeness) = accepted.quality("");
            (weight.max(1), closeness)
        }
    }
}

/// The best coding of a variant for this client; `None` where it excludes them all. Codings that would have to
/// be made first are only chosen by clients that exclude the bytes as they are. Among equals the bytes as they
/// are come first: such a client did not ask for less.
fn coding(variant: &Variant, accepted: &AcceptEncoding) -> Option<Coding> {
    let plain = variant.codings.contains(Coding::Identity) && accepted.quality(Coding::Identity) > 0;
    let offered = if plain { variant.ready.with(Coding::Identity) } else { variant.codings };
    let (mut order, mut count) = ([Coding::Identity; 4], 0);
    for coding in [Coding::Identity, Coding::Brotli, Coding::Zstd, Coding::Gzip] {
        if offered.contains(coding) {
            order[count] = coding;
            count += 1;
        }
    }
    accepted.preferred(order.get(..count)?)
}

/// What a lenient site serves: its default as it is.
fn leniently(variants: &[Variant]) -> Selection {
    let default = default_of(variants);
    let index = default.and_then(|best| variants.iter().position(|v| std::ptr::eq(v, best)));
    match (index, default) {
        (Some(variant), Some(default)) => {
            let coding = Coding::ALL.into_iter().find(|&c| default.codings.contains(c));
            Selection::One(Chosen { variant, coding: coding.unwrap_or(Coding::Identity) })
        }
        _ => Selection::None,
    }
}
