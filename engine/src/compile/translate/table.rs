//! Tables ([Table instructions](https://webassembly.github.io/spec/core/syntax/instructions.html#table-instructions)).
//! Single elements are accessed in place. Instructions on many elements, and those that resize, are library calls.

use super::FuncTranslator;
use super::operators::operators;
use crate::abi::builtins::Builtin;
use crate::base::Trap;
use crate::compile::clif::clif_type;
use crate::wasm::index::TableIndex;
use crate::wasm::types::ValType;
use cranelift_codegen::ir::{InstBuilder, Value, types};

impl FuncTranslator<'_> {
    operators! {
        visit_table_get(self, table: u32) => self.table_get(TableIndex(table));
        visit_table_set(self, table: u32) => self.table_set(TableIndex(table));
        visit_table_size(self, table: u32) => self.table_size(TableIndex(table));
        visit_table_grow(self, table: u32) => self.table_grow(table);
        visit_table_fill(self, table: u32) => self.table_fill(table);
        visit_table_copy(self, dst_table: u32, src_table: u32) => self.table_copy(dst_table, src_table);
        visit_table_init(self, elem_index: u32, table: u32) => self.init(Builtin::TableInit, table, elem_index);
        visit_elem_drop(self, elem_index: u32) => self.drop_segment(Builtin::ElemDrop, elem_index);
    }

    fn table_get(&mut self, table: TableIndex) {
        let index = self.pop();
        let ty = ValType::Ref(self.env.module.tables[table.index()].element);
        let address = self.table_element(table, index, Trap::TableOutOfBounds);
        let flags = self.table_flags();
        let value = self.ins().load(clif_type(ty), flags, address, 0);
        self.push_typed(value, ty);
    }

    fn table_set(&mut self, table: TableIndex) {
        let (index, value) = self.pop2();
        let address = self.table_element(table, index, Trap::TableOutOfBounds);
        let flags = self.table_flags();
        self.ins().store(flags, value, address, 0);
    }

    fn table_size(&mut self, table: TableIndex) {
        let length = self.table_length(table);
        let length = self.reduce_to_index_type(length, self.env.module.tables[table.index()].index64);
        self.push(length);
    }

    fn table_grow(&mut self, table: u32) {
        let (value, delta) = self.pop2();
        let arguments = [self.index(table), self.extend_to_64_bits(delta), self.extend_to_64_bits(value)];
        let old = self.call_builtin(Builtin::TableGrow, &arguments);
        let old = self.reduce_to_index_type(old, self.env.module.tables[table as usize].index64);
        self.push(old);
    }

    fn table_fill(&mut self, table: u32) {
        let (at, value, count) = self.pop3();
        let arguments = [
            self.index(table),
            self.extend_to_64_bits(at),
            self.extend_to_64_bits(value),
            self.extend_to_64_bits(count),
        ];
        self.call_builtin(Builtin::TableFill, &arguments);
    }

    fn table_copy(&mut self, dst_table: u32, src_table: u32) {
        let (dst, src, count) = self.pop3();
        let arguments = [
            self.index(dst_table),
            self.index(src_table),
            self.extend_to_64_bits(dst),
            self.extend_to_64_bits(src),
            self.extend_to_64_bits(count),
        ];
        self.call_builtin(Builtin::TableCopy, &arguments);
    }

    /// Translates `table.init` and `memory.init`: copies from a segment into a table or memory.
    pub(super) fn init(&mut self, builtin: Builtin, target: u32, segment: u32) {
        let (dst, src, count) = self.pop3();
        let arguments = [self.index(target), self.index(segment), self.extend_to_64_bits(dst), src, count];
        self.call_builtin(builtin, &arguments);
    }

    /// Translates `elem.drop` and `data.drop`.
    pub(super) fn drop_segment(&mut self, builtin: Builtin, segment: u32) {
        let segment = self.index(segment);
        self.call_builtin(builtin, &[segment]);
    }

    /// Emits an index of the module as an argument of a library call.
    pub(super) fn index(&mut self, index: u32) -> Value {
        self.iconst(types::I32, i64::from(index))
    }

    /// Zero-extends a value of 32 or 64 bits to 64.
    pub(super) fn extend_to_64_bits(&mut self, value: Value) -> Value {
        match self.type_of(value) {
            types::I32 => self.ins().uextend(types::I64, value),
            _ => value,
        }
    }
}
