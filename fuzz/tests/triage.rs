//! From a finding to a report, and the oracles that need no second engine, with planted faults.

use fuzz::generate::case::Case;
use fuzz::generate::feature_set::Audience;
use fuzz::generate::input::Random;
use fuzz::generate::mixed;
use fuzz::oracle::Report;
use fuzz::oracle::equal::Equal;
use fuzz::oracle::shadow::{Shadow, check_lane};
use fuzz::oracle::unwind;
use fuzz::panel::finding::Finding;
use fuzz::panel::rewriting::RewritingLane;
use fuzz::panel::{Check, Panel, compare, own_lane};
use fuzz::triage::cause::Groups;
use fuzz::triage::known::{self, Judgment, NewFinding};
use fuzz::triage::reduce::reduce;
use lanes::{Failure, Fault, Features, Lane, LaneInfo, Moves, Options, Session, Value};

/// The runs of a reduction here.
const RUNS: u32 = 600;

fn input(k: u64) -> [u8; 8] {
    Random::new(k).next_u64().to_le_bytes()
}

fn cases(audience: Audience) -> impl Iterator<Item = Case> {
    (0..).filter_map(move |k| mixed::generate(&input(k), audience).ok())
}

/// A lane of ours with a planted fault, under a name of its own.
struct Wrong {
    inner: Box<dyn Lane>,
    info: LaneInfo,
}

impl Wrong {
    fn new(fault: Fault) -> Wrong {
        let name = || "wrong".to_string();
        let info = LaneInfo { engine: name(), code: name(), backend: name(), moves: Moves::Nothing, name: name() };
        Wrong { inner: own_lane("speed/fresh", &Options { fault: Some(fault), ..Options::default() }), info }
    }
}

impl Lane for Wrong {
    fn info(&self) -> &LaneInfo {
        &self.info
    }

    fn lacks(&self, features: Features) -> Features {
        self.inner.lacks(features)
    }

    fn session(&self, features: Features) -> Result<Box<dyn Session + '_>, Failure> {
        self.inner.session(features)
    }
}

fn panel(fault: Fault) -> Panel {
    Panel::new(&["interp", "speed/fresh"], vec![Box::new(Wrong::new(fault))])
}

fn find(case: &Case, panel: &Panel) -> Option<NewFinding> {
    match known::judge(case, panel) {
        Judgment::New(found) => Some(*found),
        Judgment::Agreed(_) | Judgment::Known(_) => None,
    }
}

fn one_function(body: &str, arguments: &[Value]) -> Case {
    let wasm = wat::parse_str(format!("(module (memory (export \"m\") 1) (func (export \"f\") {body}))"));
    Case::of_module(wasm.expect("it parses"), [("f".to_string(), arguments.to_vec())])
}

/// Modules with nothing in common but the operator are one finding, though one shows it as a result and one as a trap.
#[test]
fn inputs_of_one_fault_are_one_finding() {
    let sub = panel(Fault::SubtractionAdds);
    let code = panel(Fault::WrongTrapCode);
    let seven = [Value::I32(7)];
    let cases = [
        (
            &sub,
            one_function(
                "(param i32) (result i32) (i32.mul (i32.sub (local.get 0) (i32.const 2)) (i32.const 3))",
                &seven,
            ),
        ),
        (&sub, one_function("(param i32) (if (i32.sub (local.get 0) (i32.const 7)) (then unreachable))", &seven)),
        (&code, one_function("(result i32) (i32.div_u (i32.const 1) (i32.const 0))", &[])),
        (&sub, one_function("(param i32) (i32.store (i32.const 0) (i32.sub (local.get 0) (i32.const 1)))", &seven)),
    ];
    let mut groups = Groups::default();
    for (k, (panel, case)) in cases.iter().enumerate() {
        let found = find(case, panel).unwrap_or_else(|| panic!("case {k} shows nothing"));
        groups.add(k.to_string(), found, *panel, &mut |found| reduce(found, *panel, RUNS));
    }
    let inputs: Vec<_> = groups.groups.iter().map(|group| group.inputs.join(" ")).collect();
    let causes: Vec<_> = groups.groups.iter().map(|group| group.cause.to_string()).collect();
    assert_eq!(inputs, ["0 1 3", "2"], "{causes:?}");
    assert!(causes[0].starts_with("I32Sub"), "{causes:?}");
}

