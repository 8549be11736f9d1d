//! Checks of modules: which are refused, how they link, and what their instantiation does.

use super::super::trial::{Trial, encode, expect_link_error};
use super::super::{Check, CheckResult};
use lanes::{Failure, Features, Phase, TrapKind, Value};

pub(super) const CHECKS: &[Check] = &[
    Check { name: "missing and wrong imports", needs: Features::empty(), run: check_imports },
    Check { name: "registered names add up and can be replaced", needs: Features::empty(), run: check_registrations },
    Check {
        name: "what a failing instantiation wrote stays",
        needs: Features::REFERENCE_TYPES,
        run: check_failing_instantiation,
    },
    Check { name: "a start function runs, and traps", needs: Features::empty(), run: check_start },
    Check { name: "malformed and invalid modules are refused", needs: Features::empty(), run: check_refusals },
];

fn check_imports(trial: &mut Trial<'_>) -> CheckResult {
    let unknown = [
        r#"(module (import "nowhere" "f" (func)))"#,
        r#"(module (import "spectest" "nothing" (func)))"#,
        r#"(module (import "spectest" "nothing" (memory 1)))"#,
    ];
    for text in unknown {
        let failure = trial.expect_no_instance(text)?;
        expect_link_error(&failure, text, "unknown import")?;
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
        let failure = trial.expect_no_instance(text)?;
        expect_link_error(&failure, text, "incompatible import type")?;
    }
    Ok(())
}

fn check_registrations(trial: &mut Trial<'_>) -> CheckResult {
    let number =
        |name: &str, value: i32| format!(r#"(module (func (export "{name}") (result i32) (i32.const {value})))"#);
    for (name, value) in [("a", 1), ("b", 2), ("a", 3)] {
        let instance = trial.instantiate(&number(name, value))?;
        let registered = trial.session.register("check", instance);
        registered.map_err(|failure| format!("an instance cannot be registered: {failure}"))?;
    }
    let instance = trial.instantiate(
        r#"(module (import "check" "a" (func $a (result i32))) (import "check" "b" (func $b (result i32)))
             (func (export "sum") (result i32) (i32.add (i32.mul (call $a) (i32.const 10)) (call $b))))"#,
    )?;
    trial.expect_results(instance, "sum", &[], &[Value::I32(32)])
}

fn check_failing_instantiation(trial: &mut Trial<'_>) -> CheckResult {
    let shared = trial.instantiate(
        r#"(module (memory (export "m") 1)
             (func (export "read") (result i32) (i32.load8_u (i32.const 0))))"#,
    )?;
    let registered = trial.session.register("shared", shared);
    registered.map_err(|failure| format!("an instance cannot be registered: {failure}"))?;
    let failure = trial.expect_no_instance(
        r#"(module (import "shared" "m" (memory 1)) (data (i32.const 0) "\2a") (data (i32.const 65536) "x"))"#,
    )?;
    match failure {
        Failure::Trap(trap) if trap.may_be(TrapKind::MemoryOutOfBounds) => {}
        other => return Err(format!("a data segment beyond its memory must be memory-out-of-bounds, not {other}")),
    }
    trial.expect_results(shared, "read", &[], &[Value::I32(0x2a)])
}

fn check_start(trial: &mut Trial<'_>) -> CheckResult {
    let instance = trial.instantiate(
        r#"(module (global $g (mut i32) (i32.const 1)) (func $s (global.set $g (i32.const 2))) (start $s)
             (func (export "get") (result i32) (global.get $g)))"#,
    )?;
    trial.expect_results(instance, "get", &[], &[Value::I32(2)])?;
    match trial.expect_no_instance("(module (func $s unreachable) (start $s))")? {
        Failure::Trap(trap) if trap.may_be(TrapKind::Unreachable) => Ok(()),
        other => Err(format!("a start function that traps must be a trap, not {other}")),
    }
}

fn check_refusals(trial: &mut Trial<'_>) -> CheckResult {
    let valid = encode(r#"(module (func (export "f") (result i32) (i32.const 1)))"#);
    let malformed: [(&str, Vec<u8>); 4] = [
        ("no bytes", Vec::new()),
        ("a wrong version", b"\0asm\x02\0\0\0".to_vec()),
        ("a module that ends too early", valid[..valid.len() - 3].to_vec()),
        ("a section that does not exist", [&valid[..], b"\x7f\0"].concat()),
    ];
    for (what, bytes) in &malformed {
        expect_refusal(trial, what, bytes, Phase::Malformed)?;
    }
    let invalid = [
        "(module (func (result i32)))",
        "(module (func (result i32) (i64.const 1)))",
        "(module (func (drop (local.get 0))))",
        "(module (func (drop (i32.load (i32.const 0)))))",
        r#"(module (func) (export "a" (func 0)) (export "a" (func 0)))"#,
    ];
    for text in invalid {
        expect_refusal(trial, text, &encode(text), Phase::Invalid)?;
    }
    trial.try_load(&valid).map(|_| ()).map_err(|refusal| format!("a valid module is refused: {refusal}"))
}

fn expect_refusal(trial: &mut Trial<'_>, what: &str, bytes: &[u8], phase: Phase) -> CheckResult {
    match trial.try_load(bytes) {
        Ok(_) => Err(format!("accepted, though it is {phase}: {what}")),
        Err(refusal) if trial.tells("phases") && refusal.phase != phase => {
            Err(format!("{what}: expected {phase}, got {refusal}"))
        }
        Err(refusal) if trial.tells("phases") || refusal.phase == Phase::Rejected => Ok(()),
        Err(refusal) => Err(format!("{what}: an adapter that does not tell phases says `rejected`, not {refusal}")),
    }
}
