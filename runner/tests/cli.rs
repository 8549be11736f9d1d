//! The program as its users meet it: what must fail fails, at its line and for its reason; errors are clear; crashes,
//! hangs, wrong results and altered snapshots are noticed; reports keep their form.
#![cfg(feature = "engine")]

mod common;

use common::{report_and_output, script, text, touchstone};
use runner::report::{Report, Status};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const GOOD: &str = "(module (func (export \"f\") (result i32) (i32.const 1)))\n\
    (assert_return (invoke \"f\") (i32.const 1))\n";

const CANARY: &str = "(module $M\n  (func (export \"f\") (result i32) (i32.const 1))\n\
    \x20 (func (export \"canary\") (result i32) unreachable))\n\
    (assert_return (invoke \"f\") (i32.const 1))\n\
    (assert_trap (invoke \"canary\") \"unreachable\")\n\
    (assert_return (invoke \"f\") (i32.const 1))\n";

/// Runs scripts, and returns the JSON report and the exit code.
fn report(arguments: &[&str]) -> (Report, Option<i32>) {
    let (report, output) = report_and_output(arguments);
    (report, output.status.code())
}

#[track_caller]
fn expect_usage_error(arguments: &[&str], says: &str) {
    let output = touchstone(arguments);
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(2), "{stdout}{stderr}");
    assert!(stdout.contains(says) || stderr.contains(says), "{says:?} is not in:\n{stdout}{stderr}");
}

#[test]
fn what_must_fail_fails() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/must_fail");
    let (report, code) = report(&[&directory.display().to_string(), "--lanes", "all"]);
    assert_eq!(code, Some(1));
    assert_eq!(report.disagreements, [], "the lanes must fail alike");
    let files: Vec<PathBuf> =
        fs::read_dir(&directory).expect("the scripts").map(|entry| entry.expect("an entry").path()).collect();
    assert_eq!(report.scripts.len(), files.len() * lanes::OWN_LANES.len());
    for script in &report.scripts {
        let contents = fs::read_to_string(&script.path).expect("the script");
        for (word, found) in [("fails", &script.failures), ("follows", &script.following)] {
            let expected = contents.lines().filter_map(|line| {
                let (line, reason) = line.strip_prefix(&format!(";; {word} "))?.split_once(": ")?;
                Some((line.parse().expect("a line number"), reason))
            });
            let expected: Vec<(u32, &str)> = expected.collect();
            let lines: Vec<u32> = found.iter().map(|failure| failure.line).collect();
            assert_eq!(lines, expected.iter().map(|(line, _)| *line).collect::<Vec<_>>(), "{} {script:?}", script.lane);
            for (failure, (_, reason)) in found.iter().zip(expected) {
                assert!(failure.message.contains(reason), "{}: {:?} lacks {reason:?}", script.path, failure.message);
            }
        }
        assert_eq!((script.status, script.failed), (Status::Fail, script.failures.len()), "{}", script.path);
        assert_eq!(script.passed + script.failed + script.follows, script.directives, "{}", script.path);
    }
}

#[test]
fn canonical_nans_are_an_option() {
    let (_directory, script) = script(
        "(module (func (export \"divide\") (param f32) (result i32)\n\
         (i32.reinterpret_f32 (f32.div (local.get 0) (local.get 0)))))\n\
         (assert_return (invoke \"divide\" (f32.const 0)) (i32.const 0x7fc00000))\n",
    );
    assert_eq!(report(&[&script, "--lanes", "all"]).1, Some(1), "the processor's own NaN is negative");
    assert_eq!(report(&[&script, "--lanes", "all", "--canonicalize-nan"]).1, Some(0));
    expect_usage_error(&[&script, "--lanes", "v8", "--canonicalize-nan"], "canonical NaNs (--canonicalize-nan)");
}

#[test]
fn inputs_that_cannot_be_used() {
    let empty = tempfile::tempdir().expect("a temporary directory");
    let empty = empty.path().display().to_string();
    let (_directory, good) = script(GOOD);
    expect_usage_error(&["nowhere/x.wast"], "cannot read nowhere/x.wast");
    expect_usage_error(&[&empty], "has no *.wast file");
    expect_usage_error(&["/dev/null"], "cannot read /dev/null: not a regular file");
    expect_usage_error(
        &["spec:9.0"],
        "unknown suite `spec:9.0`; did you mean `spec:1.0`? Known are spec:1.0, spec:2.0",
    );
    expect_usage_error(&[&good, "--lanes", "sped/fresh"], "unknown lane `sped/fresh`; did you mean `speed/fresh`?");
    expect_usage_error(&[&good, "--jobs", "0"], "expected a number to run at a time, at least 1");
    expect_usage_error(&[&good, "--lanes", "all,quick/fresh"], "the lane `quick/fresh` is named twice");
    expect_usage_error(&[&good, "--filter", "zebra"], "no script's path contains `zebra`");
    expect_usage_error(&[&good, "--features", "teleport"], "teleport");
    expect_usage_error(&[&good, "--report", "pdf=x"], "expected json=FILE");
    expect_usage_error(&[&good, "--expect", "nowhere.txt"], "cannot read nowhere.txt");
    expect_usage_error(&[&good, "--timeout", "0"], "positive number of seconds");
    expect_usage_error(&[&good, "--script-engine", "speed/fresh=true"], "`speed/fresh` cannot be the name of a lane");
    expect_usage_error(
        &[&good, "--script-engine", "e=true", "--script-engine", "e=false"],
        "the lane `e` is named twice",
    );
    expect_usage_error(&[&good, "--lane", "e=true", "--script-engine", "e=true"], "the lane `e` is named twice");
}

