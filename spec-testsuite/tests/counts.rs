//! The number of scripts and directives of each official suite. A script too many, too few, or in the wrong suite
//! changes them.

use spec_testsuite::{Features, Script, Suite, UnknownSuite, resolve};

fn directives(script: &Script) -> usize {
    let mut lexer = wast::lexer::Lexer::new(&script.contents);
    // names.wast has characters that look like others, on purpose.
    lexer.allow_confusing_unicode(true);
    let buffer = wast::parser::ParseBuffer::new_with_lexer(lexer).expect("an official script has known tokens");
    let parsed = wast::parser::parse::<wast::Wast<'_>>(&buffer);
    parsed.unwrap_or_else(|error| panic!("{}: {error}", script.path)).directives.len()
}

/// Returns the number of files and of directives.
fn count(scripts: &[Script]) -> (usize, usize) {
    (scripts.len(), scripts.iter().map(directives).sum())
}

fn suite(name: &str) -> Vec<Script> {
    resolve(name).expect("the suite is known")
}

#[test]
fn version_1() {
    assert_eq!(count(&suite("1.0")), (73, 19_245));
}

#[test]
fn version_2() {
    let (simd, rest): (Vec<_>, Vec<_>) = suite("2.0").into_iter().partition(|script| script.path.contains("/simd/"));
    assert_eq!(count(&rest), (90, 28_012));
    assert_eq!(count(&simd), (59, 25_990));
}

#[test]
fn version_3() {
    let in_folder = |folder: &str| {
        let scripts = suite("3.0");
        count(&scripts.into_iter().filter(|s| s.path.starts_with(folder)).collect::<Vec<_>>())
    };
    let top = suite("3.0").into_iter().filter(|script| script.path.matches('/').count() == 1).collect::<Vec<_>>();
    assert_eq!(count(&top), (97, 21_228));
    assert_eq!(in_folder("spec:3.0/gc/"), (17, 784));
    assert_eq!(in_folder("spec:3.0/simd/"), (59, 25_990));
    assert_eq!(in_folder("spec:3.0/memory64/"), (9, 948));
    assert_eq!(suite("3.0").len() + Suite::V3.missing().len(), 258 + 3);
}

#[test]
fn proposals() {
    assert_eq!(count(&suite("proposals/threads")), (4, 619));
    assert_eq!(count(&suite("proposals/custom-page-sizes")), (5, 207));
    assert_eq!(count(&suite("proposals/wide-arithmetic")), (1, 109));
    assert_eq!(count(&suite("proposals/custom-descriptors")), (14, 876));
    assert_eq!(count(&suite("proposals/gc")), (17, 784));
    assert_eq!(count(&suite("proposals/memory64")), (14, 1_606));
}

#[test]
fn all_has_each_script_once() {
    let all = suite("all");
    let contents: std::collections::HashSet<_> = all.iter().map(|script| &script.contents).collect();
    assert_eq!(contents.len(), 408);
    for script in suite("1.0").iter().chain(&suite("2.0")).chain(&suite("3.0")) {
        assert!(all.iter().any(|other| other.contents == script.contents && other.features == script.features));
    }
}

#[test]
fn an_unknown_suite_is_refused_with_the_known_ones() {
    let error = resolve("4.0").expect_err("there is no such suite");
    assert_eq!(error, UnknownSuite("4.0".to_owned()));
    assert!(error.to_string().contains("spec:2.0, spec:3.0, spec:latest, spec:proposals/annotations"), "{error}");
}

#[test]
fn every_suite_is_found_by_its_name() {
    for suite in Suite::known() {
        assert_eq!(suite.to_string().parse(), Ok(suite));
        assert_eq!(suite.scripts().is_empty(), matches!(suite, Suite::Ahead(_)), "{suite}");
        let names: std::collections::HashSet<_> = suite.scripts().into_iter().map(|script| script.path).collect();
        assert_eq!(names.len(), suite.scripts().len(), "{suite} has a path twice");
    }
    assert!(suite("1.0").iter().all(|script| script.features == Features::WASM_1_0));
}
