//! Checks of values on their way in and out: numbers, vectors, references, several results.

use super::super::trial::Trial;
use super::super::{Check, CheckResult};
use lanes::{Features, HeapType, Reference, Value};

pub(super) const CHECKS: &[Check] = &[
    Check { name: "integers arrive and return bit for bit", needs: Features::empty(), run: check_integers },
    Check { name: "NaNs and zeros arrive and return bit for bit", needs: Features::empty(), run: check_floats },
    Check { name: "vectors arrive and return bit for bit", needs: Features::SIMD, run: check_vectors },
    Check { name: "several results keep their order", needs: Features::MULTI_VALUE, run: check_several_results },
    Check { name: "host values keep their identity", needs: Features::REFERENCE_TYPES, run: check_host_values },
    Check { name: "functions keep their identity", needs: Features::REFERENCE_TYPES, run: check_functions },
];

fn check_integers(trial: &mut Trial<'_>) -> CheckResult {
    let instance = trial.instantiate(
        r#"(module (func (export "i32") (param i32) (result i32) (local.get 0))
                   (func (export "i64") (param i64) (result i64) (local.get 0))
                   (func (export "high") (param i64) (result i32)
                     (i32.wrap_i64 (i64.shr_u (local.get 0) (i64.const 32)))))"#,
    )?;
    for value in [0, 1, -1, i32::MIN, i32::MAX] {
        trial.expect_results(instance, "i32", &[Value::I32(value)], &[Value::I32(value)])?;
    }
    for value in [0, 1, -1, i64::MIN, i64::MAX, 0x7fff_ffff_0000_0001] {
        trial.expect_results(instance, "i64", &[Value::I64(value)], &[Value::I64(value)])?;
    }
    trial.expect_results(instance, "high", &[Value::I64(0x1234_5678_9abc_def0)], &[Value::I32(0x1234_5678)])
}

fn check_floats(trial: &mut Trial<'_>) -> CheckResult {
    let instance = trial.instantiate(
        r#"(module (func (export "f32") (param f32) (result f32) (local.get 0))
                   (func (export "f64") (param f64) (result f64) (local.get 0))
                   (func (export "bits32") (param f32) (result i32) (i32.reinterpret_f32 (local.get 0)))
                   (func (export "bits64") (param f64) (result i64) (i64.reinterpret_f64 (local.get 0)))
                   (func (export "made32") (param i32) (result f32) (f32.reinterpret_i32 (local.get 0)))
                   (func (export "made64") (param i64) (result f64) (f64.reinterpret_i64 (local.get 0))))"#,
    )?;
    for bits in [0, 0x8000_0000, 1, 0x7f80_0000, 0x7fc0_0000, 0xffc0_0000, 0x7fa0_0001, 0xff80_0001, 0x3f80_0001] {
        let integer = Value::I32(u32::cast_signed(bits));
        trial.expect_results(instance, "f32", &[Value::F32(bits)], &[Value::F32(bits)])?;
        trial.expect_results(instance, "bits32", &[Value::F32(bits)], &[integer])?;
        trial.expect_results(instance, "made32", &[integer], &[Value::F32(bits)])?;
    }
    for bits in [0, 1 << 63, 1, 0x7ff0 << 48, 0x7ff8 << 48, 0xfff8 << 48, (0x7ff4 << 48) + 1, (0xfff0 << 48) + 1] {
        let integer = Value::I64(u64::cast_signed(bits));
        trial.expect_results(instance, "f64", &[Value::F64(bits)], &[Value::F64(bits)])?;
        trial.expect_results(instance, "bits64", &[Value::F64(bits)], &[integer])?;
        trial.expect_results(instance, "made64", &[integer], &[Value::F64(bits)])?;
    }
    Ok(())
}

const VECTOR: u128 = 0x0102_0304_7fa0_0001_fff4_0000_0000_0001;