#[test]
fn a_script_runs_once_however_it_is_named() {
    let (directory, path) = script(GOOD);
    let directory = directory.path().display().to_string();
    let (report, code) = report(&[&path, &format!("{directory}/./x.wast"), &directory, "--lanes", "speed/fresh"]);
    assert_eq!((code, report.scripts.len()), (Some(0), 1));
}

#[test]
fn an_unparsable_script_does_not_stop_the_others() {
    let (_first, good) = script(GOOD);
    let (_second, bad) = script("(module");
    let (report, code) = report(&[&good, &bad, "--lanes", "speed/fresh"]);
    assert_eq!(code, Some(1));
    let of = |path: &str| report.scripts.iter().find(|script| script.path == path).expect("it is reported");
    assert_eq!((of(&good).status, of(&bad).status), (Status::Pass, Status::Fail));
    let failure = &of(&bad).failures[0];
    assert_eq!((failure.line, failure.column, failure.directive.as_str()), (1, 1, "module"), "{failure:?}");
}

#[test]
fn an_unreadable_file_of_a_directory_does_not_stop_the_others() {
    let (directory, good) = script(GOOD);
    let bad = directory.path().join("latin-1.wast");
    fs::write(&bad, b"(module (func (export \"caf\xe9\")))").expect("a script");
    let (report, code) = report(&[&directory.path().display().to_string(), "--lanes", "speed/fresh"]);
    assert_eq!(code, Some(2));
    let of = |path: &str| report.scripts.iter().find(|script| script.path == path).expect("it is reported");
    assert_eq!(of(&good).status, Status::Pass);
    let bad = of(&bad.display().to_string());
    assert_eq!(bad.status, Status::Unreadable);
    let failure = &bad.failures[0];
    assert_eq!((failure.line, failure.column), (1, 27), "{failure:?}");
    assert!(failure.message.contains("UTF-8"), "{failure:?}");
}

#[test]
fn scripts_that_cannot_be_read_do_not_stop_the_others() {
    use std::os::unix::ffi::OsStrExt;

    let (directory, good) = script(GOOD);
    let file = |name: &str| directory.path().join(name).display().to_string();
    let (features, latin, pipe) = (file("features.wast"), file("latin-1.wast"), file("pipe.wast"));
    fs::write(&features, ";; A head.\n;;! features: nope\n").expect("a script");
    fs::write(&latin, b"(module)\n;; caf\xe9\n").expect("a script");
    // Like a pipe, it is no regular file.
    std::os::unix::fs::symlink("/dev/null", &pipe).expect("a link");
    let misnamed = directory.path().join(std::ffi::OsStr::from_bytes(b"caf\xe9.wast"));
    fs::write(misnamed, GOOD).expect("a script");
    let check = |arguments: &[&str], unreadable: &[(&str, u32, u32, &str)]| {
        let (report, code) = report(&[arguments, &["--lanes", "speed/fresh"]].concat());
        assert_eq!(code, Some(2));
        let of = |name: &str| report.scripts.iter().find(|script| script.path.ends_with(name)).expect("it is there");
        assert_eq!(of(&good).status, Status::Pass);
        assert_eq!(report.scripts.len(), 1 + unreadable.len());
        for (name, line, column, says) in unreadable {
            let failure = &of(name).failures[0];
            assert_eq!(of(name).status, Status::Unreadable);
            assert_eq!((failure.line, failure.column), (*line, *column), "{failure:?}");
            assert!(failure.message.contains(says), "{failure:?}");
        }
    };
    let utf8 = ("latin-1.wast", 2, 7, "the byte 0xe9 is not UTF-8");
    let feature = ("features.wast", 2, 15, "unknown feature `nope`");
    check(&[&good, &latin, &features], &[utf8, feature]);
    let pipe = ("pipe.wast", 1, 1, "not a regular file");
    let name = ("caf\u{fffd}.wast", 1, 1, "the name of the file is not UTF-8: rename it");
    check(&[&directory.path().display().to_string()], &[utf8, feature, pipe, name]);
}