/// A reduced finding of a generated case needs neither the fuzzer's host functions nor more than a few lines.
#[test]
fn a_finding_becomes_a_small_script() {
    let panel = panel(Fault::WrongTrapCode);
    let found = cases(panel.audience()).filter(|case| !case.hosts.is_empty()).find_map(|case| find(&case, &panel));
    let small = reduce(found.expect("a division by zero is soon met"), &panel, RUNS);
    let script = small.script().expect("a case has a script");
    println!("{script}");
    assert!(small.case.hosts.is_empty(), "{script}");
    assert!(script.contains("(assert_trap (invoke $main") && script.contains("integer divide by zero"), "{script}");
    let lines = script.lines().filter(|line| !line.starts_with(";;")).count();
    assert!(lines < 60, "{lines} lines:\n{script}");
}

#[test]
fn a_finding_becomes_a_javascript_program() {
    let panel = panel(Fault::SubtractionAdds);
    let case = one_function("(param i32) (result i32) (i32.sub (i32.const 1) (local.get 0))", &[Value::I32(-5)]);
    let found = find(&case, &panel).expect("a wrong subtraction is seen").complete(&panel);
    let program = found.javascript().expect("nothing hinders it");
    assert!(program.contains("instantiate(\"main\", module0)") && program.contains("expected"), "{program}");
    assert!(program.contains("call(\"main\", \"f\", [-5"), "{program}");
    let vector = one_function("(param v128) (result i32) (i32.sub (i32.const 1) (i32.const 2))", &[Value::V128(1)]);
    let result = one_function("(result v128) (i32x4.splat (i32.sub (i32.const 1) (i32.const 2)))", &[]);
    for case in [vector, result] {
        let found = find(&case, &panel).expect("a wrong subtraction is seen");
        assert!(found.javascript().is_err_and(|obstacle| obstacle.contains("vector")));
    }
}

/// Returns the first finding of `check` within so many cases.
fn search(count: usize, audience: Audience, check: impl Fn(&Case) -> Result<(), Box<Finding>>) -> Option<Finding> {
    cases(audience).take(count).find_map(|case| check(&case).err()).map(|finding| *finding)
}

#[test]
fn modules_record_the_frames_that_lanes_show() {
    let shadow = Shadow(Panel::new(&["interp", "speed/fresh", "quick/reload"], Vec::new()));
    for (k, case) in cases(Audience::OWN).take(40).enumerate() {
        if let Err(finding) = shadow.check(&case) {
            panic!("case {k}: {finding}");
        }
    }
}

#[test]
fn wrong_frames_differ_from_the_recorded_ones() {
    for fault in [Fault::SourceMapOffByOne, Fault::TailCallKeepsFrame] {
        let finding = search(100, Audience::OWN, |case| {
            let options = Options { fault: Some(fault), ..case.options["speed"].clone() };
            check_lane(case, &*own_lane("speed/fresh", &options))
        });
        let finding = finding.unwrap_or_else(|| panic!("{fault:?} is not caught"));
        let shown: Vec<_> = finding.sides.iter().flat_map(|side| side.lanes()).collect();
        assert_eq!(shown, ["shadow", "speed/fresh"], "{finding}");
    }
}

#[test]
fn rules_that_end_at_epilogues_are_wrong() {
    let finding = search(20, Audience::OWN, |case| {
        let options = Options { fault: Some(Fault::EpiloguesWithoutRules), ..case.options["quick"].clone() };
        unwind::check_lane(case, &*own_lane("quick/fresh", &options)).map(|_run| ())
    });
    let finding = finding.expect("a missing rule is caught");
    let shown: Vec<_> = finding.sides.iter().flat_map(|side| side.lanes()).collect();
    assert_eq!(shown, ["shadow-stack", "quick/fresh"], "{finding}");
}

#[test]
fn a_rewritten_module_does_the_same() {
    let equal = Equal(Panel::new(&["interp", "speed/fresh", "quick/reload"], Vec::new()));
    for (k, case) in cases(Audience::OWN).take(20).enumerate() {
        if let Err(finding) = equal.check(&case) {
            panic!("case {k}: {finding}");
        }
    }
}

#[test]
fn a_wrong_operator_differs_from_its_rewriting() {
    let finding = search(200, Audience::OWN, |case| {
        // Without fuel, a module counts its own steps down, by subtraction.
        let (fault, fuel) = (Some(Fault::SubtractionAdds), Some(10_000));
        let lane = own_lane("speed/fresh", &Options { fault, fuel, ..case.options["speed"].clone() });
        (0..8).try_for_each(|variant| {
            compare::check(case, &[&*lane, &RewritingLane::new(&*lane, variant)]).map(|_agreement| ())
        })
    });
    let finding = finding.expect("a wrong subtraction is caught");
    let shown: Vec<_> = finding.sides.iter().flat_map(|side| side.lanes()).collect();
    assert!(shown.contains(&"speed/fresh") && shown.contains(&"speed/fresh rewritten"), "{finding}");
}
