//! Objects of the heap ([Aggregate
//! instructions](https://webassembly.github.io/spec/core/syntax/instructions.html#aggregate-instructions)).
//!
//! [`crate::abi::heap`] describes their layout. An access through null needs no check: it faults in the guard at the
//! start of the heap's region. Code computes the address of an object for each access, because any call may move
//! objects.

mod array;
mod structure;

use super::operators::operators;
use super::{Extension, FuncTranslator};
use crate::abi::builtins::Builtin;
use crate::abi::heap::{ALIGNMENT, LARGEST_IN_PLACE, Storage};
use crate::abi::vmctx::VmStoreContext;
use crate::base::Trap;
use crate::compile::clif::{clif_type, trap_code};
use crate::wasm::composite::{FieldType, StorageType};
use crate::wasm::index::TypeIndex;
use crate::wasm::types::{HeapType, RefType, ValType};
use core::mem::offset_of;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, MemFlagsData, Value, types};

const HEAP_BASE: i32 = offset_of!(VmStoreContext, heap_base) as i32;
const HEAP_NEXT: i32 = offset_of!(VmStoreContext, heap_next) as i32;
const HEAP_END: i32 = offset_of!(VmStoreContext, heap_end) as i32;

/// A type of references to objects. Which one does not matter to stack maps.
const OBJECT: ValType = ValType::Ref(RefType { nullable: false, heap: HeapType::Eq });

