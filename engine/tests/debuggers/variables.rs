//! Parameters and locals in debuggers: each shows its value or is optimized out, and never shows another value.

use super::{gdb, lldb};
use crate::tools::Environment;
use crate::{Files, TIERS};
use engine::Tier;
use std::collections::HashMap;
use std::path::Path;

const PROGRAM: &str = include_str!("variables.c");

/// A function whose locals change in a loop, in a way that tells each from the others at every instruction.
const LOOP: &str = r#"(module
    (import "host" "call_back" (func (param i32) (result i32)))
    (func $double (param $x i32) (result i32) (i32.mul (local.get $x) (i32.const 2)))
    (func $sums (param $n i32) (param $wide i64) (param $narrow f32) (result i32)
        (local $i i32) (local $sum i32) (local $old i32) (local $half f64)
        (loop
            (local.set $old (local.get $i))
            (local.set $sum (i32.add (local.get $sum) (local.get $i)))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (if (i32.and (local.get $i) (i32.const 1))
                (then (local.set $half (f64.div (f64.convert_i32_u (local.get $sum)) (f64.const 2)))))
            (br_if 0 (i32.lt_u (call $double (local.get $i)) (i32.add (local.get $n) (local.get $n)))))
        (i32.add (local.get $sum) (i32.add (local.get $old) (i32.add (i32.trunc_f64_u (local.get $half))
            (i32.add (i32.wrap_i64 (local.get $wide)) (i32.trunc_f32_u (local.get $narrow)))))))
    (func (export "outer") (param i32) (result i32)
        (call $sums (i32.const 6) (i64.const 5000000000) (f32.const 2.5))))"#;

type Debugger = fn(&Path, &str, Environment<'_>, &[&str]) -> Option<String>;

/// A variable of [`PROGRAM`] at a stop, and its value when `outer` is called with 14.
type Expected = (&'static str, &'static str);

/// The stops of [`PROGRAM`] in order, each with the values of variables there. The second number is how many frames up
/// they are.
const STOPS: &[(&str, usize, &[Expected])] = &[
    (
        "in mix",
        0,
        &[
            ("n", "15"),
            ("wide", "5000000014"),
            ("narrow", "0.5"),
            ("exact", "2.25"),
            ("pair.first", "30"),
            ("pair.second", "15000000042"),
            ("calls", "41"),
        ],
    ),
    ("in mix", 1, &[("n", "14"), ("before", "15")]),
    ("in add_up", 0, &[("count", "4"), ("total", "0"), ("i", "0"), ("square", "0")]),
    ("in add_up", 0, &[("count", "4"), ("total", "1"), ("i", "1"), ("square", "1")]),
    ("in add_up", 0, &[("count", "4"), ("total", "5"), ("i", "2"), ("square", "4")]),
    ("in add_up", 0, &[("count", "4"), ("total", "14"), ("i", "3"), ("square", "9")]),
    ("in outer", 0, &[("n", "14"), ("before", "15"), ("mixed", "48.75"), ("total", "14")]),
    ("in inner", 0, &[("n", "14"), ("twice", "28")]),
];

/// The line that contains a text.
fn line(text: &str) -> usize {
    PROGRAM.lines().position(|line| line.contains(text)).expect("the program has the text") + 1
}

/// Watches [`PROGRAM`]. Returns what the debugger shows for each variable of [`STOPS`].
fn show(files: &Files, debugger: Debugger, is_gdb: bool, reload: bool) -> Option<Vec<String>> {
    let mut commands = Vec::new();
    for stop in ["in mix", "in add_up", "in outer", "in inner"] {
        commands.push(match is_gdb {
            true => format!("break variables.c:{}", line(stop)),
            false => format!("breakpoint set --file variables.c --line {}", line(stop)),
        });
    }
    commands.push("run".to_owned());
    for (number, (_, up, variables)) in STOPS.iter().enumerate() {
        if *up > 0 {
            commands.push(format!("up {up}"));
        } else if number > 0 {
            commands.push("continue".to_owned());
        }
        let print = if is_gdb { "print" } else { "frame variable" };
        commands.extend(variables.iter().map(|(name, _)| format!("{print} {name}")));
    }
    commands.push("continue".to_owned());
    let commands: Vec<&str> = commands.iter().map(String::as_str).collect();
    let transcript = files.watch(debugger, reload, true, &commands)?;
    let mark = if is_gdb { '$' } else { '(' };
    let shown = transcript.lines().filter(|line| line.starts_with(mark) && !line.starts_with("(lldb)"));
    let shown: Vec<String> = shown.filter_map(|line| Some(line.split_once(" = ")?.1.to_owned())).collect();
    assert_eq!(shown.len(), expected().count(), "{transcript}");
    Some(shown)
}

/// The variables of all stops.
fn expected() -> impl Iterator<Item = &'static Expected> {
    STOPS.iter().flat_map(|(.., variables)| *variables)
}

/// Lists the variables that show another value than expected, and counts those that show none.
fn compare(shown: &[String]) -> (Vec<String>, usize) {
    let is_absent = |shown: &&String| shown.contains("optimized out") || shown.contains("not available");
    let pairs = shown.iter().zip(expected()).filter(|(shown, _)| !is_absent(shown));
    let wrong = pairs.filter(|(shown, (_, value))| shown.parse::<f64>() != value.parse::<f64>());
    let wrong = wrong.map(|(shown, (name, value))| format!("{name} is {value} and shows {shown}"));
    (wrong.collect(), shown.iter().filter(is_absent).count())
}

