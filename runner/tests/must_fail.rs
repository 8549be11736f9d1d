//! For every directive and every result pattern, `must_fail/` has a script in which it fails: a check that cannot fail
//! checks nothing. `cli.rs` runs these scripts. This test finds out whether one is missing.

use lanes::{HeapType, Reference, Value};
use script::pattern::{Float, Pattern};
use script::{Action, Directive, DirectiveKind, Script, Source};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Everything that `directive_name` and `pattern_name` may return. A new directive or pattern is added there and here.
const ALL: &[&str] = &[
    "module",
    "module definition",
    "module instance",
    "register",
    "invoke",
    "get",
    "assert_return invoke",
    "assert_return get",
    "assert_trap invoke",
    "assert_trap get",
    "assert_trap module",
    "assert_trap instance",
    "assert_exhaustion",
    "assert_exception",
    "assert_suspension",
    "assert_malformed",
    "assert_invalid",
    "assert_malformed_custom",
    "assert_invalid_custom",
    "assert_unlinkable module",
    "assert_unlinkable instance",
    "thread",
    "wait",
    "not executable",
    "i32",
    "i64",
    "f32",
    "f32 nan:canonical",
    "f32 nan:arithmetic",
    "f64",
    "f64 nan:canonical",
    "f64 nan:arithmetic",
    "v128 integers",
    "v128 f32x4",
    "v128 f32x4 nan:canonical",
    "v128 f32x4 nan:arithmetic",
    "v128 f64x2",
    "v128 f64x2 nan:canonical",
    "v128 f64x2 nan:arithmetic",
    "ref.null",
    "ref.null func",
    "ref.null extern",
    "ref.null any",
    "ref.null exn",
    "ref.extern N",
    "ref.host N",
    "ref.func",
    "ref.func N",
    "ref.extern",
    "ref.any",
    "ref.eq",
    "ref.i31",
    "ref.struct",
    "ref.array",
    "ref.exn",
    "ref",
    "either",
];

fn directive_name(kind: &DirectiveKind) -> String {
    match kind {
        DirectiveKind::Module { .. } => "module".to_string(),
        DirectiveKind::Definition { .. } => "module definition".to_string(),
        DirectiveKind::Instance { .. } => "module instance".to_string(),
        DirectiveKind::Register { .. } => "register".to_string(),
        DirectiveKind::Action(action) => action_name(action).to_string(),
        DirectiveKind::AssertReturn(action, _) => format!("assert_return {}", action_name(action)),
        DirectiveKind::AssertTrap(action, _) => format!("assert_trap {}", action_name(action)),
        DirectiveKind::AssertExhaustion(..) => "assert_exhaustion".to_string(),
        DirectiveKind::AssertException(_) => "assert_exception".to_string(),
        DirectiveKind::AssertSuspension(..) => "assert_suspension".to_string(),
        DirectiveKind::AssertMalformed(_) => "assert_malformed".to_string(),
        DirectiveKind::AssertInvalid(_) => "assert_invalid".to_string(),
        DirectiveKind::AssertMalformedCustom { .. } => "assert_malformed_custom".to_string(),
        DirectiveKind::AssertInvalidCustom { .. } => "assert_invalid_custom".to_string(),
        DirectiveKind::AssertUnlinkable(source, _) => format!("assert_unlinkable {}", source_name(source)),
        DirectiveKind::AssertInstantiationTrap(source, _) => format!("assert_trap {}", source_name(source)),
        DirectiveKind::Thread { .. } => "thread".to_string(),
        DirectiveKind::Wait { .. } => "wait".to_string(),
        DirectiveKind::Unsupported { .. } => "not executable".to_string(),
    }
}

fn action_name(action: &Action) -> &'static str {
    match action {
        Action::Invoke { .. } => "invoke",
        Action::Get { .. } => "get",
    }
}

fn source_name(source: &Source) -> &'static str {
    match source {
        Source::Inline(_) => "module",
        Source::Definition(_) => "instance",
    }
}

