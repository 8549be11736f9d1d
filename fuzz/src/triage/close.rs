//! Replaces the host functions of a case by modules, so that a script can show a finding without the fuzzer.
//!
//! In the simple form a callback is a `call_indirect`, and no host is left. Where the finding needs a host between the
//! frames, the callback goes through `host.call`, which every session has, and `host.fail` and `host.panic` stay.

use crate::generate::case::{Action, Call, Case, Instantiation};
use crate::generate::feature_set::find_needed;
use lanes::{Behavior, HeapType, HostFunc, Reference, ValType, Value, extra_host_functions};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use wasmparser::{Parser, Payload};

/// The way in which a callback reaches its callee.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Callback {
    /// Through a table of the module that takes the host's place.
    Table,
    /// Through the function `host.call`.
    Host,
}

/// Returns the case with modules in the place of its host functions. `None` if it has none, or if one has no such
/// module.
pub fn close(case: &Case, callback: Callback) -> Option<Case> {
    let imported: BTreeSet<_> = case.modules.iter().flat_map(|wasm| find_imports(wasm)).collect();
    let mut hosts = case.hosts.clone();
    if callback == Callback::Table {
        hosts.extend(extra_host_functions());
    }
    hosts.retain(|host| imported.contains(&(host.module.clone(), host.name.clone())));
    if hosts.is_empty() && case.hosts.is_empty() {
        return None;
    }
    let mut closed = Case { hosts: Vec::new(), ..case.clone() };
    let mut by_module: BTreeMap<&str, Vec<&HostFunc>> = BTreeMap::new();
    for host in &hosts {
        by_module.entry(&host.module).or_default().push(host);
    }
    let mut first = Vec::new();
    for (name, functions) in by_module {
        let mut writer = Writer::new(callback);
        for function in functions {
            writer.add(name, function)?;
        }
        let instantiation = Instantiation { module: closed.modules.len(), name: name.to_string() };
        first.push(Action::Instantiate(instantiation));
        closed.modules.push(wat::parse_str(writer.finish()).ok()?);
        first.extend(writer.setters.into_iter().map(Action::Call));
    }
    closed.actions.splice(0..0, first);
    closed.needed = find_needed(closed.modules.iter().map(Vec::as_slice), closed.features);
    Some(closed)
}

/// Returns the module and the name of each import.
pub(super) fn find_imports(wasm: &[u8]) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    for payload in Parser::new(0).parse_all(wasm).map_while(Result::ok) {
        let Payload::ImportSection(section) = payload else { continue };
        let imports = section.into_imports().map_while(Result::ok);
        found.extend(imports.map(|import| (import.module.to_string(), import.name.to_string())));
    }
    found
}

/// Writes the module that takes the place of the host functions of one module name.
struct Writer {
    callback: Callback,
    imports: BTreeSet<&'static str>,
    fields: String,
    /// The calls that give the module the references that no constant makes.
    setters: Vec<Call>,
    /// The number of functions so far.
    functions: usize,
}

impl Writer {
    fn new(callback: Callback) -> Writer {
        Writer { callback, imports: BTreeSet::new(), fields: String::new(), setters: Vec::new(), functions: 0 }
    }

    fn finish(&self) -> String {
        let mut text = "(module\n".to_string();
        for import in &self.imports {
            let _infallible = writeln!(text, "{import}");
        }
        text + "(table $callee 1 funcref)\n" + &self.fields + ")"
    }

    fn add(&mut self, module: &str, host: &HostFunc) -> Option<()> {
        let k = self.functions;
        self.functions += 1;
        let (params, results) = (list("param", &host.params), list("result", &host.results));
        let body = match &host.behavior {
            Behavior::Call => self.call_back(k, host),
            Behavior::Return(values) => self.constants(module, k, values)?,
            Behavior::Collect => host.results.iter().map(|&ty| zero(ty)).collect(),
            Behavior::Fail(_) => self.stop("fail"),
            Behavior::Panic(_) => self.stop("panic"),
        };
        let _infallible = writeln!(self.fields, "(func (export {:?}) {params} {results} {body})", host.name);
        Some(())
    }

    /// Returns a body that ends the call: with an error of the host, or else with a trap.
    fn stop(&mut self, function: &'static str) -> String {
        if self.callback == Callback::Table {
            return "unreachable".to_string();
        }
        self.imports.insert(match function {
            "fail" => "(import \"host\" \"fail\" (func $fail))",
            _ => "(import \"host\" \"panic\" (func $panic))",
        });
        format!("call ${function} unreachable")
    }

    /// Returns a body that calls the first parameter with the others.
    fn call_back(&mut self, k: usize, host: &HostFunc) -> String {
        let rest = host.params.get(1..).unwrap_or_default();
        let (params, results) = (list("param", rest), list("result", &host.results));
        let set_callee = "(table.set $callee (i32.const 0) (local.get 0))";
        let callee = format!("(call_indirect $callee {params} {results} (i32.const 0))");
        if self.callback == Callback::Table {
            let arguments: String = (1..=rest.len()).map(|index| format!("(local.get {index})")).collect();
            return format!("{set_callee} {arguments} {callee}");
        }
        // Arguments and results pass `host.call`, which has neither, in globals.
        self.imports.insert("(import \"host\" \"call\" (func $call (param funcref)))");
        for (name, types) in [("in", rest), ("out", &host.results)] {
            for (index, &ty) in types.iter().enumerate() {
                let value = zero(ty);
                let _infallible = writeln!(self.fields, "(global ${name}{k}.{index} (mut {}) {value})", name_type(ty));
            }
        }
        let get = |name: &str, types: &[ValType]| -> String {
            (0..types.len()).map(|index| format!("(global.get ${name}{k}.{index})")).collect()
        };
        let set: String = (0..host.results.len()).rev().map(|index| format!("global.set $out{k}.{index} ")).collect();
        let shim = format!("(func $shim{k} {} {callee} {set})", get("in", rest));
        let _infallible = writeln!(self.fields, "(elem declare func $shim{k})\n{shim}");
        let pass: String =
            (0..rest.len()).map(|index| format!("(global.set $in{k}.{index} (local.get {}))", index + 1)).collect();
        format!("{set_callee} {pass} (call $call (ref.func $shim{k})) {}", get("out", &host.results))
    }