/// Checks what a debugger shows of [`PROGRAM`]. `absent` is how many variables have no value in the tier `Speed`.
fn check(debugger: Debugger, is_gdb: bool, tier: Tier, reload: bool) {
    let Some(files) = Files::of_source(tier, "variables.c", PROGRAM, &["-O0"]) else { return };
    let Some(shown) = show(&files, debugger, is_gdb, reload) else { return };
    let (wrong, absent) = compare(&shown);
    assert_eq!(wrong, [""; 0], "{tier:?}");
    assert!(tier == Tier::Speed || absent == 0, "{shown:?}");
    assert!(absent < shown.len() / 4, "{tier:?}: {shown:?}");
}

#[test]
fn gdb_shows_the_variables_of_a_program() {
    check(gdb, true, Tier::Quick, true);
}

#[test]
fn lldb_shows_the_variables_of_a_program() {
    check(lldb, false, Tier::Quick, false);
}

#[test]
#[ignore = "one case is enough for every run: ci/extended.sh runs this one"]
fn debuggers_show_the_variables_of_programs_of_every_kind() {
    for (tier, reload) in [(Tier::Quick, false), (Tier::Speed, false), (Tier::Speed, true)] {
        check(gdb, true, tier, reload);
    }
    for (tier, reload) in [(Tier::Quick, true), (Tier::Speed, false), (Tier::Speed, true)] {
        check(lldb, false, tier, reload);
    }
}

#[test]
fn a_wrong_value_is_noticed() {
    let Some(files) = Files::of_source(Tier::Quick, "variables.c", PROGRAM, &["-O0"]) else { return };
    let Some(shown) = show(&Files { argument: 15, ..files }, gdb, true, false) else { return };
    let (wrong, _) = compare(&shown);
    assert!(wrong.contains(&"before is 15 and shows 16".to_owned()), "{wrong:?}");
}

/// The output of gdb before an instruction of `$sums`: the line, and the values by name.
type Step = (usize, HashMap<String, f64>);

/// Steps through `$sums` of [`LOOP`], instruction by instruction.
fn steps(files: &Files) -> Option<Vec<Step>> {
    let step = ["while $left > 0", "stepi", "frame", "info args", "info locals", "set $left = $left - 1", "end"];
    let commands = [&["break sums", "run", "set $left = 400"][..], &step].concat();
    let transcript = files.watch(gdb, false, true, &commands)?;
    let mut steps: Vec<Step> = Vec::new();
    let mut is_inside = false;
    for line in transcript.lines() {
        if line.starts_with("#0 ") {
            is_inside = line.contains(" sums (");
            if let (true, Some((_, at))) = (is_inside, line.rsplit_once(".wat:")) {
                steps.push((at.parse().unwrap(), HashMap::new()));
            }
        } else if let (true, Some((name, value)), Some((_, values))) =
            (is_inside, line.split_once(" = "), steps.last_mut())
            && let Ok(value) = value.parse()
        {
            values.insert(name.to_owned(), value);
        }
    }
    Some(steps)
}

/// Returns what is wrong in a step, if anything is. `lines` are those of the instructions that set `$old`, `$sum`, `$i`
/// and `$half`: a step is before its line.
fn fault((at, values): &Step, lines: [usize; 4]) -> Option<String> {
    let value = |name: &str| values.get(name).copied();
    let constants = [("n", 6.0), ("wide", 5e9), ("narrow", 2.5)];
    let mut all: Vec<(&str, f64)> = constants.into();
    let is_after = |set: usize| *at > lines[set];
    if let Some(i) = value("i") {
        // The number of the round that has begun.
        let round = if is_after(2) { i - 1.0 } else { i };
        let sum = |rounds: f64| rounds * (rounds - 1.0) / 2.0;
        all.push(("sum", sum(if is_after(1) { round + 1.0 } else { round })));
        all.push(("old", if is_after(0) { round } else { (round - 1.0).max(0.0) }));
        // Every second round sets it.
        let last = if is_after(3) { round } else { round - 1.0 };
        let last = last - last.rem_euclid(2.0);
        all.push(("half", if last < 0.0 { 0.0 } else { sum(last + 1.0) / 2.0 }));
    }
    let wrong = all.into_iter().find(|(name, right)| value(name).is_some_and(|shown| shown != *right));
    wrong.map(|(name, right)| format!("at line {at} {name} is {right}: {values:?}"))
}

/// No local shows a wrong value at any instruction, and most show one.
#[test]
fn gdb_shows_locals_at_every_instruction() {
    for tier in TIERS {
        let files = Files::of(tempfile::tempdir().unwrap(), tier, &wat::parse_str(LOOP).unwrap());
        let lines = ["local.set $old", "local.set $sum", "local.set $i", "local.set $half"].map(|set| files.line(set));
        let Some(steps) = steps(&files) else { return };
        let faults: Vec<String> = steps.iter().filter_map(|step| fault(step, lines)).collect();
        assert_eq!(faults, [""; 0], "{tier:?}");
        let shown: usize = steps.iter().map(|(_, values)| values.len()).sum();
        assert!(steps.len() > 100, "{tier:?}: {} steps", steps.len());
        let least = if tier == Tier::Speed { 3 } else { 5 };
        assert!(shown > steps.len() * least, "{tier:?}: {shown} values in {} steps", steps.len());
        let moved = lines.map(|line| line + 12);
        assert!(steps.iter().any(|step| fault(step, moved).is_some()), "{tier:?}: values at other lines are noticed");
    }
}