#[test]
fn a_script_that_fails_is_not_blessed() {
    let (directory, path) = script(&CANARY.replace("(i32.const 1))\n(assert_trap", "(i32.const 2))\n(assert_trap"));
    let output = touchstone(&[&path, "--bless", "--lanes", "speed/fresh"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
    assert!(text(&output.stderr).contains("no trap snapshot of "), "{}", text(&output.stderr));
    assert!(!directory.path().join("x.traps").exists());
}

#[test]
fn a_failure_is_shown_with_its_place_and_source_line() {
    let (_directory, path) =
        script("(module (func (export \"f\") (result i32) (i32.const 1)))\n  (assert_return (invoke \"f\"))\n");
    let output = touchstone(&[&path, "--lanes", "speed/fresh"]);
    assert_eq!(output.status.code(), Some(1));
    let stdout = text(&output.stdout);
    assert!(stdout.contains(&format!("{path}:2:3: assert_return: expected no result, got [i32 1]")), "{stdout}");
    assert!(stdout.contains("2 |   (assert_return (invoke \"f\"))"), "{stdout}");
}

#[test]
fn a_crash_is_a_line_in_the_report() {
    let (_directory, path) = script(CANARY);
    let (report, code) = report(&[&path, "--lanes", "faulty/abort,speed/fresh"]);
    assert_eq!(code, Some(1));
    let [crash, other] = report.scripts.as_slice() else { panic!("two lanes: {report:?}") };
    assert_eq!((crash.status, crash.passed, crash.failed, crash.skipped), (Status::Crash, 2, 1, 1));
    assert_eq!(crash.failures[0].line, 5);
    assert!(crash.failures[0].message.contains("the process died"), "{crash:?}");
    assert_eq!((other.status, other.passed), (Status::Pass, 4));
    assert_eq!(report.totals.crashed, 1);
}

/// No directive waits for the thread, and nothing wakes it. The script does not end before the thread does.
#[test]
fn a_thread_that_never_ends_is_a_timeout() {
    let (_directory, path) = script(
        ";;! features: 2.0, threads\n(thread $t (module (memory 1 1 shared) (func (export \"sleep\")\n\
         (drop (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const -1)))))\n(invoke \"sleep\"))\n(module)\n",
    );
    let (report, code) = report(&[&path, "--lanes", "quick/fresh", "--timeout", "1"]);
    assert_eq!((code, report.totals.timed_out, report.scripts[0].status), (Some(1), 1, Status::Timeout));
}

#[test]
fn a_hang_is_a_timeout() {
    let (_directory, path) = script(CANARY);
    let (report, code) = report(&[&path, "--lanes", "faulty/hang,speed/fresh", "--timeout", "2"]);
    assert_eq!(code, Some(1));
    let [hang, other] = report.scripts.as_slice() else { panic!("two lanes: {report:?}") };
    assert_eq!((hang.status, hang.passed, hang.failed, hang.skipped), (Status::Timeout, 2, 1, 1));
    assert_eq!(hang.failures[0].line, 5);
    assert_eq!(other.status, Status::Pass);
    assert_eq!(report.totals.timed_out, 1);
}

/// Returns a script with so much text before its first assertion that the lanes run it by turns: first up to that one,
/// then the rest. Each directive stays on its line.
fn in_two_batches(script: &str) -> String {
    script.replacen("))\n(assert", &format!(")) (;{};)\n(assert", "x".repeat(1 << 18)), 1)
}

#[test]
fn a_lane_that_is_lost_between_turns_of_others() {
    let (_directory, path) = script(&in_two_batches(CANARY));
    for (lane, status) in [("faulty/abort", Status::Crash), ("faulty/hang", Status::Timeout)] {
        let lanes = format!("speed/fresh,{lane},quick/fresh");
        let (report, code) = report(&[&path, "--lanes", &lanes, "--timeout", "2"]);
        assert_eq!(code, Some(1));
        let [one, lost, other] = report.scripts.as_slice() else { panic!("three lanes: {report:?}") };
        assert_eq!((lost.status, lost.passed, lost.failed, lost.skipped), (status, 2, 1, 1));
        assert_eq!((lost.lane.as_str(), lost.failures[0].line), (lane, 5));
        assert_eq!([(one.status, one.passed), (other.status, other.passed)], [(Status::Pass, 4); 2]);
        let [compared] = report.compared.as_slice() else { panic!("one pair: {report:?}") };
        assert_eq!((compared.tally.steps, compared.tally.traps, report.disagreements.len()), (4, 1, 0));
    }
}

#[test]
fn what_a_batch_shows_is_compared_and_checked_as_ever() {
    let (directory, path) = script(&in_two_batches(CANARY));
    let (differing, _) = report(&[&path, "--lanes", "speed/fresh,faulty/wrong-frame"]);
    let [disagreement] = differing.disagreements.as_slice() else { panic!("one disagreement: {differing:?}") };
    assert_eq!((disagreement.line, disagreement.directive.as_str()), (5, "assert_trap"));
    assert_eq!(touchstone(&[&path, "--bless"]).status.code(), Some(0));
    assert_eq!(report(&[&path]).1, Some(0));
    let snapshot = directory.path().join("x.traps");
    let traps = fs::read_to_string(&snapshot).expect("the snapshot");
    for (wrong, line) in [(traps.replace("5 unreachable", "5 integer-overflow"), 5), (traps + "6 unreachable\n", 6)] {
        fs::write(&snapshot, wrong).expect("another snapshot");
        let (report, _) = report(&[&path, "--lanes", "speed/fresh"]);
        let [failure] = report.scripts[0].failures.as_slice() else { panic!("one failure: {report:?}") };
        assert_eq!((failure.line, failure.directive.as_str(), report.scripts[0].passed), (line, "trap snapshot", 3));
    }
}

#[test]
fn lanes_that_differ_are_a_failure_of_their_own() {
    let (_directory, path) = script(CANARY);
    // Each lane alone passes: only the frames differ.
    let (report, code) = report(&[&path, "--lanes", "speed/fresh,faulty/wrong-frame"]);
    assert_eq!(code, Some(1));
    assert!(report.scripts.iter().all(|script| script.status == Status::Pass), "{report:?}");
    let [disagreement] = report.disagreements.as_slice() else { panic!("one disagreement: {report:?}") };
    assert_eq!((disagreement.line, disagreement.directive.as_str()), (5, "assert_trap"));
    assert_ne!(disagreement.lanes["speed/fresh"], disagreement.lanes["faulty/wrong-frame"]);
}

#[test]
fn what_an_engine_does_not_support_is_neither_a_pass_nor_a_failure() {
    let (_directory, path) = script(CANARY);
    let (report, code) = report(&[&path, "--lanes", "speed/fresh,faulty/unsupported"]);
    assert_eq!((code, report.disagreements.len()), (Some(0), 0));
    let [own, other] = report.scripts.as_slice() else { panic!("two lanes: {report:?}") };
    assert_eq!((own.passed, own.unsupported), (4, 0));
    assert_eq!((other.status, other.passed, other.failed, other.unsupported), (Status::Pass, 3, 0, 1));
    assert_eq!((other.lacking[0].line, other.lacking[0].message.as_str()), (5, "unsupported: no canaries"));
    assert_eq!((report.totals.unsupported, report.matrix[1].unsupported), (1, 1));
    let output = touchstone(&[&path, "--lanes", "faulty/unsupported"]);
    assert!(text(&output.stdout).contains("3 directives passed, 1 unsupported"), "{}", text(&output.stdout));
}

#[test]
fn an_engine_that_is_lost_ends_its_lane() {
    let (_directory, path) = script(CANARY);
    let (report, code) = report(&[&path, "--lanes", "faulty/crashed,speed/fresh"]);
    assert_eq!(code, Some(1));
    let [lost, other] = report.scripts.as_slice() else { panic!("two lanes: {report:?}") };
    assert_eq!((lost.status, lost.passed, lost.failed, lost.skipped), (Status::Crash, 2, 1, 1));
    assert_eq!((lost.failures[0].line, lost.failures[0].message.as_str()), (5, "crash: exit status 7"));
    assert_eq!((other.status, other.passed), (Status::Pass, 4));
    assert_eq!((report.totals.crashed, report.disagreements.len()), (1, 0));
}

#[test]
fn a_lane_that_is_not_there_is_said() {
    let (directory, path) = script(GOOD);
    expect_usage_error(
        &[&path, "--lanes", "faulty/absent,speed/fresh"],
        "the lane `faulty/absent` is not there: not installed: it never is. Write `faulty/absent?` to run without it",
    );
    let (report, code) = report(&[&path, "--lanes", "faulty/absent?,speed/fresh"]);
    assert_eq!((code, report.lanes, report.totals.passed), (Some(0), vec!["speed/fresh".to_string()], 2));
    assert_eq!(report.absent[0].reason, "not installed: it never is");
    let xml = directory.path().join("r.xml");
    let option = format!("junit={}", xml.display());
    let output = touchstone(&[&path, "--lanes", "speed/fresh,faulty/absent?", "--report", &option]);
    assert!(text(&output.stdout).contains("faulty/absent not installed: it never is"), "{}", text(&output.stdout));
    assert!(fs::read_to_string(xml).expect("XML").contains("<skipped"));
    assert!(text(&output.stdout).contains("in 1 lane (without faulty/absent: not there)"));
    expect_usage_error(&[&path, "--lanes", "faulty/absent?"], "no lane to run: faulty/absent: not installed");
}

#[test]
fn snapshots_are_written_and_checked() {
    let (directory, path) = script(CANARY);
    let traps = directory.path().join("x.traps");
    assert_eq!(touchstone(&[&path, "--bless"]).status.code(), Some(0));
    let written = fs::read_to_string(&traps).expect("the snapshot");
    assert!(written.contains("\n5 unreachable\n  M!1 @0x"), "{written}");
    assert_eq!(touchstone(&[&path, "--lanes", "all"]).status.code(), Some(0));

    let (wrong_lane, code) = report(&[&path, "--lanes", "faulty/wrong-frame"]);
    assert_eq!((code, wrong_lane.scripts[0].failures[0].line), (Some(1), 5));

    fs::write(&traps, written.replace("5 unreachable", "4 unreachable")).expect("the snapshot");
    let (moved, code) = report(&[&path, "--lanes", "speed/fresh"]);
    let lines: Vec<u32> = moved.scripts[0].failures.iter().map(|failure| failure.line).collect();
    assert_eq!((code, lines), (Some(1), vec![4, 5]));

    fs::write(&traps, "nonsense\n").expect("the snapshot");
    expect_usage_error(&[&path], "x.traps: line 1");
}

/// The first directive of the line fails by itself. The wrong trap of the second one is noticed all the same.
#[test]
fn a_failure_hides_no_wrong_trap_of_its_line() {
    let (directory, path) = script(
        "(module (func (export \"f\") unreachable) (func (export \"g\") (result i32) (i32.const 1)))\n\
         (assert_return (invoke \"g\") (i32.const 2)) (assert_trap (invoke \"f\") \"unreachable\")\n",
    );
    let list = directory.path().join("expected.txt");
    fs::write(&list, "x.wast:2 a reason\n").expect("the list");
    fs::write(directory.path().join("x.traps"), "2 unreachable\n  !0 @0x99\n9 unreachable\n").expect("a snapshot");
    let (plain, code) = report(&[&path, "--lanes", "speed/fresh"]);
    let [plain] = plain.scripts.as_slice() else { panic!("one lane: {plain:?}") };
    let kinds: Vec<&str> = plain.failures.iter().map(|failure| failure.directive.as_str()).collect();
    assert_eq!((code, kinds), (Some(1), vec!["assert_return", "trap snapshot", "no directive"]));
    assert_eq!((plain.passed, plain.failed, plain.directives), (1, 2, 3));
    let (listed, code) = report(&[&path, "--lanes", "speed/fresh", "--expect", &list.display().to_string()]);
    let listed = &listed.scripts[0];
    assert_eq!((code, listed.passed, listed.failed, listed.expected), (Some(1), 1, 1, 1));
    let output = touchstone(&[&path, "--lanes", "speed/fresh"]);
    let stdout = text(&output.stdout);
    assert!(stdout.contains("x.wast:2:44: trap snapshot: expected unreachable [!0 @0x99], got"), "{stdout}");
    assert!(stdout.contains("1 listed where no directive begins"), "{stdout}");
}

/// A lane that cannot show the whole of a snapshot leaves the file as it is.
#[test]
fn only_a_lane_that_shows_everything_is_blessed() {
    let (directory, path) = script(CANARY);
    let traps = directory.path().join("x.traps");
    fs::write(&traps, "as it was").expect("a snapshot");
    let output = touchstone(&[&path, "--bless", "--lanes", "faulty/unsupported"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    assert!(text(&output.stderr).contains("no trap snapshot of "), "{}", text(&output.stderr));
    assert_eq!(fs::read_to_string(&traps).expect("the snapshot"), "as it was");
    let output = touchstone(&[&path, "--bless", "--lanes", "faulty/unsupported,speed/fresh"]);
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()));
    assert!(fs::read_to_string(&traps).expect("the snapshot").contains("\n5 unreachable\n  M!1 @0x"));
}

#[test]
fn expected_failures() {
    let (directory, path) =
        script("(module (func (export \"f\") (result i32) (i32.const 1)))\n(assert_return (invoke \"f\"))\n");
    let list = directory.path().join("expected.txt");
    let run = |entries: &str| {
        fs::write(&list, entries).expect("the list");
        report(&[&path, "--lanes", "speed/fresh", "--expect", &list.display().to_string()])
    };
    let (listed, code) = run("# A comment.\nx.wast:2 a reason\n");
    assert_eq!((code, listed.totals.expected, listed.totals.failed, listed.totals.passed), (Some(0), 1, 0, 1));
    let (passing, code) = run("x.wast:1 a reason\nx.wast:2 a reason\n");
    assert_eq!((code, passing.totals.expected, passing.totals.failed), (Some(1), 1, 1));
    fs::write(&list, "x.wast:2\n").expect("the list");
    expect_usage_error(&[&path, "--expect", &list.display().to_string()], "a cause is missing");
}

#[test]
fn expected_failures_of_other_scripts_are_named() {
    let (directory, path) = script(GOOD);
    let list = directory.path().join("expected.txt");
    fs::write(&list, "y.wast:2 a reason\nx.wast:2 @quick/fresh a reason\n").expect("the list");
    let output = touchstone(&[&path, "--lanes", "speed/fresh", "--expect", &list.display().to_string()]);
    assert_eq!(output.status.code(), Some(0));
    let stderr = text(&output.stderr);
    assert!(stderr.contains("2 of the lines") && stderr.contains("y.wast:2"), "{stderr}");
}

#[test]
fn what_does_not_run_is_said() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    for name in ["a.wast", "b.wast", "c.wast"] {
        fs::write(directory.path().join(name), "(assert_return (invoke \"f\"))").expect("a script");
    }
    let output = touchstone(&[&directory.path().display().to_string(), "--fail-fast", "--jobs", "1", "--quiet"]);
    assert_eq!(output.status.code(), Some(1));
    let stderr = text(&output.stderr);
    assert!(stderr.contains("2 of 3 scripts were not run"), "{stderr}");

    let (_directory, empty) = script(";; nothing\n");
    let output = touchstone(&[&empty]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("x.wast has no directives"), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("no script has a directive"), "{}", text(&output.stdout));
}

#[test]
fn a_checkout_says_what_it_does_not_have() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    fs::create_dir(directory.path().join("core")).expect("a directory");
    fs::write(directory.path().join("core/x.wast"), GOOD).expect("a script");
    let checkout = directory.path().display().to_string();
    let output = touchstone(&["spec:3.0", "--spec-dir", &checkout]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stderr), "");
    let output = touchstone(&["spec:1.0", "--spec-dir", &checkout, "--filter", "nop.wast"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stderr).contains("scripts of spec:1.0 are built-in ones"), "{}", text(&output.stderr));
}

