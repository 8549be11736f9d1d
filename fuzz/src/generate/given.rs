//! A case of a module that somebody gives: what it imports is made up, and its exported functions are called.

use super::case::{Action, Call, Case, Instantiation, MAIN, choose_options};
use super::deterministic::make_deterministic;
use super::feature_set::{Audience, find_needed};
use super::input::extend;
use super::value::arbitrary_value;
use crate::rewrite::shrink::{constant, constant_expression, count_operators};
use arbitrary::Unstructured;
use lanes::is_valid_with;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasm_encoder::{
    CodeSection, ExportKind, ExportSection, Function, FunctionSection, GlobalSection, Instruction, MemorySection,
    Module, TableSection, TagSection, TypeSection, ValType,
};
use wasmparser::types::EntityType;
use wasmparser::{FuncType, Import, Parser, Payload, TypeRef, Validator, WasmFeatures};

/// The calls of each exported function.
const CALLS: usize = 4;
/// The most calls.
const MAX_CALLS: usize = 200;
/// Bytes of choices for the arguments of all calls.
const CHOICES: usize = 1 << 16;
/// The fuel of each call, so that it ends.
const FUEL: u64 = 10_000_000;
/// The modules that every session has.
const PRESENT: [&str; 2] = ["spectest", "host"];

/// Returns the case of this module. Arguments follow from the module alone. In our own lanes,
/// every call ends, since it has fuel.
///
/// # Errors
///
/// Says why the module is not valid.
pub fn of_module(wasm: &[u8], audience: Audience) -> Result<Case, String> {
    let wasm = canonicalize(wasm)?;
    let valid = Validator::new_with_features(WasmFeatures::all()).validate_all(&wasm);
    valid.map_err(|error| format!("the module is not valid: {error}"))?;
    let features = audience.all();
    if !is_valid_with(&wasm, features) {
        let message = "the module needs a feature that cannot be compared between these lanes";
        return Err(format!("{message}: relaxed vector instructions and legacy exceptions are for our lanes alone"));
    }
    let (mut modules, mut actions) = (vec![wasm.clone()], Vec::new());
    for (name, provider) in provide(&wasm)? {
        actions.push(Action::Instantiate(Instantiation { module: modules.len(), name }));
        modules.push(provider);
    }
    actions.push(Action::Instantiate(Instantiation { module: 0, name: MAIN.to_string() }));
    let choices = extend(&digest(&wasm), CHOICES);
    let mut u = Unstructured::new(&choices);
    let options = choose_options(&mut u, audience.own.then_some(FUEL)).map_err(|error| error.to_string())?;
    let functions = find_functions(&wasm).ok_or("the module is not valid")?;
    for _ in 0..CALLS {
        for (name, params) in &functions {
            let arguments = params.iter().map(|&ty| arbitrary_value(&mut u, ty).map_err(|error| error.to_string()));
            let arguments = arguments.collect::<Result<_, _>>()?;
            let (instance, function) = (MAIN.to_string(), name.clone());
            actions.push(Action::Call(Call { instance, function, arguments }));
        }
    }
    actions.truncate(MAX_CALLS);
    let needed = find_needed(modules.iter().map(Vec::as_slice), features);
    Ok(Case { features, needed, modules, actions, options, ..Case::default() })
}

/// Returns the module without what engines may do differently: as it is if there is nothing of that.
fn canonicalize(wasm: &[u8]) -> Result<Vec<u8>, String> {
    let canonical = make_deterministic(wasm).map_err(|error| format!("the module is not valid: {error}"))?;
    Ok(if count_operators(&canonical) == count_operators(wasm) { wasm.to_vec() } else { canonical })
}

/// Returns eight bytes that follow from the module.
fn digest(wasm: &[u8]) -> [u8; 8] {
    let mut hasher = DefaultHasher::new();
    wasm.hash(&mut hasher);
    hasher.finish().to_le_bytes()
}

/// Returns the names and the parameter types of the exported functions that a host can call.
fn find_functions(wasm: &[u8]) -> Option<Vec<(String, Vec<ValType>)>> {
    let types = Validator::new_with_features(WasmFeatures::all()).validate_all(wasm).ok()?;
    let types = types.as_ref();
    let mut functions = Vec::new();
    for (name, entity) in types.core_exports()? {
        let (EntityType::Func(id) | EntityType::FuncExact(id)) = entity else { continue };
        let params = types[id].unwrap_func().params().iter();
        // References to types of the module are left out: a host has none.
        let params = params.map(|&ty| RoundtripReencoder.val_type(ty).ok().filter(|ty| ty.is_defaultable()));
        if let Some(params) = params.collect() {
            functions.push((name.to_string(), params));
        }
    }
    Some(functions)
}

