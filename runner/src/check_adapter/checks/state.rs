//! Checks of what exports hold, the limits of names and lines, misuse, and the fresh store after `reset`.

use super::super::trial::{Trial, encode, expect_equal, expect_link_error};
use super::super::{Check, CheckResult};
use lanes::{Failure, Features, Lane, MemoryState, Value};

pub(super) const CHECKS: &[Check] = &[
    Check { name: "globals are read bit for bit", needs: Features::MUTABLE_GLOBALS, run: check_globals },
    Check {
        name: "what exports hold is shown",
        needs: Features::MUTABLE_GLOBALS.union(Features::REFERENCE_TYPES),
        run: check_state,
    },
    Check { name: "memories are read", needs: Features::empty(), run: check_read_memory },
    Check { name: "a long line", needs: Features::empty(), run: check_long_line },
    Check { name: "what does not exist is a usage error", needs: Features::empty(), run: check_usage },
    Check { name: "names beyond ASCII", needs: Features::empty(), run: check_names },
    Check { name: "reset forgets everything", needs: Features::empty(), run: check_reset },
];

fn check_globals(trial: &mut Trial<'_>) -> CheckResult {
    let instance = trial.instantiate(
        r#"(module (global (export "i32") i32 (i32.const -3)) (global (export "i64") i64 (i64.const -4))
             (global (export "f32") (mut f32) (f32.const nan:0x200001))
             (global (export "f64") f64 (f64.const -nan:0x4000000000001))
             (func (export "set") (global.set 2 (f32.const -0))))"#,
    )?;
    let mut gets = |name: &str, want: Value| {
        let got = trial.session.get(instance, name).map_err(|failure| format!("global {name:?}: {failure}"))?;
        expect_equal(&format!("global {name:?}"), &got, &want)
    };
    gets("i32", Value::I32(-3))?;
    gets("i64", Value::I64(-4))?;
    gets("f32", Value::F32(0x7fa0_0001))?;
    gets("f64", Value::F64(0xfff4_0000_0000_0001))?;
    trial.expect_results(instance, "set", &[], &[])?;
    let got = trial.session.get(instance, "f32").map_err(|failure| failure.to_string())?;
    expect_equal("a global that was set", &got, &Value::F32(0x8000_0000))
}

fn check_state(trial: &mut Trial<'_>) -> CheckResult {
    let instance = trial.instantiate(
        r#"(module (global (export "g") (mut f64) (f64.const 0)) (memory (export "m") 1) (table (export "t") 5 funcref)
             (func $a) (func $b) (elem (i32.const 1) $b $a $b)
             (func (export "write") (global.set 0 (f64.const nan:0x4000000000001))
               (i32.store (i32.const 65532) (i32.const -1)) (f64.store (i32.const 8192) (f64.const -0))
               (i32.store8 (i32.const 4095) (i32.const 1))))"#,
    )?;
    trial.expect_results(instance, "write", &[], &[])?;
    let Some(state) = trial.session.state(instance) else {
        return if trial.tells("state") {
            Err("it says that it tells state, and shows none".to_string())
        } else {
            Ok(())
        };
    };
    expect_equal("the globals", &state.globals, &vec![("g".to_string(), Value::F64(0x7ff4_0000_0000_0001))])?;
    let mut bytes = vec![0; 65536];
    bytes[65532..].fill(0xff);
    bytes[8199] = 0x80;
    bytes[4095] = 1;
    expect_equal("the memories", &state.memories, &vec![("m".to_string(), MemoryState::of(&bytes))])?;
    Trial::expect_table(&state.tables, 5, &[(1, 0), (2, 1), (3, 0)])
}

fn check_read_memory(trial: &mut Trial<'_>) -> CheckResult {
    let instance = trial.instantiate(r#"(module (memory (export "m") 1) (data (i32.const 65533) "\00\80\ff"))"#)?;
    trial.expect_bytes(instance, 65533, &[0, 0x80, 0xff], "the end of a memory")?;
    trial.expect_bytes(instance, 65536, &[], "nothing at its end")?;
    expect_equal("a range beyond its end", &trial.session.read_memory(instance, "m", 65534, 3), &None)?;
    expect_equal("a memory that is none", &trial.session.read_memory(instance, "n", 0, 1), &None)
}

fn check_long_line(trial: &mut Trial<'_>) -> CheckResult {
    const LENGTH: usize = 1_000_000;
    let data: String = (0..LENGTH).map(|index| if index % 2 == 0 { 'a' } else { 'b' }).collect();
    let text = format!(r#"(module (memory (export "m") 16) (data (i32.const 1) "{data}"))"#);
    let module = trial.try_load(&encode(&text)).map_err(|refusal| format!("a module of 1 MB is refused: {refusal}"))?;
    let instance = trial.session.instantiate(module).map_err(|failure| failure.to_string())?;
    trial.expect_bytes(instance, 1, data.as_bytes(), "1 MB of memory")
}

fn check_usage(trial: &mut Trial<'_>) -> CheckResult {
    let instance =
        trial.instantiate(r#"(module (func (export "f") (param i32)) (global (export "g") i32 (i32.const 1)))"#)?;
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

fn check_names(trial: &mut Trial<'_>) -> CheckResult {
    let name = "\n\"\u{e9}\u{2028}\u{1f980}";
    let text = r#"(module (func (export "\0a\22\u{e9}\u{2028}\u{1f980}") (result i32) (i32.const 6)))"#;
    let instance = trial.instantiate(text)?;
    trial.expect_results(instance, name, &[], &[Value::I32(6)])
}

fn check_reset(trial: &mut Trial<'_>) -> CheckResult {
    let instance = trial.instantiate(r#"(module (func (export "f")))"#)?;
    let registered = trial.session.register("before", instance);
    registered.map_err(|failure| format!("an instance cannot be registered: {failure}"))?;
    trial.instantiate(r#"(module (import "before" "f" (func)))"#)?;
    // The process is in use; once the session ends, the next one gets it.
    let (lane, features) = (trial.lane, trial.introduced.features);
    trial.session = lane.session(features).map_err(|failure| format!("a second store: {failure}"))?;
    trial.session = lane.session(features).map_err(|failure| format!("a fresh store: {failure}"))?;
    let failure = trial.expect_no_instance(r#"(module (import "before" "f" (func)))"#)?;
    expect_link_error(&failure, "a name of the store before", "unknown import")
}
