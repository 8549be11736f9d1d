//! Engines in shared libraries: a file that cannot be used says why, and a library that can passes `check-adapter`,
//! agrees with our own lane, and leaves no memory behind.
//!
//! The libraries of the first tests are compiled by the system's C compiler. Those of the others are a
//! `libtouchstone.so` beside the program, and what `ci/install-engines.sh wasmtime-c` has installed. Where a tool or a
//! library is missing, a test says so and checks nothing, unless `TOUCHSTONE_REQUIRE_TOOLS` is set.
#![cfg(all(feature = "engine", feature = "library"))]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

const TOUCHSTONE: &str = env!("CARGO_BIN_EXE_touchstone");

fn skip(why: &str) {
    assert!(std::env::var_os("TOUCHSTONE_REQUIRE_TOOLS").is_none(), "{why}");
    eprintln!("skipped: {why}");
}

/// Serves a library, and returns what it says on both streams.
fn serve(path: &Path) -> String {
    let output = Command::new(TOUCHSTONE).arg("adapter").arg("--library").arg(path).stdin(Stdio::null()).output();
    let output = output.expect("touchstone starts");
    assert_eq!(output.status.code(), Some(2));
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

/// Compiles a library. `None` if there is no C compiler.
fn compile(folder: &TempDir, code: &str) -> Option<PathBuf> {
    let (source, library) = (folder.path().join("x.c"), folder.path().join("libx.so"));
    fs::write(&source, code).expect("a source file");
    let mut compiler = Command::new("cc");
    match compiler.args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).status() {
        Ok(status) => assert!(status.success(), "{code}"),
        Err(error) => {
            skip(&format!("cc: {error}"));
            return None;
        }
    }
    Some(library)
}

/// The libraries of engines that are here.
fn libraries() -> Vec<PathBuf> {
    let here = Path::new(TOUCHSTONE).parent().expect("a folder");
    let mut found = vec![here.join("libtouchstone.so")];
    for folder in here.ancestors() {
        let engines = fs::read_dir(folder.join("engines")).into_iter().flatten().flatten();
        // Older versions lack vectors or references, which the tests take for granted.
        let is_recent = |name: &str| {
            let major = name.strip_prefix("wasmtime-c@").and_then(|version| version.split('.').next());
            major.is_some_and(|major| major.parse().is_ok_and(|major: u32| major >= 25))
        };
        let installed = engines.filter(|entry| is_recent(&entry.file_name().to_string_lossy()));
        found.extend(installed.map(|entry| entry.path().join("wasmtime/linux-x86_64/_libwasmtime.so")));
    }
    found.retain(|library| library.is_file());
    if found.is_empty() {
        skip("no library of an engine: ci/install-engines.sh wasmtime-c installs one");
    }
    found
}

#[test]
fn what_is_no_library_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("libx.so");
    assert!(serve(&path).contains("No such file"));
    fs::write(&path, "text").expect("a file");
    let said = serve(&path);
    assert!(said.contains("libx.so cannot be loaded"), "{said}");
}

#[test]
fn missing_functions_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(library) = compile(&folder, "void *wasm_config_new(void) { return 0; }") else { return };
    let said = serve(&library);
    assert!(said.contains("it lacks wasm_engine_new_with_config, wasm_engine_delete, "), "{said}");
    assert!(!said.contains("wasm_config_new"), "{said}");
}

#[test]
fn a_library_that_ends_the_process_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let code = "#include <stdlib.h>\n__attribute__((constructor)) static void start(void) { abort(); }";
    let Some(library) = compile(&folder, code) else { return };
    let said = serve(&library);
    assert!(said.contains("ends the process in which it is loaded: signal: 6"), "{said}");
}

#[test]
fn libraries_pass_the_checks_of_adapters() {
    for library in libraries() {
        let mut command = Command::new(TOUCHSTONE);
        command.args(["check-adapter", "--", TOUCHSTONE, "adapter", "--library"]).arg(&library);
        let output = command.output().expect("touchstone starts");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{}: {said}", library.display());
        assert!(said.contains("frames, offsets"), "{}: {said}", library.display());
    }
}