impl FuncTranslator<'_> {
    operators! {
        visit_ref_i31(self) => {
            let value = self.pop();
            let one = self.iconst(types::I32, 1);
            let shifted = self.ins().ishl(value, one);
            let reference = self.ins().bor(shifted, one);
            self.push(reference);
        };
        visit_i31_get_s(self) => self.i31_get(Extension::Signed);
        visit_i31_get_u(self) => self.i31_get(Extension::Unsigned);
        // Both types have the same references.
        visit_any_convert_extern | visit_extern_convert_any (self) => {};
    }

    fn i31_get(&mut self, extension: Extension) {
        let reference = self.pop();
        self.ins().trapz(reference, trap_code(Trap::NullReference));
        let one = self.iconst(types::I32, 1);
        let value = match extension {
            Extension::Signed => self.ins().sshr(reference, one),
            Extension::Unsigned => self.ins().ushr(reference, one),
        };
        self.push(value);
    }

    /// Emits the address of an object, or an address in the guard for null. It is valid until the next call.
    fn object(&mut self, reference: Value) -> Value {
        let base = self.heap_base();
        let offset = self.ins().uextend(types::I64, reference);
        self.ins().iadd(base, offset)
    }

    /// Emits the canonical id in the header of an object, which is neither null nor an `i31`.
    pub(super) fn object_id(&mut self, reference: Value) -> Value {
        let address = self.object(reference);
        let flags = self.heap_flags().with_aligned().with_notrap();
        self.ins().load(types::I32, flags, address, 0)
    }

    /// Emits the start of the heap's region.
    fn heap_base(&mut self) -> Value {
        let store = self.store_context();
        // The base is constant once the heap is reserved. Instantiating a module with types of objects reserves it, but
        // a module without such types may run before.
        let fixed = self.env.module.types.iter().any(|ty| ty.composite.func().is_none());
        let flags = if fixed { self.constant_flags() } else { self.context_flags() };
        self.ins().load(types::I64, flags, store, HEAP_BASE)
    }

    /// Returns the flags of an access through a reference that may be null. Objects are less aligned than vectors.
    fn object_flags(&self, storage: Storage) -> MemFlagsData {
        let flags = self.heap_flags().with_trap_code(Some(trap_code(Trap::NullReference)));
        if storage.size() <= ALIGNMENT { flags.with_aligned() } else { flags }
    }

    /// Emits a load of a field or element as an operand.
    fn load_field(&mut self, field: FieldType, extension: Extension, address: Value, offset: i32) -> Value {
        let flags = self.object_flags(field.storage.into());
        match (field.storage, extension) {
            (StorageType::I8, Extension::Signed) => self.ins().sload8(types::I32, flags, address, offset),
            (StorageType::I8, Extension::Unsigned) => self.ins().uload8(types::I32, flags, address, offset),
            (StorageType::I16, Extension::Signed) => self.ins().sload16(types::I32, flags, address, offset),
            (StorageType::I16, Extension::Unsigned) => self.ins().uload16(types::I32, flags, address, offset),
            (StorageType::Val(ty), _) => self.ins().load(clif_type(ty), flags, address, offset),
        }
    }

    /// Emits a store of an operand to a field or element.
    fn store_field(&mut self, field: FieldType, value: Value, address: Value, offset: i32) {
        let flags = self.object_flags(field.storage.into());
        match field.storage {
            StorageType::I8 => self.ins().istore8(flags, value, address, offset),
            StorageType::I16 => self.ins().istore16(flags, value, address, offset),
            StorageType::Val(_) => self.ins().store(flags, value, address, offset),
        };
    }

    /// Emits the allocation of an object of constant size with this word in its header, and returns the reference. The
    /// caller must initialize all fields before the next call, at which the collector may look at them.
    ///
    /// Allocation advances a pointer. A library call takes over if the space is used up.
    fn allocate(&mut self, ty: TypeIndex, word: u32, size: u32) -> Value {
        let id = self.type_id(ty);
        let word_value = self.iconst(types::I32, word.into());
        let size_value = self.iconst(types::I64, size.into());
        if size > LARGEST_IN_PLACE {
            return self.allocate_in_library(id, word_value, size_value);
        }
        let (in_place, in_library) = (self.builder.create_block(), self.builder.create_block());
        let made = self.builder.create_block();
        self.builder.set_cold_block(in_library);
        let reference = self.builder.append_block_param(made, types::I32);
        let store = self.store_context();
        let flags = self.context_flags();
        let next = self.ins().load(types::I64, flags, store, HEAP_NEXT);
        let end = self.ins().load(types::I64, flags, store, HEAP_END);
        let after = self.ins().iadd(next, size_value);
        let full = self.ins().icmp(IntCC::UnsignedGreaterThan, after, end);
        self.ins().brif(full, in_library, &[], in_place, &[]);
        self.builder.seal_block(in_place);
        self.builder.seal_block(in_library);

        self.builder.switch_to_block(in_place);
        self.ins().store(flags, after, store, HEAP_NEXT);
        let base = self.heap_base();
        let address = self.ins().iadd(base, next);
        let heap_flags = self.heap_flags().with_aligned().with_notrap();
        // The header in one store: the id, and the word after it.
        let header = self.ins().uextend(types::I64, id);
        let header = self.ins().bor_imm_s(header, i64::from(word) << 32);
        self.ins().store(heap_flags, header, address, 0);
        let own = self.ins().ireduce(types::I32, next);
        self.ins().jump(made, &[own.into()]);

        self.builder.switch_to_block(in_library);
        let answer = self.allocate_in_library(id, word_value, size_value);
        self.ins().jump(made, &[answer.into()]);
        self.builder.seal_block(made);
        self.builder.switch_to_block(made);
        self.trace(reference, OBJECT);
        reference
    }

    /// Emits a library call that allocates an object whose fields are zero. Returns the reference.
    fn allocate_in_library(&mut self, id: Value, word: Value, size: Value) -> Value {
        let answer = self.call_builtin(Builtin::GcAlloc, &[id, word, size]);
        self.object_of(answer)
    }

    /// Converts the result of a library call to a reference.
    fn object_of(&mut self, answer: Value) -> Value {
        let reference = self.ins().ireduce(types::I32, answer);
        self.trace(reference, OBJECT);
        reference
    }
}
