//! The parts of a Rust file that its tests must tell apart: code, comments, and literals.

/// The kind of a character of a Rust file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Code.
    Code,
    /// A comment of either form.
    Comment,
    /// A string or character literal, with its quotes.
    Literal,
}

/// Returns the kind of each character of a Rust file.
pub fn kinds(text: &str) -> Vec<Kind> {
    let text: Vec<char> = text.chars().collect();
    let mut kinds = Vec::with_capacity(text.len());
    while kinds.len() < text.len() {
        let rest = &text[kinds.len()..];
        let (kind, length) = token(&text[..kinds.len()], rest);
        kinds.resize(kinds.len() + length.clamp(1, rest.len()), kind);
    }
    kinds
}

/// Returns the kind and the length of the token that `rest` begins with.
fn token(before: &[char], rest: &[char]) -> (Kind, usize) {
    match rest {
        ['/', '/', ..] => (Kind::Comment, until(rest, &['\n'])),
        ['/', '*', ..] => (Kind::Comment, block_comment(rest)),
        ['"', ..] => (Kind::Literal, quoted(rest, '"')),
        ['\'', '\\', ..] => (Kind::Literal, quoted(rest, '\'')),
        // A quote that does not close after one character begins a lifetime.
        ['\'', _, '\'', ..] => (Kind::Literal, 3),
        ['r', '"' | '#', ..] if !ends_in_word(before) => raw(rest).map_or((Kind::Code, 1), |end| (Kind::Literal, end)),
        _ => (Kind::Code, 1),
    }
}

/// True if the next character continues a name. The `b` and `c` of byte and C strings are no such names.
fn ends_in_word(before: &[char]) -> bool {
    let name = before.iter().rev().take_while(|c| c.is_alphanumeric() || **c == '_').collect::<String>();
    !matches!(name.as_str(), "" | "b" | "c")
}

/// Returns the length up to a sequence, or the whole length.
fn until(text: &[char], end: &[char]) -> usize {
    text.windows(end.len()).position(|window| window == end).unwrap_or(text.len())
}

/// Returns the length of a block comment, which may have others in it.
fn block_comment(text: &[char]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        match text[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    at
}

/// Returns the length of a literal that ends at the first quote that no backslash escapes.
fn quoted(text: &[char], quote: char) -> usize {
    let mut at = 1;
    while at < text.len() {
        match text[at] {
            '\\' => at += 2,
            c if c == quote => return at + 1,
            _ => at += 1,
        }
    }
    at
}

/// Returns the length of a raw string, or `None` for a raw identifier such as `r#type`.
fn raw(text: &[char]) -> Option<usize> {
    let hashes = text[1..].iter().take_while(|c| **c == '#').count();
    if text.get(1 + hashes) != Some(&'"') {
        return None;
    }
    let start = 2 + hashes;
    let end: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
    Some(start + until(&text[start..], &end) + end.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text with `c` for each character of a comment and `l` for each one of a literal.
    fn marked(text: &str) -> String {
        let mark = |(c, kind)| match kind {
            Kind::Code => c,
            Kind::Comment => 'c',
            Kind::Literal => 'l',
        };
        text.chars().zip(kinds(text)).map(mark).collect()
    }

    #[test]
    fn comments_and_literals_are_found() {
        assert_eq!(marked("a // b\nc"), "a cccc\nc");
        assert_eq!(marked("a /* /* b */ */ c"), "a ccccccccccccc c");
        assert_eq!(marked(r#"f("a \" // b", 'x', '\'')"#), "f(lllllllllll, lll, llll)");
        assert_eq!(marked(r###"f(r#"a " b"#, r"c")"###), "f(llllllllll, llll)");
        assert_eq!(marked(r#"f(b"a", br"a")"#), "f(blll, bllll)");
    }

    #[test]
    fn lifetimes_and_raw_identifiers_are_code() {
        let text = "fn f<'a>(r#type: &'a str, r: u8) -> &'static str { var\"\" }";
        assert!(marked(text).starts_with("fn f<'a>(r#type: &'a str, r: u8) -> &'static str { var"));
    }

    #[test]
    fn unfinished_tokens_end_with_the_text() {
        for text in ["\"a", "/* a", "r#\"a", "'\\", "\"\\", "//"] {
            assert_eq!(kinds(text).len(), text.len());
        }
    }
}