#[test]
fn a_checkout_is_looked_at_when_a_suite_is_named() {
    let empty = tempfile::tempdir().expect("a temporary directory");
    let directory = empty.path().display().to_string();
    let says = format!("{directory} is no official checkout");
    expect_usage_error(&["spec:2.0", "--spec-dir", &directory], &says);
    expect_usage_error(&["spec:2.0", "--spec-dir", "/nowhere"], "--spec-dir or the variable SPEC_TESTSUITE");
    let (_directory, good) = script(GOOD);
    let mut command = Command::new(env!("CARGO_BIN_EXE_touchstone"));
    let output = command.env("SPEC_TESTSUITE", "/nowhere").arg(&good).output().expect("touchstone starts");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
}

/// A reader that goes away does not change the result; output that cannot be written does.
#[test]
fn standard_output_may_be_closed_or_full() {
    let (directory, good) = script(GOOD);
    let bad = directory.path().join("bad.wast").display().to_string();
    fs::write(&bad, "(assert_return (invoke \"f\"))").expect("a script");
    let run = |arguments: &[&str], stdout: Stdio| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_touchstone"));
        command.env_remove("SPEC_TESTSUITE").args(arguments).stdout(stdout);
        command.output().expect("touchstone starts").status.code()
    };
    let closed = || {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        Stdio::from(writer)
    };
    assert_eq!(run(&[&good], closed()), Some(0));
    assert_eq!(run(&[&bad], closed()), Some(1));
    let full = || Stdio::from(fs::File::options().write(true).open("/dev/full").expect("the device"));
    assert_eq!(run(&[&good], full()), Some(2));
    assert_eq!(run(&[&bad], full()), Some(2));
}

