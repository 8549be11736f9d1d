//! Engines in processes of their own: an honest adapter passes `check-adapter` and agrees with the lane that it serves;
//! each wrong one is exposed by `check-adapter` and by a run.
#![cfg(feature = "engine")]

use std::fs;
use std::process::{Command, Output};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const RUNNER: &str = env!("CARGO_BIN_EXE_touchstone");
/// The runner with faulty lanes and a faulty adapter.
const FAULTY: &str = env!("CARGO_BIN_EXE_faulty");

/// Runs the product, or, where the arguments name a faulty lane, the binary that has one.
fn runner(arguments: &[&str]) -> (Option<i32>, String) {
    let program = if arguments.iter().any(|argument| argument.contains("faulty/")) { FAULTY } else { RUNNER };
    let output: Output = Command::new(program).args(arguments).output().expect("the runner starts");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&text).into_owned())
}

fn check(command: &[&str]) -> (Option<i32>, String) {
    runner(&[&["check-adapter", "--timeout", "2", "--"], command].concat())
}

/// Runs a script in our own lane and in that of an adapter.
fn run(script: &str, command: &str, more: &[&str]) -> (Option<i32>, String) {
    let directory = TempDir::new().expect("a temporary directory");
    let path = directory.path().join("x.wast");
    fs::write(&path, script).expect("a script");
    let (path, lane) = (path.display().to_string(), format!("other={command}"));
    runner(&[&[path.as_str(), "--lane", &lane], more].concat())
}

/// Runs a script in lanes that need no adapter.
fn run_alone(script: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let directory = TempDir::new().expect("a temporary directory");
    let path = directory.path().join("x.wast");
    fs::write(&path, script).expect("a script");
    runner(&[&[path.display().to_string().as_str()], arguments].concat())
}

/// An adapter that does one thing wrong is found out by a check of this name, for this reason.
#[track_caller]
fn exposed_by_check(fault: &str, name: &str, why: &str) {
    let (code, text) = check(&[FAULTY, "faulty-adapter", fault, "speed/fresh"]);
    assert_eq!(code, Some(1), "{text}");
    let line = text.lines().find(|line| line.starts_with("WRONG") && line.contains(name));
    let line = line.unwrap_or_else(|| panic!("{name:?} is not wrong in:\n{text}"));
    assert!(line.contains(why), "{why:?} is not in: {line}");
}

