//! Checks of WebAssembly 3.0, for engines that have it: objects, 31-bit integers, exceptions, 64-bit memories and
//! tables, tail calls.

use super::super::trial::{Trial, expect_equal, instruction_offsets};
use super::super::{Check, CheckResult};
use lanes::{Exception, Failure, Features, HeapType, InstanceId, MemoryState, ObjectKind, Reference, TrapKind, Value};

pub(super) const CHECKS: &[Check] = &[
    Check { name: "integers of 31 bits and host values as anyref", needs: Features::GC, run: check_any_references },
    Check { name: "structs are told from arrays", needs: Features::GC, run: check_objects },
    Check { name: "exceptions show their tags and payloads", needs: Features::EXCEPTIONS, run: check_exceptions },
    Check { name: "64-bit memories and tables", needs: Features::MEMORY64, run: check_wide_indices },
    Check { name: "a tail call leaves no frame", needs: Features::TAIL_CALL, run: check_tail_calls },
];

fn check_any_references(trial: &mut Trial<'_>) -> CheckResult {
    let instance = trial.instantiate(
        r#"(module (func (export "id") (param anyref) (result anyref) (local.get 0))
                   (func (export "make") (param i32) (result (ref i31)) (ref.i31 (local.get 0)))
                   (func (export "get") (param anyref) (result i32) (i31.get_s (ref.cast i31ref (local.get 0))))
                   (func (export "inside") (param externref) (result anyref) (any.convert_extern (local.get 0)))
                   (func (export "outside") (param anyref) (result externref) (extern.convert_any (local.get 0)))
                   (func (export "null") (result eqref) (ref.null none)))"#,
    )?;
    for (integer, bits) in [(5, 5), (-1, 0x7fff_ffff), (i32::MIN, 0), (0x4000_0000, 0x4000_0000)] {
        let value = Value::Ref(Reference::I31(bits));
        trial.expect_results(instance, "make", &[Value::I32(integer)], &[value])?;
        trial.expect_results(instance, "id", &[value], &[value])?;
        trial.expect_results(instance, "get", &[value], &[Value::I32(integer << 1 >> 1)])?;
    }
    let (host, external) = (Value::Ref(Reference::Host(7)), Value::Ref(Reference::Extern(7)));
    trial.expect_results(instance, "id", &[host], &[host])?;
    trial.expect_results(instance, "inside", &[external], &[host])?;
    trial.expect_results(instance, "outside", &[host], &[external])?;
    trial.expect_results(instance, "null", &[], &[Value::Ref(Reference::Null(HeapType::Any))])
}

fn check_objects(trial: &mut Trial<'_>) -> CheckResult {
    let instance = trial.instantiate(
        r#"(module (type $s (struct (field i32))) (type $a (array i8))
             (func (export "struct") (result (ref $s)) (struct.new $s (i32.const 1)))
             (func (export "array") (result (ref $a)) (array.new_default $a (i32.const 3)))
             (func (export "any struct") (result anyref) (struct.new $s (i32.const 1)))
             (func (export "any array") (result anyref) (array.new_default $a (i32.const 3)))
             (func (export "outside") (result externref) (extern.convert_any (struct.new $s (i32.const 1)))))"#,
    )?;
    let kinds = [("struct", ObjectKind::Struct), ("array", ObjectKind::Array)];
    for (name, kind) in kinds.into_iter().chain([("any struct", ObjectKind::Struct), ("any array", ObjectKind::Array)])
    {
        match trial.call(instance, name, &[])?[..] {
            [Value::Ref(Reference::Object(object))] if object.kind.may_be(kind) => {}
            ref other => return Err(format!("{name:?}: expected [ref.{kind}], got {other:?}")),
        }
    }
    match trial.call(instance, "outside", &[])?[..] {
        [Value::Ref(Reference::Converted(_))] => Ok(()),
        ref other => Err(format!("a struct as an externref is no host value, and not {other:?}")),
    }
}