    /// Returns a body that returns these values. References come from globals that a call sets.
    fn constants(&mut self, module: &str, k: usize, values: &[Value]) -> Option<String> {
        let mut body = String::new();
        for (index, &value) in values.iter().enumerate() {
            let ty = match value {
                Value::Ref(Reference::Extern(_)) => "externref",
                Value::Ref(Reference::Host(_) | Reference::I31(_)) => "anyref",
                _ => {
                    body += &super::constant::format(value)?;
                    continue;
                }
            };
            let heap = ty.trim_end_matches("ref");
            let name = format!("set {k}.{index}");
            let _infallible = writeln!(self.fields, "(global $value{k}.{index} (mut {ty}) (ref.null {heap}))");
            let _infallible = writeln!(
                self.fields,
                "(func (export {name:?}) (param {ty}) (global.set $value{k}.{index} (local.get 0)))"
            );
            self.setters.push(Call { instance: module.to_string(), function: name, arguments: vec![value] });
            let _infallible = write!(body, "(global.get $value{k}.{index})");
        }
        Some(body)
    }
}

fn list(keyword: &str, types: &[ValType]) -> String {
    let types: String = types.iter().map(|&ty| format!(" {}", name_type(ty))).collect();
    format!("({keyword}{types})")
}

fn name_type(ty: ValType) -> &'static str {
    match ty {
        ValType::I32 => "i32",
        ValType::I64 => "i64",
        ValType::F32 => "f32",
        ValType::F64 => "f64",
        ValType::V128 => "v128",
        ValType::Ref(HeapType::Func) => "funcref",
        ValType::Ref(HeapType::Extern) => "externref",
        ValType::Ref(HeapType::Exn) => "exnref",
        ValType::Ref(HeapType::Cont) => "contref",
        ValType::Ref(_) => "anyref",
    }
}

/// Returns the constant that is the type's zero or null.
fn zero(ty: ValType) -> String {
    super::constant::format(Value::zero(ty)).expect("zeros and nulls are constants")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::panel::{own_lane, run::run_alone};
    use lanes::Options;

    const I32: ValType = ValType::I32;
    const FUNCREF: ValType = ValType::Ref(HeapType::Func);
    const EXTERNREF: ValType = ValType::Ref(HeapType::Extern);

    fn host(name: &str, params: &[ValType], results: &[ValType], behavior: Behavior) -> HostFunc {
        let (module, name) = ("fuzz".to_string(), name.to_string());
        HostFunc { module, name, params: params.to_vec(), results: results.to_vec(), behavior }
    }

    /// Returns the outcomes of the calls of the instance `main`.
    fn outcomes(case: &Case) -> Vec<String> {
        let run = run_alone(case, &*own_lane("speed/fresh", &Options::default()));
        let calls = run.steps.iter().filter(|step| step.what.contains("main.\""));
        calls.filter_map(|step| Some(step.outcome()?.to_string())).collect()
    }

    #[test]
    fn modules_take_the_place_of_host_functions() {
        let text = r#"(module
            (import "fuzz" "call" (func $call (param funcref i32 externref) (result i32 externref)))
            (import "fuzz" "return" (func $return (result i32 externref)))
            (import "host" "fail" (func $fail))
            (elem declare func $callee)
            (func $callee (param i32 externref) (result i32 externref)
                (i32.add (local.get 0) (i32.const 1)) (local.get 1))
            (func (export "call") (result i32 externref) (call $call (ref.func $callee) (call $return)))
            (func (export "fail") (call $fail)))"#;
        let wasm = wat::parse_str(text).expect("it parses");
        let mut case = Case::of_module(wasm, ["call", "fail"].map(|name| (name.to_string(), Vec::new())));
        let values = vec![Value::I32(41), Value::Ref(Reference::Extern(7))];
        case.hosts = vec![
            host("call", &[FUNCREF, I32, EXTERNREF], &[I32, EXTERNREF], Behavior::Call),
            host("return", &[], &[I32, EXTERNREF], Behavior::Return(values)),
        ];
        let expected = outcomes(&case);
        assert_eq!(expected.len(), 2, "{expected:?}");
        assert!(expected[0].contains("i32 42") && expected[1].contains("host.fail"), "{expected:?}");

        let crossing = close(&case, Callback::Host).expect("it has host functions");
        assert!(crossing.hosts.is_empty());
        assert_eq!(outcomes(&crossing), expected);
        let plain = close(&case, Callback::Table).expect("it has host functions");
        let shown = outcomes(&plain);
        assert_eq!(shown[0], expected[0]);
        assert!(shown[1].contains("unreachable"), "{shown:?}");
        let imported = plain.modules.iter().flat_map(|wasm| find_imports(wasm));
        assert!(imported.into_iter().all(|(module, _)| plain.modules.len() == 3 && module != "spectest"));
        assert!(close(&plain, Callback::Host).is_none());
    }
}
