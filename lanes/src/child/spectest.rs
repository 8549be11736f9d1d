//! The globals, the table and the memory of the module `spectest`, as a module that any engine can load: an adapter
//! need not know of them.

use wasm_encoder::{
    ConstExpr, ExportKind, ExportSection, GlobalSection, GlobalType, MemorySection, MemoryType, Module, RefType,
    TableSection, TableType, ValType,
};

/// The binary.
pub(super) fn module() -> Vec<u8> {
    let mut module = Module::new();
    let mut tables = TableSection::new();
    let table =
        TableType { element_type: RefType::FUNCREF, table64: false, minimum: 10, maximum: Some(20), shared: false };
    tables.table(table);
    module.section(&tables);
    let mut memories = MemorySection::new();
    memories.memory(MemoryType { minimum: 1, maximum: Some(2), memory64: false, shared: false, page_size_log2: None });
    module.section(&memories);
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
    module.section(&globals).section(&exports);
    module.finish()
}
