//! `Accept-Encoding` (section 12.5.3): which content codings the client can undo.
//!
//! Grammar: `#( ( content-coding / "identity" / "*" ) [ OWS ";" OWS "q=" qvalue ] )`. Examples: `gzip, br`,
//! `gzip;q=1.0, identity;q=0.5, *;q=0`.
//!
//! | field | identity | other codings |
//! | --- | --- | --- |
//! | absent | 1000 | 1: the standard says anything goes, but such clients mostly undo nothing |
//! | empty | 1000 | 0 |
//! | does not name identity, no `*` | 1: acceptable, the last choice | as named, else 0 |
//! | `*;q=n` | n unless named | n unless named |
//!
//! Members that cannot be read or name unknown codings are passed over; named twice, the higher weight counts. A
//! field of which nothing can be read is like an absent one.

use super::content_encoding::Coding;
use super::grammar::{Cursor, FULL_WEIGHT, LEAST_WEIGHT, Parameters, list, trim_ows, weight};
use crate::head::Head;

/// The weight of each coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcceptEncoding {
    weights: [u16; Coding::ALL.len()],
}

impl AcceptEncoding {
    /// Where the field is absent.
    pub const ABSENT: AcceptEncoding =
        AcceptEncoding { weights: [FULL_WEIGHT, LEAST_WEIGHT, LEAST_WEIGHT, LEAST_WEIGHT, LEAST_WEIGHT] };

    /// Identity and nothing else: an empty field.
    pub const IDENTITY: AcceptEncoding = AcceptEncoding { weights: [FULL_WEIGHT, 0, 0, 0, 0] };

    /// What a request says over all lines of the field.
    pub fn from_head(head: &Head) -> AcceptEncoding {
        match head.list("accept-encoding") {
            None => AcceptEncoding::ABSENT,
            Some(value) => AcceptEncoding::parse(&value),
        }
    }

    /// What a combined value says.
    ///
    /// ```
    /// use candor_semantics::field::accept_encoding::AcceptEncoding;
    /// use candor_semantics::field::content_encoding::Coding;
    /// let accept = AcceptEncoding::parse(b"gzip;q=0.5, br");
    /// assert_eq!(accept.preferred(&[Coding::Gzip, Coding::Brotli, Coding::Identity]), Some(Coding::Brotli));
    /// ```
    pub fn parse(value: &[u8]) -> AcceptEncoding {
        let mut members = list(value).peekable();
        if members.peek().is_none() {
            return AcceptEncoding::IDENTITY;
        }
        let mut named: [Option<u16>; Coding::ALL.len()] = [None; Coding::ALL.len()];
        let (mut any, mut readable) = (None, false);
        for (name, weight) in members.filter_map(member) {
            readable = true;
            let place = if name == b"*" {
                Some(&mut any)
            } else {
                Coding::from_token(name).and_then(|c| named.get_mut(c as usize))
            };
            if let Some(place) = place {
                *place = Some(place.unwrap_or(0).max(weight));
            }
        }
        if !readable {
            return AcceptEncoding::ABSENT;
        }
        let [identity, codings @ ..] = named;
        let [gzip, brotli, zstd, deflate] = codings.map(|weight| weight.or(any).unwrap_or(0));
        let identity = identity.or(any).unwrap_or(LEAST_WEIGHT);
        AcceptEncoding { weights: [identity, gzip, brotli, zstd, deflate] }
    }

    /// The weight of a coding in thousandths; 0 is not acceptable.
    pub fn quality(&self, coding: Coding) -> u16 {
        self.weights.get(coding as usize).copied().unwrap_or(0)
    }

    /// The best of the codings on offer: the highest weight, and among equals the one offered first. `None` where
    /// none is acceptable.
    pub fn preferred(&self, offered: &[Coding]) -> Option<Coding> {
        let best =
            offered.iter().copied().map(|coding| self.quality(coding)).max().filter(|&weight| weight > 0)?;
        offered.iter().copied().find(|&coding| self.quality(coding) == best)
    }
}

fn member(member: &[u8]) -> Option<(&[u8], u16)> {
    let mut cursor = Cursor::new(member);
    let name = cursor.token()?;
    let found = Parameters::new(trim_ows(cursor.rest())).try_fold(FULL_WEIGHT, |found, parameter| {
        parameter.map(|p| if p.is("q") { weight(&p.value) } else { found })
    });
    Some((name, found.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::tests::head;

    #[test]
    fn weights_of_identity_gzip_brotli_zstd_deflate() {
        for (lines, expected) in [
            (&[][..], [1000, 1, 1, 1, 1]),
            (&[""], [1000, 0, 0, 0, 0]),
            (&[" , "], [1000, 0, 0, 0, 0]),
            (&["gzip"], [1, 1000, 0, 0, 0]),
            (&["x-GZIP;q=0.5"], [1, 500, 0, 0, 0]),
            (&["gzip, br"], [1, 1000, 1000, 0, 0]),
            (&["gzip", "br;q=0.1"], [1, 1000, 100, 0, 0]),
            (&["identity;q=0"], [0, 0, 0, 0, 0]),
            (&["identity;q=0.5, gzip;q=0.1"], [500, 100, 0, 0, 0]),
            (&["*;q=0"], [0, 0, 0, 0, 0]),
            (&["*;q=0, identity"], [1000, 0, 0, 0, 0]),
            (&["gzip, *;q=0"], [0, 1000, 0, 0, 0]),
            (&["*"], [1000, 1000, 1000, 1000, 1000]),
            (&["*;q=0.3, zstd;q=0"], [300, 300, 300, 0, 300]),
            (&["gzip;q=0, gzip;q=0.4"], [1, 400, 0, 0, 0]),
            (&["compress"], [1, 0, 0, 0, 0]),
            (&["gzip;q=.5"], [1, 1, 0, 0, 0]),
            (&["gzip ; q=0.5 "], [1, 500, 0, 0, 0]),
            (&["(gzip), br"], [1, 0, 1000, 0, 0]),
            (&["(gzip)"], [1000, 1, 1, 1, 1]),
            (&["gzip, deflate, br, zstd"], [1, 1000, 1000, 1000, 1000]),
        ] {
            let found = AcceptEncoding::from_head(&head("Accept-Encoding", lines));
            assert_eq!(Coding::ALL.map(|coding| found.quality(coding)), expected, "{lines:?}");
        }
    }

    #[test]
    fn the_best_on_offer() {
        use Coding::*;
        for (value, offered, expected) in [
            ("gzip, br", &[Brotli, Gzip, Identity][..], Some(Brotli)),
            ("gzip, br;q=0.9", &[Brotli, Gzip, Identity], Some(Gzip)),
            ("gzip;q=0.001", &[Identity, Gzip], Some(Identity)),
            ("identity;q=0", &[Gzip, Identity], None),
            ("zstd", &[Gzip, Identity], Some(Identity)),
            ("*", &[], None),
        ] {
            assert_eq!(AcceptEncoding::parse(value.as_bytes()).preferred(offered), expected, "{value}");
        }
        assert_eq!(AcceptEncoding::ABSENT.preferred(&[Brotli, Identity]), Some(Identity));
    }
}
