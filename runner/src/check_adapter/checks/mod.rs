//! What an adapter must do right, one function for each.

mod version3;

use super::trial::{Trial, binary, places, same};
use super::{Check, Verdict};
use lanes::{
    Behavior, Failure, Features, HeapType, HostFunc, Lane, MemoryState, Phase, Reference, TableState, TrapKind,
    ValType, Value,
};

/// All checks.
pub(super) fn all() -> impl Iterator<Item = &'static Check> {
    CHECKS.iter().chain(version3::CHECKS)
}

const REFERENCES: Features = Features::REFERENCE_TYPES;

const CHECKS: &[Check] = &[
    Check { name: "integers arrive and return bit for bit", needs: Features::empty(), run: integers },
    Check { name: "NaNs and zeros arrive and return bit for bit", needs: Features::empty(), run: floats },
    Check { name: "vectors arrive and return bit for bit", needs: Features::SIMD, run: vectors },
    Check { name: "several results keep their order", needs: Features::MULTI_VALUE, run: several_results },
    Check { name: "host values keep their identity", needs: REFERENCES, run: host_values },
    Check { name: "functions keep their identity", needs: REFERENCES, run: functions },
    Check { name: "traps have their kinds", needs: Features::empty(), run: trap_kinds },
    Check { name: "table traps have their kinds", needs: REFERENCES, run: table_traps },
    Check { name: "an exhausted stack is told, and survived", needs: Features::empty(), run: exhaustion },
    Check { name: "what was written before a trap stays", needs: Features::empty(), run: writes_before_a_trap },
    Check { name: "frames of a trap", needs: Features::empty(), run: frames },
    Check { name: "host calls are noted in order, bit for bit", needs: Features::empty(), run: host_calls },
    Check { name: "host functions return bit for bit", needs: Features::empty(), run: host_results },
    Check { name: "host errors and panics arrive with their text", needs: Features::empty(), run: host_errors },
    Check { name: "host functions call back", needs: REFERENCES, run: call_back },
    Check { name: "missing and wrong imports", needs: Features::empty(), run: imports },
    Check { name: "registered names add up and can be replaced", needs: Features::empty(), run: registrations },
    Check { name: "what a failing instantiation wrote stays", needs: REFERENCES, run: failing_instantiation },
    Check { name: "a start function runs, and traps", needs: Features::empty(), run: start },
    Check { name: "malformed and invalid modules are refused", needs: Features::empty(), run: refusals },
    Check { name: "globals are read bit for bit", needs: Features::MUTABLE_GLOBALS, run: globals },
    Check { name: "what exports hold is shown", needs: Features::MUTABLE_GLOBALS.union(REFERENCES), run: state },
    Check { name: "memories are read", needs: Features::empty(), run: read_memory },
    Check { name: "a long line", needs: Features::empty(), run: long_line },
    Check { name: "what does not exist is a usage error", needs: Features::empty(), run: usage },
    Check { name: "names beyond ASCII", needs: Features::empty(), run: names },
    Check { name: "reset forgets everything", needs: Features::empty(), run: reset },
    Check { name: "the features that the engine claims, it has", needs: Features::empty(), run: claimed_features },
    Check { name: "the features that the engine denies, it lacks", needs: Features::empty(), run: denied_features },
    Check { name: "features that a store leaves out", needs: Features::SIGN_EXTENSION, run: left_out_features },
];

fn integers(trial: &mut Trial<'_>) -> Verdict {
    let instance = trial.instance(
        r#"(module (func (export "i32") (param i32) (result i32) (local.get 0))
                   (func (export "i64") (param i64) (result i64) (local.get 0))
                   (func (export "high") (param i64) (result i32)
                     (i32.wrap_i64 (i64.shr_u (local.get 0) (i64.const 32)))))"#,
    )?;
    for value in [0, 1, -1, i32::MIN, i32::MAX] {
        trial.returns(instance, "i32", &[Value::I32(value)], &[Value::I32(value)])?;
    }
    for value in [0, 1, -1, i64::MIN, i64::MAX, 0x7fff_ffff_0000_0001] {
        trial.returns(instance, "i64", &[Value::I64(value)], &[Value::I64(value)])?;
    }
    trial.returns(instance, "high", &[Value::I64(0x1234_5678_9abc_def0)], &[Value::I32(0x1234_5678)])
}

