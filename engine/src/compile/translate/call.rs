//! Calls ([Control instructions](https://webassembly.github.io/spec/core/syntax/instructions.html#control-instructions)).
//!
//! A defined function is called directly; an imported one through the copy of its reference in the vmctx; an indirect
//! call checks that the table's element exists, is not null and has the expected type.

use super::access::immediate;
use super::{FuncTranslator, trap_code, wasm_signature};
use crate::abi::signature::LoweredSignature;
use crate::abi::vmctx::{FuncImport, FuncRef, VmContext};
use crate::base::Trap;
use crate::compile::codegen::Symbol;
use crate::wasm::index::*;
use core::mem::offset_of;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{Inst, InstBuilder, SigRef, Value, types};
use wasmparser::Operator;

impl FuncTranslator<'_> {
    pub(super) fn translate_call(&mut self, operator: &Operator<'_>) -> bool {
        match *operator {
            Operator::Call { function_index } => self.call(FuncIndex(function_index)),
            Operator::CallIndirect { type_index, table_index } => {
                self.call_indirect(TypeIndex(type_index), TableIndex(table_index));
            }
            _ => return false,
        }
        true
    }

    fn call(&mut self, function: FuncIndex) {
        let ty = self.env.module.functions[function.index()].ty;
        let vmctx = self.vmctx;
        let call = match self.env.module.defined(function) {
            Some(defined) => {
                let arguments = self.arguments(vmctx, ty);
                let types = &self.env.module.types[ty.index()];
                let callee = self.import(Symbol::Function(defined), || wasm_signature(&LoweredSignature::from(types)));
                self.ins().call(callee, &arguments)
            }
            None => {
                let import = self.env.layout.func_import(function).expect("what is not defined is imported");
                let flags = self.constant_flags();
                let mut field =
                    |offset: usize| self.ins().load(types::I64, flags, vmctx, immediate(import) + offset as i32);
                let code = field(offset_of!(FuncImport, wasm_call));
                let callee = field(offset_of!(FuncImport, vmctx));
                let arguments = self.arguments(callee, ty);
                let signature = self.signature(ty);
                self.ins().call_indirect(signature, code, &arguments)
            }
        };
        self.push_results(call, ty);
    }

    fn call_indirect(&mut self, ty: TypeIndex, table: TableIndex) {
        let index = self.pop();
        let element = self.table_element(table, index, Trap::UndefinedElement);
        let flags = self.table_flags();
        let function = self.ins().load(types::I64, flags, element, 0);
        self.ins().trapz(function, trap_code(Trap::UninitializedElement));
        self.check_type(function, ty);

        // A reference never changes, except that a host function's code is filled in once, before it can be called.
        let flags = self.context_flags();
        let code = self.ins().load(types::I64, flags, function, offset_of!(FuncRef, wasm_call) as i32);
        let callee = self.ins().load(types::I64, flags, function, offset_of!(FuncRef, vmctx) as i32);
        let arguments = self.arguments(callee, ty);
        let signature = self.signature(ty);
        let call = self.ins().call_indirect(signature, code, &arguments);
        self.push_results(call, ty);
    }

    fn check_type(&mut self, function: Value, ty: TypeIndex) {
        let vmctx = self.vmctx;
        let (flags, constant) = (self.context_flags(), self.constant_flags());
        let actual = self.ins().load(types::I32, flags, function, offset_of!(FuncRef, type_id) as i32);
        let ids = self.ins().load(types::I64, constant, vmctx, offset_of!(VmContext, type_ids) as i32);
        let expected = self.ins().load(types::I32, constant, ids, immediate(ty.0 * 4));
        let differs = self.ins().icmp(IntCC::NotEqual, actual, expected);
        self.ins().trapnz(differs, trap_code(Trap::IndirectCallTypeMismatch));
    }

    /// Pops a call's arguments and puts both contexts before them.
    fn arguments(&mut self, callee: Value, ty: TypeIndex) -> Vec<Value> {
        let count = self.env.module.types[ty.index()].params.len();
        let first = self.stack.len() - count;
        let contexts = [callee, self.vmctx];
        contexts.into_iter().chain(self.stack.drain(first..)).collect()
    }

    fn push_results(&mut self, call: Inst, ty: TypeIndex) {
        let module = self.env.module;
        let values = self.builder.inst_results(call).to_vec();
        for (value, &ty) in values.into_iter().zip(&module.types[ty.index()].results) {
            self.push_typed(value, ty);
        }
    }

    fn signature(&mut self, ty: TypeIndex) -> SigRef {
        if let Some(&known) = self.signatures.get(&ty) {
            return known;
        }
        let signature = wasm_signature(&LoweredSignature::from(&self.env.module.types[ty.index()]));
        let signature = self.builder.import_signature(signature);
        self.signatures.insert(ty, signature);
        signature
    }
}
