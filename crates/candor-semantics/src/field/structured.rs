//! The pieces of structured fields (RFC 9651) that candor writes.

use std::fmt;

/// Writes a token where the text is one (section 4.1.7), else a string.
pub(super) fn write_name(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    if is_token(text) { f.write_str(text) } else { write_string(f, text) }
}

/// Writes a string (section 4.1.6). What no string can hold (controls, anything above ASCII) is left out.
pub(super) fn write_string(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str("\"")?;
    for character in text.chars().filter(|c| matches!(c, ' '..='~')) {
        f.write_str(if matches!(character, '"' | '\\') { "\\" } else { "" })?;
        fmt::Write::write_char(f, character)?;
    }
    f.write_str("\"")
}

/// `( ALPHA / "*" ) *( tchar / ":" / "/" )`.
fn is_token(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '*')
        && text.bytes().all(|b| super::grammar::is_tchar(b) || matches!(b, b':' | b'/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Name(&'static str);

    impl fmt::Display for Name {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write_name(f, self.0)
        }
    }

    #[test]
    fn tokens_stay_bare() {
        for (text, written) in [
            ("backend-1", "backend-1"),
            ("*x:/", "*x:/"),
            ("1x", "\"1x\""),
            ("", "\"\""),
            ("a\"\\b", "\"a\\\"\\\\b\""),
            ("a\r\n\u{e4}b", "\"ab\""),
        ] {
            assert_eq!(Name(text).to_string(), written);
        }
    }
}