fn floats(trial: &mut Trial<'_>) -> Verdict {
    let instance = trial.instance(
        r#"(module (func (export "f32") (param f32) (result f32) (local.get 0))
                   (func (export "f64") (param f64) (result f64) (local.get 0))
                   (func (export "bits32") (param f32) (result i32) (i32.reinterpret_f32 (local.get 0)))
                   (func (export "bits64") (param f64) (result i64) (i64.reinterpret_f64 (local.get 0)))
                   (func (export "made32") (param i32) (result f32) (f32.reinterpret_i32 (local.get 0)))
                   (func (export "made64") (param i64) (result f64) (f64.reinterpret_i64 (local.get 0))))"#,
    )?;
    for bits in [0, 0x8000_0000, 1, 0x7f80_0000, 0x7fc0_0000, 0xffc0_0000, 0x7fa0_0001, 0xff80_0001, 0x3f80_0001] {
        let integer = Value::I32(u32::cast_signed(bits));
        trial.returns(instance, "f32", &[Value::F32(bits)], &[Value::F32(bits)])?;
        trial.returns(instance, "bits32", &[Value::F32(bits)], &[integer])?;
        trial.returns(instance, "made32", &[integer], &[Value::F32(bits)])?;
    }
    for bits in [0, 1 << 63, 1, 0x7ff0 << 48, 0x7ff8 << 48, 0xfff8 << 48, (0x7ff4 << 48) + 1, (0xfff0 << 48) + 1] {
        let integer = Value::I64(u64::cast_signed(bits));
        trial.returns(instance, "f64", &[Value::F64(bits)], &[Value::F64(bits)])?;
        trial.returns(instance, "bits64", &[Value::F64(bits)], &[integer])?;
        trial.returns(instance, "made64", &[integer], &[Value::F64(bits)])?;
    }
    Ok(())
}

const VECTOR: u128 = 0x0102_0304_7fa0_0001_fff4_0000_0000_0001;

fn vectors(trial: &mut Trial<'_>) -> Verdict {
    let instance = trial.instance(
        r#"(module (func (export "v128") (param v128) (result v128) (local.get 0))
                   (func (export "first") (param v128) (result i32) (i8x16.extract_lane_u 0 (local.get 0)))
                   (func (export "last") (param v128) (result i32) (i8x16.extract_lane_u 15 (local.get 0))))"#,
    )?;
    trial.returns(instance, "v128", &[Value::V128(VECTOR)], &[Value::V128(VECTOR)])?;
    trial.returns(instance, "first", &[Value::V128(0xfe << 120 | 0x80)], &[Value::I32(0x80)])?;
    trial.returns(instance, "last", &[Value::V128(0xfe << 120 | 0x80)], &[Value::I32(0xfe)])
}

fn several_results(trial: &mut Trial<'_>) -> Verdict {
    let instance = trial.instance(
        r#"(module (func (export "swap") (param i32 f32 i64 f64) (result f64 i64 f32 i32)
                     (local.get 3) (local.get 2) (local.get 1) (local.get 0)))"#,
    )?;
    let values = [Value::I32(-2), Value::F32(0x7fa0_0001), Value::I64(i64::MIN), Value::F64(1)];
    let mut reversed = values;
    reversed.reverse();
    trial.returns(instance, "swap", &values, &reversed)
}

fn host_values(trial: &mut Trial<'_>) -> Verdict {
    let instance = trial.instance(
        r#"(module (table 1 externref)
                   (func (export "id") (param externref) (result externref) (local.get 0))
                   (func (export "set") (param externref) (table.set (i32.const 0) (local.get 0)))
                   (func (export "get") (result externref) (table.get (i32.const 0)))
                   (func (export "null") (param externref) (result i32) (ref.is_null (local.get 0))))"#,
    )?;
    let null = Value::Ref(Reference::Null(HeapType::Extern));
    let host = |number| Value::Ref(Reference::Extern(number));
    for value in [null, host(0), host(7), host(u32::MAX)] {
        trial.returns(instance, "id", &[value], &[value])?;
    }
    trial.returns(instance, "set", &[host(3)], &[])?;
    trial.returns(instance, "get", &[], &[host(3)])?;
    trial.returns(instance, "null", &[null], &[Value::I32(1)])?;
    trial.returns(instance, "null", &[host(0)], &[Value::I32(0)])
}

