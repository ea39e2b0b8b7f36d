//! `Allow` (section 10.2.1): the methods of a resource.
//!
//! Grammar: `#method`. Example: `Allow: GET, HEAD, PUT`; an empty value allows nothing. Written by
//! [`MethodSet`]'s `Display`. Methods compare with case.

use super::grammar::{is_token, list};
use crate::method::{Method, MethodSet};

/// The methods in a field value that candor knows.
///
/// ```
/// use candor_semantics::field::allow;
/// use candor_semantics::method::Method;
/// let methods = allow::methods(b"GET, HEAD, BREW");
/// assert!(methods.contains(Method::Get) && !methods.contains(Method::Put));
/// ```
pub fn methods(value: &[u8]) -> MethodSet {
    tokens(value).filter_map(Method::from_token).collect()
}

/// All methods in a field value, unknown ones too; what is no token is passed over.
pub fn tokens(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    list(value).filter(|method| is_token(method))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_round_trip() {
        for set in [MethodSet::EMPTY, MethodSet::READ, Method::ALL.iter().copied().collect()] {
            assert_eq!(methods(set.to_string().as_bytes()), set);
        }
        assert_eq!(methods(b"get, GET x, , PUT"), MethodSet::EMPTY.with(Method::Put));
        assert!(tokens(b"BREW, a b, GET").eq([&b"BREW"[..], b"GET"]));
    }
}
