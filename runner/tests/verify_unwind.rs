//! `touchstone verify-unwind`: sound code passes, an altered unwind table is caught, and what cannot be checked says
//! so.
#![cfg(feature = "engine")]

#[expect(dead_code, reason = "other tests use the rest")]
mod common;

use common::{script, text, touchstone};
use serde_json::Value;
use std::fs;
use std::path::Path;

const MODULE: &str = "(module (import \"m\" \"f\" (func $f (param i32) (result i32)))
    (func $g (param i32) (result i32) (i32.add (call $f (local.get 0)) (i32.const 1)))
    (func (export \"run\") (param i32) (result i32) (call $g (local.get 0)))
    (func (export \"trap\") unreachable))";

/// Runs the command, and returns its result, its output and its exit code.
fn verify(input: impl AsRef<Path>, more: &[&str]) -> (Value, String, Option<i32>) {
    let directory = tempfile::tempdir().expect("a directory");
    let report = directory.path().join("unwind.json");
    let (input, report_option) = (input.as_ref().display().to_string(), format!("json={}", report.display()));
    let output = touchstone(&[&["verify-unwind", &input, "--report", &report_option], more].concat());
    let json = fs::read_to_string(&report).map_or(Value::Null, |json| serde_json::from_str(&json).expect("JSON"));
    (json, text(&output.stdout) + &text(&output.stderr), output.status.code())
}

fn artifact(directory: &Path, options: &[&str]) -> Vec<u8> {
    let module = directory.join("m.wat");
    let path = directory.join("m.cwasm");
    fs::write(&module, MODULE).expect("a file");
    let (input, output) = (module.display().to_string(), path.display().to_string());
    assert_eq!(touchstone(&[&["compile", &input, "-o", &output], options].concat()).status.code(), Some(0));
    fs::read(path).expect("the artifact")
}

#[test]
fn modules_scripts_and_artifacts_are_checked() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("m.cwasm");
    for options in [&[][..], &["--tier", "quick", "--memory-checks", "explicit", "--features", "2.0"]] {
        artifact(directory.path(), options);
        let (found, output, code) = verify(&path, &[]);
        assert_eq!((code, &found["wrong"]), (Some(0), &Value::Array(Vec::new())), "{output}");
        assert!(found["functions"].as_u64() > Some(4) && found["distinct_instructions"].as_u64() > Some(20), "{found}");
    }
    let lanes = ["--lanes", "speed/fresh,quick/reload"];
    let (module, output, code) = verify(directory.path().join("m.wat"), &lanes);
    assert_eq!(code, Some(0), "{output}");
    assert!(module["distinct_instructions"].as_u64() > Some(40), "{module}");
    let (_scripts, path) = script("(module (func (export \"f\")))(assert_return (invoke \"f\"))");
    let (found, output, code) = verify(&path, &lanes);
    assert_eq!((code, found["wrong"].as_array().map(Vec::len)), (Some(0), Some(0)), "{output}");
}

/// Traps and host calls at several depths, through the host and back. The platform's unwinder finds the same frames,
/// unless loading does not register them.
#[test]
fn other_unwinders_find_the_same_frames() {
    let tests = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests");
    let lanes = ["--walks", "--lanes", "speed/fresh,quick/reload"];
    let (found, output, code) = verify(tests, &lanes);
    assert_eq!((code, &found["walks"]["wrong"]), (Some(0), &Value::Array(Vec::new())), "{output}");
    assert!(found["walks"]["backtraces"].as_u64() > Some(1000), "{output}");
    assert!(found["walks"]["unwinder"].as_str().is_some_and(|path| path.contains("libgcc_s")), "{output}");
    let (_scripts, path) = script(
        "(module (func $f unreachable) (func (export \"f\") (call $f)))
         (assert_trap (invoke \"f\") \"unreachable\")",
    );
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_touchstone"));
    command.args(["verify-unwind", &path, "--walks"]).env("TOUCHSTONE_FAULT", "FramesUnregistered");
    let output = command.output().expect("it starts");
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    // libgcc shows the frame whose caller it cannot find.
    assert!(said.contains("unwinder: after 1 equal frames, expected !1 @"), "{said}");
}

/// An epilogue that begins one byte later than its rules say.
#[test]
fn an_altered_table_is_caught() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut bytes = artifact(directory.path(), &[]);
    let popped = [0x0a, 0x0c, 7, 8, 0xc6];
    let begins = |at: &usize| bytes[*at..].starts_with(&popped) && (0x42..0x80).contains(&bytes[at - 1]);
    let altered: Vec<_> = (1..bytes.len()).filter(begins).collect();
    assert!(altered.len() >= 2, "the functions have epilogues");
    for at in altered {
        // The distance from the rule before.
        bytes[at - 1] -= 1;
    }
    assert!(engine::sign_again(&mut bytes));
    let path = directory.path().join("altered.cwasm");
    fs::write(&path, bytes).expect("a file");
    let (found, output, code) = verify(&path, &[]);
    assert_eq!(code, Some(1), "{output}");
    let wrong = found["wrong"].as_array().expect("a list");
    assert!(wrong.iter().any(|wrong| wrong["rule"] == "pc"), "{found}");
    assert!(output.contains("of the caller is"), "{output}");
}

#[test]
fn what_cannot_be_checked_is_told() {
    let (_scripts, path) = script("(module (func (export \"f\")))");
    let (_, output, code) = verify(&path, &["--lanes", "interp"]);
    assert_eq!(code, Some(2), "{output}");
    assert!(output.contains("runs no compiled code in this process"), "{output}");
    let (_, output, code) = verify(&path, &[]);
    assert_eq!(code, Some(1), "{output}");
    assert!(output.contains("nothing was checked"), "{output}");
}