fn functions(trial: &mut Trial<'_>) -> Verdict {
    let instance = trial.instance(
        r#"(module (table 1 funcref) (type $t (func (result i32)))
                   (func $a (export "a") (result i32) (i32.const 5)) (func $b (export "b"))
                   (func (export "refs") (param i32) (result funcref)
                     (select (result funcref) (ref.func $a) (ref.func $b) (local.get 0)))
                   (func (export "null") (result funcref) (ref.null func))
                   (func (export "call") (param funcref) (result i32)
                     (table.set (i32.const 0) (local.get 0)) (call_indirect (type $t) (i32.const 0))))"#,
    )?;
    let function = |number| [Value::Ref(Reference::Func(Some(number)))];
    trial.returns(instance, "null", &[], &[Value::Ref(Reference::Null(HeapType::Func))])?;
    trial.returns(instance, "refs", &[Value::I32(1)], &function(0))?;
    trial.returns(instance, "refs", &[Value::I32(0)], &function(1))?;
    trial.returns(instance, "refs", &[Value::I32(1)], &function(0))?;
    trial.returns(instance, "call", &function(0), &[Value::I32(5)])
}

/// No engine's words mean more kinds than this at once.
const VAGUEST: usize = 3;

fn trapping(trial: &mut Trial<'_>, text: &str, kinds: &[(&str, TrapKind)]) -> Verdict {
    let instance = trial.instance(text)?;
    for &(name, kind) in kinds {
        let trap = trial.traps(instance, name, kind)?;
        let seen: Vec<TrapKind> = trap.kinds().collect();
        // `unreachable` is told from every other kind by every engine, and no two of these three are one to any.
        let apart = [TrapKind::Unreachable, TrapKind::IntegerDivisionByZero, TrapKind::StackOverflow];
        let mixed = apart.iter().any(|&other| other != kind && seen.contains(&other));
        if seen.len() > VAGUEST || mixed || (apart.contains(&kind) && seen.len() > 1) {
            let seen: Vec<&str> = seen.iter().map(|kind| kind.name()).collect();
            return Err(format!("{name:?} is {kind}, and the answer may mean too many kinds: {}", seen.join(", ")));
        }
    }
    Ok(())
}

fn trap_kinds(trial: &mut Trial<'_>) -> Verdict {
    let text = r#"(module (memory 1) (table 2 funcref) (elem (i32.const 1) $f) (type $t (func (param i32)))
        (func $f (export "unreachable") unreachable)
        (func (export "zero") (result i32) (i32.div_s (i32.const 1) (i32.const 0)))
        (func (export "remainder") (result i64) (i64.rem_u (i64.const 1) (i64.const 0)))
        (func (export "overflow") (result i32) (i32.div_s (i32.const 0x80000000) (i32.const -1)))
        (func (export "large") (result i32) (i32.trunc_f32_s (f32.const 1e30)))
        (func (export "nan") (result i64) (i64.trunc_f64_u (f64.const nan)))
        (func (export "load") (result i32) (i32.load offset=1 (i32.const 65532)))
        (func (export "store") (f64.store (i32.const -1) (f64.const 0)))
        (func (export "beyond") (call_indirect (i32.const 2)))
        (func (export "null") (call_indirect (i32.const 0)))
        (func (export "mismatch") (call_indirect (type $t) (i32.const 0) (i32.const 1))))"#;
    let kinds = [
        ("unreachable", TrapKind::Unreachable),
        ("zero", TrapKind::IntegerDivisionByZero),
        ("remainder", TrapKind::IntegerDivisionByZero),
        ("overflow", TrapKind::IntegerOverflow),
        ("large", TrapKind::IntegerOverflow),
        ("nan", TrapKind::InvalidConversionToInteger),
        ("load", TrapKind::MemoryOutOfBounds),
        ("store", TrapKind::MemoryOutOfBounds),
        ("beyond", TrapKind::UndefinedElement),
        ("null", TrapKind::UninitializedElement),
        ("mismatch", TrapKind::IndirectCallTypeMismatch),
    ];
    trapping(trial, text, &kinds)
}

fn table_traps(trial: &mut Trial<'_>) -> Verdict {
    let text = r#"(module (table 2 funcref)
        (func (export "get") (drop (table.get (i32.const 2))))
        (func (export "set") (table.set (i32.const -1) (ref.null func))))"#;
    trapping(trial, text, &[("get", TrapKind::TableOutOfBounds), ("set", TrapKind::TableOutOfBounds)])
}

fn exhaustion(trial: &mut Trial<'_>) -> Verdict {
    let text = r#"(module (func $f (export "deep") (call $f)) (func (export "one") (result i32) (i32.const 1)))"#;
    trapping(trial, text, &[("deep", TrapKind::StackOverflow), ("deep", TrapKind::StackOverflow)])?;
    let instance = trial.instance(text)?;
    trial.traps(instance, "deep", TrapKind::StackOverflow)?;
    trial.returns(instance, "one", &[], &[Value::I32(1)])
}

