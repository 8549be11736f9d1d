//! The memory that long scripts take.
#![cfg(feature = "engine")]

use lanes::{Features, Lane, Lanes, Options};
use runner::{Case, Settings, SnapshotUse, judge};
use std::borrow::Cow;
use std::process::Command;
use std::{env, fs};

/// The name of the test in this program that a child runs, and the variables that say with which script.
const CHILD: &str = "a_script_in_a_child";
const DIRECTIVES: &str = "TOUCHSTONE_TEST_DIRECTIVES";
const LENGTH: &str = "TOUCHSTONE_TEST_LENGTH";

const MODULE: &str = "(module (func (export \"f\") (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))\
    (func (export \"none\"))\
    (func $divide (param i32) (result i32) (i32.div_u (i32.const 1) (local.get 0)))\
    (func (export \"divide\") (param i32) (result i32) (call $divide (local.get 0))))\n";

/// Directives of which a script may have millions. `N` and `M` stand for a number and the next.
const ALL: [&str; 4] = [
    "(assert_return (invoke \"f\" (i32.const N)) (i32.const M))\n",
    "(invoke \"none\")\n",
    "(assert_trap (invoke \"divide\" (i32.const 0)) \"integer divide by zero\")\n",
    "(assert_invalid (module (func (result i32) (i64.const N))) \"type mismatch\")\n",
];

/// Returns the largest amount of memory that this process has had so far, in bytes.
fn peak() -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("Linux tells the state of a process");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
    1024 * peak.expect("it has a peak").parse::<usize>().expect("a number")
}

/// Returns a script of at least this length, and the number of its directives.
fn script(directive: &str, length: usize) -> (String, usize) {
    let mut text = String::with_capacity(length + 200);
    text.push_str(MODULE);
    let mut count = 1;
    while text.len() < length {
        text.push_str(&directive.replace('N', &count.to_string()).replace('M', &(count + 1).to_string()));
        count += 1;
    }
    (text, count)
}

#[test]
#[ignore = "run by another test, in processes of their own"]
fn a_script_in_a_child() {
    let variable = |name| env::var(name).expect("the parent sets it");
    let (text, count) = script(&variable(DIRECTIVES), variable(LENGTH).parse().expect("a number"));
    let Lanes { present, .. } = lanes::parse("speed/fresh,speed/reload", &Options::default()).expect("they exist");
    let lanes: Vec<&dyn Lane> = present.iter().map(|lane| &**lane).collect();
    let (features, settings, text) = (Features::default(), Settings::default(), Cow::Owned(text));
    let case = Case { path: "long.wast", text, features, settings, snapshot: SnapshotUse::None, keeps_passed: false };
    let judgment = judge(&case, &lanes, &mut ());
    assert!(judgment.has_passed(), "{:?}", judgment.reports);
    assert!(judgment.reports.iter().all(|report| report.passed == count));
    println!("peak={}", peak());
}

/// Returns the largest amount of memory of a process that runs a script of this length.
fn peak_of(directive: &str, length: usize) -> usize {
    let mut command = Command::new(env::current_exe().expect("this program"));
    command.args([CHILD, "--exact", "--ignored", "--nocapture"]);
    let output = command.env(DIRECTIVES, directive).env(LENGTH, length.to_string()).output().expect("it starts");
    let text = String::from_utf8_lossy(&output.stdout);
    let peak = text.lines().find_map(|line| line.split_once("peak=")).map(|(_, peak)| peak.parse());
    peak.unwrap_or_else(|| panic!("no peak: {output:?}")).expect("a number")
}

/// Two lengths are compared, since every script takes the memory of some parsed text.
#[test]
fn a_long_script_takes_a_small_multiple_of_its_length() {
    const MOST: usize = 4;
    let lengths = [2 << 20, 5 << 20];
    for directive in ALL {
        let [short, long] = lengths.map(|length| peak_of(directive, length));
        let (grown, added) = (long.saturating_sub(short), lengths[1] - lengths[0]);
        assert!(grown <= MOST * added, "{grown} bytes for another {added} bytes of {directive}");
    }
}