#[test]
fn features_come_from_the_head_and_the_command_line() {
    let module = "(module (func (result i32 i32) (i32.const 1) (i32.const 2)))\n";
    let (_directory, old) = script(&format!(";;! features: 1.0\n{module}"));
    assert_eq!(touchstone(&[&old]).status.code(), Some(1));
    assert_eq!(touchstone(&[&old, "--features", "1.0,multi-value"]).status.code(), Some(0));
    let (_directory, new) = script(module);
    assert_eq!(touchstone(&[&new]).status.code(), Some(0));
    assert_eq!(touchstone(&[&new, "--features", "1.0"]).status.code(), Some(1));
}

#[test]
fn the_json_report_has_its_schema() {
    let (directory, path) = script(CANARY);
    let file = |name: &str| directory.path().join(name).display().to_string();
    let (json, junit, html) = (file("r.json"), file("r.xml"), file("r.html"));
    let output = touchstone(&[
        &path,
        "--lanes",
        "speed/fresh,faulty/lie",
        "--report",
        "github",
        "--report",
        &format!("json={json}"),
        "--report",
        &format!("junit={junit}"),
        "--report",
        &format!("html={html}"),
    ]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("::error file="));
    let json: serde_json::Value = serde_json::from_str(&fs::read_to_string(json).expect("JSON")).expect("JSON");
    let keys =
        |value: &serde_json::Value| value.as_object().map(|map| map.keys().cloned().collect::<Vec<_>>().join(" "));
    assert_eq!(json["schema"], 2);
    assert_eq!(
        keys(&json).as_deref(),
        Some("absent backends compared complaints disagreements engines lanes matrix schema scripts totals warnings")
    );
    let version = env!("CARGO_PKG_VERSION");
    let engine = serde_json::json!({"engine": "touchstone", "version": version, "path": ""});
    assert_eq!(json["engines"]["speed/fresh"], engine);
    let compared = keys(&json["compared"][0]);
    assert_eq!(compared.as_deref(), Some("frames host_calls lanes left_out offsets rules steps traps"));
    assert_eq!(json["compared"][0]["steps"], 4);
    assert_eq!(
        keys(&json["scripts"][0]).as_deref(),
        Some("directives expected failed failures follows lane milliseconds passed path skipped status unsupported")
    );
    assert_eq!(keys(&json["scripts"][1]["failures"][0]).as_deref(), Some("column directive key line message source"));
    assert_eq!(keys(&json["disagreements"][0]).as_deref(), Some("directive lanes line pairs path source"));
    assert_eq!(
        keys(&json["totals"]).as_deref(),
        Some(
            "crashed directives disagreements expected failed flaky follows passed scripts skipped timed_out unmatched unsupported"
        )
    );
    let xml = fs::read_to_string(junit).expect("XML");
    assert!(xml.contains("<testsuite name=\"faulty/lie\"") && xml.contains("<failure"), "{xml}");
    let html = fs::read_to_string(html).expect("HTML");
    assert!(html.contains("\"disagreements\":[{") && !html.contains("://"), "{html}");
}