fn writes_before_a_trap(trial: &mut Trial<'_>) -> Verdict {
    let instance = trial.instance(
        r#"(module (memory 1)
             (func (export "write") (i32.store (i32.const 8) (i32.const 77)) unreachable)
             (func (export "read") (result i32) (i32.load (i32.const 8))))"#,
    )?;
    trial.traps(instance, "write", TrapKind::Unreachable)?;
    trial.returns(instance, "read", &[], &[Value::I32(77)])
}

fn frames(trial: &mut Trial<'_>) -> Verdict {
    let text = r#"(module $m (import "spectest" "print" (func))
        (func $inner (drop (i32.const 1)) unreachable)
        (func $middle (call $inner)) (func $outer (export "trap") (drop (i32.const 2)) (call $middle)))"#;
    let instance = trial.instance(text)?;
    let trap = trial.traps(instance, "trap", TrapKind::Unreachable)?;
    let Some(frames) = trap.frames else {
        return if trial.tells("frames") {
            Err("it says that it tells frames, and shows none".to_string())
        } else {
            Ok(())
        };
    };
    let indices: Vec<u32> = frames.iter().map(|frame| frame.func_index).collect();
    same("the functions of the frames, the innermost first", &indices, &vec![1, 2, 3])?;
    let offsets: Vec<Option<u64>> = frames.iter().map(|frame| frame.module_offset).collect();
    let want: Vec<Option<u64>> = places(text).into_iter().map(Some).collect();
    match trial.tells("offsets") {
        true => same("the offsets of the frames", &offsets, &want),
        false => same("the offsets of an engine that does not tell them", &offsets, &vec![None; 3]),
    }
}

fn host_calls(trial: &mut Trial<'_>) -> Verdict {
    let instance = trial.instance(
        r#"(module (import "spectest" "print_i32_f32" (func $p (param i32 f32)))
                   (import "spectest" "print_f64_f64" (func $q (param f64 f64)))
                   (func (export "twice")
                     (call $p (i32.const -7) (f32.const nan:0x200001))
                     (call $q (f64.const -0) (f64.const -nan:0x4000000000001))
                     (call $p (i32.const 8) (f32.const 0.5)))
                   (func (export "then_trap") (call $p (i32.const 9) (f32.const 0)) unreachable))"#,
    )?;
    let print = |name: &str, arguments: &[Value]| ("spectest".to_string(), name.to_string(), arguments.to_vec());
    trial.returns(instance, "twice", &[], &[])?;
    let want = vec![
        print("print_i32_f32", &[Value::I32(-7), Value::F32(0x7fa0_0001)]),
        print("print_f64_f64", &[Value::F64(1 << 63), Value::F64(0xfff4_0000_0000_0001)]),
        print("print_i32_f32", &[Value::I32(8), Value::F32(0x3f00_0000)]),
    ];
    same("the host calls", &trial.host_calls(), &want)?;
    trial.traps(instance, "then_trap", TrapKind::Unreachable)?;
    let want = vec![print("print_i32_f32", &[Value::I32(9), Value::F32(0)])];
    same("the host calls before a trap", &trial.host_calls(), &want)
}

fn define(trial: &mut Trial<'_>, name: &str, params: &[ValType], results: &[ValType], does: Behavior) -> Verdict {
    let function = HostFunc {
        module: "check".to_string(),
        name: name.to_string(),
        params: params.to_vec(),
        results: results.to_vec(),
        behavior: does,
    };
    trial.session.define(&function).map_err(|failure| format!("the host function {name} is not taken: {failure}"))
}

fn host_results(trial: &mut Trial<'_>) -> Verdict {
    let values = [Value::I32(-5), Value::I64(i64::MIN), Value::F32(0xff80_0001), Value::F64(0x7ff4_0000_0000_0001)];
    let names = ["i32", "i64", "f32", "f64"];
    let types = [ValType::I32, ValType::I64, ValType::F32, ValType::F64];
    for ((value, name), ty) in values.into_iter().zip(names).zip(types) {
        define(trial, name, &[], &[ty], Behavior::Return(vec![value]))?;
        let text = format!(
            r#"(module (import "check" "{name}" (func $f (result {name})))
                 (func (export "get") (result {name}) (call $f)))"#
        );
        let instance = trial.instance(&text)?;
        trial.returns(instance, "get", &[], &[value])?;
    }
    Ok(())
}

