//! Standard output, and text that fits a page.

use std::io::{self, ErrorKind, Write};

use crate::exit::{Exit, Failure};

/// Writes to standard output. A reader that went away (`| head`) has had enough, and that is fine.
pub(crate) fn out(text: &str) -> Result<(), Failure> {
    bytes(text.as_bytes())
}

/// Writes bytes to standard output as they are.
pub(crate) fn bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::new(Exit::NoAnswer, format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Writes a value as JSON, indented, with a final line break.
pub(crate) fn json(value: &serde_json::Value) -> Result<(), Failure> {
    out(&format!("{value:#}\n"))
}

/// The width that text is broken at.
pub(crate) const WIDTH: usize = 80;

/// A paragraph broken at [`WIDTH`], each line indented, with a final line break.
pub(crate) fn paragraph(text: &str, indent: usize) -> String {
    let margin = " ".repeat(indent);
    let mut lines = String::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let longer = line.chars().count() + 1 + word.chars().count() > WIDTH.saturating_sub(indent);
        if longer && !line.is_empty() {
            lines.push_str(&format!("{margin}{line}\n"));
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        lines.push_str(&format!("{margin}{line}\n"));
    }
    lines
}

/// Text from another machine, safe to show on a terminal: control characters are spelt out.
pub(crate) fn shown(text: &str) -> String {
    let plain = |letter: char| !letter.is_control() || letter == '\t';
    if text.chars().all(plain) {
        return text.to_owned();
    }
    text.chars()
        .map(|letter| if plain(letter) { letter.to_string() } else { letter.escape_default().to_string() })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_are_broken_between_words() {
        let text = paragraph(&"word ".repeat(40), 4);
        assert!(text.lines().all(|line| line.starts_with("    word") && line.len() <= WIDTH), "{text}");
        assert_eq!(text.split_whitespace().count(), 40);
        assert_eq!(paragraph("", 2), "");
        assert_eq!(paragraph(&"x".repeat(200), 2).lines().count(), 1);
    }

    #[test]
    fn control_characters_are_spelt_out() {
        assert_eq!(shown("a\u{1b}[31mb"), "a\\u{1b}[31mb");
        assert_eq!(shown("plain ä"), "plain ä");
    }
}
