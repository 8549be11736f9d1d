//! Campaigns of the fuzzer: what a lane does to its process costs one input and is a finding about that input; a
//! campaign can be repeated with any number of jobs, interrupted, and resumed.
#![cfg(feature = "engine")]

#[expect(dead_code, reason = "other tests use the rest")]
mod common;

use common::{text, touchstone};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The inputs of the campaigns with a faulty lane: enough that some have a module that the lane stumbles over.
const INPUTS: u64 = 30;

/// The state and the output of a campaign.
struct Ended {
    directory: TempDir,
    state: Value,
    said: String,
    code: Option<i32>,
}

fn campaign(arguments: &[&str]) -> Ended {
    let directory = tempfile::tempdir().expect("a directory");
    go_on(directory, arguments)
}

/// Runs a campaign in a directory that may have one already.
fn go_on(directory: TempDir, arguments: &[&str]) -> Ended {
    let out = directory.path().display().to_string();
    let output = touchstone(&[&["fuzz", "--out", &out], arguments].concat());
    let said = text(&output.stdout) + &text(&output.stderr);
    let state = fs::read_to_string(directory.path().join("campaign.json")).unwrap_or_else(|_| panic!("{said}"));
    Ended { directory, state: serde_json::from_str(&state).expect("JSON"), said, code: output.status.code() }
}

impl Ended {
    /// Returns the counts, without times, which differ from run to run.
    fn counts(&self) -> Value {
        let mut counts = self.state["counts"].clone();
        counts.as_object_mut().expect("an object").remove("phases").expect("the time of each phase is counted");
        counts
    }

    /// Returns the numbers of the inputs that are written for each signature, with the number of its findings.
    fn findings(&self) -> BTreeMap<String, (u64, BTreeSet<u64>)> {
        let findings = self.state["findings"].as_object().expect("an object");
        let numbers =
            |entry: &Value| entry["written"].as_array().expect("a list").iter().filter_map(Value::as_u64).collect();
        let count = |entry: &Value| entry["count"].as_u64().expect("a number");
        findings.iter().map(|(name, entry)| (name.clone(), (count(entry), numbers(entry)))).collect()
    }

    /// Returns the names of the files in the directory.
    fn files(&self) -> BTreeSet<OsString> {
        let files = fs::read_dir(self.directory.path()).expect("a directory");
        files.flatten().map(|file| file.file_name()).collect()
    }