fn host_errors(trial: &mut Trial<'_>) -> Verdict {
    define(trial, "fail", &[], &[], Behavior::Fail("the text \u{e9} of a failure".to_string()))?;
    define(trial, "panic", &[], &[], Behavior::Panic("the text of a panic".to_string()))?;
    let instance = trial.instance(
        r#"(module (import "check" "fail" (func $fail)) (import "check" "panic" (func $panic))
             (func (export "fail") (call $fail)) (func (export "panic") (call $panic))
             (func (export "one") (result i32) (i32.const 1)))"#,
    )?;
    let fail = trial.fails(instance, "fail", &[])?;
    same("a host error", &fail, &Failure::Host("the text \u{e9} of a failure".to_string()))?;
    let panic = trial.fails(instance, "panic", &[])?;
    same("a host panic", &panic, &Failure::Panic("the text of a panic".to_string()))?;
    trial.returns(instance, "one", &[], &[Value::I32(1)])
}

fn call_back(trial: &mut Trial<'_>) -> Verdict {
    let instance = trial.instance(
        r#"(module (import "host" "call_i32" (func $call (param funcref i32) (result i32)))
             (func $double (param i32) (result i32) (i32.mul (local.get 0) (i32.const 2)))
             (func $zero (param i32) (result i32) (i32.div_u (local.get 0) (i32.const 0)))
             (elem declare func $double $zero)
             (func (export "double") (result i32) (call $call (ref.func $double) (i32.const 21)))
             (func (export "zero") (drop (call $call (ref.func $zero) (i32.const 1))))
             (func (export "null") (drop (call $call (ref.null func) (i32.const 1)))))"#,
    )?;
    trial.returns(instance, "double", &[], &[Value::I32(42)])?;
    trial.traps(instance, "zero", TrapKind::IntegerDivisionByZero)?;
    match trial.fails(instance, "null", &[])? {
        Failure::Host(_) => Ok(()),
        other => Err(format!("a host function that is given null to call must fail with a host error, not {other}")),
    }
}

fn link_error(failure: &Failure, what: &str, words: &str) -> Verdict {
    match failure {
        Failure::Link(message) if message.starts_with(words) => Ok(()),
        Failure::Link(message) => Err(format!("{what}: the link error should begin with `{words}`: {message}")),
        other => Err(format!("{what}: expected a link error, got {other}")),
    }
}

fn imports(trial: &mut Trial<'_>) -> Verdict {
    let unknown = [
        r#"(module (import "nowhere" "f" (func)))"#,
        r#"(module (import "spectest" "nothing" (func)))"#,
        r#"(module (import "spectest" "nothing" (memory 1)))"#,
    ];
    for text in unknown {
        let failure = trial.no_instance(text)?;
        link_error(&failure, text, "unknown import")?;
    }
    let incompatible = [
        r#"(module (import "spectest" "print_i32" (func)))"#,
        r#"(module (import "spectest" "print_i32" (func (param f32))))"#,
        r#"(module (import "spectest" "print_i32" (func (param i32) (result i32))))"#,
        r#"(module (import "spectest" "print_i32" (global i32)))"#,
        r#"(module (import "spectest" "global_i32" (global i64)))"#,
        r#"(module (import "spectest" "memory" (memory 2)))"#,
        r#"(module (import "spectest" "table" (table 30 funcref)))"#,
    ];
    for text in incompatible {
        let failure = trial.no_instance(text)?;
        link_error(&failure, text, "incompatible import type")?;
    }
    Ok(())
}

fn registrations(trial: &mut Trial<'_>) -> Verdict {
    let number =
        |name: &str, value: i32| format!(r#"(module (func (export "{name}") (result i32) (i32.const {value})))"#);
    for (name, value) in [("a", 1), ("b", 2), ("a", 3)] {
        let instance = trial.instance(&number(name, value))?;
        let registered = trial.session.register("check", instance);
        registered.map_err(|failure| format!("an instance cannot be registered: {failure}"))?;
    }
    let instance = trial.instance(
        r#"(module (import "check" "a" (func $a (result i32))) (import "check" "b" (func $b (result i32)))
             (func (export "sum") (result i32) (i32.add (i32.mul (call $a) (i32.const 10)) (call $b))))"#,
    )?;
    trial.returns(instance, "sum", &[], &[Value::I32(32)])
}

