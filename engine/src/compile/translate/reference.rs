//! References ([Reference
//! instructions](https://webassembly.github.io/spec/core/syntax/instructions.html#reference-instructions)).
//!
//! A reference to a function is the address of a `FuncRef`, any other reference a 32-bit index. Null is zero in both.

use super::FuncTranslator;
use super::access::immediate;
use super::operators::operators;
use crate::abi::vmctx::FuncImport;
use crate::base::Trap;
use crate::compile::clif::{clif_type, trap_code};
use crate::wasm::index::FuncIndex;
use crate::wasm::types::{RefType, ValType};
use core::mem::offset_of;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, Value, types};

impl FuncTranslator<'_> {
    operators! {
        visit_ref_null(self, hty: wasmparser::HeapType) => {
            let heap = self.heap_type(hty);
            let null = self.iconst(clif_type(ValType::Ref(RefType { nullable: true, heap })), 0);
            self.push(null);
        };
        visit_ref_is_null(self) => {
            let reference = self.pop();
            let null = self.iconst(self.type_of(reference), 0);
            let is_null = self.ins().icmp(IntCC::Equal, reference, null);
            let is_null = self.ins().uextend(types::I32, is_null);
            self.push(is_null);
        };
        visit_ref_func(self, function_index: u32) => {
            let reference = self.func_ref(FuncIndex(function_index));
            self.push(reference);
        };
        visit_ref_as_non_null(self) => {
            let reference = self.pop();
            self.ins().trapz(reference, trap_code(Trap::NullReference));
            self.push(reference);
        };
        visit_ref_eq(self) => {
            let (one, other) = self.pop2();
            let equal = self.ins().icmp(IntCC::Equal, one, other);
            let equal = self.ins().uextend(types::I32, equal);
            self.push(equal);
        };
    }

    /// Emits the reference to a function.
    fn func_ref(&mut self, function: FuncIndex) -> Value {
        let vmctx = self.vmctx;
        if let Some(import) = self.env.layout.func_import(function) {
            let flags = self.constant_flags();
            let offset = immediate(import) + offset_of!(FuncImport, func_ref) as i32;
            return self.ins().load(types::I64, flags, vmctx, offset);
        }
        let index = self.env.module.functions[function.index()].func_ref;
        let index = index.expect("a function that `ref.func` names escapes");
        let offset = self.iconst(types::I64, i64::from(self.env.layout.func_ref(index)));
        self.ins().iadd(vmctx, offset)
    }
}
