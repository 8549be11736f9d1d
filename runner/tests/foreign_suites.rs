//! Scripts of other suites: their head lines, their words for traps, and the options that they need.
#![cfg(feature = "engine")]

mod common;

use common::{report_and_output, script, text, touchstone};
use runner::report::Report;
use std::fs;

/// Runs a script with these options, and returns the report, the exit code and standard error.
fn run(contents: &str, options: &[&str]) -> (Report, Option<i32>, String) {
    let (_directory, path) = script(contents);
    let (report, output) = report_and_output(&[&[&path, "--quiet"], options].concat());
    (report, output.status.code(), text(&output.stderr))
}

#[track_caller]
fn passes(contents: &str, options: &[&str]) {
    let (report, code, _) = run(contents, options);
    assert_eq!(code, Some(0), "{:?}", report.scripts);
}

#[track_caller]
fn fails(contents: &str, options: &[&str], says: &str) {
    let (report, code, _) = run(contents, options);
    let failures: Vec<_> = report.scripts.iter().flat_map(|script| &script.failures).collect();
    assert_eq!(code, Some(1), "{failures:?}");
    assert!(failures.iter().any(|failure| failure.message.contains(says)), "{says:?} is not in {failures:?}");
}

#[test]
fn head_lines_of_wasmtime() {
    passes(";;! threads = true\n(module (memory 1 1 shared))", &[]);
    fails(";;! simd = false\n(module (func (drop (v128.const i64x2 0 0))))", &[], "SIMD");
    fails(";;! threads = true\n(module (memory 1 1 shared))", &["--features", "3.0"], "malformed");
}

#[test]
fn what_is_not_understood_is_said() {
    let (report, code, stderr) = run(";;! teleport = true\n(module)", &[]);
    assert_eq!((code, report.warnings.len()), (Some(0), 1));
    assert!(
        report.warnings[0].ends_with("x.wast:1:1: the head line `teleport = true` is not understood and has no effect")
    );
    assert!(stderr.contains(&format!("warning: {}", report.warnings[0])), "{stderr}");
    let (report, _, stderr) = run(";;! gc = true\n(module)", &[]);
    assert!(report.warnings.is_empty() && !stderr.contains("warning"), "{stderr}");
}

#[test]
fn instances_that_are_importable_by_their_names() {
    let text = "(module $m (func (export \"f\")))\n(module (import \"m\" \"f\" (func)))\n\
        (module definition $d (func (export \"g\"))) (module instance $i $d) (module (import \"i\" \"g\" (func)))";
    fails(text, &[], "unknown import m.f");
    passes(text, &["--auto-register"]);
    passes(&format!(";;! gc = true\n{text}"), &[]);
    fails("(module $m) (module (import \"m\" \"f\" (func)))", &["--auto-register"], "unknown import m.f");
}

#[test]
fn the_host_module_of_wasmtime() {
    let text = "(module (import \"wasmtime\" \"gc\" (func $gc)) (type $s (struct (field i32)))\n\
        (func (export \"f\") (result i32) (local $s (ref null $s)) (local.set $s (struct.new $s (i32.const 7)))\n\
            (call $gc) (struct.get $s 0 (local.get $s))))\n(assert_return (invoke \"f\") (i32.const 7))";
    fails(text, &[], "unknown import wasmtime.gc");
    passes(text, &["--host", "spectest,wasmtime"]);
    passes(&format!(";;! gc = true\n{text}"), &[]);
}

#[test]
fn canonical_nans_for_one_script() {
    let text = "(module (func (export \"f\") (param f32) (result i32)\n\
        (i32.reinterpret_f32 (f32.div (local.get 0) (local.get 0)))))\n\
        (assert_return (invoke \"f\" (f32.const 0)) (i32.const 0x7fc00000))";
    passes(&format!(";;! nan_canonicalization = true\n{text}"), &["--lanes", "all"]);
    passes(text, &["--canonicalize-nan"]);
    fails(text, &[], "expected [i32 2143289344], got [i32 -4194304]");
    let adapter = format!("mine={} adapter speed/fresh", env!("CARGO_BIN_EXE_touchstone"));
    let text = format!(";;! nan_canonicalization = true\n{text}");
    let (report, code, _) = run(&text, &["--lanes", "speed/fresh", "--lane", &adapter]);
    assert_eq!(code, Some(0));
    let mine = report.scripts.iter().find(|script| script.lane == "mine").expect("it is reported");
    assert_eq!((mine.passed, mine.unsupported), (0, 2));
}

#[test]
fn features_by_path() {
    let (directory, path) = script("(module (memory 1 1 shared))");
    let rules = directory.path().join("features.txt");
    let rules = rules.display().to_string();
    let code = |text: &str, options: &[&str]| {
        fs::write(&rules, text).expect("a file");
        touchstone(&[&[&path, "--features-file", &rules], options].concat()).status.code()
    };
    assert_eq!(code("*.wast = 3.0, threads", &[]), Some(0));
    assert_eq!(code("*.wast = 3.0, threads\nx.wast = 3.0", &[]), Some(1));
    assert_eq!(code("y.wast = 3.0, threads", &[]), Some(1));
    assert_eq!(code("x.wast = 3.0, threads", &["--features", "1.0"]), Some(1));
    fs::write(&rules, "x.wast: 3.0").expect("a file");
    let output = touchstone(&[&path, "--features-file", &rules]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("features.txt:1: expected GLOB = FEATURES"), "{output:?}");
}

#[test]
fn the_texts_of_traps() {
    let text =
        |message| format!("(module (func (export \"f\") unreachable))\n(assert_trap (invoke \"f\") \"{message}\")");
    let says = "expected trap";
    for message in ["", "unreach", "unreachable executed"] {
        passes(&text(message), &[]);
        fails(&text(message), &["--trap-text", "exact"], says);
    }
    passes(&text("unreachable"), &["--trap-text", "exact"]);
    fails(&text("integer overflow"), &[], says);
    passes(&text("integer overflow"), &["--trap-text", "any"]);
    fails(&text("").replace("unreachable", "nop"), &["--trap-text", "any"], says);
}