fn failing_instantiation(trial: &mut Trial<'_>) -> Verdict {
    let shared = trial.instance(
        r#"(module (memory (export "m") 1)
             (func (export "read") (result i32) (i32.load8_u (i32.const 0))))"#,
    )?;
    let registered = trial.session.register("shared", shared);
    registered.map_err(|failure| format!("an instance cannot be registered: {failure}"))?;
    let failure = trial.no_instance(
        r#"(module (import "shared" "m" (memory 1)) (data (i32.const 0) "\2a") (data (i32.const 65536) "x"))"#,
    )?;
    match failure {
        Failure::Trap(trap) if trap.may_be(TrapKind::MemoryOutOfBounds) => {}
        other => return Err(format!("a data segment beyond its memory must be memory-out-of-bounds, not {other}")),
    }
    trial.returns(shared, "read", &[], &[Value::I32(0x2a)])
}

fn start(trial: &mut Trial<'_>) -> Verdict {
    let instance = trial.instance(
        r#"(module (global $g (mut i32) (i32.const 1)) (func $s (global.set $g (i32.const 2))) (start $s)
             (func (export "get") (result i32) (global.get $g)))"#,
    )?;
    trial.returns(instance, "get", &[], &[Value::I32(2)])?;
    match trial.no_instance("(module (func $s unreachable) (start $s))")? {
        Failure::Trap(trap) if trap.may_be(TrapKind::Unreachable) => Ok(()),
        other => Err(format!("a start function that traps must be a trap, not {other}")),
    }
}

fn refusals(trial: &mut Trial<'_>) -> Verdict {
    let valid = binary(r#"(module (func (export "f") (result i32) (i32.const 1)))"#);
    let malformed: [(&str, Vec<u8>); 4] = [
        ("no bytes", Vec::new()),
        ("a wrong version", b"\0asm\x02\0\0\0".to_vec()),
        ("a module that ends too early", valid[..valid.len() - 3].to_vec()),
        ("a section that does not exist", [&valid[..], b"\x7f\0"].concat()),
    ];
    for (what, bytes) in &malformed {
        refused(trial, what, bytes, Phase::Malformed)?;
    }
    let invalid = [
        "(module (func (result i32)))",
        "(module (func (result i32) (i64.const 1)))",
        "(module (func (drop (local.get 0))))",
        "(module (func (drop (i32.load (i32.const 0)))))",
        r#"(module (func) (export "a" (func 0)) (export "a" (func 0)))"#,
    ];
    for text in invalid {
        refused(trial, text, &binary(text), Phase::Invalid)?;
    }
    trial.try_load(&valid).map(|_| ()).map_err(|refusal| format!("a valid module is refused: {refusal}"))
}

fn refused(trial: &mut Trial<'_>, what: &str, bytes: &[u8], phase: Phase) -> Verdict {
    match trial.try_load(bytes) {
        Ok(_) => Err(format!("accepted, though it is {phase}: {what}")),
        Err(refusal) if trial.tells("phases") && refusal.phase != phase => {
            Err(format!("{what}: expected {phase}, got {refusal}"))
        }
        Err(refusal) if trial.tells("phases") || refusal.phase == Phase::Rejected => Ok(()),
        Err(refusal) => Err(format!("{what}: an adapter that does not tell phases says `rejected`, not {refusal}")),
    }
}

fn globals(trial: &mut Trial<'_>) -> Verdict {
    let instance = trial.instance(
        r#"(module (global (export "i32") i32 (i32.const -3)) (global (export "i64") i64 (i64.const -4))
             (global (export "f32") (mut f32) (f32.const nan:0x200001))
             (global (export "f64") f64 (f64.const -nan:0x4000000000001))
             (func (export "set") (global.set 2 (f32.const -0))))"#,
    )?;
    let mut gets = |name: &str, want: Value| {
        let got = trial.session.get(instance, name).map_err(|failure| format!("global {name:?}: {failure}"))?;
        same(&format!("global {name:?}"), &got, &want)
    };
    gets("i32", Value::I32(-3))?;
    gets("i64", Value::I64(-4))?;
    gets("f32", Value::F32(0x7fa0_0001))?;
    gets("f64", Value::F64(0xfff4_0000_0000_0001))?;
    trial.returns(instance, "set", &[], &[])?;
    let got = trial.session.get(instance, "f32").map_err(|failure| failure.to_string())?;
    same("a global that was set", &got, &Value::F32(0x8000_0000))
}