#[test]
fn a_report_that_cannot_be_written_is_refused_before_the_run() {
    let (directory, path) = script(GOOD);
    let html = directory.path().join("r.html");
    let option = format!("html={}", html.display());
    let arguments = [&path, "--report", "json=/nowhere/r.json", "--report", &option];
    let output = touchstone(&arguments);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(2), String::new()));
    assert!(text(&output.stderr).contains("cannot write /nowhere/r.json"), "{}", text(&output.stderr));
    assert!(!html.exists());
}

/// One that is lost during the run does not keep the next from being written.
#[test]
fn a_report_to_a_full_device_is_an_error() {
    let (directory, path) = script(GOOD);
    let html = directory.path().join("r.html");
    let option = format!("html={}", html.display());
    expect_usage_error(&[&path, "--report", "json=/dev/full", "--report", &option], "cannot write /dev/full");
    assert!(html.exists());
}

#[test]
fn compile_and_inspect() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = |name: &str| directory.path().join(name).display().to_string();
    let (module, artifact) = (file("m.wat"), file("m.cwasm"));
    fs::write(&module, "(module $m (func $f (export \"f\")))").expect("a module");
    assert_eq!(touchstone(&["compile", &module, "-o", &artifact]).status.code(), Some(0));
    let output = touchstone(&["inspect", &artifact, "--json"]);
    assert_eq!(output.status.code(), Some(0));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(json["module_name"], "m");
    assert_eq!(touchstone(&["inspect", &artifact]).status.code(), Some(0));

    // What says that its digests need a key is not verified without the key.
    let mut bytes = fs::read(&artifact).expect("the artifact");
    let (key, keyed) = (file("key"), file("keyed.cwasm"));
    bytes[0x158 + 72] ^= 1;
    fs::write(&keyed, &bytes).expect("the artifact");
    fs::write(&key, [7; 32]).expect("a key");
    let output = touchstone(&["inspect", &keyed]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("not verified: needs the key"), "{}", text(&output.stdout));
    for (input, state) in [(&keyed, "WRONG"), (&artifact, "not keyed, but a key was given")] {
        let output = touchstone(&["inspect", input, "--key-file", &key]);
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output.stdout).contains(state), "{}", text(&output.stdout));
    }
    expect_usage_error(&["inspect", &keyed, "--key-file", &module], "a key has 32 bytes");
    bytes[0x158 + 72] ^= 1;

    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&artifact, bytes).expect("the artifact");
    assert_eq!(touchstone(&["inspect", &artifact]).status.code(), Some(1));
    for (wrong, place) in [("(module (func (result i32)))", "m.wat: "), ("(module\n (func i32.cons))", "m.wat:2:8")] {
        fs::write(&module, wrong).expect("a module");
        let output = touchstone(&["compile", &module, "-o", &artifact]);
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output.stderr).contains(place), "{}", text(&output.stderr));
    }
    expect_usage_error(&["inspect", &file("nothing")], "cannot read");
}

