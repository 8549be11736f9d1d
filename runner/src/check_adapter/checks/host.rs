//! Checks of host functions: their calls, results, errors, and calls back.

use super::super::trial::{Trial, expect_equal};
use super::super::{Check, CheckResult};
use lanes::{Behavior, Failure, Features, HostFunc, TrapKind, ValType, Value};

pub(super) const CHECKS: &[Check] = &[
    Check { name: "host calls are noted in order, bit for bit", needs: Features::empty(), run: check_host_calls },
    Check { name: "host functions return bit for bit", needs: Features::empty(), run: check_host_results },
    Check { name: "host errors and panics arrive with their text", needs: Features::empty(), run: check_host_errors },
    Check { name: "host functions call back", needs: Features::REFERENCE_TYPES, run: check_call_back },
];

fn check_host_calls(trial: &mut Trial<'_>) -> CheckResult {
    let instance = trial.instantiate(
        r#"(module (import "spectest" "print_i32_f32" (func $p (param i32 f32)))
                   (import "spectest" "print_f64_f64" (func $q (param f64 f64)))
                   (func (export "twice")
                     (call $p (i32.const -7) (f32.const nan:0x200001))
                     (call $q (f64.const -0) (f64.const -nan:0x4000000000001))
                     (call $p (i32.const 8) (f32.const 0.5)))
                   (func (export "then_trap") (call $p (i32.const 9) (f32.const 0)) unreachable))"#,
    )?;
    let print = |name: &str, arguments: &[Value]| ("spectest".to_string(), name.to_string(), arguments.to_vec());
    trial.expect_results(instance, "twice", &[], &[])?;
    let want = vec![
        print("print_i32_f32", &[Value::I32(-7), Value::F32(0x7fa0_0001)]),
        print("print_f64_f64", &[Value::F64(1 << 63), Value::F64(0xfff4_0000_0000_0001)]),
        print("print_i32_f32", &[Value::I32(8), Value::F32(0x3f00_0000)]),
    ];
    expect_equal("the host calls", &trial.take_host_calls(), &want)?;
    trial.expect_trap(instance, "then_trap", TrapKind::Unreachable)?;
    let want = vec![print("print_i32_f32", &[Value::I32(9), Value::F32(0)])];
    expect_equal("the host calls before a trap", &trial.take_host_calls(), &want)
}

fn define(trial: &mut Trial<'_>, name: &str, params: &[ValType], results: &[ValType], does: Behavior) -> CheckResult {
    let function = HostFunc {
        module: "check".to_string(),
        name: name.to_string(),
        params: params.to_vec(),
        results: results.to_vec(),
        behavior: does,
    };
    trial.session.define(&function).map_err(|failure| format!("the host function {name} is not taken: {failure}"))
}

fn check_host_results(trial: &mut Trial<'_>) -> CheckResult {
    let values = [Value::I32(-5), Value::I64(i64::MIN), Value::F32(0xff80_0001), Value::F64(0x7ff4_0000_0000_0001)];
    let names = ["i32", "i64", "f32", "f64"];
    let types = [ValType::I32, ValType::I64, ValType::F32, ValType::F64];
    for ((value, name), ty) in values.into_iter().zip(names).zip(types) {
        define(trial, name, &[], &[ty], Behavior::Return(vec![value]))?;
        let text = format!(
            r#"(module (import "check" "{name}" (func $f (result {name})))
                 (func (export "get") (result {name}) (call $f)))"#
        );
        let instance = trial.instantiate(&text)?;
        trial.expect_results(instance, "get", &[], &[value])?;
    }
    Ok(())
}

fn check_host_errors(trial: &mut Trial<'_>) -> CheckResult {
    define(trial, "fail", &[], &[], Behavior::Fail("the text \u{e9} of a failure".to_string()))?;
    define(trial, "panic", &[], &[], Behavior::Panic("the text of a panic".to_string()))?;
    let instance = trial.instantiate(
        r#"(module (import "check" "fail" (func $fail)) (import "check" "panic" (func $panic))
             (func (export "fail") (call $fail)) (func (export "panic") (call $panic))
             (func (export "one") (result i32) (i32.const 1)))"#,
    )?;
    let fail = trial.expect_failure(instance, "fail", &[])?;
    expect_equal("a host error", &fail, &Failure::Host("the text \u{e9} of a failure".to_string()))?;
    let panic = trial.expect_failure(instance, "panic", &[])?;
    expect_equal("a host panic", &panic, &Failure::Panic("the text of a panic".to_string()))?;
    trial.expect_results(instance, "one", &[], &[Value::I32(1)])
}

fn check_call_back(trial: &mut Trial<'_>) -> CheckResult {
    let instance = trial.instantiate(
        r#"(module (import "host" "call_i32" (func $call (param funcref i32) (result i32)))
             (func $double (param i32) (result i32) (i32.mul (local.get 0) (i32.const 2)))
             (func $zero (param i32) (result i32) (i32.div_u (local.get 0) (i32.const 0)))
             (elem declare func $double $zero)
             (func (export "double") (result i32) (call $call (ref.func $double) (i32.const 21)))
             (func (export "zero") (drop (call $call (ref.func $zero) (i32.const 1))))
             (func (export "null") (drop (call $call (ref.null func) (i32.const 1)))))"#,
    )?;
    trial.expect_results(instance, "double", &[], &[Value::I32(42)])?;
    trial.expect_trap(instance, "zero", TrapKind::IntegerDivisionByZero)?;
    match trial.expect_failure(instance, "null", &[])? {
        Failure::Host(_) => Ok(()),
        other => Err(format!("a host function that is given null to call must fail with a host error, not {other}")),
    }
}
