//! A finding as a JavaScript program for the shells of V8, JavaScriptCore and SpiderMonkey, and for node and bun.

use super::close::find_imports;
use super::known::NewFinding;
use super::script::find_outcome;
use crate::generate::case::{Action, Call, Case};
use crate::oracle::Report;
use lanes::{Behavior, HeapType, HostFunc, Reference, ValType, Value};
use std::fmt::Write;
use wasmparser::types::EntityType;

/// The functions that the programs begin with: reading bytes, making and printing values. Floats are bits, so that NaNs
/// and zeros are told apart.
const PRELUDE: &str = include_str!("prelude.js");

/// Returns the program of a finding. It makes the calls and prints the outcomes, each after the expected one.
pub(super) fn write(found: &NewFinding) -> String {
    let NewFinding { case, expected, remarks, .. } = found;
    let mut text = String::new();
    for line in remarks.iter().flat_map(|remark| remark.lines()).chain(found.summary().lines()) {
        let _infallible = writeln!(text, "// {line}");
    }
    text += PRELUDE;
    for host in &case.hosts {
        let _infallible = writeln!(text, "host({:?}, {:?}, {});", host.module, host.name, write_host(host));
    }
    for (k, wasm) in case.modules.iter().enumerate() {
        let hex: String = wasm.iter().map(|byte| format!("{byte:02x}")).collect();
        let _infallible = writeln!(text, "const module{k} = bytes({hex:?});");
    }
    let mut calls = 0;
    for action in &case.actions {
        match action {
            Action::Instantiate(instantiation) => {
                let (name, module) = (&instantiation.name, instantiation.module);
                let _infallible = writeln!(text, "instantiate({name:?}, module{module});");
            }
            Action::Call(call) => {
                let outcome = expected.as_ref().and_then(|run| find_outcome(run, calls));
                let outcome = outcome.map_or_else(|| "not known".to_string(), ToString::to_string);
                text += &write_call(case, call, &outcome);
                calls += 1;
            }
        }
    }
    text
}

fn write_call(case: &Case, call: &Call, expected: &str) -> String {
    let Call { instance, function, arguments } = call;
    let results = find_results(case, call);
    let arguments: Vec<_> = arguments.iter().map(|&value| write_value(value)).collect();
    let arguments = arguments.join(", ");
    format!("call({instance:?}, {function:?}, [{arguments}], {results:?}, {expected:?});\n")
}

/// Returns the types of the results of a call; empty if it calls nothing.
fn find_results(case: &Case, call: &Call) -> Vec<String> {
    let mut modules = case.actions.iter().filter_map(|action| match action {
        Action::Instantiate(instantiation) if instantiation.name == call.instance => Some(instantiation.module),
        _ => None,
    });
    let results = modules.next().and_then(|module| find_exported_results(&case.modules[module], &call.function));
    results.unwrap_or_default()
}

/// Returns the types of the results of an exported function.
fn find_exported_results(wasm: &[u8], name: &str) -> Option<Vec<String>> {
    let types = wasmparser::Validator::new_with_features(wasmparser::WasmFeatures::all()).validate_all(wasm).ok()?;
    let types = types.as_ref();
    let entity = types.core_exports()?.find(|(export, _)| *export == name)?.1;
    let (EntityType::Func(id) | EntityType::FuncExact(id)) = entity else { return None };
    let results = types[id].unwrap_func().results();
    Some(results.iter().map(ToString::to_string).collect())
}

/// Returns an expression that is this value.
fn write_value(value: Value) -> String {
    match value {
        Value::I32(value) => value.to_string(),
        Value::I64(value) => format!("{value}n"),
        Value::F32(bits) => format!("f32({bits:#x})"),
        Value::F64(bits) => format!("f64({bits:#x}n)"),
        // JavaScript cannot pass it; the call throws a `TypeError`.
        Value::V128(_) => "undefined".to_string(),
        Value::Ref(Reference::Extern(number)) => format!("external({number})"),
        Value::Ref(Reference::Host(number)) => format!("external({number})"),
        Value::Ref(Reference::I31(number)) => {
            // The host sees the integer with its sign.
            format!("{}", (number.cast_signed() << 1) >> 1)
        }
        Value::Ref(_) => "null".to_string(),
    }
}

fn write_host(host: &HostFunc) -> String {
    match &host.behavior {
        Behavior::Call => "(f, ...rest) => f(...rest)".to_string(),
        Behavior::Return(values) => {
            let values: Vec<_> = values.iter().map(|&value| write_value(value)).collect();
            match &values[..] {
                [] => "() => {}".to_string(),
                [only] => format!("() => {only}"),
                several => format!("() => [{}]", several.join(", ")),
            }
        }
        Behavior::Fail(text) | Behavior::Panic(text) => format!("() => {{ throw new Error({text:?}); }}"),
        Behavior::Collect => "() => {}".to_string(),
    }
}

/// Returns why the program cannot do the same as the script, if so: JavaScript cannot pass some types.
pub(super) fn find_obstacle(case: &Case) -> Option<&'static str> {
    let is_strange = |ty: &ValType| matches!(ty, ValType::V128 | ValType::Ref(HeapType::Exn));
    let is_vector = |value: &Value| matches!(value, Value::V128(_));
    let is_strange_result = |ty: &String| ty == "v128" || ty.contains("exn");
    let called = case
        .calls()
        .any(|call| call.arguments.iter().any(is_vector) || find_results(case, call).iter().any(is_strange_result));
    let imported = case.hosts.iter().any(|host| host.params.iter().chain(&host.results).any(is_strange));
    if called || imported {
        return Some("a vector or an exnref crosses the host");
    }
    let spectest = case.modules.iter().any(|wasm| find_imports(wasm).iter().any(|(module, _)| module == "spectest"));
    spectest.then_some("a module imports from spectest")
}
