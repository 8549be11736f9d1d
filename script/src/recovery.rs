//! The parts of a script that does not parse as a whole, so that one wrong directive fails alone.
//!
//! In: a text of which nothing is known, not even that it lexes. Out: the parts that may each be a directive. They
//! cover everything but blanks and comments: nothing is dropped.

use super::grammar::is_directive;
use core::ops::Range;

/// Returns the parts of a text. A script without any directive is one part, since it is the fields of one module.
pub(super) fn split(text: &str, around: Around) -> Vec<Range<usize>> {
    let parts: Vec<Range<usize>> = Parts::of(text).collect();
    if around != Around::Nothing || parts.iter().any(|part| is_directive(head(&text[part.clone()]))) {
        return parts;
    }
    let whole = parts.first().map(|first| first.start..parts[parts.len() - 1].end);
    whole.into_iter().collect()
}

/// Returns whether the first part of a text is a directive.
pub(super) fn begins_with_directive(text: &str) -> bool {
    Parts::of(text).next().is_some_and(|part| is_directive(head(&text[part])))
}

/// The surroundings of a text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Around {
    /// The text is a whole script, which may be the fields of one module.
    Nothing,
    /// The text is a piece of a script that has directives.
    Directives,
    /// The text consists of the directives of a thread.
    Thread,
}

/// The lists at the top level of a text, and what stands between them.
pub(super) struct Parts<'a>(Tokens<'a>);

impl Parts<'_> {
    pub(super) fn of(text: &str) -> Parts<'_> {
        Parts(Tokens { text, at: 0 })
    }
}

impl Iterator for Parts<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        let tokens = &mut self.0;
        let text = tokens.text;
        let is_open = |token: &Range<usize>| text[token.clone()].starts_with('(');
        let mut part = tokens.next()?;
        if is_open(&part) {
            part.end = end_of_list(text, part.start);
            tokens.at = part.end;
            return Some(part);
        }
        // What is no list goes on to the next one.
        loop {
            let at = tokens.at;
            match tokens.next() {
                Some(token) if !is_open(&token) => part.end = token.end,
                _ => {
                    tokens.at = at;
                    return Some(part);
                }
            }
        }
    }
}

/// Returns the first word of a list; empty if there is none.
pub(super) fn head(list: &str) -> &str {
    let Some(inside) = list.strip_prefix('(') else { return "" };
    let word = Tokens { text: inside, at: 0 }.next().map_or("", |token| &inside[token]);
    if word.starts_with(['(', ')', '"']) { "" } else { word }
}

/// Returns the name that a list gives to the module that it defines, if any.
pub(super) fn id(list: &str) -> Option<String> {
    let mut words = Tokens { text: list.strip_prefix('(')?, at: 0 }.map(|token| &list[1..][token]).skip(1);
    let word = words.find(|word| !matches!(*word, "definition" | "instance"))?;
    word.strip_prefix('$').map(str::to_string)
}

/// Splits a thread into what comes before its directives, and these; `None` if the list is no thread, or never closed.
pub(super) fn split_thread(list: &str) -> Option<(&str, &str)> {
    let count = |paren| Tokens { text: list, at: 0 }.filter(|token| &list[token.clone()] == paren).count();
    if count("(") != count(")") {
        return None;
    }
    let mut tokens = Tokens { text: list, at: 0 };
    let [open, keyword, id] = [tokens.next()?, tokens.next()?, tokens.next()?].map(|token| &list[token]);
    if (open, keyword) != ("(", "thread") || !id.starts_with('$') {
        return None;
    }
    let mut end = tokens.at;
    if let Some(next) = tokens.next()
        && head(&list[next.start..]) == "shared"
    {
        end = end_of_list(list, next.start);
    }
    Some((&list[..end], list[end..].strip_suffix(')')?))
}

/// Returns whether a list that does not parse is a component, or an assertion about one.
pub(super) fn is_of_component(list: &str) -> bool {
    let asserted = || list[1..].find('(').is_some_and(|inner| head(&list[1 + inner..]) == "component");
    match head(list) {
        "component" => true,
        head => head.starts_with("assert_") && asserted(),
    }
}

