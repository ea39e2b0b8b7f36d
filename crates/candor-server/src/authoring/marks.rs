//! What the ledger says of an address, as marks of the decision.

use std::time::SystemTime;

use bytes::Bytes;
use candor_semantics::address::{Address, encode_path};
use candor_semantics::facts::{Mark, TargetEnd};
use candor_semantics::outcome::{Choice, Location};
use candor_store::{self as store, MarkKind, Moment, Standing, StoreError};

use super::Authoring;
use crate::access;
use crate::credentials::Verdict;
use crate::site::Site;
use crate::standing::{date, is_hidden, with_query};

/// Marks that lead on to marks are followed this far.
const MOST_HOPS: usize = 32;

/// A mark that an owner set.
pub(crate) enum Held {
    /// A mark of the decision.
    Mark(Mark),
    /// Several places: a list of choices.
    Choices(Vec<Choice>),
}

/// The mark of an owner that holds at an address, in force now.
///
/// # Errors
/// The ledger cannot be read.
pub(crate) fn holding(
    site: &Site,
    authoring: &Authoring,
    address: &Address,
    verdict: &Verdict,
    now: SystemTime,
) -> Result<Option<Held>, StoreError> {
    let Some(mark) = authoring.ledger.mark(address.path())? else { return Ok(None) };
    let path = mark.path.clone();
    Ok(match mark.what {
        MarkKind::Moved(targets) if targets.len() > 1 => {
            Some(Held::Choices(targets.iter().map(|target| choice(target)).collect()))
        }
        MarkKind::Moved(targets) => match targets.first() {
            Some(target) => {
                let reference = lead(&path, target, address.path());
                let (to, end) = follow(site, authoring, reference, address, verdict)?;
                Some(Held::Mark(Mark::Moved { to, end, lifetime: None }))
            }
            None => None,
        },
        MarkKind::MovedForNow(_, Some(until)) if until.time() <= now => None,
        MarkKind::MovedForNow(target, _) => {
            let reference = lead(&path, &target, address.path());
            let (to, end) = follow(site, authoring, reference, address, verdict)?;
            Some(Held::Mark(Mark::MovedForNow { to, end }))
        }
        MarkKind::Gone { note, from, until } => Some(Held::Mark(Mark::Gone {
            note: note.map(Bytes::from),
            since: Some(date(from.unwrap_or(mark.since).time())),
            from: from.map(|from| date(from.time())),
            until: until.map(|until| date(until.time())),
        })),
    })
}

/// What a deletion or a move left at an address. Waits for the disk.
///
/// # Errors
/// The ledger cannot be read.
pub(crate) fn yielding(
    site: &Site,
    authoring: &Authoring,
    address: &Address,
    verdict: &Verdict,
) -> Result<Option<Mark>, StoreError> {
    Ok(match authoring.ledger.standing(address.path())? {
        Standing::Moved { to, .. } => {
            let (to, end) = follow(site, authoring, encode_path(&to), address, verdict)?;
            Some(Mark::Moved { to, end, lifetime: None })
        }
        Standing::Gone { since, note } => Some(Mark::Gone {
            note: note.map(Bytes::from),
            since: Some(date(since.time())),
            from: None,
            until: None,
        }),
        Standing::Unknown | Standing::Present(_) | Standing::Collection => None,
    })
}

/// Where a mark leads for an address it covers: the rest goes along from collection to collection.
fn lead(marked: &[u8], target: &str, path: &[u8]) -> String {
    let rest = path.strip_prefix(marked).filter(|_| marked.ends_with(b"/") && target.ends_with('/'));
    format!("{target}{}", rest.map(encode_path).unwrap_or_default())
}

/// Where a redirect ends, in one hop, and whether this caller may be told.
fn follow(
    site: &Site,
    authoring: &Authoring,
    reference: String,
    address: &Address,
    verdict: &Verdict,
) -> Result<(Location, TargetEnd), StoreError> {
    let mut reference = reference;
    let mut end = TargetEnd::Open;
    for _ in 0..MOST_HOPS {
        let Some(there) = local(&reference) else { break };
        let routes = &site.configuration.routes;
        if access::governing(routes, there.path()).is_some_and(|route| is_hidden(route, verdict)) {
            end = TargetEnd::Hidden;
            break;
        }
        match authoring.ledger.mark(there.path())? {
            Some(store::Mark { path, what: MarkKind::Moved(targets), .. }) if targets.len() == 1 => {
                let target = targets.first().map(String::as_str).unwrap_or_default();
                reference = lead(&path, target, there.path());
            }
            Some(store::Mark { what: MarkKind::Gone { from, until, .. }, .. }) => {
                let now = Moment::now();
                if from.is_none_or(|from| from <= now) && until.is_none_or(|until| now < until) {
                    end = TargetEnd::Gone;
                }
                break;
            }
            _ => break,
        }
    }
    Ok((with_query(reference, address), end))
}

/// The address of a reference to this site.
fn local(reference: &str) -> Option<Address> {
    let target = reference.split('#').next().unwrap_or_default();
    target.starts_with('/').then(|| Address::parse(target.as_bytes()).ok())?
}

fn choice(target: &str) -> Choice {
    Choice {
        href: Bytes::from(target.to_owned()),
        media_type: Bytes::new(),
        language: None,
        length: None,
        quality: 1000,
    }
}
