//! The arrows between the engine's rooms and files, read off the source text: which room names which, which files name
//! each other, and where `unsafe` is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Each room, with the rooms that it may name.
const ROOMS: &[(&str, &[&str])] = &[
    ("cache", &[]),
    ("base", &["cache"]),
    ("wasm", &["base"]),
    ("abi", &["base", "wasm"]),
    ("artifact", &["base", "wasm", "abi"]),
    ("compile", &["base", "wasm", "abi", "artifact"]),
    ("unwind", &["base", "wasm", "abi", "artifact"]),
    ("runtime", &["base", "wasm", "abi", "artifact", "unwind"]),
];

/// The rooms, and folders of rooms, in which no file names another that names it, directly or through others. (In `abi`
/// the structures of `vmctx` point to functions that take pointers to them.)
const WITHOUT_CIRCLES: &[&str] = &["base", "wasm", "artifact", "unwind", "runtime/gc", "runtime/memory"];

/// The files and folders of `src` that may contain unsafe code, each with its reason.
const UNSAFE: &[(&str, &str)] =
    &[("runtime", "maps and calls machine code, handles signals, and shares memory with compiled code")];

/// Crates that only `compile` and the module where compiler and runtime meet may use.
const COMPILER_CRATES: &[&str] =
    &["cranelift_codegen", "cranelift_frontend", "cranelift_native", "iced_x86", "wasmparser", "wasmprinter", "wat"];