fn state(trial: &mut Trial<'_>) -> Verdict {
    let instance = trial.instance(
        r#"(module (global (export "g") (mut f64) (f64.const 0)) (memory (export "m") 1) (table (export "t") 5 funcref)
             (func $a) (func $b) (elem (i32.const 1) $b $a $b)
             (func (export "write") (global.set 0 (f64.const nan:0x4000000000001))
               (i32.store (i32.const 65532) (i32.const -1)) (f64.store (i32.const 8192) (f64.const -0))
               (i32.store8 (i32.const 4095) (i32.const 1))))"#,
    )?;
    trial.returns(instance, "write", &[], &[])?;
    let Some(state) = trial.session.state(instance) else {
        return if trial.tells("state") {
            Err("it says that it tells state, and shows none".to_string())
        } else {
            Ok(())
        };
    };
    same("the globals", &state.globals, &vec![("g".to_string(), Value::F64(0x7ff4_0000_0000_0001))])?;
    let mut bytes = vec![0; 65536];
    bytes[65532..].fill(0xff);
    bytes[8199] = 0x80;
    bytes[4095] = 1;
    same("the memories", &state.memories, &vec![("m".to_string(), MemoryState::of(&bytes))])?;
    let function = |number| Reference::Func(Some(number));
    let elements = vec![(1, function(0)), (2, function(1)), (3, function(0))];
    same("the tables", &state.tables, &vec![("t".to_string(), TableState { length: 5, elements })])
}