    fn file(&self, name: &str) -> String {
        fs::read_to_string(self.directory.path().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }
}

/// Runs a campaign with a lane that misbehaves on some modules. Returns the inputs on which it did, in the signature's
/// order, after checks of everything that is said about them.
fn with_faulty_lane(lane: &str, signature: &str, more: &[&str]) -> BTreeSet<u64> {
    let (inputs, lanes) = (INPUTS.to_string(), format!("interp,{lane}"));
    let ended = campaign(&[&["--inputs", &inputs, "--seed", "5", "--jobs", "2", "--lanes", &lanes], more].concat());
    assert_eq!(ended.code, Some(1), "{}", ended.said);
    assert_eq!(ended.state["inputs"], INPUTS, "the campaign went on: {}", ended.said);
    let findings = ended.findings();
    let [(found, (count, written))] = &findings.iter().collect::<Vec<_>>()[..] else {
        panic!("one finding, not {findings:?}: {}", ended.said);
    };
    assert!(found.starts_with(signature), "{found}");
    assert_eq!(ended.state["findings"][found]["repeats"], true, "{}", ended.said);
    assert!(ended.said.contains(&format!("{count} times: {signature}")), "{}", ended.said);
    // Every other input was checked to its end.
    assert_eq!(ended.state["counts"]["inputs"].as_u64().map(|checked| checked + count), Some(INPUTS), "{}", ended.said);
    for number in written {
        let text = ended.file(&format!("0000000000000005-{number}.txt"));
        assert!(text.starts_with(signature.split(':').next().unwrap_or_default()), "{text}");
    }
    if more.contains(&"--no-reduce") {
        return written.clone();
    }
    let causes = ended.state["causes"].as_array().expect("a list");
    assert_eq!(causes.len(), 1, "a loss is its own cause: {causes:?}");
    assert_eq!(causes[0]["inputs"].as_array().map(Vec::len), Some(written.len()), "{causes:?}");
    let smallest = written.first().expect("an input");
    let small = ended.file(&format!("0000000000000005-{smallest}.small.wast"));
    assert!(small.contains(&format!(";; the process did not survive: {}", &signature[..7])), "{small}");
    assert!(small.lines().filter(|line| !line.starts_with(";;")).count() < 20, "{small}");
    written.clone()
}

/// The four faults strike the same inputs, so each shows that the others are attributed to the right ones.
#[test]
fn what_a_lane_does_to_its_process_costs_one_input() {
    let crashed = with_faulty_lane("faulty/load-abort", "crashed in faulty/load-abort: signal: N (SIGABRT)", &[]);
    assert!(!crashed.is_empty());
    let location = "panicked in faulty/load-panic at runner/tests/faulty/lanes.rs:";
    assert_eq!(with_faulty_lane("faulty/load-panic", location, &[]), crashed);
    let hung = with_faulty_lane(
        "faulty/load-hang",
        "timed out in faulty/load-hang: still running",
        &["--timeout", "1", "--no-reduce"],
    );
    assert_eq!(hung, crashed);
    let memory = ["--memory-limit", "512", "--no-reduce"];
    assert_eq!(with_faulty_lane("faulty/load-hog", "out of memory in faulty/load-hog: N MiB", &memory), crashed);
}

/// Inputs that end their process are reduced later as well, and so are modules. Those with one signature are one
/// finding, and the others are reduced as usual.
#[test]
fn what_ends_its_process_is_made_smaller_later() {
    let lanes = "interp,faulty/load-abort";
    let ended = campaign(&["--inputs", "30", "--seed", "5", "--lanes", lanes, "--no-reduce"]);
    assert!(!ended.files().iter().any(|file| file.to_string_lossy().contains("small")), "{:?}", ended.files());
    let (_, written) = ended.findings().into_values().next().expect("a finding");
    let output = touchstone(&["reduce", &ended.directory.path().display().to_string(), "--lanes", lanes]);
    let said = text(&output.stdout) + &text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(&format!("{} of the inputs: ", written.len())) && written.len() > 1, "{said}");
    assert!(said.contains("small.wast: the runner shows it"), "{said}");
    let small = ended.file(&format!("0000000000000005-{}.small.wast", written.first().expect("an input")));
    assert!(small.contains("i64.clz") && small.lines().count() < 25, "{small}");

    let directory = tempfile::tempdir().expect("a directory");
    let module = directory.path().join("m.wat");
    let body = "(func (export \"f\") (drop (i64.clz (i64.const 1)))) (func (export \"g\")) (memory 1)";
    fs::write(&module, format!("(module {body})")).expect("written");
    let module = module.display().to_string();
    let output = touchstone(&["reduce", &module, "--lanes", "interp,quick/fresh,faulty/load-panic"]);
    let said = text(&output.stdout) + &text(&output.stderr);
    assert!(said.contains("panicked in faulty/load-panic at runner/tests/faulty/lanes.rs:"), "{said}");
    let small = fs::read_to_string(directory.path().join("m.small.wast")).expect("a script");
    assert!(small.contains("i64.clz") && !small.contains("memory") && !small.contains("\"g\""), "{small}");
    let output = touchstone(&["reduce", &module, "--lanes", "interp,faulty/load-hang", "--timeout", "0.5"]);
    assert!(text(&output.stdout).contains("timed out in faulty/load-hang"), "{}", text(&output.stdout));
    assert!(text(&output.stdout).contains("small.wast: the runner shows it"), "{}", text(&output.stdout));
    let output = touchstone(&["reduce", &module, "--lanes", "interp,quick/fresh"]);
    assert!(text(&output.stdout).contains("no finding"), "{}", text(&output.stdout));
}

