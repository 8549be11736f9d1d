//! The length of functions.

use super::Source;

/// A function of a Rust file.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Function {
    /// Lines from its first to its last, without comments and attributes above it.
    pub lines: usize,
    /// The place of its first line: `PATH:LINE`.
    pub place: String,
}

/// Returns the functions of a file that rustfmt has formatted, in order.
pub fn functions(source: &Source) -> Vec<Function> {
    let lines: Vec<&str> = source.text.lines().collect();
    let mut found = Vec::new();
    for (index, line) in lines.iter().enumerate().filter(|(_, line)| is_function(line)) {
        let indent = indent(line);
        // The closing brace, or the end of a declaration without a body, has the indent of the first line.
        let is_last = |line: &&str| self::indent(line) == indent && line.trim_end().ends_with(['}', ';']);
        let lines = lines[index..].iter().position(is_last).map_or(1, |last| last + 1);
        found.push(Function { lines, place: format!("{}:{}", source.path, index + 1) });
    }
    found
}

/// True if a function begins at the line.
fn is_function(line: &str) -> bool {
    let mut words = line.split_whitespace().skip_while(|word| is_qualifier(word));
    words.next() == Some("fn")
}

fn is_qualifier(word: &str) -> bool {
    word.starts_with("pub") || matches!(word, "const" | "async" | "unsafe" | "extern") || word.starts_with('"')
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// Complains about functions that have more than `limit` lines.
pub fn check(source: &Source, limit: usize) -> Vec<String> {
    let long = functions(source).into_iter().filter(|function| function.lines > limit);
    long.map(|function| format!("{}: a function of {} lines, not {limit} at most", function.place, function.lines))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
//! fn no_function() {
impl A {
    /// fn neither
    pub(crate) const unsafe extern \"C\" fn one(&self) -> u8 { 0 }

    fn two(
        &self,
        other: u8,
    ) -> u8 {
        if other == 0 {
            return 1;
        }
        0
    }

    fn three(&self);
}

fn four() {
}
";

    #[test]
    fn functions_are_measured() {
        let found = functions(&Source::planted("a.rs", TEXT));
        let expected = [(1, "a.rs:4"), (9, "a.rs:6"), (1, "a.rs:16"), (2, "a.rs:19")];
        assert_eq!(found, expected.map(|(lines, place)| Function { lines, place: place.to_owned() }));
    }

    #[test]
    fn a_long_function_is_noticed() {
        let source = Source::planted("a.rs", TEXT);
        assert_eq!(check(&source, 8), ["a.rs:6: a function of 9 lines, not 8 at most"]);
        assert_eq!(check(&source, 9), Vec::<String>::new());
    }
}
