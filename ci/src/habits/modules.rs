//! The module tree: every Rust file belongs to it, and a module with children is `name/mod.rs`.

use super::Source;
use std::collections::BTreeSet;

/// Complains about Rust files that no crate reaches from its roots: nobody compiles or tests them.
pub fn check_reached(sources: &[Source]) -> Vec<String> {
    let targets: BTreeSet<String> = sources.iter().flat_map(targets).collect();
    let is_root = |path: &str| is_root(path) || targets.contains(path);
    let mut reached: BTreeSet<&str> = BTreeSet::new();
    let mut pending: Vec<&Source> = sources.iter().filter(|source| is_root(&source.path)).collect();
    while let Some(source) = pending.pop() {
        if reached.insert(&source.path) {
            let files = declared(source, is_root(&source.path));
            pending.extend(sources.iter().filter(|source| files.contains(&source.path)));
        }
    }
    let dead = sources.iter().filter(|source| source.has_extension("rs") && !reached.contains(source.path.as_str()));
    dead.map(|source| format!("{}: no module declares this file", source.path)).collect()
}

/// Returns the roots of crates that a manifest names.
fn targets(manifest: &Source) -> Vec<String> {
    if !manifest.path.ends_with("Cargo.toml") {
        return Vec::new();
    }
    let paths = manifest.text.lines().filter_map(|line| line.strip_prefix("path = \"")?.strip_suffix('"'));
    paths.map(|path| format!("{}/{path}", manifest.directory())).collect()
}

/// True if Cargo takes the file for the root of a crate without being told.
fn is_root(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    match parts[..] {
        [.., "src", "lib.rs" | "main.rs"] | [_, "build.rs"] => true,
        [_, "tests" | "examples" | "benches" | "fuzz_targets", file] => file.ends_with(".rs"),
        [_, "tests" | "examples" | "benches", _, "main.rs"] => true,
        _ => false,
    }
}

/// Returns the paths at which the modules that a file declares may be.
fn declared(source: &Source, is_root: bool) -> BTreeSet<String> {
    let own = source.directory();
    let name = source.path.rsplit_once('/').map_or(source.path.as_str(), |(_, name)| name);
    let children = match name.strip_suffix(".rs") {
        Some(stem) if stem != "mod" && !is_root => format!("{own}/{stem}"),
        _ => own.to_owned(),
    };
    let mut found = BTreeSet::new();
    let mut path = None;
    for line in source.text.lines().map(str::trim) {
        if let Some(attribute) = line.strip_prefix("#[path = \"") {
            path = attribute.strip_suffix("\"]");
        } else if let Some(module) = declaration(line) {
            match path.take() {
                Some(path) => found.extend([format!("{own}/{path}")]),
                None => found.extend([format!("{children}/{module}.rs"), format!("{children}/{module}/mod.rs")]),
            }
        }
    }
    found
}

/// Returns the name of the module that a line declares in a file of its own.
fn declaration(line: &str) -> Option<&str> {
    let (before, name) = line.strip_suffix(';')?.rsplit_once("mod ")?;
    let is_declaration = before.is_empty() || before.starts_with("pub");
    is_declaration.then_some(name)
}

/// Complains about a file `name.rs` beside a folder `name/` that has Rust files.
pub fn check_style(sources: &[Source]) -> Vec<String> {
    let rust = || sources.iter().filter(|source| source.has_extension("rs"));
    let folders: BTreeSet<&str> = rust().map(Source::directory).collect();
    let beside = rust().filter(|source| {
        let stem = source.path.trim_end_matches(".rs");
        folders
            .iter()
            .any(|folder| folder.strip_prefix(stem).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
    });
    beside.map(|source| format!("{}: must be the file mod.rs of the folder beside it", source.path)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> Vec<Source> {
        files.iter().map(|(path, text)| Source::planted(path, text)).collect()
    }

    #[test]
    fn a_dead_file_is_noticed() {
        let mut files = tree(&[
            ("a/src/lib.rs", "mod b;\n#[cfg(test)]\npub(crate) mod c;\n// mod e;\n"),
            ("a/src/b/mod.rs", "mod d;\n#[cfg(test)]\n#[path = \"odd.rs\"]\nmod tests;"),
            ("a/src/b/d.rs", ""),
            ("a/src/b/odd.rs", ""),
            ("a/src/c.rs", "mod f;"),
            ("a/src/c/f.rs", ""),
            ("a/tests/t.rs", "mod common;"),
            ("a/tests/common/mod.rs", ""),
            ("a/Cargo.toml", "[[bin]]\nname = \"g\"\npath = \"tests/g/binary.rs\"\n"),
            ("a/tests/g/binary.rs", "mod h;"),
            ("a/tests/g/h.rs", ""),
            ("a/README.md", ""),
        ]);
        assert_eq!(check_reached(&files), Vec::<String>::new());
        files.extend(tree(&[("a/src/e.rs", ""), ("a/src/b/c.rs", "")]));
        let found = check_reached(&files);
        assert_eq!(found, ["a/src/e.rs: no module declares this file", "a/src/b/c.rs: no module declares this file"]);
    }

    #[test]
    fn a_file_beside_its_folder_is_noticed() {
        let good = tree(&[("a/src/lib.rs", ""), ("a/src/b/mod.rs", ""), ("a/src/bc.rs", ""), ("a/src/d.rs", "")]);
        assert_eq!(check_style(&good), Vec::<String>::new());
        let bad = tree(&[("a/src/b.rs", ""), ("a/src/b/c/mod.rs", "")]);
        assert_eq!(check_style(&bad), ["a/src/b.rs: must be the file mod.rs of the folder beside it"]);
    }
}