/// A lane that returns a wrong number is one cause, whatever inputs show it and in whatever order jobs come to them.
#[test]
fn findings_are_put_together_by_their_cause() {
    let seeds = tempfile::tempdir().expect("a directory");
    let wasm = wat::parse_str("(module (func (export \"canary\") (result i32) (i32.const 7)))").expect("it parses");
    fs::write(seeds.path().join("m.wasm"), wasm).expect("written");
    let directory = seeds.path().display().to_string();
    let lanes = ["--lanes", "interp,speed/fresh,faulty/lie", "--seeds", &directory];
    let with_jobs = |jobs| campaign(&[&lanes[..], &["--inputs", "12", "--seed", "5", "--jobs", jobs]].concat());
    let (alone, ended) = (with_jobs("1"), with_jobs("3"));
    assert_eq!(ended.state["causes"], alone.state["causes"], "{}{}", ended.said, alone.said);
    assert_eq!(ended.files(), alone.files());
    let findings = ended.findings();
    let written: BTreeSet<u64> = findings.values().flat_map(|(_, written)| written.clone()).collect();
    assert!(written.len() > 1, "{}", ended.said);
    let causes = ended.state["causes"].as_array().expect("a list");
    let inputs = |cause: &Value| cause["inputs"].as_array().expect("a list").clone();
    let explained: Vec<_> = causes.iter().flat_map(inputs).filter_map(|number| number.as_u64()).collect();
    assert_eq!((explained.len(), explained.into_iter().collect::<BTreeSet<_>>()), (written.len(), written));
    assert!(causes.len() <= findings.len(), "{}", ended.said);
    assert_eq!(ended.said.matches("cause: ").count(), causes.len(), "{}", ended.said);
    let smallest = inputs(&causes[0])[0].as_u64().expect("a number");
    let script = ended.file(&format!("0000000000000005-{smallest}.small.wast"));
    assert!(script.contains("(assert_return"), "{script}");
}

/// The inputs that are written show the fault by themselves, and the ones beside them do not.
#[test]
fn the_input_of_a_crash_is_the_right_one() {
    let lanes = "interp,faulty/load-abort";
    let ended = campaign(&["--inputs", "30", "--seed", "5", "--lanes", lanes, "--no-reduce"]);
    let (_, written) = ended.findings().into_values().next().expect("a finding");
    let last = *written.last().expect("an input");
    let input = ended.directory.path().join("other.input");
    let inputs = fuzz::campaign::Inputs { seed: 5, ..Default::default() };
    for number in 0..=last {
        fs::write(&input, inputs.get(number)).expect("written");
        if written.contains(&number) {
            let kept = ended.directory.path().join(format!("0000000000000005-{number}.input"));
            assert_eq!(fs::read(&input).expect("read"), fs::read(kept).expect("read"));
        }
        let replayed = touchstone(&["replay", &input.display().to_string(), "--lanes", lanes]);
        assert_eq!(replayed.status.code().is_none(), written.contains(&number), "input {number} of {written:?}");
    }
}

#[test]
fn the_number_of_jobs_makes_no_difference() {
    let lanes = ["--seed", "11", "--inputs", "40", "--lanes", "interp,quick/fresh"];
    let one = campaign(&[&lanes[..], &["--jobs", "1"]].concat());
    let three = campaign(&[&lanes[..], &["--jobs", "3"]].concat());
    assert_eq!((one.code, three.code), (Some(0), Some(0)), "{}{}", one.said, three.said);
    assert_eq!(one.state["inputs"], 40);
    assert_eq!(one.counts(), three.counts());
    let other = campaign(&["--inputs", "40", "--lanes", "interp,quick/fresh", "--seed", "12"]);
    assert_ne!(one.counts(), other.counts(), "another seed has other inputs");
}

#[test]
fn a_campaign_goes_on_where_it_was() {
    let lanes = ["--lanes", "interp,faulty/load-abort", "--no-reduce"];
    let whole = campaign(&[&["--seed", "5", "--inputs", "30"], &lanes[..]].concat());
    let part = campaign(&[&["--seed", "5", "--inputs", "11"], &lanes[..]].concat());
    assert_eq!(part.state["inputs"], 11);
    let report = part.directory.path().join("report.json").display().to_string();
    let option = format!("json={report}");
    let resumed = go_on(part.directory, &[&["--resume", "--inputs", "30", "--report", &option], &lanes[..]].concat());
    assert_eq!(resumed.counts(), whole.counts(), "{}", resumed.said);
    assert_eq!(resumed.findings(), whole.findings());
    assert_eq!(resumed.file("report.json"), resumed.file("campaign.json"));
    let other = touchstone(&["fuzz", "--resume", "--out", &resumed.directory.path().display().to_string()]);
    assert_eq!(other.status.code(), Some(2));
    assert!(text(&other.stderr).contains("has the oracle `differential`, the lanes interp,faulty/load-abort"));
    let none = touchstone(&["fuzz", "--resume", "--out", "no/such/directory"]);
    assert!(text(&none.stderr).contains("no campaign to go on with"), "{}", text(&none.stderr));
}

