//! The scripts in `libfuzzer/` that cargo calls for cargo-fuzz, with a command that prints its arguments in place of
//! rustc and of a target.
#![cfg(unix)]

use std::path::Path;
use std::process::Command;

/// The flags of cargo-fuzz, between others.
const FLAGS: [&str; 8] = [
    "--cfg",
    "feature=\"a b\"",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Zsanitizer=address",
    "-Cdebug-assertions",
    "-Copt-level=3",
];

/// Runs a script and returns the lines on standard output, and the text on standard error.
fn run(script: &str, setup: impl FnOnce(&mut Command), arguments: &[&str]) -> (Vec<String>, String) {
    let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("libfuzzer").join(script));
    command.env_remove("ASAN_OPTIONS").args(arguments);
    setup(&mut command);
    let output = command.output().expect("the script is executable");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the script writes text");
    (text(output.stdout).lines().map(str::to_string).collect(), text(output.stderr))
}

fn keep_flags(manifest_dir: &str) -> Vec<String> {
    let mut arguments = vec!["printf", "%s\\n"];
    arguments.extend(FLAGS);
    run("instrument-own-crates", |command| _ = command.env("CARGO_MANIFEST_DIR", manifest_dir), &arguments).0
}

#[test]
fn only_our_own_crates_are_instrumented() {
    let engine = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("it is in the workspace").join("engine");
    let ours: Vec<_> = FLAGS.into_iter().filter(|flag| !flag.contains("trace")).collect();
    assert_eq!(keep_flags(engine.to_str().expect("a path in UTF-8")), ours);
    assert_eq!(keep_flags("/registry/cranelift-codegen"), ["--cfg", "feature=\"a b\"", "-Copt-level=3"]);
}

#[test]
fn options_override_the_defaults_of_a_target() {
    let in_fuzz = |command: &mut Command| _ = command.current_dir(env!("CARGO_MANIFEST_DIR"));
    let (lines, note) = run("run", in_fuzz, &["echo", "-entropic=1"]);
    assert_eq!((lines.as_slice(), note.as_str()), (["-entropic=0 -entropic=1".to_string()].as_slice(), ""));
}

#[test]
fn a_slow_build_is_pointed_out() {
    let elsewhere = |command: &mut Command| _ = command.current_dir("/");
    let (_, note) = run("run", elsewhere, &["echo"]);
    assert!(note.contains("run `cargo fuzz` in the folder fuzz/"), "{note}");
}
