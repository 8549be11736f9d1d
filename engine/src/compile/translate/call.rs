//! Calls ([Control
//! instructions](https://webassembly.github.io/spec/core/syntax/instructions.html#control-instructions)).
//!
//! A call of a defined function is direct. A call of an imported function goes through the copy of its reference in the
//! vmctx. An indirect call checks that the table's element exists, is not null and has the expected type. A call of a
//! reference checks that it is not null. Tail calls do the same.

use super::FuncTranslator;
use super::access::immediate;
use super::exception::Target;
use super::operators::operators;
use crate::abi::signature::LoweredSignature;
use crate::abi::vmctx::{FuncImport, FuncRef};
use crate::base::Trap;
use crate::compile::clif::{trap_code, wasm_signature};
use crate::compile::symbol::Symbol;
use crate::wasm::index::*;
use core::mem::offset_of;
use cranelift_codegen::ir::{self, InstBuilder, SigRef, Value, types};

/// The function that is called.
#[derive(Clone, Copy)]
enum Callee {
    /// A function of this module, in this instance.
    Defined(DefinedFuncIndex),
    /// Any other function: the address of its code, and its context.
    Address { code: Value, context: Value },
}

impl FuncTranslator<'_> {
    operators! {
        visit_call(self, function_index: u32) => {
            let function = FuncIndex(function_index);
            let callee = self.callee(function);
            self.call(callee, self.env.module.functions[function.index()].ty);
        };
        visit_return_call(self, function_index: u32) => {
            let function = FuncIndex(function_index);
            let callee = self.callee(function);
            self.return_call(callee, self.env.module.functions[function.index()].ty);
        };
        visit_call_indirect(self, type_index: u32, table_index: u32) => {
            let ty = TypeIndex(type_index);
            let callee = self.table_callee(ty, TableIndex(table_index));
            self.call(callee, ty);
        };
        visit_return_call_indirect(self, type_index: u32, table_index: u32) => {
            let ty = TypeIndex(type_index);
            let callee = self.table_callee(ty, TableIndex(table_index));
            self.return_call(callee, ty);
        };
        visit_call_ref(self, type_index: u32) => {
            let callee = self.referenced_callee();
            self.call(callee, TypeIndex(type_index));
        };
        visit_return_call_ref(self, type_index: u32) => {
            let callee = self.referenced_callee();
            self.return_call(callee, TypeIndex(type_index));
        };
    }

    /// Returns the callee for a function of the index space.
    fn callee(&mut self, function: FuncIndex) -> Callee {
        if let Some(defined) = self.env.module.defined(function) {
            return Callee::Defined(defined);
        }
        let import = self.env.layout.func_import(function).expect("a function is either defined or imported");
        let (flags, vmctx) = (self.constant_flags(), self.vmctx);
        let mut field = |offset: usize| self.ins().load(types::I64, flags, vmctx, immediate(import) + offset as i32);
        Callee::Address {
            code: field(offset_of!(FuncImport, wasm_call)),
            context: field(offset_of!(FuncImport, vmctx)),
        }
    }

    fn call(&mut self, callee: Callee, ty: TypeIndex) {
        let arguments = self.arguments(callee, ty);
        let target = match callee {
            Callee::Defined(defined) => Target::Function(self.defined(defined, ty)),
            Callee::Address { code, .. } => Target::Address(self.signature(ty), code),
        };
        let results = self.emit_call(target, &arguments);
        for (value, &ty) in results.into_iter().zip(&self.env.module.signature(ty).results) {
            self.push_typed(value, ty);
        }
    }

    /// Emits a tail call, whose callee replaces the current frame. Handlers of the current function do not apply to it,
    /// so that it never is a `try_call`.
    fn return_call(&mut self, callee: Callee, ty: TypeIndex) {
        let arguments = self.arguments(callee, ty);
        match callee {
            Callee::Defined(defined) => {
                let callee = self.defined(defined, ty);
                self.ins().return_call(callee, &arguments);
            }
            Callee::Address { code, .. } => {
                let signature = self.signature(ty);
                self.ins().return_call_indirect(signature, code, &arguments);
            }
        }
        self.unreachable = true;
    }

    /// Imports a function of this module for direct calls.
    fn defined(&mut self, function: DefinedFuncIndex, ty: TypeIndex) -> ir::FuncRef {
        let types = self.env.module.signature(ty);
        self.import(Symbol::Function(function), || wasm_signature(&LoweredSignature::from(types)))
    }

    /// Pops the index of a table's element and checks that it is a function of this type.
    fn table_callee(&mut self, ty: TypeIndex, table: TableIndex) -> Callee {
        let index = self.pop();
        let element = self.table_element(table, index, Trap::UndefinedElement);
        let flags = self.table_flags();
        let function = self.ins().load(types::I64, flags, element, 0);
        self.ins().trapz(function, trap_code(Trap::UninitializedElement));
        self.check_type(function, ty);
        self.callee_of(function)
    }

    /// Pops a reference to a function, whose type validation has checked.
    fn referenced_callee(&mut self) -> Callee {
        let function = self.pop();
        self.ins().trapz(function, trap_code(Trap::NullReference));
        self.callee_of(function)
    }

    /// Returns the callee for a reference to a function.
    fn callee_of(&mut self, function: Value) -> Callee {
        // These fields are not constant: the code of a host function is filled in when an artifact with its trampoline
        // registers.
        let flags = self.context_flags();
        let code = self.ins().load(types::I64, flags, function, offset_of!(FuncRef, wasm_call) as i32);
        let context = self.ins().load(types::I64, flags, function, offset_of!(FuncRef, vmctx) as i32);
        Callee::Address { code, context }
    }

    /// Traps unless a function has the type, or one that extends it.
    fn check_type(&mut self, function: Value, ty: TypeIndex) {
        let flags = self.context_flags();
        let actual = self.ins().load(types::I32, flags, function, offset_of!(FuncRef, type_id) as i32);
        let matches = self.id_is_type(actual, ty);
        self.ins().trapz(matches, trap_code(Trap::IndirectCallTypeMismatch));
    }

    /// Pops the arguments of a call and puts the callee's and the caller's context before them.
    fn arguments(&mut self, callee: Callee, ty: TypeIndex) -> Vec<Value> {
        let count = self.env.module.signature(ty).params.len();
        let first = self.stack.len() - count;
        let context = match callee {
            Callee::Defined(_) => self.vmctx,
            Callee::Address { context, .. } => context,
        };
        let contexts = [context, self.vmctx];
        contexts.into_iter().chain(self.stack.drain(first..)).collect()
    }

    /// Imports the signature of a function type.
    fn signature(&mut self, ty: TypeIndex) -> SigRef {
        if let Some(&known) = self.signatures.get(&ty) {
            return known;
        }
        let signature = wasm_signature(&LoweredSignature::from(self.env.module.signature(ty)));
        let signature = self.builder.import_signature(signature);
        self.signatures.insert(ty, signature);
        signature
    }
}
