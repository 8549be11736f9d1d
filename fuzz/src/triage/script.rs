//! A finding as a `.wast` script: the modules, and each call with the outcome that most backends show.

use super::close::find_imports;
use super::constant;
use super::known::NewFinding;
use crate::generate::case::{Action, Call, Case, Instantiation};
use crate::oracle::Report;
use crate::panel::run::Run;
use lanes::{Failure, Features, Outcome, Reference, TrapKind, Value};
use std::fmt::Write;

/// Returns the script of a finding. It needs the fuzzer's host functions if the modules import them.
pub(super) fn write(found: &NewFinding) -> String {
    let NewFinding { case, expected, remarks, .. } = found;
    let mut text = ";;! features: 2.0".to_string();
    for name in (case.needed - Features::WASM_2_0).names() {
        let _infallible = write!(text, ", {name}");
    }
    text.push('\n');
    for line in remarks.iter().flat_map(|remark| remark.lines()).chain(found.summary().lines()) {
        let _infallible = writeln!(text, ";; {line}");
    }
    for host in &case.hosts {
        let _infallible = writeln!(text, ";; host function {}.{}: {:?}", host.module, host.name, host.behavior);
    }
    text.push('\n');
    let mut calls = 0;
    for (k, action) in case.actions.iter().enumerate() {
        match action {
            Action::Instantiate(instantiation) => text += &instantiate(case, k, instantiation, expected.as_ref()),
            Action::Call(call) => {
                text += &write_call(call, expected.as_ref().and_then(|run| find_outcome(run, calls)));
                calls += 1;
            }
        }
    }
    text
}

/// Returns the outcome of call number `k` of a case.
pub(super) fn find_outcome(run: &Run, k: usize) -> Option<&Outcome> {
    let beginning = format!("call {k}: ");
    run.steps.iter().find(|step| step.what.starts_with(&beginning))?.outcome()
}

/// Returns the directives that make an instance: a module with the instance's name, if it has only this one.
fn instantiate(case: &Case, at: usize, instantiation: &Instantiation, expected: Option<&Run>) -> String {
    let Instantiation { module, name } = instantiation;
    let wasm = &case.modules[*module];
    let is_same = |action: &&Action| matches!(action, Action::Instantiate(other) if other.module == *module);
    let mut text = String::new();
    let what = format!("instantiate {name}");
    let outcome = expected.and_then(|run| run.steps.iter().find(|step| step.what == what)?.outcome());
    if case.actions.iter().filter(is_same).count() > 1 {
        if !case.actions[..at].iter().any(|action| is_same(&action)) {
            text += &rename(wasm, &format!("definition $module{module}"));
        }
        let _infallible = writeln!(text, "(module instance ${name} $module{module})");
    } else if let Some(trap) = outcome.and_then(Outcome::as_trap).and_then(|trap| describe_trap(trap.kind)) {
        let module = rename(wasm, &format!("${name}"));
        return format!("(assert_trap {} {trap:?})\n", module.trim_end());
    } else {
        text += &rename(wasm, &format!("${name}"));
    }
    let is_imported = |wasm: &Vec<u8>| find_imports(wasm).iter().any(|(from, _)| from == name);
    if case.modules.iter().any(is_imported) {
        let _infallible = writeln!(text, "(register {name:?} ${name})");
    }
    text
}

/// Returns the text of a module with this name in the place of its own.
fn rename(wasm: &[u8], name: &str) -> String {
    let text = super::report::format_module(wasm, false);
    let rest = text.strip_prefix("(module").unwrap_or(&text);
    let rest = match rest.strip_prefix(" $") {
        Some(named) => &named[named.find([' ', '\n', ')']).unwrap_or(named.len())..],
        None => rest,
    };
    format!("(module {name}{rest}")
}

fn write_call(call: &Call, outcome: Option<&Outcome>) -> String {
    let Call { instance, function, arguments } = call;
    let arguments: String = arguments.iter().map(|&value| format!(" {}", write_argument(value))).collect();
    let invoke = format!("(invoke ${instance} {function:?}{arguments})");
    match outcome {
        Some(Outcome::Values(values)) => {
            let results: String = values.iter().map(|&value| format!(" {}", constant::format_pattern(value))).collect();
            format!("(assert_return {invoke}{results})\n")
        }
        Some(Outcome::Failed(Failure::Exception(_))) => format!("(assert_exception {invoke})\n"),
        Some(Outcome::Failed(Failure::Host(text) | Failure::Panic(text))) => {
            format!("(assert_trap {invoke} {text:?})\n")
        }
        Some(Outcome::Failed(Failure::Trap(trap))) if trap.kind == TrapKind::StackOverflow => {
            format!("(assert_exhaustion {invoke} \"call stack exhausted\")\n")
        }
        Some(Outcome::Failed(Failure::Trap(trap))) if trap.kind == TrapKind::UnhandledTag => {
            format!("(assert_suspension {invoke} \"unhandled tag\")\n")
        }
        Some(Outcome::Failed(Failure::Trap(trap))) => match describe_trap(trap.kind) {
            Some(description) => format!("(assert_trap {invoke} {description:?})\n"),
            None => format!("{invoke} ;; {}\n", trap.kind),
        },
        _ => format!("{invoke}\n"),
    }
}

fn write_argument(value: Value) -> String {
    match constant::format(value) {
        Some(constant) => constant,
        // Scripts have no such argument. `simplify_arguments` removes it wherever the finding does not need it.
        None => match value {
            Value::Ref(Reference::I31(number)) => format!("(; i31 {number} ;) (ref.null any)"),
            _ => format!("(; {value} ;) (ref.null any)"),
        },
    }
}

/// Returns what scripts call a trap; `None` for traps that the specification does not know.
fn describe_trap(kind: TrapKind) -> Option<&'static str> {
    Some(match kind {
        TrapKind::Unreachable => "unreachable",
        TrapKind::MemoryOutOfBounds => "out of bounds memory access",
        TrapKind::TableOutOfBounds => "out of bounds table access",
        TrapKind::UndefinedElement => "undefined element",
        TrapKind::UninitializedElement => "uninitialized element",
        TrapKind::IndirectCallTypeMismatch => "indirect call type mismatch",
        TrapKind::IntegerOverflow => "integer overflow",
        TrapKind::IntegerDivisionByZero => "integer divide by zero",
        TrapKind::InvalidConversionToInteger => "invalid conversion to integer",
        // Which type of reference it is follows from the instruction.
        TrapKind::NullReference => "null",
        TrapKind::CastFailure => "cast failure",
        TrapKind::ArrayOutOfBounds => "out of bounds array access",
        TrapKind::UnalignedAtomic => "unaligned atomic",
        TrapKind::ExpectedSharedMemory => "expected shared memory",
        TrapKind::ContinuationConsumed => "continuation already consumed",
        _ => return None,
    })
}
