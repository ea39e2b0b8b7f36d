//! What the configuration says about reading at an address.

use bytes::Bytes;

/// Rules of a site or a route. Kept in an `Arc` for as long as the configuration holds: answers are remembered
/// together with the rules they were made under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Folders without an index document are listed.
    pub listing: bool,
    /// The site's languages, the preferred one first.
    pub languages: Vec<Bytes>,
    /// File name of the variant that breaks ties: `doc.en.html`.
    pub default_variant: Option<Bytes>,
    /// Value of `Cache-Control`.
    pub cache_control: Option<Bytes>,
    /// Codings are made on the fly.
    pub compress: bool,
}

impl Default for Rules {
    /// No listing, no order of languages, codings made.
    fn default() -> Rules {
        Rules {
            listing: false,
            languages: Vec::new(),
            default_variant: None,
            cache_control: None,
            compress: true,
        }
    }
}