fn pattern_name(pattern: &Pattern) -> Option<String> {
    let name = match pattern {
        Pattern::Exact(value) => exact(*value).to_string(),
        Pattern::F32(nan) => format!("f32{}", float_name(*nan)),
        Pattern::F64(nan) => format!("f64{}", float_name(*nan)),
        Pattern::F32x4(lanes) => return of_all_lanes("v128 f32x4", lanes.map(float_name)),
        Pattern::F64x2(lanes) => return of_all_lanes("v128 f64x2", lanes.map(float_name)),
        Pattern::Null(None) => "ref.null".to_string(),
        Pattern::Null(Some(heap)) => null(*heap).to_string(),
        Pattern::Func => "ref.func".to_string(),
        Pattern::FuncAt { .. } => "ref.func N".to_string(),
        Pattern::Extern => "ref.extern".to_string(),
        Pattern::Any => "ref.any".to_string(),
        Pattern::Eq => "ref.eq".to_string(),
        Pattern::I31 => "ref.i31".to_string(),
        Pattern::Struct => "ref.struct".to_string(),
        Pattern::Array => "ref.array".to_string(),
        Pattern::Exn => "ref.exn".to_string(),
        Pattern::Ref => "ref".to_string(),
        Pattern::Either(_) => "either".to_string(),
    };
    Some(name)
}

/// Names a vector pattern whose lanes are all alike. Of another one it is not known which lane did not match.
fn of_all_lanes<const N: usize>(ty: &str, lanes: [&str; N]) -> Option<String> {
    lanes.iter().all(|lane| *lane == lanes[0]).then(|| format!("{ty}{}", lanes[0]))
}

fn float_name<B>(float: Float<B>) -> &'static str {
    match float {
        Float::Bits(_) => "",
        Float::Canonical => " nan:canonical",
        Float::Arithmetic => " nan:arithmetic",
    }
}

fn exact(value: Value) -> &'static str {
    match value {
        Value::I32(_) => "i32",
        Value::I64(_) => "i64",
        Value::F32(_) => "f32",
        Value::F64(_) => "f64",
        Value::V128(_) => "v128 integers",
        Value::Ref(Reference::Extern(_)) => "ref.extern N",
        Value::Ref(Reference::Host(_)) => "ref.host N",
        Value::Ref(other) => panic!("no script can expect exactly {other}"),
    }
}

fn null(heap: HeapType) -> &'static str {
    match heap {
        HeapType::Func => "ref.null func",
        HeapType::Extern => "ref.null extern",
        HeapType::Any => "ref.null any",
        HeapType::Exn => "ref.null exn",
        other => panic!("the null of {other} has no name here"),
    }
}

/// Returns the directives of a script that fail for the reason that its head says, and the pattern of each that expects
/// one result.
fn failing(text: &str) -> Vec<String> {
    let script = Script::parse(text);
    let expected = text.lines().filter_map(|line| line.strip_prefix(";; fails ")?.split_once(": "));
    let mut found = Vec::new();
    for (line, reason) in expected {
        let is_there = |directive: &&Directive| line.parse() == Ok(directive.line);
        let Some(failing) = script.directives.iter().find(is_there) else { panic!("nothing begins on line {line}") };
        found.push(directive_name(&failing.kind()));
        if let DirectiveKind::AssertReturn(_, expected) = &*failing.kind()
            && let [pattern] = expected.as_slice()
            && reason.starts_with("expected [")
        {
            found.extend(pattern_name(pattern));
        }
    }
    found
}

#[test]
fn every_directive_and_pattern_has_a_script_in_which_it_fails() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/must_fail");
    let scripts = fs::read_dir(directory).expect("the scripts").map(|entry| entry.expect("an entry").path());
    let texts = scripts.map(|path| fs::read_to_string(path).expect("the script"));
    let found: BTreeSet<String> = texts.flat_map(|text| failing(&text)).collect();
    let all: BTreeSet<String> = ALL.iter().map(|name| name.to_string()).collect();
    let missing: Vec<_> = all.difference(&found).collect();
    assert!(missing.is_empty(), "no script in which these fail: {missing:?}");
    assert_eq!(found, all);
}
