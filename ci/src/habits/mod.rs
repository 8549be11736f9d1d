//! The habits of this repository that no compiler checks.
//!
//! Each check takes files and returns a list of complaints, `PATH:LINE: what is wrong`. Its own tests hand it a planted
//! fault, so that it is known to be able to fail. `ci/tests/` applies the checks to the whole repository.

pub mod arrows;
pub mod documents;
pub mod functions;
pub mod lexer;
pub mod lines;
pub mod modules;
pub mod unsafe_code;
pub mod words;

use std::fs;
use std::path::Path;

/// A text file of the repository.
#[derive(Clone, Debug)]
pub struct Source {
    /// The path within the repository, with `/` between its parts.
    pub path: String,
    /// The contents.
    pub text: String,
}

impl Source {
    /// A file for the tests of a check.
    #[cfg(test)]
    fn planted(path: &str, text: &str) -> Source {
        Source { path: path.to_owned(), text: text.to_owned() }
    }

    /// True if the file's name ends in `.EXTENSION`.
    pub fn has_extension(&self, extension: &str) -> bool {
        Path::new(&self.path).extension().is_some_and(|found| found == extension)
    }

    /// The directory that holds the file, or an empty string for the repository's root.
    pub fn directory(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(directory, _)| directory)
    }

    /// The complaint that something is wrong at a line, counted from 1.
    fn complaint(&self, line: usize, what: impl AsRef<str>) -> String {
        format!("{}:{line}: {}", self.path, what.as_ref())
    }
}

/// The root of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this package is a folder of the repository")
}

/// Directories that builds, fuzzing and Git leave behind.
const LEFT_BEHIND: &[&str] = &["target", ".git", "corpus", "artifacts", "coverage", "findings"];

/// Returns all text files of the repository, sorted by path.
///
/// # Panics
///
/// If the repository cannot be read, or seems to be incomplete.
pub fn sources() -> Vec<Source> {
    let mut pending = vec![root().to_owned()];
    let mut found = Vec::new();
    while let Some(directory) = pending.pop() {
        for entry in fs::read_dir(&directory).expect("the repository can be read") {
            let path = entry.expect("the repository can be read").path();
            let name = path.file_name().and_then(|name| name.to_str()).expect("names are Unicode");
            if LEFT_BEHIND.contains(&name) {
                continue;
            }
            if path.is_dir() {
                pending.push(path);
            } else if let Ok(text) = fs::read_to_string(&path) {
                let path = path.strip_prefix(root()).expect("it was found below the root");
                let path = path.to_str().expect("names are Unicode").replace('\\', "/");
                found.push(Source { path, text });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(found.len() > 100, "the repository has more files than {}", found.len());
    found
}

/// Returns the Rust files of the repository, sorted by path.
///
/// # Panics
///
/// If the repository cannot be read, or seems to be incomplete.
pub fn rust_sources() -> Vec<Source> {
    sources().into_iter().filter(|source| source.has_extension("rs")).collect()
}

/// Applies a check to each file.
pub fn check_each(sources: &[Source], check: impl Fn(&Source) -> Vec<String>) -> Vec<String> {
    sources.iter().flat_map(check).collect()
}