/// The modules of a corpus are run, with what they import and with loops that would never end.
#[test]
fn modules_of_others_are_seeds() {
    let seeds = tempfile::tempdir().expect("a directory");
    let module = "(module (import \"a\" \"f\" (func $f (param i32))) (memory (export \"m\") 1)
      (func (export \"add\") (param i32 i32) (result i32) (call $f (local.get 0))
        (loop $l (br_if $l (local.get 1))) (i32.add (local.get 0) (local.get 1))))";
    fs::write(seeds.path().join("add.wasm"), wat::parse_str(module).expect("it parses")).expect("written");
    let seeds = seeds.path().display().to_string();
    let run = ["--seed", "5", "--inputs", "24", "--lanes", "interp,quick/fresh", "--jobs", "2"];
    let ended = campaign(&[&run[..], &["--seeds", &seeds]].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.said);
    let executed = ended.state["counts"]["executed"].as_u64().expect("a number");
    assert!(executed > 18, "{}", ended.said);
    assert_ne!(ended.counts(), campaign(&run).counts(), "the module changes half of the inputs");
    let none = touchstone(&["fuzz", "--seeds", "no/such/directory"]);
    assert!(text(&none.stderr).contains("cannot take seeds from no/such/directory"), "{}", text(&none.stderr));
}

/// Nothing is left out and nothing is counted twice when a campaign goes on that was killed.
#[test]
fn a_killed_campaign_loses_nothing() {
    let lanes = ["--lanes", "interp,quick/fresh", "--jobs", "2"];
    let directory = tempfile::tempdir().expect("a directory");
    let mut command = Command::new(env!("CARGO_BIN_EXE_touchstone"));
    command.args(["fuzz", "--seed", "9", "--inputs", "1000000", "--out"]).arg(directory.path()).args(lanes);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    wait_for(&directory.path().join("campaign.json"));
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    let state = fs::read_to_string(directory.path().join("campaign.json")).expect("a file");
    let state: Value = serde_json::from_str(&state).expect("whole, whenever the campaign was killed");
    let inputs = (state["inputs"].as_u64().expect("a number") + 60).to_string();
    let resumed = go_on(directory, &[&["--resume", "--inputs", &inputs], &lanes[..]].concat());
    let whole = campaign(&[&["--seed", "9", "--inputs", &inputs], &lanes[..]].concat());
    assert_eq!(resumed.counts(), whole.counts(), "{}{}", resumed.said, whole.said);
    assert_eq!(resumed.state["inputs"], whole.state["inputs"]);
}

/// A new campaign has a seed of its own, which is printed, and Ctrl-C ends it with its summary.
#[test]
fn an_interrupt_ends_a_campaign_with_its_summary() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut command = Command::new(env!("CARGO_BIN_EXE_touchstone"));
    command
        .args(["fuzz", "--seconds", "600", "--jobs", "2", "--lanes", "interp,quick/fresh", "--out"])
        .arg(directory.path());
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    wait_for(&directory.path().join("campaign.json"));
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().expect("kill starts").success());
    let output = child.wait_with_output().expect("it ends");
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{said}{}", text(&output.stderr));
    assert!(said.contains("executed modules: "), "{said}");
    let state: Value =
        serde_json::from_str(&fs::read_to_string(directory.path().join("campaign.json")).expect("a file"))
            .expect("JSON");
    assert!(text(&output.stderr).contains(&format!("seed {}; ", state["seed"])), "{}", text(&output.stderr));
    let files = fs::read_dir(directory.path()).expect("a directory");
    let left: Vec<_> = files.flatten().map(|file| file.file_name()).collect();
    assert_eq!(left, ["campaign.json"], "no note of a worker is left");
}

fn wait_for(file: &Path) {
    let began = Instant::now();
    while !file.exists() {
        assert!(began.elapsed() < Duration::from_secs(60), "no {}", file.display());
        std::thread::sleep(Duration::from_millis(50));
    }
}
