//! Request methods (RFC 9110 section 9) and sets of them.

use std::fmt;

macro_rules! methods {
    ($($(#[$doc:meta])* $name:ident = $token:literal,)*) => {
        /// A method candor knows by name. Method tokens are case-sensitive (RFC 9110 section 9.1).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Method { $($(#[$doc])* $name,)* }

        impl Method {
            /// Every known method, in the order `Allow` lists them.
            pub const ALL: &'static [Method] = &[$(Method::$name,)*];

            /// The method a token names; `None` for tokens candor does not know.
            pub fn from_token(token: &[u8]) -> Option<Method> {
                $(if token == $token.as_bytes() { return Some(Method::$name); })*
                None
            }

            /// The token as it stands in a start line.
            pub const fn token(self) -> &'static str {
                match self { $(Method::$name => $token,)* }
            }
        }
    };
}

methods! {
    /// Section 9.3.1.
    Get = "GET",
    /// Section 9.3.2.
    Head = "HEAD",
    /// Section 9.3.7.
    Options = "OPTIONS",
    /// Section 9.3.4.
    Put = "PUT",
    /// Section 9.3.3.
    Post = "POST",
    /// Section 9.3.5.
    Delete = "DELETE",
    /// RFC 5789.
    Patch = "PATCH",
    /// RFC 4918 section 9.1.
    Propfind = "PROPFIND",
    /// RFC 4918 section 9.2.
    Proppatch = "PROPPATCH",
    /// RFC 4918 section 9.3.
    Mkcol = "MKCOL",
    /// RFC 4918 section 9.8.
    Copy = "COPY",
    /// RFC 4918 section 9.9.
    Move = "MOVE",
    /// RFC 4918 section 9.10.
    Lock = "LOCK",
    /// RFC 4918 section 9.11.
    Unlock = "UNLOCK",
    /// Section 9.3.6; never performed by candor.
    Connect = "CONNECT",
    /// Section 9.3.8; never performed by candor.
    Trace = "TRACE",
}

impl Method {
    /// Whether the method is GET or HEAD: the two that select a representation (section 13.1.2).
    pub const fn reads(self) -> bool {
        matches!(self, Method::Get | Method::Head)
    }

    /// Safe methods (section 9.2.1).
    pub const fn is_safe(self) -> bool {
        matches!(self, Method::Get | Method::Head | Method::Options | Method::Trace | Method::Propfind)
    }

    /// Idempotent methods (section 9.2.2).
    pub const fn is_idempotent(self) -> bool {
        self.is_safe()
            || matches!(
                self,
                Method::Put
                    | Method::Delete
                    | Method::Proppatch
                    | Method::Mkcol
                    | Method::Copy
                    | Method::Move
                    | Method::Unlock
            )
    }

    /// Methods of WebDAV (RFC 4918).
    pub const fn is_webdav(self) -> bool {
        matches!(
            self,
            Method::Propfind
                | Method::Proppatch
                | Method::Mkcol
                | Method::Copy
                | Method::Move
                | Method::Lock
                | Method::Unlock
        )
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.token())
    }
}

/// A set of methods: what `Allow` says (section 10.2.1).
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct MethodSet(u32);

impl MethodSet {
    /// No method at all; a legal `Allow` (section 10.2.1).
    pub const EMPTY: MethodSet = MethodSet(0);

    /// The methods that read: GET, HEAD, OPTIONS.
    pub const READ: MethodSet = MethodSet::EMPTY.with(Method::Get).with(Method::Head).with(Method::Options);

    /// This set and one more method.
    #[must_use]
    pub const fn with(self, method: Method) -> MethodSet {
        MethodSet(self.0 | 1 << method as u32)
    }

    /// This set without one method.
    #[must_use]
    pub const fn without(self, method: Method) -> MethodSet {
        MethodSet(self.0 & !(1 << method as u32))
    }

    /// Both sets together.
    #[must_use]
    pub const fn union(self, other: MethodSet) -> MethodSet {
        MethodSet(self.0 | other.0)
    }

    /// Whether the method is in the set.
    pub const fn contains(self, method: Method) -> bool {
        self.0 & (1 << method as u32) != 0
    }

    /// Whether no method is in the set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The methods of the set, in `Allow` order.
    pub fn iter(self) -> impl Iterator<Item = Method> {
        Method::ALL.iter().copied().filter(move |&m| self.contains(m))
    }
}

impl FromIterator<Method> for MethodSet {
    fn from_iter<I: IntoIterator<Item = Method>>(methods: I) -> Self {
        methods.into_iter().fold(MethodSet::EMPTY, MethodSet::with)
    }
}

/// The field value of `Allow`: tokens separated by comma and space.
impl fmt::Display for MethodSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, method) in self.iter().enumerate() {
            if position > 0 {
                f.write_str(", ")?;
            }
            f.write_str(method.token())?;
        }
        Ok(())
    }
}

impl fmt::Debug for MethodSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{self}}}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_case_sensitive_and_round_trip() {
        for &method in Method::ALL {
            assert_eq!(Method::from_token(method.token().as_bytes()), Some(method));
            assert_eq!(Method::from_token(method.token().to_ascii_lowercase().as_bytes()), None);
        }
        assert_eq!(Method::from_token(b"BREW"), None);
    }

    #[test]
    fn allow_lists_each_method_once() {
        let set: MethodSet = [Method::Put, Method::Get, Method::Put].into_iter().collect();
        assert_eq!(set.to_string(), "GET, PUT");
        assert_eq!(set.without(Method::Get).to_string(), "PUT");
        assert_eq!(MethodSet::EMPTY.to_string(), "");
    }
}
