//! Users and their credentials.

use std::fmt;

/// A user. The group `admins` may see the trace and the console, and act there.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// The name, without `:` (RFC 7617 section 2) and without `@` at its beginning.
    pub name: String,
    /// The argon2id PHC string of the password; `None` for a user who only has tokens.
    pub password: Option<String>,
    /// Digests of the bearer tokens of this user (RFC 6750).
    pub tokens: Vec<TokenDigest>,
    /// The groups the user is in, without `@`.
    pub groups: Vec<String>,
}

/// Credentials stay out of logs, whatever is printed there.
impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("name", &self.name).field("groups", &self.groups).finish_non_exhaustive()
    }
}

/// The SHA-256 of a bearer token, written `sha256:` and 64 hexadecimal digits. Tokens are long and random, so a
/// fast digest is enough, and a stolen configuration file holds no token.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenDigest(pub [u8; 32]);

impl fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenDigest")
    }
}

/// Reads the written form of a token's digest.
pub(super) fn token_digest(text: &str) -> Result<TokenDigest, String> {
    const WRONG: &str = "a token is written as \"sha256:\" and 64 hexadecimal digits; \
                         `candor user hash --token` makes one";
    let digits = text.strip_prefix("sha256:").filter(|digits| digits.len() == 64).ok_or(WRONG)?;
    let mut digest = [0; 32];
    for (byte, pair) in digest.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
        let pair = std::str::from_utf8(pair).map_err(|_| WRONG)?;
        if !pair.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(WRONG.to_owned());
        }
        *byte = u8::from_str_radix(pair, 16).map_err(|_| WRONG)?;
    }
    Ok(TokenDigest(digest))
}

/// Checks the PHC string of a password: argon2id, version 19, parameters that can be computed here.
pub(super) fn password(text: &str) -> Result<String, String> {
    const ADVICE: &str = "`candor user hash` makes one";
    if !text.starts_with("$argon2id$") {
        return Err(format!("a password is written as its argon2id hash, \"$argon2id$…\"; {ADVICE}"));
    }
    let hash =
        argon2::PasswordHash::new(text).map_err(|e| format!("not a valid argon2id hash: {e}; {ADVICE}"))?;
    let parameters =
        argon2::Params::try_from(&hash).map_err(|e| format!("not a valid argon2id hash: {e}; {ADVICE}"))?;
    if hash.salt.is_none() || hash.hash.is_none() {
        return Err(format!("the argon2id hash is cut short; {ADVICE}"));
    }
    if parameters.m_cost() > MOST_MEMORY || parameters.t_cost() > MOST_PASSES {
        return Err(
            "the argon2id hash asks for more than 1 GiB of memory or 64 passes for each login".to_owned()
        );
    }
    Ok(text.to_owned())
}

/// KiB of memory a password may cost.
const MOST_MEMORY: u32 = 1 << 20;
const MOST_PASSES: u32 = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_argon2id_hashes() {
        let good = "$argon2id$v=19$m=19456,t=2,p=1$T06GhXp4Au+pF/uVjRHZKQ$LzqS+T1gVZ5cnlPhm2NbjFWkuEiRnHMoQz2pCxaZP3k";
        assert_eq!(password(good).as_deref(), Ok(good));
        for text in [
            "",
            "secret",
            "$argon2id$",
            "$argon2id$v=19$m=19456,t=2,p=1$T06GhXp4Au+pF/uVjRHZKQ",
            "$argon2id$v=19$m=x,t=2,p=1$T06GhXp4Au+pF/uVjRHZKQ$LzqS+T1gVZ5cnlPhm2NbjFWkuEiRnHMoQz2pCxaZP3k",
            "$argon2id$v=19$m=4000000000,t=2,p=1$T06GhXp4Au+pF/uVjRHZKQ$LzqS+T1gVZ5cnlPhm2NbjFWkuEiRnHMoQz2pCxaZP3k",
            "$2y$10$abcdefghijklmnopqrstuv",
        ] {
            assert!(password(text).is_err(), "{text}");
        }
    }

    #[test]
    fn tokens_are_digests() {
        let zeros = format!("sha256:{}", "0".repeat(64));
        assert_eq!(token_digest(&zeros), Ok(TokenDigest([0; 32])));
        assert_eq!(token_digest(&format!("sha256:{}ff", "0".repeat(62))).map(|d| d.0[31]), Ok(255));
        for text in ["", "sha256:", "secret", &zeros[..70], &format!("sha256:{}+f", "0".repeat(62))] {
            assert!(token_digest(text).is_err(), "{text}");
        }
    }
}
