//! The globals, tables and memories of the module `spectest`, as modules that any engine can load: an adapter, or a
//! lane of another crate, need not make them. An item that needs a feature is a module of its own.

use crate::Features;
use wasm_encoder::{
    ConstExpr, ExportKind, ExportSection, GlobalSection, GlobalType, MemorySection, MemoryType, Module, RefType,
    TableSection, TableType, ValType,
};

/// Returns the binaries of modules that export the globals, tables and memories of `spectest`, as far as `features`
/// allow them. Each is to be registered as `spectest`.
pub fn spectest_modules(features: Features) -> Vec<Vec<u8>> {
    let mut modules = vec![basic()];
    modules.extend(features.contains(Features::MEMORY64).then(wide_table));
    modules.extend(features.contains(Features::THREADS).then(shared_memory));
    modules
}

const TABLE: TableType =
    TableType { element_type: RefType::FUNCREF, table64: false, minimum: 10, maximum: Some(20), shared: false };
const MEMORY: MemoryType =
    MemoryType { minimum: 1, maximum: Some(2), memory64: false, shared: false, page_size_log2: None };

fn basic() -> Vec<u8> {
    let mut tables = TableSection::new();
    tables.table(TABLE);
    let mut memories = MemorySection::new();
    memories.memory(MEMORY);
    let values = [
        ("global_i32", ValType::I32, ConstExpr::i32_const(666)),
        ("global_i64", ValType::I64, ConstExpr::i64_const(666)),
        ("global_f32", ValType::F32, ConstExpr::f32_const(666.6f32.into())),
        ("global_f64", ValType::F64, ConstExpr::f64_const(666.6f64.into())),
    ];
    let mut globals = GlobalSection::new();
    let mut exports = ExportSection::new();
    for (index, (name, val_type, value)) in (0u32..).zip(&values) {
        globals.global(GlobalType { val_type: *val_type, mutable: false, shared: false }, value);
        exports.export(name, ExportKind::Global, index);
    }
    exports.export("table", ExportKind::Table, 0).export("memory", ExportKind::Memory, 0);
    let mut module = Module::new();
    module.section(&tables).section(&memories).section(&globals).section(&exports);
    module.finish()
}

fn wide_table() -> Vec<u8> {
    let mut tables = TableSection::new();
    tables.table(TableType { table64: true, ..TABLE });
    let mut exports = ExportSection::new();
    exports.export("table64", ExportKind::Table, 0);
    let mut module = Module::new();
    module.section(&tables).section(&exports);
    module.finish()
}

fn shared_memory() -> Vec<u8> {
    let mut memories = MemorySection::new();
    memories.memory(MemoryType { shared: true, ..MEMORY });
    let mut exports = ExportSection::new();
    exports.export("shared_memory", ExportKind::Memory, 0);
    let mut module = Module::new();
    module.section(&memories).section(&exports);
    module.finish()
}