/// A setting that no function of a library can make is refused: ours has none of another engine's compilers.
#[test]
fn settings_that_a_library_lacks_are_told() {
    for library in libraries().iter().filter(|library| library.ends_with("libtouchstone.so")) {
        let mut command = Command::new(TOUCHSTONE);
        command.args(["adapter", "--set", "compiler=winch", "--library"]).arg(library).stdin(Stdio::null());
        let output = command.output().expect("touchstone starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("cannot be set to compiler=winch: it has no wasmtime_config_strategy_set"), "{said}");
    }
}

/// Values that the interface does not have, calls through the host with their frames, and what a start function does.
const SCRIPT: &str = r#"
(module $M
  (import "host" "call_i32" (func $call (param funcref i32) (result i32)))
  (global (export "v") v128 (v128.const i64x2 3 -4))
  (func $divide (export "divide") (param i32) (result i32) (i32.div_u (i32.const 1) (local.get 0)))
  (func (export "through") (param i32) (result i32) (call $call (ref.func $divide) (local.get 0)))
  (func (export "swap") (param v128 i32 v128) (result v128 i32 v128) (local.get 2) (local.get 1) (local.get 0))
  (func (export "trap") (param v128) (result v128) (drop (call $divide (i32.const 0))) (local.get 0))
  (func (export "null") (param externref) (result externref) (local.get 0)))
(assert_return (get "v") (v128.const i64x2 3 -4))
(assert_return (invoke "through" (i32.const 1)) (i32.const 1))
(assert_trap (invoke "through" (i32.const 0)) "integer divide by zero")
(assert_return (invoke "swap" (v128.const i64x2 1 2) (i32.const 7) (v128.const i64x2 -1 5))
  (v128.const i64x2 -1 5) (i32.const 7) (v128.const i64x2 1 2))
(assert_trap (invoke "trap" (v128.const i64x2 0 0)) "integer divide by zero")
(assert_return (invoke "null" (ref.null extern)) (ref.null extern))
"#;

#[test]
fn libraries_agree_with_our_own_lane() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = folder.path().join("x.wast");
    fs::write(&script, SCRIPT).expect("a script");
    for library in libraries() {
        let lane = format!("--lane=c={TOUCHSTONE} adapter --library {}", library.display());
        let mut command = Command::new(TOUCHSTONE);
        command.arg(&script).args(["--lanes", "speed/fresh", "--deny", "unsupported", &lane]);
        let output = command.output().expect("touchstone starts");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{}: {said}", library.display());
        // One frame is behind a thunk, and the frames of the other trap are on both sides of the host.
        assert!(said.contains("of 2 traps and 0 host calls 4 frames, 4 by offset"), "{}: {said}", library.display());
    }
}

#[test]
fn sessions_leave_no_memory_behind() {
    for library in libraries() {
        let mut command = Command::new(TOUCHSTONE);
        command.arg("adapter").arg("--library").arg(&library).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("touchstone starts");
        let mut input = child.stdin.take().expect("a pipe");
        let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut ask = |request: &str| {
            writeln!(input, "{request}").expect("the adapter reads");
            let mut reply = String::new();
            output.read_line(&mut reply).expect("the adapter answers");
            assert!(!reply.contains("failed") && !reply.contains("refused"), "{request}: {reply}");
        };
        ask(r#"{"id":0,"hello":{"protocol":1}}"#);
        let mut session = || {
            ask(r#"{"id":1,"reset":{"features":["bulk-memory","reference-types"],"fuel":null}}"#);
            ask(&format!(r#"{{"id":2,"load":{{"module":0,"binary":"{MODULE}"}}}}"#));
            ask(r#"{"id":3,"instantiate":{"module":0,"instance":0}}"#);
            for _ in 0..60 {
                ask(r#"{"id":4,"invoke":{"instance":0,"function":"call","arguments":[]}}"#);
            }
        };
        // An engine may keep something for later, so the first sessions do not count. One reference of each call would
        // be a megabyte.
        (0..100).for_each(|_| session());
        let before = resident(child.id());
        (0..200).for_each(|_| session());
        let after = resident(child.id());
        assert!(after < before + 512, "{}: {before} kB, then {after} kB", library.display());
        drop(input);
        assert!(child.wait().expect("it ends").success());
    }
}

/// `(module (import "host" "call" (func (param funcref))) (memory 16) (func $f) (elem declare func $f)
/// (func (export "call") (call 0 (ref.func $f)) (call 0 (ref.func $f))))`, in base64. With the host function that calls
/// back, each call makes references, arguments and a thunk.
const MODULE: &str = "AGFzbQEAAAABCAJgAXAAYAAAAg0BBGhvc3QEY2FsbAAAAwMCAQEFAwEAEAcIAQRjYWxsAAIJBQEDAAEBCg8CAgAL\
    CgDSARAA0gEQAAs=";

/// Returns the resident memory of a process, in kilobytes.
fn resident(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("Linux tells the state of a process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok()).expect("it has resident memory")
}
