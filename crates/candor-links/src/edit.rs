//! Edits by byte range.

use std::ops::Range;

use crate::Writing;

/// Bytes to be replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// Which.
    pub range: Range<usize>,
    /// By what.
    pub text: String,
}

/// Edits that cannot be made together, or that lie outside of the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overlap;

/// The document with all edits made; every other byte is the same.
///
/// # Errors
/// [`Overlap`], and nothing is edited.
pub fn apply(source: &[u8], edits: &[Edit]) -> Result<Vec<u8>, Overlap> {
    let mut sorted: Vec<&Edit> = edits.iter().collect();
    sorted.sort_by_key(|edit| (edit.range.start, edit.range.end));
    sorted.dedup();
    let mut out = Vec::with_capacity(source.len() + 64);
    let mut at = 0;
    for edit in sorted {
        if edit.range.start < at {
            return Err(Overlap);
        }
        out.extend_from_slice(source.get(at..edit.range.start).ok_or(Overlap)?);
        source.get(edit.range.clone()).ok_or(Overlap)?;
        out.extend_from_slice(edit.text.as_bytes());
        at = edit.range.end;
    }
    out.extend_from_slice(source.get(at..).ok_or(Overlap)?);
    Ok(out)
}

/// A reference as it is written at its place; none where it cannot stand there. References are ASCII without
/// blanks, quotation marks or angle brackets.
pub(crate) fn written(writing: Writing, reference: &str) -> Option<String> {
    let plain = reference.bytes().all(|b| b.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&b));
    if !plain || reference.is_empty() {
        return None;
    }
    Some(match writing {
        Writing::Attribute { quote, escapes } => {
            let text = if escapes { reference.replace('&', "&amp;") } else { reference.to_owned() };
            if quote == Some(b'"') { text } else { text.replace('\'', "&#39;") }
        }
        Writing::Destination { brackets: true } => reference.to_owned(),
        // Parentheses without their like would end the destination.
        Writing::Destination { brackets: false } => reference.replace('(', "%28").replace(')', "%29"),
        Writing::Css(Some(quote)) => {
            if quote == b'\'' {
                reference.replace('\'', "%27")
            } else {
                reference.to_owned()
            }
        }
        Writing::Css(None) => reference.replace('(', "%28").replace(')', "%29").replace('\'', "%27"),
        Writing::Xml => reference.replace('&', "&amp;").replace('\'', "&apos;"),
        Writing::Plain => reference.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn nothing_else_changes(source in proptest::collection::vec(any::<u8>(), 0..60), at in 0_usize..60, length in 0_usize..20) {
            let end = (at + length).min(source.len());
            let range = at.min(source.len())..end.max(at.min(source.len()));
            let edit = Edit { range: range.clone(), text: "new".into() };
            let out = apply(&source, &[edit]).unwrap();
            prop_assert_eq!(&out[..range.start], &source[..range.start]);
            prop_assert_eq!(&out[range.start + 3..], &source[range.end..]);
        }
    }

    #[test]
    fn overlaps_are_refused() {
        let edit = |range, text: &str| Edit { range, text: text.into() };
        assert_eq!(apply(b"abcdef", &[edit(0..3, "x"), edit(2..4, "y")]), Err(Overlap));
        assert_eq!(apply(b"abc", &[edit(2..9, "x")]), Err(Overlap));
        assert_eq!(apply(b"abcdef", &[edit(4..5, "X"), edit(0..1, "")]).unwrap(), b"bcdXf");
    }
}
