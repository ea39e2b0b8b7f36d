//! What differs between versions of a text, and whether two edits of one go together.

use diffy::{DiffOptions, merge};

/// Texts up to this many bytes are compared and merged.
pub(crate) const MOST_TEXT: u64 = 256 * 1024;

/// Bytes of differences that are shown at most.
const MOST_SHOWN: usize = 64 * 1024;

/// Lines of a text that is compared at most: the time of a comparison grows with their square at worst.
const MOST_LINES: usize = 10_000;

/// A text, if these bytes are one that can be compared.
pub(crate) fn text(bytes: Vec<u8>) -> Option<String> {
    let text = String::from_utf8(bytes).ok()?;
    let short = text.len() as u64 <= MOST_TEXT && text.lines().take(MOST_LINES + 1).count() <= MOST_LINES;
    (short && !text.contains('\0')).then_some(text)
}

/// A unified diff from one text to another, under these names.
pub(crate) fn unified(from: (&str, &str), to: (&str, &str)) -> String {
    let mut options = DiffOptions::new();
    options.set_original_filename(from.0.to_owned()).set_modified_filename(to.0.to_owned());
    options.create_patch(from.1, to.1).to_string()
}

/// The differences of a conflict: base to theirs and base to yours; theirs to yours where no base is known.
pub(crate) fn of_conflict(base: Option<&str>, theirs: &str, yours: &str) -> String {
    let mut told = match base {
        Some(base) => {
            let theirs = unified(("base", base), ("theirs", theirs));
            let yours = unified(("base", base), ("yours", yours));
            format!("{theirs}{yours}")
        }
        None => unified(("theirs", theirs), ("yours", yours)),
    };
    if told.len() > MOST_SHOWN {
        let end = (0..=MOST_SHOWN).rev().find(|&at| told.is_char_boundary(at)).unwrap_or(0);
        told.truncate(end);
        told.push_str("\n… more differences are not shown\n");
    }
    told
}

/// Both edits of a base in one text, where they do not touch the same lines.
pub(crate) fn merged(base: &str, theirs: &str, yours: &str) -> Option<String> {
    merge(base, theirs, yours).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_of_other_lines_go_together() {
        let base = "one\ntwo\nthree\nfour\nfive\n";
        let theirs = "ONE\ntwo\nthree\nfour\nfive\n";
        let yours = "one\ntwo\nthree\nfour\nFIVE\n";
        assert_eq!(merged(base, theirs, yours).as_deref(), Some("ONE\ntwo\nthree\nfour\nFIVE\n"));
        assert_eq!(merged(base, theirs, "uno\ntwo\nthree\nfour\nfive\n"), None);
    }

    #[test]
    fn differences_are_unified_and_bounded() {
        let told = of_conflict(Some("a\n"), "b\n", "c\n");
        assert!(
            told.contains("--- base\n+++ theirs\n") && told.contains("-a\n+b\n") && told.contains("+c\n")
        );
        let long: String = (0..9000).map(|n| format!("{n} äöü\n")).collect();
        let told = of_conflict(None, "", &long);
        assert!(told.len() < MOST_SHOWN + 100 && told.ends_with("not shown\n"));
    }

    #[test]
    fn only_texts_are_compared() {
        assert!(text(b"a\n".to_vec()).is_some());
        assert!(text(b"a\0".to_vec()).is_none());
        assert!(text(b"\xff".to_vec()).is_none());
        assert!(text(vec![b'\n'; 20_000]).is_none());
    }
}