fn check_exceptions(trial: &mut Trial<'_>) -> CheckResult {
    let instance = trial.instantiate(
        r#"(module (tag $a (export "a") (param i32 f64)) (tag $b (export "b") (param i64 f32))
             (func (export "throw a") (throw $a (i32.const -7) (f64.const nan:0x4000000000001)))
             (func (export "throw b") (throw $b (i64.const -8) (f32.const -0)))
             (func (export "catch") (result i32)
               (block $caught (result i32 f64)
                 (try_table (catch $a $caught) (throw $a (i32.const 5) (f64.const 0)))
                 (unreachable))
               (drop)))"#,
    )?;
    trial.expect_results(instance, "catch", &[], &[Value::I32(5)])?;
    let first = expect_exception(trial, instance, "throw a", &[Value::I32(-7), Value::F64(0x7ff4_0000_0000_0001)])?;
    let second = expect_exception(trial, instance, "throw b", &[Value::I64(-8), Value::F32(0x8000_0000)])?;
    let again = expect_exception(trial, instance, "throw a", &[Value::I32(-7), Value::F64(0x7ff4_0000_0000_0001)])?;
    expect_equal("the same tag twice", &again, &first)?;
    match first {
        Some(number) if first == second => Err(format!("two tags have the same number {number}")),
        _ => Ok(()),
    }
}

/// Calls a function that must throw an exception with this payload. Returns the tag, if the adapter tells it.
fn expect_exception(
    trial: &mut Trial<'_>,
    instance: InstanceId,
    name: &str,
    want: &[Value],
) -> Result<Option<u32>, String> {
    match trial.expect_failure(instance, name, &[])? {
        Failure::Exception(Exception { tag, payload, .. }) => {
            if trial.tells("exceptions") && (tag.is_none() || payload.is_none()) {
                let hidden = if tag.is_none() { "tag" } else { "payload" };
                return Err(format!("it says that it tells exceptions, and of {name:?} does not show the {hidden}"));
            }
            payload
                .map_or(Ok(()), |payload| expect_equal(&format!("what {name:?} carries"), &payload, &want.to_vec()))?;
            Ok(tag)
        }
        other => Err(format!("{name:?}: expected an exception, got {other}")),
    }
}

fn check_wide_indices(trial: &mut Trial<'_>) -> CheckResult {
    let instance = trial.instantiate(
        r#"(module (memory (export "m") i64 1) (table (export "t") i64 3 funcref) (func $f) (elem declare func $f)
             (func (export "write") (param i64)
               (i32.store (local.get 0) (i32.const -1)) (table.set (i64.const 1) (ref.func $f)))
             (func (export "load") (drop (i32.load (i64.const 0x1_0000_0000))))
             (func (export "set") (table.set (i64.const 0x1_0000_0001) (ref.null func)))
             (func (export "size") (result i64) (memory.size)))"#,
    )?;
    trial.expect_results(instance, "write", &[Value::I64(65532)], &[])?;
    trial.expect_results(instance, "size", &[], &[Value::I64(1)])?;
    trial.expect_trap(instance, "load", TrapKind::MemoryOutOfBounds)?;
    trial.expect_trap(instance, "set", TrapKind::TableOutOfBounds)?;
    trial.expect_bytes(instance, 65531, &[0, 255, 255, 255, 255], "the end of the memory")?;
    let Some(state) = trial.session.state(instance) else {
        return if trial.tells("state") { Err("it tells state, and shows none of these".to_string()) } else { Ok(()) };
    };
    let mut bytes = vec![0; 65536];
    bytes[65532..].fill(255);
    expect_equal("the memories", &state.memories, &vec![("m".to_string(), MemoryState::of(&bytes))])?;
    Trial::expect_table(&state.tables, 3, &[(1, 0)])
}

fn check_tail_calls(trial: &mut Trial<'_>) -> CheckResult {
    let text = r#"(module (func $inner unreachable) (func $between (return_call $inner))
        (func $outer (export "trap") (call $between)))"#;
    let instance = trial.instantiate(text)?;
    let trap = trial.expect_trap(instance, "trap", TrapKind::Unreachable)?;
    let Some(frames) = trap.frames else { return Ok(()) };
    let indices: Vec<u32> = frames.iter().map(|frame| frame.func_index).collect();
    expect_equal("the functions of the frames", &indices, &vec![0, 2])?;
    let offsets: Vec<Option<u64>> = frames.iter().map(|frame| frame.module_offset).collect();
    let want: Vec<Option<u64>> = instruction_offsets(text).into_iter().map(Some).collect();
    if trial.tells("offsets") { expect_equal("the offsets of the frames", &offsets, &want) } else { Ok(()) }
}