#[test]
fn compile_with_debug_information() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = |name: &str| directory.path().join(name).display().to_string();
    let (module, artifact) = (file("m.wat"), file("m.cwasm"));
    fs::write(&module, "(module (func $f))").expect("a module");
    assert_eq!(touchstone(&["compile", "-g", &module, "-o", &artifact]).status.code(), Some(0));
    let names =
        || fs::read_dir(directory.path()).expect("the directory").map(|entry| entry.expect("a file").file_name());
    let listing = names().find(|name| name.to_string_lossy().starts_with("wasm-")).expect("the listing");
    let artifact_bytes = fs::read(&artifact).expect("the artifact");
    assert!(artifact_bytes.windows(listing.len()).any(|bytes| bytes == listing.as_encoded_bytes()));
    let listing = fs::read_to_string(directory.path().join(listing)).expect("the listing");
    assert!(listing.contains("\n  (func $f"), "{listing}");
    let output = touchstone(&["inspect", &artifact]);
    let shown = text(&output.stdout);
    assert!(shown.contains("debug info       true") && shown.contains(" .debug_line\n"), "{shown}");
}

/// A link as the output stays a link, and a FIFO is written to.
#[cfg(unix)]
#[test]
fn compile_does_not_replace_what_is_no_file() {
    use std::os::unix::fs::FileTypeExt;
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = |name: &str| directory.path().join(name);
    let module = file("m.wat").display().to_string();
    fs::write(&module, "(module)").expect("a module");
    let compile = |to: &Path| touchstone(&["compile", &module, "-o", &to.display().to_string()]).status.code();
    for target in ["there", "not there"] {
        std::os::unix::fs::symlink(file(target), file("link")).expect("a link");
        if target == "there" {
            fs::write(file(target), "old").expect("a file");
        }
        assert_eq!(compile(&file("link")), Some(0));
        assert!(file("link").is_symlink());
        assert!(fs::read(file(target)).expect("the artifact").starts_with(b"\x7fELF"));
        fs::remove_file(file("link")).expect("the link");
    }
    let fifo = file("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().expect("mkfifo starts").success());
    let reader = std::thread::spawn({
        let fifo = fifo.clone();
        move || fs::read(fifo).expect("what was written")
    });
    assert_eq!(compile(&fifo), Some(0));
    assert!(fs::metadata(&fifo).expect("the FIFO").file_type().is_fifo());
    assert!(reader.join().expect("the reader").starts_with(b"\x7fELF"));
}

/// A short run of the fuzzer: it finds nothing, leaves nothing, and says what it executed.
#[test]
fn fuzz_compares_lanes() {
    let directory = tempfile::tempdir().expect("a directory");
    let out = directory.path().join("findings").display().to_string();
    let fuzz = ["fuzz", "--inputs", "3", "--seed", "7", "--lanes", "speed/fresh,quick/fresh", "--out", &out];
    let output = touchstone(&fuzz);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let said = text(&output.stdout);
    let version = env!("CARGO_PKG_VERSION");
    let lanes = format!("lanes: speed/fresh (touchstone {version}), quick/fresh (touchstone {version}); seed 7");
    assert!(said.contains(&lanes), "{said}");
    assert!(said.contains("3 inputs in "), "{said}");
    let left: Vec<_> = fs::read_dir(&out).expect("it was made").flatten().map(|file| file.file_name()).collect();
    assert_eq!(left, ["campaign.json"]);
    expect_usage_error(&["fuzz", "--lanes", "swift"], "swift");
    expect_usage_error(&["fuzz", "--lanes", "speed/fresh", "--inputs", "1"], "nothing to compare `speed/fresh` with");
    let none = touchstone(&["fuzz", "--inputs", "0", "--out", &out]);
    assert_eq!(none.status.code(), Some(1), "{}", text(&none.stderr));
    assert!(text(&none.stderr).contains("nothing was executed"), "{}", text(&none.stderr));
}

#[test]
fn replay_says_what_an_input_does() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let input = directory.path().join("input").display().to_string();
    fs::write(&input, 7u64.to_le_bytes()).expect("an input");
    let output = touchstone(&["replay", &input]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("1 inputs"), "{}", text(&output.stdout));
    let adapter = format!("mine={} adapter quick/fresh", env!("CARGO_BIN_EXE_touchstone"));
    let output = touchstone(&["replay", &input, "--lanes", "speed/fresh", "--lane", &adapter]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("compared: 1 mine, 1 speed/fresh"), "{}", text(&output.stdout));
    expect_usage_error(&["replay", &input, "--lanes", "speed/fresh"], "nothing to compare");
    expect_usage_error(&["replay", &directory.path().join("nothing").display().to_string()], "cannot read");
}

