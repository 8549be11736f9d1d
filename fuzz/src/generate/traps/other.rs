//! The modules beside `main`: functions of another instance that call back, and start functions.

use super::{CALLER_TYPE, EMPTY_TYPE, MAIN, PAYLOAD_TYPE, TYPE};
use lanes::Features;
use wasm_encoder::{
    CodeSection, EntityType, ExportKind, ExportSection, Function, FunctionSection, ImportSection, Instruction as I,
    Module, NameMap, NameSection, RefType, StartSection, TableSection, TableType, TypeSection,
};

/// The exports of the module `other`, all of type [`CALLER_TYPE`]: each calls the function that it is given.
pub(super) const RELAYS: [&str; 3] = ["relay", "relay_twice", "relay_host"];

/// Returns the module `other`.
pub(super) fn module(features: Features) -> Vec<u8> {
    let mut imports = ImportSection::new();
    imports.import("host", "call_i32", EntityType::Function(CALLER_TYPE));
    let (mut functions, mut exports, mut code, mut names) =
        (FunctionSection::new(), ExportSection::new(), CodeSection::new(), NameMap::new());
    let call = I::CallIndirect { type_index: TYPE, table_index: 0 };
    let bodies = [
        vec![I::I32Const(1), I::LocalGet(0), I::TableSet(0), I::LocalGet(1), I::I32Const(1), call],
        // The second call passes through `relay`.
        vec![
            I::LocalGet(0),
            I::LocalGet(1),
            if features.contains(Features::TAIL_CALL) { I::ReturnCall(1) } else { I::Call(1) },
        ],
        vec![I::LocalGet(0), I::LocalGet(1), I::Call(0), I::I32Const(1), I::I32Add],
    ];
    for ((k, name), instructions) in (1..).zip(RELAYS).zip(bodies) {
        functions.function(CALLER_TYPE);
        exports.export(name, ExportKind::Func, k);
        names.append(k, name);
        let mut body = Function::new([]);
        instructions.iter().for_each(|instruction| _ = body.instruction(instruction));
        body.instruction(&I::End);
        code.function(&body);
    }
    let mut tables = TableSection::new();
    let element_type = RefType::FUNCREF;
    tables.table(TableType { element_type, table64: false, minimum: 2, maximum: Some(2), shared: false });
    let mut section = NameSection::new();
    section.module("other");
    section.functions(&names);
    let mut module = Module::new();
    module.section(&types()).section(&imports).section(&functions).section(&tables).section(&exports);
    module.section(&code).section(&section);
    module.finish()
}

/// Returns a module whose start function calls entry `entry` of `main`.
pub(super) fn start_module(entry: usize) -> Vec<u8> {
    let mut imports = ImportSection::new();
    imports.import(MAIN, &entry.to_string(), EntityType::Function(TYPE));
    let (mut functions, mut code, mut names) = (FunctionSection::new(), CodeSection::new(), NameMap::new());
    functions.function(EMPTY_TYPE);
    names.append(1, "begin");
    let mut body = Function::new([]);
    for instruction in [I::Nop, I::I32Const(0), I::Call(0), I::Drop, I::End] {
        body.instruction(&instruction);
    }
    code.function(&body);
    let mut section = NameSection::new();
    section.module("start");
    section.functions(&names);
    let mut module = Module::new();
    module.section(&types()).section(&imports).section(&functions).section(&StartSection { function_index: 1 });
    module.section(&code).section(&section);
    module.finish()
}

/// Returns the function types of all modules, with the same indices as in `main`.
fn types() -> TypeSection {
    let mut types = TypeSection::new();
    super::function_types(&mut types);
    debug_assert_eq!(types.len(), PAYLOAD_TYPE + 1);
    types
}