fn read_memory(trial: &mut Trial<'_>) -> Verdict {
    let instance = trial.instance(r#"(module (memory (export "m") 1) (data (i32.const 65533) "\00\80\ff"))"#)?;
    let mut reads = |offset, length| trial.session.read_memory(instance, "m", offset, length);
    same("the end of a memory", &reads(65533, 3), &Some(vec![0, 0x80, 0xff]))?;
    same("nothing at its end", &reads(65536, 0), &Some(Vec::new()))?;
    same("a range beyond its end", &reads(65534, 3), &None)?;
    same("a memory that is none", &trial.session.read_memory(instance, "n", 0, 1), &None)
}

fn long_line(trial: &mut Trial<'_>) -> Verdict {
    const LENGTH: usize = 1_000_000;
    let data: String = (0..LENGTH).map(|index| if index % 2 == 0 { 'a' } else { 'b' }).collect();
    let text = format!(r#"(module (memory (export "m") 16) (data (i32.const 1) "{data}"))"#);
    let module = trial.try_load(&binary(&text)).map_err(|refusal| format!("a module of 1 MB is refused: {refusal}"))?;
    let instance = trial.session.instantiate(module).map_err(|failure| failure.to_string())?;
    let read = trial.session.read_memory(instance, "m", 1, LENGTH);
    if read.as_deref() == Some(data.as_bytes()) { Ok(()) } else { Err("1 MB of memory reads wrong".to_string()) }
}

fn usage(trial: &mut Trial<'_>) -> Verdict {
    let instance =
        trial.instance(r#"(module (func (export "f") (param i32)) (global (export "g") i32 (i32.const 1)))"#)?;
    let usage = |what: &str, failure: Option<Failure>| match failure {
        Some(Failure::Usage(_)) => Ok(()),
        Some(other) => Err(format!("{what} must be a usage error, not {other}")),
        None => Err(format!("{what} must be a usage error, not a success")),
    };
    usage("a function that does not exist", trial.session.invoke(instance, "h", &[]).err())?;
    usage("a global as a function", trial.session.invoke(instance, "g", &[]).err())?;
    usage("a missing argument", trial.session.invoke(instance, "f", &[]).err())?;
    usage("an argument of another type", trial.session.invoke(instance, "f", &[Value::I64(1)]).err())?;
    usage("a global that does not exist", trial.session.get(instance, "h").err())
}

fn names(trial: &mut Trial<'_>) -> Verdict {
    let name = "\n\"\u{e9}\u{2028}\u{1f980}";
    let text = r#"(module (func (export "\0a\22\u{e9}\u{2028}\u{1f980}") (result i32) (i32.const 6)))"#;
    let instance = trial.instance(text)?;
    trial.returns(instance, name, &[], &[Value::I32(6)])
}

fn reset(trial: &mut Trial<'_>) -> Verdict {
    let instance = trial.instance(r#"(module (func (export "f")))"#)?;
    let registered = trial.session.register("before", instance);
    registered.map_err(|failure| format!("an instance cannot be registered: {failure}"))?;
    trial.instance(r#"(module (import "before" "f" (func)))"#)?;
    // The process is in use; once the session ends, the next one gets it.
    let (lane, features) = (trial.lane, trial.introduced.features);
    trial.session = lane.session(features).map_err(|failure| format!("a second store: {failure}"))?;
    trial.session = lane.session(features).map_err(|failure| format!("a fresh store: {failure}"))?;
    let failure = trial.no_instance(r#"(module (import "before" "f" (func)))"#)?;
    link_error(&failure, "a name of the store before", "unknown import")
}

/// For each feature a module that needs it.
const NEEDS: &[(Features, &str)] = &[
    (Features::MUTABLE_GLOBALS, r#"(module (global (export "g") (mut i32) (i32.const 0)))"#),
    (Features::SATURATING_FLOAT_TO_INT, "(module (func (drop (i32.trunc_sat_f32_s (f32.const 0)))))"),
    (Features::SIGN_EXTENSION, "(module (func (drop (i32.extend8_s (i32.const 0)))))"),
    (Features::MULTI_VALUE, "(module (func (result i32 i32) (i32.const 0) (i32.const 0)))"),
    (Features::REFERENCE_TYPES, "(module (func (drop (ref.null extern))))"),
    (Features::BULK_MEMORY, "(module (memory 1) (func (memory.fill (i32.const 0) (i32.const 0) (i32.const 0))))"),
    (Features::SIMD, "(module (func (drop (i8x16.splat (i32.const 0)))))"),
    (Features::TAIL_CALL, "(module (func $f (return_call $f)))"),
    (Features::EXTENDED_CONST, "(module (global i32 (i32.add (i32.const 1) (i32.const 2))))"),
    (Features::FUNCTION_REFERENCES, "(module (type $t (func)) (func (drop (ref.null $t))))"),
    (Features::GC, "(module (type $s (struct)) (func (drop (struct.new $s))))"),
    (Features::MULTI_MEMORY, "(module (memory 0) (memory 0))"),
    (Features::MEMORY64, "(module (memory i64 0))"),
    (Features::EXCEPTIONS, "(module (tag $e) (func (throw $e)) (func (try_table)))"),
    (Features::RELAXED_SIMD, "(module (func (param v128) (drop (i8x16.relaxed_swizzle (local.get 0) (local.get 0)))))"),
    (Features::THREADS, "(module (memory 1 1 shared) (func (atomic.fence)))"),
    (Features::CUSTOM_PAGE_SIZES, "(module (memory 0 (pagesize 1)))"),
    (
        Features::WIDE_ARITHMETIC,
        "(module (func (param i64) (result i64 i64)
           (i64.add128 (local.get 0) (local.get 0) (local.get 0) (local.get 0))))",
    ),
    (Features::LEGACY_EXCEPTIONS, "(module (func try catch_all end))"),
    (Features::STACK_SWITCHING, "(module (type $f (func)) (type $c (cont $f)))"),
];

fn claimed_features(trial: &mut Trial<'_>) -> Verdict {
    let claimed = trial.introduced.features;
    for (_, text) in NEEDS.iter().filter(|(feature, _)| claimed.contains(*feature)) {
        trial.instance(text).map_err(|error| format!("the engine claims the feature, but {error}"))?;
    }
    Ok(())
}

fn denied_features(trial: &mut Trial<'_>) -> Verdict {
    let claimed = trial.introduced.features;
    // Everything is allowed here: an engine that has a feature would accept the module.
    trial.session = trial.lane.session(Features::all()).map_err(|failure| format!("a fresh store: {failure}"))?;
    for (feature, text) in NEEDS.iter().filter(|(feature, _)| !claimed.contains(*feature)) {
        match trial.try_load(&binary(text)) {
            Err(refusal) if refusal.phase != Phase::Internal => {}
            // That the engine accepts what it should lack is an internal error already, where the session can tell.
            _ => return Err(format!("the engine denies {feature}, but accepts {text}")),
        }
    }
    Ok(())
}

fn left_out_features(trial: &mut Trial<'_>) -> Verdict {
    if trial.introduced.hello.fixed_features {
        return Ok(());
    }
    let session = trial.lane.session(Features::WASM_1_0);
    trial.session = session.map_err(|failure| format!("a store for WebAssembly 1.0: {failure}"))?;
    let text = "(module (func (drop (i32.extend8_s (i32.const 0)))))";
    match trial.try_load(&binary(text)) {
        Ok(_) => Err(format!("it does not say `fixed_features`, but accepts in a store for WebAssembly 1.0 {text}")),
        Err(_) => Ok(()),
    }
}