/// ... and by a run of this script.
#[track_caller]
fn exposed_by_run(fault: &str, script: &str, why: &str) {
    let command = format!("{FAULTY} faulty-adapter {fault} speed/fresh");
    let (code, text) = run(script, &command, &["--lanes", "speed/fresh", "--timeout", "8"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains(why), "{why:?} is not in:\n{text}");
    // The same script shows nothing when the adapter is honest.
    let honest = format!("{RUNNER} adapter speed/fresh");
    let (code, text) = run(script, &honest, &["--lanes", "speed/fresh"]);
    assert_eq!(code, Some(0), "{text}");
}

#[test]
fn an_honest_adapter_passes() {
    let (code, text) = check(&[RUNNER, "adapter", "quick/reload"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("the adapter passes"), "{text}");
}

const SCRIPT: &str = r#"(module $M
  (import "spectest" "print_i32" (func $print (param i32)))
  (memory (export "m") 1) (global (export "g") (mut i32) (i32.const 0))
  (func $div (param i32 i32) (result i32) (i32.div_s (local.get 0) (local.get 1)))
  (func (export "div") (param i32 i32) (result i32) (call $div (local.get 0) (local.get 1)))
  (func (export "print") (call $print (i32.const 6)) (i32.store (i32.const 0) (i32.const 7)))
  (func (export "nan") (result f32) (f32.const nan:0x200001))
  (func $a) (elem declare func $a $div)
  (func (export "refs") (result funcref funcref) (ref.func $a) (ref.func $div)))
(assert_return (invoke "div" (i32.const 7) (i32.const 2)) (i32.const 3))
(assert_trap (invoke "div" (i32.const 7) (i32.const 0)) "integer divide by zero")
(assert_return (invoke "print"))
(assert_return (invoke "nan") (f32.const nan:0x200001))
(assert_return (invoke "refs") (ref.func) (ref.func))
(assert_invalid (module (func (result i32))) "type mismatch")
(assert_malformed (module binary "\00asm\02\00\00\00") "unknown binary version")
"#;

#[test]
fn an_honest_adapter_agrees_with_its_lane() {
    let command = format!("{RUNNER} adapter quick/fresh");
    let (code, text) = run(SCRIPT, &command, &["--lanes", "speed/fresh,quick/reload"]);
    assert_eq!(code, Some(0), "{text}");
}

#[test]
fn a_wrong_nan() {
    exposed_by_check("wrong-nan", "NaNs and zeros", "expected [f32 nan (0xffc00000)], got [f32 nan (0x7fc00000)]");
    exposed_by_run("wrong-nan", SCRIPT, "f32 nan (0x7fc00000)");
}

#[test]
fn a_wrong_trap() {
    exposed_by_check("wrong-trap", "traps have their kinds", "expected a trap of the kind integer-divide-by-zero");
    exposed_by_run("wrong-trap", SCRIPT, "expected trap \"integer divide by zero\", got trap: unreachable");
}

#[test]
fn lies_about_support() {
    exposed_by_check("claims-features", "the engine claims", "the engine claims the feature, but the valid module");
    exposed_by_check("denies-features", "the engine denies", "the engine denies mutable-globals, but accepts (module");
    exposed_by_run("denies-features", SCRIPT, "it says, but it accepts a module that needs it");
    // What an engine honestly lacks is no failure; what it claims and refuses is one.
    let script = ";;! features: 3.0, stack-switching\n\
        (module (type $f (func)) (type $c (cont $f)) (func (export \"f\")))\n(invoke \"f\")\n";
    let lie = format!("{FAULTY} faulty-adapter claims-features speed/fresh");
    let (code, text) = run(script, &lie, &["--lanes", "other"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("expected the module to be accepted"), "{text}");
    let honest = format!("{RUNNER} adapter speed/fresh");
    let (_, text) = run(script, &honest, &["--lanes", "other"]);
    assert!(!text.contains("expected the module to be accepted") && text.contains("unsupported"), "{text}");
    assert!(text.contains("no lane supports any directive"), "{text}");
}

/// A lane that lacks a feature that the script may use has no excuse to refuse a module that does not need it.
#[test]
fn refuses_what_it_has_all_features_for() {
    let script = ";;! features: 3.0, stack-switching\n(module (func (export \"refused\")))\n(invoke \"refused\")\n";
    exposed_by_run("refuses-word", script, "expected the module to be accepted, got malformed: the word");
}

/// An unsupported directive does not excuse an instance that it cannot have changed.
#[test]
fn doubt_does_not_spread_to_what_is_not_connected() {
    let script = "(module $a (func (export \"canary\")) (func (export \"one\") (result i32) (i32.const 1)))\n\
        (module (func (export \"one\") (result i32) (i32.const 1)))\n\
        (invoke $a \"canary\")\n\
        (assert_return (invoke $a \"one\") (i32.const 2))\n\
        (assert_return (invoke \"one\") (i32.const 2))\n";
    let directory = TempDir::new().expect("a temporary directory");
    let path = directory.path().join("x.wast");
    fs::write(&path, script).expect("a script");
    let (code, text) = runner(&[&path.display().to_string(), "--lanes", "faulty/unsupported"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("x.wast:5:1: assert_return: expected [i32 2], got [i32 1]"), "{text}");
    assert!(!text.contains("x.wast:4:1") && text.contains("1 failed, 2 unsupported"), "{text}");
}

/// Nor is it one for what has to do with no instance at all.
#[test]
fn doubt_does_not_outlive_its_directive() {
    let script = "(module (import \"spectest\" \"print\" (func)) (func (export \"canary\")) (func (export \"f\")))\n\
        (invoke \"canary\")\n\
        (invoke \"f\")\n\
        (assert_invalid (module (func (result i32))) \"type mismatch\")\n";
    let command = format!("{FAULTY} faulty-adapter accepts-invalid faulty/unsupported");
    let (code, text) = run(script, &command, &["--lanes", "other"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("x.wast:4:1: assert_invalid: expected invalid, but the module was accepted"), "{text}");
}

#[test]
fn dies_when_it_shows_what_exports_hold() {
    exposed_by_check("dies-showing", "what exports hold", "says that it tells state, and shows none");
    exposed_by_run("dies-showing", SCRIPT, "the adapter's process died: exit status: 71");
}

/// A lane that is lost does not take the comparison of the others away.
#[test]
fn lanes_that_are_left_are_compared() {
    let script = "(module (func (export \"canary\") (result i32) (i32.const 1)))\n(invoke \"canary\")\n";
    let lying = |lost: &str| {
        let lanes = format!("speed/fresh,quick/fresh,faulty/lie,{lost}");
        let (code, text) = run_alone(script, &["--lanes", &lanes, "--timeout", "2"]);
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains("DISAGREE") && text.contains("[i32 195890093]"), "{text}");
        text
    };
    assert!(lying("faulty/abort").contains("CRASH"));
    assert!(lying("faulty/hang").contains("TIMEOUT"));
}

/// A process that dies in a thread is a crash, not a failure, which a list might expect.
#[test]
fn a_crash_in_a_thread() {
    let script = "(thread $t (module (func (export \"canary\"))) (invoke \"canary\"))\n(wait $t)\n";
    let (code, text) = run_alone(script, &["--lanes", "faulty/crashed"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("CRASH") && text.contains("in the thread, 1:46: invoke"), "{text}");
}

#[test]
fn hangs() {
    exposed_by_check("hangs", "integers arrive", "did not answer within 2 s");
    // The time of the script is the time that it has: no request has less.
    let command = format!("{FAULTY} faulty-adapter hangs speed/fresh");
    let (code, text) = run(SCRIPT, &command, &["--lanes", "speed/fresh", "--timeout", "2"]);
    assert_eq!(code, Some(1), "{text}");
    // Whichever notices first, the worker or the request.
    let says_how_long = text.contains("still running after 2 s") || text.contains("did not answer within 2 s");
    assert!(text.contains("TIMEOUT") && says_how_long, "{text}");
}

#[test]
fn dies() {
    exposed_by_check("dies", "integers arrive", "the adapter's process died: exit status: 70");
    exposed_by_run("dies", SCRIPT, "the adapter's process died: exit status: 70");
}

#[test]
fn garbage() {
    exposed_by_check("garbage", "integers arrive", "in Segmentation fault, more or less");
    exposed_by_run("garbage", SCRIPT, "in Segmentation fault, more or less");
    exposed_by_check("wrong-number", "integers arrive", "has the number");
    exposed_by_run("wrong-number", SCRIPT, "has the number");
}

#[test]
fn forgotten_host_calls() {
    exposed_by_check("forgets-host-calls", "host calls are noted", "expected [(\"spectest\"");
    exposed_by_run("forgets-host-calls", SCRIPT, "host calls: []");
}

#[test]
fn frames_in_the_wrong_order() {
    exposed_by_check("reverses-frames", "frames of a trap", "expected [1, 2, 3], got [3, 2, 1]");
    exposed_by_run("reverses-frames", SCRIPT, "frames: [M!2");
}

#[test]
fn functions_without_identity() {
    exposed_by_check("one-function", "functions keep", "expected [ref.func #1], got [ref.func #0]");
    exposed_by_run("one-function", SCRIPT, "[ref.func #0, ref.func #0]");
}

const VERSION_3: &str = r#";;! features: 3.0
(module $M (type $s (struct))
  (tag $a (export "a") (param i32)) (tag $b (export "b") (param i32))
  (func (export "throw a") (throw $a (i32.const 6))) (func (export "throw b") (throw $b (i32.const 6)))
  (func (export "struct") (result anyref) (struct.new $s))
  (func (export "i31") (result i31ref) (ref.i31 (i32.const -2))))
(assert_exception (invoke "throw a"))
(assert_exception (invoke "throw b"))
(assert_return (invoke "struct") (ref.any))
(assert_return (invoke "i31") (ref.i31))
"#;

#[test]
fn wrong_exceptions() {
    exposed_by_check("wrong-payload", "exceptions show", "expected [i32 -7, f64 nan");
    exposed_by_run("wrong-payload", VERSION_3, "tag #0 [i32 7]");
    exposed_by_check("one-tag", "exceptions show", "two tags have the same number");
    exposed_by_run("one-tag", VERSION_3, "tag #1 [i32 6]");
}

#[test]
fn wrong_objects() {
    exposed_by_check("wrong-object", "structs are told", "\"struct\": expected [ref.struct], got [ref.array]");
    exposed_by_run("wrong-object", VERSION_3, "[ref.array]");
    exposed_by_check("wrong-i31", "integers of 31 bits", "expected [ref.i31 2147483647], got [ref.i31 4294967295]");
    exposed_by_run("wrong-i31", VERSION_3, "[ref.i31 4294967294]");
}

/// A lane that does not share memories would wait without end for the thread that it could not start.
#[test]
fn threads_that_need_a_shared_memory_are_unsupported() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/threads-no-lost-wake-up.wast");
    let lane = format!("other={RUNNER} adapter speed/fresh");
    let (code, text) = runner(&[path, "--lanes", "speed/fresh", "--lane", &lane, "--timeout", "8"]);
    assert_eq!(code, Some(0), "{text}");
    let row = text.lines().find(|line| line.starts_with("other ")).expect("the lane's row");
    let numbers: Vec<&str> = row.split_whitespace().collect();
    // The module with the memory, and then a thread, and all that comes after it.
    assert_eq!(numbers[1..11], ["1", "5", "1", "0", "4", "0", "0", "0", "0", "0"], "{text}");
}

/// The module `spectest` has some exports only if the script has their features.
#[test]
fn spectest_has_a_wide_table_and_a_shared_memory() {
    let script = r#";;! features: 3.0, threads
(module (import "spectest" "table64" (table i64 10 funcref)) (import "spectest" "shared_memory" (memory 1 2 shared)))
(assert_unlinkable (module (import "spectest" "table64" (table 10 funcref))) "incompatible import type")
(assert_unlinkable (module (import "spectest" "shared_memory" (memory 1))) "incompatible import type")
"#;
    let (code, text) = run(script, &format!("{RUNNER} adapter speed/fresh"), &["--lanes", "speed/fresh"]);
    assert_eq!(code, Some(0), "{text}");
}

#[test]
fn memories_that_are_not_shown() {
    exposed_by_check("blank-memory", "what exports hold", "the memories: expected");
    exposed_by_check("blank-memory", "64-bit memories", "the memories: expected");
    exposed_by_run("blank-memory", SCRIPT, "memory \"m\"");
}

#[test]
fn a_byte_that_is_lost() {
    exposed_by_check("loses-byte", "memories are read", "`read` must be answered with the 3 bytes at 65533");
}

#[test]
fn memories_that_are_not_read() {
    exposed_by_check("unread-memory", "memories are read", "`read` must be answered with the 3 bytes at 65533");
    exposed_by_check("unread-memory", "a long line", "`read` must be answered with the 1000000 bytes at 1");
}

#[test]
fn invalid_modules_are_accepted() {
    exposed_by_check("accepts-invalid", "malformed and invalid modules", "accepted, though it is invalid");
    exposed_by_run("accepts-invalid", SCRIPT, "expected invalid, but the module was accepted");
}

#[test]
fn a_store_that_is_not_fresh() {
    exposed_by_check("never-resets", "reset forgets everything", "instantiates, though it must not");
    let directory = TempDir::new().expect("a temporary directory");
    let first = directory.path().join("first.wast");
    let second = directory.path().join("second.wast");
    let padding = " ".repeat(200);
    fs::write(&first, format!("(module $M (func (export \"f\")))\n(register \"M\" $M) ;; {padding}\n"))
        .expect("a script");
    fs::write(&second, "(assert_unlinkable (module (import \"M\" \"f\" (func))) \"unknown import\")\n")
        .expect("a script");
    let lane = format!("other={FAULTY} faulty-adapter never-resets speed/fresh");
    let path = directory.path().display().to_string();
    let (code, text) = runner(&[&path, "--jobs", "1", "--lanes", "other", "--lane", &lane]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("second.wast:1:1: assert_unlinkable: expected a link error, got success"), "{text}");
}

/// After a crash the run goes on with a new process: the next script passes.
#[test]
fn the_run_goes_on() {
    let directory = TempDir::new().expect("a temporary directory");
    let good =
        "(module (func (export \"f\") (result i32) (i32.const 1)))\n(assert_return (invoke \"f\") (i32.const 1))\n";
    let canary =
        "(module (func (export \"canary\") (result i32) (i32.const 1)))\n(invoke \"canary\")\n(invoke \"canary\")\n";
    fs::write(directory.path().join("a.wast"), format!("{canary};;{}\n", " ".repeat(200))).expect("a script");
    fs::write(directory.path().join("b.wast"), good).expect("a script");
    for (canary, what) in [("faulty/abort", "process died"), ("faulty/hang", "TIMEOUT")] {
        let lane = format!("other={FAULTY} adapter {canary}");
        let path = directory.path().display().to_string();
        let arguments = [&path, "--jobs", "1", "--timeout", "4", "--lanes", "other", "--lane", &lane];
        let (code, text) = runner(&arguments);
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains(what) && text.contains("a.wast:2:1"), "{text}");
        assert!(!text.contains("b.wast:"), "{text}");
    }
}

/// A child that hangs does not outlive the runner, not even when the time of the whole script is up first.
#[test]
fn no_child_is_left_behind() {
    let directory = TempDir::new().expect("a temporary directory");
    let alive = directory.path().join("alive");
    // Answers nothing, and touches a file as long as it lives.
    let command = format!("sh -c \"while :; do date +%s%N > {}; sleep 0.1; done\"", alive.display());
    let (code, text) = run(SCRIPT, &command, &["--lanes", "other", "--timeout", "1"]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("the adapter did not answer within 1 s"), "{text}");
    let stamp = || fs::read_to_string(&alive).expect("the child ran");
    let (last, deadline) = (stamp(), Instant::now() + Duration::from_millis(500));
    while Instant::now() < deadline {
        assert_eq!(stamp(), last, "the child still runs");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn what_cannot_be_started() {
    let (code, text) = check(&["/no/such/adapter"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("cannot be started: /no/such/adapter"), "{text}");
    let (code, text) = check(&["sh", "-c", "echo sorry >&2; exit 3"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("exit status: 3; its last words: sorry"), "{text}");
    // A run says so once, before any script.
    let (code, text) = run(SCRIPT, "/no/such/adapter", &["--lanes", "other"]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("the lane `other` is not there: the adapter cannot be started"), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    let (code, text) = run(SCRIPT, "/no/such/adapter", &["--lanes", "speed/fresh,other?"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("in 1 lane (without other: not there)"), "{text}");
    // It starts, but cannot do what the options ask for.
    let able = format!("{RUNNER} adapter speed/fresh");
    let (code, text) = run(SCRIPT, &able, &["--lanes", "speed/fresh,other?", "--canonicalize-nan"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("in 1 lane (without other: not there)"), "{text}");
    let (code, text) = runner(&["x.wast", "--lanes", "mine"]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("unknown lane `mine`. There are") && text.contains("`--lane NAME=CMD` adds"), "{text}");
    let (code, text) = runner(&["x.wast", "--lane", "a,b=c"]);
    assert_eq!(code, Some(2), "{text}");
}

/// An adapter that introduces itself with these members, and says nothing more.
fn introduced(members: &str) -> (Option<i32>, String) {
    let hello = format!(r#"{{"id":0,"hello":{{"protocol":1,"engine":"e","version":"1",{members}}}}}"#);
    check(&["sh", "-c", &format!("read line; echo '{hello}'")])
}

#[test]
fn words_that_mean_nothing() {
    let (code, text) = introduced(r#""features":[],"fixed_features":true,"tells":["frames","color"]"#);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("it says that it tells \"color\", which is none of phases, frames"), "{text}");
    let (code, text) = introduced(r#""features":["color"],"fixed_features":true,"tells":[]"#);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("there is no feature \"color\""), "{text}");
}

/// Neither what it leaves behind nor a limit beyond all time holds up the run.
#[test]
fn script_engines_end_in_time() {
    let directory = TempDir::new().expect("a temporary directory");
    let path = directory.path().join("x.wast").display().to_string();
    fs::write(&path, "(module)\n").expect("a script");
    let engine = |timeout: &str, command: &str| {
        let engine = format!("whole={command}");
        let started = Instant::now();
        let ended = runner(&[&path, "--lanes", "speed/fresh", "--timeout", timeout, "--script-engine", &engine]);
        assert!(started.elapsed() < Duration::from_secs(50), "it took {:?}", started.elapsed());
        ended
    };
    for (command, says) in [
        ("sh -c \"sleep 60 & echo gone; exit 1\"", "exit status: 1: gone"),
        ("sh -c \"setsid sleep 8 & echo gone; exit 1\"", "exit status: 1: "),
        ("sh -c \"sleep 60 & sleep 60\"", "still running after 3 s"),
    ] {
        let (code, text) = engine("3", command);
        assert!(code == Some(1) && text.contains(says), "{text}");
    }
    let alive = directory.path().join("alive");
    // Touches a file as long as it lives.
    let behind = format!("sh -c \"(while :; do date +%s%N > {}; sleep 0.1; done) & sleep 1\"", alive.display());
    let (code, text) = engine("3", &behind);
    assert_eq!(code, Some(0), "{text}");
    let stamp = || fs::read_to_string(&alive).expect("the child ran");
    let last = stamp();
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(stamp(), last, "what the engine left behind still runs");
    let (code, text) = engine("1e19", "true");
    assert_eq!(code, Some(0), "{text}");
}

/// A command that runs a whole script is compared by its exit code.
#[test]
fn script_engines() {
    let good =
        "(module (func (export \"f\") (result i32) (i32.const 1)))\n(assert_return (invoke \"f\") (i32.const 1))\n";
    let directory = TempDir::new().expect("a temporary directory");
    let path = directory.path().join("x.wast").display().to_string();
    fs::write(&path, good).expect("a script");
    let engine = |command: &str| {
        let engine = format!("whole={command}");
        runner(&[&path, "--lanes", "speed/fresh", "--timeout", "1", "--script-engine", &engine])
    };
    // The runner itself runs whole scripts.
    let (code, text) = engine(&format!("{RUNNER} --quiet {{}} --lanes quick/fresh"));
    assert_eq!(code, Some(0), "{text}");
    assert!(text.lines().any(|line| line.starts_with("whole ")), "{text}");
    let (code, text) = engine("sh -c \"echo it is wrong >&2; exit 3\"");
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("x.wast:1:1: script: exit status: 3: it is wrong"), "{text}");
    let (code, text) = engine("sh -c \"kill -9 $$\"");
    assert!(code == Some(1) && text.contains("CRASH") && text.contains("signal: 9"), "{text}");
    let (code, text) = engine("sh -c \"exec sleep 60\"");
    assert!(code == Some(1) && text.contains("TIMEOUT") && text.contains("still running after 1 s"), "{text}");
    let (code, text) = engine("/no/such/engine");
    assert!(code == Some(2) && text.contains("there is no program `/no/such/engine`"), "{text}");
    // Built-in scripts are given as files.
    let arguments =
        ["spec:2.0", "--filter", "nop.wast", "--lanes", "speed/fresh", "--script-engine", "whole=grep -q nop"];
    let (code, text) = runner(&arguments);
    assert_eq!(code, Some(0), "{text}");
}
