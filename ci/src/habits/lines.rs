//! The length of lines and of files.

use super::Source;
use super::lexer::{Kind, kinds};

/// The longest line.
pub const COLUMNS: usize = 120;

/// The longest Rust file, in lines.
pub const LINES: usize = 800;

/// The longest README of the repository, in lines: what does not fit belongs into `docs/`.
pub const README_LINES: usize = 120;

/// Complains about lines that are longer than [`COLUMNS`].
///
/// Checked are Rust, shell, TOML, JavaScript, Python, YAML, and Markdown files. Exceptions are lines that a URL makes
/// too long; in Rust, string literals; in Markdown, tables, and code blocks, which may show what a program prints.
pub fn check_columns(source: &Source) -> Vec<String> {
    let Some(extension) =
        ["rs", "sh", "toml", "js", "py", "pyi", "yml", "md"].into_iter().find(|e| source.has_extension(e))
    else {
        return Vec::new();
    };
    let exempt = match extension {
        "rs" => literal_lines(&source.text),
        "md" => data_lines(&source.text),
        _ => Vec::new(),
    };
    let mut complaints = Vec::new();
    for (index, line) in source.text.lines().enumerate() {
        let length = line.chars().count();
        let is_exempt = exempt.get(index).copied().unwrap_or(false) || length - longest_url(line) <= COLUMNS;
        if length > COLUMNS && !is_exempt {
            complaints.push(source.complaint(index + 1, format!("{length} columns, not {COLUMNS} at most")));
        }
    }
    complaints
}

/// Returns the length of the longest URL of a line.
fn longest_url(line: &str) -> usize {
    let urls = line.split_whitespace().filter(|word| word.contains("://"));
    urls.map(|url| url.chars().count()).max().unwrap_or(0)
}

/// Returns for each line of a Rust file whether a string literal goes over the last column.
fn literal_lines(text: &str) -> Vec<bool> {
    let mut kinds = kinds(text).into_iter();
    text.split_inclusive('\n')
        .map(|line| {
            let kinds: Vec<Kind> = kinds.by_ref().take(line.chars().count()).collect();
            kinds.get(COLUMNS) == Some(&Kind::Literal)
        })
        .collect()
}

/// Returns for each line of a Markdown file whether it belongs to a table or to a code block.
fn data_lines(text: &str) -> Vec<bool> {
    let mut in_block = false;
    let is_data = |line: &str| {
        let is_fence = line.trim_start().starts_with("```");
        in_block ^= is_fence;
        in_block || is_fence || line.trim_start().starts_with('|')
    };
    text.lines().map(is_data).collect()
}

/// Complains about a Rust file that is longer than [`LINES`], because it is about more than one thing, and about a
/// README of the repository that is longer than [`README_LINES`].
pub fn check_lines(source: &Source) -> Vec<String> {
    let most = match source.path.as_str() {
        "README.md" => README_LINES,
        _ if source.has_extension("rs") => LINES,
        _ => return Vec::new(),
    };
    let lines = source.text.lines().count();
    if lines > most {
        return vec![source.complaint(lines, format!("{lines} lines, not {most} at most"))];
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(path: &str, text: &str) -> usize {
        check_columns(&Source::planted(path, text)).len()
    }

    #[test]
    fn long_lines_are_noticed_in_every_language() {
        let long = "x".repeat(121);
        for path in ["a.rs", "a.sh", "a.toml", "a.js", "a.py", "a.pyi", "a.yml", "a.md"] {
            assert_eq!(count(path, &format!("short\n{long}\n")), 1, "{path}");
            assert_eq!(count(path, &format!("{}\n", &long[1..])), 0, "{path}");
        }
        assert_eq!(count("a.rs", &format!("    /// {long}")), 1);
        assert_eq!(count("tests/a.wast", &long), 0);
    }

    #[test]
    fn only_what_is_data_may_be_long() {
        let long = "x ".repeat(61);
        assert_eq!(count("a.rs", &format!("let text = \"{long}\";")), 0);
        assert_eq!(count("a.rs", &format!("let text = r#\"(module)\n{long}\n\"#; // {long}")), 1);
        assert_eq!(count("a.rs", &format!("// {long} \"{long}\"")), 1);
        assert_eq!(count("a.md", &format!("| {long} |\n```\n{long}\n```\n{long}")), 1);
        assert_eq!(count("a.sh", &format!("# See https://example.org/{}", "x".repeat(120))), 0);
        assert_eq!(count("a.sh", &format!("# See https://example.org/ {long}")), 1);
    }

    #[test]
    fn long_files_are_noticed() {
        let lines = |count: usize| "\n".repeat(count);
        assert_eq!(check_lines(&Source::planted("a.rs", &lines(800))).len(), 0);
        assert_eq!(check_lines(&Source::planted("a.rs", &lines(801))).len(), 1);
        assert_eq!(check_lines(&Source::planted("a.wast", &lines(801))).len(), 0);
        assert_eq!(check_lines(&Source::planted("README.md", &lines(120))).len(), 0);
        assert_eq!(check_lines(&Source::planted("README.md", &lines(121))).len(), 1);
        assert_eq!(check_lines(&Source::planted("docs/a.md", &lines(121))).len(), 0);
    }
}
