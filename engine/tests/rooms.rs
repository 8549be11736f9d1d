//! The arrows between the engine's rooms, read off the source text: which room names which, and where `unsafe` is.

use std::fs;
use std::path::{Path, PathBuf};

/// Each room, with the rooms that it may name. What is missing here may name none.
const ROOMS: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("wasm", &["base"]),
    ("abi", &["base", "wasm"]),
    ("artifact", &["base", "wasm", "abi"]),
    ("compile", &["base", "wasm", "abi", "artifact"]),
    ("unwind", &["base", "wasm", "abi", "artifact"]),
    ("runtime", &["base", "wasm", "abi", "artifact", "unwind"]),
];

/// Crates that only `compile` and the meeting point may use.
const COMPILER_CRATES: &[&str] =
    &["cranelift_codegen", "cranelift_frontend", "cranelift_native", "wasmparser", "rayon", "wat"];

#[test]
fn rooms_name_only_rooms_to_their_left() {
    for (room, allowed) in ROOMS {
        let mut files = 0;
        for (path, code) in sources(room) {
            files += 1;
            for named in rooms_named(&code) {
                let fine = named == *room || allowed.contains(&named.as_str());
                assert!(fine, "{}: the room `{room}` may not name `{named}`", path.display());
            }
        }
        assert!(files > 0, "the room `{room}` has no files");
    }
}

#[test]
fn the_compiler_stays_in_its_room() {
    for (room, _) in ROOMS.iter().filter(|(room, _)| *room != "compile") {
        for (path, code) in sources(room) {
            // The format's fingerprint is checked against the compiler's version when there is one.
            let code = code.replace("cranelift_codegen::VERSION", "");
            for name in COMPILER_CRATES {
                let used = code.contains(&format!("{name}::")) || code.contains(&format!("use {name};"));
                assert!(!used, "{}: only `compile` may use {name}", path.display());
            }
        }
    }
}

#[test]
fn unsafe_code_stays_in_runtime() {
    for (room, _) in ROOMS.iter().filter(|(room, _)| *room != "runtime") {
        for (path, code) in sources(room) {
            // The type of an unsafe function is no unsafe code.
            let code = code.replace("unsafe extern  fn(", "");
            let keyword = code.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "unsafe");
            assert!(!keyword, "{}: unsafe code outside of runtime/", path.display());
        }
    }
}

#[test]
fn the_scan_sees_what_it_should() {
    assert_eq!(rooms_named("use crate::abi::vmctx;\nlet x = crate::base::Trap::ALL;"), ["abi", "base"]);
    assert_eq!(rooms_named("use crate::{base::Error, wasm::{index, types}};"), ["base", "wasm"]);
    assert_eq!(rooms_named("use crate::Engine;"), ["Engine"]);
    assert_eq!(code_of("a // crate::b\nc /// [d](crate::d)\n\"crate::e\"\n"), "a \nc \n\n");
}

/// The first names behind `crate::`.
fn rooms_named(code: &str) -> Vec<String> {
    let mut named = Vec::new();
    for (position, _) in code.match_indices("crate::") {
        let rest = &code[position + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(group) => named.extend(first_names(group)),
            None => named.push(name(rest)),
        }
    }
    named
}

/// The names at the top level of a `{...}` group, whose opening brace is cut off.
fn first_names(group: &str) -> Vec<String> {
    let (mut names, mut depth, mut fresh) = (Vec::new(), 0, true);
    for (position, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => fresh = true,
            c if fresh && !c.is_whitespace() => {
                names.push(name(&group[position..]));
                fresh = false;
            }
            _ => {}
        }
    }
    names
}

fn name(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// The files of a room, without comments and string literals.
fn sources(room: &str) -> Vec<(PathBuf, String)> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&source.join(room), &mut files);
    let single = source.join(format!("{room}.rs"));
    if single.exists() {
        files.push(single);
    }
    files.into_iter().map(|path| (path.clone(), code_of(&fs::read_to_string(&path).expect("a source file")))).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.expect("a directory entry").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// A file's lines without line comments, and without string literals that stand on one line.
fn code_of(text: &str) -> String {
    let mut code = String::new();
    for line in text.replace("'\"'", "").lines() {
        let mut in_string = false;
        let mut chars = line.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '\\' if in_string => drop(chars.next()),
                '"' => in_string = !in_string,
                '/' if !in_string && chars.peek() == Some(&'/') => break,
                c if !in_string => code.push(c),
                _ => {}
            }
        }
        code.push('\n');
    }
    code
}
