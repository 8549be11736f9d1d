//! The memory that a long script takes.
#![cfg(feature = "engine")]

use lanes::{Features, Lane, Lanes, Options};
use runner::{Case, Settings, judge};
use std::borrow::Cow;
use std::fmt::Write;
use std::fs;

/// Returns the largest amount of memory that this process has had so far, in bytes.
fn peak() -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("Linux tells the state of a process");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
    1024 * peak.expect("it has a peak").parse::<usize>().expect("a number")
}

/// Returns a script of at least this length, each line of which is a directive.
fn script(length: usize) -> String {
    let mut text = "(module (func (export \"add\") (param i32 i32) (result i32)\
                    (i32.add (local.get 0) (local.get 1))))\n"
        .to_string();
    text.reserve(length);
    for number in 0.. {
        if text.len() >= length {
            break;
        }
        let (call, sum) = (format!("(invoke \"add\" (i32.const {number}) (i32.const 1))"), number + 1);
        writeln!(text, "(assert_return {call} (i32.const {sum}))").expect("a string takes all");
    }
    text
}

/// This is the only test of its program: others would take memory at the same time.
#[test]
fn a_long_script_takes_a_small_multiple_of_its_length() {
    const MOST: usize = 4;
    let Lanes { present, .. } = lanes::parse("speed/fresh,speed/reload", &Options::default()).expect("they exist");
    let lanes: Vec<&dyn Lane> = present.iter().map(|lane| &**lane).collect();
    let run = |text: String| {
        let (features, settings, text) = (Features::default(), Settings::default(), Cow::Owned(text));
        let case = Case { path: "long.wast", text, features, settings, snapshot: None, keeps_passed: false };
        judge(&case, &lanes, &mut ())
    };
    assert!(run(script(1)).has_passed(), "what every script takes is there before the measurement");
    let before = peak();
    let text = script(20 << 20);
    let (length, directives) = (text.len(), text.lines().count());
    assert!(peak() >= before.max(length), "the text counts");
    let judgment = run(text);
    assert!(judgment.has_passed());
    assert!(judgment.reports.iter().all(|report| report.passed == directives));
    let grown = peak() - before;
    assert!(grown <= MOST * length, "{grown} bytes for a script of {length} bytes");
}
