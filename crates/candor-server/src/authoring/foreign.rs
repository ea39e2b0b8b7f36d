//! Requests that a browser was made to send by another site.

use candor_semantics::field::host::Host;
use candor_semantics::field::origin::Origin;
use candor_semantics::field::sec_fetch;
use candor_semantics::head::Head;
use candor_semantics::method::Method;

use crate::configuration::{Cors, Origins};

/// Whether an unsafe request comes with credentials that a browser adds by itself, and from another origin than
/// the one it asks (unless the site shares with that origin).
pub(crate) fn is_forged(head: &Head, cors: Option<&Cors>) -> bool {
    let unsafe_method = head.method().is_some_and(|method| !Method::is_safe(method));
    let ambient = head.has("authorization") || head.has("cookie");
    unsafe_method && ambient && is_foreign(head) && !is_shared_with(head, cors)
}

fn is_foreign(head: &Head) -> bool {
    match Origin::from_head(head) {
        Some(origin) => match head.get("host").and_then(Host::parse) {
            Some(host) => !origin.is(head.scheme(), &host),
            None => true,
        },
        None => sec_fetch::is_foreign(head) == Some(true),
    }
}

fn is_shared_with(head: &Head, cors: Option<&Cors>) -> bool {
    let origin = head.get("origin").and_then(|origin| std::str::from_utf8(origin).ok());
    match (cors, origin) {
        (Some(Cors { origins: Origins::Only(origins), credentials: true, .. }), Some(origin)) => {
            origins.iter().any(|known| known == origin)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candor_semantics::head::{Scheme, Version};

    #[test]
    fn foreign_origins_with_credentials() {
        let forged = |method: &[u8], more: &[(&str, &str)]| {
            let fields = [&[("Host", "a.example:8080")][..], more].concat();
            is_forged(&Head::from_parts(method, b"/x", Version::Http11, Scheme::Http, fields), None)
        };
        let basic = ("Authorization", "Basic eA==");
        assert!(forged(b"PUT", &[basic, ("Origin", "http://b.example")]));
        assert!(forged(b"PUT", &[basic, ("Origin", "null")]));
        assert!(forged(b"POST", &[("Cookie", "a=b"), ("Sec-Fetch-Site", "cross-site")]));
        assert!(forged(b"PUT", &[basic, ("Origin", "https://a.example:8080")]));
        assert!(!forged(b"PUT", &[basic, ("Origin", "http://a.example:8080")]));
        assert!(!forged(b"PUT", &[basic]));
        assert!(!forged(b"PUT", &[("Origin", "http://b.example")]));
        assert!(!forged(b"GET", &[basic, ("Origin", "http://b.example")]));
    }
}
