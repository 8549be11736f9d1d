//! The layout of the code: crates, modules, files, and functions.

use ci::habits::{arrows, check_each, functions, lines, modules, rust_sources, sources, unsafe_code};

/// The longest function of the repository, in lines. The number may only become smaller.
const LONGEST_FUNCTION: usize = 60;

/// The loop of the interpreter, with its length: one `match` becomes one table of jumps, and its arms share the local
/// variables that hold the state of the machine. Divided, it would keep that state in memory. The number may only
/// become smaller.
const LOOP: (&str, usize) = ("interpreter/src/execute/run.rs", 270);

#[test]
fn crates_use_only_crates_to_their_left() {
    assert_eq!(arrows::check(&sources(), arrows::ARROWS), Vec::<String>::new());
}

#[test]
fn unsafe_code_is_where_a_reason_is_given() {
    assert_eq!(unsafe_code::check(&sources(), unsafe_code::UNSAFE), Vec::<String>::new());
}

#[test]
fn every_source_file_is_declared() {
    assert_eq!(modules::check_reached(&sources()), Vec::<String>::new());
}

#[test]
fn a_module_with_children_is_the_file_mod_of_its_folder() {
    assert_eq!(modules::check_style(&rust_sources()), Vec::<String>::new());
}

#[test]
fn no_file_is_longer_than_800_lines() {
    assert_eq!(check_each(&sources(), lines::check_lines), Vec::<String>::new());
}

#[test]
fn the_longest_function_does_not_grow() {
    let sources: Vec<_> = rust_sources().into_iter().filter(|source| source.path != LOOP.0).collect();
    assert_eq!(check_each(&sources, |source| functions::check(source, LONGEST_FUNCTION)), Vec::<String>::new());
    let longest = sources.iter().flat_map(functions::functions).max().expect("there are functions");
    let lines = longest.lines;
    assert_eq!(lines, LONGEST_FUNCTION, "the longest function has {lines} lines now: lower the number ({longest:?})");
}

#[test]
fn the_loop_is_the_only_long_function_of_its_file_and_does_not_grow() {
    let sources = rust_sources();
    let source = sources.iter().find(|source| source.path == LOOP.0).expect("the interpreter has a loop");
    let mut lengths: Vec<usize> = functions::functions(source).iter().map(|function| function.lines).collect();
    lengths.sort_unstable();
    let longest = lengths.pop();
    assert_eq!(longest, Some(LOOP.1), "the loop has {longest:?} lines now: lower the number");
    assert!(lengths.iter().all(|&lines| lines <= LONGEST_FUNCTION), "{lengths:?}");
}
