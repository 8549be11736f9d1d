//! Locals and globals ([Variable
//! instructions](https://webassembly.github.io/spec/core/syntax/instructions.html#variable-instructions)).

use super::access::DefinitionAddress;
use super::local_values::LocalValues;
use super::operators::operators;
use super::{FuncTranslator, Local, is_traced};
use crate::abi::signature::MachineType;
use crate::compile::clif::clif_type;
use crate::wasm::index::GlobalIndex;
use crate::wasm::types::ValType;
use cranelift_codegen::ir::immediates::{Ieee32, Ieee64};
use cranelift_codegen::ir::{Endianness, InstBuilder, MemFlagsData, Value, types};
use cranelift_codegen::packed_option::ReservedValue;
use cranelift_frontend::Variable;

impl FuncTranslator<'_> {
    operators! {
        visit_local_get(self, local_index: u32) => {
            let local = self.locals[local_index as usize];
            let value = self.builder.use_var(local.variable);
            let from = self.next_offset();
            self.note_local(local_index, |locals| locals.found(local_index, value, from));
            self.push_typed(value, local.ty);
        };
        visit_local_set(self, local_index: u32) => {
            let value = self.pop();
            self.set_local(local_index, value);
        };
        visit_local_tee(self, local_index: u32) => {
            let value = self.pop();
            self.set_local(local_index, value);
            self.push(value);
        };
        visit_global_get(self, global_index: u32) => self.global_get(GlobalIndex(global_index));
        visit_global_set(self, global_index: u32) => self.global_set(GlobalIndex(global_index));
    }

    fn set_local(&mut self, local: u32, value: Value) {
        self.builder.def_var(self.locals[local as usize].variable, value);
        let from = self.next_offset();
        self.note_local(local, |locals| locals.set(local, value, from));
    }

    /// Returns an offset after that of the current operator, and not after that of the next one.
    fn next_offset(&self) -> u32 {
        self.builder.srcloc().bits() + 1
    }

    /// Notes what is known of a local, for debug information: of a number, because the collector may move what a
    /// reference refers to.
    fn note_local(&mut self, local: u32, note: impl FnOnce(&mut LocalValues)) {
        let is_number =
            matches!(self.locals[local as usize].ty, ValType::I32 | ValType::I64 | ValType::F32 | ValType::F64);
        if let Some(locals) = self.local_values.as_mut().filter(|_| is_number) {
            note(locals);
        }
    }

    /// Declares the next local with `value` as its initial value.
    pub(super) fn declare_local(&mut self, ty: ValType, value: Value) {
        self.expansion.variable(is_traced(ty));
        let variable = self.builder.declare_var(clif_type(ty));
        if is_traced(ty) {
            self.builder.declare_var_needs_stack_map(variable);
        }
        self.builder.def_var(variable, value);
        self.locals.push(Local { variable, ty });
        let index = self.locals.len() as u32 - 1;
        self.note_local(index, |locals| locals.set(index, value, 0));
    }

    /// Declares `count` locals with zero or null as their initial value.
    pub(super) fn declare_locals(&mut self, count: u32, ty: ValType) {
        if count == 0 {
            return;
        }
        let zero = self.zero(ty);
        for _ in 0..count {
            let index = u32::try_from(self.locals.len()).expect("a function has few locals");
            if self.used_locals.as_ref().is_none_or(|used| used.contains(&index)) {
                self.declare_local(ty, zero);
            } else {
                self.locals.push(Local { variable: Variable::reserved_value(), ty });
            }
        }
    }

    /// Emits zero, or null, of a type.
    pub(super) fn zero(&mut self, ty: ValType) -> Value {
        match MachineType::from(ty) {
            MachineType::I32 => self.iconst(types::I32, 0),
            MachineType::I64 => self.iconst(types::I64, 0),
            MachineType::F32 => self.ins().f32const(Ieee32::with_bits(0)),
            MachineType::F64 => self.ins().f64const(Ieee64::with_bits(0)),
            MachineType::V128 => {
                let zero = self.builder.func.dfg.constants.insert([0; 16].as_slice().into());
                self.ins().vconst(types::I8X16, zero)
            }
        }
    }

    fn global_get(&mut self, global: GlobalIndex) {
        let ty = self.env.module.globals[global.index()].content;
        let DefinitionAddress { base, offset } = self.definition_address(self.env.layout.global(global));
        let flags = self.little_endian_global_flags();
        let value = self.ins().load(clif_type(ty), flags, base, offset);
        self.push_typed(value, ty);
    }

    fn global_set(&mut self, global: GlobalIndex) {
        let value = self.pop();
        let DefinitionAddress { base, offset } = self.definition_address(self.env.layout.global(global));
        let flags = self.little_endian_global_flags();
        self.ins().store(flags, value, base, offset);
    }

    /// Returns the flags of an access to a global, which holds its value in WebAssembly's byte order on every host.
    fn little_endian_global_flags(&self) -> MemFlagsData {
        self.global_flags().with_endianness(Endianness::Little)
    }
}
