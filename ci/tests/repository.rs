//! The rules of the house that no compiler checks, each with its reason. Those of the engine's rooms stand in
//! `engine/tests/rooms.rs`.

use std::fs;
use std::path::{Path, PathBuf};

/// A text file of the repository.
struct Source {
    /// Relative to the repository's root.
    path: PathBuf,
    text: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this package is a folder of the repository")
}

/// All text files, without what builds and fuzzing leave behind.
fn sources() -> Vec<Source> {
    let left_behind = ["target", ".git", "corpus", "artifacts", "coverage"];
    let mut pending = vec![root().to_owned()];
    let mut found = Vec::new();
    while let Some(directory) = pending.pop() {
        for entry in fs::read_dir(&directory).expect("the repository can be read") {
            let path = entry.expect("the repository can be read").path();
            let name = path.file_name().and_then(|name| name.to_str()).expect("names are Unicode");
            if left_behind.contains(&name) {
                continue;
            }
            if path.is_dir() {
                pending.push(path);
            } else if let Ok(text) = fs::read_to_string(&path) {
                let path = path.strip_prefix(root()).expect("it was found below the root").to_owned();
                found.push(Source { path, text });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(found.len() > 100, "the repository has more files than {}", found.len());
    found
}

fn rust_sources() -> Vec<Source> {
    sources().into_iter().filter(|source| has_extension(&source.path, "rs")).collect()
}

fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found == extension)
}

/// A complaint for each line that the predicate is true of.
fn lines_where(sources: &[Source], is_wrong: impl Fn(&Source, &str) -> bool) -> Vec<String> {
    let complaints = sources.iter().flat_map(|source| {
        let numbered = source.text.lines().enumerate().filter(|(_, line)| is_wrong(source, line));
        numbered.map(|(index, line)| format!("{}:{}: {}", source.path.display(), index + 1, line.trim()))
    });
    complaints.collect()
}

/// A file that is longer is more than one thing.
#[test]
fn no_file_is_longer_than_800_lines() {
    let long = rust_sources().into_iter().filter(|source| source.text.lines().count() > 800);
    assert_eq!(long.map(|source| source.path).collect::<Vec<_>>(), Vec::<PathBuf>::new());
}

/// A reader who opens a file first learns what it is.
#[test]
fn every_file_says_what_it_is() {
    let silent = rust_sources().into_iter().filter(|source| {
        let head = source.text.lines().find(|line| !line.starts_with("#!["));
        !head.is_some_and(|line| line.starts_with("//!"))
    });
    assert_eq!(silent.map(|source| source.path).collect::<Vec<_>>(), Vec::<PathBuf>::new());
    let scripts = sources().into_iter().filter(|source| source.path.starts_with("tests"));
    let silent = scripts.filter(|source| has_extension(&source.path, "wast") && !source.text.starts_with(";;"));
    assert_eq!(silent.map(|source| source.path).collect::<Vec<_>>(), Vec::<PathBuf>::new());
}

/// What is right on one machine only is wrong.
#[test]
fn no_file_names_a_directory_of_some_machine() {
    // Put together here, so that this file does not name them either.
    let directories = ["root", "home", "work", "Users"].map(|name| format!("/{name}/"));
    let named = lines_where(&sources(), |_, line| directories.iter().any(|directory| line.contains(directory)));
    assert_eq!(named, Vec::<String>::new());
}

/// An `expect` goes away with its reason; an `allow` stays for ever.
#[test]
fn no_lint_is_allowed() {
    let attributes = ["#[", "#!["].map(|start| format!("{start}allow("));
    let allowed = lines_where(&rust_sources(), |_, line| attributes.iter().any(|start| line.contains(start)));
    assert_eq!(allowed, Vec::<String>::new());
}

/// A document that names what is not there leads astray.
#[test]
fn every_path_in_a_document_exists() {
    let documents = sources().into_iter().filter(|source| has_extension(&source.path, "md"));
    let mut named = 0;
    let mut absent = Vec::new();
    for document in documents {
        let beside = root().join(&document.path);
        let beside = beside.parent().expect("a file stands in a directory");
        for path in paths(&document.text) {
            named += 1;
            if !exists(&root().join(path)) && !exists(&beside.join(path)) {
                absent.push(format!("{}: {path}", document.path.display()));
            }
        }
    }
    assert_eq!(absent, Vec::<String>::new());
    assert!(named > 10, "the documents name more paths than {named}");
}

/// The code spans of a document that look like a path: a directory with its slash, or a file with a known extension.
fn paths(document: &str) -> impl Iterator<Item = &str> {
    let spans = document.split('`').skip(1).step_by(2);
    spans.filter(|span| {
        let is_path = span.chars().all(|c| c.is_ascii_alphanumeric() || "_-./*".contains(c)) && span.contains('/');
        let known = ["rs", "md", "toml", "sh", "yml", "wast", "traps", "wat"];
        is_path && (span.ends_with('/') || known.iter().any(|extension| has_extension(Path::new(span), extension)))
    })
}

/// Whether the path, which may end in `*.extension`, exists.
fn exists(path: &Path) -> bool {
    if path.file_stem().is_some_and(|stem| stem == "*") {
        let siblings = path.parent().and_then(|parent| fs::read_dir(parent).ok()).into_iter().flatten().flatten();
        return siblings.into_iter().any(|entry| entry.path().extension() == path.extension());
    }
    path.exists()
}

#[test]
fn a_path_that_is_absent_is_noticed() {
    let found: Vec<&str> = paths("See `engine/src/` and `ci/absent.sh`, not `speed/fresh` or `a b/c.rs`.").collect();
    assert_eq!(found, ["engine/src/", "ci/absent.sh"]);
    assert!(exists(&root().join("engine/src/")) && !exists(&root().join("ci/absent.sh")));
    assert!(exists(&root().join("tests/*.wast")) && !exists(&root().join("tests/*.exe")));
}

/// A file that no module declares is compiled and tested by nobody.
#[test]
fn every_source_file_is_declared() {
    let sources = rust_sources();
    let orphans = sources.iter().filter(|source| !is_target(&source.path) && !is_declared(&source.path, &sources));
    assert_eq!(orphans.map(|source| &source.path).collect::<Vec<_>>(), Vec::<&PathBuf>::new());
}

/// Whether Cargo itself takes the file for a crate's root.
fn is_target(path: &Path) -> bool {
    let parent = path.parent().and_then(|parent| parent.file_name()).unwrap_or_default();
    let stem = path.file_stem().unwrap_or_default();
    let is_root = stem == "lib" || stem == "main" || stem == "build";
    is_root || ["tests", "examples", "benches", "fuzz_targets", "bin"].iter().any(|folder| parent == *folder)
}

fn is_declared(path: &Path, sources: &[Source]) -> bool {
    let directory = path.parent().expect("a file stands in a directory");
    let is_folder = path.file_name().is_some_and(|name| name == "mod.rs");
    let (module, home) = match is_folder {
        true => (directory.file_name(), directory.parent().expect("a folder stands in another")),
        false => (path.file_stem(), directory),
    };
    let module = module.and_then(|name| name.to_str()).expect("names are Unicode");
    let declarations = [format!("mod {module};"), format!("#[path = \"{module}.rs\"]")];
    let own = home.with_extension("rs");
    // A module's parent stands beside it, or is the file that has the folder's name.
    let mut parents = sources.iter().filter(|source| source.path.parent() == Some(home) || source.path == own);
    parents.any(|source| {
        source.text.lines().any(|line| declarations.iter().any(|declaration| line.trim_end().ends_with(declaration)))
    })
}
