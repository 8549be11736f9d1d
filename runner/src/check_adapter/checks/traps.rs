//! Checks of traps: their kinds, their frames, and what they leave behind.

use super::super::trial::{Trial, expect_equal, instruction_offsets};
use super::super::{Check, CheckResult};
use lanes::{Features, TrapKind, Value};

pub(super) const CHECKS: &[Check] = &[
    Check { name: "traps have their kinds", needs: Features::empty(), run: check_trap_kinds },
    Check { name: "table traps have their kinds", needs: Features::REFERENCE_TYPES, run: check_table_traps },
    Check { name: "an exhausted stack is told, and survived", needs: Features::empty(), run: check_exhaustion },
    Check { name: "what was written before a trap stays", needs: Features::empty(), run: check_writes_before_a_trap },
    Check { name: "frames of a trap", needs: Features::empty(), run: check_frames },
];

/// The number of kinds that one answer may stand for. No known engine has a message for more kinds than this.
const MOST_KINDS: usize = 3;

/// Checks that each function traps with its kind, and that the answers are not too ambiguous.
fn expect_traps(trial: &mut Trial<'_>, text: &str, kinds: &[(&str, TrapKind)]) -> CheckResult {
    let instance = trial.instantiate(text)?;
    for &(name, kind) in kinds {
        let trap = trial.expect_trap(instance, name, kind)?;
        let seen: Vec<TrapKind> = trap.kinds().collect();
        // Every engine tells these three kinds apart from each other and from all others.
        let apart = [TrapKind::Unreachable, TrapKind::IntegerDivisionByZero, TrapKind::StackOverflow];
        let mixed = apart.iter().any(|&other| other != kind && seen.contains(&other));
        if seen.len() > MOST_KINDS || mixed || (apart.contains(&kind) && seen.len() > 1) {
            let seen: Vec<&str> = seen.iter().map(|kind| kind.name()).collect();
            return Err(format!("{name:?} is {kind}, and the answer may mean too many kinds: {}", seen.join(", ")));
        }
    }
    Ok(())
}

fn check_trap_kinds(trial: &mut Trial<'_>) -> CheckResult {
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
    expect_traps(trial, text, &kinds)
}

fn check_table_traps(trial: &mut Trial<'_>) -> CheckResult {
    let text = r#"(module (table 2 funcref)
        (func (export "get") (drop (table.get (i32.const 2))))
        (func (export "set") (table.set (i32.const -1) (ref.null func))))"#;
    expect_traps(trial, text, &[("get", TrapKind::TableOutOfBounds), ("set", TrapKind::TableOutOfBounds)])
}

fn check_exhaustion(trial: &mut Trial<'_>) -> CheckResult {
    let text = r#"(module (func $f (export "deep") (call $f)) (func (export "one") (result i32) (i32.const 1)))"#;
    expect_traps(trial, text, &[("deep", TrapKind::StackOverflow), ("deep", TrapKind::StackOverflow)])?;
    let instance = trial.instantiate(text)?;
    trial.expect_trap(instance, "deep", TrapKind::StackOverflow)?;
    trial.expect_results(instance, "one", &[], &[Value::I32(1)])
}

fn check_writes_before_a_trap(trial: &mut Trial<'_>) -> CheckResult {
    let instance = trial.instantiate(
        r#"(module (memory 1)
             (func (export "write") (i32.store (i32.const 8) (i32.const 77)) unreachable)
             (func (export "read") (result i32) (i32.load (i32.const 8))))"#,
    )?;
    trial.expect_trap(instance, "write", TrapKind::Unreachable)?;
    trial.expect_results(instance, "read", &[], &[Value::I32(77)])
}

fn check_frames(trial: &mut Trial<'_>) -> CheckResult {
    let text = r#"(module $m (import "spectest" "print" (func))
        (func $inner (drop (i32.const 1)) unreachable)
        (func $middle (call $inner)) (func $outer (export "trap") (drop (i32.const 2)) (call $middle)))"#;
    let instance = trial.instantiate(text)?;
    let trap = trial.expect_trap(instance, "trap", TrapKind::Unreachable)?;
    let Some(frames) = trap.frames else {
        return if trial.tells("frames") {
            Err("it says that it tells frames, and shows none".to_string())
        } else {
            Ok(())
        };
    };
    let indices: Vec<u32> = frames.iter().map(|frame| frame.func_index).collect();
    expect_equal("the functions of the frames, the innermost first", &indices, &vec![1, 2, 3])?;
    let offsets: Vec<Option<u64>> = frames.iter().map(|frame| frame.module_offset).collect();
    let want: Vec<Option<u64>> = instruction_offsets(text).into_iter().map(Some).collect();
    match trial.tells("offsets") {
        true => expect_equal("the offsets of the frames", &offsets, &want),
        false => expect_equal("the offsets of an engine that does not tell them", &offsets, &vec![None; 3]),
    }
}