fn check_vectors(trial: &mut Trial<'_>) -> CheckResult {
    let instance = trial.instantiate(
        r#"(module (func (export "v128") (param v128) (result v128) (local.get 0))
                   (func (export "first") (param v128) (result i32) (i8x16.extract_lane_u 0 (local.get 0)))
                   (func (export "last") (param v128) (result i32) (i8x16.extract_lane_u 15 (local.get 0))))"#,
    )?;
    trial.expect_results(instance, "v128", &[Value::V128(VECTOR)], &[Value::V128(VECTOR)])?;
    trial.expect_results(instance, "first", &[Value::V128(0xfe << 120 | 0x80)], &[Value::I32(0x80)])?;
    trial.expect_results(instance, "last", &[Value::V128(0xfe << 120 | 0x80)], &[Value::I32(0xfe)])
}

fn check_several_results(trial: &mut Trial<'_>) -> CheckResult {
    let instance = trial.instantiate(
        r#"(module (func (export "swap") (param i32 f32 i64 f64) (result f64 i64 f32 i32)
                     (local.get 3) (local.get 2) (local.get 1) (local.get 0)))"#,
    )?;
    let values = [Value::I32(-2), Value::F32(0x7fa0_0001), Value::I64(i64::MIN), Value::F64(1)];
    let mut reversed = values;
    reversed.reverse();
    trial.expect_results(instance, "swap", &values, &reversed)
}

fn check_host_values(trial: &mut Trial<'_>) -> CheckResult {
    let instance = trial.instantiate(
        r#"(module (table 1 externref)
                   (func (export "id") (param externref) (result externref) (local.get 0))
                   (func (export "set") (param externref) (table.set (i32.const 0) (local.get 0)))
                   (func (export "get") (result externref) (table.get (i32.const 0)))
                   (func (export "null") (param externref) (result i32) (ref.is_null (local.get 0))))"#,
    )?;
    let null = Value::Ref(Reference::Null(HeapType::Extern));
    let host = |number| Value::Ref(Reference::Extern(number));
    for value in [null, host(0), host(7), host(u32::MAX)] {
        trial.expect_results(instance, "id", &[value], &[value])?;
    }
    trial.expect_results(instance, "set", &[host(3)], &[])?;
    trial.expect_results(instance, "get", &[], &[host(3)])?;
    trial.expect_results(instance, "null", &[null], &[Value::I32(1)])?;
    trial.expect_results(instance, "null", &[host(0)], &[Value::I32(0)])
}

fn check_functions(trial: &mut Trial<'_>) -> CheckResult {
    let instance = trial.instantiate(
        r#"(module (table 1 funcref) (type $t (func (result i32)))
                   (func $a (export "a") (result i32) (i32.const 5)) (func $b (export "b"))
                   (func (export "refs") (param i32) (result funcref)
                     (select (result funcref) (ref.func $a) (ref.func $b) (local.get 0)))
                   (func (export "null") (result funcref) (ref.null func))
                   (func (export "call") (param funcref) (result i32)
                     (table.set (i32.const 0) (local.get 0)) (call_indirect (type $t) (i32.const 0))))"#,
    )?;
    let function = |number| [Value::Ref(Reference::Func(Some(number)))];
    trial.expect_results(instance, "null", &[], &[Value::Ref(Reference::Null(HeapType::Func))])?;
    trial.expect_results(instance, "refs", &[Value::I32(1)], &function(0))?;
    trial.expect_results(instance, "refs", &[Value::I32(0)], &function(1))?;
    trial.expect_results(instance, "refs", &[Value::I32(1)], &function(0))?;
    // What the engine does not tell apart cannot be passed back.
    match trial.call(instance, "refs", &[Value::I32(1)])?[..] {
        [Value::Ref(Reference::Func(None))] => Ok(()),
        _ => trial.expect_results(instance, "call", &function(0), &[Value::I32(5)]),
    }
}
