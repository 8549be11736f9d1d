//! Text from outside (names of files, lines of scripts, words of engines) without characters that a terminal or a log
//! would act on instead of showing.

use std::borrow::Cow;
use std::fmt::Write;

/// Returns a text with each character that acts on a terminal or reorders a line replaced by its escape, such as
/// `\u{1b}`. Line breaks are among them; tabs stay.
pub fn visible(text: &str) -> Cow<'_, str> {
    escape(text, |c| c != '\t' && acts(c))
}

/// Returns a text of several lines in the same way, with its line breaks.
pub fn visible_lines(text: &str) -> Cow<'_, str> {
    escape(text, |c| !matches!(c, '\t' | '\n') && acts(c))
}

fn escape(text: &str, acts: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&acts) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        // Writing to a string cannot fail.
        let _ = if acts(c) { write!(escaped, "{}", c.escape_default()) } else { escaped.write_char(c) };
    }
    Cow::Owned(escaped)
}

/// Returns whether a character is a control character, a line separator, or one that changes the direction of text.
pub(super) fn acts(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_acts_on_a_terminal() {
        assert_eq!(visible("a\tb é €"), "a\tb é €");
        assert_eq!(visible("\x1b[2J\x07\r\nok \u{9b}\u{202e}"), "\\u{1b}[2J\\u{7}\\r\\nok \\u{9b}\\u{202e}");
        assert_eq!(visible_lines("one\ntwo\x1b"), "one\ntwo\\u{1b}");
    }
}