/// Returns the end of the list that begins at an offset. One that is never closed ends before the next line that begins
/// with a directive.
fn end_of_list(text: &str, start: usize) -> usize {
    let mut depth = 0_usize;
    let mut tokens = Tokens { text, at: start };
    while let Some(token) = tokens.next() {
        match &text[token] {
            "(" => depth += 1,
            ")" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return tokens.at;
        }
    }
    let lines = text[start..].match_indices('\n').map(|(offset, _)| start + offset + 1);
    lines.into_iter().find(|&line| is_directive(head(&text[line..]))).unwrap_or(text.len())
}

/// The tokens of a text without blanks and comments: parentheses, strings, and words of any other characters.
struct Tokens<'a> {
    text: &'a str,
    at: usize,
}

impl Iterator for Tokens<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        loop {
            let rest = &self.text[self.at..];
            let first = rest.chars().next()?;
            let start = self.at;
            if first.is_whitespace() {
                self.at += first.len_utf8();
            } else if rest.starts_with(";;") {
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else if let Some(end) = end_of_comment(rest) {
                self.at += end;
            } else {
                self.at += match first {
                    '(' | ')' => 1,
                    '"' => end_of_string(rest),
                    _ => rest.find(|c: char| c.is_whitespace() || "();\"".contains(c)).unwrap_or(rest.len()).max(1),
                };
                return Some(start..self.at);
            }
        }
    }
}

/// Returns the length of the block comment, with those in it, that a text begins with. `None` if it begins with none,
/// or with one that is never closed: that must not hide what follows it.
fn end_of_comment(text: &str) -> Option<usize> {
    if !text.starts_with("(;") {
        return None;
    }
    let (mut depth, mut at) = (0_usize, 0);
    while at < text.len() {
        match text.as_bytes()[at..] {
            [b'(', b';', ..] => (depth, at) = (depth + 1, at + 2),
            [b';', b')', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

/// Returns the length of the string that a text begins with. It ends with its line if nothing else ends it.
fn end_of_string(text: &str) -> usize {
    let mut escaped = false;
    for (offset, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            b'\n' => return offset,
            b'"' if !escaped => return offset + 1,
            _ => escaped = byte == b'\\' && !escaped,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn splits(text: &str, expected: &[&str]) {
        let parts: Vec<&str> = split(text, Around::Nothing).into_iter().map(|part| &text[part]).collect();
        assert_eq!(parts, expected);
    }

    #[test]
    fn lists_and_what_stands_between_them() {
        splits("(module) ;; (x\n(; ( (; ;) ;)(invoke \"(\")", &["(module)", "(invoke \"(\")"]);
        splits("a b (module (func))) (get \"\\\")\") c", &["a b", "(module (func))", ")", "(get \"\\\")\")", "c"]);
        splits("", &[]);
        splits("; (module) \u{201c}x\u{201d}", &[";", "(module)", "\u{201c}x\u{201d}"]);
    }

    #[test]
    fn a_list_that_is_never_closed_ends_before_the_next_directive() {
        splits(
            "(module (func)\n  (func)\n(invoke \"f\")\n(get \"g\")",
            &["(module (func)\n  (func)\n", "(invoke \"f\")", "(get \"g\")"],
        );
        splits("(module (func)\n(func)", &["(module (func)\n(func)"]);
        splits("(invoke \"f)\n(get \"g\")", &["(invoke \"f)\n", "(get \"g\")"]);
        splits("(module) (; (invoke \"f\")", &["(module)", "(; (invoke \"f\")"]);
    }

    #[test]
    fn fields_alone_are_one_part() {
        splits("(func (x)) (memory 1)", &["(func (x)) (memory 1)"]);
    }

    #[test]
    fn names_of_modules() {
        assert_eq!(id("(module $m (x))").as_deref(), Some("m"));
        assert_eq!(id("( module definition $m (x))").as_deref(), Some("m"));
        assert_eq!(id("(module (func $f))").or(id("(module")).or(id("x")), None);
    }

    #[test]
    fn components_are_told_from_modules() {
        assert!(is_of_component("( component $c (x))") && is_of_component("(assert_invalid (component (x)) \"\")"));
        assert!(!is_of_component("(module (component))") && !is_of_component("(assert_invalid (module) \"\")"));
        assert!(!is_of_component(")") && !is_of_component("x") && !is_of_component("("));
    }
}