#[test]
fn replay_runs_modules_and_scripts() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = |name: &str| directory.path().join(name).display().to_string();
    let module = r#"(module (import "env" "f" (func (param i32) (result i32)))
        (func (export "run") (param i32) (result i32) (i32.div_u (i32.const 6) (call 0 (local.get 0)))))"#;
    fs::write(path("m.wat"), module).expect("a module");
    let output = touchstone(&["replay", &path("m.wat")]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let stdout = text(&output.stdout);
    assert!(stdout.contains("main.\"run\"(i32") && stdout.contains("integer-divide-by-zero"), "{stdout}");
    fs::write(path("s.wast"), format!("{module}\n(invoke \"run\" (i32.const 3))")).expect("a script");
    let output = touchstone(&["replay", &path("s.wast")]);
    // A script brings its own imports.
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("link error"), "{}", text(&output.stdout));
    fs::write(path("bad.wat"), "(module (func").expect("a file");
    expect_usage_error(&["replay", &path("bad.wat")], "bad.wat");
    fs::write(path("bad.wasm"), "text").expect("a file");
    expect_usage_error(&["replay", &path("bad.wasm")], "no WebAssembly module");
}

#[test]
fn reduce_says_that_there_is_nothing_to_reduce() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("s.wast").display().to_string();
    fs::write(&path, "(module (func (export \"f\")))\n(invoke \"f\")\n(assert_invalid (module (func drop)) \"x\")")
        .expect("a script");
    let output = touchstone(&["reduce", &path]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("no finding"), "{}", text(&output.stdout));
    assert!(text(&output.stderr).contains("line 3 is left out"), "{}", text(&output.stderr));
    expect_usage_error(&["reduce"], "INPUT");
    expect_usage_error(&["reduce", &path, "--oracle", "artifact"], "not about modules");
    let empty = directory.path().join("empty");
    fs::create_dir(&empty).expect("a directory");
    expect_usage_error(&["reduce", &empty.display().to_string()], "no *.input file");
    fs::write(empty.join("1.input"), 7u64.to_le_bytes()).expect("an input");
    let output = touchstone(&["reduce", &empty.display().to_string()]);
    assert!(text(&output.stdout).contains("1.input: no finding"), "{}", text(&output.stderr));
    // One lane is enough for an oracle that compares it with nothing else.
    let output = touchstone(&["reduce", &path, "--oracle", "shadow", "--lanes", "quick/fresh"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
}

/// Bash itself is asked: the script loads, and an option and a subcommand are completed.
#[test]
fn completions_complete() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = touchstone(&["completions", shell]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        assert!(text(&output.stdout).contains("touchstone"), "{shell}");
    }
    let script = text(&touchstone(&["completions", "bash"]).stdout);
    let complete = |word: &str| {
        let ask = format!(
            "COMP_WORDS=(touchstone {word}) COMP_CWORD=1; _touchstone touchstone {word} touchstone; \
             echo \"${{COMPREPLY[*]}}\""
        );
        let output = Command::new("bash").args(["-c", &format!("{script}\n{ask}")]).output().expect("bash starts");
        text(&output.stdout).trim().to_string()
    };
    assert_eq!(complete("--col"), "--color");
    assert_eq!(complete("insp"), "inspect");
    expect_usage_error(&["completions", "sh"], "possible values: bash");
}

/// An engine that maps the initial contents of memories has a file open for each such module. Where files run out, it
/// copies them.
#[test]
fn modules_with_data_when_files_run_out() {
    let module = format!(
        "(module (memory 1) (data (i32.const 0) \"{}\")\n\
         (func (export \"last\") (result i32) (i32.load8_u (i32.const 16999))))\n\
         (assert_return (invoke \"last\") (i32.const 120))\n",
        "x".repeat(17_000)
    );
    let (_directory, path) = script(&module.repeat(60));
    let limited = ["-c", "ulimit -n 40 && exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_touchstone"), &path];
    let output = Command::new("sh").args(limited).args(["--lanes", "speed/fresh"]).output().expect("a shell");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
}