/// Returns a module for each module name that `wasm` imports from, with all that it imports: functions that return
/// zeros and nulls, empty memories and tables.
fn provide(wasm: &[u8]) -> Result<Vec<(String, Vec<u8>)>, String> {
    let mut imports: BTreeMap<String, Vec<Import<'_>>> = BTreeMap::new();
    let (mut types, mut signatures) = (TypeSection::new(), Vec::new());
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.map_err(|error| error.to_string())? {
            Payload::TypeSection(section) => {
                for group in section.clone() {
                    let group = group.map_err(|error| error.to_string())?;
                    signatures.extend(group.types().map(|ty| match &ty.composite_type.inner {
                        wasmparser::CompositeInnerType::Func(ty) => Some(ty.clone()),
                        _ => None,
                    }));
                }
                RoundtripReencoder.parse_type_section(&mut types, section).map_err(|error| error.to_string())?;
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import.map_err(|error| error.to_string())?;
                    if !PRESENT.contains(&import.module) {
                        imports.entry(import.module.to_string()).or_default().push(import);
                    }
                }
            }
            _ => {}
        }
    }
    let mut providers = Vec::new();
    for (name, imports) in imports {
        let mut provider = Provider::default();
        let mut seen = BTreeSet::new();
        for import in imports.iter().filter(|import| seen.insert(import.name)) {
            let unable = || format!("the import {name}.{} cannot be made up", import.name);
            provider.add(import, &signatures).ok_or_else(unable)?;
        }
        providers.push((name, provider.finish(&types)));
    }
    Ok(providers)
}

/// The sections of a module that exports what another one imports.
#[derive(Default)]
struct Provider {
    functions: FunctionSection,
    tables: TableSection,
    memories: MemorySection,
    tags: TagSection,
    globals: GlobalSection,
    exports: ExportSection,
    code: CodeSection,
}

impl Provider {
    fn add(&mut self, import: &Import<'_>, signatures: &[Option<FuncType>]) -> Option<()> {
        let mut encoder = RoundtripReencoder;
        let (kind, index) = match import.ty {
            TypeRef::Func(ty) | TypeRef::FuncExact(ty) => {
                let signature = signatures.get(ty as usize)?.as_ref()?;
                self.functions.function(ty);
                let mut body = Function::new([]);
                for &result in signature.results() {
                    let ty = encoder.val_type(result).ok()?;
                    // No constant is a reference that is never null.
                    body.instruction(&constant(ty).unwrap_or(Instruction::Unreachable));
                }
                body.instruction(&Instruction::End);
                self.code.function(&body);
                (ExportKind::Func, self.functions.len() - 1)
            }
            TypeRef::Table(ty) => {
                self.tables.table(encoder.table_type(ty).ok().filter(|ty| ty.element_type.nullable)?);
                (ExportKind::Table, self.tables.len() - 1)
            }
            TypeRef::Memory(ty) => {
                self.memories.memory(encoder.memory_type(ty).ok()?);
                (ExportKind::Memory, self.memories.len() - 1)
            }
            TypeRef::Global(ty) => {
                let ty = encoder.global_type(ty).ok()?;
                self.globals.global(ty, &constant_expression(ty.val_type)?);
                (ExportKind::Global, self.globals.len() - 1)
            }
            TypeRef::Tag(ty) => {
                self.tags.tag(encoder.tag_type(ty).ok()?);
                (ExportKind::Tag, self.tags.len() - 1)
            }
        };
        self.exports.export(import.name, kind, index);
        Some(())
    }

    fn finish(&self, types: &TypeSection) -> Vec<u8> {
        let mut module = Module::new();
        module.section(types).section(&self.functions).section(&self.tables).section(&self.memories);
        // An empty section of tags would make the module need exceptions.
        if !self.tags.is_empty() {
            module.section(&self.tags);
        }
        module.section(&self.globals).section(&self.exports).section(&self.code);
        module.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::panel::Panel;

    #[test]
    fn a_module_runs_whatever_it_imports() {
        let text = r#"(module (type $s (struct)) (type $f (func (param (ref null $s)) (result i32 f64)))
            (import "a" "f" (func $f (type $f))) (import "a" "g" (global $g i64)) (import "b" "t" (table 2 5 funcref))
            (import "b" "m" (memory 1)) (import "a" "e" (tag $e (param i32))) (import "spectest" "print" (func))
            (func (export "f") (param i32 f32) (result i32) (drop (drop (call $f (ref.null $s))))
                (i32.add (i32.wrap_i64 (global.get $g)) (local.get 0))))"#;
        let wasm = wat::parse_str(text).expect("it parses");
        let case = of_module(&wasm, Audience::OWN).expect("it is valid");
        assert_eq!(case.calls().count(), CALLS);
        assert_eq!(case.modules[0], wasm, "nothing in it has to be made deterministic");
        let run = Panel::own().run_alone("speed/fresh", &case).expect("a lane");
        let outcomes = run.steps.iter().filter(|step| step.what.starts_with("call"));
        assert!(run.called && outcomes.filter_map(|step| step.outcome()).all(|outcome| outcome.as_trap().is_none()));
        let again = of_module(&wasm, Audience::OWN).expect("it is valid");
        assert!(case.calls().zip(again.calls()).all(|(one, other)| one.arguments == other.arguments));
        let error = of_module(b"\0asm\x01\0\0\0\x01", Audience::OWN).map(|_| ()).expect_err("it is cut off");
        assert!(error.contains("not valid"), "{error}");
    }
}