#[test]
fn rooms_name_only_rooms_to_their_left() {
    for (room, allowed) in ROOMS {
        let mut files = 0;
        for (path, code) in sources(room) {
            files += 1;
            for named in names(&code, &module_path(&path)) {
                let named = named.first().expect("only modules below the root name it by `super`").as_str();
                assert!(
                    named == *room || allowed.contains(&named),
                    "{}: the room `{room}` may not name `{named}`",
                    path.display()
                );
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
fn unsafe_code_is_where_a_reason_is_given() {
    let mut reasons_used = BTreeSet::new();
    for (path, code) in sources("") {
        if !has_unsafe(&code) {
            continue;
        }
        let listed = UNSAFE.iter().find(|(allowed, _)| path.starts_with(src().join(allowed)));
        let (allowed, _) = listed.unwrap_or_else(|| panic!("{}: unsafe code without a reason", path.display()));
        reasons_used.insert(*allowed);
    }
    assert_eq!(reasons_used, UNSAFE.iter().map(|(path, _)| *path).collect(), "a path is listed without need");
}

#[test]
fn files_of_a_room_do_not_name_each_other_in_a_circle() {
    for room in WITHOUT_CIRCLES {
        let files = sources(room).into_iter().map(|(path, code)| (module_path(&path), without_tests(&code)));
        let files: Vec<_> = files.filter(|(path, _)| !path.ends_with(&["tests".to_owned()])).collect();
        assert!(files.len() > 1, "the room `{room}` has files");
        if let Some(circle) = find_circle(&files) {
            panic!("files of the room `{room}` name each other: {}", circle.join(" -> "));
        }
    }
}

#[test]
fn the_scan_sees_what_it_should() {
    assert!(has_unsafe("fn f() { unsafe { g() } }") && !has_unsafe("type F = unsafe extern  fn(u8);"));
    assert_eq!(code_of("a // crate::b\nc /// [d](crate::d)\n\"crate::e\"\n"), "a \nc \n\n");
    let module = ["a", "b"].map(str::to_owned);
    let paths = |code: &str| names(code, &module).into_iter().map(|path| path.join("/")).collect::<Vec<_>>();
    assert_eq!(paths("use crate::abi::vmctx;\nlet x = crate::base::Trap::ALL;"), ["abi/vmctx", "base/Trap/ALL"]);
    assert_eq!(paths("use crate::{base::Error, wasm::{index, types}};"), ["base/Error", "wasm/index", "wasm/types"]);
    assert_eq!(paths("use super::{c::{D, E as F}, g};\nsuper::super::h()"), ["a/c/D", "a/c/E", "a/g", "h"]);
    assert_eq!(paths("mod m { use super::{X, self as y}; }\nuse super::z::*;"), ["a/b/X", "a/b", "a/z/*"]);
    let code = "mod tests { use super::c::D; fn f() { super::e() } }\nuse super::z;";
    assert_eq!(paths(&without_tests(code)), ["a/z"]);
}

/// The check of circles can fail.
#[test]
fn circles_are_found() {
    let files = |codes: &[(&str, &str)]| -> Vec<(Vec<String>, String)> {
        let split = |path: &str| path.split('/').map(str::to_owned).collect();
        codes.iter().map(|(path, code)| (split(path), without_tests(code))).collect()
    };
    let circle = |codes: &[(&str, &str)]| find_circle(&files(codes)).map(|circle| circle.join(" "));
    let (a, b) = (("room/a", "use super::b::B;"), ("room/b", "use crate::room::c::{C, D};"));
    assert_eq!(circle(&[a, b, ("room/c", "use std::fs;")]), None);
    assert_eq!(circle(&[a, b, ("room/c", "fn f() { super::a::f() }")]).unwrap(), "room/a room/b room/c room/a");
    assert_eq!(circle(&[a, b, ("room/c/d", "use super::super::a::A;")]).unwrap(), "room/a room/b room/c room/a");
    assert_eq!(
        circle(&[("room/c/d", "use super::e::E;"), ("room/c/e", "use super::d::*;")]).unwrap(),
        "room/c/d room/c/e room/c/d"
    );
    assert_eq!(circle(&[("room", ""), ("room/a", "use super::Item;")]).unwrap(), "room/a room/mod room/a");
    assert_eq!(circle(&[a, ("room/b", "mod tests { use super::super::a::A; }")]), None);
}

/// A circle among the entries of a folder, as paths: each names the one that follows, and the last is the first.
/// `files` are module paths with their code.
fn find_circle(files: &[(Vec<String>, String)]) -> Option<Vec<String>> {
    let folders: BTreeSet<&[String]> = files.iter().flat_map(|(path, _)| (1..path.len()).map(|n| &path[..n])).collect();
    folders.into_iter().find_map(|folder| {
        let circle = circle_of(&arrows(folder, files))?;
        Some(circle.into_iter().map(|entry| format!("{}/{entry}", folder.join("/"))).collect())
    })
}

/// For each entry of a folder (a file, a folder, or its own `mod.rs`), the other entries that it names.
fn arrows(folder: &[String], files: &[(Vec<String>, String)]) -> BTreeMap<String, BTreeSet<String>> {
    let depth = folder.len();
    let inside: Vec<_> = files.iter().filter(|(path, _)| path.starts_with(folder)).collect();
    let entries: BTreeSet<&String> = inside.iter().filter_map(|(path, _)| path.get(depth)).collect();
    let mut arrows = BTreeMap::<String, BTreeSet<String>>::new();
    for (path, code) in inside {
        let Some(entry) = path.get(depth) else {
            // `mod.rs` declares all others.
            arrows.insert("mod".to_owned(), entries.iter().map(|&entry| entry.clone()).collect());
            continue;
        };
        for named in names(code, path).into_iter().filter(|named| named.starts_with(folder)) {
            let Some(target) = named.get(depth) else { continue };
            // Any other name is an item of `mod.rs`.
            let target = if entries.contains(target) { target.clone() } else { "mod".to_owned() };
            if target != *entry {
                arrows.entry(entry.clone()).or_default().insert(target);
            }
        }
    }
    arrows
}

/// A circle of arrows, if there is one.
fn circle_of(arrows: &BTreeMap<String, BTreeSet<String>>) -> Option<Vec<String>> {
    fn walk(
        arrows: &BTreeMap<String, BTreeSet<String>>,
        way: &mut Vec<String>,
        done: &mut BTreeSet<String>,
    ) -> Option<Vec<String>> {
        let last = way.last().expect("the way has a start").clone();
        for next in arrows.get(&last).into_iter().flatten() {
            if let Some(start) = way.iter().position(|entry| entry == next) {
                return Some(way[start..].iter().chain([next]).cloned().collect());
            }
            if done.contains(next) {
                continue;
            }
            way.push(next.clone());
            if let Some(circle) = walk(arrows, way, done) {
                return Some(circle);
            }
            way.pop();
        }
        done.insert(last);
        None
    }
    let mut done = BTreeSet::new();
    arrows.keys().find_map(|start| walk(arrows, &mut vec![start.clone()], &mut done))
}

/// The paths that code names by `crate::` or `super::`, from the root of the crate. `module` is the module that the
/// code is the file of.
fn names(code: &str, module: &[String]) -> Vec<Vec<String>> {
    let mut named = Vec::new();
    // The inline modules around the current position: each with the depth of the braces around it.
    let mut inline: Vec<(usize, &str)> = Vec::new();
    let (mut position, mut depth, mut previous) = (0, 0, "");
    while let Some(c) = code[position..].chars().next() {
        let rest = &code[position..];
        let word = word_at(rest);
        if word.is_empty() {
            position += c.len_utf8();
            match c {
                '{' => depth += 1,
                '}' => {
                    depth = usize::saturating_sub(depth, 1);
                    inline.pop_if(|(outside, _)| *outside == depth);
                }
                _ => {}
            }
            continue;
        }
        if previous == "mod" && rest[word.len()..].trim_start().starts_with('{') {
            inline.push((depth, word));
        }
        if matches!(word, "crate" | "super") && rest[word.len()..].starts_with("::") {
            let here = module.iter().cloned().chain(inline.iter().map(|(_, name)| (*name).to_owned())).collect();
            position += expand(rest, here, &mut named);
        } else {
            position += word.len();
        }
        previous = word;
    }
    named
}

/// The code without its inline module `tests`.
fn without_tests(code: &str) -> String {
    let tests = code.find("mod tests {").map_or("", |start| &code[start..]);
    let mut depth = 0;
    let end = tests.find(|c| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        c == '}' && depth == 0
    });
    code.replace(&tests[..end.map_or(tests.len(), |end| end + 1)], "")
}

/// Adds the paths of a `use` tree or an expression that begins with `crate`, `super` or a name, seen from the module
/// `path`. Returns the length of what it read.
fn expand(text: &str, mut path: Vec<String>, named: &mut Vec<Vec<String>>) -> usize {
    let mut position = 0;
    loop {
        let rest = &text[position..];
        let word = word_at(rest);
        match word {
            "crate" => path.clear(),
            "super" => drop(path.pop()),
            "self" | "" => {}
            word => path.push(word.to_owned()),
        }
        position += word.len();
        if rest.starts_with('*') {
            path.push("*".to_owned());
        }
        if let Some(group) = rest.strip_prefix('{') {
            return position + 1 + expand_group(group, &path, named);
        }
        if word.is_empty() || !text[position..].starts_with("::") {
            named.push(path);
            return position;
        }
        position += "::".len();
    }
}

/// Adds the paths of a `{...}` group whose opening brace is cut off. Returns the length of what it read.
fn expand_group(group: &str, path: &[String], named: &mut Vec<Vec<String>>) -> usize {
    let (mut position, mut fresh) = (0, true);
    while let Some(c) = group[position..].chars().next() {
        match c {
            '}' => return position + 1,
            ',' => fresh = true,
            c if fresh && !c.is_whitespace() => {
                position += expand(&group[position..], path.to_vec(), named);
                fresh = false;
                continue;
            }
            _ => {}
        }
        position += c.len_utf8();
    }
    position
}

/// The identifier or keyword at the start of the text; empty if none is there.
fn word_at(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}

/// Returns whether the code has unsafe parts. The type of an unsafe function is not one.
fn has_unsafe(code: &str) -> bool {
    let code = code.replace("unsafe extern  fn(", "");
    code.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "unsafe")
}

/// The module that a file is: `["artifact", "elf"]` for `src/artifact/elf.rs`, `["artifact"]` for
/// `src/artifact/mod.rs`.
fn module_path(path: &Path) -> Vec<String> {
    let path = path.strip_prefix(src()).expect("the file is below src").with_extension("");
    let names = path.iter().map(|name| name.to_str().expect("file names are ASCII").to_owned());
    names.filter(|name| name != "mod").collect()
}

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The files of a room, or of all of `src` if it is empty, without comments and string literals.
fn sources(room: &str) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    collect(&src().join(room), &mut files);
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

/// Returns the code of a file, without line comments and without string literals of one line.
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
